"""Contacts before there is a ticket: who waited in a queue, who gave up, and who needed nobody."""

from typing import Final

from msgspec.structs import replace

from streams.core.metrics.metric import (
    DAYS,
    DAYS_ASKED,
    RETRACTED,
    Dimension,
    Direction,
    Kind,
    Metric,
    Observations,
    Topic,
    Unit,
    tail_of,
)
from streams.core.metrics.observation import CONTACTS_AND_ORDERS, unknown_but
from streams.core.metrics.policy import policy_join
from streams.core.policy.published import BUILT_IN

FOLLOWED_HOURS: Final = 24
"""Whoever comes so soon after helping themselves was not helped."""
_DAY_SECONDS: Final = 86_400
_MEANT: Final = BUILT_IN.important
_COUNTS: Final = f"NOT IN {RETRACTED}"
_PLACE: Final = "(at, sequence, id)"


def _of_queue(column: str) -> str:
    return f"argMaxIf({column}, {_PLACE}, name = 'contact.queued') AS {column}"


# An event that was stored twice changes nothing here: what is asked of several is the first or the last of them.
_QUEUED: Final = f"""
(
    SELECT
        toDate(queued_at) AS day,
        true AS is_effective,
        *,
        {unknown_but(Dimension.TEAM, Dimension.AGENT, Dimension.CHANNEL, Dimension.PRIORITY)}
    FROM
    (
        SELECT
            source,
            contact_id,
            minIf(at, name = 'contact.queued') AS queued_at,
            minOrNullIf(at, name = 'contact.answered') AS answered_at,
            minOrNullIf(at, name = 'contact.abandoned') AS abandoned_at,
            {", ".join(_of_queue(one) for one in ("channel", "team", "priority", "customer_id"))},
            argMinIf(agent_id, {_PLACE}, name = 'contact.answered') AS agent_id,
            argMinIf(ticket_id, {_PLACE}, name = 'contact.answered') AS ticket_id
        FROM contact_events
        WHERE {DAYS_ASKED} AND (source, id, contact_id) {_COUNTS}
        GROUP BY source, contact_id
        HAVING countIf(name = 'contact.queued') > 0
    )
)""".strip()  # noqa: S608 - words of ours
_KNOWN_UNTIL: Final = "least(queued_at + toIntervalDay(1), now64(3, 'UTC'))"
"""Until when somebody of whom nothing more was said waits: now, a day at most. A quiet night ends no wait."""
_IS_ANSWERED: Final = "answered_at IS NOT NULL AND ifNull(answered_at <= abandoned_at, true)"

QUEUED: Final = Observations(
    name="queued_contacts",
    one="a contact that waited in a queue: until it was answered, or given up, or until now, a day at most",
    clock="queued_at: when it began to wait",
    columns={
        "at": "queued_at",
        "is_answered": _IS_ANSWERED,
        "is_abandoned": f"abandoned_at IS NOT NULL AND NOT ({_IS_ANSWERED})",
        "seconds": "greatest(0, dateDiff('millisecond', at, "
        f"multiIf({_IS_ANSWERED}, assumeNotNull(answered_at), ifNull(abandoned_at, {_KNOWN_UNTIL})))) / 1000",
    },
    lookback_seconds=_DAY_SECONDS,
    lookahead_seconds=_DAY_SECONDS,
    source=_QUEUED,
    whose="the team whose queue it is, and the agent who answered",
    dimensions=frozenset({Dimension.TEAM, Dimension.AGENT, Dimension.CHANNEL, Dimension.PRIORITY}),
)

QUEUED_IMPORTANT: Final = replace(
    QUEUED,
    name="important_contacts",
    one="a contact that waited in a queue, with what the policy in force when it began to wait calls important",
    columns={**QUEUED.columns, "important": "policy.important"},
    source=f"{_QUEUED} AS ticket\n{policy_join('queued_at', 'important')}",
)
"""By themselves, so that only who asks for important ones looks into the policy."""
IS_MISSED: Final = "has(important.priorities, priority) AND (is_abandoned OR seconds > important.seconds)"

