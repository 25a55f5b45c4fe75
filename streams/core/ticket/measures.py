"""The measures of one ticket: everything that its row says, computed from its facts."""

from typing import Final

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
    talk = conversation_of(own, story, created_at)
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
        charges_since=[charge.since for charge in charges],
        charges_team=[charge.team for charge in charges],
        charges_agent_id=[charge.agent_id for charge in charges],
        status=life.status,
        is_effective=not exclusion,
        exclusion=exclusion,
        merged_into=history.merged_into(own),
        first_response_at=first.answered_at if first else None,
        first_response_seconds=_seconds(first.started_at, first.answered_at) if first else None,
        first_bot_response_at=talk.first_bot_response_at,
        open_wait_since=_open_wait_since(talk, life.status) if not exclusion else None,
        waits_started_at=[wait.started_at for wait in waits],
        waits_answered_at=[wait.answered_at for wait in waits],
        waits_stopped_at=[wait.stopped_at for wait in waits],
        waits_sender_id=[wait.sender_id for wait in waits],
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
        cycles_started_at=[cycle.started_at for cycle in cycles],
        cycles_resolved_at=[cycle.resolved_at for cycle in cycles],
        cycles_awaits_customer=[cycle.awaits_customer for cycle in cycles],
        cycles_on_hold=[cycle.on_hold for cycle in cycles],
        open_since=[span.since for span in spans],
        open_until=[span.until for span in spans],
        customer_messages=talk.customer_messages,
        agent_messages=talk.agent_messages,
        bot_messages=talk.bot_messages,
        surveys_id=[offer.survey_id for offer, _ in surveys],
        surveys_offered_at=[offer.at for offer, _ in surveys],
        surveys_is_answered=[is_answered for _, is_answered in surveys],
        ratings_id=[rating.rating_id for rating in ratings],
        ratings_survey_id=[rating.survey_id for rating in ratings],
        ratings_rated_at=[rating.rated_at for rating in ratings],
        ratings_raw=[rating.raw for rating in ratings],
        ratings_score=[rating.score for rating in ratings],
        ratings_source=[rating.source for rating in ratings],
        ratings_is_valid=[rating.is_valid for rating in ratings],
        ratings_is_replayed=[rating.is_replayed for rating in ratings],
        ratings_kind=[rating.kind for rating in ratings],
        ratings_scale_min=[rating.scale_min for rating in ratings],
        ratings_scale_max=[rating.scale_max for rating in ratings],
        ratings_solved_at=solved,
        ratings_team=[team_judged(rating, at, charges) for rating, at in zip(ratings, solved, strict=True)],
        compensations_id=[fact.compensation_id for fact in compensations],
        compensations_kind=[fact.kind for fact in compensations],
        compensations_amount=[fact.amount for fact in compensations],
        compensations_currency=[fact.currency for fact in compensations],
        repurchases_order_id=[fact.order_id for fact in repurchases],
        repurchases_ordered_at=[fact.ordered_at for fact in repurchases],
        repurchases_amount=[fact.amount for fact in repurchases],
        repurchases_currency=[fact.currency for fact in repurchases],
        promises_id=[promise.promise_id for promise in promises],
        promises_kind=[promise.kind for promise in promises],
        promises_made_by=[promise.made_by for promise in promises],
        promises_made_at=[promise.made_at for promise in promises],
        promises_due_at=[promise.due_at for promise in promises],
        promises_kept_at=[promise.kept_at for promise in promises],
        promises_withdrawn_at=[promise.withdrawn_at for promise in promises],
        promises_moved=[promise.moved for promise in promises],
        promises_moved_late=[promise.moved_late for promise in promises],
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
