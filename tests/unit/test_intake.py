"""How fetches become batches: few large ones of many small ones, within the time that a batch may wait."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.fetch import ENOUGH_UNPACKED_BYTES
from streams.handover import Records
from streams.intake import BatchApp
from tests.idle import idle_consumer
from tests.records import record_of

TICKETS, ORDERS = TP("tickets", 0), TP("orders", 0)
Fetch = dict[TP, Records]


def records(begin: int, values: Sequence[bytes]) -> Records:
    return Records([record_of(value) for value in values], begin, begin + len(values))


def gathered(
    monkeypatch: pytest.MonkeyPatch, fetches: Sequence[Fetch], *, linger: float, batch_events: int = 10_000
) -> tuple[Fetch, int]:
    """Return the batch that a consumer makes of what fetches bring, and how many of them it left."""
    left = list(fetches)

    async def fetch(*_: object) -> Fetch:
        return left.pop(0) if left else {}

    monkeypatch.setattr(driver.Consumer, "_getmany", fetch)

    async def look() -> Fetch:
        consumer = idle_consumer()
        app = cast(BatchApp, consumer.app)
        app.batch_linger_seconds, app.batch_events = linger, batch_events
        consumer.loop = asyncio.get_running_loop()
        return await cast(Any, consumer)._getmany(None, 1.0)  # type: ignore[no-any-return]

    return asyncio.run(look()), len(left)


def test_what_many_fetches_bring_while_a_batch_waits_is_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    fetches: list[Fetch] = [{TICKETS: records(n, [b"a"])} for n in range(5)] + [{ORDERS: records(0, [b"o"])}]
    batch, left = gathered(monkeypatch, fetches, linger=5, batch_events=6)
    assert {tp: (one.begin, one.end, len(one)) for tp, one in batch.items()} == {TICKETS: (0, 5, 5), ORDERS: (0, 1, 1)}
    assert left == 0


def test_enough_events_wait_for_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    batch, left = gathered(monkeypatch, [{TICKETS: records(n, [b"a"])} for n in range(5)], linger=60, batch_events=3)
    assert (batch[TICKETS].end, left) == (3, 2)


def test_enough_bytes_wait_for_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    large = b"x" * (ENOUGH_UNPACKED_BYTES // 2)
    batch, left = gathered(monkeypatch, [{TICKETS: records(n, [large])} for n in range(5)], linger=60)
    assert (batch[TICKETS].end, left) == (2, 3)


def test_a_batch_that_may_not_wait_is_what_one_fetch_brought(monkeypatch: pytest.MonkeyPatch) -> None:
    batch, left = gathered(monkeypatch, [{TICKETS: records(n, [b"a"])} for n in range(2)], linger=0)
    assert (batch[TICKETS].end, left) == (1, 1)


def test_nothing_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gathered(monkeypatch, [{}, {TICKETS: records(0, [b"a"])}], linger=60) == ({}, 1)


def test_where_the_position_was_moved_what_came_later_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    fetches: list[Fetch] = [{TICKETS: records(5, [b"a", b"b"])}, {TICKETS: records(0, [b"c"])}]
    batch, _ = gathered(monkeypatch, fetches, linger=0.1)
    assert (batch[TICKETS].begin, batch[TICKETS].end) == (0, 1)
