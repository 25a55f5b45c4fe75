"""Hypothesis strategies for the histories of tickets: few names and few instants, so that events meet and collide."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeAlias

import msgspec
from hypothesis import strategies as st
from msgspec import UNSET, Struct
from msgspec.structs import replace

from schemas import events as e
from schemas.codec import Event, decode, encode
from schemas.policy import Important, Policy, Rule, Scale, SettledAfter
from schemas.schedule import SpecialDay, Version, Week
from streams.core.ticket.fact import fact_of
from streams.core.ticket.fold import Ticket, fold
from streams.core.ticket.merge import statements_of
from streams.core.ticket.merge_evidence import Paths, Witnesses, path_of

SOURCE: Final = "urn:test:desk"
SOURCES: Final = (SOURCE, "urn:test:surveys", "urn:test:shop")
"""Whoever says something of surveys, ratings, grants and orders; their ids meet."""
NOW_MS: Final = 2_000_000_000_000
TICKET: Final = "T"
TICKETS: Final = ("A", "B", "C")

Contents: TypeAlias = st.SearchStrategy[e.Data]


class Told(Struct, frozen=True):
    """One event before it has an identity: what it says, when, and the producer's order within one instant."""

    content: e.Data
    at: int
    sequence: int | None = None
    source: str = SOURCE


def event(
    content: e.Data, at: int, id: str, sequence: int | None = None, *, subject: str = TICKET, source: str = SOURCE
) -> Event:
    """Return an event as it comes out of the decoder, `at` in milliseconds since 1970."""
    encoded = encode(
        content,
        source=source,
        id=id,
        time=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at),
        name=e.NAME_OF[type(content)],
        subject=subject,
        subjectseq=sequence,
    )
    return decode(encoded, now_ms=NOW_MS)


def public_answer(ticket_id: str, message_id: str = "m") -> e.MessageSent:
    """Return the public answer of a person to a customer."""
    return e.MessageSent(
        ticket_id=ticket_id,
        message_id=message_id,
        direction=e.Direction.OUT,
        visibility=e.Visibility.PUBLIC,
        sender_type=e.Party.AGENT,
    )


def folded(events: Iterable[Event], ticket_id: str = TICKET) -> Ticket:
    """Return the ticket of some events."""
    return fold(Ticket(ticket_id), [fact_of(one) for one in events])[0]


def settled(
    events: Iterable[Event], known: Mapping[str, Ticket] | None = None, *, most: int = 50_000
) -> dict[str, Ticket]:
    """Return all tickets, known ones included, after every statement that they have for each other was folded too.

    Raises:
        RuntimeError: When they do not come to rest.
    """
    tickets = dict(known or {})
    waiting = deque(events)
    folds = 0
    while waiting:
        folds += 1
        if folds > most:
            raise RuntimeError(f"no rest after {most} folds")
        one = waiting.popleft()
        if isinstance(one.content, e.TicketAbsorbed):
            stated = Witnesses(tickets).borne_out(one, one.content)
            assert stated, "what a ticket said is borne out however late it is read"
            if not Paths(tickets.get(one.subject, Ticket(one.subject)).facts).take(path_of(one.content)):
                continue
            one = stated
        fact = fact_of(one)
        tickets[one.subject], _ = fold(tickets.get(one.subject, Ticket(one.subject)), [fact])
        waiting.extend(decode(said, now_ms=NOW_MS) for _, said in statements_of(tickets[one.subject], [fact]))
    return tickets


def histories(*, max_size: int = 14) -> st.SearchStrategy[list[Event]]:
    """Return the events of one ticket, each with an identity of its own, in no order."""
    subjects = (contents(), _lives(), _openings() | _talks(), _feedback(), _lives() | _retractions())
    return st.one_of([st.lists(_told(said), min_size=1, max_size=max_size) for said in subjects]).map(_numbered)


def worlds(*, max_size: int = 16) -> st.SearchStrategy[list[Event]]:
    """Return events of several tickets that are merged into each other and apart again."""
    often = (_merges(), _retractions(), _openings() | _talks())
    subjects = (st.one_of(often), st.one_of(*often, _lives(), _feedback()))
    worlds = [st.tuples(st.sampled_from(TICKETS), _told(said)) for said in subjects]
    return st.one_of([st.lists(told, min_size=3, max_size=max_size) for told in worlds]).map(_numbered_world)


