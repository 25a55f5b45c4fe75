"""Every query of every dashboard on the real engine: over a month, over nothing, with every variable chosen."""

from typing import Any

import pytest

from dashboards.macro import Value
from tests.dashboards.month import Month, lately
from tests.dashboards.target import DASHBOARDS, Place, choices, every_place, frame_faults, range_days, step_seconds

pytestmark = pytest.mark.integration

PLACES = every_place()
each_place = pytest.mark.parametrize("place", PLACES, ids=str)


def _ask(month: Month, place: Place, **chosen: Value) -> Any:
    uid = place.dashboard
    window = lately(range_days(uid))
    return month.ask(place.target, choices(uid, **chosen), window, step_seconds(uid))


@each_place
def test_a_query_answers_over_a_month_in_the_shape_that_grafana_needs(month: Month, place: Place) -> None:
    answer = _ask(month, place)
    assert not frame_faults(place.target, answer)
    assert answer.result_rows, "a month must show something on every panel"


@each_place
def test_a_query_answers_over_an_empty_database_in_the_same_shape(nothing: Month, place: Place) -> None:
    assert not frame_faults(place.target, _ask(nothing, place))


@each_place
def test_a_query_takes_a_choice_of_every_variable(month: Month, place: Place) -> None:
    chosen: dict[str, Value] = {
        variable["name"]: ["delivery", "it's"]
        for variable in DASHBOARDS[place.dashboard]["templating"]["list"]
        if variable["type"] == "query"
    }
    assert not frame_faults(place.target, _ask(month, place, **chosen, zone="Asia/Kolkata"))


def test_the_queries_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    of_panels = [place for place in PLACES if place.name[0].isdigit()]
    with capsys.disabled():
        print(f"\n{len(PLACES)} queries of {len(DASHBOARDS)} dashboards: {len(of_panels)} of panels")
    assert {place.dashboard for place in PLACES} == set(DASHBOARDS)
