"""What the watch asks of ClickHouse, and the signals that it keeps there: few and short queries."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from string import Template
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from schemas.policy import Policy
from schemas.rows import LookRow, Ms, SignalRow, column_names
from streams.core.ask.question import observed
from streams.core.drop import Cause, Rating, Response, Rhythm, Silence, Tally
from streams.core.drop.flow import NEARLY_AS_LONG, span_and_window
from streams.core.fault.burst import UNKNOWN_CUSTOMER, Contact
from streams.core.fault.usual import CAP_FACTOR, CELLS_A_WEEK, HOURS, LEAST_CAP, Counts
from streams.core.metrics.complaint_rate import COMPLAINT_RATE
from streams.core.metrics.fault import TOPIC
from streams.core.metrics.in_target import FIRST_RESPONSE_IN_TARGET
from streams.core.metrics.metric import Direction, Metric
from streams.core.metrics.observation import CONTACTS, RATINGS, SURVEYS
from streams.core.metrics.policy import SATISFIED, policy_join, satisfied_from
from streams.core.metrics.satisfaction import CSAT_SHARE
from streams.core.policy.published import in_force_now
from streams.core.signal.segment import CALM_SECONDS, DESK, LATE_MINUTES, Called, RatedTicket, Segment, SegmentKind
from streams.core.signal.slices import BadRating, Counted
from streams.core.window import DAY_MS, HOUR_MS, Window
from streams.ports import Answers, Heard, Ratings
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.connection import named_errors
from streams.sinks.policy import versions_that_count

METRIC_OF: Final[Mapping[Cause, Metric]] = {
    Cause.SATISFACTION_FELL: CSAT_SHARE,
    Cause.COMPLAINTS_SURGE: COMPLAINT_RATE,
    Cause.FIRST_RESPONSES_LATE: FIRST_RESPONSE_IN_TARGET,
}
_OVERLAP_SECONDS: Final = 30
"""Rows that were stored so shortly ago are read again the next time: a row bears the instant at which its insert was
under way, and is seen when that ends, on a replica later still. An insert may last as long as its client waits for it,
five minutes: whoever asks must ask from so much earlier now and then, see `streams.agents.judgement`."""
_WEEK_MS: Final = 7 * DAY_MS
_SPANS: Final = 4

_WHO_RATED: Final = """
SELECT
    ticket_id,
    team,
    id,
    toUnixTimestamp64Milli(at) AS at_ms,
    if(isNull(solved_at), NULL, toUnixTimestamp64Milli(assumeNotNull(solved_at))) AS solved_ms,
    is_replayed,
    toUnixTimestamp64Milli(stored_at) AS stored_ms,
    id != '' AND is_effective AND $counted AS is_counted,
    $hit AS is_satisfied
FROM
(
    SELECT
        ticket_id,
        is_effective,
        last_rated_at,
        stored_at,
        rating.id AS id,
        rating.rated_at AS at,
        rating.solved_at AS solved_at,
        rating.score AS score,
        rating.source AS source,
        rating.kind AS kind,
        rating.is_replayed AS is_replayed,
        rating.team AS team,
        $satisfied_from AS satisfied_from
    FROM ticket_ratings AS ticket FINAL
    LEFT ARRAY JOIN ratings AS rating
    $policy
    WHERE $chosen
)
ORDER BY last_rated_at, ticket_id
"""
"""One row a rating, and one for a ticket that has none (any more)."""
_RATED_NO_MORE: Final = """
SELECT ticket_id FROM ticket_ratings FINAL WHERE ($chosen) AND NOT ($since)
"""
"""Tickets of which nothing counts (any more). Where all are stated again, as by a refold, they are most."""
_CHANGED: Final = """
ticket_id IN (SELECT ticket_id FROM ticket_ratings WHERE stored_at >= fromUnixTimestamp64Milli({mark:Int64}, 'UTC'))
"""
_SINCE: Final = "last_rated_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')"
_POLICY: Final = "SELECT max(version) FROM policies"
_NEWEST_STORED: Final = """
SELECT toUnixTimestamp64Milli(now64(3)), toUnixTimestamp64Milli(max(stored_at))
FROM ticket_ratings
WHERE stored_at >= fromUnixTimestamp64Milli({mark:Int64}, 'UTC')
"""

_COUNTED_BY: Final = """
WITH
    toUnixTimestamp64Milli(at) AS at_ms,
    at_ms >= {fall_from:Int64} AND at_ms < {fall_to:Int64} AS is_fall,
    at_ms >= {usual_from:Int64} AND at_ms < {usual_to:Int64} AS is_usual,
    $bad AS is_bad
