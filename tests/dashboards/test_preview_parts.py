"""The parts of the preview by themselves: ranges, units, frames, looks, links, choices, the library."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.macro import ALL
from dashboards.preview.draw.reading import readings, reduced
from dashboards.preview.draw.scene import Scene
from dashboards.preview.draw.series import series
from dashboards.preview.draw.stat import bars, stat
from dashboards.preview.draw.table import table
from dashboards.preview.draw.words import html_of
from dashboards.preview.fault import PreviewError, UnknownError
from dashboards.preview.frame import Answer, Frame, frame_of
from dashboards.preview.library import CHECKED_IN, Json, Library, Variable
from dashboards.preview.link import address, filled, link_values
from dashboards.preview.span import Span, moved, span_of
from dashboards.preview.style import NOTHING
from dashboards.preview.unit import shown, ticks
from dashboards.preview.variables import chosen_values
from tests.dashboards.preview_board import board, panel
from tests.dashboards.target import DASHBOARDS, panels

BERLIN: Final = ZoneInfo("Europe/Berlin")
UTC_ZONE: Final = ZoneInfo("UTC")
NOW: Final = datetime(2026, 3, 29, 12, 30, 15, tzinfo=BERLIN)  # the clocks went forward this night
NOW_MS: Final = int(NOW.timestamp() * 1000)
HOUR_MS: Final = 3_600_000
AT: Final = datetime(2026, 3, 1, 12)  # noqa: DTZ001 - as the driver returns instants in UTC


def ms(*parts: int, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime(*parts, tzinfo=zone).timestamp() * 1000)  # type: ignore[misc,arg-type]


# Ranges ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "end", "from_ms", "to_ms"),
    [
        ("now-6h", "now", NOW_MS - 6 * HOUR_MS, NOW_MS),
        ("now-1d", "now", ms(2026, 3, 28, 12, 30, 15), NOW_MS),
        ("now/d", "now/d", ms(2026, 3, 29), ms(2026, 3, 30) - 1),
        ("now-1d/d", "now-1d/d", ms(2026, 3, 28), ms(2026, 3, 29) - 1),
        ("now/w", "now", ms(2026, 3, 23), NOW_MS),
        ("now-1M/M", "now-1M/M", ms(2026, 2, 1), ms(2026, 3, 1) - 1),
        ("now-1y", "now", ms(2025, 3, 29, 12, 30, 15), NOW_MS),
        ("1767225600000", "now-1h", 1_767_225_600_000, NOW_MS - HOUR_MS),
    ],
)
def test_ranges_are_read_as_grafana_writes_them(begin: str, end: str, from_ms: int, to_ms: int) -> None:
    assert span_of(begin, end, NOW_MS, BERLIN) == Span(from_ms, to_ms)


@pytest.mark.parametrize("begin", ["", "yesterday", "now-", "now-1", "now-1x", "1e9", "-5", "now'", "now-999999y", "٣"])
def test_what_is_no_instant_is_named(begin: str) -> None:
    with pytest.raises(PreviewError, match=r"no instant|too far"):
        span_of(begin, "now", NOW_MS, BERLIN)


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(PreviewError, match="empty"):
        span_of("now", "now-1h", NOW_MS, BERLIN)


@pytest.mark.parametrize(
    ("days", "points", "least", "seconds"),
    [
        (1, 1440, None, 60),
        (7, 600, None, 900),
        (30, 100, None, 21_600),
        (1 / 24, 3600, ">1m", 60),
        (0.001, 4000, None, 1),
    ],
)
def test_steps_are_widths_that_people_read(days: float, points: int, least: str | None, seconds: float) -> None:
    assert Span(0, int(days * 86_400_000)).step_seconds(points, least) == seconds


def test_a_panel_may_have_a_range_of_its_own_and_be_set_back() -> None:
    assert moved(Span(0, 5), "1h", None, NOW_MS) == Span(NOW_MS - HOUR_MS, NOW_MS)
    assert moved(Span(HOUR_MS, 2 * HOUR_MS), None, "1h", NOW_MS) == Span(0, HOUR_MS)


# Units ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "text"),
    [
        (0.0613, "percentunit", 1, "6.1%"),
        (0.5, "percentunit", None, "50%"),
        (61.25, "percent", 2, "61.25%"),
        (12_345.6, "locale", 0, "12,346"),
        (-0.001, "none", 1, "0.0"),
        (12_345.6, "short", None, "12.3 K"),
        (0.02, "s", None, "20 ms"),
        (45, "s", None, "45 s"),
        (5400, "s", 1, "1.5 hours"),
        (90, "m", 1, "1.5 hours"),
        (3725, "dthms", None, "01:02:05"),
        (93_784, "dtdhms", None, "1 d 02:03:04"),
        (3, "suffix: tickets", None, "3 tickets"),
        (3, "prefix:n = ", None, "n = 3"),
        (3, "apples", None, "3 apples"),
        (1.23456, "", None, "1.23"),
        (0.012345, "", None, "0.0123"),
        (ms(2026, 3, 29, 1, zone=UTC_ZONE), "dateTimeAsIso", None, "2026-03-29 03:00:00"),
    ],
)
def test_numbers_are_written_in_their_unit(value: float, unit: str, decimals: int | None, text: str) -> None:
    assert str(shown(value, unit, decimals, BERLIN)) == text


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.sampled_from(["none", "s", "percentunit"]))
def test_ticks_lie_on_the_axis_and_are_few(low: float, width: float, unit: str) -> None:
    high = low + width
    found = ticks(low, high, unit)
    assert len(found) <= 6
    slack = width * 1e-6 + abs(low) * 1e-9
    assert all(low - slack <= tick <= high + slack for tick in found)


# Frames ---------------------------------------------------------------------------------------------------------------


def test_a_long_series_becomes_a_column_for_each_label() -> None:
    rows = [(AT, "a", 1), (AT, "b", 2), (AT.replace(hour=13), "b", 3)]
    frame = frame_of(
        Answer(["time", "team", "n"], ["DateTime", "LowCardinality(String)", "UInt64"], rows), is_table=False
    )
    assert [(each.name, dict(each.labels), list(each.cells)) for each in frame.fields[1:]] == [
        ("n", {"team": "a"}, [1, None]),
        ("n", {"team": "b"}, [2, 3]),
    ]
    assert frame.time is not None
    assert frame.time.cells[0] == datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000


def test_a_series_that_does_not_ascend_is_refused_as_the_plugin_does() -> None:
    rows = [(AT, "a", 1), (AT.replace(hour=11), "a", 1)]
    with pytest.raises(PreviewError, match="ascending"):
        frame_of(Answer(["time", "team", "n"], ["DateTime", "String", "UInt64"], rows), is_table=False)
    with pytest.raises(PreviewError, match="no time"):
        frame_of(Answer(["time", "t", "n"], ["Nullable(DateTime)", "String", "Int8"], [(None, "a", 1)]), is_table=False)


def test_a_series_without_rows_has_no_columns_and_a_table_keeps_them() -> None:
    answer = Answer(["time", "n"], ["DateTime", "UInt64"], [])
    assert frame_of(answer, is_table=False).fields == []
    assert [each.name for each in frame_of(answer, is_table=True).fields] == ["time", "n"]


def test_cells_become_what_json_can_say() -> None:
    row = (date(2026, 3, 1), Decimal("1.5"), float("nan"), True, None, [1], "x")
    types = ["Date", "Decimal(9, 2)", "Nullable(Float64)", "Bool", "Nullable(Int8)", "Array(Int8)", "Enum8('x' = 1)"]
    frame = frame_of(Answer(list("abcdefg"), types, [row]), is_table=True)
    assert [each.kind for each in frame.fields] == ["time", "number", "number", "bool", "number", "other", "text"]
    json.dumps([list(each.cells) for each in frame.fields], allow_nan=False)
    assert [each.cells[0] for each in frame.fields][1:] == [1.5, None, True, None, "[1]", "x"]


# Looks ----------------------------------------------------------------------------------------------------------------


def scene_of(look: Json, answer: Answer, *, is_table: bool = True, **options: Any) -> Scene:
    frames = [frame_of(answer, is_table=is_table)]
    given = {**panel(), "fieldConfig": look, "options": options}
    return Scene(given, frames, Span(0, HOUR_MS), UTC_ZONE, link_values({"team": ["a", "b"]}, {}, "now-1d", "now"))


def one(value: float | None, look: Json, **options: Any) -> Any:
    scene = scene_of(look, Answer(["share"], ["Nullable(Float64)"], [(value,)]), **options)
    return stat(scene)["values"][0]


def steps(*pairs: tuple[float | None, str]) -> Json:
    listed = [{"value": at, "color": colour} for at, colour in pairs]
    return {"color": {"mode": "thresholds"}, "thresholds": {"mode": "absolute", "steps": listed}}


@pytest.mark.parametrize(("value", "colour"), [(0.1, "green"), (0.2, "orange"), (0.35, "red"), (None, "text")])
def test_the_colour_is_that_of_the_highest_threshold_that_is_reached(value: float | None, colour: str) -> None:
    assert one(value, {"defaults": steps((None, "green"), (0.2, "orange"), (0.3, "red"))})["colour"] == colour


@pytest.mark.parametrize(
    ("points", "text", "colour"),
    [
        (None, "nothing to compare with", None),
        (0.0, "no clear change", "text"),
        (3.25, "3.2 percentage points", "green"),
        (-3.25, "-3.2 percentage points", "red"),
    ],
)
def test_a_change_reads_as_what_is_known_of_it(points: float | None, text: str, colour: str | None) -> None:
    columns = next(each for each in panels(DASHBOARDS["teams"]) if each["id"] == 1)["fieldConfig"]
    scene = scene_of(columns, Answer(["Change"], ["Nullable(Float64)"], [(points,)]))
    ((cell,),) = table(scene)["rows"]
    assert (cell["text"], cell.get("colour")) == (text, colour)


def test_overrides_apply_by_name_pattern_kind_and_query_the_last_one_wins() -> None:
    def override(id_: str, options: str, unit: str) -> Json:
        return {"matcher": {"id": id_, "options": options}, "properties": [{"id": "unit", "value": unit}]}

    for matcher in [("byName", "share"), ("byRegexp", "/^sh/"), ("byType", "number"), ("byFrameRefID", "A")]:
        made = one(0.5, {"defaults": {"unit": "none"}, "overrides": [override(*matcher, "percentunit")]})
        assert made["text"] + made["suffix"] == "50%", matcher
    two = [override("byName", "share", "percentunit"), override("byType", "number", "s")]
    assert one(5, {"defaults": {}, "overrides": two})["suffix"] == " s"
    assert one(5, {"defaults": {}, "overrides": [override("byName", "other", "s")]})["suffix"] == ""


def test_an_override_finds_a_field_by_the_name_that_a_label_gives_it() -> None:
    look = {
        "defaults": {"displayName": "${__field.labels.evidence}"},
        "overrides": [
            {
                "matcher": {"id": "byRegexp", "options": "/^better · /"},
                "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": "green"}}],
            }
        ],
    }
    answer = Answer(["time", "share", "evidence"], ["DateTime", "Float64", "String"], [(AT, 0.5, "better · was 3")])
    (value,) = stat(scene_of(look, answer, is_table=False))["values"]
    assert (value["name"], value["colour"]) == ("better · was 3", "green")


def test_values_are_told_by_their_mappings() -> None:
    mappings = [
        {"type": "value", "options": {"1": {"text": "open", "color": "red"}}},
        {"type": "range", "options": {"from": 2, "to": 4, "result": {"text": "few"}}},
        {"type": "special", "options": {"match": "null", "result": {"text": "nobody asked"}}},
    ]
    said = [one(value, {"defaults": {"mappings": mappings}}) for value in (1, 3, None, 5)]
    assert [value["text"] for value in said] == ["open", "few", "nobody asked", "5"]
    assert said[0]["colour"] == "red"


def test_an_empty_number_is_told_in_the_words_of_the_panel_never_as_zero() -> None:
    value = one(None, {"defaults": {"noValue": "not enough data"}})
    assert (value["text"], value["is_empty"]) == ("not enough data", True)
    assert one(None, {})["text"] == NOTHING
    nothing = stat(scene_of({"defaults": {"noValue": "no data yet"}}, Answer(["n"], ["UInt8"], [])))
    assert nothing == {"kind": "empty", "text": "no data yet"}


@pytest.mark.parametrize(
    ("how", "expected"),
    [("lastNotNull", 3), ("last", None), ("first", 1), ("mean", 2), ("max", 3), ("sum", 6), ("count", 4), ("diff", 2)],
)
def test_columns_are_reduced_as_their_panel_says(how: str, expected: float | None) -> None:
    assert reduced([1, 2, 3, None], how) == expected
    assert reduced([], "mean") is None


def test_every_row_may_be_a_bar_named_by_its_text() -> None:
    answer = Answer(["team", "n"], ["String", "UInt8"], [("a", 5), ("b", 10), ("c", 0)])
    made = bars(scene_of({"defaults": {"min": 0}}, answer, reduceOptions={"values": True, "fields": ""}))
    assert [(value["name"], value["text"], value["share"]) for value in made["values"]] == [
        ("a", "5", 0.5),
        ("b", "10", 1.0),
        ("c", "0", 0.0),
    ]


def test_tables_are_sorted_with_empty_cells_last_and_hide_what_is_hidden() -> None:
    answer = Answer(
        ["team", "n", "id"], ["String", "Nullable(UInt8)", "String"], [("a", 1, "x"), ("b", None, "y"), ("c", 3, "z")]
    )
    hidden = {"matcher": {"id": "byName", "options": "id"}, "properties": [{"id": "custom.hidden", "value": True}]}
    for desc, order in ((True, ["c", "a", "b"]), (False, ["a", "c", "b"])):
        made = table(scene_of({"overrides": [hidden]}, answer, sortBy=[{"displayName": "n", "desc": desc}]))
        assert [row[0]["text"] for row in made["rows"]] == order
        assert [column["name"] for column in made["columns"]] == ["team", "n"]


def test_a_series_leaves_gaps_labels_its_axis_in_its_unit_and_keeps_hidden_fields_for_the_tooltip() -> None:
    ghost = {
        "matcher": {"id": "byName", "options": "n"},
        "properties": [{"id": "custom.hideFrom", "value": {"viz": True}}],
    }
    rows = [(AT.replace(hour=hour), share, 40) for hour, share in ((1, 0.1), (2, None), (3, 0.2))]
    answer = Answer(["time", "share", "n"], ["DateTime", "Nullable(Float64)", "UInt8"], rows)
    made = series(scene_of({"defaults": {"unit": "percentunit"}, "overrides": [ghost]}, answer, is_table=False))
    assert [(trace["name"], trace["ghost"], trace["y"]) for trace in made["traces"]] == [
        ("share", False, [0.1, None, 0.2]),
        ("n", True, [40, 40, 40]),
    ]
    (axis,) = made["axes"]
    assert axis["high"] < 1, "what is not drawn does not stretch the axis"
    assert all(label.endswith("%") for label in axis["labels"])
    assert len(set(axis["labels"])) == len(axis["labels"]) > 1


def test_readings_of_a_series_carry_their_course() -> None:
    answer = Answer(["time", "n"], ["DateTime", "Nullable(UInt8)"], [(AT, 1), (AT.replace(hour=13), None)])
    (reading,) = readings(scene_of({}, answer, is_table=False))
    assert reading.cell == 1
    assert [value for _, value in reading.course] == [1, None]


# Links and words ------------------------------------------------------------------------------------------------------


def test_links_carry_range_choices_and_what_was_clicked_encoded() -> None:
    values = link_values({"team": ["a&b", "c"], "zone": ALL}, {}, "now-7d", "now")
    url = '/d/tickets/x?${__url_time_range}&${team:queryparam}&${zone:queryparam}&var-id=${__data.fields["ticket id"]}'
    assert address(url, {**values, "__data.fields.ticket id": "T 1/?&"}) == (
        "/d/tickets/x?from=now-7d&to=now&var-team=a%26b&var-team=c&var-zone=$__all&var-id=T%201%2F%3F%26"
    )


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "//evil.example/x", "/\\evil.example", "data:text/html,x", "${value}", "x", " /d/x", ""],
)
def test_links_that_lead_to_no_page_are_left_out(url: str) -> None:
    assert address(url, {"value": "javascript:alert(1)"}) is None


def test_texts_name_choices_as_people_do() -> None:
    values = link_values({"metric": "csat_share"}, {"metric": "Satisfied"}, "now-7d", "now")
    assert filled("${metric:text} ($metric) ${unknown}", values) == "Satisfied (csat_share) "


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))"]
)
def test_no_markup_of_its_own_gets_through_markdown(text: str) -> None:
    made = html_of(f"**{text}**")
    assert "<script" not in made
    assert "<img" not in made
    assert 'href="javascript' not in made


# Choices --------------------------------------------------------------------------------------------------------------

STEP: Final = {"name": "step", "type": "custom", "query": "Day : day,week", "current": {"value": "day"}}
TEAM: Final = {
    "name": "team",
    "type": "query",
    "query": "",
    "multi": True,
    "includeAll": True,
    "current": {"value": [ALL]},
}
FIXED: Final = {"name": "fixed", "type": "constant", "query": "7"}


def test_what_is_not_chosen_is_as_the_dashboard_says() -> None:
    made = board(panel(), variables=[STEP, TEAM, FIXED])
    assert chosen_values(made, {}) == {"step": "day", "team": ALL, "fixed": "7"}
    wanted = {"step": ["week"], "team": ["a", "b"], "fixed": ["8"], "unknown": ["x"]}
    assert chosen_values(made, wanted) == {"step": "week", "team": ["a", "b"], "fixed": "7"}


@pytest.mark.parametrize("wanted", [{"step": ["year"]}, {"step": [ALL]}, {"team": ["x" * 501]}, {"team": ["x"] * 201}])
def test_only_what_is_offered_can_be_chosen(wanted: dict[str, list[str]]) -> None:
    with pytest.raises(UnknownError):
        chosen_values(board(panel(), variables=[STEP, TEAM]), wanted)


def test_values_of_a_list_may_have_names() -> None:
    assert Variable(STEP).listed == [("day", "Day"), ("week", "week")]


# The library ----------------------------------------------------------------------------------------------------------


def test_the_checked_in_dashboards_are_read_the_pulse_first() -> None:
    library = Library.read(CHECKED_IN)
    assert library.dashboards[0].uid == "service-pulse"
    assert len(library.dashboards) == len(list(CHECKED_IN.glob("*.json")))
    for dashboard in library.dashboards:
        numbers = [each.get("id") for each in dashboard.panels]
        assert len(set(numbers)) == len(numbers), f"panels of {dashboard.title} share a number"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"uid": "x"}', "\xff"])
def test_files_that_are_no_dashboards_are_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "odd.json").write_text(content, encoding="latin-1")
    with pytest.raises(PreviewError, match=r"odd\.json"):
        Library.read(tmp_path)


def test_a_folder_without_dashboards_is_named(tmp_path: Path) -> None:
    with pytest.raises(PreviewError, match="no dashboard"):
        Library.read(tmp_path)


def test_panels_in_folded_rows_are_found() -> None:
    made = board({"id": 9, "type": "row", "title": "", "collapsed": True, "panels": [panel(number=5)]})
    assert made.panel(5)["title"] == "Panel 5"
    with pytest.raises(UnknownError):
        made.panel(6)


def test_an_empty_frame_has_no_length() -> None:
    assert Frame([]).length == 0
