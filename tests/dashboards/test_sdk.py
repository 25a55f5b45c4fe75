"""Grafana's own model of dashboards reads ours and gives back all of it: no key that it does not know."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.style import Json
from tests.dashboards.target import DASHBOARDS

pytestmark = pytest.mark.filterwarnings("ignore:Prefer using dashboardv2:DeprecationWarning")


def _through_the_model(dashboard: Json) -> Any:
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    return json.loads(json.dumps(Dashboard.from_json(dashboard), cls=JSONEncoder))


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_grafana_s_own_model_of_a_dashboard_loses_nothing_of_ours(dashboard: Json) -> None:
    assert list(_lost(dashboard, _through_the_model(dashboard), "")) == []


def test_the_model_does_tell_when_something_is_lost() -> None:
    odd = json.loads(json.dumps(DASHBOARDS["service-pulse"]))
    odd["panels"][0]["options"]["noSuchOption"] = 1
    assert list(_lost(odd, _through_the_model(odd), "")) == [".panels[0].options.noSuchOption"]


def _lost(ours: Any, theirs: Any, path: str) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs or value not in (None, "", [], {}):
                yield from _lost(value, theirs.get(key), f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _lost(one, other, f"{path}[{i}]")
    elif ours != theirs:
        yield path
