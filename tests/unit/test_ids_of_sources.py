"""An id is unique in the source that says it: what two sources call alike are two things, also after a merge."""

from itertools import count

import msgspec
import pytest
from msgspec.structs import replace

from schemas import events as e
from schemas.codec import Event
from schemas.rows import TicketRow
from streams.core.ticket.fact import Absorbed, Rated, Revised, Withdrawn, as_before, fact_of, pack, unpack
from streams.core.ticket.fold import Ticket, Verdict, fold
from streams.core.ticket.measures import row_of
from streams.sinks.watch import _ratings
from tests.histories import NOW_MS, event, folded, settled

DESK, TOOL, THIRD = "urn:desk", "urn:qatool", "urn:third"
_numbers = count()


def told(source: str, content: e.TicketData, at: int) -> Event:
    return event(content, at, str(next(_numbers)), subject=content.ticket_id, source=source)


def rated(system: str, raw: float, at: int, *, id: str = "7", ticket_id: str = "T", **said: object) -> Event:
    fields = {"scale_min": 1.0, "scale_max": 5.0, "source": e.RatingSource.CUSTOMER} | said
    return told(system, e.RatingSubmitted(ticket_id=ticket_id, rating_id=id, raw=raw, **fields), at)  # type: ignore[arg-type]


def offered(source: str, at: int, *, id: str = "s", ticket_id: str = "T") -> Event:
    return told(source, e.SurveyOffered(ticket_id=ticket_id, survey_id=id), at)


def granted(source: str, amount: int, at: int) -> Event:
    said = e.CompensationGranted(ticket_id="T", compensation_id="k", kind="refund", amount=amount, currency="EUR")
    return told(source, said, at)


def row(*events: Event) -> TicketRow:
    return row_of(folded(events), NOW_MS)


def test_ratings_of_one_id_by_two_sources_are_two() -> None:
    one = row(rated(DESK, 1, 5), rated(TOOL, 5, 6, source=e.RatingSource.QA))
    assert (one.ratings_score, one.ratings_source) == ([0, 100], ["customer", "qa"])
    assert one.ratings_is_valid == [True, True]


@pytest.mark.parametrize("source", [DESK, TOOL])
def test_a_rating_is_revised_and_withdrawn_by_its_own_source_alone(source: str) -> None:
    ratings = [rated(DESK, 1, 5), rated(TOOL, 2, 6)]
    revision = told(source, e.RatingRevised(ticket_id="T", rating_id="7", raw=4), 7)
    withdrawal = told(source, e.RatingWithdrawn(ticket_id="T", rating_id="7"), 8)
    assert row(*ratings, revision).ratings_raw == ([4, 2] if source == DESK else [1, 4])
    assert row(*ratings, withdrawal).ratings_is_valid == [source != DESK, source != TOOL]


def test_a_source_changes_no_rating_that_it_never_submitted() -> None:
    one = row(
        rated(DESK, 1, 5),
        told(TOOL, e.RatingRevised(ticket_id="T", rating_id="7", raw=4), 7),
        told(TOOL, e.RatingWithdrawn(ticket_id="T", rating_id="7"), 8),
    )
    assert (one.ratings_raw, one.ratings_is_valid) == ([1], [True])


def test_a_rating_answers_the_survey_of_its_own_source_first() -> None:
    one = row(offered(DESK, 1), offered(TOOL, 2), rated(TOOL, 5, 3, survey_id="s"))
    assert (one.surveys_id, one.surveys_is_answered) == (["s", "s"], [False, True])


def test_a_survey_tool_answers_what_the_desk_offered() -> None:
    one = row(offered(DESK, 1), rated(TOOL, 5, 3, survey_id="s"))
    assert one.surveys_is_answered == [True]
    second = rated(TOOL, 1, 4, id="8", survey_id="s")
    assert row(offered(DESK, 1), rated(TOOL, 5, 3, survey_id="s"), second).ratings_is_valid == [False, True]


