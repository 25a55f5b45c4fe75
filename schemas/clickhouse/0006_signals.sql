-- What pages: ratings by ticket for the watch, and the signals that it finds.
-- Tickets that were stored before have no mark of replay: `servicepulse refold` states them anew.
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `ratings.is_replayed` Array(Bool)
    COMMENT 'It came as history that was filled in: it pages nobody' AFTER `ratings.is_valid`;

-- What the watch reads: one row a ticket, in the order of tickets; the highest version counts. ClickHouse fills it from
-- `tickets` by itself, and says by its own clock when, so that what is new can be asked for without comparing clocks.
CREATE TABLE IF NOT EXISTS ticket_ratings
(
    ticket_id              String,
    version                UInt64 COMMENT 'That of the ticket',
    is_effective           Bool COMMENT 'Counts in metrics',
    team                   LowCardinality(String),
    reason                 LowCardinality(String),
    product_line           LowCardinality(String),
    last_rated_at          DateTime64(3, 'UTC') COMMENT '1970 without any rating',
    `ratings.id`           Array(String) COMMENT 'Valid ratings only',
    `ratings.rated_at`     Array(DateTime64(3, 'UTC')),
    `ratings.solved_at`    Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'The resolution that it judges: the last one before it, else the first one after it',
    `ratings.score`        Array(Float64) COMMENT '0 to 100',
    `ratings.source`       Array(LowCardinality(String)),
    `ratings.is_replayed`  Array(Bool),
    stored_at              DateTime64(3, 'UTC') COMMENT 'When the server stored this row',
    INDEX stored_range stored_at TYPE minmax GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY ticket_id
SETTINGS index_granularity = 256;

CREATE MATERIALIZED VIEW IF NOT EXISTS ticket_ratings_from_tickets TO ticket_ratings AS
WITH
    arrayFilter(resolved_at -> resolved_at IS NOT NULL, cycles.resolved_at) AS resolutions,
    arrayFilter(
        rating -> rating.6,
        arrayMap(
            (id, rated_at, score, source, is_replayed, is_valid) -> (
                id,
                rated_at,
                score,
                source,
                is_replayed,
                is_valid,
                coalesce(
                    arrayLast(resolved_at -> resolved_at <= rated_at, resolutions),
                    arrayFirst(resolved_at -> resolved_at > rated_at, resolutions)
                )
            ),
            ratings.id,
            ratings.rated_at,
            ratings.score,
            ratings.source,
            ratings.is_replayed,
            ratings.is_valid
        )
    ) AS valid
SELECT
    ticket_id,
    version,
    is_effective,
    team,
    reason,
    product_line,
    arrayMax(arrayConcat([toDateTime64(0, 3, 'UTC')], arrayMap(rating -> rating.2, valid))) AS last_rated_at,
    arrayMap(rating -> rating.1, valid) AS `ratings.id`,
    arrayMap(rating -> rating.2, valid) AS `ratings.rated_at`,
    arrayMap(rating -> rating.7, valid) AS `ratings.solved_at`,
    arrayMap(rating -> rating.3, valid) AS `ratings.score`,
    arrayMap(rating -> rating.4, valid) AS `ratings.source`,
    arrayMap(rating -> rating.5, valid) AS `ratings.is_replayed`,
    now64(3, 'UTC') AS stored_at
FROM tickets;

-- One row a signal and version, complete in itself; the highest version counts (read with FINAL).
CREATE TABLE IF NOT EXISTS signals
(
    signal_id             String COMMENT 'Follows from kind, segment and begin',
    kind                  LowCardinality(String) COMMENT 'satisfaction_fell, survey_broken, source_silent',
    segment_kind          LowCardinality(String) COMMENT 'team, desk (all teams together) or source (of events)',
    segment               LowCardinality(String),
    version               UInt64 COMMENT 'When it was stated, in milliseconds since 1970',
    state                 LowCardinality(String) COMMENT 'open; resolved; withdrawn when later knowledge says that it never was',
    is_page               Bool COMMENT 'Somebody is to be told: not for replayed history, nor for a desk whose teams are told already',
    note                  String COMMENT 'Why nobody is told; else empty',
    opened_at             DateTime64(3, 'UTC'),
    seen_at               DateTime64(3, 'UTC') COMMENT 'Up to when it was looked at',
    resolved_at           Nullable(DateTime64(3, 'UTC')),
    since_at              DateTime64(3, 'UTC') COMMENT 'When what is wrong began, as far as the numbers tell',
    found_by              LowCardinality(String) COMMENT 'wilson, cusum or both; fisher; silence',
    n                     UInt32 COMMENT 'Ratings (surveys, usual events) behind value; of now while open, later those of the opening',
    value                 Nullable(Float64) COMMENT 'Share satisfied, or share of surveys answered',
    low                   Nullable(Float64) COMMENT 'Begin of its 95 % interval',
    high                  Nullable(Float64),
    baseline              Nullable(Float64) COMMENT 'What is usual',
    baseline_n            UInt32,
    `slices.reason`       Array(String) COMMENT 'What contributes most to the fall, at most three',
    `slices.product_line` Array(String),
    `slices.n`            Array(UInt32) COMMENT 'Ratings since the fall began',
    `slices.bad`          Array(UInt32) COMMENT 'Of them not satisfied',
    `slices.points`       Array(Float64) COMMENT 'Percentage points of the fall; all slices together make up all of it',
    ticket_ids            Array(String) COMMENT 'At most five to read first',
    clears                String COMMENT 'What would resolve it, one sentence',
    told                  Map(String, String) COMMENT 'Slices, tickets and so on in words, as it stood at the opening: they never change',
    link                  String COMMENT 'Where to look, a path of Grafana'
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY (kind, segment_kind, segment, signal_id)
SETTINGS index_granularity = 256;