_DIMENSIONS_OF_SESSIONS: Final = (Dimension.CHANNEL, Dimension.REASON, Dimension.PRODUCT_LINE)
_SAID_OF_SESSIONS: Final = (*_DIMENSIONS_OF_SESSIONS, "solved", "customer_id")
_SESSIONS: Final = f"""
(
    SELECT
        toDate(ended_at) AS day,
        true AS is_effective,
        '' AS ticket_id,
        *,
        {unknown_but(*_DIMENSIONS_OF_SESSIONS)}
    FROM
    (
        SELECT
            source,
            session_id,
            max(at) AS ended_at,
            {", ".join(f"argMax({one}, {_PLACE}) AS {one}" for one in _SAID_OF_SESSIONS)}
        FROM selfservice_events
        WHERE {DAYS_ASKED} AND (source, id, session_id) {_COUNTS}
        GROUP BY source, session_id
    )
)""".strip()  # noqa: S608 - words of ours
_CAME: Final = f"""
(
    SELECT customer_id, groupArray(came_at) AS came
    FROM
    (
        SELECT customer_id, created_at AS came_at
        FROM {DAYS}
        WHERE {DAYS_ASKED} AND is_effective AND day = toDate(created_at) AND customer_id != ''
        UNION ALL
        SELECT customer_id, queued_at AS came_at FROM {_QUEUED} WHERE customer_id != ''
    )
    GROUP BY customer_id
)""".strip()  # noqa: S608 - words of ours

SESSIONS: Final = Observations(
    name="selfservice_sessions",
    one="a session of a known customer who looked for help without the desk",
    clock="ended_at: when it ended",
    columns={
        "at": "ended_at",
        "is_contained": "NOT arrayExists("
        f"one -> one > ended_at AND one <= ended_at + toIntervalHour({FOLLOWED_HOURS}), came)",
    },
    lookback_seconds=_DAY_SECONDS,
    lookahead_seconds=_DAY_SECONDS,
    source=f"{_SESSIONS} AS session\nLEFT JOIN {_CAME} AS customers USING (customer_id)",
    where="customer_id != ''",
    dimensions=frozenset(_DIMENSIONS_OF_SESSIONS),
)

HELPED: Final = Observations(
    name="helped",
    one="a ticket, or a session of self-service that solved what was wanted",
    clock="created_at of tickets, when it ended of sessions",
    columns={"at": "happened_at", "is_by_itself": "is_by_itself"},
    source=f"""
(
    SELECT day, is_effective, ticket_id, created_at AS happened_at, false AS is_by_itself, {", ".join(Dimension)}
    FROM {DAYS}
    UNION ALL
    SELECT day, is_effective, ticket_id, ended_at AS happened_at, true AS is_by_itself, {", ".join(Dimension)}
    FROM {_SESSIONS}
    WHERE solved
)""".strip(),  # noqa: S608 - words of ours
    lookback_seconds=_DAY_SECONDS,
    lookahead_seconds=_DAY_SECONDS,
    dimensions=frozenset(_DIMENSIONS_OF_SESSIONS),
)

CONTACTS_QUEUED: Final = Metric(
    name="queued_contacts",
    title="Contacts in queues",
    topic=Topic.CONTACTS,
    unit=Unit.NUMBER,
    direction=Direction.NEITHER,
    kind=Kind.COUNT,
    observations=QUEUED,
    numerator="contacts that began to wait in a queue in the window",
    denominator="none: it is a count",
    n_min=0,
    is_main=False,
    about="Calls and chats as the telephone system tells them, whether a ticket came of them or not.",
)

