"""The table of checks. A new one is a row here; each says what it costs in the figures that it moves."""

from typing import Final

from streams.core.doctor.check import Check
from streams.core.doctor.near import near_teams

_PERSON: Final = r"lowerUTF8(replaceRegexpAll(customer_id, '\\s+', ''))"
"""A customer but for case and blanks."""

_CUSTOMERS: Final = Check(
    name="customer-spelling",
    title="customers of orders who have never had a ticket, but for case or blanks",
    sql=f"""
WITH
    known AS (SELECT DISTINCT customer_id FROM tickets FINAL WHERE is_effective AND customer_id != ''),
    shoppers AS
    (
        SELECT customer_id, count() AS placed
        FROM (SELECT DISTINCT customer_id, source, order_id FROM orders WHERE name = 'order.placed')
        WHERE customer_id NOT IN (SELECT customer_id FROM known)
            AND {_PERSON} IN (SELECT {_PERSON} FROM known)
        GROUP BY customer_id
    ),
    purchases AS
    (
        SELECT {_PERSON} AS person, groupArray((customer_id, placed_at)) AS placed
        FROM
        (
            SELECT customer_id, minIf(at, name = 'order.placed') AS placed_at
            FROM orders
            GROUP BY customer_id, source, order_id
            HAVING countIf(name = 'order.placed') > 0
                AND countIf(name = 'order.cancelled' OR kind IN ('replacement', 'exchange')) = 0
        )
        GROUP BY person
    ),
    cases AS
    (
        SELECT customer_id, {_PERSON} AS person, assumeNotNull(first_resolved_at) AS at
        FROM tickets FINAL
        WHERE is_effective AND after_sales AND customer_id != '' AND first_resolved_at IS NOT NULL
    )
SELECT
    '' AS what,
    (SELECT count() FROM shoppers) AS n,
    (SELECT sum(placed) FROM shoppers) AS orders,
    (SELECT arraySort(groupArray(5)(customer_id)) FROM shoppers) AS examples,
    ifNotFinite(100 * avg(is_read), 0) AS reads,
    ifNotFinite(100 * avg(is_meant), 0) AS would
FROM
(
    SELECT
        max(arrayExists(
            order -> order.1 = cases.customer_id AND order.2 > at AND order.2 <= at + toIntervalDay(90), placed
        )) AS is_read,
        max(arrayExists(order -> order.2 > at AND order.2 <= at + toIntervalDay(90), placed)) AS is_meant
    FROM cases LEFT JOIN purchases USING (person)
    GROUP BY cases.customer_id
)
""",  # noqa: S608 - the one part is a constant
    costs="{orders:~order} of {n:~customer} can follow no case: repurchase over 90 days reads {reads:.1f} %, and would "
    "read {would:.1f} % with one spelling",
    advice="send one spelling from everywhere; mapping files have `lower`, `trim`, `digits` and `hash`",
)

_CLOCKS: Final = Check(
    name="clock-ahead",
    title="sources whose clock is ahead",
    sql="""
SELECT
    source AS what,
    count() AS n,
    quantileExact(0.5)(dateDiff('millisecond', ingested_at, at)) / 1000 AS usual,
    max(dateDiff('millisecond', ingested_at, at)) / 1000 AS most
FROM event_times FINAL
WHERE at >= {since:DateTime64(3, 'UTC')} AND at > ingested_at + toIntervalSecond(2)
GROUP BY source
ORDER BY n DESC
""",
    costs="{n:~event} dated up to {most:.0f} s ahead of arrival, half of them {usual:.0f} s and more: waits that "
    "they begin or end are wrong by as much, and what is over 5 minutes ahead is refused",
    advice="let the source's machine take its time from a server (NTP)",
)

_NO_OFFER: Final = Check(
    name="answer-without-offer",
    title="answers to surveys that nobody offered",
    sql="""
WITH arrayFilter(
    (survey, source, is_valid) -> survey != '' AND source = 'customer' AND is_valid AND NOT has(surveys.id, survey),
    ratings.survey_id, ratings.source, ratings.is_valid
) AS missing,
arrayCount(is_answered -> is_answered, surveys.is_answered) AS answered,
length(surveys.id) AS offered
SELECT
    '' AS what,
    sum(length(missing)) AS n,
    groupArrayIf(5)(ticket_id, notEmpty(missing)) AS examples,
    100 * sum(answered) / greatest(1, sum(offered)) AS reads,
    100 * (sum(answered) + n) / greatest(1, sum(offered) + n) AS would
FROM tickets FINAL
WHERE is_effective AND last_event_at >= {since:DateTime64(3, 'UTC')}
""",
    costs="{n:~answer} in no share of answered surveys: it reads {reads:.1f} %, and would read {would:.1f} % with "
    "their offers",
    advice="send `survey.offered` on the same ticket, with the `survey_id` that the rating names",
)