SELECT $keys, countIf(is_fall), countIf(is_fall AND is_bad), countIf(is_usual), countIf(is_usual AND is_bad)
FROM
(
$observations
)
WHERE (is_fall OR is_usual) AND $counted AND ({team:String} = '' OR team = {team:String})
GROUP BY $keys
ORDER BY $keys
"""
_BAD: Final = """
SELECT ticket_id, reason, product_line, $score
FROM
(
$observations
)
WHERE toUnixTimestamp64Milli(at) >= {fall_from:Int64} AND toUnixTimestamp64Milli(at) < {fall_to:Int64}
    AND $bad AND $counted AND ({team:String} = '' OR team = {team:String})
ORDER BY at DESC, ticket_id
LIMIT 200
"""
_HOURLY: Final = """
SELECT team, toUnixTimestamp(toStartOfHour(at)) AS hour, countIf($counted), countIf($counted AND NOT $bad)
FROM
(
$observations
)
WHERE at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
GROUP BY team, hour
HAVING countIf($counted) > 0
ORDER BY team, hour
"""
_ASSET: Final = "asset_id"
_TOPIC: Final = f"if(product_line != '' AND reason != '', concat({TOPIC}), '')"
SUBJECT_OF: Final[Mapping[SegmentKind, str]] = {SegmentKind.ASSET: _ASSET, SegmentKind.TOPIC: _TOPIC}
"""SQL of what a ticket is about, by kind of segment; "" where it says nothing of the kind."""
_USUAL_CONTACTS: Final = """
SELECT
    sumMapIf(map(subject, n), subject != ''),
    sumMapIf(map(toUInt16((intDiv(cell, 2) - 96) % 168), n), subject != ''),
    sumIf(least(n, most) * (least(n, most) - 1), subject != ''),
    if(count() = 0, {until:Int64}, min(cell) * 1800000)
FROM
(
    SELECT
        $subject AS subject,
        toInt64(intDiv(toUnixTimestamp(at), 1800)) AS cell,
        toInt64(count()) AS n,
        sum(n) OVER (PARTITION BY subject) AS total,
        greatest($least, toInt64(ceil($factor * total * 604800000 / ({until:Int64} - {since:Int64}) / $cells))) AS most
    FROM
    (
$observations
    )
    WHERE at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
    GROUP BY subject, cell
)
"""
_CONTACTS: Final = """
SELECT
    toUnixTimestamp64Milli(at),
    ticket_id,
    if(customer_id != '', customer_id, concat('$unknown', ticket_id)),
    team,
    $asset AS asset,
    $topic AS topic
FROM
(
$observations
)
WHERE at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND (asset != '' OR topic != '')
ORDER BY at, ticket_id
"""
_LEAST_OF_REASON: Final = 5
"""Contacts of a reason: of fewer none dominates, whatever the line."""
_REASONS: Final = """
SELECT if(total >= $least, reason, '') AS named, sumMap([hour], [n])
FROM
(
    SELECT
        reason,
        toInt64(intDiv(toUnixTimestamp(at), 3600)) AS hour,
        toInt64(count()) AS n,
        sum(n) OVER (PARTITION BY reason) AS total
    FROM
    (
$observations
    )
    WHERE at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
    GROUP BY reason, hour
)
GROUP BY named
"""
_RESPONSES: Final = """
SELECT
    team,
    sumIf(offered, at_ms >= {recent_from:Int64}),
    sumIf(answered, at_ms >= {recent_from:Int64}),
    sumIf(offered, at_ms < {usual_to:Int64}),
    sumIf(answered, at_ms < {usual_to:Int64}),
    max(answered_ms)