def desks(*, tickets: Sequence[str] = TICKETS, min_size: int = 1, max_size: int = 24) -> st.SearchStrategy[list[Event]]:
    """Return everything that can be told of a few tickets and of the orders of their customers, over some days."""
    told = st.tuples(st.sampled_from(tickets), _told(st.one_of(contents(), contents(), _merges(tickets))))
    orders = st.lists(_told(_orders()), max_size=6)
    return st.builds(
        lambda tickets, orders: [*map(_on_some_day, _numbered_world(tickets)), *_numbered_orders(orders)],
        st.lists(told, min_size=min_size, max_size=max_size),
        orders,
    )


def parked_desks(*, max_size: int = 16) -> st.SearchStrategy[list[Event]]:
    """Return a few tickets on which customers and the desk talk, and which are put away and taken up again."""
    who = st.sampled_from([e.Party.CUSTOMER, e.Party.CUSTOMER, e.Party.BOT, e.Party.AGENT])
    opening = st.builds(e.TicketCreated, ticket_id=_ticket, channel=st.just("email"), created_by=who, team=_words)
    done = st.sampled_from([e.Status.RESOLVED, e.Status.CLOSED, e.Status.OPEN])
    moved = st.builds(e.TicketStatusChanged, ticket_id=_ticket, to=done)
    back = st.builds(e.TicketReopened, ticket_id=_ticket, by=st.none() | _parties)
    said = st.one_of(opening, _turns(), _turns(), _turns(), moved, st.builds(e.TicketResolved, ticket_id=_ticket), back)
    begun = st.tuples(*(st.tuples(st.just(id), st.builds(Told, opening, st.integers(0, 8))) for id in TICKETS))
    told = st.lists(
        st.tuples(st.sampled_from(TICKETS), st.builds(Told, said, st.integers(0, len(INSTANTS) - 1))), max_size=max_size
    )
    return st.tuples(begun, told).map(lambda both: [*map(_on_some_day, _numbered_world([*both[0], *both[1]]))])


def faulty_desks(*, max_size: int = 20) -> st.SearchStrategy[list[Event]]:
    """Return a few tickets about two assets and a topic, what is said to their customers, and what of two faults."""
    asset, instant = st.sampled_from(["L1", "L1", "L2", None]), st.integers(0, len(INSTANTS) - 1)
    opening = st.builds(
        e.TicketCreated,
        ticket_id=_ticket,
        channel=st.just("phone"),
        created_by=st.just(e.Party.CUSTOMER),
        customer_id=st.sampled_from(["x", "y", None]),
        asset_id=asset,
        product_line=st.sampled_from(["p", None]),
        reason=st.sampled_from(["r", None]),
        team=_words,
    )
    linked = _links()
    resolved = st.builds(e.TicketResolved, ticket_id=_ticket)
    back = st.builds(e.TicketReopened, ticket_id=_ticket, by=st.none() | _parties)
    said = st.one_of(opening, _turns(), _turns(), linked, resolved, back, _merges(), _retractions())
    begun = st.tuples(*(st.tuples(st.just(id), st.builds(Told, opening, instant)) for id in TICKETS))
    told = st.lists(st.tuples(st.sampled_from(TICKETS), st.builds(Told, said, instant)), max_size=max_size)
    about, taken_back = st.sampled_from(["F", "F", "G"]), _retractions(7, "f")
    told_of_faults = st.lists(st.tuples(about, _of_faults(), instant), min_size=1, max_size=8)
    faults = st.builds(
        lambda told, taken_back: [*told, *taken_back],
        told_of_faults,
        st.lists(st.tuples(about, taken_back, instant), max_size=1),
    )
    return st.tuples(begun, told, faults).map(
        lambda all: [*map(_on_some_day, _numbered_world([*all[0], *all[1]])), *_numbered_faults(all[2])]
    )


def _links() -> Contents:
    """Return words on what a ticket is about: a fault, a known issue, both."""
    fault_id, issue_id = st.sampled_from(["F", "G", None]), st.sampled_from(["K", "J", None])
    return st.one_of(
        st.builds(e.TicketLinked, ticket_id=_ticket, fault_id=fault_id),
        st.builds(e.TicketLinked, ticket_id=_ticket, issue_id=issue_id),
        st.builds(e.TicketLinked, ticket_id=_ticket, fault_id=fault_id, issue_id=issue_id),
    )


