-- What an order brings in, where it went, and who sent the customer. Rows of before are said again from the events.
ALTER TABLE orders ADD COLUMN IF NOT EXISTS margin Nullable(Int64) COMMENT 'Minor units; null where nobody says';

ALTER TABLE orders ADD COLUMN IF NOT EXISTS region LowCardinality(String);

ALTER TABLE orders ADD COLUMN IF NOT EXISTS referred_by String COMMENT 'The customer who sent this one';

CREATE MATERIALIZED VIEW IF NOT EXISTS orders_with_margins TO orders AS
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
    JSONExtractString(raw, 'data', 'product_line') AS product_line,
    JSONExtract(raw, 'data', 'margin', 'Nullable(Int64)') AS margin,
    JSONExtractString(raw, 'data', 'region') AS region,
    JSONExtractString(raw, 'data', 'referred_by') AS referred_by
FROM events
WHERE name IN ('order.placed', 'order.cancelled');

DROP VIEW IF EXISTS orders_from_events;

INSERT INTO orders
SELECT
    JSONExtractString(raw, 'data', 'customer_id') AS customer_id,
    JSONExtractString(raw, 'data', 'order_id') AS order_id,
    name,
    source,
    id,
    at,
    if(NOT JSONHas(raw, 'data', 'kind'), 'normal', JSONExtractString(raw, 'data', 'kind')) AS kind,
    JSONExtractInt(raw, 'data', 'amount') AS amount,
    JSONExtractString(raw, 'data', 'currency') AS currency,
    JSONExtractString(raw, 'data', 'product_line') AS product_line,
    JSONExtract(raw, 'data', 'margin', 'Nullable(Int64)') AS margin,
    JSONExtractString(raw, 'data', 'region') AS region,
    JSONExtractString(raw, 'data', 'referred_by') AS referred_by
FROM events
WHERE name = 'order.placed'
    AND (JSONHas(raw, 'data', 'margin') OR JSONHas(raw, 'data', 'region') OR JSONHas(raw, 'data', 'referred_by'));

-- What was asked for to make up for a fault, and what was given or refused.
CREATE TABLE IF NOT EXISTS compensation_events
(
    ticket_id       String,
    compensation_id String,
    source          LowCardinality(String),
    id              String,
    name            LowCardinality(String) COMMENT 'compensation.requested, compensation.granted, compensation.denied',
    at              DateTime64(3, 'UTC'),
    sequence        Int64,
    amount          Nullable(Int64) COMMENT 'Minor units',
    currency        LowCardinality(String),
    cap             Nullable(Int64) COMMENT 'As much as could be given without asking somebody else',
    because         LowCardinality(String) COMMENT 'Of a refusal: cap, policy, other'
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (ticket_id, compensation_id, source, id, name)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS compensation_events_from_events TO compensation_events AS
SELECT
    subject AS ticket_id,
    JSONExtractString(raw, 'data', 'compensation_id') AS compensation_id,
    source,
    id,
    name,
    at,
    sequence,
    JSONExtract(raw, 'data', 'amount', 'Nullable(Int64)') AS amount,
    JSONExtractString(raw, 'data', 'currency') AS currency,
    JSONExtract(raw, 'data', 'cap', 'Nullable(Int64)') AS cap,
    JSONExtractString(raw, 'data', 'because') AS because
FROM events
WHERE name IN ('compensation.requested', 'compensation.granted', 'compensation.denied');

INSERT INTO compensation_events
SELECT
    subject AS ticket_id,
    JSONExtractString(raw, 'data', 'compensation_id') AS compensation_id,
    source,
    id,
    name,
    at,
    sequence,
    JSONExtract(raw, 'data', 'amount', 'Nullable(Int64)') AS amount,
    JSONExtractString(raw, 'data', 'currency') AS currency,
    JSONExtract(raw, 'data', 'cap', 'Nullable(Int64)') AS cap,
    JSONExtractString(raw, 'data', 'because') AS because
FROM events
WHERE name IN ('compensation.requested', 'compensation.granted', 'compensation.denied');

-- Goods that came back, and what that cost.
CREATE TABLE IF NOT EXISTS return_events
(
    customer_id String,
    return_id   String,
    source      LowCardinality(String),
    id          String,
    at          DateTime64(3, 'UTC'),
    sequence    Int64,
    order_id    String,
    ticket_id   String COMMENT 'The case that it came of; empty where nobody says',
    loss        Int64 COMMENT 'Minor units',
    currency    LowCardinality(String)
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (customer_id, return_id, source, id)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS return_events_from_events TO return_events AS
SELECT
    JSONExtractString(raw, 'data', 'customer_id') AS customer_id,
    JSONExtractString(raw, 'data', 'return_id') AS return_id,
    source,
    id,
    at,
    sequence,
    JSONExtractString(raw, 'data', 'order_id') AS order_id,
    JSONExtractString(raw, 'data', 'ticket_id') AS ticket_id,
    JSONExtractInt(raw, 'data', 'loss') AS loss,
    JSONExtractString(raw, 'data', 'currency') AS currency
FROM events
WHERE name = 'return.completed' AND JSONExtractString(raw, 'data', 'return_id') != '';

INSERT INTO return_events
SELECT
    JSONExtractString(raw, 'data', 'customer_id') AS customer_id,
    JSONExtractString(raw, 'data', 'return_id') AS return_id,
    source,
    id,
    at,
    sequence,
    JSONExtractString(raw, 'data', 'order_id') AS order_id,
    JSONExtractString(raw, 'data', 'ticket_id') AS ticket_id,
    JSONExtractInt(raw, 'data', 'loss') AS loss,
    JSONExtractString(raw, 'data', 'currency') AS currency
FROM events
WHERE name = 'return.completed' AND JSONExtractString(raw, 'data', 'return_id') != '';

-- Work on tickets, as those who did it clocked it.
CREATE TABLE IF NOT EXISTS work_events
(
    ticket_id String,
    source    LowCardinality(String),
    id        String,
    at        DateTime64(3, 'UTC'),
    seconds   Float64,
    agent_id  LowCardinality(String)
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (ticket_id, source, id)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS work_events_from_events TO work_events AS
SELECT
    subject AS ticket_id,
    source,
    id,
    at,
    JSONExtractFloat(raw, 'data', 'seconds') AS seconds,
    JSONExtractString(raw, 'data', 'agent_id') AS agent_id
FROM events
WHERE name = 'ticket.worked' AND JSONHas(raw, 'data', 'seconds');

INSERT INTO work_events
SELECT
    subject AS ticket_id,
    source,
    id,
    at,
    JSONExtractFloat(raw, 'data', 'seconds') AS seconds,
    JSONExtractString(raw, 'data', 'agent_id') AS agent_id
FROM events
WHERE name = 'ticket.worked' AND JSONHas(raw, 'data', 'seconds');

-- How the policy adds money up: in which currency, what an hour of work costs in it, and a unit of other currencies.
ALTER TABLE policies ADD COLUMN IF NOT EXISTS `versions.worth`
    Array(Tuple(currency String, cost_per_hour Int64, rates Array(Tuple(currency String, rate Float64))))
    DEFAULT arrayMap(at -> ('', 0, []), versions.in_force_at)
    COMMENT 'Without a currency money is not added up' AFTER `versions.reason_share`;
