"""What metrics are made of: where single observations stand in the database, and when they happened."""

from collections.abc import Mapping
from typing import Final

from streams.core.metrics.metric import CUSTOMER, DAYS, DAYS_ASKED, OF_CUSTOMER, RETRACTED, Dimension, Observations
from streams.core.metrics.policy import SATISFIED, policy_join, satisfied_from

NEVER: Final = "toDateTime64('2200-01-01 00:00:00', 3, 'UTC')"


def unknown_but(*known: Dimension) -> str:
    """Return the columns by which what is no ticket cannot be divided, as SQL: all but those that it knows."""
    return ", ".join(f"'' AS {one}" for one in Dimension if one not in known)


def in_charge(at: str) -> dict[Dimension, str]:
    """Return the team and the agent in charge at an instant, by the last word until then."""
    place = f"greatest(1, arrayLastIndex(begins -> begins <= {at}, charges.since))"
    return {Dimension.TEAM: f"charges.team[{place}]", Dimension.AGENT: f"charges.agent_id[{place}]"}


def answered_by(at: str, condition: str = "true") -> dict[Dimension, str]:
    """Return the team in charge at an answer, and its sender; the agent in charge where nobody says who sent it."""
    doers = in_charge(at)
    is_known = f"{condition} AND wait.sender_id != ''"
    return doers | {Dimension.AGENT: f"if({is_known}, wait.sender_id, {doers[Dimension.AGENT]})"}


def _held(begins: str = "charges.since") -> str:
    """Return from when until when each team and agent was in charge."""
    return f"""
arrayMap(
    (begins, ends, team_then, agent_then) -> (begins, ends, team_then, agent_then),
    {begins}, arrayPushBack(arrayPopFront(charges.since), {NEVER}), charges.team, charges.agent_id
)""".strip()


_HELD: Final = _held()
_FROM_EVER: Final = (
    "arrayMap((begins, place) -> if(place = 1, toDateTime64(0, 3, 'UTC'), begins), charges.since, "
    "arrayEnumerate(charges.since))"
)
"""A promise may be older than what is known of its ticket, by a merge: then the first ones hold it."""
_HOLDERS: Final[Mapping[Dimension, str]] = {Dimension.TEAM: "held.3", Dimension.AGENT: "held.4"}

_THEN: Final = "the team and the agent in charge then"
RESOLVER: Final = "who resolved it, and the team in charge then"
SENDER: Final = "who sent the answer, and the team in charge then"


def told_beside(name: str, told: str) -> str:
    """Return the SELECT of what events beside tickets tell of those of the days that are asked for, by `ticket_id`.

    Args:
        name: Which events.
        told: Aggregate of them, with its name.
    """
    return f"""
(
    SELECT ticket_id, {told}
    FROM handling_events FINAL
    WHERE name = '{name}' AND ticket_id IN (SELECT ticket_id FROM ticket_days WHERE {DAYS_ASKED})
        AND (source, id, ticket_id) NOT IN {RETRACTED}
    GROUP BY ticket_id
)""".strip()  # noqa: S608 - words of ours


FIRST_TARGET_SECONDS: Final = 3_600
NEXT_TARGET_SECONDS: Final = 4 * 3_600

TICKETS: Final = Observations(
    name="tickets",
    one="a ticket",
    clock="created_at: when the ticket was created",
    columns={"at": "created_at", "customer_id": "customer_id", CUSTOMER: OF_CUSTOMER},
    source=DAYS,
)

CONTACTS: Final = Observations(
    name="contacts",
    one="a ticket, with what may be broken",
    clock="created_at: when the ticket was created",
    columns={"at": "created_at", "customer_id": "customer_id", "asset_id": "asset_id"},
    source=DAYS,
)

_RATING: Final = {
    "score": "rating.score",
    "source": "rating.source",
    "kind": "rating.kind",
    "scale_min": "rating.scale_min",
    "scale_max": "rating.scale_max",
    CUSTOMER: OF_CUSTOMER,
    "satisfied_from": satisfied_from("rating.scale_min", "rating.scale_max"),
}
RATED: Final = f"{DAYS} ARRAY JOIN ratings AS rating\n{policy_join('rating.rated_at', *SATISFIED)}"
_JUDGED: Final = in_charge("if(ifNull(rating.solved_at <= rating.rated_at, false), rating.solved_at, rating.rated_at)")
_WHO_IS_JUDGED: Final = (
    "the team and the agent in charge when the case was last resolved before the rating, else when it was given"
)

