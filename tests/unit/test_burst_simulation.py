"""The promise about false bursts: a reduced run with fixed seeds, and how soon a true one is found."""

import json
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from typer.testing import CliRunner

from streams.cli import app
from streams.core.fault.burst import BurstRule
from streams.core.window import DAY_MS, HOUR_MS
from streams.simulation.bursts import MONDAY_MS, MOODS, SHARES, SUBJECTS, counts_of, trial
from tests.unit.test_endurance import most_by_chance

pytestmark = pytest.mark.weighty

RULE = BurstRule()


@pytest.mark.parametrize("mood", MOODS)
def test_a_fault_is_suspected_for_nothing_at_most_once_in_a_thousand_assets_and_thirty_days(mood: str) -> None:
    done = [trial(level, mood, seed, RULE) for level in (0.5, 2.0, 10.0) for seed in range(2)]
    thousands = len(done) * SUBJECTS / 1000
    assert sum(one.false_bursts for one in done) <= most_by_chance(RULE.false_bursts * thousands)


def test_without_a_word_on_moods_it_would_be_more() -> None:
    """What three customers within half an hour alone would tell, on assets about which ten call in a week."""
    done = [trial(10.0, "very moody days", seed, BurstRule(false_bursts=1_000)) for seed in range(2)]
    assert sum(one.false_bursts for one in done) > 20 * RULE.false_bursts


def test_a_true_fault_is_found_within_three_further_contacts_where_chance_leaves_that_open() -> None:
    """A hundred times the contacts on assets about which two call in a week: half of them within three further ones."""
    further = [trial(2.0, "moody days", seed, RULE).further[100] for seed in range(8)]
    known = [one for one in further if one is not None]
    assert len(known) > 4
    assert median(known) <= 3


def test_counts_are_those_of_the_contacts() -> None:
    at = MONDAY_MS + np.array([0, 60_000, HOUR_MS, 7 * DAY_MS + 5_000, 7 * DAY_MS + HOUR_MS])
    counts = counts_of(np.array([1, 1, 1, 2, 1]), at, MONDAY_MS, MONDAY_MS + 14 * DAY_MS)
    assert counts.contacts == {"1": 4, "2": 1}
    assert (counts.hours[0], counts.hours[1], sum(counts.hours)) == (3, 2, 5)
    assert (counts.pairs, counts.weeks) == (2, 2.0)
    assert sum(SHARES) == pytest.approx(1)


def test_the_command_shows_its_table_and_writes_its_page(tmp_path: Path) -> None:
    page = tmp_path / "signals.md"
    page.write_text("# Signals\n\n<!-- bursts: begin -->\n<!-- bursts: end -->\n")
    shown = CliRunner().invoke(app, ["simulate-alerts", "--bursts", "--runs", "1", "--page", str(page), "--json"])
    assert shown.exit_code == 0, shown.output
    records = json.loads(shown.stdout)
    assert {record["says"] for record in records} == set(MOODS)
    assert "| 0.5, days alike |" in page.read_text()
