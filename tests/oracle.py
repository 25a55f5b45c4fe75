"""What the row of a ticket must say, worked out from its events in the most pedestrian way.

Written from the definitions of the measures; it shares no code with `streams.core` and is no model of good code: every
question is answered by looking through all events again.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, Final, TypeAlias

from schemas import events as e
from schemas.codec import Event

Tie: TypeAlias = Callable[[Event], int]
"""Orders events of one instant and sequence. That order is arbitrary by definition, so the caller brings it."""

LONGEST_CHAIN: Final = 8
DONE: Final = (e.Status.RESOLVED, e.Status.CLOSED)


def expected_row(world: Iterable[Event], ticket_id: str, tie: Tie) -> dict[str, Any]:
    """Return the columns of a ticket's row, all but `version`, `state` and `ingested_at`.

    `world` holds the events of this ticket and of those that may be merged into it, in any order, with repetitions.
    """
    ordered = sorted(
        {(one.subject, one.source, one.id): one for one in world}.values(),
        key=lambda one: (one.at_ms, one.sequence, tie(one)),
    )
    counting = [
        one for one in ordered if not isinstance(one.content, e.EventRetracted) and not _is_retracted(one, ordered)
    ]
    own = [one for one in counting if one.subject == ticket_id]
    story = [one for one in counting if one.subject == ticket_id or _is_merged_into(one.subject, ticket_id, counting)]
    all_own = [one for one in ordered if one.subject == ticket_id]
    days = sorted({one.at_ms // 86_400_000 for one in ordered if one.subject in _ever_merged_into(ticket_id, ordered)})
    return {**_row(own, story, _joined_at(ticket_id, counting), all_own), "days": days}


def _ever_merged_into(ticket_id: str, ordered: Sequence[Event]) -> set[str]:
    """Return the ticket and all that were ever merged into it or into one of those, also where that was taken back."""
    found = {ticket_id}
    merges = [(one.subject, one.content.into_ticket_id) for one in ordered if isinstance(one.content, e.TicketMerged)]
    while new := {subject for subject, into in merges if into in found} - found:
        found |= new
    return found


def _row(own: list[Event], story: list[Event], joined_at: list[int], all_own: list[Event]) -> dict[str, Any]:
    creations = [one for one in own if isinstance(one.content, e.TicketCreated)]
    openings = [one for one in story if isinstance(one.content, e.TicketCreated)]
    seen_at = [one.at_ms for one in own] + joined_at or [one.at_ms for one in all_own] or [0]
    began_at = creations[0].at_ms if creations else min(seen_at)
    created_at = min([began_at, *(one.at_ms for one in openings)])
    exclusion = _exclusion(own) if own or joined_at else "retracted"
    opened_by = _creator(openings[0]) if openings else ""
    status, closed_at = _standing(own, created_at)
    cycles = _cycles(own, created_at)
    waits = _waits(story, created_at)
    resolved_at = [resolved for _, resolved in cycles if resolved is not None]
    answered_at = waits[0][1] if waits and opened_by != "agent" else None
    waits_on = bool(waits) and waits[-1][1] is None and status not in ("resolved", "closed") and not exclusion
    return (
        {
            "created_at": created_at,
            "created_by": opened_by,
            "is_created": bool(creations),
            "status": status,
            "is_effective": not exclusion,
            "exclusion": exclusion,
            "merged_into": _survivor(own[0].subject, own) or "" if own else "",
            "first_response_at": answered_at,
            "first_response_seconds": None if answered_at is None else (answered_at - waits[0][0]) / 1000,
            "open_wait_since": waits[-1][0] if waits_on else None,
            "waits.started_at": [start for start, _ in waits],
            "waits.answered_at": [end for _, end in waits],
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
            "waits_open": [],
        }
        | _attributes(own, creations)
        | _messages(story)
        | _feedback(story)
        | _money(story)
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


def _exclusion(own: Sequence[Event]) -> str:
    if any(_is(one, e.TicketDeleted) for one in own):
        return "deleted"
    if any(_is(one, e.TicketMerged) for one in own):
        return "merged"
    marks = [
        _is(one, e.TicketMarkedSpam) for one in own if _is(one, e.TicketMarkedSpam) or _is(one, e.TicketUnmarkedSpam)
    ]
    if marks and marks[-1]:
        return "spam"
    tests = [one.content.is_test for one in own if isinstance(one.content, e.TicketCreated)]
    return "test" if tests and tests[0] else ""


# What it is about


def _attributes(own: Sequence[Event], creations: Sequence[Event]) -> dict[str, Any]:
    rest = [one for one in own if one not in creations]
    said = [one.content for one in (*creations, *rest)]
    first = creations[0].content if creations else None
    of_creation = (
        "customer_id channel product_id order_id asset_id priority region language".split()  # noqa: SIM905
    )
    return {name: getattr(first, name, None) or "" for name in of_creation} | {
        "team": _last_word(said, "team", e.TicketCreated, e.TicketAssigned),
        "agent_id": _last_word(said, "agent_id", e.TicketCreated, e.TicketAssigned, e.TicketResolved),
        "contact_type": _last_word(said, "contact_type", e.TicketCreated, e.TicketClassified),
        "reason": _last_word(said, "reason", e.TicketCreated, e.TicketClassified),
        "product_line": _last_word(said, "product_line", e.TicketCreated, e.TicketClassified),
        "strategy": _last_word(said, "strategy", e.TicketResolved),
        "outcome": _last_word(said, "outcome", e.TicketResolved),
        "escalation": _last_word(said, "level", e.TicketEscalated),
        "after_sales": any(getattr(one, "after_sales", None) for one in said),
    }


def _last_word(said: Sequence[Any], name: str, *kinds: type[e.Data]) -> str:
    words = [str(getattr(one, name)) for one in said if isinstance(one, kinds) and getattr(one, name)]
    return words[-1] if words else ""


# How it went


def _moves(own: Sequence[Event], created_at: int) -> list[tuple[int, e.Status]]:
    moves: list[tuple[int, e.Status]] = []
    for one in own:
        at = max(one.at_ms, created_at)
        if isinstance(one.content, e.TicketStatusChanged) and one.content.to is not e.Status.OTHER:
            moves.append((at, one.content.to))
        elif _is(one, e.TicketResolved):
            moves.append((at, e.Status.RESOLVED))
        elif _is(one, e.TicketReopened):
            moves.append((at, e.Status.OPEN))
        elif _is(one, e.TicketClosed):
            moves.append((at, e.Status.CLOSED))
    return moves


def _cycles(own: Sequence[Event], created_at: int) -> list[tuple[int, int | None]]:
    """Cut the moves at each resolution of an open cycle and at each reopening of a resolved one."""
    moves = _moves(own, created_at)
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


def _waits(story: Sequence[Event], created_at: int) -> list[tuple[int, int | None]]:
    """Cut the talk at each answer of an agent: the customer waits from the first word of a piece to its end."""
    openings = [one for one in story if _is(one, e.TicketCreated)]
    calls = [one.at_ms for one in openings[1:] if _creator(one) == "customer"]
    if openings and _creator(openings[0]) == "customer":
        calls.insert(0, -1)  # opening the case comes before all talk
    words = [(one, one.at_ms) for one in story if _is_public(one, e.Direction.IN, e.Party.CUSTOMER)]
    answers = [(one, one.at_ms) for one in story if _is_public(one, e.Direction.OUT, e.Party.AGENT)]
    place = {(one.source, one.id): number for number, one in enumerate(story)}
    spoken = [(at, -1) for at in calls] + [(at, place[one.source, one.id]) for one, at in words]
    ends = [(at, place[one.source, one.id]) for one, at in answers]
    waits: list[tuple[int, int | None]] = []
    since = (-2, -2)
    for end in [*sorted(ends), None]:
        piece = [word for word in spoken if since < word and (end is None or word < end)]
        if piece:
            start = created_at if min(piece)[0] == -1 else min(piece)[0]
            waits.append((start, None if end is None else max(start, end[0])))
        since = end or since
    return waits


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
    offers = [(one.content.survey_id, one.at_ms) for one in story if isinstance(one.content, e.SurveyOffered)]
    surveys = list(dict.fromkeys(survey_id for survey_id, _ in offers))
    said = [(one.content, one.at_ms) for one in story if isinstance(one.content, e.RatingSubmitted)]
    ids = list(dict.fromkeys(rating.rating_id for rating, _ in said))
    ratings = [next((rating, at) for rating, at in said if rating.rating_id == id) for id in ids]
    values = [_value(id, story) for id in ids]
    return {
        "surveys.id": surveys,
        "surveys.offered_at": [next(at for id, at in offers if id == survey_id) for survey_id in surveys],
        "ratings.id": ids,
        "ratings.survey_id": [rating.survey_id or "" for rating, _ in ratings],
        "ratings.rated_at": [at for _, at in ratings],
        "ratings.raw": [raw for raw, _ in values],
        "ratings.score": [score for _, score in values],
        "ratings.source": [rating.source.value for rating, _ in ratings],
        "ratings.is_replayed": [False for _ in ratings],
        "ratings.is_valid": [
            id not in _withdrawn(story)
            and not any(
                later.survey_id is not None
                and (later.survey_id, later.source) == (rating.survey_id, rating.source)
                and later.rating_id not in _withdrawn(story)
                for later, _ in ratings[number + 1 :]
            )
            for number, (id, (rating, _)) in enumerate(zip(ids, ratings, strict=True))
        ],
    }


def _withdrawn(story: Sequence[Event]) -> set[str]:
    return {one.content.rating_id for one in story if isinstance(one.content, e.RatingWithdrawn)}


def _value(rating_id: str, story: Sequence[Event]) -> tuple[float, float]:
    """Return a rating's last value and its place between 0 and 100: words off the scale in force are not heard."""
    words = [
        one.content
        for one in story
        if isinstance(one.content, e.RatingSubmitted | e.RatingRevised) and one.content.rating_id == rating_id
    ]
    scale = next(word for word in words if isinstance(word, e.RatingSubmitted))
    raw = scale.raw
    words.remove(scale)
    for word in words:
        if isinstance(word, e.RatingSubmitted):
            scale, raw = word, word.raw
        elif scale.scale_min <= word.raw <= scale.scale_max:
            raw = word.raw
    return raw, 100 * (raw - scale.scale_min) / (scale.scale_max - scale.scale_min)


def _money(story: Sequence[Event]) -> dict[str, Any]:
    grants = [one.content for one in story if isinstance(one.content, e.CompensationGranted)]
    orders = [(one.content, one) for one in story if isinstance(one.content, e.TicketRepurchased)]
    grant_ids = list(dict.fromkeys(grant.compensation_id for grant in grants))
    order_ids = list(dict.fromkeys(order.order_id for order, _ in orders))
    last_grants = [next(g for g in reversed(grants) if g.compensation_id == id) for id in grant_ids]
    last_orders = [next(o for o, _ in reversed(orders) if o.order_id == id) for id in order_ids]
    return {
        "compensations.id": grant_ids,
        "compensations.kind": [grant.kind for grant in last_grants],
        "compensations.amount": [grant.amount for grant in last_grants],
        "compensations.currency": [grant.currency for grant in last_grants],
        "repurchases.order_id": order_ids,
        "repurchases.ordered_at": [int(order.ordered_at.timestamp() * 1000) for order in last_orders],
        "repurchases.amount": [order.amount for order in last_orders],
        "repurchases.currency": [order.currency for order in last_orders],
    }