RATINGS: Final = Observations(
    name="ratings",
    one="a valid rating: as last revised, not withdrawn, the last one of its survey and kind",
    clock="rated_at: when the rating was given",
    columns={"at": "rating.rated_at", **_RATING},
    source=RATED,
    doers=_JUDGED,
    whose=_WHO_IS_JUDGED,
)

RATINGS_BY_RESOLUTION: Final = Observations(
    name="ratings_by_resolution",
    one="a valid rating of a ticket that was resolved",
    clock="resolved_at: the resolution that it judges, the last one before the rating, else the first one after it",
    columns={"at": "assumeNotNull(rating.solved_at)", **_RATING},
    source=RATED,
    where="rating.solved_at IS NOT NULL",
    doers=_JUDGED,
    whose=_WHO_IS_JUDGED,
)

RATINGS_BY_CREATION: Final = Observations(
    name="ratings_by_creation",
    one="a valid rating",
    clock="created_at: when the rated ticket was created",
    columns={"at": "created_at", **_RATING},
    source=RATED,
    doers=_JUDGED,
    whose=_WHO_IS_JUDGED,
)

SURVEYS: Final = Observations(
    name="surveys",
    one="a survey that went out",
    clock="offered_at: when the survey went out",
    columns={"at": "survey.offered_at", "is_answered": "survey.is_answered", CUSTOMER: OF_CUSTOMER},
    source=f"{DAYS} ARRAY JOIN surveys AS survey",
    doers=in_charge("at"),
    whose=_THEN,
)

WAITED: Final = f"{DAYS} ARRAY JOIN waits AS wait"
_WAIT_SECONDS: Final = "dateDiff('millisecond', wait.started_at, at) / 1000"

FIRST_RESPONSES: Final = Observations(
    name="first_responses",
    one="the first public answer of a person to a customer; tickets that an agent opened have none",
    clock="first_response_at: when the answer was given",
    columns={"at": "assumeNotNull(wait.answered_at)", "seconds": _WAIT_SECONDS},
    source=WAITED,
    where="wait.is_first AND wait.answered_at IS NOT NULL",
    doers=answered_by("at"),
    whose=SENDER,
)

ANSWERED_WAITS: Final = Observations(
    name="answered_waits",
    one="a wait of a customer, from the first message that nobody had answered to a person's public answer",
    clock="answered_at: when the wait ended",
    columns={"at": "assumeNotNull(wait.answered_at)", "seconds": _WAIT_SECONDS},
    source=WAITED,
    where="wait.answered_at IS NOT NULL",
    doers=answered_by("at"),
    whose=SENDER,
)

KNOWN_UNTIL: Final = """
(
    SELECT least(now64(3, 'UTC'), toDateTime64(max(day) + 1, 3, 'UTC'))
    FROM ticket_days
)""".strip()
"""Until when it is known what lasts: now, and of a desk that is heard no more the end of the day of its last event."""

BEGUN_WAITS: Final = Observations(
    name="begun_waits",
    one="a wait of a customer, from the first message that nobody had answered on; until a person's public answer, or "
    "until now, or until a resolution that ended it without one",
    clock="started_at: when the wait began",
    columns={
        "at": "wait.started_at",
        "has_ended": "wait.answered_at IS NOT NULL",
        "ended_at": f"ifNull(wait.answered_at, least(ifNull(wait.stopped_at, {NEVER}), {KNOWN_UNTIL}))",
        "seconds": "greatest(0, dateDiff('millisecond', at, ended_at)) / 1000",
        "is_first": "wait.can_decide AND empty(wait.before)",
    },
    source=WAITED,
    doers=answered_by("ended_at", "has_ended"),
    whose=f"{SENDER}; without an answer the team and the agent in charge now, or when it was resolved",
)

