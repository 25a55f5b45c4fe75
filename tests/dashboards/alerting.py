"""What Grafana does with an alert rule: it asks the queries, reads frames as numbers with labels, and compares."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from clickhouse_connect.driver.client import Client

from dashboards.alert.rules import GROUPS
from dashboards.macro import expand
from dashboards.style import Json
from tests.dashboards.target import kind_of

RULES: Final[Mapping[str, Json]] = {rule.uid: rule.to_json() for rules in GROUPS.values() for rule in rules}
Labels = tuple[tuple[str, str], ...]


def asked(client: Client, step: Json, now: int) -> dict[Labels, float | None]:
    """Return the numbers that the plugin and the alerting engine make of one query, by their labels."""
    model = step["model"]
    span = step["relativeTimeRange"]
    sql = expand(
        model["rawSql"],
        from_ms=now - span["from"] * 1000,
        to_ms=now - span["to"] * 1000,
        interval_seconds=model["intervalMs"] / 1000,
    )
    answer = client.query(sql)
    kinds = [kind_of(type_.name) for type_ in answer.column_types]
    assert model["format"] == 1
    if not answer.result_rows:
        return {}
    assert sorted(set(kinds)) in (["number"], ["number", "text"]), f"{answer.column_names} are {kinds}"
    assert kinds.count("number") == 1, "more than one number is no frame that an alert can read"
    at = kinds.index("number")
    found = {
        tuple(
            (name, str(value)) for i, (name, value) in enumerate(zip(answer.column_names, row, strict=True)) if i != at
        ): row[at]
        for row in answer.result_rows
    }
    assert len(found) == len(answer.result_rows), "two rows with the same labels are one alert"
    return found


def numbers(client: Client, uid: str, now: int) -> dict[str, dict[Labels, float | None]]:
    """Return what each query of a rule gives at an instant."""
    return {
        step["refId"]: asked(client, step, now) for step in RULES[uid]["data"] if step["datasourceUid"] != "__expr__"
    }


def condition(client: Client, uid: str, now: int) -> dict[Labels, bool]:
    """Return whether a rule's condition holds, by the labels under which it says so.

    Every number that it tells must be found: once, under the same labels or under those and more of them.
    """
    found = numbers(client, uid, now)
    (threshold,) = [step["model"] for step in RULES[uid]["data"] if step["datasourceUid"] == "__expr__"]
    assert threshold["expression"] == "A"
    (evaluator,) = [one["evaluator"] for one in threshold["conditions"]]
    kind, (limit,) = evaluator["type"], evaluator["params"]
    holds = {
        labels: value is not None and (value > limit if kind == "gt" else value < limit)
        for labels, value in found["A"].items()
    }
    for other in found.values():
        places = Counter(labels for labels in holds for said in other if set(labels) <= set(said))
        assert places == Counter(holds.keys()), "an alert must find each of its numbers, once"
        assert len(other) == len(holds), "a number must be that of an alert"
    return holds


def texts(client: Client, uid: str, query: str, now: int) -> dict[str, dict[str, str]]:
    """Return what a query says beside its numbers, by the team that it is said of."""
    said = [dict(labels) for labels in numbers(client, uid, now)[query]]
    return {labels.pop("team"): labels for labels in said}


def firing(client: Client, uid: str, now: int) -> list[dict[str, str]]:
    """Return the labels of the alerts that fire."""
    return [dict(labels) for labels, holds in condition(client, uid, now).items() if holds]
