"""Pages for desks that do not compare agents: nothing ranks them, and nothing else is missing or has moved."""

from collections.abc import Mapping
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from dashboards.render import dashboards
from dashboards.style import Json
from streams.cli import app
from streams.cli.preview import library_of
from streams.settings import Settings
from tests.dashboards.target import DASHBOARDS, panels
from tests.dashboards.test_apply import Run, grafana, run

__all__ = ["grafana", "run"]

KEPT = {one.uid: one.to_json() for one in dashboards(compares_agents=False)}


def _ranks_agents(panel: Mapping[str, Any]) -> bool:
    return str(panel["title"]).endswith(", by agent")


def test_what_ranks_agents_is_gone_and_nothing_else() -> None:
    assert KEPT.keys() == DASHBOARDS.keys()
    assert sum(map(_ranks_agents, (panel for one in DASHBOARDS.values() for panel in panels(one)))) > 5
    for uid, page in KEPT.items():
        ids = [panel["id"] for panel in panels(DASHBOARDS[uid]) if not _ranks_agents(panel)]
        assert [panel["id"] for panel in panels(page)] == ids


@pytest.mark.parametrize("uid", KEPT)
def test_what_stood_beside_it_takes_its_room(uid: str) -> None:
    def rows(page: Json) -> dict[int, int]:
        taken: dict[int, int] = {}
        for panel in panels(page):
            place: Any = panel["gridPos"]
            taken[place["y"]] = taken.get(place["y"], 0) + place["w"]
        return taken

    assert set(rows(KEPT[uid]).values()) <= set(rows(DASHBOARDS[uid]).values())


def test_grafana_and_files_follow_the_setting(run: Run) -> None:
    run("apply")
    changed = run("apply", SERVICEPULSE_COMPARE_AGENTS="false")
    pages = sum(any(map(_ranks_agents, panels(page))) for page in DASHBOARDS.values())
    assert f"0 created, {pages} updated" in changed.stdout
    assert run("diff", SERVICEPULSE_COMPARE_AGENTS="false").exit_code == 0
    assert run("diff").exit_code == 1
    assert run("check", SERVICEPULSE_COMPARE_AGENTS="false").exit_code == 1


def test_the_preview_follows_the_setting() -> None:
    shown = library_of(Settings(compare_agents=False)).dashboards
    assert {page.uid for page in shown} == set(KEPT)
    assert not any(_ranks_agents(panel) for page in shown for panel in page.panels)
    assert any(_ranks_agents(panel) for page in library_of(Settings()).dashboards for panel in page.panels)


def test_a_report_by_agent_is_refused_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICEPULSE_COMPARE_AGENTS", "false")
    monkeypatch.setenv("SERVICEPULSE_CLICKHOUSE", "http://127.0.0.1:9")
    refused = CliRunner().invoke(app, ["report", "--by", "agent_id"], env={"COLUMNS": "200"})
    assert refused.exit_code == typer.BadParameter.exit_code
    assert "agents are not compared here" in refused.output
