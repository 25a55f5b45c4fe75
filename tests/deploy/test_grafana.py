"""Grafana's provisioning: names that belong together do, and secrets come from the environment."""

import re
from pathlib import Path
from typing import Any

import pytest

from streams.settings import OTHER_BEGINNINGS
from tests.deploy.folder import DEPLOY, document, leaves

GRAFANA = DEPLOY / "grafana"
POINTS = sorted((GRAFANA / "contact-points").glob("*.yaml"))
COMPOSE = document(DEPLOY / "compose.yaml")["services"]["grafana"]
REQUIRED = {
    "webhook": {"url"},
    "email": {"addresses"},
    "pagerduty": {"integrationKey"},
    "slack": {"url"},
    "dingding": {"url"},
    "wecom": {"url"},
}
"""What Grafana wants of each kind of contact point."""


def _receivers(file: Path) -> list[dict[str, Any]]:
    return [receiver for point in document(file)["contactPoints"] for receiver in point["receivers"]]


def _variables_in(text: str) -> set[str]:
    return set(re.findall(r"(?<!\$)\$(\w+)", text))


def test_there_is_a_contact_point_of_each_kind() -> None:
    assert {file.stem for file in POINTS} == set(REQUIRED)


@pytest.mark.parametrize("file", POINTS, ids=lambda file: file.stem)
def test_a_contact_point_has_what_its_kind_requires(file: Path) -> None:
    (receiver,) = _receivers(file)
    assert receiver["type"] == file.stem
    assert REQUIRED[file.stem] <= set(receiver["settings"])
    assert len(f"alerts-{receiver['uid']}") <= 40


@pytest.mark.parametrize("file", POINTS, ids=lambda file: file.stem)
def test_what_a_contact_point_reads_is_what_it_says_it_needs(file: Path) -> None:
    needs = set(file.read_text().partition("\n")[0].removeprefix("# needs:").split())
    assert {name for name in needs if not name.startswith("GF_")} == _variables_in(file.read_text())
    assert needs <= set(COMPOSE["environment"])


@pytest.mark.parametrize("file", POINTS, ids=lambda file: file.stem)
def test_contact_points_use_templates_that_are_defined(file: Path) -> None:
    (templates,) = document(GRAFANA / "provisioning/alerting/templates.yaml")["templates"]
    defined = set(re.findall(r'define "([\w.]+)"', templates["template"]))
    assert set(re.findall(r'template "([\w.]+)"', file.read_text() + templates["template"])) <= defined


def test_policies_send_to_contact_points_that_are_made() -> None:
    (root,) = document(GRAFANA / "policies.yaml")["policies"]
    assert {root["receiver"], *(route["receiver"] for route in root["routes"])} == {"alerts", "pages"}


def test_pages_are_told_apart_by_severity_and_never_muted() -> None:
    (root,) = document(GRAFANA / "policies.yaml")["policies"]
    (pages,) = [route for route in root["routes"] if route["receiver"] == "pages"]
    assert pages["object_matchers"] == [["severity", "=", "page"]]
    assert "mute_time_intervals" not in pages
    assert "team" in root["group_by"]
    assert "team" in pages["group_by"]


def test_a_team_that_always_has_somebody_due_soon_is_reminded_and_never_at_night() -> None:
    (root,) = document(GRAFANA / "policies.yaml")["policies"]
    rules = [
        rule for group in document(GRAFANA / "provisioning/alerting/rules.yaml")["groups"] for rule in group["rules"]
    ]
    (title,) = [rule["title"] for rule in rules if rule["uid"] == "will-breach"]
    (route,) = [one for one in root["routes"] if one.get("object_matchers") == [["alertname", "=", title]]]
    (warnings,) = [one for one in root["routes"] if one.get("object_matchers") == [["severity", "=~", "info|warning"]]]
    assert root["routes"].index(route) < root["routes"].index(warnings)
    assert route == warnings | {"object_matchers": route["object_matchers"], "repeat_interval": "1h"}


