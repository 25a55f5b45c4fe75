"""The promises about pages, on a reduced run of the simulator with fixed seeds; and the simulator itself."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from streams.cli import app
from streams.cli.alert_page import PageError, publish_results, thresholds_table, with_block
from streams.core.drop import Thresholds
from streams.simulation.alerts import Line, Plan, Rule, summary, trials
from tests.space import ROOT

pytestmark = pytest.mark.weighty

RUNS = {5: 24, 20: 60, 100: 16, 1000: 4}
MOST_HOURS = {20: 60, 100: 24, 1000: 6}
PAGE = ROOT / "streams" / "SIGNALS.md"


@pytest.fixture(scope="module")
def ours() -> dict[int, Line]:
    """What the rule does at each volume."""
    plans = [Plan(seed=1, runs=runs, volumes=(n,), falls=(0.70,), rules=(Rule.OURS,)) for n, runs in RUNS.items()]
    return {line.per_day: line for plan in plans for line in summary(trials(plan))}


@pytest.mark.parametrize("per_day", RUNS)
def test_a_segment_pages_for_nothing_at_most_once_and_a_half_in_90_days(per_day: int, ours: dict[int, Line]) -> None:
    assert ours[per_day].false_pages <= 1.5


@pytest.mark.parametrize("per_day", RUNS)
def test_with_the_baseline_wrong_by_two_points_it_is_at_most_three_times(per_day: int, ours: dict[int, Line]) -> None:
    wrong = ours[per_day].false_pages_when_wrong
    assert wrong is not None
    assert wrong <= 3


@pytest.mark.parametrize("per_day", [volume for volume in RUNS if volume > 5])
def test_a_wrong_baseline_pages_for_nothing_more_often(per_day: int, ours: dict[int, Line]) -> None:
    """At five a day the limit, which is calibrated on what the error adds up, makes up for it."""
    assert ours[per_day].false_pages < (ours[per_day].false_pages_when_wrong or 0.0)


def test_a_wrong_baseline_pages_for_nothing_more_often_over_all_volumes(ours: dict[int, Line]) -> None:
    assert sum(line.false_pages for line in ours.values()) < sum(
        line.false_pages_when_wrong or 0.0 for line in ours.values()
    )


@pytest.mark.parametrize(("per_day", "hours"), MOST_HOURS.items())
def test_a_fall_to_70_percent_is_told_in_time(per_day: int, hours: float, ours: dict[int, Line]) -> None:
    median = ours[per_day].delays[0.70].median_hours
    assert median is not None
    assert 0 < median <= hours


def test_a_desks_day_changes_neither() -> None:
    runs = {20: 40, 100: 12}  # the median delay of a dozen at 20 a day is off by a day
    plans = [
        Plan(seed=1, runs=n, volumes=(per_day,), falls=(0.70,), rules=(Rule.OURS,), has_rhythm=True, baseline_error=0)
        for per_day, n in runs.items()
    ]
    for line in (line for plan in plans for line in summary(trials(plan))):
        median = line.delays[0.70].median_hours
        assert line.false_pages <= 1.5
        assert median is not None
        assert median <= MOST_HOURS[line.per_day]


def test_the_common_rules_page_all_the_time_or_never() -> None:
    plan = Plan(seed=1, runs=3, volumes=(20,), falls=(0.70,))
    lines = {line.rule: line for line in summary(trials(plan))}
    assert lines[Rule.HOUR].false_pages > 200
    assert lines[Rule.HOUR_OF_15].false_pages == 0
    assert lines[Rule.HOUR_OF_15].delays[0.70] == (None, 1.0)
    assert lines[Rule.DAY].false_pages > 50
    assert lines[Rule.WEEK].false_pages > 50


def test_the_same_plan_gives_the_same_trials() -> None:
    plan = Plan(seed=7, runs=1, volumes=(5, 20), has_rhythm=True)
    once = list(trials(plan))
    assert once == list(trials(plan))
    assert len(once) == plan.trials
    assert once != list(trials(Plan(seed=8, runs=1, volumes=(5, 20), has_rhythm=True)))


# The command


def test_the_command_compares_the_rules_in_a_table() -> None:
    done = CliRunner().invoke(app, ["simulate-alerts", "--volume", "20", "--runs", "1"])
    assert done.exit_code == 0, done.output
    assert all(rule.value in done.stdout for rule in Rule)


def test_the_command_speaks_to_programs_and_takes_any_threshold() -> None:
    done = CliRunner().invoke(
        app,
        "simulate-alerts --volume 20 --fall-to 60 --runs 1 --json --false-pages-per-90-days 0.2 "
        "--set wilson_z=4.5 --set least_ratings=30",
    )
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["thresholds"]["false_pages_per_90_days"] == 0.2
    assert said["thresholds"]["wilson_z"] == 4.5
    assert said["thresholds"]["least_ratings"] == 30
    assert [line["rule"] for line in said["lines"]] == [rule.name.lower() for rule in Rule]
    assert [fall["to"] for fall in said["lines"][0]["falls"]] == [0.6]


@pytest.mark.parametrize(
    ("option", "said"), [("wilson_z", "sets nothing"), ("h=5", "thresholds do not hold"), ("wilson_z=99", "wilson_z")]
)
def test_the_command_names_what_cannot_be_set(option: str, said: str) -> None:
    done = CliRunner().invoke(app, ["simulate-alerts", "--set", option], env={"COLUMNS": "300"})
    assert done.exit_code == 2
    assert said in done.output


# The page


def test_the_page_states_the_thresholds_that_hold() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert with_block(text, "thresholds", thresholds_table()) == text, (
        "write the page anew: servicepulse simulate-alerts --runs 100 --page streams/SIGNALS.md"
    )


def test_the_page_and_its_plot_take_the_results(tmp_path: Path) -> None:
    page, plan = tmp_path / "signals.md", Plan(runs=1, volumes=(5, 20))
    page.write_text(
        "# Before\n<!-- results: begin --><!-- results: end -->\n"
        "<!-- thresholds: begin -->outdated<!-- thresholds: end -->"
    )
    lines = summary(trials(plan))
    publish_results(page, plan, lines)
    written = page.read_text()
    assert "| 5 | **this rule** |" in written
    assert "outdated" not in written
    assert f"| `wilson_z` | {Thresholds().wilson_z:g} |" in written
    root = ElementTree.fromstring(page.with_suffix(".svg").read_text())
    curves = root.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(curves) == 2 * len(Rule)
    publish_results(page, plan, lines)
    assert page.read_text() == written


def test_a_page_without_marks_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "signals.md"
    page.write_text("# Nothing\n")
    with pytest.raises(PageError, match="no place for results"):
        publish_results(page, Plan(runs=1, volumes=(5,)), summary(trials(Plan(runs=1, volumes=(5,)))))
    with pytest.raises(PageError, match="cannot be read"):
        publish_results(tmp_path / "none.md", Plan(), [])
