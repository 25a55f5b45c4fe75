"""The shell scripts: run for real, with stand-ins only for the programs that they end in."""

import base64
import os
import re
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from schemas.codec import MAX_DERIVED_BYTES, MAX_EVENT_BYTES
from streams.broker import TOPICS
from tests.deploy.folder import DEPLOY, document

CHANNELS = sorted(file.stem for file in (DEPLOY / "grafana/contact-points").glob("*.yaml"))


def _run(*command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        ["sh", *map(str, command)], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def _stand_in(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def _variables_of(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", file.read_text(), re.MULTILINE))


def test_new_passwords_are_random_long_and_readable_by_one_only(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for target in (first, second):
        assert _run(DEPLOY / "new-env.sh", target).returncode == 0
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    required, _, _ = (DEPLOY / ".env.example").read_text().partition("# May stay empty.")
    names = set(re.findall(r"^(\w+)=$", required, re.MULTILINE))
    given = {name: value for name, value in _variables_of(first).items() if value}
    assert set(given) == names
    assert len(set(given.values())) == len(names)
    assert not set(given.values()) & set(_variables_of(second).values())
    assert all(len(value) == 48 for name, value in given.items() if name != "KAFKA_CLUSTER_ID")


def test_the_cluster_id_is_one_that_kafka_takes(tmp_path: Path) -> None:
    _run(DEPLOY / "new-env.sh", tmp_path / "env")
    cluster_id = _variables_of(tmp_path / "env")["KAFKA_CLUSTER_ID"]
    assert len(base64.urlsafe_b64decode(cluster_id + "==")) == 16


def test_passwords_in_use_are_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "env"
    target.write_text("precious")
    done = _run(DEPLOY / "new-env.sh", target)
    assert done.returncode == 1
    assert "already" in done.stderr
    assert target.read_text() == "precious"


def test_the_example_holds_no_values() -> None:
    assert set(_variables_of(DEPLOY / ".env.example").values()) == {""}


@pytest.fixture
def kafka_home(tmp_path: Path) -> Path:
    for tool in ("kafka-topics.sh", "kafka-configs.sh"):
        _stand_in(tmp_path / "bin" / tool, 'echo "$(basename "$0") $*"')
    return tmp_path


def test_the_topics_made_are_those_that_workers_use(kafka_home: Path) -> None:
    done = _run(
        DEPLOY / "kafka/topics.sh", KAFKA="broker:9092", KAFKA_HOME=str(kafka_home), PREFIX="eu-", PARTITIONS="12"
    )
    assert done.returncode == 0, done.stderr
    made = [line for line in done.stdout.splitlines() if line.startswith("kafka-topics.sh")]
    assert re.findall(r"--topic (\S+) --partitions 12", "\n".join(made)) == [f"eu-{name}" for name in TOPICS]


def test_topics_keep_every_event_of_a_key_and_take_the_largest(kafka_home: Path) -> None:
    done = _run(DEPLOY / "kafka/topics.sh", KAFKA="broker:9092", KAFKA_HOME=str(kafka_home))
    configs = [line for line in done.stdout.splitlines() if line.startswith("kafka-configs.sh")]
    assert len(configs) == len(TOPICS)
    for config in configs:
        assert "cleanup.policy=delete," in config
        (largest,) = re.findall(r"max.message.bytes=(\d+)", config)
        assert int(largest) > max(MAX_DERIVED_BYTES, MAX_EVENT_BYTES) * 1.2


def test_topics_can_be_made_with_a_login(kafka_home: Path) -> None:
    done = _run(
        DEPLOY / "kafka/topics.sh", KAFKA="b:1", KAFKA_HOME=str(kafka_home), COMMAND_CONFIG="/client properties"
    )
    assert done.stdout.count("--command-config /client properties") == 2 * len(TOPICS)


def test_without_brokers_no_topics() -> None:
    done = _run(DEPLOY / "kafka/topics.sh")
    assert done.returncode != 0
    assert "set KAFKA to the brokers" in done.stderr


def _start_grafana(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    _stand_in(folder / "run.sh", 'echo "Grafana starts"')
    return _run(
        DEPLOY / "grafana/start.sh",
        GF_PATHS_PROVISIONING=str(folder / "provisioning"),
        SERVICEPULSE_GRAFANA_RUN=str(folder / "run.sh"),
        **variables,
    )


def _secrets(*channels: str) -> Mapping[str, str]:
    texts = [(DEPLOY / "grafana/contact-points" / f"{channel}.yaml").read_text() for channel in channels]
    return {name: "given" for text in texts for name in text.partition("\n")[0].removeprefix("# needs:").split()}


def _alerting(folder: Path) -> set[str]:
    return {file.name for file in (folder / "provisioning/alerting").iterdir()}


def test_without_channels_grafana_starts_without_contact_points(tmp_path: Path) -> None:
    done = _start_grafana(tmp_path)
    assert done.stdout == "Grafana starts\n"
    assert "policies.yaml" not in _alerting(tmp_path)
    assert not [name for name in _alerting(tmp_path) if name.startswith(("alerts-", "pages-"))]


@pytest.mark.parametrize(("sender", "starts"), [("desk@example.com", True), ("desk@localhost", False), ("desk", False)])
def test_a_sender_that_grafana_would_not_start_with_is_named(tmp_path: Path, sender: str, starts: bool) -> None:
    done = _start_grafana(tmp_path, GF_SMTP_FROM_ADDRESS=sender)
    assert (done.returncode == 0) is starts
    assert starts or f"SMTP_FROM is {sender}" in done.stderr


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_chosen_channel_becomes_a_contact_point_for_alerts_and_pages(tmp_path: Path, channel: str) -> None:
    assert _start_grafana(tmp_path, ALERT_CHANNELS=channel, **_secrets(channel)).returncode == 0
    for name in ("alerts", "pages"):
        (point,) = document(tmp_path / f"provisioning/alerting/{name}-{channel}.yaml")["contactPoints"]
        assert point["name"] == name
        assert [receiver["uid"] for receiver in point["receivers"]] == [f"{name}-{channel}"]
    assert "policies.yaml" in _alerting(tmp_path)


def test_pages_may_go_elsewhere(tmp_path: Path) -> None:
    variables = _secrets("slack", "wecom", "pagerduty")
    _start_grafana(tmp_path, ALERT_CHANNELS="slack wecom", PAGE_CHANNELS="pagerduty", **variables)
    points = {name for name in _alerting(tmp_path) if name.startswith(("alerts-", "pages-"))}
    assert points == {"alerts-slack.yaml", "alerts-wecom.yaml", "pages-pagerduty.yaml"}


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_channel_without_its_secret_is_named_and_grafana_does_not_start(tmp_path: Path, channel: str) -> None:
    done = _start_grafana(tmp_path, ALERT_CHANNELS=channel)
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"channel {channel} needs {next(iter(_secrets(channel)))}" in done.stderr


def test_an_unknown_channel_is_answered_with_those_that_are(tmp_path: Path) -> None:
    done = _start_grafana(tmp_path, ALERT_CHANNELS="smoke-signals")
    assert done.returncode == 1
    assert all(channel in done.stderr for channel in CHANNELS)


def test_a_restart_forgets_channels_that_are_chosen_no_more(tmp_path: Path) -> None:
    _start_grafana(tmp_path, ALERT_CHANNELS="slack", **_secrets("slack"))
    _start_grafana(tmp_path)
    assert "alerts-slack.yaml" not in _alerting(tmp_path)
