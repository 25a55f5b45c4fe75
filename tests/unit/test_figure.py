"""Figures and reports: when a number may be shown, what a change means, who leads a list."""

import pytest

from streams.core.ask.figure import Figure, Spread, change_of, figure_of
from streams.core.ask.maturity import maturity
from streams.core.ask.report import Figures, Rank, compared, in_sequence, ranked
from streams.core.metrics import Metric
from streams.core.metrics.complaint_rate import COMPLAINT_RATE
from streams.core.metrics.load import TICKETS_CREATED
from streams.core.metrics.resolution import REOPEN_RATE
from streams.core.metrics.response_time import FIRST_RESPONSE_P50, TIME_TO_FIRST_RESPONSE_P50
from streams.core.metrics.satisfaction import CSAT_MEAN, CSAT_SHARE, NPS
from streams.core.window import DAY_MS, Window

NOW = Window(40 * DAY_MS, 50 * DAY_MS)
BEFORE = Window(30 * DAY_MS, 40 * DAY_MS)
KNOWN = Window(0, 50 * DAY_MS)


def _share(hits: int, n: int, metric: Metric = CSAT_SHARE) -> Figure:
    return figure_of(metric, {"n": n, "hits": hits})


def _count(n: int) -> Figure:
    return figure_of(TICKETS_CREATED, {"n": n})


