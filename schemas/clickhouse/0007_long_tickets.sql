-- A ticket of any length costs so much and no more. The view of 0003 lays each wait beside each span during which the
-- ticket was open: 8,640 cycles, a mail loop of a day, needed more than 2.8 GiB. Of such tickets a worker says itself
-- while which of these their waits were open, in one pass; what the view says is the same. A row names so many waits,
-- cycles, ratings and so on at most, and says when it left some out.
-- A worker of the release before may write meanwhile: its rows bear no `waits_open`, and for a moment both views fill the
-- table, with the same rows.
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS is_truncated Bool
    COMMENT 'Its arrays name only the first of its waits, cycles, ratings and so on, and the last one' AFTER events;

ALTER TABLE tickets ADD COLUMN IF NOT EXISTS waits_open Array(Array(Tuple(DateTime64(3, 'UTC'), DateTime64(3, 'UTC'))))
    COMMENT 'Of a ticket with many waits: from, until, while it was neither resolved nor closed; else empty' AFTER `waits.answered_at`;

CREATE MATERIALIZED VIEW IF NOT EXISTS ticket_days_of_tickets TO ticket_days AS
WITH
    toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS never,
    arrayMap((since, until) -> (since, ifNull(until, never)), open.since, open.until) AS spans,
    if(
        notEmpty(waits_open),
        waits_open,
        arrayMap(
            (started_at, answered_at) -> arrayFilter(
                span -> span.1 < span.2,
                arrayMap(
                    span -> (greatest(started_at, span.1), least(ifNull(answered_at, never), span.2)),
                    if(empty(waits_open), spans, [])
                )
            ),
            waits.started_at,
            waits.answered_at
        )
    ) AS times_open,
    arrayFilter(
        wait -> has([toDate(wait.1), toDate(ifNull(wait.2, wait.1))], day),
        arrayMap(
            (started_at, answered_at, number, open) -> (started_at, answered_at, number = 1 AND created_by != 'agent', open),
            waits.started_at,
            waits.answered_at,
            arrayEnumerate(waits.started_at),
            times_open
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

DROP VIEW IF EXISTS ticket_days_from_tickets;
