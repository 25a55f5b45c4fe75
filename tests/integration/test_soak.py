"""The soak in small: it opens its tickets, goes on at its rate, and keeps what it measured."""

import json

import pytest

from tests.bench.soak import Load, soak
from tests.space import Space

pytestmark = pytest.mark.integration


def test_a_short_soak_stores_every_event_and_measures_from_the_start_to_the_end(space: Space) -> None:
    out = space.folder / "soak.json"
    watched = soak(space, Load(tickets=2_000, rate=100, minutes=0.1, every_seconds=0.2), out)
    assert space.value("SELECT count() FROM events FINAL") == watched.events > 2_000
    assert space.value("SELECT countIf(status IN ('closed', 'merged')) FROM tickets FINAL") == 0
    assert space.value("SELECT count() FROM dead_letters") == 0
    trend = watched.trend(span_seconds=0.5)
    assert trend.low <= trend.per_hour <= trend.high
    kept = json.loads(out.read_text())
    assert len(kept["samples"]) == len(watched.samples)
    assert min(memory for _, memory in kept["samples"]) > 10
