"""What the row of a ticket must say, worked out from its events in the most pedestrian way.

Written from the definitions of the measures; it shares no code with `streams.core` and is no model of good code: every
question is answered by looking through all events again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby, zip_longest
from typing import Any, Final, NamedTuple, TypeAlias

from msgspec import UNSET

from schemas import events as e
from schemas.codec import Event

Tie: TypeAlias = Callable[[Event], int]
"""Orders events of one instant and sequence. That order is arbitrary by definition, so the caller brings it."""

LONGEST_CHAIN: Final = 8
DONE: Final = (e.Status.RESOLVED, e.Status.CLOSED)
NEVER: Final = 7_258_118_400_000
"""The year 2200."""


def expected_row(world: Iterable[Event], ticket_id: str, tie: Tie) -> dict[str, Any]:
    """Return the columns of a ticket's row, all but `version`, `state` and `ingested_at`.

    `world` holds the events of this ticket and of those that may be merged into it, in any order, with repetitions.
    """
    ordered, counting = _ordered(world, tie)
    own = [one for one in counting if one.subject == ticket_id]
    story = _story(ticket_id, counting)
    all_own = [one for one in ordered if one.subject == ticket_id]
    days = sorted({one.at_ms // 86_400_000 for one in ordered if one.subject in _ever_merged_into(ticket_id, ordered)})
    return {**_row(own, story, _joined_at(ticket_id, counting), all_own), "days": days}


def first_opened(world: Iterable[Event], ticket_id: str, tie: Tie) -> str:
    """Return which ticket of those merged into one was opened first, or "" when nobody says that any was."""
    _, counting = _ordered(world, tie)
    return next((one.subject for one in _opened(_story(ticket_id, counting))), "")


def _ordered(world: Iterable[Event], tie: Tie) -> tuple[list[Event], list[Event]]:
    """Return all events in order, once each, and those of them that count."""
    ordered = sorted(
        {(one.subject, one.source, one.id): one for one in world}.values(),
        key=lambda one: (one.at_ms, one.sequence, tie(one)),
    )
    counting = [
        one for one in ordered if not isinstance(one.content, e.EventRetracted) and not _is_retracted(one, ordered)
    ]
    return ordered, counting


def _story(ticket_id: str, counting: Sequence[Event]) -> list[Event]:
    return [one for one in counting if one.subject == ticket_id or _is_merged_into(one.subject, ticket_id, counting)]


def _ever_merged_into(ticket_id: str, ordered: Sequence[Event]) -> set[str]:
    """Return the ticket and all that were ever merged into it or into one of those, also where that was taken back."""
    found = {ticket_id}
    merges = [(one.subject, one.content.into_ticket_id) for one in ordered if isinstance(one.content, e.TicketMerged)]
    while new := {subject for subject, into in merges if into in found} - found:
        found |= new
    return found


def _row(own: list[Event], story: list[Event], joined_at: list[int], all_own: list[Event]) -> dict[str, Any]:
    creations = [one for one in own if isinstance(one.content, e.TicketCreated)]
    openings = _opened(story)
    seen_at = [one.at_ms for one in own] + joined_at or [one.at_ms for one in all_own] or [0]
    began_at = creations[0].at_ms if creations else min(seen_at)
    created_at = min([began_at, *(one.at_ms for one in openings)])
    attributes = _attributes(own, creations)
    is_test = attributes.pop("is_test")
    exclusion = _exclusion(own, is_test=is_test) if own or joined_at else "retracted"
    opened_by = _opener(openings[0], story) if openings else ""
    status, closed_at = _standing(own, created_at)
    cycles = _cycles(own, created_at)
    waits = _waits(own, story, created_at)
    resolved_at = [resolved for _, resolved in cycles if resolved is not None]
    answered = [wait for wait in waits if wait.answered_at is not None]
    first = answered[0] if answered and opened_by != "agent" else None
    charges, feedback = _charges(own, creations, created_at), _feedback(story)
    waits_on = bool(waits) and waits[-1].answered_at is None and status not in ("resolved", "closed") and not exclusion
    return (
        {
            "created_at": created_at,
            "created_by": opened_by,
            "is_created": bool(creations),
            "status": status,
            "is_effective": not exclusion,
            "exclusion": exclusion,
            "merged_into": _survivor(own[0].subject, own) or "" if own else "",
            "first_response_at": first and first.answered_at,
            "first_response_seconds": first and ((first.answered_at or 0) - first.started_at) / 1000,
            "open_wait_since": waits[-1].started_at if waits_on else None,
            "waits.started_at": [wait.started_at for wait in waits],
            "waits.answered_at": [wait.answered_at for wait in waits],
            "waits.stopped_at": [wait.stopped_at for wait in waits],
            "waits.sender_id": [(wait.answer and _sender(wait.answer)) or "" for wait in waits],
            "waits.asked_again": [wait.asked_again for wait in waits],
            "first_resolved_at": resolved_at[0] if resolved_at else None,
            "last_resolved_at": resolved_at[-1] if resolved_at else None,
            "closed_at": closed_at,
            "first_resolution_seconds": (resolved_at[0] - created_at) / 1000 if resolved_at else None,
            "full_resolution_seconds": None if cycles[-1][1] is None else (cycles[-1][1] - created_at) / 1000,
            "reopened": len(cycles) - 1,
            "cycles.started_at": [start for start, _ in cycles],
            "cycles.resolved_at": [end for _, end in cycles],
            "open.since": [since for since, _ in _open(own, created_at)],
            "open.until": [until for _, until in _open(own, created_at)],
            "first_event_at": min(seen_at),
            "last_event_at": max(seen_at),
            "events": len(all_own),
            "is_truncated": False,
        }
        | attributes
        | _of_waits(waits, opened_by, _open(own, created_at))
        | _halts(_moves(own, created_at), created_at)
        | charges
        | _messages(story)
        | feedback
        | _judged(feedback["ratings.rated_at"], resolved_at, charges)
        | _money(story)
        | _promised(story)
    )


def _is(one: Event, kind: type[e.Data]) -> bool:
    return isinstance(one.content, kind)


# Who counts


def _is_retracted(one: Event, ordered: Sequence[Event], asking: tuple[Event, ...] = ()) -> bool:
    """Say whether a retraction that counts takes an event back. Whoever asks in a circle gets no answer."""
    return any(
        isinstance(other.content, e.EventRetracted)
        and other.subject == one.subject
        and (other.content.target_source, other.content.target_id) == (one.source, one.id)
        and other not in asking
        and not _is_retracted(other, ordered, (*asking, other))
        for other in ordered
    )


def _survivor(ticket_id: str, counting: Sequence[Event]) -> str | None:
    merges = [one.content for one in counting if one.subject == ticket_id and isinstance(one.content, e.TicketMerged)]
    return merges[-1].into_ticket_id if merges else None


def _is_merged_into(ticket_id: str, survivor: str, counting: Sequence[Event]) -> bool:
    at: str | None = ticket_id
    for _ in range(LONGEST_CHAIN):
        at = _survivor(at, counting) if at is not None else None
        if at == survivor:
            return True
    return False


def _joined_at(ticket_id: str, counting: Sequence[Event]) -> list[int]:
    """Return when the tickets joined that were merged into this one directly, or into one that was."""
    joined = []
    for merged in {one.subject for one in counting} - {ticket_id}:
        if _survivor(merged, counting) == ticket_id:
            into = [one for one in counting if one.subject == merged and _is(one, e.TicketMerged)]
            joined.append(into[-1].at_ms)
    return joined


def _exclusion(own: Sequence[Event], *, is_test: bool) -> str:
    if any(_is(one, e.TicketDeleted) for one in own):
        return "deleted"
    if any(_is(one, e.TicketMerged) for one in own):
        return "merged"
    marks = [
        _is(one, e.TicketMarkedSpam) for one in own if _is(one, e.TicketMarkedSpam) or _is(one, e.TicketUnmarkedSpam)
    ]
    if marks and marks[-1]:
        return "spam"
    return "test" if is_test else ""


# What it is about


def _attributes(own: Sequence[Event], creations: Sequence[Event]) -> dict[str, Any]:
    """Look each attribute up from the last word to the first: whoever names it last is right."""
    begins = [one for one in creations if one.at_ms == creations[0].at_ms]
    ordered = [*begins, *(one for one in own if one not in begins)]
    row = {name: _word(name, ordered) or "" for name in (*WORDS, *COLUMNS)}
    flags = {name: bool(_word(name, ordered)) for name in ("after_sales", "is_test")}
    links = [one.content for one in own if isinstance(one.content, e.TicketLinked)]
    return row | {COLUMNS[name]: row.pop(name) for name in COLUMNS} | flags | _linked(links)


def _linked(links: Sequence[e.TicketLinked]) -> dict[str, str]:
    faults = [one.fault_id for one in links if one.fault_id is not UNSET]
    issues = [one.issue_id for one in links if one.issue_id is not UNSET]
    return {"fault_id": (faults or [""])[-1] or "", "issue_id": (issues or [""])[-1] or ""}


def _charges(own: Sequence[Event], creations: Sequence[Event], created_at: int) -> dict[str, Any]:
    """Look at the ticket as it stood after each instant, and keep those at which somebody else was in charge."""
    begun = [one for one in creations if one.at_ms == creations[0].at_ms]
    instants = sorted({created_at, *(max(one.at_ms, created_at) for one in own)})
    seen: list[tuple[int, str, str]] = []
    for instant in instants:
        known = [one for one in own if max(one.at_ms, created_at) <= instant or one in begun]
        said = [one for one in known if one not in begun]
        team, agent_id = (_word(name, [*begun, *said]) or "" for name in NOBODY)
        if not seen or seen[-1][1:] != (team, agent_id):
            seen.append((instant, team, agent_id))
    return {f"charges.{name}": [one[n] for one in seen] for n, name in enumerate(("since", "team", "agent_id"))}


def _sender(one: Event) -> str | None:
    return one.content.sender_id if isinstance(one.content, e.MessageSent) else None


WORDS: Final = (
    "channel", "customer_id", "team", "agent_id", "contact_type", "reason", "product_line", "product_id", "order_id",
    "asset_id", "priority", "region", "customer_segment", "language", "strategy", "outcome",
)  # fmt: skip
COLUMNS: Final = {"level": "escalation"}
NOBODY: Final = ("team", "agent_id")
SPOKEN_OF: Final[Mapping[str, tuple[type[e.Data], ...]]] = {
    "agent_id": (e.TicketCreated, e.TicketResolved),
    "contact_type": (e.TicketCreated, e.TicketClassified),
    "reason": (e.TicketCreated, e.TicketClassified),
    "product_line": (e.TicketCreated, e.TicketClassified),
    "strategy": (e.TicketResolved,),
    "outcome": (e.TicketResolved,),
    "after_sales": (e.TicketCreated, e.TicketResolved),
    "level": (e.TicketEscalated,),
}
"""Who else than updates and assignments says anything of an attribute; of all others the creation alone."""


def _word(name: str, ordered: Sequence[Event]) -> Any:
    for one in reversed(ordered):
        said = one.content
        if isinstance(said, e.TicketUpdated):
            if getattr(said, name) is not UNSET:
                return getattr(said, name)
        elif isinstance(said, e.TicketAssigned) and name in NOBODY:
            names = [getattr(said, which) for which in NOBODY]
            if getattr(said, name) or (getattr(said, name) is None and not any(names)):
                return getattr(said, name)
        elif getattr(said, name, None) is not None and isinstance(said, SPOKEN_OF.get(name, e.TicketCreated)):
            return getattr(said, name)
    return None


# How it went


def _statuses(own: Sequence[Event]) -> list[tuple[Event, e.Status]]:
    said: list[tuple[Event, e.Status]] = []
    for one in own:
        if isinstance(one.content, e.TicketStatusChanged) and one.content.to is not e.Status.OTHER:
            said.append((one, one.content.to))
        elif _is(one, e.TicketResolved):
            said.append((one, e.Status.RESOLVED))
        elif _is(one, e.TicketReopened):
            said.append((one, e.Status.OPEN))
        elif _is(one, e.TicketClosed):
            said.append((one, e.Status.CLOSED))
    return said


def _moves(own: Sequence[Event], created_at: int) -> list[tuple[int, e.Status]]:
    return [(max(one.at_ms, created_at), to) for one, to in _statuses(own)]


def _cycles(own: Sequence[Event], created_at: int) -> list[tuple[int, int | None]]:
    return _cut(_moves(own, created_at), created_at)


def _cut(moves: Sequence[tuple[int, e.Status]], created_at: int) -> list[tuple[int, int | None]]:
    """Cut the moves at each resolution of an open cycle and at each reopening of a resolved one."""
    starts: list[int] = [created_at]
    ends: list[int] = []
    at = 0
    while True:
        resolved = next((n for n in range(at, len(moves)) if moves[n][1] is e.Status.RESOLVED), None)
        if resolved is None:
            return list(zip(starts, [*ends, None], strict=True))
        ends.append(moves[resolved][0])
        reopened = next((n for n in range(resolved, len(moves)) if moves[n][1] not in DONE), None)
        if reopened is None:
            return list(zip(starts, ends, strict=True))
        starts.append(moves[reopened][0])
        at = reopened


def _halts(moves: Sequence[tuple[int, e.Status]], created_at: int) -> dict[str, Any]:
    """Put each time in a status that halts the work into the cycle that its first move belongs to."""
    halts: dict[str, Any] = {
        f"cycles.{name}": [[] for _ in _cut(moves, created_at)] for name in ("awaits_customer", "on_hold")
    }
    names = {e.Status.PENDING_CUSTOMER: "awaits_customer", e.Status.ON_HOLD: "on_hold"}
    runs = [list(run) for _, run in groupby(enumerate(moves), lambda move: move[1][1])]
    for run, later in zip_longest(runs, runs[1:]):
        place, (since, status) = run[0]
        until = later[0][1][0] if later else NEVER
        if status in names and since < until:
            halts[f"cycles.{names[status]}"][len(_cut(moves[: place + 1], created_at)) - 1].append((since, until))
    return halts


def _of_waits(waits: Sequence["Wait"], opened_by: str, spans: Sequence[tuple[int, int | None]]) -> dict[str, Any]:
    """Say of each wait what the metrics of first responses ask, and when the ticket was open meanwhile."""
    numbers = range(len(waits))
    is_customers = opened_by != "agent"
    decide = [is_customers and n < 8 and all(wait.stopped_at is not None for wait in waits[:n]) for n in numbers]
    ends = [(wait.started_at, _or_never(wait.stopped_at), _or_never(wait.answered_at)) for wait in waits]
    lasted = [(wait.started_at, min(_or_never(wait.answered_at), _or_never(wait.stopped_at))) for wait in waits]
    return {
        "waits.is_first": [is_customers and all(wait.answered_at is None for wait in waits[:n]) for n in numbers],
        "waits.can_decide": decide,
        "waits.before": [ends[:n] if decide[n] else [] for n in numbers],
        "waits.open": [
            [
                (max(start, since), min(end, _or_never(until)))
                for since, until in spans
                if max(start, since) < min(end, _or_never(until))
            ]
            for start, end in lasted
        ],
    }


def _judged(rated: Sequence[int], resolutions: Sequence[int], charges: Mapping[str, Any]) -> dict[str, Any]:
    """Say of each rating which resolution it judges, and which team."""
    held = list(zip(charges["charges.since"], charges["charges.team"], strict=True))
    past = [[resolution for resolution in resolutions if resolution <= at] for at in rated]
    next_ = [[resolution for resolution in resolutions if resolution > at] for at in rated]
    at = [before[-1] if before else at for at, before in zip(rated, past, strict=True)]
    return {
        "ratings.solved_at": [
            before[-1] if before else next(iter(after), None) for before, after in zip(past, next_, strict=True)
        ],
        "ratings.team": [
            next((team for since, team in reversed(held) if since <= then), charges["charges.team"][0]) for then in at
        ],
    }


def _or_never(at: int | None) -> int:
    return NEVER if at is None else at


def _open(own: Sequence[Event], created_at: int) -> list[tuple[int, int | None]]:
    """Group the moves into runs of done and not done: the ticket is open from one of the latter to the next run."""
    moves = [(created_at, e.Status.NEW), *_moves(own, created_at)]
    starts = [(done, next(run)[0]) for done, run in groupby(moves, lambda move: move[1] in DONE)]
    ends = [at for _, at in starts[1:]] + [None]
    return [(since, until) for (done, since), until in zip(starts, ends, strict=True) if not done]


def _standing(own: Sequence[Event], created_at: int) -> tuple[str, int | None]:
    """Look at the moves since the ticket was last worked on: closed if any of them closed it, else the last one."""
    moves = _moves(own, created_at)
    if not moves:
        return "new", None
    undone = [n for n, (_, to) in enumerate(moves) if to not in DONE]
    since = moves[undone[-1] + 1 :] if undone else moves
    closings = [at for at, to in since if to is e.Status.CLOSED]
    return ("closed", closings[0]) if closings else (moves[-1][1].value, None)


class Wait(NamedTuple):
    """From when a customer waited, when a person answered, since when the ticket was done for good, words meanwhile."""

    started_at: int
    answered_at: int | None
    stopped_at: int | None
    answer: Event | None
    asked_again: list[int]


class _Rest(NamedTuple):
    """A time in which the ticket was done: the place and instant of its begin, the place of its end, who ended it."""

    since: tuple[int, int]
    at: int
    until: tuple[int, int]
    is_customers: bool


_LAST: Final = (2**62, 0)


def _waits(own: Sequence[Event], story: Sequence[Event], created_at: int) -> list[Wait]:
    """Go from each beginning of a wait to its end: the next answer, or the next coming back after a rest."""
    place = {(one.subject, one.source, one.id): number for number, one in enumerate(story)}

    def at(one: Event) -> tuple[int, int]:
        return max(one.at_ms, created_at), place[one.subject, one.source, one.id]

    written = [one for one in story if _is_public(one, e.Direction.IN, e.Party.CUSTOMER)]
    answers = {at(one): one for one in story if _is_public(one, e.Direction.OUT, e.Party.AGENT)}
    returned = [one for one in own if isinstance(one.content, e.TicketReopened) and one.content.by is e.Party.CUSTOMER]
    said_at = {one.at_ms for one in (*written, *returned)}
    opened = _opened(story)
    for other in opened[1:]:
        said_at |= {other.at_ms} if _opener(other, story) == "customer" else set()
    rests = _rests([(at(one), to, _is_the_customers(one, said_at)) for one, to in _statuses(own)])
    words = [at(one) for one in written]
    words += [at(one) for one in opened[1:] if _opener(one, story) == "customer"]
    words += [rest.until for rest in rests if rest.is_customers]
    if opened and _opener(opened[0], story) == "customer":
        words.append((-1, 0))
    back = [min(found) for rest in rests if (found := [word for word in words if rest.since < word <= rest.until])]
    waits: list[Wait] = []
    begin = min(words, default=None)
    while begin is not None:
        started_at = created_at if begin == (-1, 0) else begin[0]
        mine = begin
        left = [word for word in back if word > mine and any(mine < rest.since < word <= rest.until for rest in rests)]
        end = min([place for place in answers if place > mine] + left, default=_LAST)
        answer = answers.get(end)
        waits.append(
            Wait(
                started_at,
                None if answer is None else max(answer.at_ms, started_at),
                _stopped_at(mine, end, rests, words, started_at),
                answer,
                [at for at, _ in sorted(word for word in words if mine < word < end)],
            )
        )
        begin = min((word for word in words if word > end or (word == end and answer is None)), default=None)
    return waits


def _stopped_at(
    begin: tuple[int, int],
    end: tuple[int, int],
    rests: Sequence[_Rest],
    words: Sequence[tuple[int, int]],
    started_at: int,
) -> int | None:
    """Return since when the ticket rested as a wait ended, unless the desk took that back without being asked."""
    for rest in rests:
        if not rest.since < end <= rest.until:
            continue
        is_asked = any(end <= word <= rest.until for word in words)
        if rest.until != _LAST and not rest.is_customers and not is_asked:
            return None
        return started_at if begin > rest.since else max(rest.at, started_at)
    return None


def _rests(moves: Sequence[tuple[tuple[int, int], e.Status, bool]]) -> list[_Rest]:
    rests: list[_Rest] = []
    for is_done, run in groupby(sorted(moves), lambda move: move[1] in DONE):
        first, _, is_customers = next(run)
        if is_done:
            rests.append(_Rest(first, first[0], _LAST, is_customers=False))
        elif rests:
            rests[-1] = rests[-1]._replace(until=first, is_customers=is_customers)
    return rests


def _is_the_customers(one: Event, said_at: set[int]) -> bool:
    """Say whether the customer took the ticket up again; where nobody says who, that is who wrote in that instant."""
    by = one.content.by if isinstance(one.content, e.TicketReopened) else None
    return by is e.Party.CUSTOMER or (by not in (e.Party.AGENT, e.Party.BOT) and one.at_ms in said_at)


def _opened(story: Sequence[Event]) -> list[Event]:
    """Return the first creation of each ticket of a story."""
    creations = [one for one in story if _is(one, e.TicketCreated)]
    return [one for n, one in enumerate(creations) if one.subject not in [other.subject for other in creations[:n]]]


def _opener(opening: Event, story: Sequence[Event]) -> str:
    """Return who opened a ticket, by the last creation of it."""
    return [_creator(one) for one in story if _is(one, e.TicketCreated) and one.subject == opening.subject][-1]


def _creator(one: Event) -> str:
    return one.content.created_by.value if isinstance(one.content, e.TicketCreated) else ""


def _is_public(one: Event, direction: e.Direction, party: e.Party) -> bool:
    return isinstance(one.content, e.MessageSent) and (
        one.content.visibility,
        one.content.direction,
        one.content.sender_type,
    ) == (e.Visibility.PUBLIC, direction, party)


def _messages(story: Sequence[Event]) -> dict[str, Any]:
    bots = [one.at_ms for one in story if _is_public(one, e.Direction.OUT, e.Party.BOT)]
    return {
        "customer_messages": sum(_is_public(one, e.Direction.IN, e.Party.CUSTOMER) for one in story),
        "agent_messages": sum(_is_public(one, e.Direction.OUT, e.Party.AGENT) for one in story),
        "bot_messages": len(bots),
        "first_bot_response_at": bots[0] if bots else None,
    }


# What came of it


def _feedback(story: Sequence[Event]) -> dict[str, Any]:
    offers = [one for one in story if isinstance(one.content, e.SurveyOffered)]
    surveys = list(dict.fromkeys(map(_name, offers)))
    said = [one for one in story if isinstance(one.content, e.RatingSubmitted)]
    names = list(dict.fromkeys(map(_name, said)))
    first = [next(one for one in said if _name(one) == name) for name in names]
    ratings = [one.content for one in first if isinstance(one.content, e.RatingSubmitted)]
    answers = [_survey_of(one, surveys) for one in first]
    kinds = [_kind_of(rating, survey, offers) for rating, survey in zip(ratings, answers, strict=True)]
    gone = [_name(one) for one in story if isinstance(one.content, e.RatingWithdrawn)]
    values = [_value(name, story) for name in names]
    valid = [
        name not in gone
        and not any(
            answers[later] is not None
            and (answers[later], ratings[later].source, kinds[later])
            == (answers[number], ratings[number].source, kinds[number])
            and names[later] not in gone
            for later in range(number + 1, len(names))
        )
        for number, name in enumerate(names)
    ]
    replies = [
        survey
        for survey, rating, counts in zip(answers, ratings, valid, strict=True)
        if counts and rating.source is e.RatingSource.CUSTOMER
    ]
    return {
        "surveys.id": [id for _, id in surveys],
        "surveys.offered_at": [next(one.at_ms for one in offers if _name(one) == name) for name in surveys],
        "surveys.is_answered": [name in replies for name in surveys],
        "ratings.id": [id for _, id in names],
        "ratings.survey_id": [rating.survey_id or "" for rating in ratings],
        "ratings.rated_at": [one.at_ms for one in first],
        "ratings.raw": [raw for raw, _ in values],
        "ratings.score": [100 * (raw - scale.scale_min) / (scale.scale_max - scale.scale_min) for raw, scale in values],
        "ratings.kind": kinds,
        "ratings.scale_min": [scale.scale_min for _, scale in values],
        "ratings.scale_max": [scale.scale_max for _, scale in values],
        "ratings.source": [rating.source.value for rating in ratings],
        "ratings.is_replayed": [False for _ in ratings],
        "ratings.is_valid": valid,
    }


Name: TypeAlias = tuple[str, str]
"""A source, and an id that it uses."""


def _name(one: Event) -> Name:
    """Return what an event is about, beside its ticket: every id is unique in its source, and in no other."""
    match one.content:
        case e.SurveyOffered():
            return one.source, one.content.survey_id
        case e.RatingSubmitted() | e.RatingRevised() | e.RatingWithdrawn():
            return one.source, one.content.rating_id
        case e.CompensationGranted():
            return one.source, one.content.compensation_id
        case e.PromiseMade() | e.PromiseMoved() | e.PromiseKept() | e.PromiseWithdrawn():
            return one.source, one.content.promise_id
        case e.TicketRepurchased() | e.OrderPlaced() | e.OrderCancelled():
            return one.source, one.content.order_id
    raise AssertionError(one.name)


def _survey_of(one: Event, surveys: Sequence[Name]) -> Name | None:
    """Return what a rating answers: its own source's survey, else the only one of that id that another offered."""
    assert isinstance(one.content, e.RatingSubmitted)
    if one.content.survey_id is None:
        return None
    own = (one.source, one.content.survey_id)
    others = [survey for survey in surveys if survey[1] == one.content.survey_id]
    return others[0] if own not in surveys and len(others) == 1 else own


