"""The desk's policy: what a file may say, what is refused, which statement counts, and what publishing one changes."""

import re
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import msgspec
import pytest

from schemas.codec import Event
from schemas.events import PolicyPublished
from schemas.instant import ms_of
from schemas.policy import SUBJECT, Important, Policy, PolicyError, Rule, SettledAfter
from schemas.version import in_force
from streams.cli.wording import rule_text, told_text
from streams.core.metrics import METRICS, Metric
from streams.core.metrics.policy import by_policy
from streams.core.policy.policy_file import policy_of
from streams.core.policy.published import (
    BUILT_IN,
    Change,
    Standing,
    change_of,
    in_force_now,
    policies,
    policy_row,
)
from tests.histories import NOW_MS, event

JUNE = ms_of(datetime(2026, 6, 1, tzinfo=UTC))

STATED = """
[[versions]]
from = 2026-01-01T00:00:00
zone = "Europe/Berlin"
satisfied_from = 70
scales = [{ scale_min = 1, scale_max = 5, satisfied_from = 3 }, { scale_min = 1, scale_max = 2, satisfied_from = 2 }]
important = { priorities = ["vip", ""], within = "20s" }
least_n = 50
reason_share = 0.2
settled_after_days = { ratings = 21 }
first_response = [{ within = "15m", priority = ["urgent"], team = ["", "repairs"] }, { within = "2h", hours = "open" }]
resolution = [{ within = "3d" }]

[[versions]]
from = 2026-06-01T00:00:00
zone = "Europe/Berlin"
"""


def version(from_at: str = "2026-01-01T00:00", **said: object) -> Policy:
    return msgspec.convert({"from": f"{from_at}:00", "zone": "UTC", **said}, Policy)


def published(id: str, at: int, *versions: Policy) -> Event:
    return event(PolicyPublished(versions=versions), at, id, subject=SUBJECT)


def test_a_file_states_versions_with_rules_in_their_order() -> None:
    first, second = policy_of(STATED)
    assert ms_of(datetime(2025, 12, 31, 23, tzinfo=UTC)) == first.in_force_at
    assert first.first_response == (
        Rule(within="15m", priority=("urgent",), team=("", "repairs")),
        Rule(within="2h", hours="open"),
    )
    assert [rule.seconds for rule in (*first.first_response, *first.resolution)] == [900, 7_200, 259_200]
    assert (first.satisfied_from, second.satisfied_from, second.resolution) == (70, 75, ())
    assert [one.score for one in first.scales] == [50, 100]
    assert (first.important.priorities, first.important.seconds) == (("vip", ""), 20)
    assert (second.important, second.important.seconds) == (Important(), 120)
    assert (first.least_n, first.reason_share) == (50, 0.2)
    assert first.settled_after_days == SettledAfter(surveys=7, ratings=21, reopenings=7, reassignments=7)
    assert (second.scales, second.least_n, second.reason_share) == ((), 20, 0.3)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("15m", "15", "'15' is no duration; write 15m, 4h or 2d"),
        ("15m", "0h", "'0h' is no duration"),
        ("3d", "31d", "31d is longer than the 30 days"),
        ("2h", "2d", "2d of open hours: days differ in how long they are open"),
        ("= 70", "= 0", "Expected `float` > 0.0"),
        (
            "satisfied_from = 3 }",
            "satisfied_from = 6 }",
            "satisfied from 6 on a scale from 1 to 5: write",
        ),
        (
            "satisfied_from = 3 }",
            "satisfied_from = 1 }",
            "satisfied from 1 on a scale from 1 to 5: write",
        ),
        (
            "scale_max = 2, satisfied_from = 2",
            "scale_max = 5, satisfied_from = 2",
            "from 1 to 5 is there twice",
        ),
        ('"20s"', '"20 seconds"', "'20 seconds' is no time in a queue; write 45s or 2m"),
        ('"20s"', '"1h"', "'1h' is no time in a queue"),
        ('"20s"', '"31m"', "31m is longer than the 30 minutes that an important contact may wait"),
        ("least_n = 50", "least_n = 1", "Expected `int` >= 2"),
        ("reason_share = 0.2", "reason_share = 20", "Expected `float` <= 1.0"),
        ("ratings = 21", "ratings = 0", "Expected `int` >= 1"),
        ("ratings = 21", "rating = 21", "contains unknown field `rating`"),
        ('"open"', '"shut"', "Invalid enum value 'shut'"),
        ("Europe/Berlin", "Europe/Berln", "there is no time zone 'Europe/Berln'"),
    ],
)
def test_what_cannot_be_meant_is_refused(right: str, wrong: str, said: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(said)):
        policy_of(STATED.replace(right, wrong))


