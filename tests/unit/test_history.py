"""What events amount to where a reader would stop and ask."""

from collections.abc import Iterable
from itertools import count, permutations

import pytest
from msgspec.structs import replace

from schemas import events as e
from schemas.codec import Event
from schemas.rows import TicketRow
from streams.core.ticket.fact import fact_of
from streams.core.ticket.fold import Verdict, fold
from streams.core.ticket.measures import row_of
from tests.histories import NOW_MS, event, folded

HOUR = 3_600_000
_numbers = count()


def told(content: e.Data, at: int, sequence: int | None = None) -> Event:
    return event(content, at, str(next(_numbers)), sequence)


def row(*events: Event) -> TicketRow:
    return row_of(folded(events), NOW_MS)


def rows_of_any_order(*contents: e.Data, at: int = HOUR) -> Iterable[TicketRow]:
    """Return the rows that differ at most in which identity falls first within one instant."""
    for ids in permutations("abcdef", len(contents)):
        yield row(*(event(content, at, id) for content, id in zip(contents, ids, strict=True)))


def created(at: int = 0, by: e.Party = e.Party.CUSTOMER, **said: str) -> Event:
    return told(e.TicketCreated(ticket_id="T", channel="email", created_by=by, **said), at)  # type: ignore[arg-type]


def message(at: int, direction: e.Direction, party: e.Party, visibility: e.Visibility = e.Visibility.PUBLIC) -> Event:
    said = e.MessageSent(ticket_id="T", message_id="m", direction=direction, visibility=visibility, sender_type=party)
    return told(said, at)


def asked(at: int) -> Event:
    return message(at, e.Direction.IN, e.Party.CUSTOMER)


def answered(at: int) -> Event:
    return message(at, e.Direction.OUT, e.Party.AGENT)


def resolved(at: int) -> Event:
    return told(e.TicketResolved(ticket_id="T"), at)


def closed(at: int) -> Event:
    return told(e.TicketClosed(ticket_id="T"), at)


def set_to(status: e.Status, at: int) -> Event:
    return told(e.TicketStatusChanged(ticket_id="T", to=status), at)


def rated(at: int, raw: float = 1, *, id: str = "r", survey_id: str | None = None, **said: object) -> Event:
    fields = {"scale_min": 1.0, "scale_max": 5.0, "source": e.RatingSource.CUSTOMER} | said
    return told(e.RatingSubmitted(ticket_id="T", rating_id=id, raw=raw, survey_id=survey_id, **fields), at)  # type: ignore[arg-type]


def revised(at: int, raw: float, *, id: str = "r") -> Event:
    return told(e.RatingRevised(ticket_id="T", rating_id=id, raw=raw), at)


# Attributes


def test_routing_and_classifying_in_the_instant_of_creation_come_after_it() -> None:
    opening = e.TicketCreated(
        ticket_id="T",
        channel="email",
        created_by=e.Party.CUSTOMER,
        team="front desk",
        contact_type=e.ContactType.QUESTION,
    )
    routing = e.TicketAssigned(ticket_id="T", team="beds")
    decision = e.TicketClassified(ticket_id="T", contact_type=e.ContactType.COMPLAINT, by=e.Classifier.RULE)
    seen = {(one.team, one.contact_type) for one in rows_of_any_order(opening, routing, decision)}
    assert seen == {("beds", "complaint")}


def test_what_nobody_mentions_stays_as_it_was() -> None:
    one = row(
        created(team="beds", agent_id="anna", reason="late"),
        told(e.TicketAssigned(ticket_id="T", agent_id="ben"), 1),
        told(e.TicketClassified(ticket_id="T", contact_type=e.ContactType.PRAISE, by=e.Classifier.AGENT), 2),
    )
    assert (one.team, one.agent_id, one.reason, one.contact_type) == ("beds", "ben", "late", "praise")


# Status and cycles


def test_resolving_and_closing_in_one_instant_means_the_same_in_either_order() -> None:
    pairs = rows_of_any_order(e.TicketResolved(ticket_id="T"), e.TicketClosed(ticket_id="T"))
    assert {(one.status, one.closed_at, one.first_resolved_at) for one in pairs} == {("closed", HOUR, HOUR)}


