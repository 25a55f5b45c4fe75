"""What notifications say, filled in by the template engine that Grafana uses.

Where Go is missing these tests are skipped; `make test-grafana` and `make manifests` fail instead.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from dashboards.alert.rules import GROUPS
from streams.core.drop import Clearing, Thresholds
from streams.core.signal import sentence
from tests.deploy.folder import DEPLOY, document
from tests.deploy.test_tools import missing

RULES: Final = {rule.uid: rule.to_json() for rules in GROUPS.values() for rule in rules}
TEMPLATE: Final = document(DEPLOY / "grafana/provisioning/alerting/templates.yaml")["templates"][0]["template"]
SOURCE: Final = Path(__file__).parent / "notification/main.go"
ROOT: Final = "https://grafana.example.com/"
WECOM_BYTES: Final = 2_048
AT: Final = 1_780_000_000_000
TOLD: Final[Mapping[str, str]] = {
    "signal": "satisfaction_fell/team/客户服务-东区/1780000000000",
    "segment_kind": "team",
    "segment": "客户服务-东区",
    "team": "客户服务-东区",
    "opened": sentence.instant(AT),
    "since": sentence.instant(AT - 7_200_000),
    "n": "412",
    "value": sentence.percent(0.58),
    "interval": sentence.interval(0.53, 0.63),
    "baseline": sentence.percent(0.84),
    "slices": ", ".join(f"delivery x 售后服务 x carrier-{i} -{i + 3}.2 ({i + 40} of {i + 60})" for i in range(3)),
    "tickets": sentence.tickets([f"ZD-2026-00{i}8812345" for i in range(5)]),
    "clears": sentence.clearing(
        Clearing(not_before=AT, value_needed=0.79, value=0.58, n=412, sum_left=3.5, satisfied_in_a_row=117),
        Thresholds(),
    ),
    "found_by": "24 h of ratings against 28 days",
    "customers": ", ".join(f"客户-00{i}8812345" for i in range(10)),
    "topic": "tickets",
    "kind": "known issue",
    "id": "KI-2026-0008812345",
    "about": "衣柜 x 售后服务",
    "expected": sentence.instant(AT),
    "department": "产品文档部",
    "reason": "missing-field",
}
"""What a page about a team tells at its longest."""

Fill = Any


@pytest.fixture(scope="module")
def fill(tmp_path_factory: pytest.TempPathFactory) -> Fill:
    """Return what fills templates in: called with what each is given, it returns the texts."""
    go = shutil.which("go")
    if go is None:
        missing("go")
    binary = tmp_path_factory.mktemp("notification") / "fill"
    environment = os.environ | {"GO111MODULE": "off", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    subprocess.run([str(go), "build", "-o", str(binary), str(SOURCE)], check=True, env=environment, timeout=240)

    def filled(*given: dict[str, Any]) -> list[str]:
        done = subprocess.run(
            [str(binary)], input=json.dumps(given), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        texts: list[str] = json.loads(done.stdout)
        return texts

    return filled


SAID: Final = {"first": sentence.instant(AT), "tickets": f"{TOLD['tickets']} and 4711 more"}
"""What a query says beside a number, as long as it gets."""


def texts_of(fill: Fill, uid: str, values: Mapping[str, float], labels: Mapping[str, str] = TOLD) -> dict[str, str]:
    """Return the annotations of an alert as Grafana fills them in once its rule was evaluated."""
    annotations = RULES[uid]["annotations"]
    evaluation = {
        "Labels": dict(labels),
        "Values": {name: {"Value": value, "Labels": {**labels, **SAID}} for name, value in values.items()},
    }
    given = [{"Template": text, "Name": "", "Evaluation": evaluation} for text in annotations.values()]
    return dict(zip(annotations, fill(*given), strict=True))


def alert(fill: Fill, uid: str, *, status: str = "firing", **labels: str) -> dict[str, Any]:
    values = {"A": 1.0, "N": 412, "V": 58.04, "L": 53.2, "H": 62.9, "U": 84.0, "T": 840}
    shown = texts_of(fill, uid, values)
    silence = "".join(f"&matcher={name}%3D{value}" for name, value in TOLD.items())
    return {
        "Status": status,
        "Labels": {**TOLD, **RULES[uid]["labels"], "alertname": RULES[uid]["title"], **labels},
        "Annotations": {name: text for name, text in shown.items() if not name.startswith("__")},
        "PanelURL": f"{ROOT}d/{shown['__dashboardUid__']}?orgId=1&viewPanel={shown['__panelId__']}",
        "SilenceURL": f"{ROOT}alerting/silence/new?alertmanager=grafana{silence}",
    }


def message(fill: Fill, name: str, *alerts: dict[str, Any]) -> str:
    labels = [one["Labels"] for one in alerts]
    firing = [one for one in alerts if one["Status"] == "firing"]
    told = {
        "Status": "firing" if firing else "resolved",
        "Alerts": {"Firing": firing, "Resolved": [one for one in alerts if one["Status"] != "firing"]},
        "CommonLabels": {k: v for k, v in labels[0].items() if all(other.get(k) == v for other in labels)},
        "ExternalURL": ROOT,
    }
    (text,) = fill({"Template": TEMPLATE, "Name": f"servicepulse.{name}", "Notification": told})
    return str(text)


every_rule = pytest.mark.parametrize("uid", RULES)


def test_templates_hold_no_dollar_sign_that_grafana_would_expand() -> None:
    assert "$" not in TEMPLATE


@every_rule
def test_a_message_says_everything_leads_to_its_panel_and_can_be_silenced(fill: Fill, uid: str) -> None:
    text = message(fill, "message", alert(fill, uid))
    rule = RULES[uid]
    assert "<no value>" not in text
    assert "unknown" not in text.partition("Silence:")[0]
    assert f"{ROOT}d/{rule['dashboardUid']}?orgId=1&viewPanel={rule['panelId']}" in text
    assert text.count("alerting/silence/new") == 1
    assert f"{ROOT}alerting/silence/new?alertmanager=grafana&matcher=alertname%3D" in text


@every_rule
def test_shares_are_written_in_one_way(fill: Fill, uid: str) -> None:
    text = message(fill, "message", alert(fill, uid)).replace("%3D", "")
    text = re.sub(r"https?://\S+", "", text)
    assert all(re.search(r"\d %$", text[: at.end()]) for at in re.finditer("%", text)), text


@every_rule
def test_without_a_number_a_text_says_that_it_is_unknown(fill: Fill, uid: str) -> None:
    for text in texts_of(fill, uid, {}).values():
        assert "  " not in text
        assert "<no value>" not in text


@every_rule
@pytest.mark.parametrize("n", [1, 3, 12])
def test_the_short_message_fits_into_wecom_and_can_be_silenced(fill: Fill, uid: str, n: int) -> None:
    said = [alert(fill, uid, segment=f"{i}") for i in range(n)]
    text = message(fill, "short", *said, alert(fill, uid, status="resolved"))
    assert len(text.encode()) <= WECOM_BYTES, text
    assert "alerting/silence/new" in text
    assert len(message(fill, "message", said[0]).encode()) <= WECOM_BYTES
    assert ("and more" in text) is (n > 4)


def test_a_message_of_what_is_over_does_not_offer_to_silence_it(fill: Fill) -> None:
    over = alert(fill, "satisfaction-fell", status="resolved")
    for name in ("message", "short"):
        text = message(fill, name, over)
        assert text.startswith("Resolved: Satisfaction of team")
        assert "silence" not in text


@pytest.mark.parametrize("reason", ["MissingSeries", "NoData", "Error", "Paused"])
def test_only_data_resolves(fill: Fill, reason: str) -> None:
    gone = alert(fill, "satisfaction-fell", status="resolved")
    gone["Annotations"]["grafana_state_reason"] = reason
    text = message(fill, "message", gone)
    assert "Resolved" not in text
    assert f"No longer known ({reason}): Satisfaction" in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("DatasourceError", "Satisfaction fell cannot be evaluated"),
        ("DatasourceNoData", "Satisfaction fell gets no data"),
    ],
)
@pytest.mark.parametrize("kind", ["message", "short"])
def test_an_error_of_the_data_source_is_told_as_one(fill: Fill, name: str, said: str, kind: str) -> None:
    failed = alert(fill, "satisfaction-fell", alertname=name, rulename="Satisfaction fell")
    failed["Annotations"]["Error"] = f"failed to dial clickhouse:9000 {'x' * 5_000}"
    text = message(fill, kind, failed)
    assert text.startswith(said)
    assert "fell:" not in text
    assert "failed to dial" in text
    assert len(text.encode()) < WECOM_BYTES
    assert said in message(fill, "title", failed)


def test_who_will_wait_too_long_is_named_with_when_the_first_falls_due_and_once_nobody_does_that_is_said(
    fill: Fill,
) -> None:
    told = texts_of(fill, "will-breach", {"A": 4716, "T": 840})
    assert told["summary"] == f"Team {TOLD['team']}, unanswered and due soon: 4716 ({SAID['tickets']})"
    assert told["description"].startswith(
        f"The first falls due {SAID['first']}, in 14m0s. Told when 15 minutes are left"
    )
    over = texts_of(fill, "will-breach", {"A": 0}, {"team": "delivery"})
    assert over["summary"] == "Team delivery, unanswered and due soon: 0"
