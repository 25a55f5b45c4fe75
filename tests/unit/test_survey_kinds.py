"""What a survey asks for decides where its ratings count: satisfaction, recommendation and effort are never mixed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import events as e
from schemas.codec import Event
from schemas.rows import TicketRow
from streams.core.ticket.fact import Rated, as_before, fact_of, pack, unpack
from streams.core.ticket.fold import Ticket
from streams.core.ticket.measures import row_of
from tests.histories import NOW_MS, event, folded, settled
from tests.unit.test_ids_of_sources import DESK, THIRD, TOOL, told

CSAT, NPS, CES, OTHER = e.SurveyKind.CSAT, e.SurveyKind.NPS, e.SurveyKind.CES, e.SurveyKind.OTHER


def offered(source: str, at: int, kind: e.SurveyKind | None, *, ticket_id: str = "T") -> Event:
    return told(source, e.SurveyOffered(ticket_id=ticket_id, survey_id="s", kind=kind), at)


def rated(source: str, at: int, kind: e.SurveyKind | None = None, *, survey_id: str | None = "s") -> Event:
    said = e.RatingSubmitted(
        ticket_id="T", rating_id="r", raw=9, scale_min=0, scale_max=10, source=e.RatingSource.CUSTOMER,
        survey_id=survey_id, kind=kind,
    )  # fmt: skip
    return told(source, said, at)


def row(*events: Event) -> TicketRow:
    return row_of(folded(events), NOW_MS)


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        ([rated(DESK, 2)], "csat"),
        ([rated(DESK, 2, CES)], "ces"),
        ([offered(DESK, 1, NPS), rated(DESK, 2)], "nps"),
        ([offered(DESK, 1, None), rated(DESK, 2)], "csat"),
        ([offered(DESK, 1, NPS), rated(DESK, 2, CSAT)], "csat"),
        ([offered(DESK, 1, NPS), rated(DESK, 2, survey_id=None)], "csat"),
        ([offered(DESK, 1, NPS), rated(TOOL, 2)], "nps"),
        ([offered(DESK, 1, NPS), offered(TOOL, 1, CES), rated(TOOL, 2)], "ces"),
        ([offered(DESK, 1, NPS), offered(TOOL, 1, CES), rated(THIRD, 2)], "csat"),
        ([offered(DESK, 1, OTHER), rated(DESK, 2)], "other"),
        ([offered(DESK, 1, None), offered(DESK, 3, NPS), offered(DESK, 4, CES), rated(DESK, 2)], "nps"),
    ],
    ids=lambda value: value if isinstance(value, str) else " then ".join(one.name for one in value),
)
def test_a_rating_is_of_its_own_kind_else_of_that_of_its_survey_else_satisfaction(
    events: list[Event], kind: str
) -> None:
    assert row(*events).ratings_kind == [kind]
    assert row(*reversed(events)).ratings_kind == [kind]


def test_a_kind_of_a_newer_producer_reads_as_other() -> None:
    assert e.SurveyKind("smiley") is OTHER


@given(st.sampled_from(e.SurveyKind), st.none() | st.sampled_from(e.SurveyKind), st.booleans())
def test_a_revised_rating_keeps_its_kind(kind: e.SurveyKind, said_later: e.SurveyKind | None, is_anew: bool) -> None:
    again = rated(DESK, 3, said_later) if is_anew else event(
        e.RatingRevised(ticket_id="T", rating_id="r", raw=3), 3, "again", source=DESK
    )  # fmt: skip
    assert row(rated(DESK, 2, kind), again).ratings_kind == [kind.value]


def test_a_row_says_the_scale_on_which_a_rating_stands() -> None:
    one = row(rated(DESK, 2, NPS))
    assert (one.ratings_raw, one.ratings_scale_min, one.ratings_scale_max) == ([9], [0], [10])


def test_a_survey_of_any_kind_is_answered() -> None:
    assert row(offered(DESK, 1, NPS), rated(DESK, 2)).surveys_is_answered == [True]


def test_a_merged_ticket_tells_of_which_kind_its_surveys_were() -> None:
    merge = told(DESK, e.TicketMerged(ticket_id="M", into_ticket_id="T"), 9)
    one = row_of(settled([offered(DESK, 1, NPS, ticket_id="M"), rated(DESK, 2), merge])["T"], NOW_MS)
    assert one.ratings_kind == ["nps"]


def test_facts_of_a_release_that_knew_no_kinds_are_satisfaction() -> None:
    offer, rating = (as_before(fact_of(one)) for one in (offered(DESK, 1, NPS), rated(DESK, 2, NPS)))
    assert isinstance(rating, Rated)
    assert unpack(pack([offer, rating])) == [offer, rating]
    assert row_of(Ticket("T", (offer, rating)), NOW_MS).ratings_kind == ["csat"]


def test_a_form_that_asks_two_questions_has_two_valid_answers() -> None:
    def answer(id: str, at: int, kind: e.SurveyKind) -> Event:
        said = e.RatingSubmitted(
            ticket_id="T", rating_id=id, raw=9, scale_min=0, scale_max=10, source=e.RatingSource.CUSTOMER,
            survey_id="s", kind=kind,
        )  # fmt: skip
        return told(DESK, said, at)

    one = row(offered(DESK, 1, None), answer("a", 2, CSAT), answer("b", 3, NPS), answer("c", 4, NPS))
    assert one.ratings_is_valid == [True, False, True]
