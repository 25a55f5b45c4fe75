"""Golden cases, the edges of a row, and what a long history costs."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import astuple

from schemas import events as e
from schemas.codec import Event, decode
from schemas.policy import SATISFIED_FROM
from schemas.rows import TicketRow, column_names
from streams.core.identity import fact_id
from streams.core.ticket.fact import fact_of
from streams.core.ticket.fold import FOLD_EPOCH, Ticket, fold
from streams.core.ticket.measures import MAX_STATE_BYTES, row_of
from tests.histories import NOW_MS, SOURCE, event, folded, settled
from tests.oracle import expected_row

GOLDEN = Path(__file__).parent.parent / "golden" / "tickets"
CASES = sorted(path.name.removesuffix(".events.jsonl") for path in GOLDEN.glob("*.events.jsonl"))


def golden(case: str) -> tuple[list[Event], dict[str, Any]]:
    lines = (GOLDEN / f"{case}.events.jsonl").read_bytes().splitlines()
    return [decode(line, now_ms=NOW_MS) for line in lines], json.loads((GOLDEN / f"{case}.row.json").read_text())


def columns(row: TicketRow) -> dict[str, Any]:
    return dict(zip(column_names(TicketRow), astuple(row), strict=True))


def readable(column: str, value: Any) -> Any:
    if isinstance(value, list):
        return [readable(column, item) for item in value]
    if value is not None and column.endswith(("_at", "_since")):
        instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)
        return instant.isoformat().replace("+00:00", "Z")
    return value


def test_there_is_a_row_for_every_golden_case() -> None:
    rows = sorted(path.name.removesuffix(".row.json") for path in GOLDEN.glob("*.row.json"))
    assert rows == CASES
    assert len(CASES) >= 15


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("arrival", ["as written", "backwards", "twice"])
def test_golden_events_give_the_golden_row(case: str, arrival: str) -> None:
    events, expected = golden(case)
    arrived = {"as written": events, "backwards": events[::-1], "twice": events + events}[arrival]
    row = columns(row_of(settled(arrived)[expected["ticket_id"]], NOW_MS))
    assert {name: readable(name, row[name]) for name in expected} == expected


@pytest.mark.parametrize("case", CASES)
def test_the_oracle_knows_the_golden_rows(case: str) -> None:
    events, expected = golden(case)
    row = expected_row(events, expected["ticket_id"], lambda one: fact_id(one.source, one.id))
    shared = expected.keys() & row.keys()
    assert {name: readable(name, row[name]) for name in shared} == {name: expected[name] for name in shared}


def test_a_ticket_without_facts_has_no_row() -> None:
    with pytest.raises(ValueError, match="'T' has no facts"):
        row_of(Ticket("T"), NOW_MS)


def test_a_row_is_the_same_whenever_it_is_written_but_for_when() -> None:
    ticket = folded([event(e.TicketClosed(ticket_id="T"), 5, "1")])
    early, late = columns(row_of(ticket, 1)), columns(row_of(ticket, 2))
    assert early.pop("ingested_at") == 1
    assert late.pop("ingested_at") == 2
    assert early == late


def test_the_version_bears_the_definition_above_the_number_of_events() -> None:
    ticket = folded([event(e.TicketClosed(ticket_id="T"), at, str(at)) for at in range(3)])
    assert row_of(ticket, NOW_MS).version == (FOLD_EPOCH << 48) + 3


def test_a_ticket_of_which_everything_was_retracted_does_not_count() -> None:
    retraction = event(e.EventRetracted(target_source=SOURCE, target_id="1"), 9, "2")
    row = row_of(folded([retraction, event(_message(0), 5, "1")]), NOW_MS)
    assert (row.exclusion, row.is_effective, row.created_at) == ("retracted", False, 5)


def test_a_retraction_that_comes_first_makes_no_ticket_that_counts() -> None:
    row = row_of(folded([event(e.EventRetracted(target_source=SOURCE, target_id="1"), 9, "2")]), NOW_MS)
    assert (row.exclusion, row.is_effective) == ("retracted", False)


@pytest.mark.parametrize(
    ("low", "high", "satisfied", "others"),
    [
        pytest.param(1, 5, (4, 5), (1, 2, 3, 3.9), id="stars"),
        pytest.param(0, 10, (8, 9, 10), (0, 5, 6, 7), id="zero to ten"),
        pytest.param(1, 10, (8, 9, 10), (1, 6, 7), id="one to ten"),
        pytest.param(0, 1, (1,), (0,), id="thumbs"),
        pytest.param(-1, 1, (1,), (-1, 0), id="thumbs and neither"),
    ],
)
def test_satisfied_are_four_of_five_eight_of_ten_and_the_thumb_up(
    low: float, high: float, satisfied: Sequence[float], others: Sequence[float]
) -> None:
    def is_satisfied(raw: float) -> bool:
        (score,) = row_of(folded([event(_rating(raw, low, high), 1, "1")]), NOW_MS).ratings_score
        return score >= SATISFIED_FROM

    assert all(map(is_satisfied, satisfied))
    assert not any(map(is_satisfied, others))


def test_a_score_never_leaves_its_scale() -> None:
    for low in (0.0, 0.1, 1e-9, -3.3, 7e8):
        for step in (5e-324, 0.1, 0.7, 1 / 3, 1e8):
            high = low + step
            if low < high:
                [score] = row_of(folded([event(_rating(high, low, high), 1, "1")]), NOW_MS).ratings_score
                assert score == pytest.approx(100.0)
                assert score <= 100.0


def test_a_history_too_long_for_its_row_is_left_to_the_events() -> None:
    long, short = _long_ticket(3_000), _long_ticket(1_000)
    assert len(long.state) > MAX_STATE_BYTES
    assert row_of(long, NOW_MS).state == b""
    assert row_of(short, NOW_MS).state == short.state


def test_a_row_costs_at_most_in_proportion_to_its_history() -> None:
    short, long = _long_ticket(1_000), _long_ticket(10_000)
    grown = _fold_and_state_seconds(long) / _fold_and_state_seconds(short)
    assert grown < 10 * 3, f"10 times the events cost {grown:.0f} times as much"


@pytest.mark.parametrize("size", [1, 37, 1_000])
def test_a_ticket_of_many_events_folds_to_the_same_row_in_batches_of_any_size(size: int) -> None:
    facts = _long_ticket(2_000).facts
    ticket = Ticket("T")
    for start in range(0, len(facts), size):
        ticket, _ = fold(ticket, facts[start : start + size])
    assert row_of(ticket, NOW_MS) == row_of(_long_ticket(2_000), NOW_MS)


def _long_ticket(events: int) -> Ticket:
    return folded([event(_message(number), 1_700_000_000_000 + number, str(number)) for number in range(events)])


def _message(number: int) -> e.MessageSent:
    comes_in = number % 2 == 0
    return e.MessageSent(
        ticket_id="T",
        message_id=f"m{number}",
        direction=e.Direction.IN if comes_in else e.Direction.OUT,
        visibility=e.Visibility.PUBLIC,
        sender_type=e.Party.CUSTOMER if comes_in else e.Party.AGENT,
    )


def _rating(raw: float, low: float, high: float) -> e.RatingSubmitted:
    return e.RatingSubmitted(
        ticket_id="T", rating_id="r", raw=raw, scale_min=low, scale_max=high, source=e.RatingSource.CUSTOMER
    )


def _fold_and_state_seconds(ticket: Ticket) -> float:
    """Return what one more event costs, at best: folding it in and stating the row."""
    one_more = [fact_of(event(e.TicketClosed(ticket_id="T"), 1_800_000_000_000, "one more"))]
    return min(_seconds(ticket, one_more) for _ in range(5))


def _seconds(ticket: Ticket, facts: Sequence[Any]) -> float:
    start = time.process_time()
    row_of(fold(ticket, facts)[0], NOW_MS)
    return time.process_time() - start