FROM
(
    SELECT team, toUnixTimestamp64Milli(at) AS at_ms, 1 AS offered, 0 AS answered, 0 AS answered_ms
    FROM
    (
$surveys
    )
    UNION ALL
    SELECT team, toUnixTimestamp64Milli(at) AS at_ms, 0 AS offered, 1 AS answered, at_ms AS answered_ms
    FROM
    (
$ratings
    )
    WHERE source = 'customer'
)
WHERE at_ms >= {usual_from:Int64} AND at_ms < {recent_to:Int64}
GROUP BY team
"""
"""Of surveys of every kind, as `response_rate` has it: what is no longer answered is broken whatever it asks."""
_NEWEST_EVENTS: Final = """
SELECT source, toUnixTimestamp64Milli(max(at)), max(name IN ('survey.offered', 'rating.submitted'))
FROM event_times
WHERE replay = false AND ingested_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
GROUP BY source
"""
_FIRST_AT: Final = """
SELECT toUnixTimestamp64Milli(at) FROM event_times
WHERE replay = false AND source = {source:String} ORDER BY replay, source, at LIMIT 1
"""
_USUAL_EVENTS: Final = """
SELECT $counts FROM event_times WHERE replay = false AND source = {source:String} AND ($spans)
"""
_COUNTS_BY_SPAN: Final = """
SELECT intDiv(back, {week:Int64}) AS week, intDiv(back % {week:Int64}, {span:Int64}) AS place, count()
FROM
(
    SELECT {newest:Int64} - toUnixTimestamp64Milli(at) AS back
    FROM event_times
    WHERE replay = false AND source = {source:String} AND ($spans)
)
GROUP BY week, place
"""
_GAPS: Final = """
SELECT sum(arrayCount(gap -> gap >= {long:Float64}, arrayDifference(arraySort(instants))))
FROM
(
    SELECT groupArray(toUnixTimestamp64Milli(at)) AS instants
    FROM event_times
    WHERE replay = false AND source = {source:String} AND ($spans)
    GROUP BY intDiv({until:Int64} - toUnixTimestamp64Milli(at), {step:Int64})
)
"""
_AROUND_MS: Final = 4 * HOUR_MS
"""On either side of the time at which a silence began and that of now, weeks before: its gaps are looked at."""
_INSTANTS: Final = frozenset({"opened_at", "seen_at", "resolved_at", "since_at"})


class ClickHouseWatchStore:
    """The watch's view of ClickHouse; see `streams.ports.WatchStore` for what it promises."""

    def __init__(self, client: Client, *, calm_seconds: float = CALM_SECONDS) -> None:
        """Read and write through a client.

        Args:
            client: Of the database.
            calm_seconds: How long no ticket with ratings of long ago must have been stated until what is known is
                settled. It may have been stated for another reason: whoever knows its ratings already need not wait.
        """
        self._client = client
        self._calm_ms = round(calm_seconds * 1000)
        self._store = ClickHouseStore(client)
        self._policy: int | None = None

    def ratings(self, since: Ms, mark: Ms | None) -> Ratings:
        """Return the tickets with ratings since an instant; with a mark only those that were stated after it."""
        ((now_at, newest_at),) = self._ask(_NEWEST_STORED, mark=mark or 0)
        next_mark = now_at - _OVERLAP_SECONDS * 1000
        if newest_at == 0:
            return Ratings([], next_mark, is_settled=True)
        chosen = self._chosen(mark)
        sql = _of_ratings(_WHO_RATED, chosen=f"({chosen}) AND {_SINCE}")
        with named_errors(), self._client.query_rows_stream(sql, {"since": since, "mark": mark or 0}) as rows:
            tickets, late_stored_at = _rated_tickets(rows)
        if mark is not None:
            sql = Template(_RATED_NO_MORE).substitute(chosen=chosen, since=_SINCE)
            tickets += [RatedTicket(id, "", ()) for (id,) in self._ask(sql, since=since, mark=mark)]
        return Ratings(tickets, next_mark, is_settled=late_stored_at <= now_at - self._calm_ms)

    def _chosen(self, mark: Ms | None) -> str:
        """Return which tickets are read: all of them where another policy counts than the last time."""
        before, ((self._policy,),) = self._policy, self._ask(_POLICY)
        if mark is None:
            return _SINCE
        return _CHANGED if before == self._policy else f"({_SINCE} OR {_CHANGED})"

    def signals(self) -> list[SignalRow]:
        """Return every signal as it was last stated."""
        columns = ", ".join(map(_column, column_names(SignalRow)))
        rows = self._ask(" ".join(["SELECT", columns, "FROM signals FINAL ORDER BY opened_at, signal_id"]))
        return [SignalRow(**dict(zip(SignalRow.__struct_fields__, row, strict=True))) for row in rows]

    def state(self, signals: Sequence[SignalRow]) -> None:
        """Keep statements for good."""
        self._store.insert(signals)

    def looked(self, look: LookRow) -> None:
        """Keep when it was last judged, for those who are to be told when it is not."""
        self._store.insert([look])

    def usual_contacts(self, kind: SegmentKind, since: Ms, until: Ms) -> Counts:
        """Return what came about assets, or about topics, as far as tickets are known from then on."""
        observations = observed(CONTACTS, _days("since", "until"))
        sql = Template(_USUAL_CONTACTS).substitute(
            subject=SUBJECT_OF[kind],
            least=LEAST_CAP,
            factor=CAP_FACTOR,
            cells=CELLS_A_WEEK,
            observations=observations,
        )
        ((contacts, hours, pairs, first_at),) = self._ask(sql, since=since, until=until)
        weeks = max(0.0, (until - max(since, first_at)) / _WEEK_MS)
        return Counts(contacts, [hours.get(hour, 0) for hour in range(HOURS)], pairs, weeks)

    def contacts(self, since: Ms) -> list[Called]:
        """Return the tickets that count and name an asset or a topic, in the order in which they were opened."""
        parts = {"asset": _ASSET, "topic": _TOPIC, "unknown": UNKNOWN_CUSTOMER}
        days = "day >= toDate(fromUnixTimestamp64Milli({since:Int64}, 'UTC'))"
        sql = Template(_CONTACTS).substitute(observations=observed(CONTACTS, days), **parts)
        return [
            Called(Contact(at, id, customer, team), {SegmentKind.ASSET: asset, SegmentKind.TOPIC: topic})
            for at, id, customer, team, asset, topic in self._ask(sql, since=since)
        ]

    def reasons(self, since: Ms, until: Ms) -> dict[str, dict[int, int]]:
        """Return how many contacts came by reason and hour; rare reasons are together, with those of none."""
        observations = observed(CONTACTS, _days("since", "until"))
        sql = Template(_REASONS).substitute(observations=observations, least=_LEAST_OF_REASON)
        return {reason: dict(zip(*hours, strict=True)) for reason, hours in self._ask(sql, since=since, until=until)}

    def policy(self, now: Ms) -> Policy:
        """Return the version of the policy in force now."""
        return in_force_now(versions_that_count(self._client), now)

    def hourly(self, cause: Cause, since: Ms, until: Ms) -> dict[str, list[Tally]]:
        """Return what a rate counts of each team by the hour, in order; an hour's counts bear its last millisecond."""
        rows = self._ask(_of_rate(cause, _HOURLY, _days("since", "until")), since=since, until=until)
        return {
            team: [Tally(1000 * hour + HOUR_MS - 1, n, good) for _, hour, n, good in group]
            for team, group in groupby(rows, key=lambda row: row[0])
        }

    def slices(
        self, segment: Segment, fall: Window, usual: Window, cause: Cause = Cause.SATISFACTION_FELL
    ) -> list[Counted]:
        """Return the ratings of a segment, or what a rate counts, by reason and product line."""
        keys = "reason, product_line"
        return [
            Counted((reason, product_line), *counts)
            for reason, product_line, *counts in self._counted(keys, segment, fall, usual, cause)
        ]

    def teams(self, fall: Window, usual: Window) -> list[Counted]:
        """Return all ratings by team, over a fall and over the usual time."""
        counted = self._counted("team", DESK, fall, usual, Cause.SATISFACTION_FELL)
        return [Counted((team,), *counts) for team, *counts in counted]

    def bad_ratings(self, segment: Segment, fall: Window, cause: Cause = Cause.SATISFACTION_FELL) -> list[BadRating]:
        """Return the ratings of a segment that are not satisfied, or what a rate counts as bad, the newest first."""
        score = "score" if cause is Cause.SATISFACTION_FELL else "0."
        sql = _of_rate(cause, _BAD, _days("fall_from", "fall_to"), score=score)
        rows = self._ask(sql, team=_team(segment), fall_from=fall.start_at, fall_to=fall.end_at)
        return [BadRating(id, (reason, product_line), score) for id, reason, product_line, score in rows]

    def responses(self, recent: Window, usual: Window) -> dict[str, Answers]:
        """Return surveys and answers of each team, lately and usually."""
        bounds = {
            "recent_from": recent.start_at,
            "recent_to": recent.end_at,
            "usual_from": usual.start_at,
            "usual_to": usual.end_at,
        }
        days = _days("usual_from", "recent_to")
        sql = _of_ratings(_RESPONSES, ratings=observed(RATINGS, days), surveys=observed(SURVEYS, days))
        return {
            team: Answers(Response(*counts[:2]), Response(*counts[2:]), last_at)
            for team, *counts, last_at in self._ask(sql, **bounds)
        }

    def newest_events(self, since: Ms) -> dict[str, Heard]:
        """Return what was last heard of each source, among what was stored since an instant; no replays."""
        rows = self._ask(_NEWEST_EVENTS, since=since)
        return {source: Heard(newest_at, bool(rates)) for source, newest_at, rates in rows}

    def silence(self, source: str, newest_at: Ms, now: Ms) -> Silence:
        """Return what a source usually sends in a span as long as from its newest event to now."""
        step = _WEEK_MS * (1 + (now - newest_at - 1) // _WEEK_MS)
        shifts = [step * i for i in range(1, _SPANS + 1)]
        bounds = [(newest_at - shift, now - shift) for shift in shifts]
        counts = ", ".join(f"countIf({_between([one])})" for one in bounds)
        sql = Template(_USUAL_EVENTS).substitute(counts=counts, spans=_between(bounds))
        (events,), first_at = self._ask(sql, source=source), self._first_at(source)
        known = [count for (begin, _), count in zip(bounds, events, strict=True) if begin >= first_at]
        return Silence(newest_at, sum(known), len(known))

    def rhythm(self, source: str, newest_at: Ms, now: Ms) -> Rhythm:
        """Return how the events of a source come, seen in spans as long as from its newest event to now."""
        return Rhythm(self._counts_by_span(source, newest_at, now - newest_at), self._gaps(source, newest_at, now))

    def _counts_by_span(self, source: str, newest_at: Ms, lasted: Ms) -> list[list[int]]:
        """Return the counts of those weeks that are known as far as they are looked at; of a young source what is."""
        span, window = span_and_window(lasted)
        bounds = [(newest_at - shift - window, newest_at - shift) for shift in range(0, _SPANS * _WEEK_MS, _WEEK_MS)]
        sql = Template(_COUNTS_BY_SPAN).substitute(spans=_between(bounds))
        found = {
            (week, place): count
            for week, place, count in self._ask(sql, source=source, newest=newest_at, week=_WEEK_MS, span=span)
        }
        first_at = self._first_at(source)
        known = sum(begin >= first_at for begin, _ in bounds)
        places = (window if known else newest_at - first_at) // span
        return [[found.get((week, place), 0) for place in range(places)] for week in range(max(1, known))]

    def _first_at(self, source: str) -> Ms:
        """Return since when a source is heard; 0 for one that nobody has heard."""
        rows = self._ask(_FIRST_AT, source=source)
        return int(rows[0][0]) if rows else 0

    def _gaps(self, source: str, newest_at: Ms, now: Ms) -> int:
        """Return how many silences were nearly as long, within some hours of the same time of the week."""
        lasted = now - newest_at
        if lasted > DAY_MS:
            return 0
        shifts = [_WEEK_MS * i for i in range(1, _SPANS + 1)]
        bounds = [(newest_at - shift - _AROUND_MS, now - shift + _AROUND_MS) for shift in shifts]
        sql = Template(_GAPS).substitute(spans=_between(bounds))
        named = {"source": source, "long": NEARLY_AS_LONG * lasted, "until": now + _AROUND_MS, "step": _WEEK_MS}
        return int(self._ask(sql, **named)[0][0])

    def _counted(
        self, keys: str, segment: Segment, fall: Window, usual: Window, cause: Cause
    ) -> Sequence[Sequence[Any]]:
        bounds = {
            "fall_from": fall.start_at,
            "fall_to": fall.end_at,
            "usual_from": usual.start_at,
            "usual_to": usual.end_at,
        }
        sql = _of_rate(cause, _COUNTED_BY, _days("usual_from", "fall_to"), keys=keys)
        return self._ask(sql, team=_team(segment), **bounds)

    def _ask(self, sql: str, **parameters: Any) -> Sequence[Sequence[Any]]:  # noqa: ANN401 - values of queries
        with named_errors():
            return self._client.query(sql, parameters=parameters).result_rows


def _between(bounds: Sequence[tuple[Ms, Ms]]) -> str:
    """Return the condition that an instant lies in one of the stretches of time, each without its begin."""
    instant = "fromUnixTimestamp64Milli({}, 'UTC')".format
    return " OR ".join(f"(at > {instant(begin)} AND at <= {instant(end)})" for begin, end in bounds)


def _of_rate(cause: Cause, sql: str, days: str, **parts: str) -> str:
    """Return SQL over what a rate counts on days; `$bad` is what the rule takes for bad."""
    metric = METRIC_OF[cause]
    bad = f"({metric.hit})" if metric.direction is Direction.DOWN else f"(NOT ({metric.hit}))"
    observations = observed(metric.observations, days)
    return Template(sql).substitute(counted=metric.counted or "true", bad=bad, observations=observations, **parts)


def _of_ratings(sql: str, **parts: str) -> str:
    by_policy = {
        "policy": policy_join("rating.rated_at", *SATISFIED, keeps_all=True),
        "satisfied_from": satisfied_from("rating.scale_min", "rating.scale_max"),
    }
    return Template(sql).substitute(counted=CSAT_SHARE.counted, hit=CSAT_SHARE.hit, **by_policy, **parts)


def _days(start: str, end: str) -> str:
    """Return the condition on the days between two parameters."""
    return " ".join(
        f"{side} toDate(fromUnixTimestamp64Milli({{{name}:Int64}}, 'UTC'))"
        for side, name in (("day BETWEEN", start), ("AND", end))
    )


def _column(name: str) -> str:
    if name == "resolved_at":
        return f"if(isNull({name}), NULL, toUnixTimestamp64Milli(assumeNotNull({name})))"
    return f"toUnixTimestamp64Milli({name})" if name in _INSTANTS else f"`{name}`"


def _rated_tickets(rows: Iterable[Sequence[Any]]) -> tuple[list[RatedTicket], Ms]:
    """Return tickets, and when one with a rating of long ago was stored last; 0 when none was.

    Names of teams are shared among the tickets; Python's own `intern` would keep them for good in some versions.
    """
    tickets: list[RatedTicket] = []
    names: dict[str, str] = {}
    late_stored_at = 0
    for ticket_id, group in groupby(rows, key=lambda row: row[0]):
        counted = [row for row in group if row[7]]
        tickets.append(_rated_ticket(ticket_id, counted, [names.setdefault(row[1], row[1]) for row in counted]))
        for _, _, _, at, _, _, stored_at, _, _ in counted:
            if stored_at - at > LATE_MINUTES * 60_000:
                late_stored_at = max(late_stored_at, stored_at)
    return tickets, late_stored_at


def _rated_ticket(ticket_id: str, rows: Sequence[Sequence[Any]], teams: Sequence[str]) -> RatedTicket:
    """Return a ticket; nearly all have one rating, or ratings of one team."""
    ratings = _ratings(rows)
    if len(set(teams)) < 2:
        return RatedTicket(ticket_id, teams[0] if teams else "", ratings)
    return RatedTicket(ticket_id, "", ratings, tuple(teams))


def _ratings(rows: Sequence[Sequence[Any]]) -> tuple[Rating, ...]:
    """Return the ratings of a ticket. Where several sources use one id, the later ones are told apart by a number."""
    used: Counter[str] = Counter()
    ratings = []
    for ticket_id, _, id, at, solved_at, is_replayed, _, _, is_satisfied in rows:
        used[id] += 1
        name = f"{ticket_id}/{id}" if used[id] == 1 else f"{ticket_id}/{id}/{used[id]}"
        ratings.append(Rating(at, name, bool(is_satisfied), solved_at, bool(is_replayed)))
    return tuple(ratings)


def _team(segment: Segment) -> str:
    return segment.name if segment.kind is SegmentKind.TEAM else ""
