"""How figures read to people."""

import io
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from streams.cli.report_tickets import show
from streams.cli.wording import (
    brief_change_text,
    change_text,
    counted,
    duration_text,
    figure_text,
    in_cells,
    interval_text,
    meant_text,
    part_text,
    rank_text,
    spread_text,
    uncompared_text,
    value_text,
)
from streams.core.ask.drilldown import Seen
from streams.core.ask.figure import change_of, figure_of
from streams.core.ask.report import Line, Rank
from streams.core.metrics import Dimension, Metric, Unit
from streams.core.metrics.complaint_rate import COMPLAINT_RATE
from streams.core.metrics.load import TICKETS_CREATED
from streams.core.metrics.response_time import FIRST_RESPONSE_P50, TIME_TO_FIRST_RESPONSE_P50
from streams.core.metrics.satisfaction import CSAT_MEAN
from streams.core.window import Window


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (4.25, "4.2 s"),
        (59.6, "60 s"),
        (119, "119 s"),
        (120, "2 min"),
        (200, "3 min 20 s"),
        (3_599.9, "1 h"),
        (3_600, "1 h"),
        (58_980, "16 h 23 min"),
        (47.99 * 3_600, "47 h 59 min"),
        (48 * 3_600, "2 d"),
        (51 * 3_600, "2 d 3 h"),
        (71.9 * 3_600, "3 d"),
    ],
)
def test_durations_are_told_in_their_two_largest_units(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_values_carry_their_unit() -> None:
    assert value_text(Unit.SHARE, 0.0432) == "4.3 %"
    assert value_text(Unit.SCORE, 87.25) == "87.2"
    assert value_text(Unit.BALANCE, -12.5) == "-12.5"
    assert value_text(Unit.BALANCE, 35) == "+35.0"
    assert value_text(Unit.NUMBER, 20254) == "20,254"
    assert value_text(Unit.AVERAGE, 0.5) == "0.5"


def test_too_few_observations_read_as_not_enough_data_with_their_number() -> None:
    assert figure_text(figure_of(COMPLAINT_RATE, {"n": 7, "hits": 0})) == "not enough data (n = 7)"
    assert interval_text(figure_of(COMPLAINT_RATE, {"n": 7, "hits": 0})) == ""
    assert figure_text(figure_of(COMPLAINT_RATE, None)) == "not enough data (n = 0)"


def test_a_count_of_an_unknown_time_reads_as_no_data() -> None:
    assert figure_text(figure_of(TICKETS_CREATED, None, is_known=False)) == "no data"
    assert figure_text(figure_of(TICKETS_CREATED, None)) == "0"


def test_an_interval_names_its_unit_once() -> None:
    assert interval_text(figure_of(COMPLAINT_RATE, {"n": 100, "hits": 10})) == "5.5 to 17.4 %"


def test_an_interval_with_one_bound_says_so() -> None:
    figure = figure_of(FIRST_RESPONSE_P50, {"n": 20, "value": 7_200.0, "low": 3_600.0, "high": None})
    assert interval_text(figure) == "at least 1 h"


def test_a_time_that_is_not_reached_says_so_and_at_least_how_long_it_is() -> None:
    measures = {"n": 40, "hits": 18, "band": [None, 7_200.0, None]}
    unreached = figure_of(TIME_TO_FIRST_RESPONSE_P50, measures)
    assert (figure_text(unreached), interval_text(unreached)) == ("not reached", "at least 2 h")
    assert spread_text(unreached) == "22 of 40 without an end yet"
    few = figure_of(TIME_TO_FIRST_RESPONSE_P50, {**measures, "n": 19})
    assert (figure_text(few), interval_text(few), spread_text(few)) == ("not enough data (n = 19)", "", "")


def test_a_change_to_what_is_not_reached_has_no_number() -> None:
    reached = figure_of(TIME_TO_FIRST_RESPONSE_P50, {"n": 40, "hits": 40, "band": [60.0, 50.0, 90.0]})
    unreached = figure_of(TIME_TO_FIRST_RESPONSE_P50, {"n": 40, "hits": 18, "band": [None, 7_200.0, None]})
    longer, shorter = (
        change_text(Unit.SECONDS, change_of(*pair)) for pair in ((unreached, reached), (reached, unreached))
    )
    assert (longer.plain, longer.style) == ("longer", "red")
    assert (shorter.plain, shorter.style) == ("shorter", "green")
    assert brief_change_text(Unit.SECONDS, change_of(unreached, reached)).plain == "longer"


def test_a_spread_names_its_numbers() -> None:
    figure = figure_of(CSAT_MEAN, {"n": 100, "value": 80.0, "deviation": 12.5, "p10": 60.0, "p90": 100.0})
    assert spread_text(figure) == "standard deviation 12.5, p10 60, p90 100, p90 - p10 40"


def test_a_change_is_labelled_in_percent_and_in_points() -> None:
    clear = change_of(
        figure_of(COMPLAINT_RATE, {"n": 1_000, "hits": 50}), figure_of(COMPLAINT_RATE, {"n": 1_000, "hits": 100})
    )
    text = change_text(Unit.SHARE, clear)
    assert text.plain == "-50.0 % / -5.0 points"
    assert text.style == "green", "fewer complaints are good"


def test_a_change_that_may_be_noise_says_so() -> None:
    noise = change_of(
        figure_of(COMPLAINT_RATE, {"n": 100, "hits": 9}), figure_of(COMPLAINT_RATE, {"n": 100, "hits": 10})
    )
    assert change_text(Unit.SHARE, noise).plain == "-10.0 % / -1.0 points, maybe noise"
    assert brief_change_text(Unit.SHARE, noise, " ~").plain == "-10.0 % ~"


def test_changes_of_durations_are_durations() -> None:
    slower = change_of(
        figure_of(FIRST_RESPONSE_P50, {"n": 99, "value": 7_200.0, "low": 7_000.0, "high": 7_400.0}),
        figure_of(FIRST_RESPONSE_P50, {"n": 99, "value": 3_600.0, "low": 3_500.0, "high": 3_700.0}),
    )
    text = change_text(Unit.SECONDS, slower)
    assert (text.plain, text.style) == ("+100.0 % / +1 h", "red")


def test_no_change_is_told_where_nothing_can_be_compared() -> None:
    assert change_text(Unit.SHARE, None).plain == ""


@pytest.mark.parametrize(
    ("n", "more", "text"),
    [
        pytest.param(100, {}, "nothing to compare with", id="a first period"),
        pytest.param(1, {}, "", id="a single observation: not enough data stands there already"),
        pytest.param(0, {}, "", id="none: likewise"),
        pytest.param(100, {"is_partial": True}, "", id="a bucket in part, which is marked"),
        pytest.param(100, {"maturity": 0.5}, "", id="one that moves: so far stands there"),
    ],
)
def test_what_stands_in_place_of_a_change_is_no_verdict(n: int, more: dict[str, Any], text: str) -> None:
    figure = figure_of(COMPLAINT_RATE, {"n": n, "hits": 0} if n else None)
    line = Line(metric=COMPLAINT_RATE, part=None, window=Window(0, 1), figure=figure, **more)
    assert uncompared_text(line) == text


@pytest.mark.parametrize(
    ("metric", "measures", "text"),
    [
        pytest.param(COMPLAINT_RATE, [], "Complaint rate: no data (n = 0)", id="a share of nothing"),
        pytest.param(
            COMPLAINT_RATE,
            [1.0],
            "Complaint rate: 100.0 % (n = 1, of 1 ticket; not enough data, which begins at n = 20)",
            id="a single one",
        ),
        pytest.param(COMPLAINT_RATE, [0.0] * 20, "Complaint rate: 0.0 % (n = 20, of 20 tickets)", id="enough"),
        pytest.param(TICKETS_CREATED, [], "Tickets: 0 (n = 0, of 0 tickets)", id="a count of nothing is 0"),
        pytest.param(TICKETS_CREATED, [1.0], "Tickets: 1 (n = 1, of 1 ticket)", id="a count of one"),
    ],
)
def test_what_listed_tickets_amount_to_is_told_with_how_little_it_says(
    metric: Metric, measures: list[float], text: str
) -> None:
    seen = [Seen(0, f"T{n}", dict.fromkeys(Dimension, ""), f"T{n}", one) for n, one in enumerate(measures)]
    console = Console(file=io.StringIO(), width=200)
    show(console, metric, seen, ZoneInfo("UTC"))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines()[-1] == text


def test_places_that_numbers_cannot_tell_apart_are_a_range() -> None:
    assert [rank_text(rank) for rank in (Rank(1, 1), Rank(2, 4), None)] == ["1", "2 to 4", ""]


def test_parts_without_a_name_have_one() -> None:
    assert [part_text(part) for part in (None, "", "billing")] == ["all", "(unknown)", "billing"]


def test_a_number_has_the_word_that_goes_with_it() -> None:
    assert [counted(number, "event") for number in (0, 1, 2, 1_204)] == [
        "0 events",
        "1 event",
        "2 events",
        "1,204 events",
    ]


def test_a_name_is_taken_for_the_nearest_known_one() -> None:
    assert meant_text("biling", ["billing", "repairs"], "look") == "did you mean billing?"
    assert meant_text("x", ["billing", "repairs"], "look") == "look"


def test_a_name_of_somebody_else_s_neither_moves_the_cursor_nor_is_a_formula() -> None:
    assert part_text("a\x1b[31m\n\u202eb\x00") == "a\\x1b[31m\\n\\u202eb\\x00"
    assert part_text("größe 大") == "größe 大"
    record = {"part": "=cmd|' /C calc'!A0", "other": "plain", "low": -1.5, "none": None}
    assert in_cells(record) == {**record, "part": "'=cmd|' /C calc'!A0"}


def test_what_lies_before_is_told_like_what_lies_behind() -> None:
    assert duration_text(-89_940) == "-24 h 59 min"
    assert duration_text(-1.5) == "-1.5 s"
