"""The checked-in dashboards as files: up to date, complete, aligned, with addresses that never change."""

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from dashboards import style, text
from dashboards.render import DASHBOARDS as CODE
from dashboards.render import FOLDER, differing, rendered, write
from dashboards.style import Json
from streams.core.metrics import METRICS, Kind
from tests.dashboards.target import DASHBOARDS, Place, every_place, panels

each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
each_panel = pytest.mark.parametrize(
    "panel",
    [pytest.param(panel, id=f"{uid}-{panel['id']}") for uid, made in DASHBOARDS.items() for panel in panels(made)],
)
KINDS = {"stat", "timeseries", "table", "bargauge", "heatmap", "text"}
MOST_PANELS = 13


def test_what_is_checked_in_is_what_the_code_says() -> None:
    assert differing() == [], "run: servicepulse dashboards render"
    assert {path.name for path in FOLDER.glob("*.json")} == set(rendered())


def test_what_is_not_reached_is_told_in_words_and_leaves_the_colour_to_the_verdict() -> None:
    metrics = [metric for metric in METRICS.values() if metric.kind is Kind.SURVIVAL]
    assert len(metrics) == 23
    for metric in metrics:
        (mapping,) = style.unreached(metric)["mappings"]
        assert mapping["options"][str(style.UNREACHED)] == {"text": text.NOT_REACHED, "index": 0}


def test_rendering_writes_what_differs_and_removes_what_is_no_more(folder: Path) -> None:
    assert [path.name for path in write(folder)] == sorted(rendered())
    assert write(folder) == []
    first = folder / sorted(rendered())[0]
    first.write_text("{}")
    (folder / "old.json").write_text("{}")
    assert differing(folder) == sorted([first, folder / "old.json"])
    assert write(folder) == sorted([first, folder / "old.json"])
    assert differing(folder) == []


def test_addresses_are_unique_and_short_enough() -> None:
    uids = [one.uid for one in CODE]
    assert len(set(uids)) == len(uids)
    assert all(len(uid) <= 40 for uid in uids)


@each_dashboard
def test_panels_have_numbers_of_their_own_that_rules_can_link_to(dashboard: Json) -> None:
    ids = [panel["id"] for panel in panels(dashboard)]
    assert len(set(ids)) == len(ids)
    assert all(isinstance(id, int) and id > 0 for id in ids)


@each_dashboard
def test_a_page_is_not_crowded_and_opens_with_everything_chosen(dashboard: Json) -> None:
    assert len(dashboard["panels"]) <= MOST_PANELS
    assert dashboard["time"]["from"].startswith("now-")
    for variable in dashboard["templating"]["list"]:
        assert variable["current"]["value"]


@each_dashboard
def test_panels_fill_a_grid_of_24_columns_without_overlap(dashboard: Json) -> None:
    grid = [panel["gridPos"] for panel in dashboard["panels"]]
    assert all(one["x"] >= 0 and one["x"] + one["w"] <= 24 and one["h"] > 0 for one in grid)
    assert not [(one, other) for one, other in combinations(grid, 2) if _overlap(one, other)]
    for y in {one["y"] for one in grid}:
        row = [one for one in grid if one["y"] == y]
        assert sum(one["w"] for one in row) == 24, "a row ends where the others end"
        assert len({one["h"] for one in row}) == 1, "panels of a row are equally high"


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(one[at] < other[at] + other[size] and other[at] < one[at] + one[size] for at, size in ("xw", "yh"))


@each_panel
def test_a_panel_says_what_it_shows_and_what_it_means_when_it_shows_nothing(panel: Json) -> None:
    assert panel["type"] in KINDS
    assert panel["title"]
    assert len(panel["description"]) > 20
    assert panel["datasource"]["uid"] == "clickhouse"
    if panel["targets"]:
        assert len(panel["targets"]) == 1, "one query a panel"
        assert panel["fieldConfig"]["defaults"]["noValue"]


@each_panel
def test_a_change_that_is_not_there_is_nothing_to_compare_with(panel: Json) -> None:
    for column in panel["fieldConfig"]["overrides"]:
        if column["matcher"]["options"] == "Change":
            said = {one["id"]: one["value"] for one in column["properties"]}
            assert said["noValue"] == "nothing to compare with"
            assert said["mappings"][0]["options"]["0"]["text"] == "no clear change"


@each_panel
def test_green_and_red_mean_better_and_worse_and_nothing_else(panel: Json) -> None:
    coloured = {colour for colour in _colours(panel["fieldConfig"]) if colour in ("green", "red")}
    if "green" in coloured:
        assert coloured == {"green", "red"}
    assert set(_colours(panel["fieldConfig"])) <= {"green", "red", "text", "blue", "transparent"}


def _colours(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [str(value[key]) for key in ("color", "fixedColor") if isinstance(value.get(key), str)]
        return own + [colour for inner in value.values() for colour in _colours(inner)]
    return [colour for inner in value for colour in _colours(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("place", every_place(), ids=str)
def test_a_query_says_all_that_editor_and_backend_need(place: Place) -> None:
    target = place.target
    assert target["datasource"] == {"type": "grafana-clickhouse-datasource", "uid": "clickhouse"}
    assert (target["queryType"], target["format"]) in {("timeseries", 0), ("table", 1)}
    assert target["pluginVersion"] == "4.20.0"
    assert target["editorType"] == "sql"
    assert "--" not in target["rawSql"], "comments are cut out by the plugin, also where they are none"


def test_repurchase_groups_the_orders_of_few_customers_only() -> None:
    of_cases = [place for place in every_place() if "placed_at" in place.target["rawSql"]]
    assert len(of_cases) > 5
    for place in of_cases:
        sql = place.target["rawSql"]
        assert sql.count("FROM orders") == sql.count("FROM orders WHERE customer_id IN (SELECT") > 0


@each_dashboard
def test_a_choice_reaches_sql_in_single_quotes_only(dashboard: Json) -> None:
    names = {variable["name"] for variable in dashboard["templating"]["list"]}
    for place in every_place():
        if place.dashboard != dashboard["uid"]:
            continue
        sql = place.target["rawSql"]
        for name in names:
            quoted = sql.count(f"${{{name}:singlequote}}")
            tested = sql.count(f", ${name})")
            assert sql.count(f"${name}") + sql.count(f"${{{name}") == quoted + tested, (str(place), name)