_NO_SURVEY: Final = Check(
    name="rating-without-survey",
    title="ratings that name no survey, on tickets that were asked",
    sql="""
WITH
    arrayCount(
        (survey, source, is_valid) -> survey = '' AND source = 'customer' AND is_valid,
        ratings.survey_id, ratings.source, ratings.is_valid
    ) AS unnamed,
    arrayCount(is_answered -> is_answered, surveys.is_answered) AS answered,
    least(unnamed, arrayCount(is_answered -> NOT is_answered, surveys.is_answered)) AS lost
SELECT
    '' AS what,
    sum(lost) AS n,
    groupArrayIf(5)(ticket_id, lost > 0) AS examples,
    100 * sum(answered) / greatest(1, sum(length(surveys.id))) AS reads,
    100 * (sum(answered) + n) / greatest(1, sum(length(surveys.id))) AS would
FROM tickets FINAL
WHERE is_effective AND last_event_at >= {since:DateTime64(3, 'UTC')}
""",
    costs="{n:~survey} answered, and counted as not answered: the share of answered ones reads {reads:.1f} %, and "
    "would read {would:.1f} %; a warning about broken surveys may follow",
    advice="name the `survey_id` in `rating.submitted`",
)

_SCALES: Final = Check(
    name="rating-scale",
    title="ratings on a scale that is not usual for their source",
    sql="""
SELECT
    concat(source, ', by ', party, if(judged = '', '', concat(', ', judged))) AS what,
    sumIf(ratings, is_rare) AS n,
    arraySlice(groupArrayArrayIf(some, is_rare), 1, 5) AS examples,
    arrayStringConcat(groupArrayIf(concat(toString(low), ' to ', toString(high)), is_rare), ', ') AS rare,
    sumIf(total, is_rare) / n AS mean,
    sumIf(total, NOT is_rare) / sumIf(ratings, NOT is_rare) AS usual
FROM
(
    WITH
        JSONExtractString(raw, 'data', 'source') AS party,
        JSONExtractString(raw, 'data', 'kind') AS judged,
        JSONExtractFloat(raw, 'data', 'scale_min') AS low,
        JSONExtractFloat(raw, 'data', 'scale_max') AS high
    SELECT
        source, party, judged, low, high,
        count() AS ratings,
        sum(100 * (JSONExtractFloat(raw, 'data', 'raw') - low) / (high - low)) AS total,
        groupArray(5)(subject) AS some,
        count() < 0.02 * sum(count()) OVER (PARTITION BY source, party, judged) AS is_rare
    FROM events FINAL
    WHERE name = 'rating.submitted' AND at >= {since:DateTime64(3, 'UTC')}
    GROUP BY source, party, judged, low, high
)
GROUP BY source, party, judged
HAVING n > 0
ORDER BY n DESC
""",
    costs="{n:~rating} on {rare} with a mean of {mean:.0f} of 100, where all others have {usual:.0f}: if the scale is "
    "wrong, satisfaction is, by the difference",
    advice="say the scale on which the customer answered in `scale_min` and `scale_max`",
)

_PROMOTERS: Final = Check(
    name="nps-scale",
    title="answers of the kind nps on another scale than 0 to 10",
    sql="""
SELECT
    concat(toString(rating.scale_min), ' to ', toString(rating.scale_max)) AS what,
    count() AS n,
    arraySlice(groupUniqArray(5)(ticket_id), 1, 5) AS examples
FROM tickets FINAL
ARRAY JOIN ratings AS rating
WHERE is_effective AND last_event_at >= {since:DateTime64(3, 'UTC')}
    AND rating.kind = 'nps' AND rating.source = 'customer' AND rating.is_valid
    AND (rating.scale_min, rating.scale_max) != (0, 10)
GROUP BY what
ORDER BY n DESC
""",
    costs="{n:~answer} in no net promoter score: 9 and 10 are promoters, 0 to 6 detractors, and on {what} nobody has "
    "said who is",
    advice="ask from 0 to 10, or send them with the `kind` that they are of",
)

_TEAMS: Final = Check(
    name="team-names",
    title="teams with nearly equal names",
    sql="""
SELECT team AS what, count() AS n
FROM tickets FINAL
WHERE is_effective AND team != '' AND last_event_at >= {since:DateTime64(3, 'UTC')}
GROUP BY team
""",
    find=near_teams,
    costs="{n:~ticket} of {what!r} missing from {usual!r}, which shows {shown:,}: both are ranked on a part, and "
    "opening hours and falls of satisfaction go by the name",
    advice="send one name, or correct the tickets by `ticket.updated`",
)

