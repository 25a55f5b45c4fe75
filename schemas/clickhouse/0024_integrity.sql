-- Who wrote a message, and from which template; what cases were settled with, and who had looked at them. Messages of
-- before are said again from the events.
ALTER TABLE messages_out ADD COLUMN IF NOT EXISTS sender_id String AFTER is_person;

ALTER TABLE messages_out ADD COLUMN IF NOT EXISTS template_id String
    COMMENT 'What it was written from; empty where nobody says' AFTER sender_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS messages_out_with_templates TO messages_out AS
SELECT
    subject AS ticket_id,
    source,
    id,
    at,
    JSONExtractString(raw, 'data', 'sender_type') = 'agent' AS is_person,
    JSONExtractString(raw, 'data', 'sender_id') AS sender_id,
    JSONExtractString(raw, 'data', 'template_id') AS template_id
FROM events
WHERE name = 'message.sent'
    AND JSONExtractString(raw, 'data', 'direction') = 'out'
    AND JSONExtractString(raw, 'data', 'visibility') = 'public';

DROP VIEW IF EXISTS messages_out_from_events;

INSERT INTO messages_out
SELECT
    subject AS ticket_id,
    source,
    id,
    at,
    JSONExtractString(raw, 'data', 'sender_type') = 'agent' AS is_person,
    JSONExtractString(raw, 'data', 'sender_id') AS sender_id,
    JSONExtractString(raw, 'data', 'template_id') AS template_id
FROM events
WHERE name = 'message.sent'
    AND JSONExtractString(raw, 'data', 'direction') = 'out'
    AND JSONExtractString(raw, 'data', 'visibility') = 'public'
    AND (JSONHas(raw, 'data', 'sender_id') OR JSONHas(raw, 'data', 'template_id'));

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
