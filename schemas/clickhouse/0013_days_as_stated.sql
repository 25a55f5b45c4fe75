-- What a day's row needs is worked out by the worker, once: the views only choose what belongs to a day. Analysed anew
-- with every insert, they had cost twice what the insert itself does.
-- Customers who write again while they wait, and the times in which a cycle waited for the customer or was on hold.
-- Rows of workers of the release before say none of this: what their columns lack is made up as the views did before.
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS customer_segment LowCardinality(String) AFTER region;

ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS customer_segment LowCardinality(String) AFTER region;

ALTER TABLE tickets MODIFY COLUMN `waits.stopped_at` Array(Nullable(DateTime64(3, 'UTC')))
    DEFAULT arrayMap(
        (started_at, answered_at, times) -> multiIf(
            started_at = ifNull(answered_at, toDateTime64('2200-01-01 00:00:00', 3, 'UTC')), NULL,
            empty(times), toNullable(started_at),
            times[-1].2 < ifNull(answered_at, toDateTime64('2200-01-01 00:00:00', 3, 'UTC')), toNullable(times[-1].2),
            NULL
        ),
        `waits.started_at`,
        `waits.answered_at`,
        if(
            notEmpty(waits_open),
            waits_open,
            arrayMap(
                (started_at, answered_at) -> arrayFilter(
                    span -> span.1 < span.2,
                    arrayMap(
                        (since, until) -> (greatest(started_at, since), least(coalesce(answered_at, toDateTime64('2200-01-01 00:00:00', 3, 'UTC')), ifNull(until, toDateTime64('2200-01-01 00:00:00', 3, 'UTC')))),
                        `open.since`,
                        `open.until`
                    )
                ),
                `waits.started_at`,
                `waits.answered_at`
            )
        )
    )
    COMMENT 'Since when the ticket was resolved or closed for good, as far as this wait goes: nobody waited after that; null while it is open';

ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `waits.asked_again` Array(Array(DateTime64(3, 'UTC')))
    DEFAULT arrayMap(started_at -> CAST([], 'Array(DateTime64(3, ''UTC''))'), `waits.started_at`)
    COMMENT 'When the customer wrote again meanwhile' AFTER `waits.sender_id`;

ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `waits.open` Array(Array(Tuple(DateTime64(3, 'UTC'), DateTime64(3, 'UTC'))))
    DEFAULT if(
        notEmpty(waits_open),
        waits_open,
        arrayMap(
            (started_at, answered_at, stopped_at) -> arrayFilter(
                span -> span.1 < span.2,
                arrayMap(
                    (since, until) -> (greatest(started_at, since), least(coalesce(stopped_at, answered_at, toDateTime64('2200-01-01 00:00:00', 3, 'UTC')), ifNull(until, toDateTime64('2200-01-01 00:00:00', 3, 'UTC')))),
                    `open.since`,
                    `open.until`
                )
            ),
            `waits.started_at`,
            `waits.answered_at`,
            `waits.stopped_at`
        )
    )
    COMMENT 'From, until: while the ticket was neither resolved nor closed' AFTER `waits.asked_again`;

ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `waits.is_first` Array(Bool)
    DEFAULT arrayMap(
        number -> created_by != 'agent'
            AND number <= arrayFirstIndex(
                answered_at -> answered_at IS NOT NULL, arrayPushBack(`waits.answered_at`, toNullable(toDateTime64('2200-01-01 00:00:00', 3, 'UTC')))
            ),
        arrayEnumerate(`waits.started_at`)
    )
    COMMENT 'No wait before it was answered, and no agent opened the ticket' AFTER `waits.open`;

ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `waits.can_decide` Array(Bool)
    DEFAULT arrayMap(
        number -> created_by != 'agent'
            AND number <= least(8, arrayFirstIndex(stopped_at -> stopped_at IS NULL, arrayPushBack(`waits.stopped_at`, NULL))),
        arrayEnumerate(`waits.started_at`)
    )
    COMMENT 'Unless one of those before it did, it decides whether the first response came in time' AFTER `waits.is_first`;

ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `waits.before` Array(Array(Tuple(DateTime64(3, 'UTC'), DateTime64(3, 'UTC'), DateTime64(3, 'UTC'))))
    DEFAULT arrayMap(
        (number, decides) -> arraySlice(
            arrayMap(
                (started_at, stopped_at, answered_at) -> (started_at, ifNull(stopped_at, toDateTime64('2200-01-01 00:00:00', 3, 'UTC')), ifNull(answered_at, toDateTime64('2200-01-01 00:00:00', 3, 'UTC'))),
                `waits.started_at`,
                `waits.stopped_at`,
                `waits.answered_at`
            ),
            1,
            if(decides, number - 1, 0)
        ),
        arrayEnumerate(`waits.started_at`),
        `waits.can_decide`
    )
    COMMENT 'Those before it, of one that can decide: begin, when the ticket was done, answer (2200 without)' AFTER `waits.can_decide`;

ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `cycles.awaits_customer` Array(Array(Tuple(DateTime64(3, 'UTC'), DateTime64(3, 'UTC'))))
    DEFAULT arrayMap(started_at -> CAST([], 'Array(Tuple(DateTime64(3, ''UTC''), DateTime64(3, ''UTC'')))'), `cycles.started_at`)
    COMMENT 'From, until: while the ticket waited for the customer' AFTER `cycles.resolved_at`;

ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `cycles.on_hold` Array(Array(Tuple(DateTime64(3, 'UTC'), DateTime64(3, 'UTC'))))
    DEFAULT arrayMap(started_at -> CAST([], 'Array(Tuple(DateTime64(3, ''UTC''), DateTime64(3, ''UTC'')))'), `cycles.started_at`)
    COMMENT 'From, until: while it waited for somebody else' AFTER `cycles.awaits_customer`;

