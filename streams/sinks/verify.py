"""What the tables say, held against the log of record: counted range by range, and only what differs is read."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from clickhouse_connect.driver.client import Client
from msgspec import Struct, field

from schemas.codec import Event, InvalidEventError
from schemas.events import PolicyPublished, SchedulePublished
from schemas.rows import Ms, TicketRow
from streams.core.hours.published import open_hours
from streams.core.policy.published import policy_row
from streams.core.published import newest, version_of
from streams.core.ticket.batch import TICKET_EVENTS, stored_event
from streams.core.ticket.difference import MENDED_BY_FOLDING, Sighting, difference
from streams.core.ticket.fold import REVISION_BITS, Ticket
from streams.core.ticket.measures import row_of
from streams.sinks.clickhouse import ClickHouseStore, portions
from streams.sinks.connection import named_errors
from streams.sinks.filled import fill_again, lacking, lacking_still, untimed, untimed_lately
from streams.sinks.said_rows import Apart, apart, said_otherwise

T = TypeVar("T")

RANGE_EVENTS: Final = 500_000
"""So many events are counted at once: about 100 MB in ClickHouse."""
_AT_ONCE: Final = 1_000
_NAMED: Final = 10
_LOOK_SECONDS: Final = 1.0
_ORDER_EVENTS: Final = ["order.placed", "order.cancelled"]
_NO_ORDERS: Final = ["replacement", "exchange"]

ORDERS: Final = "orders or their days are not those of the stored events"
HOURS: Final = "the newest published hours are not worked out"
POLICY: Final = "the newest published policy is not what counts"
SAID: Final = "what is said of faults, contacts, returns, work and the like is not that of the stored events"
FILLED: Final = "what the database fills from events as they are stored is not whole"


class Span(Struct, frozen=True):
    """Keys after one and up to another; without an end all that follow."""

    after: str = ""
    upto: str | None = None


class Verified(Struct):
    """What was compared, and what came of it.

    Attributes:
        events: Stored, in rows.
        tickets: With a row.
        found: How many differ, by what is wrong.
        named: The first few of them.
        left: How many of them still differ after they were mended, by what is wrong.
    """

    events: int = 0
    tickets: int = 0
    found: Counter[str] = field(default_factory=Counter)
    named: dict[str, list[str]] = field(default_factory=dict)
    left: Counter[str] = field(default_factory=Counter)

    def note(self, wrong: str, key: str, *, is_mended: bool) -> None:
        """Take a difference down."""
        self.found[wrong] += 1
        self.left[wrong] += not is_mended
        named = self.named.setdefault(wrong, [])
        if len(named) < _NAMED:
            named.append(key)


class Verifier:
    """Compares, and states anew what differs unless it is only to tell.

    Workers may go on meanwhile. A ticket whose newest event was stored just now is looked at again before it counts as
    a difference: its row is on its way.
    """

    def __init__(self, client: Client, *, since: Ms | None = None, is_dry: bool = False, settle_seconds: float) -> None:
        self._client = client
        self._store = ClickHouseStore(client)
        self._since = since
        self._is_dry = is_dry
        self._settle_seconds = settle_seconds
        self.verified = Verified()

    def run(self, now_ms: Callable[[], Ms], on_progress: Callable[[int, int], None] | None = None) -> Verified:
        """Compare everything, or what was stored since the given instant, and return what came of it.

        Raises:
            StoreUnavailableError: When ClickHouse is away; doing it again is safe.
            StoreRejectedError: When ClickHouse refuses.
        """
        total = int(self._rows(_EVENTS.format(lately=self._lately), {})[0][0])
        self.verified.events = total
        young: list[str] = []
        saying: list[Apart] = []
        unfilled: list[str] = []
        passed = 0
        for span, events in self._spans():
            passed += events
            self.verified.tickets += self._tickets_in(span)
            suspects = self._suspects(span)
            settled_at = now_ms() - self._settle_seconds * 1000
            young += [seen.ticket_id for seen in suspects if seen.newest_at > settled_at]
            self._settle([seen.ticket_id for seen in suspects if seen.newest_at <= settled_at], now_ms())
            ordered = self._compare_orders(span)
            said = apart(self._rows, partial(self._within, span=span), _parameters(span))
            saying += [one for one in said if one.newest_at > settled_at]
            self._settle_said([one for one in said if one.newest_at <= settled_at])
            unfilled += set(lacking(self._rows, partial(self._within, span=span), _parameters(span))) - ordered
            if on_progress:
                on_progress(min(passed, total), total)
        self._settle(self._looked_at_again(young, self._differing), now_ms())
        self._settle_said(self._looked_at_again(saying, self._said_still))
        unfilled += untimed(self._rows) if self._since is None else untimed_lately(self._rows, self._lately)
        self._fill(self._looked_at_again(sorted(set(unfilled)), self._lacking))
        self._compare_published(now_ms())
        return self.verified

    def _spans(self) -> Iterator[tuple[Span, int]]:
        """Yield ranges of keys that follow one another and leave nothing out, each with about its number of events.

        All events of a key lie in one range, however many they are.
        """
        after = ""
        while True:
            upto, events = self._rows(
                _END_OF_RANGE.format(lately=self._lately), {"after": after, "limit": RANGE_EVENTS}
            )[0]
            if events < RANGE_EVENTS:
                yield Span(after), events
                return
            yield Span(after, upto), events
            after = upto

    def _tickets_in(self, span: Span) -> int:
        condition = self._within("ticket_id", span)
        return int(self._rows(_TICKETS.format(condition=condition), _parameters(span))[0][0])

    def _suspects(self, span: Span) -> list[Sighting]:
        conditions = {name: self._within(key, span) for name, key in _KEYS.items()}
        return self._sightings(conditions, _parameters(span))

    def _looked_at_again(self, differing: list[T], still: Callable[[Sequence[T]], list[T]]) -> list[T]:
        """Return what differs still, once what was on its way has had time to arrive."""
        end = time.monotonic() + self._settle_seconds
        while differing and time.monotonic() < end:
            time.sleep(min(_LOOK_SECONDS, self._settle_seconds))
            differing = [one for some in _chunks(differing) for one in still(some)]
        return differing

    def _differing(self, ids: Sequence[str]) -> list[str]:
        return [seen.ticket_id for seen in self._of(ids)]

    def _settle(self, ids: Sequence[str], now_ms: Ms) -> None:
        """Judge tickets that differ, state anew what is wrong, and note it."""
        for some in _chunks(ids):
            seen = self._of(some)
            folded = {id: ticket for id, ticket in self._store.load_from_events(some).items() if ticket.facts}
            wrong = {s.ticket_id: kind for s in seen if (kind := difference(s, folded.get(s.ticket_id)))}
            mended = self._mended([id for id, kind in wrong.items() if kind in MENDED_BY_FOLDING], folded, now_ms)
            for id, kind in wrong.items():
                self.verified.note(kind.value, id, is_mended=id in mended)

    def _mended(self, ids: Sequence[str], folded: Mapping[str, Ticket], now_ms: Ms) -> set[str]:
        """State tickets anew and return those with which nothing is wrong any more."""
        if self._is_dry or not ids:
            return set()
        self._store.insert([row for id in ids if (row := _stated(folded[id], now_ms))])
        still = {s.ticket_id for s in self._of(ids) if difference(s, folded[s.ticket_id])}
        return set(ids) - still

    def _of(self, ids: Sequence[str]) -> list[Sighting]:
        """Return those of the tickets that differ."""
        conditions = {name: f"{key} IN {{ids:Array(String)}}" for name, key in _KEYS.items()}
        return self._sightings(conditions, {"ids": list(ids)})

    def _sightings(self, conditions: Mapping[str, str], parameters: Mapping[str, Any]) -> list[Sighting]:
        named = {"names": TICKET_EVENTS, "mask": (1 << REVISION_BITS) - 1}
        rows = self._rows(_SIGHTINGS.format(**conditions), {**parameters, **named})
        return [Sighting(*row) for row in rows]

    def _compare_orders(self, span: Span) -> set[str]:
        """Compare how many orders and days there are, and return the customers of whom they differed."""
        conditions = {name: self._within(key, span) for name, key in _CUSTOMERS.items()}
        differ = self._customers(conditions, _parameters(span))
        for some in _chunks(differ):
            still = set(some) if self._is_dry else self._ordered_anew(some)
            for customer in some:
                self.verified.note(ORDERS, customer, is_mended=customer not in still)
        return set(differ)

    def _ordered_anew(self, customers: Sequence[str]) -> set[str]:
        """Store the events of customers again, from which ClickHouse fills the rest, and return who differs still."""
        fill_again(self._client, customers)
        conditions = {name: f"{key} IN {{ids:Array(String)}}" for name, key in _CUSTOMERS.items()}
        return set(self._customers(conditions, {"ids": list(customers)}))

    def _customers(self, conditions: Mapping[str, str], parameters: Mapping[str, Any]) -> list[str]:
        named = {"orders": _ORDER_EVENTS, "others": _NO_ORDERS}
        return [id for (id,) in self._rows(_CUSTOMERS_SQL.format(**conditions), {**parameters, **named})]

    def _said_still(self, differing: Sequence[Apart]) -> list[Apart]:
        """Return which of the subjects differ still."""
        seen = apart(self._rows, "{} IN {{ids:Array(String)}}".format, {"ids": [one.subject for one in differing]})
        named = {(one.kind, one.subject) for one in differing}
        return [one for one in seen if (one.kind, one.subject) in named]

    def _settle_said(self, differing: Sequence[Apart]) -> None:
        """Judge subjects of which rows seem to be missing, state these anew, and note it."""
        for some in _chunks(differing):
            wrong = said_otherwise(self._client, some)
            if not self._is_dry:
                self._store.insert([row for rows in wrong.values() for row in rows])
            still = wrong if self._is_dry else said_otherwise(self._client, self._said_still(list(wrong)))
            left = {(one.kind, one.subject) for one in still}
            for one in wrong:
                self.verified.note(SAID, one.subject, is_mended=(one.kind, one.subject) not in left)

    def _lacking(self, subjects: Sequence[str]) -> list[str]:
        return lacking_still(self._rows, subjects)

    def _fill(self, subjects: Sequence[str]) -> None:
        """Let the database fill again what it lacks of subjects, and note it."""
        for some in _chunks(subjects):
            if not self._is_dry:
                fill_again(self._client, some)
            left = set(some if self._is_dry else self._lacking(some))
            for subject in some:
                self.verified.note(FILLED, subject, is_mended=subject not in left)

    def _compare_published(self, now_ms: Ms) -> None:
        """Compare all schedules and the policy, whenever they were published: they are few."""
        said = list(self._published())
        hours = self._newer(newest(said, SchedulePublished), "SELECT schedule, max(version) FROM open_hours GROUP BY 1")
        policy = self._newer(newest(said, PolicyPublished), "SELECT subject, max(version) FROM policies GROUP BY 1")
        if not self._is_dry:
            for row in open_hours(hours, now_ms):
                self._store.insert([row])
            self._store.insert([policy_row(event, now_ms) for event in policy])
        for event in [*hours, *policy]:
            self.verified.note(HOURS if event in hours else POLICY, event.subject, is_mended=not self._is_dry)

    def _newer(self, events: Sequence[Event], sql: str) -> list[Event]:
        """Return, in order, the events whose subject has no row of theirs or of a newer one."""
        kept = {str(subject): int(version) for subject, version in self._rows(sql, {})}
        differ = [event for event in events if kept.get(event.subject, -1) < version_of(event)]
        return sorted(differ, key=lambda event: event.subject)

    def _published(self) -> Iterator[Event]:
        with named_errors():
            rows = self._client.query(
                "SELECT raw FROM events FINAL WHERE name IN ('schedule.published', 'policy.published')",
                query_formats={"String": "bytes"},
            ).result_rows
        for (raw,) in rows:
            try:
                yield stored_event(raw)
            except InvalidEventError:  # a time zone that this machine lacks: the worker that knew it worked it out
                continue

    @property
    def _lately(self) -> str:
        return "1" if self._since is None else "ingested_at >= {since:DateTime64(3, 'UTC')}"

    def _within(self, key: str, span: Span) -> str:
        """Return the condition that a key lies in a range and, where only the latest counts, belongs to it."""
        condition = _in_range(key, span)
        if self._since is None:
            return condition
        events, tickets = (_in_range(column, span) for column in ("subject", "ticket_id"))
        return f"{condition} AND {key} IN ({_LATELY.format(events=events, tickets=tickets, lately=self._lately)})"

    def _rows(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        lately = {} if self._since is None else {"since": datetime.fromtimestamp(0, UTC) + _ms(self._since)}
        with named_errors():
            return self._client.query(sql, parameters={**parameters, **lately}).result_rows


def _stated(ticket: Ticket, now_ms: Ms) -> TicketRow | None:
    """Return the row of a ticket; None of one that cannot be stated, which is a dead letter already."""
    try:
        return row_of(ticket, now_ms)
    except Exception:  # noqa: BLE001 - whatever it is: it is told as not mended, and keeps no other from being mended
        return None


def _in_range(key: str, span: Span) -> str:
    return f"{key} > {{after:String}}" + ("" if span.upto is None else f" AND {key} <= {{upto:String}}")


def _parameters(span: Span) -> dict[str, Any]:
    return {"after": span.after} if span.upto is None else {"after": span.after, "upto": span.upto}


def _ms(milliseconds: Ms) -> timedelta:
    return timedelta(milliseconds=milliseconds)


_KEYS: Final = {"events": "subject", "tickets": "ticket_id", "days": "ticket_id", "ratings": "ticket_id"}
_CUSTOMERS: Final = {"events": "subject", "orders": "customer_id", "days": "customer_id"}


def _chunks(ids: Sequence[T]) -> Iterator[Sequence[T]]:
    return portions(ids, _AT_ONCE, lambda one: one.subject if isinstance(one, Apart) else str(one))


_EVENTS: Final = "SELECT count() FROM events WHERE {lately}"
_TICKETS: Final = "SELECT count() FROM tickets FINAL WHERE {condition}"
_LATELY: Final = """
SELECT subject FROM events WHERE {events} AND {lately}
UNION ALL
SELECT ticket_id FROM tickets WHERE {tickets} AND {lately}
"""

_END_OF_RANGE: Final = """
SELECT max(subject), count() FROM (
    SELECT subject FROM events WHERE subject > {{after:String}} AND {lately} ORDER BY subject LIMIT {{limit:UInt64}}
)
"""

_SIGHTINGS: Final = """
SELECT
    key,
    max(facts),
    max(revision),
    max(row_facts),
    bitAnd(max(row_version), {{mask:UInt64}}),
    toBool(
        max(row_days) = max(day_rows)
        AND max(day_oldest) = max(row_version)
        AND max(day_newest) = max(row_version)
        AND max(rating_version) = max(row_version)
    ),
    toUnixTimestamp64Milli(max(newest_at))
