-- Which answers were written from a template, by their day; what cases were settled with, and who had looked at them.
CREATE TABLE IF NOT EXISTS templated_messages
(
    day         Date,
    ticket_id   String,
    source      LowCardinality(String),
    id          String,
    at          DateTime64(3, 'UTC'),
    template_id String COMMENT 'What a person wrote it from, for the customer to see'
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (day, ticket_id, source, id)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS templated_messages_from_events TO templated_messages AS
SELECT
    toDate(at) AS day,
    subject AS ticket_id,
    source,
    id,
    at,
    JSONExtractString(raw, 'data', 'template_id') AS template_id
FROM events
WHERE name = 'message.sent'
    AND JSONExtractString(raw, 'data', 'template_id') != ''
    AND JSONExtractString(raw, 'data', 'sender_type') = 'agent'
    AND JSONExtractString(raw, 'data', 'direction') = 'out'
    AND JSONExtractString(raw, 'data', 'visibility') = 'public';

INSERT INTO templated_messages
SELECT
    toDate(at) AS day,
    subject AS ticket_id,
    source,
    id,
    at,
    JSONExtractString(raw, 'data', 'template_id') AS template_id
FROM events
WHERE name = 'message.sent'
    AND JSONExtractString(raw, 'data', 'template_id') != ''
    AND JSONExtractString(raw, 'data', 'sender_type') = 'agent'
    AND JSONExtractString(raw, 'data', 'direction') = 'out'
    AND JSONExtractString(raw, 'data', 'visibility') = 'public';

-- What is said beside a ticket of how it was handled.
CREATE TABLE IF NOT EXISTS handling_events
(
    ticket_id String,
    source    LowCardinality(String),
    id        String,
    name      LowCardinality(String) COMMENT 'ticket.outcome_set, context.viewed',
    at        DateTime64(3, 'UTC'),
    sequence  Int64,
    agent_id  LowCardinality(String) COMMENT 'Who opened what is known of the case',
    requested LowCardinality(String) COMMENT 'What the customer wanted',
    granted   LowCardinality(String) COMMENT 'What it was settled with'
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (ticket_id, source, id, name)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS handling_events_from_events TO handling_events AS
SELECT
    subject AS ticket_id,
    source,
    id,
    name,
    at,
    sequence,
    JSONExtractString(raw, 'data', 'agent_id') AS agent_id,
    JSONExtractString(raw, 'data', 'requested') AS requested,
    JSONExtractString(raw, 'data', 'granted') AS granted
FROM events
WHERE name IN ('ticket.outcome_set', 'context.viewed');

INSERT INTO handling_events
SELECT
    subject AS ticket_id,
    source,
    id,
    name,
    at,
    sequence,
    JSONExtractString(raw, 'data', 'agent_id') AS agent_id,
    JSONExtractString(raw, 'data', 'requested') AS requested,
    JSONExtractString(raw, 'data', 'granted') AS granted
FROM events
WHERE name IN ('ticket.outcome_set', 'context.viewed');