BOT_RESPONSES: Final = Observations(
    name="bot_responses",
    one="the first public message of a bot on a ticket",
    clock="first_bot_response_at: when the bot wrote",
    columns={
        "at": "assumeNotNull(first_bot_response_at)",
        "seconds": "greatest(0, dateDiff('millisecond', created_at, at)) / 1000",
    },
    source=DAYS,
    where="first_bot_response_at IS NOT NULL",
    doers=in_charge("at"),
    whose=_THEN,
)


IS_MISSED: Final = f"due_at <= now64(3) AND due_at < coalesce(wait.stopped_at, wait.answered_at, {NEVER})"
"""The customer waited longer: the wait went on past the instant at which the target passed."""


def asks(target_seconds: str, is_calendar: str = "true") -> str:
    """Return SQL of the instants from which a wait is measured against a target: its begin, and whenever after that.

    Whoever writes again once the target has passed asks anew, and so on from there: a customer who is let down twice is
    two misses, whether or not somebody answered in between, late.

    Args:
        target_seconds: SQL of the target.
        is_calendar: SQL condition; where it is false only open hours count, and more instants may be returned than
            those that count: those of `may_ask`.
    """
    chain = f"if(at > counted[-1] + toIntervalSecond({target_seconds}), arrayPushBack(counted, at), counted)"
    calendar = f"arrayFold((counted, at) -> {chain}, {_later(target_seconds)}, [wait.started_at])"
    several = calendar if is_calendar == "true" else f"if({is_calendar}, {calendar}, {may_ask(target_seconds)})"
    return f"if(empty(wait.asked_again), [wait.started_at], {several})"


def may_ask(target_seconds: str) -> str:
    """Return SQL of the begin of a wait and of all instants that lie more than a target of open hours behind it."""
    return f"arrayDistinct(arrayPushFront({_later(target_seconds)}, wait.started_at))"


def _later(target_seconds: str) -> str:
    return f"arrayFilter(at -> at > wait.started_at + toIntervalSecond({target_seconds}), wait.asked_again)"


def _decided(
    name: str,
    one: str,
    where: str,
    target_seconds: int,
    *,
    started_at: str = "wait.started_at",
    source: str = WAITED,
) -> Observations:
    """Return waits at the instant at which it is decided whether the customer was answered within a target.

    That is the answer when it comes in time, and else the instant at which the target passes. A wait that ends before
    it without an answer decides nothing. So an unanswered customer is a miss as soon as it is late, and no later event
    moves or mends that.
    """
    return Observations(
        name=name,
        one=f"{one}, answered in time, or longer than its target of {target_seconds // 60} minutes",
        clock="decided_at: the answer within the target, or else the end of the target",
        columns={
            "due_at": f"{started_at} + toIntervalSecond({target_seconds})",
            "is_kept": "ifNull(wait.answered_at <= due_at, false)",
            "at": "if(is_kept, assumeNotNull(wait.answered_at), due_at)",
        },
        home=started_at,
        lookback_seconds=target_seconds,
        source=source,
        where=f"{where} AND (is_kept OR ({IS_MISSED}))",
        doers=answered_by("at", "is_kept"),
        whose=f"{SENDER}; of a miss the team and the agent in charge as the target passed",
    )


def _first_decided(target_seconds: int) -> Observations:
    """Return of each ticket the first wait that was decided: no later answer stands in for one that was missed."""
    earlier_due_at = f"(earlier.1 + toIntervalSecond({target_seconds}))"
    is_earlier = f"earlier.3 <= {earlier_due_at} OR {earlier_due_at} < earlier.2"
    return _decided(
        "first_targets",
        "the first wait of a ticket for a person that was decided",
        f"wait.can_decide AND NOT arrayExists(earlier -> {is_earlier}, wait.before)",
        target_seconds,
    )


FIRST_TARGETS: Final = _first_decided(FIRST_TARGET_SECONDS)
NEXT_TARGETS: Final = _decided(
    "next_targets",
    "a customer's wait for a person, and again from when the customer writes once its target has passed",
    "true",
    NEXT_TARGET_SECONDS,
    started_at="asked_at",
    source=f"{WAITED} ARRAY JOIN {asks(str(NEXT_TARGET_SECONDS))} AS asked_at",
)