ALTER TABLE tickets MODIFY COLUMN `surveys.is_answered` Array(Bool)
    DEFAULT arrayMap(
        survey_id -> arrayExists(
            (id, source, is_valid) -> id = survey_id AND source = 'customer' AND is_valid,
            `ratings.survey_id`,
            `ratings.source`,
            `ratings.is_valid`
        ),
        `surveys.id`
    )
    COMMENT 'By a valid rating of the customer';

ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `ratings.solved_at` Array(Nullable(DateTime64(3, 'UTC')))
    DEFAULT arrayMap(
        rated_at -> coalesce(
            arrayLast(resolved_at -> resolved_at <= rated_at, `cycles.resolved_at`),
            arrayFirst(resolved_at -> resolved_at > rated_at, `cycles.resolved_at`)
        ),
        `ratings.rated_at`
    )
    COMMENT 'The resolution that it judges: the last one before it, else the first one after it' AFTER `ratings.scale_max`;

ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `ratings.team` Array(LowCardinality(String))
    DEFAULT arrayMap(
        (rated_at, solved_at) -> `charges.team`[greatest(1, arrayLastIndex(
            since -> since <= if(ifNull(solved_at <= rated_at, false), assumeNotNull(solved_at), rated_at), `charges.since`
        ))],
        `ratings.rated_at`,
        `ratings.solved_at`
    )
    COMMENT 'In charge when the case was last resolved before the rating, else when it was given' AFTER `ratings.solved_at`;

ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS `waits.asked_again` Array(Array(DateTime64(3, 'UTC')))
    DEFAULT arrayMap(started_at -> CAST([], 'Array(DateTime64(3, ''UTC''))'), `waits.started_at`)
    COMMENT 'When the customer wrote again meanwhile' AFTER `waits.sender_id`;

ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS `cycles.awaits_customer` Array(Array(Tuple(DateTime64(3, 'UTC'), DateTime64(3, 'UTC'))))
    DEFAULT arrayMap(started_at -> CAST([], 'Array(Tuple(DateTime64(3, ''UTC''), DateTime64(3, ''UTC'')))'), `cycles.started_at`)
    COMMENT 'From, until: while the ticket waited for the customer' AFTER `cycles.is_reopened`;

ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS `cycles.on_hold` Array(Array(Tuple(DateTime64(3, 'UTC'), DateTime64(3, 'UTC'))))
    DEFAULT arrayMap(started_at -> CAST([], 'Array(Tuple(DateTime64(3, ''UTC''), DateTime64(3, ''UTC'')))'), `cycles.started_at`)
    COMMENT 'From, until: while it waited for somebody else' AFTER `cycles.awaits_customer`;

