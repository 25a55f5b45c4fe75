"""How far behind a worker folds, by the age of what it folded, not by how much waits."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas import events as e
from streams.core.ticket.batch import Reading, read
from streams.core.ticket.delay import Delay
from tests.histories import NOW_MS, event
from tests.records import ReceivedRecord, record_of

OLD_MS = 7_200_000


def reading(*ages_ms: int, partition: int = 0, replay: bool = False, now: int = NOW_MS) -> Reading:
    """Return a batch of records that Kafka got so long before now."""
    data = e.TicketCreated(ticket_id="T", channel="chat", created_by=e.Party.CUSTOMER)
    raw = event(data, NOW_MS - 10_000, "1", subject="T").raw
    if replay:
        raw = raw.replace(b'"specversion"', b'"replay":true,"specversion"')
    records: list[ReceivedRecord] = [
        replace(record_of(raw, n), timestamp=now - age, partition=partition) for n, age in enumerate(ages_ms)
    ]
    made = read(records, NOW_MS)
    assert len(made.of_tickets["T"]) == len(ages_ms)
    return made


@given(st.lists(st.integers(0, OLD_MS), min_size=1, max_size=50))
def test_the_newest_record_of_a_batch_says_how_late_it_is_however_many_there_are(ages_ms: list[int]) -> None:
    delay = Delay()
    delay.folded(reading(*ages_ms), NOW_MS)
    assert delay.seconds(NOW_MS) == min(ages_ms) / 1000


def test_the_partition_that_is_furthest_behind_counts_until_it_has_caught_up() -> None:
    delay = Delay()
    delay.folded(reading(OLD_MS, partition=1), NOW_MS)
    delay.folded(reading(500, partition=2), NOW_MS)
    assert delay.seconds(NOW_MS) == OLD_MS / 1000
    delay.folded(reading(OLD_MS, 100, partition=1), NOW_MS)
    assert delay.seconds(NOW_MS) == 0.5


def test_replayed_history_is_no_delay() -> None:
    delay = Delay()
    delay.folded(reading(OLD_MS, OLD_MS, replay=True), NOW_MS)
    assert delay.seconds(NOW_MS) == 0


def test_what_was_folded_long_ago_says_nothing_of_now() -> None:
    delay = Delay()
    delay.folded(reading(OLD_MS), NOW_MS)
    assert delay.seconds(NOW_MS + 299_000) == OLD_MS / 1000
    assert delay.seconds(NOW_MS + 300_000) == 0


def test_a_producer_whose_clock_is_ahead_hides_nothing_below_zero() -> None:
    delay = Delay()
    delay.folded(reading(-60_000), NOW_MS)
    assert delay.seconds(NOW_MS) == 0
