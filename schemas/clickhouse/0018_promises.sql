-- What the desk promised its customers, and until when. Rows of before say nothing of that: nothing was promised in them.
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `promises.id` Array(String)
    COMMENT 'Unique in its source' AFTER `repurchases.currency`;
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `promises.kind` Array(LowCardinality(String))
    COMMENT 'call_back, repair, delivery, answer, refund, other' AFTER `promises.id`;
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `promises.made_by` Array(String)
    COMMENT 'Empty where nobody says who made it' AFTER `promises.kind`;
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `promises.made_at` Array(DateTime64(3, 'UTC')) AFTER `promises.made_by`;
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `promises.due_at` Array(DateTime64(3, 'UTC'))
    COMMENT 'When it falls due, or did: nothing said afterwards moves that' AFTER `promises.made_at`;
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `promises.kept_at` Array(Nullable(DateTime64(3, 'UTC')))
    COMMENT 'Null while it is not' AFTER `promises.due_at`;
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `promises.withdrawn_at` Array(Nullable(DateTime64(3, 'UTC')))
    COMMENT 'Given up by the customer before it was done' AFTER `promises.kept_at`;
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `promises.moved` Array(UInt32)
    COMMENT 'Times before it fell due' AFTER `promises.withdrawn_at`;
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `promises.moved_late` Array(UInt32)
    COMMENT 'Times afterwards' AFTER `promises.moved`;

ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS `promises.kind` Array(LowCardinality(String)) AFTER `ratings.scale_max`;
ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS `promises.made_by` Array(String) AFTER `promises.kind`;
ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS `promises.made_at` Array(DateTime64(3, 'UTC')) AFTER `promises.made_by`;
ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS `promises.due_at` Array(DateTime64(3, 'UTC')) AFTER `promises.made_at`;
ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS `promises.kept_at` Array(Nullable(DateTime64(3, 'UTC'))) AFTER `promises.due_at`;
ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS `promises.withdrawn_at` Array(Nullable(DateTime64(3, 'UTC'))) AFTER `promises.kept_at`;
ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS `promises.moved` Array(UInt32) AFTER `promises.withdrawn_at`;
ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS `promises.moved_late` Array(UInt32) AFTER `promises.moved`;

CREATE MATERIALIZED VIEW IF NOT EXISTS ticket_days_with_promises TO ticket_days AS
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
    ) AS ratings_of_day,
    arrayFilter((place, made_at) -> toDate(made_at) = day, arrayEnumerate(promises.made_at), promises.made_at) AS promises_of_day
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
    arrayMap(place -> ratings.scale_max[place], ratings_of_day) AS `ratings.scale_max`,
    arrayMap(place -> promises.kind[place], promises_of_day) AS `promises.kind`,
    arrayMap(place -> promises.made_by[place], promises_of_day) AS `promises.made_by`,
    arrayMap(place -> promises.made_at[place], promises_of_day) AS `promises.made_at`,
    arrayMap(place -> promises.due_at[place], promises_of_day) AS `promises.due_at`,
    arrayMap(place -> promises.kept_at[place], promises_of_day) AS `promises.kept_at`,
    arrayMap(place -> promises.withdrawn_at[place], promises_of_day) AS `promises.withdrawn_at`,
    arrayMap(place -> promises.moved[place], promises_of_day) AS `promises.moved`,
    arrayMap(place -> promises.moved_late[place], promises_of_day) AS `promises.moved_late`
FROM tickets
ARRAY JOIN days AS day;

DROP VIEW IF EXISTS ticket_days_as_stated;