ABANDONED_SHARE: Final = Metric(
    name="contacts_abandoned",
    title="Given up while waiting",
    topic=Topic.CONTACTS,
    unit=Unit.SHARE,
    direction=Direction.DOWN,
    kind=Kind.SHARE,
    observations=QUEUED,
    numerator="of them those that were given up before anybody answered",
    denominator="contacts that began to wait in the window and were answered or given up",
    counted="is_answered OR is_abandoned",
    hit="is_abandoned",
    is_main=False,
    about="All of them, also after a few seconds: whoever hangs up at the announcement was not helped either. An "
    "answer after somebody gave up, such as a call-back, does not undo it.",
)

CONTACT_WAIT_P50: Final = Metric(
    name="contact_wait_p50",
    title="Wait in a queue, median",
    topic=Topic.CONTACTS,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.SURVIVAL,
    observations=QUEUED,
    numerator="time within which half of them were answered",
    denominator="contacts that began to wait in the window, those included that were given up or wait still",
    hit="is_answered",
    value="seconds",
    is_main=False,
    about="By the Kaplan-Meier estimate: whoever gave up would have waited longer, and counts for that. So a queue "
    "that nobody endures does not look short.",
)

CONTACT_WAIT_P90: Final = tail_of(
    CONTACT_WAIT_P50, 90, numerator="time within which nine in ten were answered", about="As contact_wait_p50."
)

IMPORTANT_MISSED: Final = replace(
    CONTACTS_QUEUED,
    name="important_missed",
    title="Important contacts missed",
    direction=Direction.DOWN,
    observations=QUEUED_IMPORTANT,
    numerator="important contacts that began to wait in the window and were given up, or waited for longer than they "
    "may",
    counted=IS_MISSED,
    about=f"By the policy in force when it began to wait: {' and '.join(_MEANT.priorities)}, and {_MEANT.within}, "
    "without one. One that still waits is missed as soon as it has waited for so long.",
)

CONTAINMENT: Final = Metric(
    name="selfservice_containment",
    title="Helped themselves for good",
    topic=Topic.CONTACTS,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=SESSIONS,
    numerator=f"of them those whose customer neither opened a ticket nor queued within {FOLLOWED_HOURS} hours",
    denominator="sessions of self-service of known customers that ended in the window",
    hit="is_contained",
    matures_days=1,
    is_main=False,
    about="Whether a session was solved is the customer's or the portal's word; that nobody came is a fact. Customers "
    "whom nobody knows cannot be followed and are left out.",
)

SELFSERVICE_SHARE: Final = Metric(
    name="selfservice_share",
    title="Solved by self-service",
    topic=Topic.CONTACTS,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=HELPED,
    numerator="of them the sessions",
    denominator="tickets created, and sessions of self-service that solved what was wanted, in the window",
    hit="is_by_itself",
    is_main=False,
    about="Of everything that customers wanted, what needed nobody. Read it beside selfservice_containment: a portal "
    "that calls everything solved has a high share.",
)

TICKETS_PER_1000_ORDERS: Final = Metric(
    name="tickets_per_1000_orders",
    title="Tickets per 1,000 orders",
    topic=Topic.LOAD,
    unit=Unit.PER_1000,
    direction=Direction.DOWN,
    kind=Kind.RATE,
    observations=CONTACTS_AND_ORDERS,
    numerator="tickets created in the window, times 1,000",
    denominator="orders placed in the window",
    counted="order_id != ''",
    hit="ticket_id != ''",
    once_per="(customer_id, shop, order_id)",
    is_main=False,
    about="What selling more brings in by itself is no growing need for help. Replacements and exchanges are no orders "
    "here; orders that were cancelled later are. Orders know no team, only a product line.",
)

TICKETS_PER_1000_CUSTOMERS: Final = replace(
    TICKETS_PER_1000_ORDERS,
    name="tickets_per_1000_customers",
    title="Tickets per 1,000 active customers",
    denominator="customers who placed an order or opened a ticket in the window",
    counted="customer_id != ''",
    once_per="customer_id",
    about="A customer counts once, however many tickets and orders. Tickets of unknown customers count above, but add "
    "no customer.",
)
