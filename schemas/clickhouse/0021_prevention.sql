-- Known issues and the causes that a department can remove: what is said of them, and which tickets are on an issue. Rows
-- of before name no issue, and days of before no outcome until their ticket is stated again.
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS issue_id String
    COMMENT 'The known issue that it is about, by the desk''s own word' AFTER fault_id;

ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS issue_id String AFTER fault_id;
ALTER TABLE ticket_days ADD COLUMN IF NOT EXISTS outcome LowCardinality(String) AFTER strategy;

CREATE MATERIALIZED VIEW IF NOT EXISTS ticket_days_with_known_issues TO ticket_days AS
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
    outcome,
    customer_id,
    order_id,
    asset_id,
    fault_id,
    issue_id,
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

DROP VIEW IF EXISTS ticket_days_with_faults;

-- What events say of known issues, one row an event. ClickHouse fills it from `events` by itself.
CREATE TABLE IF NOT EXISTS known_issue_events
(
    issue_id     String,
    source       LowCardinality(String),
    id           String,
    name         LowCardinality(String) COMMENT 'knownissue.announced, knownissue.updated, knownissue.resolved',
    at           DateTime64(3, 'UTC'),
    sequence     Int64,
    product_line LowCardinality(String),
    reason       LowCardinality(String),
    cause        Nullable(String),
    eta_at       Nullable(DateTime64(3, 'UTC')),
    workaround   Nullable(String),
    department   Nullable(String),
    says         Array(LowCardinality(String)) COMMENT 'What it has a word on; null there says that it is not known'
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (issue_id, source, id, name)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS known_issue_events_from_events TO known_issue_events AS
SELECT
    JSONExtractString(raw, 'data', 'issue_id') AS issue_id,
    source,
    id,
    name,
    at,
    sequence,
    JSONExtractString(raw, 'data', 'product_line') AS product_line,
    JSONExtractString(raw, 'data', 'reason') AS reason,
    JSONExtract(raw, 'data', 'cause', 'Nullable(String)') AS cause,
    parseDateTime64BestEffortOrNull(JSONExtractString(raw, 'data', 'eta_at'), 3, 'UTC') AS eta_at,
    JSONExtract(raw, 'data', 'workaround', 'Nullable(String)') AS workaround,
    JSONExtract(raw, 'data', 'responsible_department', 'Nullable(String)') AS department,
    arrayFilter(
        word -> JSONHas(raw, 'data', word)
            AND (name = 'knownissue.updated' OR JSONType(raw, 'data', word) != 'Null'),
        ['cause', 'eta_at', 'workaround', 'responsible_department']
    ) AS says
FROM events
WHERE name IN ('knownissue.announced', 'knownissue.updated', 'knownissue.resolved')
    AND JSONExtractString(raw, 'data', 'issue_id') != '';

-- What was told before this table was there; while the names were only reserved an id may have been missing.
INSERT INTO known_issue_events
SELECT
    JSONExtractString(raw, 'data', 'issue_id') AS issue_id,
    source,
    id,
    name,
    at,
    sequence,
    JSONExtractString(raw, 'data', 'product_line') AS product_line,
    JSONExtractString(raw, 'data', 'reason') AS reason,
    JSONExtract(raw, 'data', 'cause', 'Nullable(String)') AS cause,
    parseDateTime64BestEffortOrNull(JSONExtractString(raw, 'data', 'eta_at'), 3, 'UTC') AS eta_at,
    JSONExtract(raw, 'data', 'workaround', 'Nullable(String)') AS workaround,
    JSONExtract(raw, 'data', 'responsible_department', 'Nullable(String)') AS department,
    arrayFilter(
        word -> JSONHas(raw, 'data', word)
            AND (name = 'knownissue.updated' OR JSONType(raw, 'data', word) != 'Null'),
        ['cause', 'eta_at', 'workaround', 'responsible_department']
    ) AS says
FROM events
WHERE name IN ('knownissue.announced', 'knownissue.updated', 'knownissue.resolved')
    AND JSONExtractString(raw, 'data', 'issue_id') != '';

-- Known issues as they stand: the latest word on each thing, whatever order it came in.
CREATE VIEW IF NOT EXISTS known_issues AS
WITH
    arrayFilter(one -> one.5 = 'knownissue.announced', told) AS announcements,
    arrayFilter(one -> has(one.12, 'eta_at'), told) AS words_of_eta,
    arrayMap(one -> assumeNotNull(one.9), arrayFilter(one -> one.9 IS NOT NULL, words_of_eta)) AS etas,
    arrayLast(one -> one.5 IN ('knownissue.announced', 'knownissue.resolved'), told) AS mark
SELECT
    issue_id,
    announcements[-1].6 AS product_line,
    announcements[-1].7 AS reason,
    ifNull(arrayLast(one -> has(one.12, 'cause'), told).8, '') AS cause,
    ifNull(arrayLast(one -> has(one.12, 'workaround'), told).10, '') AS workaround,
    ifNull(arrayLast(one -> has(one.12, 'responsible_department'), told).11, '') AS department,
    announcements[1].1 AS announced_at,
    hasAll(announcements[1].12, ['cause', 'eta_at', 'workaround']) AS is_complete,
    words_of_eta[-1].9 AS eta_at,
    if(notEmpty(etas), toNullable(etas[1]), NULL) AS first_eta_at,
    -- How often a later instant was named than the one before.
    arrayCount((eta, before) -> eta > before, arrayPopFront(etas), arrayPopBack(etas)) AS slips,
    if(mark.5 = 'knownissue.resolved', toNullable(mark.1), NULL) AS resolved_at
FROM
(
    SELECT
        issue_id,
        arraySort(
            one -> (one.1, one.2, one.3, one.4),
            groupArray((at, sequence, id, source, name, product_line, reason, cause, eta_at, workaround, department, says))
        ) AS told
    FROM known_issue_events FINAL
    WHERE (source, id, issue_id) NOT IN (SELECT target_source, target_id, subject FROM retracted)
    GROUP BY issue_id
)
WHERE notEmpty(announcements);

-- What events say of why customers come for one reason, one row an event. ClickHouse fills it from `events` by itself.
CREATE TABLE IF NOT EXISTS root_cause_events
(
    reason     LowCardinality(String),
    source     LowCardinality(String),
    id         String,
    name       LowCardinality(String) COMMENT 'rootcause.reported, rootcause.acknowledged, rootcause.fixed',
    at         DateTime64(3, 'UTC'),
    sequence   Int64,
    department LowCardinality(String),
    action     String
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (reason, source, id, name)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS root_cause_events_from_events TO root_cause_events AS
SELECT
    JSONExtractString(raw, 'data', 'reason') AS reason,
    source,
    id,
    name,
    at,
    sequence,
    JSONExtractString(raw, 'data', 'department') AS department,
    JSONExtractString(raw, 'data', 'action') AS action
FROM events
WHERE name IN ('rootcause.reported', 'rootcause.acknowledged', 'rootcause.fixed')
    AND JSONExtractString(raw, 'data', 'reason') != '';

INSERT INTO root_cause_events
SELECT
    JSONExtractString(raw, 'data', 'reason') AS reason,
    source,
    id,
    name,
    at,
    sequence,
    JSONExtractString(raw, 'data', 'department') AS department,
    JSONExtractString(raw, 'data', 'action') AS action
FROM events
WHERE name IN ('rootcause.reported', 'rootcause.acknowledged', 'rootcause.fixed')
    AND JSONExtractString(raw, 'data', 'reason') != '';

-- Each time that a department was told of a reason, until its cause was removed: by events, and by signals of the watch.
CREATE VIEW IF NOT EXISTS root_causes AS
WITH
    arrayFilter(one -> one.5 != 'rootcause.reported', loop) AS answers,
    arrayFilter(one -> one.5 = 'rootcause.fixed', loop) AS fixes
SELECT
    reason,
    loop[1].1 AS reported_at,
    if(notEmpty(answers), toNullable(answers[1].1), NULL) AS acknowledged_at,
    if(notEmpty(fixes), toNullable(fixes[-1].1), NULL) AS fixed_at,
    arrayLast(one -> one.6 != '', loop).6 AS department,
    arrayLast(one -> one.7 != '', loop).7 AS action
FROM
(
    SELECT
        reason,
        arraySort(one -> (one.1, one.2, one.3, one.4), groupArray((at, sequence, id, source, name, department, action))) AS told
    FROM
    (
        SELECT reason, at, sequence, id, source, name, department, action
        FROM root_cause_events FINAL
        WHERE (source, id, reason) NOT IN (SELECT target_source, target_id, subject FROM retracted)
        UNION ALL
        SELECT segment, opened_at, 0, signal_id, '', 'rootcause.reported', told['department'], ''
        FROM signals FINAL
        WHERE kind = 'reason_dominates' AND state != 'withdrawn'
    )
    GROUP BY reason
)
-- What is said after a fix, but that it was one, begins anew.
ARRAY JOIN arraySplit(
    (one, before) -> before.5 = 'rootcause.fixed' AND one.5 != 'rootcause.fixed',
    told,
    arrayPushFront(arrayPopBack(told), told[1])
) AS loop;