FROM (
    SELECT
        subject AS key,
        count() AS facts,
        count() + sum(newest) AS revision,
        0 AS row_facts, 0 AS row_version, 0 AS row_days, 0 AS day_rows, 0 AS day_oldest, 0 AS day_newest,
        0 AS rating_version,
        max(stored_at) AS newest_at
    FROM (
        SELECT subject, source, id, max(revision) AS newest, max(ingested_at) AS stored_at
        FROM events
        WHERE {events} AND name IN {{names:Array(String)}}
        GROUP BY subject, source, id
    )
    GROUP BY subject
    UNION ALL
    SELECT ticket_id, 0, 0, events, version, length(days), 0, 0, 0, 0, toDateTime64(0, 3, 'UTC')
    FROM tickets FINAL
    WHERE {tickets}
    UNION ALL
    SELECT ticket_id, 0, 0, 0, 0, 0, count(), min(newest), max(newest), 0, toDateTime64(0, 3, 'UTC')
    FROM (
        SELECT ticket_id, day, max(version) AS newest
        FROM ticket_days
        WHERE {days}
        GROUP BY ticket_id, day
    )
    GROUP BY ticket_id
    UNION ALL
    SELECT ticket_id, 0, 0, 0, 0, 0, 0, 0, 0, max(version), toDateTime64(0, 3, 'UTC')
    FROM ticket_ratings
    WHERE {ratings}
    GROUP BY ticket_id
)
GROUP BY key
HAVING max(facts) != max(row_facts)
    OR max(revision) != bitAnd(max(row_version), {{mask:UInt64}})
    OR max(row_days) != max(day_rows)
    OR max(day_oldest) != max(row_version)
    OR max(day_newest) != max(row_version)
    OR max(rating_version) != max(row_version)
ORDER BY key
"""

_CUSTOMERS_SQL: Final = """
SELECT key
FROM (
    SELECT
        subject AS key,
        uniqExact(name, source, id) AS sent, 0 AS kept, 0 AS placed, 0 AS placed_days
    FROM events
    WHERE {events} AND name IN {{orders:Array(String)}}
    GROUP BY subject
    UNION ALL
    SELECT
        customer_id,
        0,
        uniqExact(name, source, id),
        uniqExactIf((source, id), name = 'order.placed' AND kind NOT IN {{others:Array(String)}}),
        0
    FROM orders
    WHERE {orders}
    GROUP BY customer_id
    UNION ALL
    SELECT customer_id, 0, 0, 0, uniqExact(source, id)
    FROM order_days
    WHERE {days}
    GROUP BY customer_id
)
GROUP BY key
HAVING max(sent) != max(kept) OR max(placed) != max(placed_days)
ORDER BY key
"""