CREATE MATERIALIZED VIEW IF NOT EXISTS ticket_days_as_stated TO ticket_days AS
WITH
    arrayFilter(
        (place, started_at, answered_at, asked_again) -> has([toDate(started_at), toDate(ifNull(answered_at, started_at))], day)
            OR arrayExists(at -> toDate(at) = day, asked_again),
        arrayEnumerate(waits.started_at),
        waits.started_at,
        waits.answered_at,
        waits.asked_again
    ) AS waits_of_day,
    arrayFilter(
        (place, started_at, resolved_at) -> has([toDate(started_at), toDate(ifNull(resolved_at, started_at))], day),
        arrayEnumerate(cycles.started_at),
        cycles.started_at,
        cycles.resolved_at
    ) AS cycles_of_day,
    arrayFilter((place, since) -> toDate(since) = day, arrayEnumerate(open.since), open.since) AS open_of_day,
    arrayFilter(
        (place, offered_at) -> toDate(offered_at) = day, arrayEnumerate(surveys.offered_at), surveys.offered_at
    ) AS surveys_of_day,
    arrayFilter(
        (place, rated_at, solved_at, is_valid) -> is_valid
            AND has([toDate(rated_at), toDate(ifNull(solved_at, rated_at)), toDate(created_at)], day),
        arrayEnumerate(ratings.rated_at),
        ratings.rated_at,
        ratings.solved_at,
        ratings.is_valid
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
    customer_segment,
    strategy,
    customer_id,
    order_id,
    after_sales,
    created_at,
    first_resolved_at,
    first_bot_response_at,
    agent_messages > 0 AS is_answered,
    charges.since AS `charges.since`,
    charges.team AS `charges.team`,
    charges.agent_id AS `charges.agent_id`,
    arrayMax(arrayConcat(
        [toDateTime64(0, 3, 'UTC')],
        arrayMap(place -> ifNull(open.until[place], toDateTime64('2200-01-01 00:00:00', 3, 'UTC')), open_of_day),
        arrayMap(place -> arrayMax(span -> span.2, arrayPushBack(waits.open[place], (toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC')))), waits_of_day)
    )) AS open_until,
    arrayMap(place -> waits.started_at[place], waits_of_day) AS `waits.started_at`,
    arrayMap(place -> waits.answered_at[place], waits_of_day) AS `waits.answered_at`,
    arrayMap(place -> waits.is_first[place], waits_of_day) AS `waits.is_first`,
    arrayMap(place -> waits.open[place], waits_of_day) AS `waits.open`,
    arrayMap(place -> waits.stopped_at[place], waits_of_day) AS `waits.stopped_at`,
    arrayMap(place -> waits.sender_id[place], waits_of_day) AS `waits.sender_id`,
    arrayMap(place -> waits.asked_again[place], waits_of_day) AS `waits.asked_again`,
    arrayMap(place -> waits.can_decide[place], waits_of_day) AS `waits.can_decide`,
    arrayMap(place -> waits.before[place], waits_of_day) AS `waits.before`,
    arrayMap(place -> cycles.started_at[place], cycles_of_day) AS `cycles.started_at`,
    arrayMap(place -> cycles.resolved_at[place], cycles_of_day) AS `cycles.resolved_at`,
    arrayMap(place -> place = 1, cycles_of_day) AS `cycles.is_first`,
    arrayMap(place -> place < length(cycles.started_at), cycles_of_day) AS `cycles.is_reopened`,
    arrayMap(place -> cycles.awaits_customer[place], cycles_of_day) AS `cycles.awaits_customer`,
    arrayMap(place -> cycles.on_hold[place], cycles_of_day) AS `cycles.on_hold`,
    arrayMap(place -> open.since[place], open_of_day) AS `open.since`,
    arrayMap(place -> ifNull(open.until[place], toDateTime64('2200-01-01 00:00:00', 3, 'UTC')), open_of_day) AS `open.until`,
    arrayMap(place -> surveys.offered_at[place], surveys_of_day) AS `surveys.offered_at`,
    arrayMap(place -> surveys.is_answered[place], surveys_of_day) AS `surveys.is_answered`,
    arrayMap(place -> ratings.rated_at[place], ratings_of_day) AS `ratings.rated_at`,
    arrayMap(place -> ratings.solved_at[place], ratings_of_day) AS `ratings.solved_at`,
    arrayMap(place -> ratings.score[place], ratings_of_day) AS `ratings.score`,
    arrayMap(place -> ratings.source[place], ratings_of_day) AS `ratings.source`,
    arrayMap(place -> ratings.kind[place], ratings_of_day) AS `ratings.kind`,
    arrayMap(place -> ratings.scale_min[place], ratings_of_day) AS `ratings.scale_min`,
    arrayMap(place -> ratings.scale_max[place], ratings_of_day) AS `ratings.scale_max`
FROM tickets
ARRAY JOIN days AS day;

DROP VIEW IF EXISTS ticket_days_of_tickets_by_kind;
