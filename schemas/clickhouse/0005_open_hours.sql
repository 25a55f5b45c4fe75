-- When desks are open: one row for each schedule, complete in itself; the newest statement counts (read with FINAL).
-- A worker computes it from the event alone, so that the zones of its machine decide and nothing here depends on order.
-- Of an instant t between in_force_at and known_until, with i the last place where open.since[i] <= t, it says how many
-- milliseconds were open since in_force_at: open.ms_before[i] + least(t, open.until[i]) - open.since[i].
CREATE TABLE IF NOT EXISTS open_hours
(
    schedule         String COMMENT 'The team, or default for the teams without a schedule of their own',
    version          UInt256 COMMENT 'The order of statements: time of the event, its sequence, hash of its identity',
    published_at     DateTime64(3, 'UTC') COMMENT 'Time of the event',
    versions         String COMMENT 'The hours as they were published, JSON' CODEC(ZSTD(3)),
    is_withdrawn     Bool COMMENT 'The schedule was taken back',
    in_force_at      DateTime64(3, 'UTC') COMMENT 'Before it nothing is known',
    known_until      DateTime64(3, 'UTC') COMMENT 'From then on nothing is known',
    `open.since`     Array(DateTime64(3, 'UTC')) COMMENT 'When it opens, in order; the first stands at in_force_at also when it is closed then' CODEC(Delta, ZSTD(1)),
    `open.until`     Array(DateTime64(3, 'UTC')) COMMENT 'When it closes' CODEC(Delta, ZSTD(1)),
    `open.ms_before` Array(Int64) COMMENT 'Milliseconds open before' CODEC(Delta, ZSTD(1)),
    ingested_at      DateTime64(3, 'UTC') COMMENT 'When a worker computed it'
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY schedule
SETTINGS index_granularity = 256;
