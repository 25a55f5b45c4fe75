-- Ids are unique in their source: which survey a rating answers is said by the fold, which knows both sources.
-- Rows of before, and of workers of the release before that write meanwhile, are matched by the id alone, as they were.
-- Which order a case is about stands beside it: that one is no repurchase. Rows of before name none until `refold`.
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `surveys.is_answered` Array(Bool)
    COMMENT 'By a valid rating of the customer' AFTER `surveys.offered_at`;

ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS order_id String
    COMMENT 'The order that it is about' AFTER customer_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS ticket_days_of_rows TO ticket_days AS
WITH
    toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS never,
    arrayMap((since, until) -> (since, ifNull(until, never)), open.since, open.until) AS spans,
    if(
        notEmpty(waits_open),
        waits_open,
        arrayMap(
            (started_at, answered_at, stopped_at) -> arrayFilter(
                span -> span.1 < span.2,
                arrayMap(
                    span -> (greatest(started_at, span.1), least(coalesce(stopped_at, answered_at, never), span.2)),
                    if(empty(waits_open), spans, [])
                )
            ),
            waits.started_at,
            waits.answered_at,
            waits.stopped_at
        )
    ) AS times_open,
    if(
        bitShiftRight(version, 48) >= 3,
        waits.stopped_at,
        arrayMap(
            (started_at, answered_at, times) -> multiIf(
                started_at = ifNull(answered_at, never), NULL,
                empty(times), toNullable(started_at),
                times[-1].2 < ifNull(answered_at, never), toNullable(times[-1].2),
                NULL
            ),
            waits.started_at,
            waits.answered_at,
            times_open
        )
    ) AS stops,
    arrayFirstIndex(answered_at -> answered_at IS NOT NULL, waits.answered_at) AS first_answered,
    arrayFirstIndex(stopped_at -> stopped_at IS NULL, stops) AS first_lasting,
    arrayMap(
        (started_at, answered_at, stopped_at) -> (started_at, ifNull(stopped_at, never), ifNull(answered_at, never)),
        waits.started_at,
        waits.answered_at,
        stops
    ) AS ends,
    arrayMap(
        number -> created_by != 'agent' AND number <= 8 AND (first_lasting = 0 OR number <= first_lasting),
        arrayEnumerate(waits.started_at)
    ) AS can_be_first,
    arrayFilter(
        wait -> has([toDate(wait.1), toDate(ifNull(wait.2, wait.1))], day),
        arrayMap(
            (started_at, answered_at, number, times, stopped_at, sender_id, can_decide) -> (
                started_at,
                answered_at,
                created_by != 'agent' AND (first_answered = 0 OR number <= first_answered),
                times,
                stopped_at,
                sender_id,
                can_decide,
                if(can_decide, arraySlice(ends, 1, number - 1), [])
            ),
            waits.started_at,
            waits.answered_at,
            arrayEnumerate(waits.started_at),
            times_open,
            stops,
            waits.sender_id,
            can_be_first
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
            (offered_at, survey_id, is_answered) -> (
                offered_at,
                if(
                    bitShiftRight(version, 48) >= 4,
                    is_answered,
                    arrayExists(
                        (id, source, is_valid) -> id = survey_id AND source = 'customer' AND is_valid,
                        ratings.survey_id,
                        ratings.source,
                        ratings.is_valid
                    )
                )
            ),
            surveys.offered_at,
            surveys.id,
            surveys.is_answered
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
        arrayMap(span -> span.2, open_of_day),
        arrayMap(span -> span.2, arrayFlatten(arrayMap(wait -> wait.4, waits_of_day)))
    )) AS open_until,
    arrayMap(wait -> wait.1, waits_of_day) AS `waits.started_at`,
    arrayMap(wait -> wait.2, waits_of_day) AS `waits.answered_at`,
    arrayMap(wait -> wait.3, waits_of_day) AS `waits.is_first`,
    arrayMap(wait -> wait.4, waits_of_day) AS `waits.open`,
    arrayMap(wait -> wait.5, waits_of_day) AS `waits.stopped_at`,
    arrayMap(wait -> wait.6, waits_of_day) AS `waits.sender_id`,
    arrayMap(wait -> wait.7, waits_of_day) AS `waits.can_decide`,
    arrayMap(wait -> wait.8, waits_of_day) AS `waits.before`,
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

DROP VIEW IF EXISTS ticket_days_of_ticket_rows;