def _kind_of(rating: e.RatingSubmitted, survey: Name | None, offers: Sequence[Event]) -> str:
    """Return what a rating judges: as it says itself, else as its survey said first, else satisfaction."""
    said = [rating.kind]
    for one in offers:
        if isinstance(one.content, e.SurveyOffered) and _name(one) == survey:
            said.append(one.content.kind)
    return next((kind.value for kind in said if kind is not None), "csat")


def _value(name: Name, story: Sequence[Event]) -> tuple[float, e.RatingSubmitted]:
    """Return a rating's last value, and who gave the scale in force: words off it are not heard."""
    words = [
        one.content
        for one in story
        if isinstance(one.content, e.RatingSubmitted | e.RatingRevised) and _name(one) == name
    ]
    scale = next(word for word in words if isinstance(word, e.RatingSubmitted))
    raw = scale.raw
    words.remove(scale)
    for word in words:
        if isinstance(word, e.RatingSubmitted):
            scale, raw = word, word.raw
        elif scale.scale_min <= word.raw <= scale.scale_max:
            raw = word.raw
    return raw, scale


def _money(story: Sequence[Event]) -> dict[str, Any]:
    granted = {_name(one): one.content for one in story if isinstance(one.content, e.CompensationGranted)}
    ordered = {_name(one): one.content for one in story if isinstance(one.content, e.TicketRepurchased)}
    grants, orders = granted.values(), ordered.values()
    return {
        "compensations.id": [id for _, id in granted],
        "compensations.kind": [grant.kind for grant in grants],
        "compensations.amount": [grant.amount for grant in grants],
        "compensations.currency": [grant.currency for grant in grants],
        "repurchases.order_id": [id for _, id in ordered],
        "repurchases.ordered_at": [int(order.ordered_at.timestamp() * 1000) for order in orders],
        "repurchases.amount": [order.amount for order in orders],
        "repurchases.currency": [order.currency for order in orders],
    }


