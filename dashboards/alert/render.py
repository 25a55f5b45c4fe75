"""The alert rules as the file that Grafana's provisioning reads, checked in beside the rest of it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import dashboards
from dashboards.alert.rule import INTERVAL_MS
from dashboards.alert.rules import GROUPS, Groups
from dashboards.made import Made
from dashboards.style import Json

FOLDER: Final = "Service Pulse"
PATH: Final = Path(dashboards.__file__).parent.parent / "deploy/grafana/provisioning/alerting/rules.yaml"
HEAD: Final = "# Rendered from dashboards/alert by `servicepulse dashboards render`; do not edit.\n"


def provisioned(groups: Groups = GROUPS) -> Json:
    """Return all rules, in their groups."""
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": name,
                "folder": FOLDER,
                "interval": f"{INTERVAL_MS // 60_000}m",
                "rules": [rule.to_json() for rule in rules],
            }
            for name, rules in groups.items()
        ],
    }


def rendered(groups: Groups = GROUPS) -> str:
    """Return the text of the file."""
    return HEAD + "\n".join(_yaml(provisioned(groups), 0)) + "\n"


def file_of(groups: Groups) -> Made:
    """Return the file of Grafana's provisioning; an installed package has none."""
    return Made(PATH, lambda: rendered(groups))


def _yaml(of: Mapping[str, Any] | Sequence[Any], depth: int) -> Iterator[str]:
    """Yield the lines of a mapping or a list; texts of several lines, such as SQL, stay readable."""
    pad = "  " * depth
    if isinstance(of, Mapping):
        for key, value in of.items():
            yield from _entry(f"{pad}{key}:", value, depth)
        return
    for item in of:
        lines = list(_yaml(item, depth + 1)) if isinstance(item, Mapping) and item else [f"{pad}  {_scalar(item)}"]
        yield f"{pad}- {lines[0].lstrip()}"
        yield from lines[1:]


def _entry(key: str, value: Any, depth: int) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, str) and "\n" in value:
        yield f"{key} |-"
        yield from ("  " * (depth + 1) + line if line else "" for line in value.split("\n"))
    elif isinstance(value, Mapping | list) and value:
        yield key
        yield from _yaml(value, depth + 1)
    else:
        yield f"{key} {_scalar(value)}"


def _scalar(value: Any) -> str:  # noqa: ANN401 - any JSON
    return json.dumps(value, ensure_ascii=False)
