"""The Kubernetes manifests: settings, ports and secrets agree with the code, and pods have no rights to spare."""

from pathlib import Path
from typing import Any

import pytest

from streams.settings import Settings, load_settings
from tests.deploy.folder import DEPLOY, document, documents

BASE, EXAMPLE = DEPLOY / "kubernetes/base", DEPLOY / "kubernetes/overlays/example"
FOLDERS = (BASE, EXAMPLE)
WORKER = document(BASE / "worker.yaml")
BACKTEST = document(BASE / "backtest.yaml")
PODS = {name: document(BASE / f"{name}.yaml")["spec"]["template"]["spec"] for name in ("worker", "migrate", "door")}
PODS["backtest"] = BACKTEST["spec"]["jobTemplate"]["spec"]["template"]["spec"]
IMAGES = {"door": "door", "backtest": "backtest"}
MANIFESTS = sorted(file for folder in FOLDERS for file in folder.glob("*.yaml"))


def _container(pod: str) -> dict[str, Any]:
    (container,) = PODS[pod]["containers"]
    return dict(container)


def _port() -> int:
    return int(Settings.model_fields["web_port"].default)


def _settings() -> dict[str, str]:
    return dict(document(BASE / "settings.yaml")["data"])


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_manifest_says_what_it_is(file: Path) -> None:
    for manifest in documents(file):
        assert manifest["apiVersion"]
        assert manifest["kind"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_file_is_part_of_its_kustomization(folder: Path) -> None:
    kustomization = document(folder / "kustomization.yaml")
    patches = [patch["path"] for patch in kustomization.get("patches", []) if "path" in patch]
    named = {name for name in [*kustomization["resources"], *patches] if not name.startswith("..")}
    assert named == {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml"}


@pytest.mark.parametrize("pod", PODS)
def test_what_a_pod_is_given_are_settings(pod: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {variable["name"]: variable.get("value", "given") for variable in _container(pod)["env"]}
    for name, value in {**_settings(), **own}.items():
        monkeypatch.setenv(name, value)
    assert load_settings().web_host == "0.0.0.0"


@pytest.mark.parametrize("pod", PODS)
def test_the_example_gives_settings_that_go_together(pod: str, monkeypatch: pytest.MonkeyPatch) -> None:
    patches = [patch["spec"]["template"]["spec"]["containers"] for patch in documents(EXAMPLE / "kafka-login.yaml")]
    logins = {patch["name"]: patch["env"] for (patch,) in patches}
    assert set(logins) == {"worker", "door"}
    variables = [*_container(pod)["env"], *logins.get(pod, [])]
    own = {variable["name"]: variable.get("value", "given") for variable in variables}
    for name, value in {**_settings(), **document(EXAMPLE / "settings.yaml")["data"], **own}.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.clickhouse_replicated
    assert settings.kafka_security_protocol == ("SASL_SSL" if pod in logins else "SSL")


@pytest.mark.parametrize("pod", PODS)
def test_addresses_of_services_are_not_taken_for_settings(pod: str) -> None:
    assert PODS[pod]["enableServiceLinks"] is False


@pytest.mark.parametrize("pod", PODS)
def test_pods_have_no_rights(pod: str) -> None:
    assert PODS[pod]["automountServiceAccountToken"] is False
    assert PODS[pod]["securityContext"]["runAsNonRoot"] is True
    assert _container(pod)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize("pod", PODS)
def test_the_user_is_the_one_of_the_image(pod: str) -> None:
    context = PODS[pod]["securityContext"]
    assert f"\nUSER {context['runAsUser']}:{context['runAsGroup']}\n" in (DEPLOY / "Dockerfile").read_text()


@pytest.mark.parametrize("pod", PODS)
def test_secrets_are_referred_to_and_never_written(pod: str) -> None:
    for variable in _container(pod)["env"]:
        assert "secretKeyRef" in variable["valueFrom"], variable["name"]
    assert not [file for file in MANIFESTS if any(document["kind"] == "Secret" for document in documents(file))]


def test_each_kind_of_pod_has_a_login_of_its_own() -> None:
    logins = {
        pod: {variable["valueFrom"]["secretKeyRef"]["name"] for variable in _container(pod)["env"]} for pod in PODS
    }
    assert logins == {
        "worker": {"servicepulse-worker"},
        "migrate": {"servicepulse-migrator"},
        "door": {"servicepulse-door"},
        "backtest": {"servicepulse-worker"},
    }


def test_probes_ask_pages_that_the_worker_has_on_the_port_that_it_has() -> None:
    worker = _container("worker")
    assert worker["ports"] == [{"name": "web", "containerPort": _port()}]
    assert _settings()["SERVICEPULSE_WEB_PORT"] == str(_port())
    probes = {name: worker[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {probe["port"] for probe in probes.values()} == {"web"}
    assert probes["readinessProbe"]["path"] == "/health"
    assert probes["livenessProbe"]["path"] == "/metrics", "/health says no while partitions move"


def test_the_service_and_the_policy_name_the_workers_port() -> None:
    (port,) = document(BASE / "worker-service.yaml")["spec"]["ports"]
    ingress, _ = document(BASE / "network-policy.yaml")["spec"]["ingress"]
    assert port["port"] == ingress["ports"][0]["port"] == _port()


def test_the_door_is_where_its_service_its_policy_and_its_probes_look() -> None:
    door, port = _container("door"), int(Settings.model_fields["receive_port"].default)
    assert door["ports"] == [{"name": "door", "containerPort": port}, {"name": "web", "containerPort": _port()}]
    assert _settings()["SERVICEPULSE_RECEIVE_PORT"] == str(port)
    assert document(BASE / "door-service.yaml")["spec"]["ports"][0]["targetPort"] == "door"
    _, ingress = document(BASE / "network-policy.yaml")["spec"]["ingress"]
    assert ingress["ports"] == [{"protocol": "TCP", "port": port}]
    probes = {name: door[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert probes == {"startupProbe": "/health", "livenessProbe": "/metrics", "readinessProbe": "/metrics"}, (
        "a door that is ready tells senders that Kafka is away; one that is not tells nobody anything"
    )


@pytest.mark.parametrize("what", ["tokens", "hooks"])
def test_the_door_finds_its_files_where_they_are_mounted(what: str) -> None:
    (mount,) = [mount for mount in _container("door")["volumeMounts"] if mount["name"] == what]
    assert _settings()[f"SERVICEPULSE_RECEIVE_{what.upper()}_FILE"] == f"{mount['mountPath']}/{what}.toml"


def test_there_are_never_more_workers_than_partitions() -> None:
    assert WORKER["spec"]["replicas"] <= int(_settings()["SERVICEPULSE_KAFKA_PARTITIONS"])
    partitions = int(document(EXAMPLE / "settings.yaml")["data"]["SERVICEPULSE_KAFKA_PARTITIONS"])
    assert document(EXAMPLE / "worker-scaling.yaml")["spec"]["maxReplicas"] <= partitions


def test_the_page_of_backtests_is_made_anew_once_a_week_one_at_a_time() -> None:
    minute, hour, *days, weekday = BACKTEST["spec"]["schedule"].split()
    assert (minute.isdecimal(), hour.isdecimal(), days, weekday.isdecimal()) == (True, True, ["*", "*"], True)
    assert BACKTEST["spec"]["concurrencyPolicy"] == "Forbid"
    assert _container("backtest")["args"] == ["alerts", "backtest", "--keep"]


def test_a_worker_has_time_to_finish_its_batch() -> None:
    assert PODS["worker"]["terminationGracePeriodSeconds"] >= 60


@pytest.mark.parametrize("pod", PODS)
def test_images_are_pinned(pod: str) -> None:
    compose = document(DEPLOY / "compose.yaml")["services"]
    assert _container(pod)["image"] == compose[IMAGES.get(pod, "worker")]["image"]
    images = document(EXAMPLE / "kustomization.yaml")["images"]
    assert _container(pod)["image"] in [f"{image['name']}:{image['newTag']}" for image in images]