def _promised(story: Sequence[Event]) -> dict[str, Any]:
    """Return what was promised, each promise from a diary of what was said of it."""
    of_promises = (e.PromiseMade, e.PromiseMoved, e.PromiseKept, e.PromiseWithdrawn)
    told = [one for one in story if isinstance(one.content, of_promises)]
    made = [one for one in told if isinstance(one.content, e.PromiseMade)]
    first = [one for n, one in enumerate(made) if _name(one) not in map(_name, made[:n])]
    diaries = [
        _diary(one, [other for other in told if _name(other) == _name(one) and other is not one]) for one in first
    ]
    columns = ("id", "kind", "made_by", "made_at", "due_at", "kept_at", "withdrawn_at", "moved", "moved_late")
    return {f"promises.{column}": [diary[column] for diary in diaries] for column in columns}


def _diary(first: Event, later: Sequence[Event]) -> dict[str, Any]:
    assert isinstance(first.content, e.PromiseMade)
    is_over = [isinstance(one.content, e.PromiseKept | e.PromiseWithdrawn) for one in later]
    goes_on = later[: is_over.index(True)] if True in is_over else later
    end = later[len(goes_on)] if True in is_over else None
    end_at = end and max(first.at_ms, end.at_ms)
    dues = [max(first.at_ms, _ms(first.content.due_at))]
    for one in goes_on:
        assert isinstance(one.content, e.PromiseMade | e.PromiseMoved)
        said_at = max(first.at_ms, one.at_ms)
        if said_at < dues[-1]:
            dues.append(max(said_at, _ms(one.content.due_at)))
    return {
        "id": first.content.promise_id,
        "kind": first.content.kind.value,
        "made_by": first.content.made_by or "",
        "made_at": first.at_ms,
        "due_at": dues[-1],
        "kept_at": end_at if end and isinstance(end.content, e.PromiseKept) else None,
        "withdrawn_at": end_at if end and isinstance(end.content, e.PromiseWithdrawn) else None,
        "moved": len(dues) - 1,
        "moved_late": len(goes_on) - len(dues) + 1,
    }


def _ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)