def test_a_ticket_is_no_page_and_told_again_once_a_week() -> None:
    (root,) = document(GRAFANA / "policies.yaml")["policies"]
    (route,) = [one for one in root["routes"] if one.get("object_matchers") == [["severity", "=", "ticket"]]]
    assert (route["receiver"], route["repeat_interval"]) == ("alerts", "1w")
    assert "mute_time_intervals" in route


def test_a_rule_that_cannot_be_evaluated_is_no_page_whatever_its_severity() -> None:
    (root,) = document(GRAFANA / "policies.yaml")["policies"]
    first = root["routes"][0]
    assert first["object_matchers"] == [["alertname", "=~", "DatasourceError|DatasourceNoData"]]
    assert first["receiver"] == "alerts"
    assert not first.get("continue")


def test_dashboards_go_into_the_folder_that_alerting_made_before_them() -> None:
    (provider,) = document(GRAFANA / "provisioning/dashboards/servicepulse.yaml")["providers"]
    rules = document(GRAFANA / "provisioning/alerting/rules.yaml")["groups"]
    assert {group["folder"] for group in rules} == {provider["folder"]}
    assert "folderUid" not in provider, "alerting takes a uid of its own; found by its title it is one folder"


def test_policies_mute_at_times_that_are_defined() -> None:
    (root,) = document(GRAFANA / "policies.yaml")["policies"]
    defined = {mute["name"] for mute in document(GRAFANA / "provisioning/alerting/mute-timings.yaml")["muteTimes"]}
    assert {name for route in root["routes"] for name in route.get("mute_time_intervals", [])} <= defined


def test_the_data_source_reads_the_environment_that_compose_gives() -> None:
    text = (GRAFANA / "provisioning/datasources/clickhouse.yaml").read_text()
    assert _variables_in(text) <= set(COMPOSE["environment"])


def test_the_data_source_has_seconds_as_bare_numbers_and_no_silent_limit() -> None:
    (source,) = document(GRAFANA / "provisioning/datasources/clickhouse.yaml")["datasources"]
    options = source["jsonData"]
    assert source["uid"] == "clickhouse"
    assert options["protocol"] == "native"
    assert options["enableRowLimit"] is False
    assert options["dialTimeout"].isdecimal()
    assert options["queryTimeout"].isdecimal()
    assert "customSettings" not in options, "the reader may change no setting but max_execution_time"


def test_a_query_may_take_as_long_as_the_reader_is_allowed_to() -> None:
    (source,) = document(GRAFANA / "provisioning/datasources/clickhouse.yaml")["datasources"]
    users = (DEPLOY / "clickhouse/users.d/servicepulse.xml").read_text()
    (longest,) = re.findall(r"<max>(\d+)</max>", users)
    assert int(source["jsonData"]["queryTimeout"]) + 5 <= int(longest)


def test_grafana_logs_in_as_the_reader() -> None:
    assert COMPOSE["environment"]["SERVICEPULSE_GRAFANA_CLICKHOUSE_USERNAME"] == "grafana"


def test_dashboards_are_looked_for_where_they_are_mounted() -> None:
    (provider,) = document(GRAFANA / "provisioning/dashboards/servicepulse.yaml")["providers"]
    assert f"../dashboards:{provider['options']['path']}:ro" in COMPOSE["volumes"]
    assert f"./grafana:{Path(COMPOSE['entrypoint'][-1]).parent}:ro" in COMPOSE["volumes"]


def test_variables_of_ours_are_not_taken_for_settings() -> None:
    ours = [name for name in COMPOSE["environment"] if name.startswith("SERVICEPULSE_")]
    assert all(name.startswith(OTHER_BEGINNINGS) for name in ours)


@pytest.mark.parametrize("file", sorted(GRAFANA.rglob("*.yaml")), ids=lambda file: file.stem)
def test_no_secret_stands_in_a_file(file: Path) -> None:
    for path, name, value in leaves(document(file)):
        if re.search(r"password|credentials|integrationKey|token|secret", name, re.IGNORECASE) or name == "url":
            assert value.startswith("$SERVICEPULSE_GRAFANA_"), path
