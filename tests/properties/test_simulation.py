"""What holds for every simulated world, whatever its seed, length and volume."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import decode, encode, partition_key, unknown_values
from schemas.events import (
    DERIVED,
    EventRetracted,
    OrderCancelled,
    OrderPlaced,
    RatingRevised,
    RatingSubmitted,
    RatingWithdrawn,
    SurveyOffered,
    TicketAbsorbed,
    TicketClosed,
    TicketCreated,
    TicketData,
    TicketDeleted,
    TicketMerged,
    TicketReopened,
    TicketResolved,
)
from streams.simulation import Simulated, endless, events

pytestmark = pytest.mark.weighty

seeds = st.integers(0, 2**63)
starts = st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
lengths = st.timedeltas(timedelta(hours=1), timedelta(days=5))
volumes = st.floats(1, 150)
few = settings(max_examples=25, deadline=None)


@few
@given(seeds, starts, lengths, volumes)
def test_the_same_seed_gives_the_same_events(seed: int, start: datetime, length: timedelta, per_day: float) -> None:
    assert list(events(seed, start, start + length, per_day)) == list(events(seed, start, start + length, per_day))


@few
@given(seeds, starts, lengths, volumes, st.integers(0, 500))
def test_a_longer_run_begins_with_the_shorter_one(
    seed: int, start: datetime, length: timedelta, per_day: float, more: int
) -> None:
    now = start + length
    history = list(events(seed, start, now, per_day))
    longer = list(islice(endless(seed, start, now, per_day), len(history) + more))
    assert longer[: len(history)] == history
    assert all(event.at >= now for event in longer[len(history) :])


@few
@given(seeds, starts, lengths, volumes)
def test_events_come_in_order_of_time_within_the_asked_span(
    seed: int, start: datetime, length: timedelta, per_day: float
) -> None:
    played = list(events(seed, start, start + length, per_day))
    assert all(earlier.at <= later.at for earlier, later in pairwise(played))
    assert all(start <= event.at < start + length for event in played)
    assert len({(event.source, event.id) for event in played}) == len(played)


@few
@given(seeds, starts, lengths, volumes)
def test_every_event_reads_back_as_it_was_written(
    seed: int, start: datetime, length: timedelta, per_day: float
) -> None:
    end = start + length
    for event in events(seed, start, end, per_day):
        decoded = decode(_encoded(event), now_ms=int(end.timestamp() * 1000))
        assert (decoded.content, decoded.name, decoded.subject) == (event.data, event.name, event.subject)
        assert (decoded.source, decoded.id) == (event.source, event.id)
        assert decoded.name not in DERIVED
        assert partition_key(decoded) == event.subject.encode()
        assert not unknown_values(decoded)


@few
@given(seeds, starts, lengths, volumes)
def test_every_ticket_lives_a_plausible_life(seed: int, start: datetime, length: timedelta, per_day: float) -> None:
    lives: dict[str, list[Simulated]] = {}
    for event in events(seed, start, start + length, per_day):
        if isinstance(event.data, TicketData | EventRetracted):
            lives.setdefault(event.subject, []).append(event)
    for life in lives.values():
        _assert_plausible(life)


@few
@given(seeds, starts, lengths, volumes)
def test_only_orders_that_were_placed_are_called_off(
    seed: int, start: datetime, length: timedelta, per_day: float
) -> None:
    placed: dict[str, str] = {}
    for event in events(seed, start, start + length, per_day):
        if isinstance(event.data, OrderPlaced):
            assert event.data.order_id not in placed
            placed[event.data.order_id] = event.data.customer_id
        elif isinstance(event.data, OrderCancelled):
            assert placed[event.data.order_id] == event.data.customer_id


def _encoded(event: Simulated) -> bytes:
    return encode(
        event.data,
        source=event.source,
        id=event.id,
        time=event.at,
        name=event.name,
        subject=event.subject,
        subjectseq=event.sequence,
    )


def _assert_plausible(life: list[Simulated]) -> None:
    first, *rest = (event.data for event in life)
    assert isinstance(first, TicketCreated)
    assert not any(isinstance(data, TicketCreated | TicketAbsorbed) for data in rest)
    resolved, offered, rated = False, set[str](), set[str]()
    for event in life:
        match event.data:
            case TicketResolved():
                resolved = True
            case TicketReopened() | TicketClosed():
                assert resolved
            case SurveyOffered(survey_id=survey_id):
                assert resolved
                offered.add(survey_id)
            case RatingSubmitted(rating_id=rating_id, survey_id=survey_id):
                assert survey_id is None or survey_id in offered
                rated.add(rating_id)
            case RatingRevised(rating_id=rating_id) | RatingWithdrawn(rating_id=rating_id):
                assert rating_id in rated
    _assert_quiet_after_the_end(life)
    _assert_retractions_name_what_was_said(life)


def _assert_quiet_after_the_end(life: list[Simulated]) -> None:
    for end, event in enumerate(life):
        if isinstance(event.data, TicketDeleted | TicketMerged):
            assert all(isinstance(later.data, EventRetracted) for later in life[end + 1 :])


def _assert_retractions_name_what_was_said(life: list[Simulated]) -> None:
    said: set[tuple[str, str]] = set()
    for event in life:
        if isinstance(event.data, EventRetracted):
            assert (event.data.target_source, event.data.target_id) in said
        said.add((event.source, event.id))
