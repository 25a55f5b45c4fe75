"""The compose file: its settings are known, its ports are those of the code, and no password in it has a default."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streams.broker import TOPICS
from streams.settings import Settings, load_settings
from tests.deploy.folder import DEPLOY, ROOT, document, leaves

COMPOSE = document(DEPLOY / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
IMAGES = ("servicepulse", "servicepulse-door", "servicepulse-cli")
LOGINS = {"migrate": "servicepulse_migrator", "door": "servicepulse_door"}
OURS = [name for name, service in SERVICES.items() if service["image"].partition(":")[0] in IMAGES]
EVENT_LIMIT_WITH_MARGIN = 2**20
_VARIABLE = re.compile(r"\$\{(\w+)(:[-?+][^}]*)?\}")


def _filled(text: str) -> str:
    """Return a value as compose would with every variable empty or, where it is required, `given`."""

    def fill(found: re.Match[str]) -> str:
        rule = found[2] or ""
        return rule[2:] if rule.startswith(":-") else "given" if rule.startswith(":?") else ""

    return _VARIABLE.sub(fill, text)


def _environment(service: str) -> dict[str, str]:
    return {name: _filled(str(value)) for name, value in SERVICES[service]["environment"].items()}


def _seconds(text: str) -> float:
    number, unit = re.fullmatch(r"(\d+)([sm])", text).groups()  # type: ignore[union-attr]
    return timedelta(**{"s": {"seconds": int(number)}, "m": {"minutes": int(number)}}[unit]).total_seconds()


@pytest.mark.parametrize("name", OURS)
def test_what_our_containers_are_given_are_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in _environment(name).items():
        monkeypatch.setenv(variable, value)
    settings = load_settings()
    assert settings.clickhouse == "http://clickhouse:8123"
    assert settings.clickhouse_username == LOGINS.get(name, "servicepulse_worker")


def test_the_door_is_where_its_port_leads() -> None:
    port = Settings.model_fields["receive_port"].default
    assert SERVICES["door"]["ports"] == [f"127.0.0.1:${{DOOR_PORT:-{port}}}:{port}"]
    tokens = Path(_environment("door")["SERVICEPULSE_RECEIVE_TOKENS_FILE"])
    assert SERVICES["door"]["volumes"] == [f"door:{tokens.parent}"]
    assert str(tokens.parent) in (DEPLOY / "Dockerfile").read_text(), "made in the image, else nobody may write there"


def test_the_worker_listens_where_its_health_is_asked_for() -> None:
    port = Settings.model_fields["web_port"].default
    assert f"http://127.0.0.1:{port}/health" in " ".join(SERVICES["worker"]["healthcheck"]["test"])
    assert SERVICES["worker"]["expose"] == [str(port)]


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned_to_a_release(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].partition(":")
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.\d+)?", tag), SERVICES[name]["image"]


def test_our_image_bears_our_version() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert {SERVICES[name]["image"] for name in OURS} == {f"{image}:{version[1]}" for image in IMAGES}


def test_the_plugin_is_the_one_that_the_data_source_is_written_for() -> None:
    plugin, _, version = SERVICES["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"].partition("@")
    (source,) = document(DEPLOY / "grafana/provisioning/datasources/clickhouse.yaml")["datasources"]
    assert (source["type"], source["jsonData"]["version"]) == (plugin, version)


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_on_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_has_limits_and_no_privileges(name: str) -> None:
    service = SERVICES[name]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in {"kafka", "topics"}])
def test_root_file_systems_are_read_only(name: str) -> None:
    assert SERVICES[name]["read_only"] is True


@pytest.mark.parametrize("name", ["kafka", "clickhouse", "worker", "door", "grafana"])
def test_what_stays_is_looked_after(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_the_page_of_backtests_is_made_anew_once_a_week() -> None:
    backtest = SERVICES["backtest"]
    assert backtest["command"] == ["alerts", "backtest", "--keep", "--every-days", "7"]
    assert backtest["restart"] == "unless-stopped"
    assert backtest["init"] is True, "what only sleeps is ended by a signal that its first process would ignore"
    assert SERVICES["cli"]["image"] == backtest["image"]


def test_no_password_has_a_default() -> None:
    for path, name, value in leaves(COMPOSE):
        if re.search(r"PASSWORD|SECRET|TOKEN|_KEY$|CLUSTER_ID", name) and not name.endswith("_FILE"):
            assert re.fullmatch(r"\$\{\w+(:\?[^}]+|:-)\}", value), f"{path}: {value}"


def test_a_missing_variable_is_said_with_what_to_do() -> None:
    required = set(re.findall(r"\$\{(\w+):\?run deploy/new-env.sh first\}", (DEPLOY / "compose.yaml").read_text()))
    assert required == _required_in_example()


def test_every_variable_is_in_the_example() -> None:
    used = {name for name, _ in _VARIABLE.findall((DEPLOY / "compose.yaml").read_text())}
    assert used == set(re.findall(r"^(\w+)=$", (DEPLOY / ".env.example").read_text(), re.MULTILINE))


def test_the_workers_come_after_topics_and_migration() -> None:
    done = {"condition": "service_completed_successfully"}
    assert SERVICES["worker"]["depends_on"] == {"topics": done, "migrate": done}


def test_mail_is_from_an_address_that_grafana_starts_with() -> None:
    sender = _environment("grafana")["GF_SMTP_FROM_ADDRESS"]
    assert re.fullmatch(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", sender), sender


def test_grafana_does_not_reach_kafka() -> None:
    assert not set(SERVICES["grafana"]["networks"]) & set(SERVICES["kafka"]["networks"])


def test_kafka_is_found_where_the_worker_looks_for_it() -> None:
    advertised = _filled(SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"])
    assert f"INTERNAL://{_environment('worker')['SERVICEPULSE_KAFKA']}" in advertised
    assert "HOST://127.0.0.1:19092" in advertised


def test_the_broker_takes_records_as_large_as_its_topics() -> None:
    script = (DEPLOY / "kafka/topics.sh").read_text()
    (largest,) = re.findall(r"^largest_bytes=(\d+)$", script, re.MULTILINE)
    assert SERVICES["kafka"]["environment"]["KAFKA_MESSAGE_MAX_BYTES"] == int(largest) > EVENT_LIMIT_WITH_MARGIN


def test_groups_are_remembered_longer_than_any_record() -> None:
    days = [
        int(days) for days in re.findall(r"^topic \S+ (\d+)$", (DEPLOY / "kafka/topics.sh").read_text(), re.MULTILINE)
    ]
    assert len(days) == len(TOPICS)
    assert SERVICES["kafka"]["environment"]["KAFKA_OFFSETS_RETENTION_MINUTES"] > max(days) * 24 * 60


def test_a_worker_has_time_to_finish_its_batch() -> None:
    assert _seconds(SERVICES["worker"]["stop_grace_period"]) >= 60


def test_mounted_files_are_there() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or (DEPLOY / source).exists(), f"{name}: {source}"
            assert source in COMPOSE["volumes"] or volume.endswith(":ro"), f"{name}: {source}"


def _required_in_example() -> set[str]:
    required, _, _ = (DEPLOY / ".env.example").read_text().partition("# May stay empty.")
    return set(re.findall(r"^(\w+)=$", required, re.MULTILINE))
