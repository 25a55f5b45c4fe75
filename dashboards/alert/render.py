"""The alert rules as the file that Grafana's provisioning reads, checked in beside the rest of it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import dashboards
from dashboards.alert.rules import GROUPS
from dashboards.style import Json

FOLDER: Final = "Service Pulse"
PATH: Final = Path(dashboards.__file__).parent.parent / "deploy/grafana/provisioning/alerting/rules.yaml"
"""The file, in a checkout; an installed package has none."""
HEAD: Final = "# Rendered from dashboards/alert by `servicepulse dashboards render`; do not edit.\n"


def provisioned() -> Json:
    """Return all rules, in their groups."""
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": name,
                "folder": FOLDER,
                "interval": "1m",
                "rules": [rule.to_json() for rule in rules],
            }
            for name, rules in GROUPS.items()
        ],
    }


def rendered() -> str:
    """Return the text of the file."""
    return HEAD + "\n".join(_yaml(provisioned(), 0)) + "\n"


def is_current() -> bool:
    """Say whether the file is what the code says, or there is no place for it."""
    return not PATH.parent.is_dir() or (PATH.is_file() and PATH.read_text(encoding="utf-8") == rendered())


def write() -> list[Path]:
    """Write the file, and return it when it changed.

    Raises:
        OSError: When it cannot be written.
    """
    if is_current():
        return []
    PATH.write_text(rendered(), encoding="utf-8")
    return [PATH]


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