_UNRESOLVED: Final = Check(
    name="never-resolved",
    title="open tickets of which nothing was heard for over 60 days",
    sql="""
WITH
    status NOT IN ('resolved', 'closed') AND is_effective AS is_open,
    is_open AND last_event_at < {newest:DateTime64(3, 'UTC')} - toIntervalDay(60) AS is_silent
SELECT
    '' AS what,
    countIf(is_silent) AS n,
    countIf(is_silent AND open_wait_since IS NOT NULL) AS waiting,
    countIf(is_open) AS backlog,
    groupArrayIf(5)(ticket_id, is_silent) AS examples
FROM tickets FINAL
""",
    costs="{n:,} of {backlog:~open ticket}: backlog counts them every day, waiting customers count {waiting:,} of "
    "them, and no resolution time ever does",
    advice="resolve or close them at the desk, or send the `ticket.resolved` that is missing",
)

_INSTANTS: Final = Check(
    name="same-instant",
    title="events of one ticket in the same instant, without an order",
    sql="""
SELECT
    arrayStringConcat(arraySort(groupUniqArrayArray(sources)), ', ') AS what,
    uniqExact(subject) AS n,
    count() AS instants,
    groupUniqArray(5)(subject) AS examples
FROM
(
    SELECT subject, at, groupUniqArray(source) AS sources
    FROM events
    WHERE sequence < 0 AND at >= {since:DateTime64(3, 'UTC')} AND name IN (
        'message.sent', 'ticket.status_changed', 'ticket.resolved', 'ticket.reopened', 'ticket.closed',
        'ticket.assigned', 'ticket.classified', 'ticket.merged'
    )
    GROUP BY subject, at
    HAVING uniqExact(source, id) > 1
)
""",
    costs="which came first is arbitrary in {instants:~instant} of {n:~ticket}: each may be a wait or a cycle more "
    "or less, and name another team",
    advice="number the events of a ticket by `subjectseq`, or send times to the millisecond",
)

_NEGATIVE: Final = Check(
    name="before-creation",
    title="tickets of which something happened before they were created",
    sql="""
WITH is_created AND first_event_at < created_at AS is_early
SELECT
    '' AS what,
    countIf(is_early) AS n,
    countIf(is_early AND first_response_seconds = 0) AS answers,
    countIf(is_early AND first_resolution_seconds = 0) AS resolutions,
    groupArrayIf(5)(ticket_id, is_early) AS examples,
    ifNull(quantileExact(0.5)(first_response_seconds), 0) / 60 AS reads,
    ifNull(quantileExactIf(0.5)(first_response_seconds, NOT is_early), 0) / 60 AS would
FROM tickets FINAL
WHERE is_effective AND last_event_at >= {since:DateTime64(3, 'UTC')}
""",
    costs="{answers:~first response} and {resolutions:~resolution} would be negative and count as 0 s: the median "
    "first response reads {reads:.1f} min, without these tickets {would:.1f} min",
    advice="set the clocks of both sources, or send the creation with the time of the first contact",
)

_REUSED: Final = Check(
    name="identity-reused",
    title="events under an id that was used before for something else",
    sql="""
SELECT
    JSONExtractString(value, 'source') AS what,
    count() AS n,
    uniqExact(JSONExtractString(value, 'data', 'ticket_id')) AS tickets,
    groupArray(5)(JSONExtractString(value, 'id')) AS examples
FROM dead_letters FINAL
WHERE reason = 'identity-reused' AND replays = 0
GROUP BY what
ORDER BY n DESC
""",
    costs="{n:~event} of {tickets:~ticket} in no number: what came first under the id stands",
    advice="give each event an id of its own; see `servicepulse dead-letters list --reason identity-reused`",
)

_REFUSED: Final = Check(
    name="refused",
    title="records that are no events",
    sql="""
SELECT reason AS what, count() AS n, groupArray(5)(substring(id, 1, 10)) AS examples, any(message) AS why
FROM dead_letters FINAL
WHERE reason NOT IN ('identity-reused', 'ticket-mended') AND replays = 0
GROUP BY reason
ORDER BY n DESC
""",
    costs="{n:~record} in no number, such as: {why}",
    advice="see `servicepulse dead-letters list --reason {what}`; mended ones can be sent again",
)

_NO_CUSTOMER: Final = Check(
    name="customer-missing",
    title="channels whose tickets name no customer",
    sql="""
SELECT
    channel AS what,
    countIf(customer_id = '') AS n,
    count() AS tickets,
    countIf(customer_id = '' AND after_sales AND first_resolved_at IS NOT NULL) AS cases,
    groupArrayIf(5)(ticket_id, customer_id = '') AS examples
FROM tickets FINAL
WHERE is_effective AND is_created AND last_event_at >= {since:DateTime64(3, 'UTC')}
GROUP BY channel
HAVING n >= 20 AND n > 0.2 * tickets
ORDER BY n DESC
""",
    costs="{n:,} of {tickets:~ticket}: with {cases:~resolved after-sales case} that no repurchase counts, and "
    "complaints per customer know none of them",
    advice="send `customer_id` with the creation, or later by `ticket.updated`",
)

