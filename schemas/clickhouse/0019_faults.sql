-- One fault behind many tickets: what is said of it, and which tickets are on it. Rows of before name no fault, and days
-- of before no asset until their ticket is stated again.
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS fault_id String
    COMMENT 'The fault that it is about, by the desk''s own word' AFTER asset_id;

ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS asset_id String AFTER order_id;
ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS fault_id String AFTER asset_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS ticket_days_with_faults TO ticket_days AS
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
    asset_id,
    fault_id,
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

DROP VIEW IF EXISTS ticket_days_with_promises;

-- What events say of faults, one row an event. ClickHouse fills it from `events` by itself.
CREATE TABLE IF NOT EXISTS fault_events
(
    fault_id     String,
    source       LowCardinality(String),
    id           String,
    name         LowCardinality(String) COMMENT 'fault.declared, fault.updated, fault.fixed, fault.reopened',
    at           DateTime64(3, 'UTC'),
    sequence     Int64,
    asset_id     String,
    product_line LowCardinality(String),
    reason       LowCardinality(String),
    cause        Nullable(String),
    eta_at       Nullable(DateTime64(3, 'UTC')),
    began_at     Nullable(DateTime64(3, 'UTC')),
    says         Array(LowCardinality(String)) COMMENT 'cause, eta_at, began_at: what it has a word on; null there says that it is not known'
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (fault_id, source, id, name)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS fault_events_from_events TO fault_events AS
SELECT
    JSONExtractString(raw, 'data', 'fault_id') AS fault_id,
    source,
    id,
    name,
    at,
    sequence,
    JSONExtractString(raw, 'data', 'asset_id') AS asset_id,
    JSONExtractString(raw, 'data', 'product_line') AS product_line,
    JSONExtractString(raw, 'data', 'reason') AS reason,
    JSONExtract(raw, 'data', 'cause', 'Nullable(String)') AS cause,
    parseDateTime64BestEffortOrNull(JSONExtractString(raw, 'data', 'eta_at'), 3, 'UTC') AS eta_at,
    parseDateTime64BestEffortOrNull(JSONExtractString(raw, 'data', 'began_at'), 3, 'UTC') AS began_at,
    arrayFilter(
        word -> JSONHas(raw, 'data', word) AND (name = 'fault.updated' OR JSONType(raw, 'data', word) != 'Null'),
        ['cause', 'eta_at', 'began_at']
    ) AS says
FROM events
WHERE name IN ('fault.declared', 'fault.updated', 'fault.fixed', 'fault.reopened')
    AND JSONExtractString(raw, 'data', 'fault_id') != '';

-- Faults that were told of before this table was there; what was stored while the names were only reserved may lack an id.
INSERT INTO fault_events
SELECT
    JSONExtractString(raw, 'data', 'fault_id') AS fault_id,
    source,
    id,
    name,
    at,
    sequence,
    JSONExtractString(raw, 'data', 'asset_id') AS asset_id,
    JSONExtractString(raw, 'data', 'product_line') AS product_line,
    JSONExtractString(raw, 'data', 'reason') AS reason,
    JSONExtract(raw, 'data', 'cause', 'Nullable(String)') AS cause,
    parseDateTime64BestEffortOrNull(JSONExtractString(raw, 'data', 'eta_at'), 3, 'UTC') AS eta_at,
    parseDateTime64BestEffortOrNull(JSONExtractString(raw, 'data', 'began_at'), 3, 'UTC') AS began_at,
    arrayFilter(
        word -> JSONHas(raw, 'data', word) AND (name = 'fault.updated' OR JSONType(raw, 'data', word) != 'Null'),
        ['cause', 'eta_at', 'began_at']
    ) AS says
FROM events
WHERE name IN ('fault.declared', 'fault.updated', 'fault.fixed', 'fault.reopened')
    AND JSONExtractString(raw, 'data', 'fault_id') != '';

-- When customers were told something, on which ticket: what the desk wrote in public.
CREATE TABLE IF NOT EXISTS messages_out
(
    ticket_id String,
    source    LowCardinality(String),
    id        String,
    at        DateTime64(3, 'UTC'),
    is_person Bool COMMENT 'An agent wrote it: no bot, no system'
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (ticket_id, source, id)
SETTINGS index_granularity = 256;

CREATE MATERIALIZED VIEW IF NOT EXISTS messages_out_from_events TO messages_out AS
SELECT
    subject AS ticket_id,
    source,
    id,
    at,
    JSONExtractString(raw, 'data', 'sender_type') = 'agent' AS is_person
FROM events
WHERE name = 'message.sent'
    AND JSONExtractString(raw, 'data', 'direction') = 'out'
    AND JSONExtractString(raw, 'data', 'visibility') = 'public';

INSERT INTO messages_out
SELECT
    subject AS ticket_id,
    source,
    id,
    at,
    JSONExtractString(raw, 'data', 'sender_type') = 'agent' AS is_person
FROM events
WHERE name = 'message.sent'
    AND JSONExtractString(raw, 'data', 'direction') = 'out'
    AND JSONExtractString(raw, 'data', 'visibility') = 'public';

-- Events that should never have been sent, of whatever they are about.
CREATE TABLE IF NOT EXISTS retractions
(
    target_source LowCardinality(String),
    target_id     String,
    subject       String COMMENT 'What the retracted event is about',
    source        LowCardinality(String),
    id            String
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (target_source, target_id, subject, source, id)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS retractions_from_events TO retractions AS
SELECT
    JSONExtractString(raw, 'data', 'target_source') AS target_source,
    JSONExtractString(raw, 'data', 'target_id') AS target_id,
    subject,
    source,
    id
FROM events
WHERE name = 'event.retracted';

INSERT INTO retractions
SELECT
    JSONExtractString(raw, 'data', 'target_source') AS target_source,
    JSONExtractString(raw, 'data', 'target_id') AS target_id,
    subject,
    source,
    id
FROM events
WHERE name = 'event.retracted';

-- What does not count: a retraction may be retracted as well; what retracts that one again is not looked at.
CREATE VIEW IF NOT EXISTS retracted AS
SELECT target_source, target_id, subject
FROM retractions
WHERE (source, id, subject) NOT IN (SELECT target_source, target_id, subject FROM retractions);

-- Faults as they stand: the latest word on each thing, whatever order it came in.
CREATE VIEW IF NOT EXISTS faults AS
WITH
    toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS never,
    arrayFilter(one -> one.5 = 'fault.declared', told) AS declarations,
    arrayFilter(one -> has(one.12, 'eta_at'), told) AS words_of_eta,
    arrayMap(one -> assumeNotNull(one.10), arrayFilter(one -> one.10 IS NOT NULL, words_of_eta)) AS etas,
    arrayFilter(one -> one.5 IN ('fault.fixed', 'fault.reopened'), told) AS marks,
    -- Each fix with when the next word on that came, and whether that says that it was none.
    arrayFilter(
        fix -> fix.1 = 'fault.fixed',
        arrayMap(
            (one, place) -> (
                one.5,
                one.1,
                if(place < length(marks), marks[place + 1].1, never),
                place < length(marks) AND marks[place + 1].5 = 'fault.reopened'
            ),
            marks,
            arrayEnumerate(marks)
        )
    ) AS fixes
SELECT
    fault_id,
    declarations[-1].6 AS asset_id,
    declarations[-1].7 AS product_line,
    declarations[-1].8 AS reason,
    ifNull(arrayLast(one -> has(one.12, 'cause'), told).9, '') AS cause,
    declarations[1].1 AS declared_at,
    coalesce(
        arrayLast(one -> has(one.12, 'began_at'), told).11,
        declared_at - toIntervalHour(2)
    ) AS began_at,
    words_of_eta[-1].10 AS eta_at,
    if(notEmpty(etas), toNullable(etas[1]), NULL) AS first_eta_at,
    -- How often a later instant was named than the one before.
    arrayCount((eta, before) -> eta > before, arrayPopFront(etas), arrayPopBack(etas)) AS slips,
    fixes.2 AS `fixes.fixed_at`,
    fixes.3 AS `fixes.ended_at`,
    fixes.4 AS `fixes.is_reopened`,
    if(notEmpty(fixes) AND marks[-1].5 = 'fault.fixed', toNullable(marks[-1].1), NULL) AS fixed_at
FROM
(
    SELECT
        fault_id,
        arraySort(
            one -> (one.1, one.2, one.3, one.4),
            groupArray((at, sequence, id, source, name, asset_id, product_line, reason, cause, eta_at, began_at, says))
        ) AS told
    FROM fault_events FINAL
    WHERE (source, id, fault_id) NOT IN (SELECT target_source, target_id, subject FROM retracted)
    GROUP BY fault_id
)
WHERE notEmpty(declarations);
