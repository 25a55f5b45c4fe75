"""The measures of one ticket: everything that its row says, computed from its facts."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from schemas.rows import Ms, TicketRow
from streams.core.ticket import history
from streams.core.ticket.attributes import record_of
from streams.core.ticket.decisive import are_first, before, can_decide, solved_at, team_judged
from streams.core.ticket.fact import Created, days_of
from streams.core.ticket.fold import Ticket, active_facts
from streams.core.ticket.promise import promises_of
from streams.core.ticket.row_bound import Bounds, bounds_of, named
from streams.core.ticket.waits import Conversation, conversation_of, openings_of, times_open

MAX_STATE_BYTES = 64 * 1024
"""A longer history is not repeated in every version of the row: it is read from `events` when it is needed again.

64 KiB hold about 2,000 facts. A ticket of 10,000 events would otherwise write 350 KB with each further event.
"""

_LEAST_FACT_BYTES: Final = 16
"""No fact is packed into less, so that a history that is too long need not be packed to see it."""


class _Lists:
    """Some attributes of each of several things, a list of each attribute.

    Of most things a ticket has none: rows share the lists that say so, which saves a quarter of their memory.
    """

    def __init__(self, *attributes: str) -> None:
        """Say which, two of them or more."""
        self._of = attrgetter(*attributes)
        self._none: tuple[list[Any], ...] = tuple([] for _ in attributes)

    def of(self, things: Sequence[object]) -> tuple[list[Any], ...]:
        """Return the lists, in the order of the attributes."""
        return tuple(map(list, zip(*map(self._of, things), strict=True))) if things else self._none


_CHARGES: Final = _Lists("since", "team", "agent_id")
_WAITS: Final = _Lists("started_at", "answered_at", "stopped_at", "sender_id")
_CYCLES: Final = _Lists("started_at", "resolved_at", "awaits_customer", "on_hold")
_SPANS: Final = _Lists("since", "until")
_OFFERS: Final = _Lists("survey_id", "at")
_RATINGS: Final = _Lists(
    "rating_id",
    "survey_id",
    "rated_at",
    "raw",
    "score",
    "source",
    "is_valid",
    "is_replayed",
    "kind",
    "scale_min",
    "scale_max",
)
_COMPENSATIONS: Final = _Lists("compensation_id", "kind", "amount", "currency")
_REPURCHASES: Final = _Lists("order_id", "ordered_at", "amount", "currency")
_PROMISES: Final = _Lists(
    "promise_id", "kind", "made_by", "made_at", "due_at", "kept_at", "withdrawn_at", "moved", "moved_late"
)


def row_of(ticket: Ticket, ingested_at: Ms, bounds: Bounds | None = None) -> TicketRow:
    """Return the row that states the ticket, complete at its version.

    The same facts give the same row, whatever order they came in; only `ingested_at` is the caller's.
    Durations are calendar seconds, never negative; what did not happen is None. Of a very long story the arrays name
    a part, and `is_truncated` says so; counts, sums and instants beside them are those of the whole.

    Args:
        ticket: What is known of it.
        ingested_at: When it is stated.
        bounds: How much the arrays name; None for as much as any row does.

    Raises:
        ValueError: When the ticket has no facts: there is nothing to state.
    """
    if not ticket.facts:
        raise ValueError(f"ticket {ticket.ticket_id!r} has no facts")
    active = active_facts(ticket.facts)
    known = active or ticket.facts
    own = history.History(active)
    story = history.story_of(own)
    openings = openings_of(own)
    created_by = openings[0].created_by if openings else ""
    created_at = history.created_at_of(own, story, known[0].at)
    record = record_of(active, created_at)
    said = record.attributes
    life = history.lifecycle_of(own, created_at)
    talk = conversation_of(own, story, openings, created_at)
    first = None if created_by == "agent" else talk.first_answer
    offers = history.surveys_of(story)
    ratings = history.ratings_of(story, offers)
    replies = {rating.survey for rating in ratings if rating.is_valid and rating.source == "customer"}
    surveys = [(offer, survey in replies) for survey, offer in offers.items()]
    compensations = history.compensations_of(story)
    repurchases = history.repurchases_of(story)
    promises = promises_of(story)
    exclusion = history.exclusion_of(own, is_test=said.is_test)
    resolutions = [cycle.resolved_at for cycle in life.cycles if cycle.resolved_at is not None]
    days = days_of(ticket.facts)
    bounds = bounds or bounds_of(len(days))
    waits, cycles = named(talk.waits, bounds.turns), named(life.cycles, bounds.turns)
    spans = named(life.open, bounds.turns)
    most_turns = max(len(talk.waits), len(life.cycles), len(life.open), *(len(wait.asked_again) for wait in talk.waits))
    most_feedback = max(
        len(surveys), len(ratings), len(compensations), len(repurchases), len(promises), len(record.charges)
    )
    charges = named(record.charges, bounds.feedback)
    surveys, ratings = named(surveys, bounds.feedback), named(ratings, bounds.feedback)
    compensations, repurchases = named(compensations, bounds.feedback), named(repurchases, bounds.feedback)
    promises = named(promises, bounds.feedback)
    deciding = can_decide(waits, created_by)
    named_resolutions = [cycle.resolved_at for cycle in cycles if cycle.resolved_at is not None]
    solved = [solved_at(rating.rated_at, named_resolutions) for rating in ratings]
    charges_since, charges_team, charges_agent_id = _CHARGES.of(charges)
    waits_started_at, waits_answered_at, waits_stopped_at, waits_sender_id = _WAITS.of(waits)
    cycles_started_at, cycles_resolved_at, cycles_awaits_customer, cycles_on_hold = _CYCLES.of(cycles)
    open_since, open_until = _SPANS.of(spans)
    surveys_id, surveys_offered_at = _OFFERS.of([offer for offer, _ in surveys])
    (
        ratings_id,
        ratings_survey_id,
        ratings_rated_at,
        ratings_raw,
        ratings_score,
        ratings_source,
        ratings_is_valid,
        ratings_is_replayed,
        ratings_kind,
        ratings_scale_min,
        ratings_scale_max,
    ) = _RATINGS.of(ratings)
    compensations_id, compensations_kind, compensations_amount, compensations_currency = _COMPENSATIONS.of(
        compensations
    )
    repurchases_order_id, repurchases_ordered_at, repurchases_amount, repurchases_currency = _REPURCHASES.of(
        repurchases
    )
    (
        promises_id,
        promises_kind,
        promises_made_by,
        promises_made_at,
        promises_due_at,
        promises_kept_at,
        promises_withdrawn_at,
        promises_moved,
        promises_moved_late,
    ) = _PROMISES.of(promises)
    return TicketRow(
        ticket_id=ticket.ticket_id,
        version=ticket.version,
        created_at=created_at,
        created_by=created_by,
        is_created=bool(own.of(Created)),
        customer_id=said.customer_id,
        channel=said.channel,
        team=said.team,
        agent_id=said.agent_id,
        contact_type=said.contact_type,
        reason=said.reason,
        product_line=said.product_line,
        product_id=said.product_id,
        order_id=said.order_id,
        asset_id=said.asset_id,
        fault_id=said.fault_id,
        issue_id=said.issue_id,
        priority=said.priority,
        region=said.region,
        customer_segment=said.customer_segment,
        language=said.language,
        strategy=said.strategy,
        outcome=said.outcome,
        escalation=said.level,
        after_sales=said.after_sales,
        charges_since=charges_since,
        charges_team=charges_team,
        charges_agent_id=charges_agent_id,
        status=life.status,
        is_effective=not exclusion,
        exclusion=exclusion,
        merged_into=history.merged_into(own),
        first_response_at=first.answered_at if first else None,
        first_response_seconds=_seconds(first.started_at, first.answered_at) if first else None,
        first_bot_response_at=talk.first_bot_response_at,
        open_wait_since=_open_wait_since(talk, life.status) if not exclusion else None,
        waits_started_at=waits_started_at,
        waits_answered_at=waits_answered_at,
        waits_stopped_at=waits_stopped_at,
        waits_sender_id=waits_sender_id,
        waits_asked_again=[named(wait.asked_again, bounds.turns) for wait in waits],
        waits_open=times_open(waits, life.open),
        waits_is_first=are_first(waits, created_by),
        waits_can_decide=deciding,
        waits_before=before(waits, deciding),
        first_resolved_at=resolutions[0] if resolutions else None,
        last_resolved_at=resolutions[-1] if resolutions else None,
        closed_at=life.closed_at,
        first_resolution_seconds=_seconds(created_at, resolutions[0]) if resolutions else None,
        full_resolution_seconds=_seconds(created_at, life.cycles[-1].resolved_at),
        reopened=len(life.cycles) - 1,
        cycles_started_at=cycles_started_at,
        cycles_resolved_at=cycles_resolved_at,
        cycles_awaits_customer=cycles_awaits_customer,
        cycles_on_hold=cycles_on_hold,
        open_since=open_since,
        open_until=open_until,
        customer_messages=talk.customer_messages,
        agent_messages=talk.agent_messages,
        bot_messages=talk.bot_messages,
        surveys_id=surveys_id,
        surveys_offered_at=surveys_offered_at,
        surveys_is_answered=[is_answered for _, is_answered in surveys],
        ratings_id=ratings_id,
        ratings_survey_id=ratings_survey_id,
        ratings_rated_at=ratings_rated_at,
        ratings_raw=ratings_raw,
        ratings_score=ratings_score,
        ratings_source=ratings_source,
        ratings_is_valid=ratings_is_valid,
        ratings_is_replayed=ratings_is_replayed,
        ratings_kind=ratings_kind,
        ratings_scale_min=ratings_scale_min,
        ratings_scale_max=ratings_scale_max,
        ratings_solved_at=solved,
        ratings_team=[team_judged(rating, at, charges) for rating, at in zip(ratings, solved, strict=True)],
        compensations_id=compensations_id,
        compensations_kind=compensations_kind,
        compensations_amount=compensations_amount,
        compensations_currency=compensations_currency,
        repurchases_order_id=repurchases_order_id,
        repurchases_ordered_at=repurchases_ordered_at,
        repurchases_amount=repurchases_amount,
        repurchases_currency=repurchases_currency,
        promises_id=promises_id,
        promises_kind=promises_kind,
        promises_made_by=promises_made_by,
        promises_made_at=promises_made_at,
        promises_due_at=promises_due_at,
        promises_kept_at=promises_kept_at,
        promises_withdrawn_at=promises_withdrawn_at,
        promises_moved=promises_moved,
        promises_moved_late=promises_moved_late,
        first_event_at=known[0].at,
        last_event_at=known[-1].at,
        days=days,
        events=len(ticket.facts),
        is_truncated=most_turns > bounds.turns or most_feedback > bounds.feedback,
        state=_state_of(ticket),
        ingested_at=ingested_at,
    )


def _state_of(ticket: Ticket) -> bytes:
    if len(ticket.facts) * _LEAST_FACT_BYTES > MAX_STATE_BYTES:
        return b""
    state = ticket.state
    return state if len(state) <= MAX_STATE_BYTES else b""


def _open_wait_since(talk: Conversation, status: str) -> Ms | None:
    is_open = talk.waits and talk.waits[-1].answered_at is None and status not in history.DONE
    return talk.waits[-1].started_at if is_open else None


def _seconds(started_at: Ms, ended_at: Ms | None) -> float | None:
    return None if ended_at is None else max(0, ended_at - started_at) / 1000
