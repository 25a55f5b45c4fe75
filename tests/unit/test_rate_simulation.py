"""The promise about false alarms of rates: a reduced run with fixed seeds; and the simulator itself."""

import json
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from typer.testing import CliRunner

from streams.cli import app
from streams.core.drop import Cause
from streams.core.signal.segment import ThresholdBook
from streams.core.window import DAY_MS
from streams.simulation.course import ratings_of
from streams.simulation.rates import FALLS, SHAPES, false_alarms, hourly, hours_until_told
from tests.unit.test_endurance import PROMISED, most_by_chance

pytestmark = pytest.mark.weighty

SURGE, LATE = Cause.COMPLAINTS_SURGE, Cause.FIRST_RESPONSES_LATE
RUNS, PER_DAY = 3, 60


@pytest.mark.parametrize("cause", [SURGE, LATE])
def test_rates_ring_for_nothing_no_more_often_than_was_promised(cause: Cause) -> None:
    """Held against the same hours of four weeks before, complaints rang 4 to 15 times a quarter."""
    rule = ThresholdBook().of_rate(cause)
    uneven = {course: shape for course, shape in SHAPES[cause].items() if "," in course or "evenings" in course}
    looked_at = {"independent": SHAPES[cause]["independent"], **uneven}
    assert len(looked_at) == 3
    told = {
        course: sum(false_alarms(shape, PER_DAY, seed, rule) for seed in range(RUNS))
        for course, shape in looked_at.items()
    }
    assert max(told.values()) <= most_by_chance(PROMISED * RUNS), told
    assert sum(told.values()) <= most_by_chance(RUNS * len(told)), "one a quarter, over all of them"


@pytest.mark.parametrize("cause", [SURGE, LATE])
def test_a_deep_fall_is_told_within_two_days_where_days_are_alike(cause: Cause) -> None:
    """Three times the complaints, 20 points fewer in time; the rule of before never told the latter."""
    rule, shape = ThresholdBook().of_rate(cause), SHAPES[cause]["independent"]
    assert 0 < median(hours_until_told(shape, PER_DAY, seed, rule, FALLS[cause][1]) for seed in range(7)) <= 48


@pytest.mark.parametrize("cause", [SURGE, LATE])
def test_counts_by_the_hour_are_those_of_a_course(cause: Cause) -> None:
    shape = next(iter(SHAPES[cause].values()))
    seen = ratings_of(shape, 200, 10, 40, 1, 20 * DAY_MS, FALLS[cause][1])
    tallies = list(hourly(seen))
    assert sum(tally.n for tally in tallies) == len(seen.at)
    assert sum(tally.satisfied for tally in tallies) == int(np.count_nonzero(seen.is_satisfied))
    for low, high, share in [(0, 20, shape.level), (20, 40, shape.level - FALLS[cause][1])]:
        part = [tally for tally in tallies if low * DAY_MS <= tally.at < high * DAY_MS]
        assert sum(t.satisfied for t in part) / sum(t.n for t in part) == pytest.approx(share, abs=0.02)


def test_the_command_shows_both_rates_and_writes_its_page(tmp_path: Path) -> None:
    page = tmp_path / "signals.md"
    page.write_text("# Before\n<!-- rates: begin --><!-- rates: end -->\n")
    done = CliRunner().invoke(
        app, ["simulate-alerts", "--rates", "--volume", "5", "--runs", "1", "--json", "--page", str(page)]
    )
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert [cell["says"] for cell in said] == [course for courses in SHAPES.values() for course in courses]
    assert page.read_text().count("\n| ") == 2 + len(said)