def preventing_desks(*, max_size: int = 14) -> st.SearchStrategy[list[Event]]:
    """Return a few tickets that are linked to two known issues, and what is said of these, and of two reasons."""
    instant = st.integers(0, len(INSTANTS) - 1)
    opening = st.builds(
        e.TicketCreated,
        ticket_id=_ticket,
        channel=st.just("phone"),
        created_by=st.just(e.Party.CUSTOMER),
        product_line=st.sampled_from(["p", None]),
        reason=st.sampled_from(["r", "q", None]),
        team=_words,
    )
    solved = st.builds(e.TicketResolved, ticket_id=_ticket, outcome=st.sampled_from(["workaround", "repaired", None]))
    back = st.builds(e.TicketReopened, ticket_id=_ticket, by=st.none() | _parties)
    said = st.one_of(opening, _links(), _links(), solved, solved, back, _merges(), _retractions())
    begun = st.tuples(*(st.tuples(st.just(id), st.builds(Told, opening, instant)) for id in TICKETS))
    told = st.lists(st.tuples(st.sampled_from(TICKETS), st.builds(Told, said, instant)), max_size=max_size)
    cases = st.lists(st.tuples(st.one_of(_of_issues(), _of_causes(), _of_causes()), instant), min_size=2, max_size=10)
    taken_back = st.lists(st.tuples(st.sampled_from(["K", "r"]), _retractions(9, "k"), instant), max_size=2)
    return st.tuples(begun, told, cases, taken_back).map(
        lambda all: [
            *map(_on_some_day, _numbered_world([*all[0], *all[1]])),
            *(
                event(content, INSTANTS[at], f"k{number}", subject=getattr(content, content.subject_field))
                for number, (content, at) in enumerate(all[2])
            ),
            *(
                event(content, INSTANTS[at], f"k{len(all[2]) + number}", subject=subject)
                for number, (subject, content, at) in enumerate(all[3])
            ),
        ]
    )


def _of_issues() -> Contents:
    at = st.none() | st.sampled_from(INSTANTS[2::5]).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC))
    issue_id = st.sampled_from(["K", "K", "J"])
    text = st.sampled_from(["x", "x", None])
    what = {"issue_id": issue_id, "cause": text, "eta_at": at, "workaround": text, "responsible_department": text}
    about = st.builds(e.KnownIssueAnnounced, **what, reason=st.just("r"), product_line=st.sampled_from(["p", None]))
    return st.one_of(
        about,
        about,
        st.builds(e.KnownIssueUpdated, issue_id=issue_id, eta_at=at),
        st.builds(e.KnownIssueUpdated, issue_id=issue_id, cause=text, workaround=text),
        st.builds(e.KnownIssueResolved, issue_id=issue_id),
    )