def test_closing_again_keeps_the_first_closing() -> None:
    assert row(created(), closed(5), closed(9)).closed_at == 5
    assert row(created(), closed(5), set_to(e.Status.OPEN, 6), closed(9)).closed_at == 9
    assert row(created(), closed(5), set_to(e.Status.OPEN, 6)).closed_at is None


def test_resolving_twice_ends_one_cycle_once() -> None:
    one = row(created(), resolved(5), resolved(6), set_to(e.Status.RESOLVED, 7))
    assert (one.cycles_resolved_at, one.reopened) == ([5], 0)


@pytest.mark.parametrize("to", [e.Status.NEW, e.Status.OPEN, e.Status.PENDING_CUSTOMER, e.Status.ON_HOLD])
def test_any_work_on_a_resolved_ticket_reopens_it(to: e.Status) -> None:
    one = row(created(), resolved(5), set_to(to, 6))
    assert (one.reopened, one.status, one.cycles_started_at) == (1, to.value, [0, 6])


def test_an_unknown_status_moves_nothing() -> None:
    one = row(created(), resolved(5), set_to(e.Status.OTHER, 6))
    assert (one.reopened, one.status) == (0, "resolved")


def test_reopening_a_ticket_that_was_never_resolved_starts_no_cycle() -> None:
    one = row(created(), told(e.TicketReopened(ticket_id="T"), 3), closed(4), told(e.TicketReopened(ticket_id="T"), 5))
    assert (one.reopened, one.status, one.cycles_started_at) == (0, "open", [0])


def test_no_duration_is_negative_when_events_lie_before_the_creation() -> None:
    one = row(resolved(5), set_to(e.Status.OPEN, 6), resolved(7), answered(8), created(HOUR))
    assert (one.first_resolution_seconds, one.full_resolution_seconds, one.first_response_seconds) == (0, 0, 0)
    assert one.cycles_started_at == one.cycles_resolved_at == [HOUR, HOUR]
    assert one.waits_answered_at == [HOUR]
    assert one.first_event_at == 5


# Waits


def test_several_messages_of_a_waiting_customer_are_one_wait() -> None:
    one = row(created(), asked(1), asked(2), answered(3), answered(4), asked(5))
    assert (one.waits_started_at, one.waits_answered_at) == ([0, 5], [3, None])


@pytest.mark.parametrize(
    "silence",
    [
        message(1, e.Direction.OUT, e.Party.BOT),
        message(1, e.Direction.OUT, e.Party.SYSTEM),
        message(1, e.Direction.OUT, e.Party.OTHER),
        message(1, e.Direction.OUT, e.Party.AGENT, e.Visibility.PRIVATE),
        message(1, e.Direction.OUT, e.Party.AGENT, e.Visibility.OTHER),
        message(1, e.Direction.IN, e.Party.AGENT),
        message(1, e.Direction.OUT, e.Party.CUSTOMER),
        set_to(e.Status.PENDING_CUSTOMER, 1),
        told(e.TicketAssigned(ticket_id="T", agent_id="anna"), 1),
    ],
)
def test_only_a_public_message_of_an_agent_answers(silence: Event) -> None:
    assert row(created(), silence).open_wait_since == 0


@pytest.mark.parametrize("party", [e.Party.AGENT, e.Party.BOT, e.Party.SYSTEM, e.Party.OTHER])
def test_who_did_not_open_the_ticket_waits_from_the_first_message_on(party: e.Party) -> None:
    one = row(created(by=party), asked(1_000), answered(3_000))
    assert (one.waits_started_at, one.waits_answered_at) == ([1_000], [3_000])
    assert one.first_response_seconds == (None if party is e.Party.AGENT else 2.0)


def test_a_ticket_solved_without_an_answer_has_no_response_time_and_nobody_waits() -> None:
    one = row(created(), resolved(5))
    assert (one.first_response_seconds, one.open_wait_since) == (None, None)
    assert (one.waits_started_at, one.waits_answered_at) == ([0], [None])


def test_reopening_lets_the_wait_go_on_from_where_it_began() -> None:
    assert row(created(), resolved(5), set_to(e.Status.OPEN, 6)).open_wait_since == 0


# Ratings


def test_a_revision_comes_after_its_submission_whatever_its_clock_says() -> None:
    assert row(rated(5, 1), revised(4, 5)).ratings_raw == [5]
    assert row(rated(5, 1), revised(5, 5)).ratings_raw == [5]


