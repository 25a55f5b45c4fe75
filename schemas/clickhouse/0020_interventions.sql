-- What was done for a team, about a reason, or for all. ClickHouse fills it from `events` by itself.
CREATE TABLE IF NOT EXISTS intervention_events
(
    intervention_id String,
    source          LowCardinality(String),
    id              String,
    at              DateTime64(3, 'UTC'),
    sequence        Int64,
    kind            LowCardinality(String) COMMENT 'training, notice, process, product, other',
    title           String,
    team            LowCardinality(String) COMMENT 'For which it was; empty for no team in particular',
    reason          LowCardinality(String) COMMENT 'About which it was; empty for none in particular'
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (intervention_id, source, id)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS intervention_events_from_events TO intervention_events AS
SELECT
    JSONExtractString(raw, 'data', 'intervention_id') AS intervention_id,
    source,
    id,
    at,
    sequence,
    JSONExtractString(raw, 'data', 'kind') AS kind,
    JSONExtractString(raw, 'data', 'title') AS title,
    JSONExtractString(raw, 'data', 'team') AS team,
    JSONExtractString(raw, 'data', 'reason') AS reason
FROM events
WHERE name = 'intervention.recorded' AND JSONExtractString(raw, 'data', 'intervention_id') != '';

-- What was recorded before this table was there; while the name was only reserved it may have lacked an id.
INSERT INTO intervention_events
SELECT
    JSONExtractString(raw, 'data', 'intervention_id') AS intervention_id,
    source,
    id,
    at,
    sequence,
    JSONExtractString(raw, 'data', 'kind') AS kind,
    JSONExtractString(raw, 'data', 'title') AS title,
    JSONExtractString(raw, 'data', 'team') AS team,
    JSONExtractString(raw, 'data', 'reason') AS reason
FROM events
WHERE name = 'intervention.recorded' AND JSONExtractString(raw, 'data', 'intervention_id') != '';

-- Interventions as they stand: the latest word on each.
CREATE VIEW IF NOT EXISTS interventions AS
SELECT
    intervention_id,
    argMax(at, place) AS at,
    argMax(kind, place) AS kind,
    argMax(title, place) AS title,
    argMax(team, place) AS team,
    argMax(reason, place) AS reason
FROM
(
    SELECT *, (at, sequence, id, source) AS place
    FROM intervention_events FINAL
    WHERE (source, id, intervention_id) NOT IN (SELECT target_source, target_id, subject FROM retracted)
)
GROUP BY intervention_id;
