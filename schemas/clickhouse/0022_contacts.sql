-- Contacts before there is a ticket: who waited in a queue, was answered or gave up; and who helped themselves.
-- ClickHouse fills both tables from `events` by itself. Days come first: a queue has more events than a desk has tickets.
CREATE TABLE IF NOT EXISTS contact_events
(
    day         Date,
    contact_id  String,
    source      LowCardinality(String),
    id          String,
    name        LowCardinality(String) COMMENT 'contact.queued, contact.answered, contact.abandoned',
    at          DateTime64(3, 'UTC'),
    sequence    Int64,
    channel     LowCardinality(String),
    team        LowCardinality(String),
    priority    LowCardinality(String),
    customer_id String,
    agent_id    String,
    ticket_id   String
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (day, source, contact_id, id, name);

CREATE MATERIALIZED VIEW IF NOT EXISTS contact_events_from_events TO contact_events AS
SELECT
    toDate(at) AS day,
    JSONExtractString(raw, 'data', 'contact_id') AS contact_id,
    source,
    id,
    name,
    at,
    sequence,
    JSONExtractString(raw, 'data', 'channel') AS channel,
    JSONExtractString(raw, 'data', 'team') AS team,
    JSONExtractString(raw, 'data', 'priority') AS priority,
    JSONExtractString(raw, 'data', 'customer_id') AS customer_id,
    JSONExtractString(raw, 'data', 'agent_id') AS agent_id,
    JSONExtractString(raw, 'data', 'ticket_id') AS ticket_id
FROM events
WHERE name IN ('contact.queued', 'contact.answered', 'contact.abandoned')
    AND JSONExtractString(raw, 'data', 'contact_id') != '';

-- What was told before this table was there; while the names were only reserved an id may have been missing.
INSERT INTO contact_events
SELECT
    toDate(at) AS day,
    JSONExtractString(raw, 'data', 'contact_id') AS contact_id,
    source,
    id,
    name,
    at,
    sequence,
    JSONExtractString(raw, 'data', 'channel') AS channel,
    JSONExtractString(raw, 'data', 'team') AS team,
    JSONExtractString(raw, 'data', 'priority') AS priority,
    JSONExtractString(raw, 'data', 'customer_id') AS customer_id,
    JSONExtractString(raw, 'data', 'agent_id') AS agent_id,
    JSONExtractString(raw, 'data', 'ticket_id') AS ticket_id
FROM events
WHERE name IN ('contact.queued', 'contact.answered', 'contact.abandoned')
    AND JSONExtractString(raw, 'data', 'contact_id') != '';

CREATE TABLE IF NOT EXISTS selfservice_events
(
    day          Date,
    session_id   String,
    source       LowCardinality(String),
    id           String,
    at           DateTime64(3, 'UTC'),
    sequence     Int64,
    channel      LowCardinality(String),
    solved       Bool,
    customer_id  String,
    reason       LowCardinality(String),
    product_line LowCardinality(String)
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (day, source, session_id, id);

CREATE MATERIALIZED VIEW IF NOT EXISTS selfservice_events_from_events TO selfservice_events AS
SELECT
    toDate(at) AS day,
    JSONExtractString(raw, 'data', 'session_id') AS session_id,
    source,
    id,
    at,
    sequence,
    JSONExtractString(raw, 'data', 'channel') AS channel,
    JSONExtractBool(raw, 'data', 'solved') AS solved,
    JSONExtractString(raw, 'data', 'customer_id') AS customer_id,
    JSONExtractString(raw, 'data', 'reason') AS reason,
    JSONExtractString(raw, 'data', 'product_line') AS product_line
FROM events
WHERE name = 'selfservice.session' AND JSONExtractString(raw, 'data', 'session_id') != '';

INSERT INTO selfservice_events
SELECT
    toDate(at) AS day,
    JSONExtractString(raw, 'data', 'session_id') AS session_id,
    source,
    id,
    at,
    sequence,
    JSONExtractString(raw, 'data', 'channel') AS channel,
    JSONExtractBool(raw, 'data', 'solved') AS solved,
    JSONExtractString(raw, 'data', 'customer_id') AS customer_id,
    JSONExtractString(raw, 'data', 'reason') AS reason,
    JSONExtractString(raw, 'data', 'product_line') AS product_line
FROM events
WHERE name = 'selfservice.session' AND JSONExtractString(raw, 'data', 'session_id') != '';