_NO_AGENT: Final = Check(
    name="agent-missing",
    title="sources whose answers name no agent",
    sql="""
WITH JSONExtractString(raw, 'data', 'sender_id') = '' AS is_unsigned
SELECT
    source AS what,
    countIf(is_unsigned) AS n,
    count() AS answers,
    groupUniqArrayIf(5)(subject, is_unsigned) AS examples
FROM events FINAL
WHERE name = 'message.sent' AND at >= {since:DateTime64(3, 'UTC')}
    AND JSONExtractString(raw, 'data', 'sender_type') = 'agent'
    AND JSONExtractString(raw, 'data', 'visibility') = 'public'
GROUP BY source
HAVING n >= 20 AND n > 0.2 * answers
ORDER BY n DESC
""",
    costs="{n:,} of {answers:~answer} count for whoever was in charge: response times by agent are those of others",
    advice="send `sender_id` with each message",
)

_CLOSED: Final = Check(
    name="source-ended",
    title="open tickets of a source that has said nothing for 14 days",
    sql="""
SELECT
    source AS what,
    uniqExact(subject) AS n,
    toString(toDate(any(last_at))) AS last_day,
    groupUniqArray(5)(subject) AS examples
FROM events
INNER JOIN
(
    SELECT source, max(at) AS last_at
    FROM event_times
    GROUP BY source
    HAVING last_at < {newest:DateTime64(3, 'UTC')} - toIntervalDay(14)
) AS ended USING (source)
WHERE name = 'ticket.created' AND subject IN (
    SELECT ticket_id FROM tickets FINAL
    WHERE is_effective AND status NOT IN ('resolved', 'closed')
        AND last_event_at < {newest:DateTime64(3, 'UTC')} - toIntervalDay(14)
)
GROUP BY source
ORDER BY n DESC
""",
    costs="{n:~ticket} in the backlog, some with a customer waiting, since {last_day}: nobody is left to resolve them",
    advice="let the source end them, by `ticket.closed` or `ticket.merged`, or publish again under its name",
)

_TWO_DESKS: Final = Check(
    name="ticket-of-two-sources",
    title="tickets that two sources say were created",
    sql="""
SELECT
    arrayStringConcat(sources, ', ') AS what,
    count() AS n,
    groupArray(5)(subject) AS examples
FROM
(
    SELECT subject, arraySort(groupUniqArray(source)) AS sources
    FROM events
    WHERE name = 'ticket.created'
    GROUP BY subject
    HAVING length(sources) > 1 AND max(at) >= {since:DateTime64(3, 'UTC')}
)
GROUP BY sources
ORDER BY n DESC
""",
    costs="{n:~ticket}: if each is two cases, the number of tickets is too low by {n:,}, and waits and ratings of one "
    "case are those of the other",
    advice="put something before the numbers of one of the desks: ticket ids are matched over all sources",
)

_FOREIGN: Final = Check(
    name="change-by-another-source",
    title="changes by a source that never said what they change",
    sql="""
SELECT
    concat(change.1, ' of ', change.2) AS what,
    count() AS n,
    groupArray(5)(id_said) AS examples
FROM
(
    WITH
        concat(splitByChar('.', name)[1], '_id') AS id_name,
        name IN ('order.placed', 'rating.submitted', 'promise.made') AS is_first
    SELECT
        JSONExtractString(raw, 'data', id_name) AS id_said,
        groupUniqArrayIf((toString(name), toString(source)), NOT is_first) AS changes,
        groupUniqArrayIf(toString(source), is_first) AS owners
    FROM events
    WHERE name IN (
        'order.placed', 'order.cancelled', 'rating.submitted', 'rating.revised', 'rating.withdrawn',
        'promise.made', 'promise.moved', 'promise.kept', 'promise.withdrawn'
    )
    GROUP BY subject, id_name, id_said
)
ARRAY JOIN changes AS change
WHERE notEmpty(owners) AND NOT has(owners, change.2)
GROUP BY change
ORDER BY n DESC
""",
    costs="{n:~change} without effect: a cancelled order still counts as a repurchase, a withdrawn rating as "
    "satisfaction, a kept promise as broken",
    advice="send the change with the `source` of what it changes",
)

CHECKS: Final = (
    _CUSTOMERS,
    _FOREIGN,
    _TWO_DESKS,
    _REUSED,
    _REFUSED,
    _CLOCKS,
    _NEGATIVE,
    _INSTANTS,
    _NO_OFFER,
    _NO_SURVEY,
    _SCALES,
    _PROMOTERS,
    _TEAMS,
    _UNRESOLVED,
    _CLOSED,
    _NO_CUSTOMER,
    _NO_AGENT,
)