def test_all_faults_are_told_at_once_each_with_its_place() -> None:
    wrong = STATED
    for written, instead in (
        ('"15m"', '"15 min"'),
        ('"3d"', '"90d"'),
        ('priority = ["urgent"]', 'prio = ["urgent"]'),
        ("2026-06-01T00:00:00", "2025-06-01"),
        ("Europe/Berlin", "Europe/Berln"),
        ("satisfied_from = 70", "satisfied_from = 101"),
        ("least_n = 50", "least_n = 1"),
        ('"20s"', '"31m"'),
        ("reason_share", "reason_shared"),
        ("resolution =", 'response = [{ within = "4h", paused = ["hold"] }]\nresolution ='),
    ):
        wrong = wrong.replace(written, instead)
    with pytest.raises(PolicyError) as refused:
        policy_of(wrong)
    lines = [line.strip() for line in str(refused.value).splitlines()[1:]]
    assert sorted(line.rsplit(" at ", 1)[1] for line in lines) == [
        "`$.versions[0].first_response[0]`",
        "`$.versions[0].important`",
        "`$.versions[0].least_n`",
        "`$.versions[0].resolution[0]`",
        "`$.versions[0].satisfied_from`",
        "`$.versions[0]`",
        "`$.versions[0]`",
        "`$.versions[0]`",
        "`$.versions[1].from`",
        "`$.versions[1]`",
    ]


def test_a_rule_behind_one_for_all_tickets_is_refused() -> None:
    with pytest.raises(PolicyError, match="first_response: rule 1 holds for all tickets"):
        policy_of(STATED.replace(', priority = ["urgent"], team = ["", "repairs"]', ""))


@pytest.mark.parametrize("target", ["first_response", "response"])
def test_a_response_cannot_be_paused(target: str) -> None:
    rules: object = [{"within": "1h", "team": ["x"]}, {"within": "2h", "paused": ["hold"]}]
    with pytest.raises(msgspec.ValidationError, match=f"{target}: rule 2 is paused"):
        version("2026-01-01T00:00", **{target: rules})


def test_a_rule_says_in_words_when_its_clock_stands_still() -> None:
    said = {"within": "2d", "hours": "open", "paused": ["customer", "hold"], "priority": ["high"]}
    (rule,) = version(resolution=[{**said, "within": "20h"}]).resolution
    assert rule_text(rule) == (
        "within 20h of open hours, paused while the customer has to answer or it is on hold, where priority is high"
    )
    assert rule_text(Rule(within="2d", paused=("hold",))) == "within 2d, paused while it is on hold"


def test_versions_in_disorder_are_refused() -> None:
    with pytest.raises(PolicyError, match="put the earlier one first"):
        policy_of(STATED.replace("2026-06-01", "2025-06-01"))


def test_nothing_unknown_is_read_over() -> None:
    with pytest.raises(PolicyError, match="targets"):
        policy_of(STATED + "targets = []\n")


