"""What panels show beside what can be counted by hand from the same events."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from math import isclose
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from msgspec.structs import replace

from dashboards.estimate import LEAST_N, change, evidence, shown
from dashboards.link import LISTED
from dashboards.macro import Value
from dashboards.page.pulse import FOUR
from dashboards.page.response import _BOUNDS
from dashboards.preview.unit import shown as shown_big
from dashboards.query import ages, select, shift_of
from dashboards.style import Json
from streams.core.ask.figure import Change, change_of, figure_of
from streams.core.ask.report import Figures, compared
from streams.core.ask.together import clear_among, deviations
from streams.core.interval import Z95, Interval, around_mean, balance, of_rate, wilson
from streams.core.metrics import METRICS as REGISTRY
from streams.core.metrics import Kind, Metric, Unit
from streams.core.metrics.policy import by_policy
from streams.core.said import said_rows
from streams.core.survival import curve
from streams.core.ticket.batch import event_row
from streams.core.ticket.merge import SOURCE as FOLD
from streams.core.window import DAY_MS, Bucket, Window, buckets_of
from streams.sinks.clickhouse import ClickHouseStore
from tests.dashboards.month import END_MS, IN_FORCE, Month, lately, new_database
from tests.dashboards.target import DASHBOARDS, choices, panel_target, panels, range_days
from tests.integration.conftest import Servers
from tests.ledger import quantile, quantile_ranks, spread_of, survival_quantile

pytestmark = pytest.mark.integration

METRICS: Final = {name: by_policy(metric, IN_FORCE) for name, metric in REGISTRY.items()}
"""As the policy of the month has them told."""
BERLIN: Final = ZoneInfo("Europe/Berlin")
NUMBERS: Final = {
    **{("service-pulse", 1 + i): metric.name for i, metric in enumerate(FOUR)},
    ("service-pulse", 9): "open_waits",
    ("service-pulse", 10): "backlog",
    ("complaints", 2): "complaints_per_1000_orders",
    ("complaints", 3): "complaints_per_1000_customers",
    ("complaints", 4): "tickets",
    ("satisfaction", 2): "csat_mean",
    ("satisfaction", 3): "response_rate",
    ("satisfaction", 4): "self_rating_share",
    ("satisfaction", 13): "nps",
    ("satisfaction", 14): "ces",
    ("response-time", 2): "first_response_in_target",
    ("in-time", 1): "first_response_in_target",
    ("in-time", 2): "response_in_target",
    ("in-time", 3): "resolution_in_target",
    ("response-time", 3): "time_to_response_p90",
    ("response-time", 14): "resolved_unanswered",
    ("after-sales", 4): "reopen_rate",
    ("after-sales", 12): "tickets_reopened",
    ("reasons", 1): "inquiry_share",
}
RANKINGS: Final = {
    ("teams", 1): ("csat_share", "team"),
    ("teams", 2): ("csat_share", "agent_id"),
    ("teams", 4): ("complaint_rate", "agent_id"),
    ("teams", 5): ("first_response_p50", "team"),
    ("teams", 7): ("csat_share", "strategy"),
    ("teams", 10): ("first_contact_resolution", "team"),
    ("satisfaction", 11): ("csat_mean", "channel"),
    ("after-sales", 7): ("repurchase_30d", "team"),
    ("complaints", 9): ("complaint_rate", "product_line"),
}


def asked(month: Month, uid: str, id: int, window: Window | None = None, **chosen: Value) -> list[dict[str, Any]]:
    """Return what a panel shows over its default range, or over another one."""
    answer = month.ask(panel_target(uid, id), choices(uid, **chosen), window or lately(range_days(uid)))
    return list(answer.named_results())


JUDGED = {"better", "worse", "no clear change"}


def told_of(metric: Metric, window: Window) -> Window:
    """Return the window that a panel tells of when this one is chosen."""
    shift = shift_of(metric) * DAY_MS
    return Window(window.start_at - shift, window.end_at - shift)


def earlier(window: Window) -> Window:
    return Window(window.start_at - window.length_ms, window.start_at)


def same(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and isclose(one, other, rel_tol=1e-9, abs_tol=1e-9))


def counted(month: Month, metric: Metric, window: Window, part: tuple[str, str] | None = None) -> float | None:
    """Return what the oracle says, None where there are too few observations to show it."""
    if metric.kind is not Kind.COUNT and month.ledger.n(metric, window, part) < metric.n_min:
        return None
    return month.ledger.value(metric, window, part)


def interval_by_hand(
    month: Month, metric: Metric, window: Window, part: tuple[str, str] | None = None
) -> tuple[float | None, float | None]:
    seen = month.ledger.seen(metric.name, window, part)
    design = _design(month, metric, window, part)
    match metric.kind:
        case Kind.SHARE:
            return wilson(sum(seen) / design, len(seen) / design)
        case Kind.BALANCE:
            low, high = balance(seen.count(1) / design, seen.count(-1) / design, len(seen) / design)
            return 100 * (low or 0), 100 * (high or 0)
        case Kind.MEAN:
            return around_mean(sum(seen) / len(seen), spread_of(seen)[0], len(seen) / design)
        case Kind.RATE:
            n, hits = month.ledger.rate(metric.name, window)
            return of_rate(hits, n, per=1000)
        case Kind.QUANTILE:
            low, high = quantile_ranks(metric.p, len(seen))
            return low and seen[low - 1], high and seen[high - 1]
        case Kind.SURVIVAL:
            return survival_quantile(month.ledger.lasted(metric.name, window, part), metric.p)[1:]
        case Kind.COUNT:
            return None, None


def _design(month: Month, metric: Metric, window: Window, part: tuple[str, str] | None = None) -> float:
    return month.ledger.design(metric, window, part) if metric.is_by_customer else 1.0


@pytest.mark.parametrize(("uid", "id", "name"), [(*place, name) for place, name in NUMBERS.items()])
def test_a_number_is_what_can_be_counted_by_hand(month: Month, uid: str, id: int, name: str) -> None:
    metric = METRICS[name]
    window = told_of(metric, lately(range_days(uid)))
    (row,) = asked(month, uid, id)
    assert month.ledger.n(metric, window), "the month must tell something of it"
    assert same(row[metric.title], counted(month, metric, window))
    if metric.kind is not Kind.COUNT:
        assert row["evidence"].endswith(f"n {month.ledger.n(metric, window):,}")


@pytest.mark.parametrize(
    "seconds",
    [1.0, 45.3, 59.9, 60.0, 121.0, 3_599.0, 3_600.0, 7_300.0, 86_399.0, 86_400.0, 129_600.0, 604_799.0, 604_800.0, 1e8],
)
def test_the_small_print_writes_durations_as_the_big_number_does(month: Month, seconds: float) -> None:
    ((text,),) = month.client.query(f"SELECT {shown(Unit.SECONDS, f'toFloat64({seconds})')}").result_rows
    assert text == str(shown_big(seconds, "s", 1, BERLIN))


@pytest.mark.parametrize("number", [0, 7, 999, 1_000, 118_126, 1_234_567])
def test_the_small_print_divides_thousands_as_the_big_number_does(month: Month, number: int) -> None:
    ((text,),) = month.client.query(f"SELECT {shown(Unit.NUMBER, f'toNullable(toFloat64({number}))')}").result_rows
    assert text == str(shown_big(number, "locale", 0, BERLIN))
    ((nothing,),) = month.client.query(f"SELECT {shown(Unit.NUMBER, 'CAST(NULL AS Nullable(Float64))')}").result_rows
    assert nothing is None


@pytest.mark.parametrize("id", [1, 2, 3, 4])
def test_the_small_print_says_better_or_worse_only_where_the_report_does(month: Month, id: int) -> None:
    metric = METRICS[FOUR[id - 1].name]
    verdicts = set()
    for days in range(1, 29):
        window = Window(END_MS - 2 * days * DAY_MS, END_MS - days * DAY_MS)
        (row,) = asked(month, "service-pulse", id, window)
        change = change_of(*(_figure(month, metric, told_of(metric, one)) for one in (window, earlier(window))))
        verdict = row["evidence"].split(" · ")[0]
        verdicts.add(verdict)
        if change is None:
            assert not verdict.startswith(("better", "worse", "no clear")), days
        else:
            wanted = {True: "better", False: "worse", None: "no clear change"}
            assert verdict == wanted[change.is_better if change.is_clear else None], days
    assert "no clear change" in verdicts


def _figure(month: Month, metric: Metric, window: Window, part: tuple[str, str] | None = None) -> Any:
    seen = month.ledger.seen(metric.name, window, part)
    if not seen:
        return figure_of(metric, None)
    low, high = interval_by_hand(month, metric, window, part)
    spread = spread_of(seen) if len(seen) > 1 else (float("nan"), seen[0], seen[0])
    deviation, p10, p90 = spread
    value = month.ledger.value(metric, window, part)
    measures = {"n": len(seen), "hits": int(sum(seen)), "value": value, "low": low, "high": high}
    measures |= {"design": _design(month, metric, window, part)}
    band = {"band": [value, low, high]}
    return figure_of(metric, measures | band | {"deviation": deviation, "p10": p10, "p90": p90})


NONE: Final = {"n": 0, "value": None, "low": None, "high": None}
SOME: Final = {"n": 100, "value": 0.5, "low": 0.4, "high": 0.6}
LESS: Final = {"n": 100, "value": 0.2, "low": 0.13, "high": 0.29}
REACHED: Final = {"n": 100, "value": 60, "low": 50, "high": 90}
UNREACHED: Final = {"n": 100, "value": None, "low": 7_200, "high": None}
MAYBE: Final = {"n": 100, "value": None, "low": 80, "high": None}
TO_FIRST: Final = "time_to_first_response_p50"


@pytest.mark.parametrize(
    ("name", "now", "before", "maturity", "said"),
    [
        pytest.param("csat_share", NONE, NONE, 1, "n 0", id="nothing"),
        pytest.param("csat_share", NONE | {"n": 1}, SOME, 1, "was 50.0 % · n 1", id="a single one"),
        pytest.param(
            "csat_share", SOME, NONE, 1, "nothing to compare with · 40.0 % to 60.0 % · n 100", id="a first one"
        ),
        pytest.param("csat_share", SOME, LESS, 1, "better · was 20.0 % · 40.0 % to 60.0 % · n 100", id="better"),
        pytest.param("csat_share", LESS, SOME, 1, "worse · was 50.0 % · 13.0 % to 29.0 % · n 100", id="worse"),
        pytest.param(
            "csat_share", SOME, SOME, 1, "no clear change · was 50.0 % · 40.0 % to 60.0 % · n 100", id="the same"
        ),
        pytest.param(
            "inquiry_share", SOME, LESS, 1, "changed · was 20.0 % · 40.0 % to 60.0 % · n 100", id="neither way is good"
        ),
        pytest.param("reopen_rate", SOME, LESS, 0.869, "so far, 86 % mature · 40.0 % to 60.0 % · n 100", id="young"),
        pytest.param("reopen_rate", SOME, LESS, 0.9999, "so far, 99 % mature · 40.0 % to 60.0 % · n 100", id="nearly"),
        pytest.param("reopen_rate", NONE | {"n": 1}, LESS, 0.5, "n 1", id="a single one, young"),
        pytest.param("reopen_rate", SOME, LESS, 1, "worse · was 20.0 % · 40.0 % to 60.0 % · n 100", id="settled"),
        pytest.param("reopen_rate", SOME, NONE, 1, "nothing to compare with · 40.0 % to 60.0 % · n 100", id="a first"),
        pytest.param(
            TO_FIRST, UNREACHED, REACHED, 1, "worse · was 1.0 mins · at least 2.0 hours · n 100", id="no more reached"
        ),
        pytest.param(
            TO_FIRST, REACHED, UNREACHED, 1, "better · was not reached · 50.0 s to 1.5 mins · n 100", id="reached again"
        ),
        pytest.param(
            TO_FIRST,
            MAYBE,
            REACHED,
            1,
            "no clear change · was 1.0 mins · at least 1.3 mins · n 100",
            id="maybe no more",
        ),
        pytest.param(
            TO_FIRST,
            UNREACHED,
            UNREACHED,
            1,
            "no clear change · was not reached · at least 2.0 hours · n 100",
            id="never",
        ),
        pytest.param(
            TO_FIRST,
            UNREACHED,
            NONE,
            1,
            "nothing to compare with · at least 2.0 hours · n 100",
            id="a first, unreached",
        ),
        pytest.param(
            TO_FIRST, NONE | {"n": 1}, UNREACHED, 1, "was not reached · n 1", id="a single one, unreached before"
        ),
        pytest.param("tickets", NONE, NONE, 1, "", id="a count of nothing known"),
        pytest.param("tickets", NONE | {"value": 0}, NONE, 1, "nothing to compare with", id="a first count"),
        pytest.param("tickets", NONE | {"n": 1, "value": 1}, NONE | {"value": 0}, 1, "was 0", id="a single ticket"),
    ],
)
def test_the_small_print_is_no_verdict_without_evidence(
    month: Month, name: str, now: Json, before: Json, maturity: float, said: str
) -> None:
    metric = METRICS[name]
    told = now | {f"{column}_before": value for column, value in before.items()} | {"maturity": maturity}
    columns = {
        column: f"CAST({'NULL' if value is None else value} AS Nullable(Float64))" if column[0] != "n" else f"{value}"
        for column, value in told.items()
    }
    inner = f"SELECT {', '.join(f'{sql} AS {column}' for column, sql in columns.items())}"
    asked = select({"said": evidence(metric, ages=ages(metric))}, inner)
    ((text,),) = month.client.query(f"WITH {metric.n_min} AS {LEAST_N}\n{asked}").result_rows
    assert text == said


@pytest.mark.parametrize(
    ("now", "before", "points"),
    [
        pytest.param(SOME, LESS, 30, id="clear"),
        pytest.param(SOME, SOME, 0, id="not clear"),
        pytest.param(SOME, NONE, None, id="a first one"),
        pytest.param(NONE, SOME, None, id="none"),
        pytest.param(NONE, NONE, None, id="nothing at all"),
    ],
)
def test_a_change_in_a_table_is_none_without_evidence(
    month: Month, now: Json, before: Json, points: float | None
) -> None:
    told = now | {f"{column}_before": value for column, value in before.items()}
    columns = {
        column: f"CAST({'NULL' if value is None else value} AS Nullable(Float64))" for column, value in told.items()
    }
    inner = f"SELECT {', '.join(f'{sql} AS {column}' for column, sql in columns.items())}"
    sides = [{name: f"{name}{side}" for name in ("value", "low", "high")} for side in ("", "_before")]
    shown = select({"points": change("100 * (value - value_before)", *sides)}, inner)
    ((found,),) = month.client.query(shown).result_rows
    assert same(found, points)


def test_a_choice_narrows_a_number(month: Month) -> None:
    (row,) = asked(month, "service-pulse", 1, team=["delivery"])
    metric = METRICS["complaint_rate"]
    window = lately(7)
    assert same(row[metric.title], counted(month, metric, window, ("team", "delivery")))
    assert row["evidence"].endswith(f"n {month.ledger.n(metric, window, ('team', 'delivery')):,}")


@pytest.mark.parametrize("id", [5, 6, 7, 8])
def test_every_point_of_a_rolling_line_is_the_number_of_the_window_before_it(month: Month, id: int) -> None:
    metric = METRICS[FOUR[id - 5].name]
    window = lately(14)
    rows = asked(month, "service-pulse", id, window)
    shown = [row for row in rows if row[metric.title] is not None]
    assert len({row["time"] for row in shown}) > 1
    assert rows[-1]["time"].replace(tzinfo=UTC) == datetime.fromtimestamp(END_MS / 1000, UTC)
    for row in rows:
        end_at = int(row["time"].replace(tzinfo=UTC).timestamp() * 1000)
        own = told_of(metric, Window(end_at - window.length_ms, end_at))
        assert same(row[metric.title], counted(month, metric, own, ("team", _raw(row["team"])))), row


def _raw(shown: str) -> str:
    return "" if shown == "(unknown)" else shown


@pytest.mark.parametrize(("step", "days"), [("hour", 2), ("day", 14), ("week", 35), ("month", 60)])
def test_steps_are_those_of_the_zone_and_the_first_one_is_whole(month: Month, step: str, days: int) -> None:
    metric = METRICS["complaint_rate"]
    window = lately(days)
    rows = asked(month, "complaints", 5, window, step=step, zone=BERLIN.key)
    found = {int(row["time"].replace(tzinfo=UTC).timestamp() * 1000): row for row in rows}
    for bucket in buckets_of(window, Bucket(step), BERLIN):
        inside = Window(bucket.start_at, min(bucket.end_at, window.end_at))
        n = month.ledger.n(metric, inside)
        row = found.pop(bucket.start_at, None)
        assert (row["n"] if row else 0) == n
        if row and n >= metric.n_min:
            low, high = interval_by_hand(month, metric, inside)
            assert same(row[metric.title], counted(month, metric, inside))
            assert abs(row["95 % from"] - low) < 1e-6
            assert abs(row["95 % to"] - high) < 1e-6
        elif row:
            assert row[metric.title] is None
    assert not found


def test_three_clocks_are_three_numbers(month: Month) -> None:
    names = {
        "when rated": "csat_share",
        "when resolved": "csat_share_by_resolution",
        "when created": "csat_share_by_creation",
    }
    window = lately(28)
    rows = asked(month, "satisfaction", 6, window, step="week", zone="UTC")
    weeks = {bucket.start_at: bucket for bucket in buckets_of(window, Bucket.WEEK, ZoneInfo("UTC"))}
    assert {row["clock"] for row in rows} == set(names)
    for row in rows:
        week = weeks[int(row["time"].replace(tzinfo=UTC).timestamp() * 1000)]
        inside = Window(week.start_at, min(week.end_at, window.end_at))
        assert same(row["value"], counted(month, METRICS[names[row["clock"]]], inside)), row


def test_the_targets_are_those_of_the_version_in_force_as_the_range_ends(month: Month, nothing: Month) -> None:
    def told(month: Month, days_ago: int = 0) -> list[tuple[str, ...]]:
        end_at = END_MS - days_ago * DAY_MS
        rows = asked(month, "in-time", 10, Window(end_at - DAY_MS, end_at), zone="UTC")
        return [(row["Of what"], row["Tickets"], row["Target"]) for row in rows]

    others = ("any response", "all", "4 h of open hours"), ("resolution", "priority urgent or high", "1 d")
    urgent = ("first response", "priority urgent", "30 min")
    last = ("resolution", "all others", "5 d, not while the customer has to answer")
    assert told(month) == [urgent, ("first response", "all others", "2 h of open hours"), *others, last]
    assert told(month, 60) == [urgent, ("first response", "all others", "4 h of open hours"), *others, last]
    assert told(nothing) == [("first response", "all", "1 h"), ("any response", "all", "4 h")]


def test_the_distribution_counts_every_rating_once(month: Month) -> None:
    rows = asked(month, "satisfaction", 7)
    seen = month.ledger.seen("csat_mean", lately(14))
    assert [row["Score"] for row in rows] == ["90 to 100", "75 to 89", "50 to 74", "25 to 49", "0 to 24"]
    bands = ((90, 101), (75, 90), (50, 75), (25, 50), (0, 25))
    assert [row["Ratings"] for row in rows] == [sum(low <= score < end for score in seen) for low, end in bands]
    assert sum(row["Ratings"] for row in rows[:2]) == sum(month.ledger.seen("csat_share", lately(14)))


def test_the_spread_is_that_of_the_scores(month: Month) -> None:
    window = lately(56)
    rows = asked(month, "satisfaction", 8, window, step="month", zone="UTC")
    months = {bucket.start_at: bucket for bucket in buckets_of(window, Bucket.MONTH, ZoneInfo("UTC"))}
    shown = [row for row in rows if row["standard deviation"] is not None]
    assert shown
    for row in shown:
        own = months[int(row["time"].replace(tzinfo=UTC).timestamp() * 1000)]
        deviation, p10, p90 = spread_of(
            month.ledger.seen("csat_mean", Window(own.start_at, min(own.end_at, window.end_at)))
        )
        assert same(row["standard deviation"], deviation)
        assert same(row["p90 - p10"], p90 - p10)


def test_percentiles_and_heatmap_tell_of_the_same_answers(month: Month) -> None:
    window = lately(14)
    percentiles = asked(month, "response-time", 5, window, step="month", zone="UTC")
    heat = asked(month, "response-time", 6, window, step="month", zone="UTC")
    lines = {(row["percentile"], row["time"]): row["value"] for row in percentiles}
    months = buckets_of(window, Bucket.MONTH, ZoneInfo("UTC"))
    for rows, own in zip(heat, months, strict=True):
        inside = Window(own.start_at, min(own.end_at, window.end_at))
        seen = month.ledger.seen("first_response_p50", inside)
        bounds = [low for low, _ in _BOUNDS] + [float("inf")]
        counts = [sum(low <= one < high for one in seen) for low, high in pairwise(bounds)]
        assert list(rows.values())[1:] == counts
        for name in ("first_response_p50", "first_response_p90", "first_response_p99"):
            enough = len(seen) >= METRICS[name].n_min
            shown = lines.pop((METRICS[name].title, rows["time"]))
            assert same(shown, quantile(seen, METRICS[name].p) if enough else None)
        for name in ("time_to_first_response_p50", "time_to_first_response_p90"):
            shown = lines.pop((METRICS[name].title, rows["time"]))
            assert same(shown, counted(month, METRICS[name], inside))
    assert not lines


def test_those_who_wait_longest_are_listed_one_by_one(month: Month) -> None:
    rows = asked(month, "response-time", 8)
    metric = METRICS["open_waits"]
    assert 0 < len(rows) == min(100, month.ledger.n(metric, lately(14)))
    assert [row["Waited"] for row in rows] == sorted((row["Waited"] for row in rows), reverse=True)


def test_those_who_waited_are_counted_at_the_end_of_each_step(month: Month) -> None:
    window = lately(5)
    rows = asked(month, "response-time", 10, window, step="day", zone=BERLIN.key)
    ends = [bucket.end_at for bucket in buckets_of(window, Bucket.DAY, BERLIN)[:-1]] + [END_MS]
    times = [int(row["time"].replace(tzinfo=UTC).timestamp() * 1000) for row in rows]
    assert times == ends
    for row, end_at in zip(rows, ends, strict=True):
        assert row["Customers waiting"] == month.ledger.n(METRICS["open_waits"], Window(end_at - 1, end_at))


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_the_triangle_shows_ripe_cohorts_only(month: Month, zone: str) -> None:
    rows = asked(month, "after-sales", 5, zone=zone)
    window = Window(month.events[0].at_ms, END_MS)
    months = buckets_of(window, Bucket.MONTH, ZoneInfo(zone))
    assert len(rows) == len(months)
    ripe = 0
    for row, own in zip(rows, months, strict=True):
        assert row["Customers"] == month.ledger.n(METRICS["repurchase_30d"], own)
        for days in (30, 60, 90):
            metric = METRICS[f"repurchase_{days}d"]
            is_ripe = own.end_at + days * DAY_MS <= END_MS
            ripe += is_ripe
            assert same(row[f"within {days} days"], counted(month, metric, own) if is_ripe else None)
    assert ripe


@pytest.mark.parametrize("days", [20, 60])
def test_the_curve_of_repurchase_counts_young_cases_until_now(month: Month, days: int) -> None:
    window = lately(days)
    lasted = month.ledger.bought(window, END_MS)
    steps = curve(lasted)
    ages = [(END_MS - at) / 1000 for at, _ in month.ledger.first_cases(window).values()]
    rows = asked(month, "after-sales", 13, window)
    assert [row["Within days"] for row in rows] == list(range(5, 91, 5))
    shown = 0
    for row in rows:
        seconds = row["Within days"] * 86_400
        assert row["Followed so long"] == sum(age >= seconds for age in ages)
        if row["Followed so long"] < METRICS["repurchase_30d"].n_min:
            assert row["Share"] is None
            continue
        shown += 1
        last = [step for step in steps if step.after <= seconds][-1]
        assert same(row["Share"], 1 - last.share)
        _agree(row, (1 - last.high, 1 - last.low))
    assert 2 < shown < len(rows)


@pytest.mark.parametrize(("uid", "id", "name", "column"), [(*place, *what) for place, what in RANKINGS.items()])
def test_a_ranking_is_the_report_s(month: Month, uid: str, id: int, name: str, column: str) -> None:
    metric = METRICS[name]
    chosen = lately(56 if column == "agent_id" else range_days(uid))  # of one agent few ratings come in a fortnight
    window = told_of(metric, chosen)
    rows = asked(month, uid, id, chosen)
    parts = [part for part in month.ledger.parts(column) if month.ledger.n(metric, window, (column, part))]
    figures = {part: _figure(month, metric, window, (column, part)) for part in parts}
    told: Figures = {
        (metric.name, part, over): _figure(month, metric, over, None if part is None else (column, part))
        for part in [None, *parts]
        for over in (window, earlier(window))
    }
    lines = compared([metric], window, earlier(window), told, Window(0, END_MS), END_MS + 365 * DAY_MS)
    by_part = {line.part: line for line in lines if line.part is not None}
    places = {part: line.rank for part, line in by_part.items()}
    first = next(iter(rows[0]))
    assert sorted(_raw(row[first]) for row in rows) == sorted(parts)
    enough = [row for row in rows if row[metric.title] is not None]
    assert enough, "the month must rank somebody"
    assert [_raw(row[first]) for row in enough] == [part for part in places if figures[part].is_enough]
    for row in rows:
        part = _raw(row[first])
        rank = places[part]
        assert row["n"] == figures[part].n
        assert same(row[metric.title], figures[part].shown)
        between = "" if rank is None else str(rank.best) if rank.best == rank.worst else f"{rank.best} to {rank.worst}"
        assert row["Rank"] == between
        _agree(row, figures[part].interval if figures[part].is_enough else Interval(None, None))
        before = _figure(month, metric, earlier(window), (column, part))
        assert same(row["Before"], before.shown)
        assert same(row["Change"], _change(by_part[part].change))


def test_all_durations_are_those_that_can_be_counted_by_hand(month: Month) -> None:
    window = lately(14)
    rows = {row["Metric"]: row for row in asked(month, "response-time", 12, window)}
    durations = [metric for metric in METRICS.values() if metric.title in rows]
    assert len(durations) == len(rows) >= 8
    pairs = {one.title: (_figure(month, one, window), _figure(month, one, earlier(window))) for one in durations}
    judged = [title for title, pair in pairs.items() if (change := change_of(*pair)) and change.points is not None]
    clear = clear_among([deviations(*pairs[title]) for title in judged])
    held = dict(zip(judged, clear, strict=True))
    for metric in durations:
        row, figure = rows[metric.title], _figure(month, metric, window)
        before = _figure(month, metric, earlier(window))
        assert row["n"] == figure.n
        assert same(row["Value"], figure.shown)
        assert same(row["Before"], before.shown)
        _agree(row, figure.interval if figure.is_enough else Interval(None, None))
        change = change_of(figure, before)
        if change and change.is_clear and not held.get(metric.title, True):
            change = replace(change, is_clear=False)
        assert same(row["Change"], _change(change))


def _change(change: Change | None) -> float | None:
    """Return what a column of changes holds: 0 stands for one that is not clear, None for none."""
    if change is None:
        return None
    return change.points if change.is_clear else 0


def _agree(row: Mapping[str, Any], interval: Sequence[float | None]) -> None:
    for name, bound in zip(("95 % from", "95 % to"), interval, strict=True):
        assert (row[name] is None) == (bound is None)
        assert bound is None or abs(row[name] - bound) < 1e-6 * max(1, abs(bound))


def test_shares_of_reasons_are_those_of_the_last_seven_days(month: Month) -> None:
    rows = asked(month, "reasons", 3)
    above = [row["Reason"] for row in rows if row["Above the line"] is not None]
    assert above == [row["Reason"] for row in rows if row["Share"] > IN_FORCE.reason_share]
    assert 0 < len(above) < len(rows)
    window = lately(7)
    n = month.ledger.n(METRICS["tickets"], window)
    counts = {
        reason: month.ledger.n(METRICS["tickets"], window, ("reason", reason))
        for reason in month.ledger.parts("reason")
    }
    assert {_raw(row["Reason"]): row["Tickets"] for row in rows} == {key: n for key, n in counts.items() if n}
    for row in rows:
        hits = counts[_raw(row["Reason"])]
        assert same(row["Share"], hits / n)
        assert row["Reason"] not in above or same(row["Above the line"], 100 * (hits / n - IN_FORCE.reason_share))
        _agree(row, wilson(hits, n))
    bars = asked(month, "reasons", 4)
    assert [row["Share"] for row in bars] == [row["Share"] for row in rows[:8]]


def test_shares_of_reasons_over_time_end_where_the_table_is(month: Month) -> None:
    series = asked(month, "reasons", 5)
    table = {row["Reason"]: row["Share"] for row in asked(month, "reasons", 3)}
    last = max(row["time"] for row in series)
    line = [row for row in series if row["reason"] == "the line"]
    assert {row["Share"] for row in line} == {IN_FORCE.reason_share}
    assert len({row["reason"] for row in series}) == 8 + 1
    for row in series:
        if row in line:
            continue
        end_at = int(row["time"].replace(tzinfo=UTC).timestamp() * 1000)
        window = Window(end_at - 7 * DAY_MS, end_at)
        n = month.ledger.n(METRICS["tickets"], window)
        hits = month.ledger.n(METRICS["tickets"], window, ("reason", _raw(row["reason"])))
        assert same(row["Share"], hits / n if n >= 50 else None)
        assert row["time"] < last or same(row["Share"], table[row["reason"]])


@pytest.mark.parametrize("metric", LISTED.values(), ids=LISTED)
def test_the_tickets_behind_a_number_are_as_many_as_its_n(month: Month, metric: Metric) -> None:
    window = lately(7)
    rows = asked(month, "tickets", 1, window, metric=metric.name)
    own = told_of(metric, window)
    if metric.once_per:
        assert len(rows) >= month.ledger.n(metric, own)
    else:
        assert len(rows) == min(1_000, month.ledger.n(metric, own))
    assert rows or metric.name == "repurchase_90d", "the month must tell something of it"
    if metric.kind is Kind.SHARE and not metric.once_per:
        assert sum(row["Says"] == "counts" for row in rows) == sum(month.ledger.seen(metric.name, own))


def test_every_link_leads_to_a_list_that_knows_its_number() -> None:
    links = [
        link["url"]
        for dashboard in DASHBOARDS.values()
        for panel in panels(dashboard)
        for link in _links(panel["fieldConfig"])
    ]
    known = choices("tickets")
    assert len(links) > 30
    for url in links:
        path, _, query = url.partition("?")
        assert path == "/d/tickets/tickets"
        named = dict(part.partition("=")[::2] for part in query.split("&") if "=" in part)
        assert named["var-metric"] in LISTED
        assert {name.removeprefix("var-") for name in named} <= set(known)


def _links(look: Json) -> list[dict[str, str]]:
    of_columns = [
        link
        for column in look["overrides"]
        for one in column["properties"]
        if one["id"] == "links"
        for link in one["value"]
    ]
    return [*look["defaults"].get("links", ()), *of_columns]


def test_the_list_of_tickets_follows_the_choices(month: Month) -> None:
    rows = asked(month, "tickets", 1, lately(7), metric="complaint_rate", team=["delivery"], reason=["delivery-date"])
    assert rows
    assert {(row["Team"], row["Reason"]) for row in rows} == {("delivery", "delivery-date")}


def test_lateness_silence_and_dead_letters_are_those_of_the_events(month: Month) -> None:
    window = Window(END_MS - 3 * DAY_MS, END_MS)
    (settle,) = asked(month, "pipeline", 2, window)
    assert settle["Settle delay"] == 4.0
    (letters,) = asked(month, "pipeline", 3, window)
    assert letters["Dead letters waiting"] == 6
    (early,) = asked(month, "pipeline", 11, window)
    assert early["Tickets with durations below 0"] == month.ledger.n(METRICS["negative_durations"], window) == 1
    (stored,) = asked(month, "pipeline", 4, window)
    inside = [one for one in month.events if window.start_at <= one.at_ms + 4_000 <= window.end_at]
    assert stored["Events stored"] == len(inside)
    silences = {row["Source"]: row for row in asked(month, "pipeline", 7, window)}
    assert set(silences) == {one.source for one in inside}
    for source, row in silences.items():
        newest = max(one.at_ms for one in inside if one.source == source and one.name != "producer.heartbeat")
        assert abs(row["Silent for"] - (END_MS - newest) / 1000) <= 1


def test_what_our_own_fold_derives_is_no_source_that_falls_silent(
    month: Month, servers: Servers, tmp_path: Path
) -> None:
    created = next(one for one in month.events if one.name == "ticket.created")
    made = new_database(servers, tmp_path, [])
    try:
        events = [created, replace(created, source=FOLD, id="derived")]
        ClickHouseStore(made.client).insert([*(event_row(one, one.at_ms) for one in events), *said_rows(events)])
        window = Window(created.at_ms - DAY_MS, created.at_ms + DAY_MS)
        assert [row["Source"] for row in asked(made, "pipeline", 7, window)] == [created.source]
    finally:
        made.remove()


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_each_month_is_what_can_be_counted_by_hand(month: Month, zone: str) -> None:
    metric = METRICS["csat_share"]
    window = Window(month.events[0].at_ms, END_MS)
    rows = asked(month, "teams", 13, zone=zone)
    told = [own for own in buckets_of(window, Bucket.MONTH, ZoneInfo(zone)) if month.ledger.n(metric, own)]
    assert len(rows) == len(told) >= 2
    before = None
    for row, own in zip(rows, told, strict=True):
        value = counted(month, metric, own)
        assert row["n"] == month.ledger.n(metric, own)
        assert same(row[metric.title], value)
        assert same(row["Change"], 100 * (value - before) if value is not None and before is not None else None)
        assert (row["All others"], row["Against all others"]) == (None, "")
        assert row["Against the month before"] in ({""} if row["Change"] is None else JUDGED)
        before = value


def test_a_team_s_month_stands_beside_all_others(month: Month) -> None:
    metric = METRICS["csat_share"]
    window = Window(month.events[0].at_ms, END_MS)
    rows = asked(month, "teams", 13, team=["delivery"])
    told = {row["Month"][:7]: row for row in rows}
    for own in buckets_of(window, Bucket.MONTH, ZoneInfo("UTC")):
        row = told[datetime.fromtimestamp(own.start_at / 1000, UTC).strftime("%Y-%m")]
        seen = month.ledger.seen(metric.name, own, ("team", "delivery"))
        everybody = month.ledger.seen(metric.name, own)
        assert row["n"] == len(seen)
        n = len(everybody) - len(seen)
        others = (sum(everybody) - sum(seen)) / n if n >= metric.n_min else None
        assert same(row["All others"], others)
        is_told = row[metric.title] is not None and others is not None
        assert row["Against all others"] in (JUDGED if is_told else {""})


def test_the_chance_to_be_first_is_that_of_the_normal_distributions(month: Month) -> None:
    rows = asked(month, "teams", 12)
    assert sum(row["Chance to be first"] for row in rows) == pytest.approx(1)
    assert len(rows) > 1
    draws = np.random.default_rng(1).normal(size=(200_000, len(rows)))
    middle = np.array([(row["95 % from"] + row["95 % to"]) / 2 for row in rows])
    spread = np.array([(row["95 % to"] - row["95 % from"]) / 2 / Z95 for row in rows])
    wanted = np.bincount((middle + spread * draws).argmax(axis=1), minlength=len(rows)) / len(draws)
    for row, chance in zip(rows, wanted, strict=True):
        assert row["Chance to be first"] == pytest.approx(chance, abs=0.035)
    assert asked(month, "teams", 12) == rows, "every run draws the same"
