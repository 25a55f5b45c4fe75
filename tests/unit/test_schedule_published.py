"""A published schedule: what is refused, where the pointer leads, what the producer is told."""

import json
from typing import Any

import pytest

from schemas.codec import InvalidEventError, Reason, decode, partition_key, topic_of
from schemas.examples import example

NOW_MS = 2**50


def published(**said: Any) -> bytes:
    """Return the example event with some of its data said otherwise."""
    event = example("schedule.published")
    event["data"] |= said
    return json.dumps(event).encode()


def version(**said: Any) -> dict[str, Any]:
    return {"from": "2026-01-01T00:00:00", "zone": "Europe/Berlin", "weekly": {"monday": ["09:00-17:00"]}} | said


def test_a_schedule_travels_under_its_name() -> None:
    event = decode(published(), now_ms=NOW_MS)
    assert (event.subject, partition_key(event), topic_of(event), event.ticket_id) == (
        "repairs", b"repairs", "tickets", None,
    )  # fmt: skip


def test_a_schedule_without_versions_is_taken_back() -> None:
    decode(published(versions=[]), now_ms=NOW_MS)


@pytest.mark.parametrize(
    ("said", "reason", "pointer", "message"),
    [
        ({"name": ""}, Reason.BAD_VALUE, "/data/name", "length >= 1"),
        ({"versions": None}, Reason.WRONG_TYPE, "/data/versions", "Expected `array`"),
        ({"versions": [{}]}, Reason.MISSING_FIELD, "/data/versions/0/from", "required"),
        ({"versions": [version(zone="Europe/Berlinn")]}, Reason.BAD_VALUE, "/data/versions/0", "mean Europe/Berlin"),
        ({"versions": [version(zone="x" * 65)]}, Reason.BAD_VALUE, "/data/versions/0/zone", "length <= 64"),
        ({"versions": [version(zone="../passwd")]}, Reason.BAD_VALUE, "/data/versions/0", "no time zone"),
        (
            {"versions": [version(weekly={"friday": ["09:00-12:00", "11:00-13:00"]})]},
            Reason.BAD_VALUE,
            "/data/versions/0/weekly",
            "friday: 09:00-12:00 and 11:00-13:00 overlap",
        ),
        (
            {"versions": [version(), version(**{"from": "2026-02-01T00:00:00"}, weekly={"friday": ["22:00-06:00"]})]},
            Reason.BAD_VALUE,
            "/data/versions/1/weekly",
            "22:00-24:00",
        ),
        (
            {"versions": [version(special_days=[{"day": "2026-12-24", "hours": ["9-12"]}])]},
            Reason.BAD_VALUE,
            "/data/versions/0/special_days/0",
            "2026-12-24: '9-12' is no interval",
        ),
        ({"versions": [version(holidays=["2026-02-30"])]}, Reason.BAD_VALUE, "/data/versions/0/holidays/0", "date"),
        ({"versions": [version(holidays=["2026-05-01"] * 2)]}, Reason.BAD_VALUE, "/data/versions/0", "stands twice"),
        ({"versions": [version(holiday=[])]}, Reason.BAD_VALUE, "/data/versions/0", "`holiday`"),
        ({"versions": [version(), version()]}, Reason.BAD_VALUE, "/data", "put the earlier one first"),
        (
            {"versions": [version(weekly={"monday": ["09:00-09:01"] * 25})]},
            Reason.BAD_VALUE,
            "/data/versions/0/weekly/monday",
            "length <= 24",
        ),
    ],
)
def test_hours_that_cannot_be_meant_are_refused_where_they_stand(
    said: dict[str, Any], reason: Reason, pointer: str, message: str
) -> None:
    with pytest.raises(InvalidEventError) as refused:
        decode(published(**said), now_ms=NOW_MS)
    assert (refused.value.reason, refused.value.pointer) == (reason, pointer)
    assert message in refused.value.message
