-- Events in the order of time: when each happened and was stored, without what it says. The log of record lies in the
-- order of tickets, so that a question about an hour would read all of it.
CREATE TABLE IF NOT EXISTS event_times
(
    replay      Bool,
    source      LowCardinality(String),
    at          DateTime64(3, 'UTC') COMMENT 'When it happened' CODEC(Delta, ZSTD(1)),
    identity    UInt64 COMMENT 'Hash of subject, source, id and name: an event that is stored again stays one row',
    name        LowCardinality(String),
    ingested_at DateTime64(3, 'UTC') COMMENT 'When a worker stored it' CODEC(Delta, ZSTD(1)),
    INDEX ingested_range ingested_at TYPE minmax GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (replay, source, at, identity)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS event_times_from_events TO event_times AS
SELECT replay, source, at, sipHash64(subject, source, id, name) AS identity, name, ingested_at
FROM events;

-- Events that were stored before this table was there.
INSERT INTO event_times
SELECT replay, source, at, sipHash64(subject, source, id, name), name, ingested_at
FROM events;

-- When the watch last judged; one row, the newest counts (read with FINAL).
CREATE TABLE IF NOT EXISTS looks
(
    watch     LowCardinality(String) COMMENT 'signals',
    looked_at DateTime64(3, 'UTC') COMMENT 'By the clock of the worker',
    seconds   Float64 COMMENT 'How long it took',
    teams     UInt32 COMMENT 'Under watch',
    left_out  UInt32 COMMENT 'Teams that were left out because they are too many: those with the fewest ratings'
)
ENGINE = ${replicated}ReplacingMergeTree(looked_at)
ORDER BY watch;