SILENT_RESOLUTIONS: Final = Observations(
    name="silent_resolutions",
    one="a resolved ticket whose customer no person has answered in public, before or since",
    clock="first_resolved_at: when it was resolved for the first time",
    columns={"at": "assumeNotNull(first_resolved_at)"},
    source=DAYS,
    where="first_resolved_at IS NOT NULL AND NOT is_answered",
    doers=in_charge("at"),
    whose=RESOLVER,
)

_AT_ONCE: Final = """
(
    first_bot_response_at < created_at
    OR first_resolved_at = created_at
    OR arrayExists(
        (started_at, answered_at) -> started_at = created_at AND answered_at = created_at,
        waits.started_at,
        waits.answered_at
    )
)""".strip()
"""Something took no time at all, as what happened before the creation does."""

EARLY_TICKETS: Final = Observations(
    name="early_tickets",
    one="a ticket of which an answer, a bot's message or a resolution happened before its creation",
    clock="created_at: when the ticket was created",
    columns={"at": "created_at"},
    source=DAYS,
    where=f"""{_AT_ONCE} AND ticket_id IN
    (
        SELECT ticket_id
        FROM tickets FINAL
        WHERE first_event_at < created_at
            AND ticket_id IN (SELECT ticket_id FROM ticket_days WHERE {DAYS_ASKED} AND {_AT_ONCE})
    )""",  # noqa: S608 - words of ours
)

CYCLES: Final = f"{DAYS} ARRAY JOIN cycles AS cycle"


def _lasted(times: str) -> str:
    return f"arraySum(time -> dateDiff('millisecond', time.1, time.2), {times}) / 1000"


RESOLVED_CYCLES: Final = Observations(
    name="resolved_cycles",
    one="a cycle that was resolved: from creation or reopening to the next resolution",
    clock="resolved_at: when the cycle was resolved",
    columns={
        "at": "assumeNotNull(cycle.resolved_at)",
        "seconds": "dateDiff('millisecond', cycle.started_at, at) / 1000",
        "full_seconds": "dateDiff('millisecond', created_at, at) / 1000",
        "customer_seconds": _lasted("cycle.awaits_customer"),
        "hold_seconds": _lasted("cycle.on_hold"),
        "desk_seconds": "seconds - customer_seconds - hold_seconds",
        "is_first": "cycle.is_first",
        "is_reopened": "cycle.is_reopened",
    },
    source=CYCLES,
    where="cycle.resolved_at IS NOT NULL",
    doers=in_charge("at"),
    whose=RESOLVER,
)

_CLOSED_AT: Final = f"if(has(open.since, at), open.until[indexOf(open.since, at)], {NEVER})"
"""When the time in which a cycle began to be open was over; of one without a resolution that is when it was closed."""

BEGUN_CYCLES: Final = Observations(
    name="begun_cycles",
    one="a cycle, from creation or reopening on; until the next resolution, or until now, or until it was closed "
    "without one",
    clock="started_at: when the ticket was created or reopened",
    columns={
        "at": "cycle.started_at",
        "has_ended": "cycle.resolved_at IS NOT NULL",
        "ended_at": f"ifNull(cycle.resolved_at, least({_CLOSED_AT}, {KNOWN_UNTIL}))",
        "seconds": "greatest(0, dateDiff('millisecond', at, ended_at)) / 1000",
        "is_first": "cycle.is_first",
    },
    source=CYCLES,
    doers=in_charge("ended_at"),
    whose=f"{RESOLVER}; of one without a resolution the team and the agent in charge now, or when it was closed",
)

OPEN_TICKETS: Final = Observations(
    name="open_tickets",
    one="a ticket for as long as it is neither resolved nor closed",
    clock="the end of the window: open then",
    lasts=True,
    columns={
        "began_at": "span.since",
        "since": "greatest(span.since, held.1)",
        "until": "least(span.until, held.2)",
    },
    home="span.since",
    source=f"{DAYS} ARRAY JOIN open AS span ARRAY JOIN {_HELD} AS held",
    where="since < until",
    doers=_HOLDERS,
    whose=_THEN,
)

