"""Which dashboards there are, and the files that they are checked in as."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from dashboards.dashboard import Dashboard
from dashboards.page import (
    after_sales,
    complaints,
    contacts,
    continuity,
    faults,
    in_time,
    integrity,
    interventions,
    known_issues,
    pages,
    pipeline,
    prevention,
    promises,
    pulse,
    reasons,
    response,
    satisfaction,
    teams,
    tickets,
    worth,
)
from dashboards.teams_only import teams_only

DASHBOARDS: Final[Sequence[Dashboard]] = tuple(
    page.DASHBOARD
    for page in (
        pulse,
        complaints,
        satisfaction,
        response,
        in_time,
        contacts,
        promises,
        faults,
        known_issues,
        after_sales,
        worth,
        teams,
        continuity,
        integrity,
        reasons,
        prevention,
        interventions,
        pipeline,
        pages,
        tickets,
    )
)
FOLDER: Final = Path(__file__).parent / "json"
"""Where the files are; Grafana's provisioning and the preview read them there."""


def dashboards(*, compares_agents: bool = True) -> Sequence[Dashboard]:
    """Return every page, on demand without what compares agents."""
    return DASHBOARDS if compares_agents else [teams_only(one) for one in DASHBOARDS]


def rendered(shown: Sequence[Dashboard] = DASHBOARDS) -> Mapping[str, str]:
    """Return the text of every dashboard's file by its name."""
    return {f"{one.uid}.json": json.dumps(one.to_json(), indent=2, ensure_ascii=False) + "\n" for one in shown}


def write(folder: Path = FOLDER, shown: Sequence[Dashboard] = DASHBOARDS) -> list[Path]:
    """Write the files, remove those of dashboards that are no more, and return which ones changed.

    Raises:
        OSError: When the folder cannot be written.
    """
    changed = differing(folder, shown)
    texts = rendered(shown)
    folder.mkdir(parents=True, exist_ok=True)
    for path in changed:
        if path.name in texts:
            path.write_text(texts[path.name], encoding="utf-8")
        else:
            path.unlink()
    return changed


def differing(folder: Path = FOLDER, shown: Sequence[Dashboard] = DASHBOARDS) -> list[Path]:
    """Return the files that are missing, are not what the code says, or belong to no dashboard."""
    texts = rendered(shown)
    written = {path.name: path for path in folder.glob("*.json")}
    stale = [
        folder / name
        for name, content in texts.items()
        if name not in written or written[name].read_text(encoding="utf-8") != content
    ]
    return sorted([*stale, *(path for name, path in written.items() if name not in texts)])
