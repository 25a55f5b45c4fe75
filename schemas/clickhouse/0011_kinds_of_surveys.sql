-- What a rating judges: satisfaction, recommendation (NPS) or effort (CES), and on which scale.
-- Rows of before, and of workers of the release before that write meanwhile, know of satisfaction alone; their scale is
-- not known, and reads 0 to 0. `servicepulse refold` states them anew.
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `ratings.kind` Array(LowCardinality(String))
    DEFAULT arrayMap(id -> 'csat', ratings.id)
    COMMENT 'csat, nps, ces, other: its own word, else that of the survey' AFTER `ratings.is_replayed`;

ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `ratings.scale_min` Array(Float64)
    DEFAULT arrayMap(id -> 0, ratings.id) AFTER `ratings.kind`;

ALTER TABLE tickets ADD COLUMN IF NOT EXISTS `ratings.scale_max` Array(Float64)
    DEFAULT arrayMap(id -> 0, ratings.id) AFTER `ratings.scale_min`;

ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS `ratings.kind` Array(LowCardinality(String))
    DEFAULT arrayMap(score -> 'csat', ratings.score) AFTER `ratings.source`;

ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS `ratings.scale_min` Array(Float64)
    DEFAULT arrayMap(score -> 0, ratings.score) AFTER `ratings.kind`;

ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS `ratings.scale_max` Array(Float64)
    DEFAULT arrayMap(score -> 0, ratings.score) AFTER `ratings.scale_min`;

ALTER TABLE ticket_ratings ADD COLUMN IF NOT EXISTS `ratings.kind` Array(LowCardinality(String))
    DEFAULT arrayMap(id -> 'csat', ratings.id) AFTER `ratings.team`;

CREATE MATERIALIZED VIEW IF NOT EXISTS ticket_days_of_tickets_by_kind TO ticket_days AS
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
            (rated_at, score, source, is_valid, kind, scale_min, scale_max) -> (
                rated_at,
                coalesce(
                    arrayLast(resolved_at -> resolved_at <= rated_at, resolutions),
                    arrayFirst(resolved_at -> resolved_at > rated_at, resolutions)
                ),
                score,
                source,
                is_valid,
                kind,
                scale_min,
                scale_max
            ),
            ratings.rated_at,
            ratings.score,
            ratings.source,
            ratings.is_valid,
            ratings.kind,
            ratings.scale_min,
            ratings.scale_max
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
    arrayMap(rating -> rating.4, ratings_of_day) AS `ratings.source`,
    arrayMap(rating -> rating.6, ratings_of_day) AS `ratings.kind`,
    arrayMap(rating -> rating.7, ratings_of_day) AS `ratings.scale_min`,
    arrayMap(rating -> rating.8, ratings_of_day) AS `ratings.scale_max`
FROM tickets
ARRAY JOIN days AS day;

CREATE MATERIALIZED VIEW IF NOT EXISTS ticket_ratings_of_tickets_by_kind TO ticket_ratings AS
WITH
    arrayFilter(resolved_at -> resolved_at IS NOT NULL, cycles.resolved_at) AS resolutions,
    arrayFilter(
        rating -> rating.6,
        arrayMap(
            (id, rated_at, score, source, is_replayed, is_valid, kind) -> (
                id,
                rated_at,
                score,
                source,
                is_replayed,
                is_valid,
                coalesce(
                    arrayLast(resolved_at -> resolved_at <= rated_at, resolutions),
                    arrayFirst(resolved_at -> resolved_at > rated_at, resolutions)
                ),
                charges.team[greatest(1, arrayLastIndex(
                    since -> since <= ifNull(arrayLast(resolved_at -> resolved_at <= rated_at, resolutions), rated_at),
                    charges.since
                ))],
                kind
            ),
            ratings.id,
            ratings.rated_at,
            ratings.score,
            ratings.source,
            ratings.is_replayed,
            ratings.is_valid,
            ratings.kind
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
    arrayMap(rating -> rating.8, valid) AS `ratings.team`,
    arrayMap(rating -> rating.9, valid) AS `ratings.kind`,
    now64(3, 'UTC') AS stored_at
FROM tickets;

DROP VIEW IF EXISTS ticket_days_of_rows;

DROP VIEW IF EXISTS ticket_ratings_of_ticket_rows;