def _time_to(n: int, value: float | None, low: float | None, high: float | None) -> Figure:
    measures = {"n": n, "hits": n // 2, "band": [value, low, high]}
    return figure_of(TIME_TO_FIRST_RESPONSE_P50, measures)


def test_a_time_that_was_not_reached_is_no_value_and_no_lack_of_observations() -> None:
    unreached = _time_to(20, None, 3_600.0, None)
    assert (unreached.is_unreached, unreached.is_enough, unreached.shown) == (True, False, None)
    assert unreached.interval == (3_600.0, None)
    assert not _time_to(19, None, 3_600.0, None).is_unreached
    assert not _time_to(20, 60.0, 50.0, None).is_unreached


@pytest.mark.parametrize(
    ("now", "before", "is_clear", "is_better"),
    [
        pytest.param(_time_to(20, None, 3_600.0, None), _time_to(20, 60.0, 50.0, 90.0), True, False, id="no more"),
        pytest.param(_time_to(20, 60.0, 50.0, 90.0), _time_to(20, None, 3_600.0, None), True, True, id="again"),
        pytest.param(_time_to(20, None, 80.0, None), _time_to(20, 60.0, 50.0, 90.0), False, False, id="maybe no more"),
        pytest.param(_time_to(20, None, 80.0, None), _time_to(20, 60.0, 50.0, None), False, False, id="unbounded"),
    ],
)
def test_what_is_not_reached_is_longer_and_clear_where_the_intervals_lie_apart(
    now: Figure, before: Figure, is_clear: bool, is_better: bool
) -> None:
    change = change_of(now, before)
    assert change
    assert (change.points, change.relative, *change.interval) == (None, None, None, None)
    assert (change.is_clear, change.is_better) == (is_clear, is_better)


def test_two_times_that_were_not_reached_cannot_be_compared_nor_can_too_few() -> None:
    unreached = _time_to(20, None, 3_600.0, None)
    assert change_of(unreached, unreached) is None
    assert change_of(unreached, _time_to(5, 60.0, 50.0, 90.0)) is None
    assert change_of(_time_to(5, 60.0, 50.0, 90.0), unreached) is None


def test_too_few_observations_are_not_shown() -> None:
    assert _share(19, 19).shown is None
    assert _share(19, 20).shown == 0.95


@pytest.mark.parametrize("metric", [COMPLAINT_RATE, CSAT_MEAN, FIRST_RESPONSE_P50])
def test_nothing_observed_is_no_value_and_never_0(metric: Metric) -> None:
    empty = {"n": 0, "hits": 0, "value": float("nan"), "deviation": float("nan"), "p10": 0, "p90": 0, "low": None}
    for measures in (None, empty):
        figure = figure_of(metric, measures)
        assert (figure.n, figure.value, figure.shown, *figure.interval) == (0, None, None, None, None)


def test_no_ticket_in_a_known_window_is_0_tickets() -> None:
    assert figure_of(TICKETS_CREATED, None).shown == 0


def test_of_a_time_before_all_events_no_count_can_be_told() -> None:
    assert figure_of(TICKETS_CREATED, None, is_known=False).shown is None


def test_the_net_promoter_score_is_promoters_less_detractors() -> None:
    # Of 40 answers 22 are 9 or 10, 6 are 7 or 8, 12 are 0 to 6: 55 % less 30 % is 25.
    figure = figure_of(NPS, {"n": 40, "hits": 22, "misses": 12})
    assert (figure.shown, figure.hits, figure.misses) == (25, 22, 12)
    low, high = figure.interval
    assert low is not None
    assert high is not None
    assert -100 <= low < 25 < high <= 100
    none = figure_of(NPS, {"n": 40, "hits": 10, "misses": 10})
    change = change_of(figure, none)
    assert change is not None
    assert (change.points, change.relative) == (25, None)


def test_a_mean_carries_its_spread_and_its_interval() -> None:
    figure = figure_of(CSAT_MEAN, {"n": 100, "value": 80.0, "deviation": 10.0, "p10": 60.0, "p90": 100.0})
    assert figure.spread == Spread(10, 60, 100)
    assert figure.interval == pytest.approx((80 - 1.96, 80 + 1.96), abs=1e-3)


def test_the_mean_of_one_observation_has_no_interval() -> None:
    figure = figure_of(CSAT_MEAN, {"n": 1, "value": 80.0, "deviation": float("nan"), "p10": 80.0, "p90": 80.0})
    assert figure.interval == (None, None)


def test_a_change_is_told_in_percent_of_what_was_and_in_points() -> None:
    change = change_of(_share(700, 1_000), _share(800, 1_000))
    assert change
    assert change.points == pytest.approx(-10)
    assert change.relative == pytest.approx(-0.125)
    assert (change.is_clear, change.is_better) == (True, False)


def test_down_is_good_where_the_metric_says_so() -> None:
    change = change_of(_share(5, 1_000, COMPLAINT_RATE), _share(80, 1_000, COMPLAINT_RATE))
    assert change
    assert change.is_better is True


def test_a_difference_that_may_be_noise_is_not_clear() -> None:
    change = change_of(_share(24, 30), _share(27, 30))
    assert change
    assert change.is_clear is False


def test_nothing_is_compared_with_too_few_observations() -> None:
    assert change_of(_share(90, 100), _share(9, 10)) is None
    assert change_of(_share(9, 10), _share(90, 100)) is None


def test_a_change_from_0_has_no_percentage() -> None:
    change = change_of(_share(5, 100, COMPLAINT_RATE), _share(0, 100, COMPLAINT_RATE))
    assert change
    assert change.relative is None
    assert change.points == pytest.approx(5)


def test_more_tickets_are_neither_better_nor_worse() -> None:
    change = change_of(_count(200), _count(100))
    assert change
    assert (change.points, change.relative, change.is_clear, change.is_better) == (100, 1, None, None)


def test_three_lucky_ratings_do_not_lead_the_list() -> None:
    ranks = ranked({"lucky": _share(3, 3), "good": _share(450, 500), "small": _share(25, 26), "bad": _share(300, 500)})
    assert list(ranks) == ["good", "small", "bad", "lucky"]
    assert ranks == {"good": Rank(1, 2), "small": Rank(1, 2), "bad": Rank(3, 3), "lucky": None}


def test_the_fewest_complaints_lead() -> None:
    ranks = ranked({"many": _share(90, 300, COMPLAINT_RATE), "few": _share(9, 300, COMPLAINT_RATE)})
    assert list(ranks) == ["few", "many"]


def test_counts_are_sorted_and_not_ranked() -> None:
    assert ranked({"small": _count(3), "big": _count(30)}) == {"big": None, "small": None}


def test_a_count_is_not_compared_with_a_period_that_begins_before_the_first_event() -> None:
    figures: Figures = {("tickets", None, NOW): _count(10), ("tickets", None, BEFORE): _count(5)}
    (line,) = compared([TICKETS_CREATED], NOW, BEFORE, figures, KNOWN, KNOWN.end_at)
    assert line.change
    (line,) = compared([TICKETS_CREATED], NOW, BEFORE, figures, Window(35 * DAY_MS, 50 * DAY_MS), KNOWN.end_at)
    assert line.change is None
    assert line.lacks_comparison


def test_a_rate_that_still_moves_is_provisional_and_compared_with_nothing() -> None:
    figures: Figures = {
        ("reopen_rate", None, NOW): _share(1, 100, REOPEN_RATE),
        ("reopen_rate", None, BEFORE): _share(9, 100, REOPEN_RATE),
    }
    (young,) = compared([REOPEN_RATE], NOW, BEFORE, figures, KNOWN, NOW.end_at)
    assert (young.is_provisional, young.maturity, young.change) == (True, 0.3, None)
    (settled,) = compared([REOPEN_RATE], NOW, BEFORE, figures, KNOWN, NOW.end_at + 7 * DAY_MS)
    assert not settled.is_provisional
    assert settled.change
    assert not young.lacks_comparison
    assert not settled.lacks_comparison


@pytest.mark.parametrize(
    ("followed_until", "age"),
    [(35, 0.0), (47, 0.0), (48, 0.1), (52, 0.5), (57, 1.0), (900, 1.0)],
)
def test_a_window_matures_by_what_is_known_after_it(followed_until: int, age: float) -> None:
    assert maturity(REOPEN_RATE, NOW, followed_until * DAY_MS) == pytest.approx(age)
    assert maturity(CSAT_SHARE, NOW, followed_until * DAY_MS) == 1.0


@pytest.mark.parametrize(
    ("now", "before", "lacks"),
    [
        pytest.param(_share(50, 100), _share(40, 100), False, id="both"),
        pytest.param(_share(50, 100), figure_of(CSAT_SHARE, None), True, id="nothing before"),
        pytest.param(_share(50, 100), _share(1, 1), True, id="a single one before"),
        pytest.param(_share(1, 1), _share(40, 100), False, id="a single one now, which says so itself"),
        pytest.param(figure_of(CSAT_SHARE, None), figure_of(CSAT_SHARE, None), False, id="nothing at all"),
    ],
)
def test_a_figure_without_anything_to_compare_with_says_so(now: Figure, before: Figure, lacks: bool) -> None:
    figures: Figures = {("csat_share", None, NOW): now, ("csat_share", None, BEFORE): before}
    (line,) = compared([CSAT_SHARE], NOW, BEFORE, figures, KNOWN, KNOWN.end_at)
    assert line.lacks_comparison is lacks
    assert (line.change is None) == (lacks or not now.is_enough)


def test_a_day_is_compared_with_the_day_before_when_both_are_whole() -> None:
    days = [Window(number * DAY_MS, (number + 1) * DAY_MS) for number in range(4)]
    figures: Figures = {("tickets", None, day): _count(10 * number) for number, day in enumerate(days)}
    known = Window(days[0].start_at + 1, days[3].end_at - 1)
    lines = in_sequence([TICKETS_CREATED], days, figures, known, known.end_at)
    assert [line.lacks_comparison for line in lines] == [False, True, False, False]
    assert [line.is_partial for line in lines] == [True, False, False, True]
    assert [bool(line.change) for line in lines] == [False, False, True, False]
