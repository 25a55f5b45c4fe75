"""What becomes of a promise, word by word."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from msgspec.structs import replace

from schemas import events as e
from schemas.rows import TicketRow
from streams.core.ticket.measures import row_of
from tests.histories import NOW_MS, event, folded, settled

DAY: Final = datetime(2026, 3, 2, tzinfo=UTC)
ONE: Final[dict[str, Any]] = {"ticket_id": "T", "promise_id": "p"}


def at(clock: str) -> datetime:
    hours, minutes = map(int, clock.split(":"))
    return DAY + timedelta(hours=hours, minutes=minutes)


def made(due: str, kind: e.PromiseKind = e.PromiseKind.CALL_BACK, **more: str) -> e.Data:
    return e.PromiseMade(**ONE, kind=kind, due_at=at(due), **more)


def moved(due: str) -> e.Data:
    return e.PromiseMoved(**ONE, due_at=at(due))


KEPT: Final = e.PromiseKept(**ONE)
GIVEN_UP: Final = e.PromiseWithdrawn(**ONE)


def row(*said: tuple[str, e.Data]) -> TicketRow:
    return row_of(
        folded(
            event(content, int(at(clock).timestamp() * 1000), f"e{n}", n) for n, (clock, content) in enumerate(said)
        ),
        NOW_MS,
    )


def stands(*said: tuple[str, e.Data]) -> Sequence[str | int | None]:
    """Return when the only promise falls due, was kept and given up, and how often it was moved, before and after."""
    one = row(*said)
    instants = (one.promises_due_at, one.promises_kept_at, one.promises_withdrawn_at)
    clocks = [
        None if only is None else f"{datetime.fromtimestamp(only / 1000, UTC):%H:%M}" for ms in instants for only in ms
    ]
    return [*clocks, *one.promises_moved, *one.promises_moved_late]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        pytest.param([], ["10:10", None, None, 0, 0], id="open"),
        pytest.param([("10:10", KEPT)], ["10:10", "10:10", None, 0, 0], id="kept in the last minute"),
        pytest.param([("10:11", KEPT)], ["10:10", "10:11", None, 0, 0], id="kept late"),
        pytest.param([("10:05", moved("11:00")), ("10:30", KEPT)], ["11:00", "10:30", None, 1, 0], id="moved in time"),
        pytest.param([("10:10", moved("11:00")), ("10:30", KEPT)], ["10:10", "10:30", None, 0, 1], id="moved too late"),
        pytest.param(
            [("10:05", moved("10:20")), ("10:15", moved("10:40")), ("10:50", moved("12:00"))],
            ["10:40", None, None, 2, 1],
            id="moved twice in time and once too late",
        ),
        pytest.param([("10:05", moved("10:01"))], ["10:05", None, None, 1, 0], id="moved to what has passed"),
        pytest.param([("10:05", GIVEN_UP), ("10:06", KEPT)], ["10:10", None, "10:05", 0, 0], id="given up, then kept"),
        pytest.param([("10:05", KEPT), ("10:06", GIVEN_UP)], ["10:10", "10:05", None, 0, 0], id="kept and given up"),
        pytest.param([("10:05", KEPT), ("10:06", moved("12:00"))], ["10:10", "10:05", None, 0, 0], id="kept and moved"),
        pytest.param([("10:05", made("11:00"))], ["11:00", None, None, 1, 0], id="made again is moved"),
        pytest.param([("09:00", KEPT)], ["10:10", "10:00", None, 0, 0], id="kept by a clock that goes after"),
    ],
)
def test_it_falls_due_once_at_the_time_that_stands_by_then(said: list[tuple[str, e.Data]], wanted: list[Any]) -> None:
    assert stands(("10:00", made("10:10")), *said) == wanted


def test_what_nobody_is_known_to_have_promised_is_no_promise() -> None:
    assert row(("10:00", moved("10:10")), ("10:05", KEPT)).promises_id == []


def test_promises_of_one_id_from_two_systems_are_two() -> None:
    said = [("10:00", "a", made("10:10")), ("10:01", "b", made("11:00")), ("10:05", "a", KEPT)]
    events = [
        event(content, int(at(clock).timestamp() * 1000), f"e{n}", source=f"urn:test:{source}")
        for n, (clock, source, content) in enumerate(said)
    ]
    one = row_of(folded(events), NOW_MS)
    assert one.promises_id == ["p", "p"]
    assert [kept is None for kept in one.promises_kept_at] == [False, True]


def test_promises_of_one_instant_stand_in_the_order_of_making_whatever_was_said_of_them_before() -> None:
    second = {"ticket_id": "T", "promise_id": "second"}
    one = row(
        ("09:00", e.PromiseKept(**second)),
        ("10:00", made("10:10")),
        ("10:00", e.PromiseMade(**second, kind=e.PromiseKind.ANSWER, due_at=at("10:10"))),
    )
    assert one.promises_id == ["p", "second"]


def test_kind_and_maker_are_those_of_the_first_word() -> None:
    one = row(
        ("10:00", made("10:10", e.PromiseKind.REPAIR, made_by="ada")),
        ("10:01", made("10:10", e.PromiseKind.REFUND, made_by="bob")),
    )
    assert (one.promises_kind, one.promises_made_by) == (["repair"], ["ada"])


def test_one_made_to_a_customer_goes_with_the_ticket_that_is_merged() -> None:
    events = [
        event(replace(made("10:10"), ticket_id="B"), int(at("10:00").timestamp() * 1000), "made", subject="B"),
        event(
            e.TicketMerged(ticket_id="B", into_ticket_id="A"),
            int(at("10:01").timestamp() * 1000),
            "merged",
            subject="B",
        ),
    ]
    assert row_of(settled(events)["A"], NOW_MS).promises_id == ["p"]