def test_a_rating_submitted_again_is_read_on_its_own_scale() -> None:
    one = row(rated(5, 4), rated(6, 9, scale_min=0.0, scale_max=10.0))
    assert (one.ratings_raw, one.ratings_score, one.ratings_rated_at) == ([9], [90], [5])


def test_a_revision_off_the_scale_or_of_a_rating_that_nobody_gave_is_not_heard() -> None:
    one = row(rated(5, 4), revised(6, 9), revised(7, 2, id="unknown"))
    assert (one.ratings_id, one.ratings_raw) == (["r"], [4])


@pytest.mark.parametrize("source", [e.RatingSource.AGENT, e.RatingSource.QA, e.RatingSource.AI, e.RatingSource.OTHER])
def test_nobody_outdates_what_the_customer_said(source: e.RatingSource) -> None:
    one = row(rated(5, 1, survey_id="s"), rated(6, 5, id="own", survey_id="s", source=source))
    assert list(zip(one.ratings_source, one.ratings_is_valid, strict=True)) == [
        ("customer", True),
        (source.value, True),
    ]


def test_when_the_later_rating_is_withdrawn_the_earlier_one_stands() -> None:
    second = rated(6, 5, id="second", survey_id="s")
    assert row(rated(5, survey_id="s"), second).ratings_is_valid == [False, True]
    withdrawal = told(e.RatingWithdrawn(ticket_id="T", rating_id="second"), 7)
    assert row(rated(5, survey_id="s"), second, withdrawal).ratings_is_valid == [True, False]


def test_ratings_without_a_survey_stand_side_by_side() -> None:
    assert row(rated(5), rated(6, id="second")).ratings_is_valid == [True, True]


def test_a_rating_bears_the_mark_of_replay_that_its_event_bears() -> None:
    live = rated(5, survey_id="a")
    filled_in = replace(rated(6, id="second", survey_id="b"), replay=True)
    assert row(live, filled_in, revised(7, 2)).ratings_is_replayed == [False, True]


def test_a_rating_that_comes_again_as_a_replay_is_known_and_keeps_the_mark_it_came_with() -> None:
    live = rated(5)
    again = replace(live, replay=True)
    for first, second in ((live, again), (again, live)):
        ticket, verdicts = fold(folded([first]), [fact_of(second)])
        assert verdicts == [Verdict.KNOWN]
        assert ticket == folded([first])


def test_a_second_offer_of_a_survey_is_a_reminder() -> None:
    offers = [told(e.SurveyOffered(ticket_id="T", survey_id=id), at) for id, at in [("s", 1), ("t", 2), ("s", 3)]]
    one = row(*offers)
    assert (one.surveys_id, one.surveys_offered_at) == (["s", "t"], [1, 2])


# Amends


def test_the_latest_word_on_a_grant_counts() -> None:
    grants = [
        told(e.CompensationGranted(ticket_id="T", compensation_id=id, kind="refund", amount=amount, currency="EUR"), at)
        for id, amount, at in [("a", 10, 1), ("b", 20, 2), ("a", 15, 3)]
    ]
    one = row(*grants)
    assert (one.compensations_id, one.compensations_amount) == (["a", "b"], [15, 20])


# Exclusion


def test_the_latest_mark_says_whether_it_is_spam() -> None:
    spam, ham = e.TicketMarkedSpam(ticket_id="T"), e.TicketUnmarkedSpam(ticket_id="T")
    assert row(told(spam, 1), told(ham, 2)).exclusion == ""
    assert row(told(ham, 1), told(spam, 2)).exclusion == "spam"
    assert row(told(spam, 1), told(ham, 2), told(spam, 3)).exclusion == "spam"


def test_the_strongest_reason_is_named() -> None:
    test = told(e.TicketCreated(ticket_id="T", channel="api", created_by=e.Party.SYSTEM, is_test=True), 0)
    spam = told(e.TicketMarkedSpam(ticket_id="T"), 1)
    merge = told(e.TicketMerged(ticket_id="T", into_ticket_id="U"), 2)
    deletion = told(e.TicketDeleted(ticket_id="T"), 3)
    reasons = [row(*events).exclusion for events in ([test], [test, spam], [test, spam, merge], [merge, deletion])]
    assert reasons == ["test", "spam", "merged", "deleted"]
