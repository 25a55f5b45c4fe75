-- Orders in the order of time: how many were placed, and by whom. Replacements and exchanges are no orders of their own.
CREATE TABLE IF NOT EXISTS order_days
(
    day          Date COMMENT 'In UTC',
    customer_id  String,
    order_id     String,
    source       LowCardinality(String),
    id           String,
    at           DateTime64(3, 'UTC') COMMENT 'When it was placed',
    product_line LowCardinality(String)
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (day, customer_id, order_id, source, id)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS order_days_from_orders TO order_days AS
SELECT toDate(at) AS day, customer_id, order_id, source, id, at, product_line
FROM orders
WHERE name = 'order.placed' AND kind NOT IN ('replacement', 'exchange');

-- Orders that were stored before this table was there.
INSERT INTO order_days
SELECT toDate(at), customer_id, order_id, source, id, at, product_line
FROM orders
WHERE name = 'order.placed' AND kind NOT IN ('replacement', 'exchange');
