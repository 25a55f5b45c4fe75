-- What `servicepulse alerts backtest --keep` found: what each budget of false pages would have paged, and how late it would
-- tell a fall. One row a segment and budget; the newest counts (read with FINAL), and of a segment those of its newest run.
CREATE TABLE IF NOT EXISTS backtests
(
    segment_kind        LowCardinality(String) COMMENT 'team or desk (all teams together)',
    segment             LowCardinality(String),
    false_pages         Float64 COMMENT 'The budget: in 90 days, of all segments together that share it',
    made_at             DateTime64(3, 'UTC') COMMENT 'The weeks end here',
    weeks               UInt8 COMMENT 'How many were looked at',
    is_chosen           Bool COMMENT 'The budget that was set, or asked for',
    accepted            Float64 COMMENT 'Pages of this segment in these weeks that the budget allows without any fall',
    ratings_per_day     Nullable(Float64) COMMENT 'Lately; NULL while the segment is learning, as is what follows',
    usual               Nullable(Float64) COMMENT 'Usual share of satisfied ratings, 0 to 1',
    mood_points         Nullable(Float64) COMMENT 'Standard deviation of days beyond chance, in percentage points',
    `pages.opened_at`   Array(DateTime64(3, 'UTC')),
    `pages.resolved_at` Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'NULL while it is open',
    `pages.told`        Array(String) COMMENT 'Value, n, what was usual and what found it',
    `pages.slices`      Array(String) COMMENT 'Where it came from; of the chosen budget alone',
    `pages.note`        Array(String) COMMENT 'Why it pages nobody; empty when it does',
    `falls.points`      Array(UInt8) COMMENT 'By how much satisfaction falls',
    `falls.hours`       Array(Nullable(Float64)) COMMENT 'Median until it is told; NULL when half of them are not within 30 days',
    `falls.missed`      Array(Float64) COMMENT 'The share that is not'
)
ENGINE = ${replicated}ReplacingMergeTree(made_at)
ORDER BY (segment_kind, segment, false_pages);
