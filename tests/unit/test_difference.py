"""A row that lacks anything of what is stored is found by its numbers alone, whatever it lacks."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas import events as e
from streams.core.ticket.difference import Difference, Sighting, difference
from streams.core.ticket.fact import Absorbed, AnyFact, fact_of
from streams.core.ticket.fold import Ticket
from tests.histories import TICKET, event, public_answer

MESSAGES = [fact_of(event(public_answer(TICKET, f"m{at}"), at, f"m{at}")) for at in range(4)]
RETRACTION = fact_of(event(e.EventRetracted(target_source="urn:test:desk", target_id="m1"), 5, "r"))


def _told(id: int, revision: int) -> Absorbed:
    return Absorbed(id, 6, -1, path=(f"T-{id}",), revision=revision, packed=b"")


@st.composite
def stored_and_known(draw: st.DrawFn) -> tuple[Ticket, Ticket]:
    """Return a ticket with all its stored facts, and as a row may know it: fewer, or of old revisions."""
    stored: list[AnyFact] = draw(st.lists(st.sampled_from([*MESSAGES, RETRACTION]), unique=True, min_size=1))
    stored += [_told(id, draw(st.integers(0, 5))) for id in draw(st.sets(st.integers(1, 3)))]
    known = [
        replace(fact, revision=draw(st.integers(0, fact.revision))) if isinstance(fact, Absorbed) else fact
        for fact in stored
        if draw(st.booleans())
    ]
    return Ticket(TICKET, tuple(stored)), Ticket(TICKET, tuple(known))


def sighting(stored: Ticket, known: Ticket, *, is_derived: bool = True) -> Sighting:
    counts = (len(stored.facts), stored.revision, len(known.facts), known.revision)
    return Sighting(TICKET, *counts, is_derived=is_derived, newest_at=0)


@given(stored_and_known())
def test_numbers_fit_only_when_a_row_knows_all_that_is_stored(both: tuple[Ticket, Ticket]) -> None:
    stored, known = both
    seen = sighting(stored, known)
    assert seen.is_whole == (stored == known)
    expected = None if stored == known else Difference.FACTS if known.facts else Difference.NO_ROW
    assert difference(seen, stored) == expected


@given(stored_and_known())
def test_what_follows_from_a_row_is_told_apart_from_the_row(both: tuple[Ticket, Ticket]) -> None:
    stored, _ = both
    seen = sighting(stored, stored, is_derived=False)
    assert not seen.is_whole
    assert difference(seen, stored) is Difference.DERIVED


@given(stored_and_known())
def test_a_row_that_knows_more_than_the_log_is_a_loss_of_the_log(both: tuple[Ticket, Ticket]) -> None:
    whole, part = both
    left = part if part.facts else None
    assert difference(sighting(whole, Ticket(part.ticket_id)), None) is None, "events that are no facts, and no row"
    assert difference(sighting(part, whole), left) == (None if whole == part else Difference.LOG)
