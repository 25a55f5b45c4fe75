"""Published schedules as rows: which statement counts, in whatever order they come, and what it says."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import permutations

import msgspec
import pytest

from schemas.codec import Event
from schemas.events import ProducerHeartbeat, SchedulePublished
from schemas.instant import ms_of
from schemas.schedule import Version, Week
from streams.core.hours.published import KNOWN_UNTIL, Change, Standing, change_of, hours_row, open_hours
from streams.core.identity import fact_id
from tests.histories import NOW_MS, SOURCE, event

DAY = 86_400_000
JUNE = ms_of(datetime(2026, 6, 1, tzinfo=UTC))


def version(from_at: str = "2026-01-01T00:00", *, zone: str = "UTC", monday: str = "09:00-17:00") -> Version:
    return Version(from_at=datetime.fromisoformat(from_at), zone=zone, weekly=Week(monday=tuple(monday.split())))


def published(id: str, at: int, *versions: Version, name: str = "default", sequence: int | None = None) -> Event:
    return event(SchedulePublished(name=name, versions=versions), at, id, sequence, subject=name)


def standing(*events: Event) -> Sequence[str]:
    """Return which events count, by the hours of their Mondays: each test gives every event its own."""
    rows = list(open_hours(events, NOW_MS))
    return sorted(msgspec.json.decode(row.versions)[0]["weekly"]["monday"][0] for row in rows)


def test_the_newest_statement_about_a_name_counts_in_whatever_order_they_come() -> None:
    a, b = published("1", JUNE, version(monday="01:00-02:00")), published("2", JUNE + 1, version(monday="02:00-03:00"))
    other = published("3", JUNE - 1, version(monday="03:00-04:00"), name="repairs")
    for told in permutations([a, b, other, a]):
        assert standing(*told) == ["02:00-03:00", "03:00-04:00"]


def test_within_an_instant_the_sequence_decides_and_then_the_identity() -> None:
    first = published("z", JUNE, version(monday="01:00-02:00"), sequence=1)
    later = published("a", JUNE, version(monday="02:00-03:00"), sequence=2)
    assert standing(first, later) == standing(later, first) == ["02:00-03:00"]
    twins = [published(id, JUNE, version(monday=hours)) for id, hours in (("x", "01:00-02:00"), ("y", "02:00-03:00"))]
    winner = max(zip((fact_id(SOURCE, "x"), fact_id(SOURCE, "y")), ("01:00-02:00", "02:00-03:00"), strict=True))[1]
    assert standing(*twins) == standing(*reversed(twins)) == [winner]


def test_a_row_follows_from_its_event_alone() -> None:
    older, newer = published("1", JUNE, version()), published("2", JUNE + 1, version())
    alone, together = (list(open_hours(some, NOW_MS)) for some in ([newer], [older, newer]))
    assert alone == together
    assert hours_row(older, NOW_MS).version < alone[0].version < 2**256


def test_a_row_says_when_it_is_open_until_the_end_of_what_is_known() -> None:
    row = hours_row(published("1", JUNE, version(zone="Asia/Shanghai", monday="13:00-18:00 09:00-12:00")), NOW_MS)
    begins = ms_of(datetime(2025, 12, 31, 16, tzinfo=UTC))
    monday = ms_of(datetime(2026, 1, 5, 1, tzinfo=UTC))
    hour = 3_600_000
    assert (row.schedule, row.in_force_at, row.known_until, row.is_withdrawn) == ("default", begins, KNOWN_UNTIL, False)
    assert row.open_since[:4] == [begins, monday, monday + 4 * hour, monday + 7 * DAY]
    assert row.open_until[:4] == [begins, monday + 3 * hour, monday + 9 * hour, monday + 7 * DAY + 3 * hour]
    assert row.open_ms_before[:4] == [0, 0, 3 * hour, 8 * hour]
    assert KNOWN_UNTIL - 8 * DAY < row.open_since[-1] < KNOWN_UNTIL
    assert 2 * 24 * 52 < len(row.open_since) < 2 * 24 * 53


def test_hours_of_before_1970_are_not_looked_at() -> None:
    row = hours_row(published("1", JUNE, version("0001-01-01T00:00")), NOW_MS)
    assert row.in_force_at == 0 <= row.open_since[0]


def test_a_schedule_without_versions_is_withdrawn() -> None:
    row = hours_row(published("1", JUNE), NOW_MS)
    assert row.is_withdrawn
    assert row.open_since == []


def test_other_events_open_nothing() -> None:
    heartbeat = event(ProducerHeartbeat(), JUNE, "1")
    assert list(open_hours([heartbeat], NOW_MS)) == []
    with pytest.raises(TypeError, match="publishes no schedule"):
        hours_row(heartbeat, NOW_MS)


# What publishing changes


def test_what_stands_already_is_not_published_again() -> None:
    stands = Standing(JUNE, (version(),))
    assert change_of("default", [version()], stands, JUNE + 1) is None
    assert change_of("default", [], None, JUNE) is None
    assert change_of("default", [], Standing(JUNE, ()), JUNE + 1) is None


def changed(name: str, versions: Sequence[Version], stands: Standing | None, at: int) -> Change:
    change = change_of(name, versions, stands, at)
    assert change is not None
    return change


def test_a_change_says_from_when_on_hours_differ() -> None:
    summer = version("2026-07-01T00:00", monday="10:00-16:00")
    stands = Standing(JUNE, (version(),))
    new = changed("default", [version()], None, JUNE)
    later = changed("default", [version(), summer], stands, JUNE)
    gone = changed("default", [], stands, JUNE)
    begins = ms_of(datetime(2026, 1, 1, tzinfo=UTC))
    assert (new.is_new, new.differs_at) == (True, begins)
    assert (later.is_new, later.differs_at) == (False, ms_of(datetime(2026, 7, 6, 9, tzinfo=UTC)))
    assert gone.differs_at == begins


def test_hours_that_are_only_written_otherwise_differ_from_no_instant_on() -> None:
    split = version(monday="09:00-12:00 12:00-17:00")
    assert changed("default", [split], Standing(JUNE, (version(),)), JUNE).differs_at is None


def test_a_change_is_newer_than_what_it_takes_the_place_of_whatever_the_clocks_say() -> None:
    stands = Standing(JUNE + 60_000, (version(),))
    assert changed("default", [], stands, JUNE).published_at == JUNE + 60_001


def test_the_same_change_at_the_same_time_is_the_same_event() -> None:
    one, same, later = (changed("default", [version()], None, at) for at in (JUNE, JUNE, JUNE + 1))
    other = changed("repairs", [version()], None, JUNE)
    assert one.id == same.id
    assert len({one.id, later.id, other.id}) == 3