OPEN_WAITS: Final = Observations(
    name="open_waits",
    one="a customer for as long as nobody answers, while the ticket is neither resolved nor closed",
    clock="the end of the window: waiting then",
    lasts=True,
    columns={
        "began_at": "wait.started_at",
        "since": "greatest(span.1, held.1)",
        "until": "least(span.2, held.2)",
    },
    home="wait.started_at",
    source=f"{DAYS} ARRAY JOIN waits AS wait ARRAY JOIN wait.open AS span ARRAY JOIN {_HELD} AS held",
    where="since < until",
    doers=_HOLDERS,
    whose=_THEN,
)

LONGEST_PROMISE_SECONDS: Final = 92 * 86_400
"""A promise that falls due later than this after it was made is not seen."""
_PROMISED: Final = f"{DAYS} ARRAY JOIN promises AS promise"
_FELL_DUE: Final = f"""promise.due_at <= now64(3)
    AND promise.due_at < promise.made_at + toIntervalSecond({LONGEST_PROMISE_SECONDS})
    AND (promise.withdrawn_at IS NULL OR promise.withdrawn_at > promise.due_at)"""
"""Its due time has passed, and the customer had not given it up by then."""
_PROMISE_ENDED_AT: Final = f"coalesce(promise.kept_at, promise.withdrawn_at, {NEVER})"


def _promised_by(at: str) -> dict[Dimension, str]:
    """Return the team in charge at an instant, and who made the promise; the agent in charge where nobody says who."""
    doers = in_charge(at)
    return doers | {Dimension.AGENT: f"if(promise.made_by != '', promise.made_by, {doers[Dimension.AGENT]})"}


PROMISES_MADE: Final = Observations(
    name="promises_made",
    one="a promise to a customer",
    clock="made_at: when it was made",
    columns={"at": "promise.made_at", "kind": "promise.kind"},
    source=_PROMISED,
    doers=_promised_by("at"),
    whose="who made it, and the team in charge then",
)

PROMISED_DAYS: Final = 28
"""So long after its creation promises made on a ticket are counted."""
_MADE: Final = f"""
(
    SELECT ticket_id, groupArray(promise.made_at) AS made
    FROM {_PROMISED}
    WHERE {DAYS_ASKED} AND is_effective AND day = toDate(promise.made_at)
    GROUP BY ticket_id
)""".strip()  # noqa: S608 - words of ours

TICKETS_PROMISED: Final = Observations(
    name="tickets_with_promises",
    one="a ticket, with the promises made on it",
    clock=TICKETS.clock,
    columns={
        "at": "created_at",
        "promised": f"arrayCount(one -> one >= created_at AND one < created_at + toIntervalDay({PROMISED_DAYS}), made)",
    },
    source=f"{DAYS} LEFT JOIN\n{_MADE} AS told USING (ticket_id)",
    lookahead_seconds=PROMISED_DAYS * 86_400,
)

PROMISES_DUE: Final = Observations(
    name="promises_due",
    one="a promise that fell due: the due time that stood by then has passed, and the customer had not given it up",
    clock="due_at: when it fell due",
    columns={
        "at": "promise.due_at",
        "kind": "promise.kind",
        "is_kept": "ifNull(promise.kept_at <= promise.due_at, false)",
        "is_moved": "promise.moved > 0",
    },
    home="promise.made_at",
    lookback_seconds=LONGEST_PROMISE_SECONDS,
    source=_PROMISED,
    where=_FELL_DUE,
    doers=_promised_by("at"),
    whose="who made it, and the team in charge when it fell due",
)

PROMISES_BROKEN: Final = Observations(
    name="promises_broken",
    one="a promise that was not kept when it fell due; until it was kept, or until now, or until the customer gave it "
    "up",
    clock="due_at: when it fell due",
    columns={
        "at": "promise.due_at",
        "kind": "promise.kind",
        "has_ended": "promise.kept_at IS NOT NULL",
        "ended_at": f"least({_PROMISE_ENDED_AT}, greatest(at, {KNOWN_UNTIL}))",
        "seconds": "greatest(0, dateDiff('millisecond', at, ended_at)) / 1000",
    },
    home="promise.made_at",
    lookback_seconds=LONGEST_PROMISE_SECONDS,
    source=_PROMISED,
    where=f"{_FELL_DUE}\n    AND ifNull(promise.kept_at > promise.due_at, true)",
    doers=PROMISES_DUE.doers,
    whose=PROMISES_DUE.whose,
)

