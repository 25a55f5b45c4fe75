-- What events say of orders, one row an event. ClickHouse fills it from `events` by itself.
-- An order counts when it was placed, is no replacement or exchange, and nothing cancelled it - in whatever order that came.
CREATE TABLE IF NOT EXISTS orders
(
    customer_id  String,
    order_id     String,
    name         LowCardinality(String) COMMENT 'order.placed or order.cancelled',
    source       LowCardinality(String),
    id           String,
    at           DateTime64(3, 'UTC') COMMENT 'When it was placed or cancelled',
    kind         LowCardinality(String) COMMENT 'normal, replacement, exchange, renewal, other',
    amount       Int64 COMMENT 'Minor units',
    currency     LowCardinality(String),
    product_line LowCardinality(String)
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (customer_id, order_id, name, source, id)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS orders_from_events TO orders AS
SELECT
    JSONExtractString(raw, 'data', 'customer_id') AS customer_id,
    JSONExtractString(raw, 'data', 'order_id') AS order_id,
    name,
    source,
    id,
    at,
    if(name = 'order.placed' AND NOT JSONHas(raw, 'data', 'kind'), 'normal', JSONExtractString(raw, 'data', 'kind')) AS kind,
    JSONExtractInt(raw, 'data', 'amount') AS amount,
    JSONExtractString(raw, 'data', 'currency') AS currency,
    JSONExtractString(raw, 'data', 'product_line') AS product_line
FROM events
WHERE name IN ('order.placed', 'order.cancelled');

-- Orders that were stored before this table was there.
INSERT INTO orders
SELECT
    JSONExtractString(raw, 'data', 'customer_id'),
    JSONExtractString(raw, 'data', 'order_id'),
    name,
    source,
    id,
    at,
    if(name = 'order.placed' AND NOT JSONHas(raw, 'data', 'kind'), 'normal', JSONExtractString(raw, 'data', 'kind')),
    JSONExtractInt(raw, 'data', 'amount'),
    JSONExtractString(raw, 'data', 'currency'),
    JSONExtractString(raw, 'data', 'product_line')
FROM events
WHERE name IN ('order.placed', 'order.cancelled');
