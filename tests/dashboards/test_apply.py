"""`dashboards apply` and `diff` against a server that behaves as Grafana does, and a real one where there is one."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dashboards.alert.rules import GROUPS
from dashboards.fault import GrafanaError
from dashboards.grafana import FOLDER_TITLE, FOLDER_UID, Grafana, data_source_of, query_body
from dashboards.macro import interpolate
from dashboards.render import DASHBOARDS
from streams.cli.dashboards import app
from tests.dashboards.grafana_stub import EDITOR, TOKEN, StubGrafana, stub_grafana
from tests.dashboards.target import Place, choices, every_place, range_days, step_seconds

Run = Callable[..., Result]
UIDS = [one.uid for one in DASHBOARDS]
ALL = 1 + len(UIDS) + len(GROUPS)
"""The folder, the dashboards and the groups of alert rules."""


@pytest.fixture
def grafana() -> Iterator[StubGrafana]:
    with stub_grafana() as stub:
        yield stub


@pytest.fixture
def run(grafana: StubGrafana) -> Run:
    def command(*arguments: str, token: str = TOKEN, url: str | None = None, **environment: str) -> Result:
        given = {"SERVICEPULSE_GRAFANA": url or grafana.url, "SERVICEPULSE_GRAFANA_TOKEN": token, "COLUMNS": "200"}
        return CliRunner().invoke(app, list(arguments), env=given | environment)

    return command


def test_the_first_apply_creates_everything_and_the_second_changes_nothing(grafana: StubGrafana, run: Run) -> None:
    first = run("apply")
    assert first.exit_code == 0, first.output
    assert f"{ALL} created, 0 updated, 0 unchanged" in first.stdout
    assert list(grafana.dashboards) == UIDS
    assert grafana.folders[FOLDER_UID]["title"] == FOLDER_TITLE
    assert set(grafana.places.values()) == {FOLDER_UID}
    changes = list(grafana.changes)
    second = run("apply")
    assert f"0 created, 0 updated, {ALL} unchanged" in second.stdout
    assert grafana.changes == changes
    assert {one["version"] for one in grafana.dashboards.values()} == {1}


def test_the_lead_time_of_the_settings_goes_into_the_rule_and_into_no_other(grafana: StubGrafana, run: Run) -> None:
    run("apply")
    same = run("apply", SERVICEPULSE_ALERT_LEAD_MINUTES="15")
    assert f"0 created, 0 updated, {ALL} unchanged" in same.stdout
    longer = run("apply", SERVICEPULSE_ALERT_LEAD_MINUTES="40")
    assert f"0 created, 1 updated, {ALL - 1} unchanged" in longer.stdout
    assert "service quality" in run("diff").stdout
    assert run("diff", SERVICEPULSE_ALERT_LEAD_MINUTES="40").exit_code == 0


every_missing = pytest.mark.parametrize("missing_is", [403, 500])
every_version = pytest.mark.parametrize("version", ["9.4.3", "10.4.1", "11.5.1", "12.4.10", "13.1.0-pre"])


@every_missing
def test_an_editor_of_a_fresh_grafana_sees_what_is_missing_and_brings_it(
    grafana: StubGrafana, run: Run, missing_is: int
) -> None:
    grafana.missing_is = missing_is
    before = run("diff", token=EDITOR)
    assert before.exit_code == 1, before.exception
    assert "servicepulse the folder is missing" in before.stdout
    assert all(f"{uid} the dashboard is missing" in before.stdout for uid in UIDS)
    first = run("apply", token=EDITOR)
    assert f"{ALL} created, 0 updated, 0 unchanged" in first.stdout
    assert run("diff", token=EDITOR).exit_code == 0


def test_what_an_editor_may_not_see_is_not_taken_for_missing(grafana: StubGrafana, run: Run) -> None:
    run("apply")
    hidden = grafana.dashboards["complaints"]
    listed = grafana.dashboards
    grafana.dashboards = HiddenFromReading(listed, "complaints")
    refused = run("diff", token=EDITOR)
    assert isinstance(refused.exception, GrafanaError)
    assert "role must be Editor" in str(refused.exception)
    assert listed["complaints"] == hidden


class HiddenFromReading(dict[str, Any]):
    """Dashboards of which one is listed and may not be read."""

    def __init__(self, all_: dict[str, Any], hidden: str) -> None:
        super().__init__(all_)
        self.hidden, self.asked = hidden, 0

    def __contains__(self, uid: object) -> bool:
        self.asked += uid == self.hidden
        return super().__contains__(uid) and not (uid == self.hidden and self.asked == 1)


@every_version
def test_every_version_gets_rules_that_it_takes(grafana: StubGrafana, run: Run, version: str) -> None:
    grafana.version = version
    first = run("apply")
    assert f"{ALL} created" in first.stdout, first.exception
    assert run("diff").exit_code == 0
    states = {rule["execErrState"] for group in grafana.rules.values() for rule in group["rules"]}
    assert states == {"Alerting", "OK" if version == "9.4.3" else "KeepLast"}


def test_a_folder_that_alerting_made_first_is_followed(grafana: StubGrafana, run: Run) -> None:
    made = {"uid": "ae3f0c9d7b1", "title": FOLDER_TITLE}
    for folder in [*({"uid": f"f{i}", "title": f"Folder {i}"} for i in range(1_500)), made]:
        grafana.folders[folder["uid"]] = folder
    first = run("apply", token=EDITOR)
    assert f"{ALL - 1} created, 0 updated, 1 unchanged" in first.stdout, first.exception
    assert FOLDER_UID not in grafana.folders
    assert set(grafana.places.values()) == {made["uid"]}
    assert run("diff", token=EDITOR).exit_code == 0
    assert f"{ALL} unchanged" in run("apply").stdout


def test_rules_that_files_brought_into_another_folder_are_found_there(grafana: StubGrafana, run: Run) -> None:
    run("apply")
    for group in grafana.rules.values():
        group["folderUid"] = "ae3f0c9d7b1"
        for rule in group["rules"]:
            rule |= {"folderUID": "ae3f0c9d7b1", "provenance": "file"}
    assert run("diff").exit_code == 0
    assert f"{ALL} unchanged" in run("apply").stdout
    grafana.rules["pipeline"]["rules"][0]["for"] = "2h"
    refused = run("apply")
    assert "the rule group 'pipeline' is provisioned from a file" in str(refused.exception)


def test_diff_says_what_is_missing_and_then_that_nothing_is(run: Run) -> None:
    before = run("diff")
    assert before.exit_code == 1
    assert all(f"{uid} the dashboard is missing" in before.stdout for uid in UIDS)
    assert all(f"{name} the alert rules are missing" in before.stdout for name in GROUPS)
    run("apply")
    after = run("diff")
    assert (after.exit_code, after.stdout) == (0, "Grafana is what the code says\n")


def test_what_somebody_changed_there_is_told_and_mended(grafana: StubGrafana, run: Run) -> None:
    run("apply")
    pulse = grafana.dashboards["service-pulse"]
    pulse["panels"][0]["title"] = "Somebody's title"
    pulse["panels"][1]["targets"][0]["rawSql"] = "SELECT 1"
    pulse["panels"].pop()
    grafana.places["tickets"] = "general"
    shown = run("diff")
    assert shown.exit_code == 1
    left = len(pulse["panels"])
    assert f"service-pulse panels: {left} entries there, {left + 1} entries here" in shown.stdout
    assert "it is in the folder 'general'" in shown.stdout
    pulse["panels"].append({})
    shown = run("diff")
    assert 'panels[0].title: "Somebody\'s title" there' in shown.stdout
    assert 'panels[1].targets[0].rawSql: "SELECT 1" there' in shown.stdout
    applied = run("apply")
    assert f"0 created, 2 updated, {ALL - 2} unchanged" in applied.stdout
    assert grafana.dashboards["service-pulse"]["version"] == 2
    assert run("diff").exit_code == 0


def test_a_renamed_folder_gets_its_name_back(grafana: StubGrafana, run: Run) -> None:
    run("apply")
    grafana.folders[FOLDER_UID]["title"] = "Other"
    assert 'title: "Other" there, "Service Pulse" here' in run("diff").stdout
    assert "1 updated" in run("apply").stdout
    assert run("diff").exit_code == 0


def test_what_is_provisioned_from_files_is_left_alone_and_said(grafana: StubGrafana, run: Run) -> None:
    run("apply")
    grafana.provisioned.add("complaints")
    assert run("apply").exit_code == 0, "nothing differs: nothing has to be changed"
    grafana.dashboards["complaints"]["title"] = "Other"
    refused = run("apply")
    assert isinstance(refused.exception, GrafanaError)
    assert "complaints is provisioned from a file" in str(refused.exception)


def test_alert_rules_come_as_they_are_checked_in_and_a_change_there_is_mended(grafana: StubGrafana, run: Run) -> None:
    run("apply")
    assert {name: [rule["uid"] for rule in group["rules"]] for name, group in grafana.rules.items()} == {
        name: [rule.uid for rule in rules] for name, rules in GROUPS.items()
    }
    fell = grafana.rules["service quality"]["rules"][0]
    assert fell["annotations"]["__dashboardUid__"] in UIDS
    fell["for"] = "2h"
    fell["isPaused"] = True
    shown = run("diff")
    assert shown.exit_code == 1
    assert 'service quality rules[0].for: "2h" there, "0s" here' in shown.stdout
    assert "service quality rules[0].isPaused: true there, false here" in shown.stdout
    assert "alert rules service quality: updated" in run("apply").stdout
    assert run("diff").exit_code == 0


def test_alert_rules_from_files_are_left_alone_and_said(grafana: StubGrafana, run: Run) -> None:
    run("apply")
    grafana.rules["pipeline"]["rules"][0] |= {"provenance": "file", "for": "2h"}
    refused = run("apply")
    assert isinstance(refused.exception, GrafanaError)
    assert "the rule group 'pipeline' is provisioned from a file" in str(refused.exception)


def test_a_namesake_in_the_folder_is_a_conflict_that_is_told(grafana: StubGrafana, run: Run) -> None:
    run("apply")
    grafana.dashboards["other"] = grafana.dashboards.pop("complaints") | {"uid": "other"}
    grafana.places["other"] = grafana.places.pop("complaints")
    refused = run("apply")
    assert isinstance(refused.exception, GrafanaError)
    assert "same name in the folder already exists" in str(refused.exception)
    assert "rename it there" in str(refused.exception)


@pytest.mark.parametrize("command", ["apply", "diff"])
@pytest.mark.parametrize("token", ["glsa_wrong-secret", ""])
def test_a_wrong_token_is_told_without_showing_it(grafana: StubGrafana, run: Run, command: str, token: str) -> None:
    refused = run(command, token=token)
    assert isinstance(refused.exception, GrafanaError)
    assert "refuses the token" in str(refused.exception)
    assert "wrong-secret" not in str(refused.exception) + refused.output
    assert not grafana.changes


@pytest.mark.parametrize(("status", "said"), [(500, "Server Error 500"), (503, "Server Error 503"), (403, "role must")])
def test_a_grafana_that_fails_is_told(grafana: StubGrafana, run: Run, status: int, said: str) -> None:
    grafana.fails_with = status
    refused = run("apply")
    assert isinstance(refused.exception, GrafanaError)
    assert said in str(refused.exception)


def test_a_grafana_that_is_down_is_told(run: Run) -> None:
    refused = run("diff", url="http://127.0.0.1:9")
    assert isinstance(refused.exception, GrafanaError)
    assert "http://127.0.0.1:9 does not answer" in str(refused.exception)


@pytest.mark.parametrize("url", ["grafana:3000", "ftp://grafana", "http://admin:secret@grafana:3000"])
def test_an_address_that_is_none_is_refused_before_anything_is_sent(run: Run, url: str) -> None:
    refused = run("diff", url=url)
    assert isinstance(refused.exception, GrafanaError)
    assert "secret" not in str(refused.exception)


def test_without_an_address_the_command_says_which_variable_is_missing() -> None:
    refused = CliRunner().invoke(app, ["diff"], env={"SERVICEPULSE_GRAFANA": ""})
    assert isinstance(refused.exception, GrafanaError)
    assert "SERVICEPULSE_GRAFANA" in str(refused.exception)


def test_the_data_source_comes_with_the_dashboards_when_asked_for(grafana: StubGrafana, run: Run) -> None:
    settings = {
        "SERVICEPULSE_CLICKHOUSE": "https://clickhouse.example.com:8443",
        "SERVICEPULSE_CLICKHOUSE_USERNAME": "servicepulse_grafana",
        "SERVICEPULSE_CLICKHOUSE_PASSWORD": "of-clickhouse",
    }
    first = run("apply", "--with-data-source", **settings)
    assert first.exit_code == 0, first.output
    assert "data source clickhouse: created" in first.stdout
    assert "of-clickhouse" not in first.output
    stored = grafana.data_sources["clickhouse"]
    assert (stored["jsonData"]["host"], stored["jsonData"]["port"], stored["jsonData"]["secure"]) == (
        "clickhouse.example.com",
        8443,
        True,
    )
    assert "0 created, 0 updated" in run("apply", "--with-data-source", **settings).stdout
    moved = run("apply", "--with-data-source", **settings | {"SERVICEPULSE_DATABASE": "other"})
    assert "data source clickhouse: updated" in moved.stdout
    refused = run("apply", "--with-data-source", token=EDITOR, **settings)
    assert isinstance(refused.exception, GrafanaError)
    assert "for the data source Admin" in str(refused.exception)


def test_render_and_check_work_on_any_folder(tmp_path_factory: pytest.TempPathFactory, run: Run) -> None:
    folder = str(tmp_path_factory.mktemp("rendered"))
    stale = run("check", "--folder", folder)
    assert stale.exit_code == 1
    assert "service-pulse.json" in stale.stdout
    assert f"files changed: {len(UIDS)}" in run("render", "--folder", folder).stdout
    assert run("check", "--folder", folder).exit_code == 0
    assert "files changed: 0" in run("render", "--folder", folder).stdout


# Against a real one ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> Iterator[Grafana]:
    """Return the Grafana of the environment, with the dashboards in it."""
    address = os.environ.get("SERVICEPULSE_GRAFANA")
    if not address:
        pytest.skip("SERVICEPULSE_GRAFANA names no Grafana")
    with Grafana(address, os.environ.get("SERVICEPULSE_GRAFANA_TOKEN")) as grafana:
        list(grafana.apply())
        yield grafana


def test_a_real_grafana_keeps_what_was_applied(real: Grafana) -> None:
    assert real.differences() == []
    assert {step.change for step in real.apply()} == {"unchanged"}


@pytest.mark.parametrize("place", every_place(), ids=str)
def test_a_real_grafana_answers_every_query(real: Grafana, place: Place) -> None:
    _is_answered(real, place)


def test_what_is_sent_as_a_query_needs_no_browser_any_more(grafana: StubGrafana) -> None:
    data_source = data_source_of("http://clickhouse:8123", "reader", "", "servicepulse")
    with Grafana(grafana.url, TOKEN) as opened:
        with pytest.raises(GrafanaError, match="Data source not found"):
            _is_answered(opened, every_place()[0])
        list(opened.apply(data_source))
        for place in every_place():
            _is_answered(opened, place)


def _is_answered(grafana: Grafana, place: Place) -> None:
    uid = place.dashboard
    sql = interpolate(place.target["rawSql"], choices(uid))
    body = query_body(place.target, sql, seconds=int(range_days(uid) * 86_400), step_seconds=step_seconds(uid))
    answer = grafana.query(body)["results"][place.target["refId"]]
    assert "error" not in answer, answer
    assert answer["status"] == 200