OPEN_PROMISES: Final = Observations(
    name="open_promises",
    one="a promise that is neither kept nor given up",
    clock="due_at: when it falls due, or did",
    columns={
        "at": "promise.due_at",
        "kind": "promise.kind",
        "made_at": "promise.made_at",
        "made_by": "promise.made_by",
        "moved": "promise.moved + promise.moved_late",
    },
    home="promise.made_at",
    lookback_seconds=LONGEST_PROMISE_SECONDS,
    source=_PROMISED,
    where="promise.kept_at IS NULL AND promise.withdrawn_at IS NULL",
    doers=in_charge("now64(3)"),
    whose="the team and the agent in charge now",
)

PROMISES_OVERDUE: Final = Observations(
    name="promises_overdue",
    one="a promise for as long as it is past its due time and neither kept nor given up, for 92 days after it was made",
    clock="the end of the window: overdue then",
    lasts=True,
    columns={
        "began_at": "promise.due_at",
        "since": "greatest(promise.due_at, held.1)",
        "until": f"least({_PROMISE_ENDED_AT}, promise.made_at + toIntervalSecond({LONGEST_PROMISE_SECONDS}), held.2)",
    },
    home="promise.made_at",
    lookback_seconds=LONGEST_PROMISE_SECONDS,
    source=f"{_PROMISED} ARRAY JOIN {_held(_FROM_EVER)} AS held",
    where="since < until AND promise.due_at <= now64(3)",
    doers=_HOLDERS,
    whose=_THEN,
)

_PURCHASES: Final = """
(
    SELECT customer_id, groupArrayIf((placed_at, named), counts) AS placed
    FROM
    (
        SELECT
            customer_id,
            placed_at,
            counts,
            if(placed_at = min(placed_at) OVER (PARTITION BY customer_id, order_id), order_id, '') AS named
        FROM
        (
            SELECT
                customer_id,
                order_id,
                minIf(at, name = 'order.placed') AS placed_at,
                countIf(name = 'order.cancelled' OR kind IN ('replacement', 'exchange')) = 0 AS counts
            FROM orders WHERE customer_id IN ({customers})
            GROUP BY customer_id, source, order_id
            HAVING countIf(name = 'order.placed') > 0
        )
    )
    GROUP BY customer_id
)""".strip()
"""The orders of each customer that count, by the name that a case has for them: of several shops' the first one's."""

AFTER_SALES_CASES: Final = Observations(
    name="after_sales_cases",
    one="an after-sales ticket of a known customer that was resolved",
    clock="first_resolved_at: when it was resolved for the first time",
    columns={
        "at": "assumeNotNull(first_resolved_at)",
        "customer_id": "customer_id",
        "ordered_at": (
            "arrayMap(bought -> bought.1, arrayFilter(bought -> order_id = '' OR bought.2 != order_id, placed))"
        ),
    },
    source=f"{DAYS} LEFT JOIN\n{_PURCHASES} AS customers USING (customer_id)",
    where="after_sales AND customer_id != '' AND first_resolved_at IS NOT NULL",
    doers=in_charge("at"),
    whose=RESOLVER,
)

_TICKETS_AND_ORDERS: Final = """
(
    SELECT day, is_effective, created_at AS happened_at, ticket_id, customer_id, '' AS order_id,
        '' AS shop,
        {dimensions}
    FROM {days}
    UNION ALL
    SELECT day, true AS is_effective, at AS happened_at, '' AS ticket_id, customer_id, order_id,
        source AS shop,
        {of_no_ticket}
    FROM order_days FINAL
)""".strip().format(
    days=DAYS,
    dimensions=", ".join(Dimension),
    of_no_ticket=", ".join(
        "product_line" if dimension is Dimension.PRODUCT_LINE else f"'' AS {dimension}" for dimension in Dimension
    ),
)

CONTACTS_AND_ORDERS: Final = Observations(
    name="contacts_and_orders",
    one="an order that a customer placed, or a ticket",
    clock="created_at of tickets, placed_at of orders",
    columns={"at": "happened_at", "customer_id": "customer_id", "order_id": "order_id", "shop": "shop"},
    source=_TICKETS_AND_ORDERS,
    dimensions=frozenset({Dimension.PRODUCT_LINE}),
)