def test_the_policy_that_the_contract_shows_is_one() -> None:
    readme = (Path(__file__).parents[2] / "schemas" / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(\[\[versions\]\].*?)```", readme, flags=re.DOTALL)
    assert len(policy_of(shown)) == 2


@pytest.mark.parametrize("value", ["x" * 257, "x" * 10_000])
def test_no_text_is_endless(value: str) -> None:
    for stated in ({"within": value}, {"within": "1h", "priority": [value]}, {"within": "1h", "hours": value}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(stated, Rule)
    with pytest.raises(msgspec.ValidationError):
        version(zone=value)


def test_the_newest_statement_counts_in_whatever_order_they_come() -> None:
    said = [published(str(number), at, version(satisfied_from=at)) for number, at in enumerate((10, 30, 20))]
    for order in permutations(said):
        [row] = policies(order, NOW_MS)
        assert row.satisfied_from == [30.0]


def test_a_policy_taken_back_says_nothing() -> None:
    row = policy_row(published("1", 5), NOW_MS)
    assert (row.stated, row.in_force_at, row.first_response) == (b"[]", [], [])
    assert (row.scales, row.least_n, row.reason_share, row.settled_after_days) == ([], [], [], [])


def test_a_row_tells_of_scales_by_the_score_and_of_days_by_their_order() -> None:
    row = policy_row(published("1", 5, *policy_of(STATED)), NOW_MS)
    assert row.scales == [[(1, 5, 50), (1, 2, 100)], []]
    assert row.important == [(["vip", ""], 20), (["high", "urgent"], 120)]
    assert row.settled_after_days == [(7, 21, 7, 7), (7, 14, 7, 7)]


def test_the_version_in_force_now_says_when_figures_are_told() -> None:
    first, second = version(least_n=50), version("2026-06-01T00:00", least_n=60)
    assert [in_force_now((first, second), at).least_n for at in (0, JUNE - 1, JUNE)] == [20, 50, 60]
    assert in_force_now((), JUNE) is BUILT_IN


def test_a_metric_is_told_as_the_policy_says_and_never_from_less_than_it_needs() -> None:
    said = version(least_n=50, settled_after_days={"surveys": 3, "ratings": 30, "reopenings": 60})
    told = {name: by_policy(metric, said) for name, metric in METRICS.items()}
    assert told["csat_share"].n_min == 50
    assert [told[name].n_min for name in ("first_response_p99", "tickets")] == [200, 0]
    assert by_policy(METRICS["first_response_p99"], version(least_n=300)).n_min == 300
    assert by_policy(METRICS["csat_share"], version(least_n=2)).n_min == 2
    days = {name: told[name].matures_days for name in told if told[name].matures_days}
    assert days == {
        "false_fix_rate": 1,
        "selfservice_containment": 1,
        "csat_share_by_resolution": 30,
        "csat_mean_by_resolution": 30,
        "csat_share_by_creation": 30,
        "csat_mean_by_creation": 30,
        "response_rate": 3,
        "reopen_rate": 60,
        "tickets_reopened": 60,
        "reassigned_after_bad_rating": 7,
        "first_contact_resolution": 7,
        "repurchase_30d": 30,
        "repurchase_60d": 60,
        "repurchase_90d": 90,
        "surveyed_share": 7,
        "surveyed_after_slow_share": 7,
        "reopened_after_target": 1,
        "promises_per_ticket": 28,
    }


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_what_is_built_in_changes_no_metric(metric: Metric) -> None:
    assert by_policy(metric, BUILT_IN) == metric


def test_of_what_is_built_in_no_word_is_lost_on_how_figures_are_told() -> None:
    assert told_text(BUILT_IN) == ""
    said = version(least_n=50, settled_after_days={"surveys": 3})
    assert told_text(said) == (
        "shown from n = 50 on and settled after 3 days (surveys), 14 (ratings), 7 (reopenings), 7 (reassignments)"
    )


def test_of_versions_from_before_everything_the_last_one_counts() -> None:
    old, older, new = version("1960-01-01T00:00"), version("1965-01-01T00:00", satisfied_from=60), version()
    row = policy_row(published("1", 5, old, older, new), NOW_MS)
    assert row.in_force_at == [1, new.in_force_at]
    assert row.satisfied_from == [60.0, 75.0]


def test_a_version_counts_from_its_first_instant_on() -> None:
    first, second = version(), version("2026-06-01T00:00")
    assert in_force((first, second), JUNE - 1) is first
    assert in_force((first, second), JUNE) is second
    assert in_force((first, second), 0) is None


def test_publishing_says_from_when_on_numbers_differ() -> None:
    first, second, other = version(), version("2026-06-01T00:00"), version("2026-06-01T00:00", satisfied_from=60)
    stands = Standing(1_000, (first, second))
    assert change_of((first, second), stands, 5_000) is None
    change = change_of((first, other), stands, 500)
    assert change == Change((first, other), published_at=1_001, differs_at=JUNE, is_new=False)
    assert change_of((), stands, 5_000) == Change((), 5_000, first.in_force_at, is_new=False)
    assert change_of((first,), None, 5_000) == Change((first,), 5_000, first.in_force_at, is_new=True)


def test_what_is_built_in_satisfies_with_four_of_five_and_answers_in_an_hour() -> None:
    assert BUILT_IN.satisfied_from == 100 * (4 - 1) / (5 - 1)
    assert [rule.seconds for rule in (*BUILT_IN.first_response, *BUILT_IN.response)] == [3_600, 14_400]
    assert BUILT_IN.resolution == ()
