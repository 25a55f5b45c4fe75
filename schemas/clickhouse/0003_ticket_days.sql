-- What metrics are computed from: one row for each ticket and day on which anything of it happened, in the order of time.
-- ClickHouse fills it from `tickets` by itself. A ticket that changes states all of its days again, so that a correction
-- reaches the day that it corrects; a row that lost its observations stays, empty, and outdates what stood there before.
-- An element of an array stands in the row of each day that one of its instants falls on.
-- Tickets that were stored before have no days yet: `servicepulse refold` states them anew.
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `open.since` Array(DateTime64(3, 'UTC'))
    COMMENT 'When it became neither resolved nor closed' AFTER `cycles.resolved_at`;

ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `open.until` Array(Nullable(DateTime64(3, 'UTC')))
    COMMENT 'When that ended; null while it goes on' AFTER `open.since`;

ALTER TABLE tickets ADD COLUMN IF NOT EXISTS days Array(Date)
    COMMENT 'Days, in UTC, of everything that was ever said of it' AFTER last_event_at;

CREATE TABLE IF NOT EXISTS ticket_days
(
    day                   Date COMMENT 'In UTC',
    ticket_id             String,
    version               UInt64 COMMENT 'That of the ticket',
    is_effective          Bool COMMENT 'Counts in metrics',
    team                  LowCardinality(String),
    agent_id              LowCardinality(String),
    channel               LowCardinality(String),
    product_line          LowCardinality(String),
    reason                LowCardinality(String),
    contact_type          LowCardinality(String),
    priority              LowCardinality(String),
    region                LowCardinality(String),
    strategy              LowCardinality(String),
    customer_id           String,
    after_sales           Bool,
    created_at            DateTime64(3, 'UTC'),
    first_resolved_at     Nullable(DateTime64(3, 'UTC')),
    first_bot_response_at Nullable(DateTime64(3, 'UTC')),
    open_until            DateTime64(3, 'UTC') COMMENT 'When the last span of `open` and of `waits.open` ends; 1970 without any',
    `waits.started_at`    Array(DateTime64(3, 'UTC')),
    `waits.answered_at`   Array(Nullable(DateTime64(3, 'UTC'))),
    `waits.is_first`      Array(Bool) COMMENT 'The first of a ticket that no agent opened',
    `waits.open`          Array(Array(Tuple(DateTime64(3, 'UTC'), DateTime64(3, 'UTC')))) COMMENT 'From, until: while the ticket was neither resolved nor closed',
    `cycles.started_at`   Array(DateTime64(3, 'UTC')),
    `cycles.resolved_at`  Array(Nullable(DateTime64(3, 'UTC'))),
    `cycles.is_first`     Array(Bool),
    `cycles.is_reopened`  Array(Bool) COMMENT 'Another cycle followed',
    `open.since`          Array(DateTime64(3, 'UTC')) COMMENT 'While it was neither resolved nor closed; stands in the row of this day',
    `open.until`          Array(DateTime64(3, 'UTC')) COMMENT '2200 while it goes on',
    `surveys.offered_at`  Array(DateTime64(3, 'UTC')),
    `surveys.is_answered` Array(Bool) COMMENT 'By a valid rating of the customer',
    `ratings.rated_at`    Array(DateTime64(3, 'UTC')) COMMENT 'Valid ratings only',
    `ratings.solved_at`   Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'The resolution that it judges: the last one before it, else the first one after it',
    `ratings.score`       Array(Float64) COMMENT '0 to 100',
    `ratings.source`      Array(LowCardinality(String)),
    INDEX open_range open_until TYPE minmax GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY (day, ticket_id)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS ticket_days_from_tickets TO ticket_days AS
WITH
    toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS never,
    arrayMap((since, until) -> (since, ifNull(until, never)), open.since, open.until) AS spans,
    arrayMap(
        (started_at, answered_at) -> arrayFilter(
            span -> span.1 < span.2,
            arrayMap(span -> (greatest(started_at, span.1), least(ifNull(answered_at, never), span.2)), spans)
        ),
        waits.started_at,
        waits.answered_at
    ) AS waits_open,
    arrayFilter(
        wait -> has([toDate(wait.1), toDate(ifNull(wait.2, wait.1))], day),
        arrayMap(
            (started_at, answered_at, number, open) -> (started_at, answered_at, number = 1 AND created_by != 'agent', open),
            waits.started_at,
            waits.answered_at,
            arrayEnumerate(waits.started_at),
            waits_open
        )
    ) AS waits_of_day,
    arrayFilter(
        cycle -> has([toDate(cycle.1), toDate(ifNull(cycle.2, cycle.1))], day),
        arrayMap(
            (started_at, resolved_at, number) -> (started_at, resolved_at, number = 1, number < length(cycles.started_at)),
            cycles.started_at,
            cycles.resolved_at,
            arrayEnumerate(cycles.started_at)
        )
    ) AS cycles_of_day,
    arrayFilter(span -> toDate(span.1) = day, spans) AS open_of_day,
    arrayFilter(
        survey -> toDate(survey.1) = day,
        arrayMap(
            (offered_at, survey_id) -> (
                offered_at,
                arrayExists(
                    (id, source, is_valid) -> id = survey_id AND source = 'customer' AND is_valid,
                    ratings.survey_id,
                    ratings.source,
                    ratings.is_valid
                )
            ),
            surveys.offered_at,
            surveys.id
        )
    ) AS surveys_of_day,
    arrayFilter(resolved_at -> resolved_at IS NOT NULL, cycles.resolved_at) AS resolutions,
    arrayFilter(
        rating -> rating.5 AND has([toDate(rating.1), toDate(ifNull(rating.2, rating.1)), toDate(created_at)], day),
        arrayMap(
            (rated_at, score, source, is_valid) -> (
                rated_at,
                coalesce(
                    arrayLast(resolved_at -> resolved_at <= rated_at, resolutions),
                    arrayFirst(resolved_at -> resolved_at > rated_at, resolutions)
                ),
                score,
                source,
                is_valid
            ),
            ratings.rated_at,
            ratings.score,
            ratings.source,
            ratings.is_valid
        )
    ) AS ratings_of_day
SELECT
    day,
    ticket_id,
    version,
    is_effective,
    team,
    agent_id,
    channel,
    product_line,
    reason,
    contact_type,
    priority,
    region,
    strategy,
    customer_id,
    after_sales,
    created_at,
    first_resolved_at,
    first_bot_response_at,
    arrayMax(arrayConcat(
        [toDateTime64(0, 3, 'UTC')],
        arrayMap(span -> span.2, open_of_day),
        arrayMap(span -> span.2, arrayFlatten(arrayMap(wait -> wait.4, waits_of_day)))
    )) AS open_until,
    arrayMap(wait -> wait.1, waits_of_day) AS `waits.started_at`,
    arrayMap(wait -> wait.2, waits_of_day) AS `waits.answered_at`,
    arrayMap(wait -> wait.3, waits_of_day) AS `waits.is_first`,
    arrayMap(wait -> wait.4, waits_of_day) AS `waits.open`,
    arrayMap(cycle -> cycle.1, cycles_of_day) AS `cycles.started_at`,
    arrayMap(cycle -> cycle.2, cycles_of_day) AS `cycles.resolved_at`,
    arrayMap(cycle -> cycle.3, cycles_of_day) AS `cycles.is_first`,
    arrayMap(cycle -> cycle.4, cycles_of_day) AS `cycles.is_reopened`,
    arrayMap(span -> span.1, open_of_day) AS `open.since`,
    arrayMap(span -> span.2, open_of_day) AS `open.until`,
    arrayMap(survey -> survey.1, surveys_of_day) AS `surveys.offered_at`,
    arrayMap(survey -> survey.2, surveys_of_day) AS `surveys.is_answered`,
    arrayMap(rating -> rating.1, ratings_of_day) AS `ratings.rated_at`,
    arrayMap(rating -> rating.2, ratings_of_day) AS `ratings.solved_at`,
    arrayMap(rating -> rating.3, ratings_of_day) AS `ratings.score`,
    arrayMap(rating -> rating.4, ratings_of_day) AS `ratings.source`
FROM tickets
ARRAY JOIN days AS day;