def test_which_of_two_offers_of_others_was_answered_is_not_guessed() -> None:
    one = row(offered(DESK, 1), offered(TOOL, 2), rated(THIRD, 5, 3, survey_id="s"))
    assert (one.surveys_is_answered, one.ratings_is_valid) == ([False, False], [True])


def test_answers_of_two_sources_to_surveys_of_their_own_do_not_outdate_each_other() -> None:
    one = row(rated(DESK, 1, 3, survey_id="s"), rated(TOOL, 5, 4, survey_id="s"))
    assert one.ratings_is_valid == [True, True]


def test_only_a_valid_answer_of_the_customer_answers_a_survey() -> None:
    withdrawal = told(DESK, e.RatingWithdrawn(ticket_id="T", rating_id="7"), 8)
    assert row(offered(DESK, 1), rated(DESK, 5, 3, survey_id="s"), withdrawal).surveys_is_answered == [False]
    by_agent = rated(DESK, 5, 3, survey_id="s", source=e.RatingSource.AGENT)
    assert row(offered(DESK, 1), by_agent).surveys_is_answered == [False]


def test_grants_and_orders_of_one_id_by_two_sources_are_two() -> None:
    one = row(granted(DESK, 10, 1), granted(TOOL, 20, 2), granted(DESK, 15, 3))
    assert (one.compensations_id, one.compensations_amount) == (["k", "k"], [15, 20])


def test_after_a_merge_the_same_source_means_the_same_and_another_one_does_not() -> None:
    merge = told(DESK, e.TicketMerged(ticket_id="M", into_ticket_id="T"), 9)
    told_of_both = [
        rated(DESK, 1, 5, ticket_id="M"),
        rated(TOOL, 5, 6),
        told(DESK, e.RatingRevised(ticket_id="T", rating_id="7", raw=3), 7),
        offered(DESK, 1, ticket_id="M"),
        rated(TOOL, 4, 8, id="8", survey_id="s"),
    ]
    one = row_of(settled([*told_of_both, merge])["T"], NOW_MS)
    assert (one.ratings_raw, one.surveys_is_answered) == ([3, 5, 4], [True])


def test_a_rating_of_an_older_release_is_changed_by_the_only_source_that_uses_its_id() -> None:
    submission = as_before(fact_of(rated(DESK, 1, 5)))
    revision = fact_of(told(DESK, e.RatingRevised(ticket_id="T", rating_id="7", raw=4), 7))
    one = row_of(Ticket("T", (submission, revision)), NOW_MS)
    assert (one.ratings_raw, one.ratings_is_valid) == ([4], [True])
    other = fact_of(rated(TOOL, 5, 6))
    assert row_of(Ticket("T", (submission, other, revision)), NOW_MS).ratings_id == ["7", "7"]


@pytest.mark.parametrize(
    ("stored", "fact"),
    [
        ([13, 7, 5, -1, "r", "", 4.0, 1.0, 5.0, "customer"], Rated(7, 5, -1, "r", "", 4.0, 1.0, 5.0, "customer")),
        ([14, 7, 5, -1, "r", 4.0], Revised(7, 5, -1, "r", 4.0)),
        ([15, 7, 5, -1, "r"], Withdrawn(7, 5, -1, "r")),
    ],
)
def test_facts_that_do_not_know_their_source_are_read(stored: list[object], fact: Rated | Revised | Withdrawn) -> None:
    assert unpack(msgspec.msgpack.encode([stored])) == [fact]
    assert unpack(pack([replace(fact, system=DESK)])) == [replace(fact, system=DESK)]


def test_what_a_merged_ticket_tells_again_in_newer_words_is_known() -> None:
    facts = [fact_of(rated(DESK, 1, 5))]
    former = Absorbed(3, 9, -1, ("M",), 2, pack(map(as_before, facts)))
    now = replace(former, packed=pack(facts))
    assert former != now
    assert fold(Ticket("T", (former,)), [now]) == (Ticket("T", (former,)), [Verdict.KNOWN])


def test_the_watch_tells_ratings_of_one_id_apart() -> None:
    rows = [("T", "x", "7", at, None, False, 0, True, True) for at in (5, 5, 6)]
    assert len({one.id for one in _ratings(rows)}) == 3
