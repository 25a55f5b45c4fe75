"""Every query of the checked-in dashboards, and what Grafana would make of the answers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from dashboards.macro import Value
from dashboards.render import FOLDER
from dashboards.style import Json
from streams.core.window import DAY_MS

DASHBOARDS: Final[Mapping[str, Json]] = {
    made["uid"]: made for made in (json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json")))
}
_UNIT_DAYS: Final = {"m": 1 / 1440, "h": 1 / 24, "d": 1.0, "w": 7.0, "M": 30.0, "y": 365.0}


class Place(NamedTuple):
    """Where a target stands."""

    dashboard: str
    name: str
    target: Json

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.name}"


def panels(dashboard: Json) -> list[Json]:
    """Return all panels of a dashboard, those in rows included."""
    return [inner for panel in dashboard["panels"] for inner in (panel, *panel.get("panels", ()))]


def places(dashboard: Json) -> Iterator[Place]:
    """Yield every query that reaches ClickHouse."""
    uid = dashboard["uid"]
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield Place(uid, f"{panel['id']} {panel['title']}", target)
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield Place(uid, f"${variable['name']}", variable["query"])
    for annotation in dashboard["annotations"]["list"]:
        if annotation["datasource"]["uid"] == "clickhouse":
            yield Place(uid, f"annotation {annotation['name']}", annotation["target"])


def every_place() -> list[Place]:
    return [place for dashboard in DASHBOARDS.values() for place in places(dashboard)]


def panel_target(uid: str, panel_id: int) -> Json:
    """Return the query of one panel."""
    (found,) = [panel for panel in panels(DASHBOARDS[uid]) if panel["id"] == panel_id]
    target: Json = found["targets"][0]
    return target


def choices(uid: str, **chosen: Value) -> dict[str, Value]:
    """Return the variables of a dashboard as it opens, but for those that are chosen here."""
    given = {variable["name"]: variable["current"]["value"] for variable in DASHBOARDS[uid]["templating"]["list"]}
    return given | chosen


def range_days(uid: str) -> float:
    """Return how long the range is that a dashboard opens with."""
    since = DASHBOARDS[uid]["time"]["from"].removeprefix("now-")
    return float(since[:-1]) * _UNIT_DAYS[since[-1]]


def step_seconds(uid: str) -> float:
    """Return the width of a step that Grafana would choose for about 200 points."""
    return max(60.0, range_days(uid) * DAY_MS / 1000 / 200)


# Frames ---------------------------------------------------------------------------------------------------------------

_NUMBERS: Final = ("Int", "UInt", "Float", "Decimal", "Bool")
_TEXTS: Final = ("String", "Enum")


def kind_of(type_: str) -> str:
    """Return what a column of a ClickHouse type becomes in Grafana: time, number, text, or something else."""
    bare = type_
    for wrapper in ("LowCardinality(", "Nullable("):
        if bare.startswith(wrapper):
            bare = bare.removeprefix(wrapper).removesuffix(")")
    if bare.startswith("Date"):
        return "time"
    if bare.startswith(_NUMBERS):
        return "number"
    return "text" if bare.startswith(_TEXTS) else f"neither time, number nor text: {type_}"


def frame_faults(target: Json, answer: Any) -> list[str]:
    """Return what Grafana would stumble over in an answer; one without rows is a frame without fields, and fine."""
    names: Sequence[str] = answer.column_names
    if not answer.result_rows:
        return []
    kinds = [kind_of(type_.name) for type_ in answer.column_types]
    faults = [f"column {name} is {kind}" for name, kind in zip(names, kinds, strict=True) if kind.startswith("neither")]
    faults += [f"column {name!r} has no name of its own" for name in names if "(" in name and ")" in name]
    if len(set(names)) < len(names):
        faults.append("two columns have the same name")
    if target["format"] == 0:
        faults += _series_faults(names, kinds, answer.result_rows)
    return faults


def _series_faults(names: Sequence[str], kinds: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    if kinds[0] != "time" or names[0] != "time" or kinds.count("time") != 1:
        yield "a series needs one column of time, the first, called time"
        return
    if "number" not in kinds:
        yield "a series needs a number"
    times = [row[0] for row in rows]
    if None in times:
        yield "a time is missing"
    elif times != sorted(times):
        yield "times do not ascend"
    labels = [i for i, kind in enumerate(kinds) if kind == "text"]
    keys = [(row[0], *(row[i] for i in labels)) for row in rows]
    if len(set(keys)) < len(keys):
        yield "two rows for one time and the same labels"
    if any(row[i] is None for row in rows for i in labels):
        yield "a label is null"