def calling_desks(*, max_size: int = 12) -> st.SearchStrategy[list[Event]]:
    """Return tickets of two customers, calls that wait, are answered or given up, and sessions of self-service."""
    instant, customer = st.integers(0, len(INSTANTS) - 1), st.sampled_from(["x", "y", None])
    opening = st.builds(
        e.TicketCreated,
        ticket_id=_ticket,
        channel=st.sampled_from(["phone", "portal"]),
        created_by=st.just(e.Party.CUSTOMER),
        customer_id=customer,
        reason=st.sampled_from(["r", None]),
    )
    spam = st.builds(e.TicketMarkedSpam, ticket_id=_ticket)
    told = st.lists(
        st.tuples(st.sampled_from(TICKETS), st.builds(Told, st.one_of(opening, opening, spam), instant)), max_size=4
    )
    # What is said of a call is said within hours; tickets come on the days around it.
    middle = INSTANTS[len(INSTANTS) // 2]
    soon = st.sampled_from([middle + after for after in range(0, 400_000, 40_000)])
    when = st.one_of(soon, soon, st.sampled_from([middle + after for after in range(0, 80_000_000, 4_000_000)]))
    cases = st.lists(st.tuples(_of_calls(customer), when, st.sampled_from(SOURCES[:2])), min_size=2, max_size=max_size)
    taken_back = st.lists(st.tuples(st.sampled_from(["P", "S"]), _retractions(9, "k"), when), max_size=2)
    return st.tuples(told, cases, taken_back, policies()).map(
        lambda all: [
            *map(_on_some_day, _numbered_world(all[0])),
            *all[3],
            *(
                event(content, at, f"k{number}", subject=getattr(content, content.subject_field), source=source)
                for number, (content, at, source) in enumerate(all[1])
            ),
            *(
                event(content, at, f"k{len(all[1]) + number}", subject=subject)
                for number, (subject, content, at) in enumerate(all[2])
            ),
        ]
    )


def _of_calls(customer: st.SearchStrategy[str | None]) -> Contents:
    call = st.sampled_from(["P", "P", "Q"])
    queued = st.builds(
        e.ContactQueued,
        contact_id=call,
        channel=st.sampled_from(["phone", "chat"]),
        team=_words,
        priority=st.sampled_from(["high", "urgent", "low", None]),
        customer_id=customer,
    )
    answered = st.builds(e.ContactAnswered, contact_id=call, agent_id=_words, ticket_id=st.sampled_from(["T", None]))
    session = st.builds(
        e.SelfServiceSession,
        session_id=st.sampled_from(["S", "R"]),
        channel=st.just("portal"),
        solved=st.booleans(),
        customer_id=customer,
        reason=st.sampled_from(["r", None]),
    )
    return st.one_of(queued, queued, answered, st.builds(e.ContactAbandoned, contact_id=call), session, session)


def _of_causes() -> Contents:
    said = st.sampled_from([e.RootCauseReported, e.RootCauseAcknowledged, e.RootCauseFixed])
    what = {"reason": st.sampled_from(["r", "r", "q"]), "department": st.sampled_from(["d", "f"])}
    return said.flatmap(lambda kind: st.builds(kind, **what, action=st.sampled_from(["x", None])))


def _of_faults() -> Contents:
    at = st.none() | st.sampled_from(INSTANTS[2::5]).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC))
    what = {"fault_id": st.just("F"), "cause": _words, "eta_at": at, "began_at": at}
    on_asset = st.builds(e.FaultDeclared, **what, asset_id=st.sampled_from(["L1", "L2"]))
    on_topic = st.builds(e.FaultDeclared, **what, product_line=st.just("p"), reason=st.just("r"))
    known = st.builds(e.FaultUpdated, fault_id=st.just("F"), eta_at=at)
    began = st.builds(e.FaultUpdated, fault_id=st.just("F"), began_at=at)
    fixed, reopened = st.builds(e.FaultFixed, fault_id=st.just("F")), st.builds(e.FaultReopened, fault_id=st.just("F"))
    return st.one_of(on_asset, on_asset, on_topic, known, began, fixed, fixed, reopened)


def _numbered_faults(told: Sequence[tuple[str, e.Data, int]]) -> list[Event]:
    return [
        event(
            content if isinstance(content, e.EventRetracted) else replace(content, fault_id=fault_id),
            INSTANTS[instant],
            f"f{number}",
            subject=fault_id,
        )
        for number, (fault_id, content, instant) in enumerate(told)
    ]


def handled_desks(*, tickets: Sequence[str] = TICKETS, max_size: int = 18) -> st.SearchStrategy[list[Event]]:
    """Return a few tickets of two customers who ask, get answers, are passed on, rate, and come back a week later."""
    opening = st.builds(
        e.TicketCreated,
        ticket_id=_ticket,
        channel=st.just("email"),
        created_by=st.sampled_from([*[e.Party.CUSTOMER] * 3, e.Party.AGENT]),
        customer_id=st.sampled_from(["x", "x", "y", None]),
        reason=_words,
        team=_words,
        agent_id=_words,
    )
    rating = st.builds(
        e.RatingSubmitted,
        ticket_id=_ticket,
        rating_id=_ratings,
        raw=st.sampled_from([1.0, 5.0]),
        scale_min=st.just(1.0),
        scale_max=st.just(5.0),
        source=st.just(e.RatingSource.CUSTOMER),
    )
    resolved = st.builds(e.TicketResolved, ticket_id=_ticket)
    reopened = st.builds(e.TicketReopened, ticket_id=_ticket)
    given = st.builds(e.TicketAssigned, ticket_id=_ticket, team=_words, agent_id=_words)
    away = st.builds(e.TicketMarkedSpam, ticket_id=_ticket), _merges(tickets)
    said = st.one_of(resolved, reopened, *[_turns()] * 4, *[given] * 4, rating, rating, *away)
    days, fortnight = len(INSTANTS), 2 * len(INSTANTS)
    begun = [
        st.tuples(st.just(id), st.builds(Told, opening, st.integers(0, days // 2) | st.integers(days, fortnight - 1)))
        for id in tickets
    ]
    solved = [
        st.tuples(
            st.just(id), st.builds(Told, resolved, st.integers(days // 2, days - 1) | st.integers(0, fortnight - 1))
        )
        for id in tickets
    ]
    more = st.builds(Told, said, st.integers(0, days - 1) | st.integers(0, fortnight - 1))
    told = st.lists(st.tuples(st.sampled_from(tickets), more), min_size=6, max_size=max_size)
    return st.tuples(st.tuples(*begun, *solved), told).map(
        lambda both: [*map(_or_a_week_later, _numbered_world([*both[0], *both[1]]))]
    )


def schedules() -> st.SearchStrategy[list[Event]]:
    """Return schedules of some teams as they are published, corrected and taken back, in force somewhere in `desks`."""
    return st.lists(_told(_schedules()), max_size=4).map(
        lambda told: [event(one.content, one.at, f"h{number}", one.sequence) for number, one in enumerate(told)]
    )


def policies() -> st.SearchStrategy[list[Event]]:
    """Return the policy as it is published, corrected and taken back, late or early, in force somewhere in `desks`."""
    return st.lists(_told(_policies()), max_size=3).map(
        lambda told: [event(one.content, one.at, f"p{number}", one.sequence) for number, one in enumerate(told)]
    )


def _policies() -> Contents:
    values = st.lists(st.sampled_from(["", "x", "y"]), min_size=1, max_size=2, unique=True).map(tuple)
    conditions = st.sampled_from(["priority", "team", "product_line", "region", "customer_segment"])
    asked = st.dictionaries(conditions, values, min_size=1)
    within = st.fixed_dictionaries(
        {"within": st.sampled_from(["1m", "1h", "4h", "11h", "30h"]), "hours": st.sampled_from(["calendar", "open"])}
    ).filter(lambda said: said["hours"] == "calendar" or said["within"] != "30h")
    chosen = st.lists(st.builds(lambda asked, said: msgspec.convert(asked | said, Rule), asked, within), max_size=2)
    rules = st.tuples(chosen, st.lists(within.map(lambda said: msgspec.convert(said, Rule)), max_size=1)).map(
        lambda both: (*both[0], *both[1])
    )
    day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=INSTANTS[0])
    scales = st.tuples(st.sampled_from([(1, 5), (0, 10), (0, 5), (1, 10)]), st.integers(1, 9)).map(_scale)
    days = st.sampled_from([1, 2, 7, 30])
    pauses = st.lists(st.sampled_from(["customer", "hold"]), max_size=2, unique=True).map(tuple)
    versions = st.builds(
        Policy,
        from_at=st.integers(-1440, 4 * 1440).map(lambda minutes: day + timedelta(minutes=minutes)),
        zone=st.just("UTC"),
        satisfied_from=st.sampled_from([25, 50, 75, 100]),
        scales=st.lists(scales, max_size=2, unique_by=lambda one: (one.scale_min, one.scale_max)).map(tuple),
        important=st.builds(
            Important,
            priorities=st.lists(st.sampled_from(["high", "urgent", "low", ""]), max_size=2, unique=True).map(tuple),
            within=st.sampled_from(["20s", "40s", "2m", "7m"]),
        ),
        least_n=st.sampled_from([2, 3, 20, 250]),
        reason_share=st.sampled_from([0.1, 0.3, 1.0]),
        settled_after_days=st.builds(SettledAfter, **dict.fromkeys(SettledAfter.__struct_fields__, days)),
        first_response=rules,
        response=rules,
        resolution=st.tuples(rules, st.lists(pauses, min_size=3, max_size=3)).map(_paused),
    )
    ordered = st.lists(versions, max_size=3, unique_by=lambda version: version.from_at).map(
        lambda some: tuple(sorted(some, key=lambda version: version.from_at))
    )
    return st.builds(e.PolicyPublished, versions=ordered)


def _paused(said: tuple[tuple[Rule, ...], list[tuple[str, ...]]]) -> tuple[Rule, ...]:
    """Return rules with what pauses each."""
    return tuple(replace(rule, paused=paused) for rule, paused in zip(*said, strict=False))


def _scale(said: tuple[tuple[float, float], int]) -> Scale:
    (lowest, highest), least = said
    return Scale(scale_min=lowest, scale_max=highest, satisfied_from=min(highest, lowest + least))


def _schedules() -> Contents:
    day = date(1970, 1, 1) + timedelta(days=INSTANTS[0] // 86_400_000)
    pauses = (), ("00:00-24:00",), ("09:00-12:00", "13:00-17:30"), ("22:00-24:00", "00:00-06:00")
    hours = st.sampled_from(pauses)
    versions = st.builds(
        Version,
        from_at=st.integers(-2 * 1440, 4 * 1440).map(
            lambda minutes: datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minutes)
        ),
        zone=st.sampled_from(["UTC", "Asia/Kathmandu", "America/New_York"]),
        weekly=st.builds(Week, *[hours] * 7),
        holidays=st.sampled_from([(), (day + timedelta(days=1),)]),
        special_days=hours.map(lambda hours: (SpecialDay(day + timedelta(days=2), hours),)),
    )
    ordered = st.lists(versions, max_size=2, unique_by=lambda version: version.from_at).map(
        lambda some: tuple(sorted(some, key=lambda version: version.from_at))
    )
    return st.builds(e.SchedulePublished, name=st.sampled_from(["default", "x"]), versions=ordered)


INSTANTS: Final = [
    day * 86_400_000 + instant
    for day in range(20_500, 20_504)
    for instant in (0, 1, 3_599_999, 3_600_000, 4 * 3_600_000, 43_200_500, 86_399_000, 86_399_999)
]
"""Around midnight, and as far from each other as targets are."""


def _on_some_day(one: Event) -> Event:
    return _at(one, INSTANTS[one.at_ms % len(INSTANTS)])


def _or_a_week_later(one: Event) -> Event:
    return _at(one, INSTANTS[one.at_ms % len(INSTANTS)] + 7 * 86_400_000 * (one.at_ms // len(INSTANTS)))


def _at(one: Event, at: int) -> Event:
    assert one.content
    sequence = one.sequence if one.sequence >= 0 else None
    return event(one.content, at, one.id, sequence, subject=one.subject, source=one.source)


def _numbered_orders(told: Sequence[Told]) -> list[Event]:
    return [
        event(
            one.content,
            INSTANTS[one.at % len(INSTANTS)] + 25 * 86_400_000 * (one.at // 10),
            f"o{number}",
            subject="?",
            source=one.source,
        )
        for number, one in enumerate(told)
    ]


def _orders() -> Contents:
    who = {"customer_id": st.sampled_from(["x", "y"]), "order_id": st.sampled_from(["o1", "o2"])}
    placed = st.builds(
        e.OrderPlaced,
        **who,
        kind=st.sampled_from(e.OrderKind),
        amount=st.just(100),
        currency=st.just("EUR"),
        product_line=_words,
    )
    return placed | placed | st.builds(e.OrderCancelled, **who)


def contents() -> Contents:
    """Return what can be said of a ticket, apart from merges."""
    return st.one_of(_lives(), _talks(), _feedback(), _promises(), _retractions())


def _told(said: Contents) -> st.SearchStrategy[Told]:
    told = st.builds(Told, said, st.integers(0, 40), st.none() | st.integers(0, 2), st.sampled_from(SOURCES))
    return told.map(lambda one: one if isinstance(one.content, _OF_MANY) else replace(one, source=SOURCE))


_OF_MANY: Final = (
    e.SurveyOffered,
    e.RatingSubmitted,
    e.RatingRevised,
    e.RatingWithdrawn,
    e.CompensationGranted,
    e.PromiseMade,
    e.PromiseMoved,
    e.PromiseKept,
    e.PromiseWithdrawn,
    e.TicketRepurchased,
    e.OrderPlaced,
    e.OrderCancelled,
)


def _numbered(told: Sequence[Told]) -> list[Event]:
    return [
        event(one.content, one.at, f"e{number}", one.sequence, source=one.source) for number, one in enumerate(told)
    ]


def _numbered_world(told: Sequence[tuple[str, Told]]) -> list[Event]:
    subjects = {f"e{number}": ticket_id for number, (ticket_id, _) in enumerate(told)}
    for id, (_, one) in zip(list(subjects), told, strict=True):
        if isinstance(one.content, e.EventRetracted):
            subjects[id] = subjects.get(one.content.target_id, subjects[id])
    return [
        event(_about(one.content, subjects[id]), one.at, id, one.sequence, subject=subjects[id], source=one.source)
        for id, (_, one) in zip(list(subjects), told, strict=True)
    ]


def _about(content: e.Data, ticket_id: str) -> e.Data:
    if isinstance(content, e.TicketMerged) and content.into_ticket_id == ticket_id:
        return e.TicketMarkedSpam(ticket_id=ticket_id)
    return replace(content, ticket_id=ticket_id) if isinstance(content, e.TicketData) else content


_ticket: Final = st.just(TICKET)
_words: Final = st.none() | st.sampled_from(["x", "y"])
_orders_named: Final = st.none() | st.sampled_from(["o1", "o2"])
_nobody: Final = st.sampled_from([None, UNSET])
_parties: Final = st.sampled_from(e.Party)
_ratings: Final = st.sampled_from(["r1", "r2", "r3"])
_kinds: Final = st.none() | st.none() | st.sampled_from(e.SurveyKind)


def _openings() -> Contents:
    return st.builds(
        e.TicketCreated,
        ticket_id=_ticket,
        channel=st.sampled_from(["phone", "email"]),
        created_by=_parties,
        customer_id=_words,
        team=_words,
        agent_id=_words,
        contact_type=st.none() | st.sampled_from(e.ContactType),
        reason=_words,
        product_line=_words,
        order_id=_orders_named,
        priority=_words,
        customer_segment=_words,
        after_sales=st.none() | st.booleans(),
        is_test=st.booleans(),
    )


def _lives() -> Contents:
    return st.one_of(
        _openings(),
        st.builds(
            e.TicketClassified,
            ticket_id=_ticket,
            contact_type=st.sampled_from(e.ContactType),
            by=st.sampled_from(e.Classifier),
            reason=_words,
            product_line=_words,
        ),
        st.builds(e.TicketAssigned, ticket_id=_ticket, team=st.sampled_from(["x", "y"]), agent_id=_words),
        st.builds(e.TicketAssigned, ticket_id=_ticket, team=_nobody, agent_id=st.none()),
        _updates(),
        st.builds(e.TicketStatusChanged, ticket_id=_ticket, to=st.sampled_from(e.Status)),
        st.builds(
            e.TicketResolved,
            ticket_id=_ticket,
            outcome=_words,
            strategy=_words,
            after_sales=st.none() | st.booleans(),
            agent_id=_words,
        ),
        st.builds(e.TicketReopened, ticket_id=_ticket, by=st.none() | _parties),
        st.builds(e.TicketReopened, ticket_id=_ticket, by=st.just(e.Party.CUSTOMER)),
        _links(),
        st.builds(e.TicketClosed, ticket_id=_ticket),
        st.builds(e.TicketEscalated, ticket_id=_ticket, level=st.sampled_from(["x", "y"])),
        st.builds(e.TicketMarkedSpam, ticket_id=_ticket),
        st.builds(e.TicketUnmarkedSpam, ticket_id=_ticket),
        st.builds(e.TicketDeleted, ticket_id=_ticket),
    )


def _updates() -> Contents:
    said: dict[str, st.SearchStrategy[object]] = dict.fromkeys(e.ATTRIBUTES, _words)
    said |= {"contact_type": st.none() | st.sampled_from(e.ContactType), "order_id": _orders_named}
    said |= dict.fromkeys(("after_sales", "is_test"), st.none() | st.booleans())
    return st.builds(
        lambda name, more: e.TicketUpdated(ticket_id=TICKET, **{name[0]: name[1], **more}),
        st.sampled_from(e.ATTRIBUTES).flatmap(lambda name: st.tuples(st.just(name), said[name])),
        st.fixed_dictionaries({}, optional={name: said[name] for name in ("team", "agent_id", "priority")}),
    )


def _talks() -> Contents:
    message = st.builds(
        e.MessageSent,
        ticket_id=_ticket,
        message_id=st.just("m"),
        direction=st.sampled_from(e.Direction),
        visibility=st.sampled_from(e.Visibility),
        sender_type=_parties,
        sender_id=_words,
    )
    return message | _turns()


def _turns() -> Contents:
    """Return what customers and agents say to each other."""
    sides = st.sampled_from([(e.Direction.IN, e.Party.CUSTOMER), (e.Direction.OUT, e.Party.AGENT)])
    return st.builds(
        lambda side, sender_id: e.MessageSent(
            ticket_id=TICKET,
            message_id="m",
            direction=side[0],
            visibility=e.Visibility.PUBLIC,
            sender_type=side[1],
            sender_id=sender_id,
        ),
        sides,
        _words,
    )


def _feedback() -> Contents:
    return st.one_of(
        st.builds(e.SurveyOffered, ticket_id=_ticket, survey_id=st.sampled_from(["s1", "s2"]), kind=_kinds),
        st.builds(
            e.RatingSubmitted,
            ticket_id=_ticket,
            rating_id=_ratings,
            raw=st.sampled_from([1.0, 2.5, 5.0]),
            scale_min=st.sampled_from([0.0, 1.0]),
            scale_max=st.sampled_from([5.0, 10.0]),
            source=st.sampled_from(e.RatingSource),
            survey_id=st.none() | st.sampled_from(["s1", "s2"]),
            kind=_kinds,
        ),
        st.builds(
            e.RatingSubmitted,
            ticket_id=_ticket,
            rating_id=_ratings,
            raw=st.sampled_from([0.0, 6.0, 6.5, 7.0, 8.0, 8.5, 9.0, 10.0]),
            scale_min=st.just(0.0),
            scale_max=st.just(10.0),
            source=st.just(e.RatingSource.CUSTOMER),
            kind=st.just(e.SurveyKind.NPS),
        ),
        st.builds(e.RatingRevised, ticket_id=_ticket, rating_id=_ratings, raw=st.sampled_from([0.0, 3.0, 7.0, 11.0])),
        st.builds(e.RatingWithdrawn, ticket_id=_ticket, rating_id=_ratings),
        st.builds(
            e.CompensationGranted,
            ticket_id=_ticket,
            compensation_id=st.sampled_from(["k1", "k2"]),
            kind=st.sampled_from(["coupon", "refund"]),
            amount=st.integers(0, 500),
            currency=st.just("EUR"),
        ),
        st.builds(
            e.TicketRepurchased,
            ticket_id=_ticket,
            order_id=st.sampled_from(["o1", "o2"]),
            customer_id=st.just("c"),
            ordered_at=st.just(datetime(1970, 1, 2, tzinfo=UTC)),
            amount=st.integers(0, 500),
            currency=st.just("EUR"),
        ),
    )


def _promises() -> Contents:
    """Return what is said of two promises, due among other instants or among the days of `INSTANTS`."""
    due_at = st.sampled_from([5, 20, 20, 38, *INSTANTS[3::4]]).map(lambda at: datetime.fromtimestamp(at / 1000, UTC))
    one = {"ticket_id": _ticket, "promise_id": st.sampled_from(["p1", "p2"])}
    made = st.builds(e.PromiseMade, **one, kind=st.sampled_from(e.PromiseKind), due_at=due_at, made_by=_words)
    return st.one_of(
        made,
        made,
        st.builds(e.PromiseMoved, **one, due_at=due_at),
        st.builds(e.PromiseKept, **one),
        st.builds(e.PromiseWithdrawn, **one),
    )


def _retractions(most: int = 16, letter: str = "e") -> Contents:
    """Any event may be taken back: an early one, a late one, one that never comes, another retraction, itself."""
    targets = st.integers(0, most).map(lambda number: f"{letter}{number}")
    return st.builds(e.EventRetracted, target_source=st.sampled_from([SOURCE, *SOURCES]), target_id=targets)


def _merges(tickets: Sequence[str] = TICKETS) -> Contents:
    return st.builds(e.TicketMerged, ticket_id=st.just("?"), into_ticket_id=st.sampled_from(tickets))
