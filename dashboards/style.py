"""How numbers look: units, decimals, and the few colours that mean something."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dashboards import text
from streams.core.metrics import Direction, Kind, Metric, Unit

Json = dict[str, Any]

GOOD: Final = "green"
BAD: Final = "red"
PLAIN: Final = "text"
ACCENT: Final = "blue"
"""Of what is neither good nor bad: bars, bands, backgrounds."""

_UNITS: Final[Mapping[Unit, tuple[str, int]]] = {
    Unit.SHARE: ("percentunit", 1),
    Unit.PER_1000: ("none", 1),
    Unit.SCORE: ("none", 1),
    Unit.BALANCE: ("none", 1),
    Unit.SECONDS: ("s", 1),
    Unit.NUMBER: ("locale", 0),
    Unit.AVERAGE: ("none", 1),
}


def unit(of: Unit) -> Json:
    """Return how Grafana writes values of a unit."""
    name, decimals = _UNITS[of]
    return {"unit": name, "decimals": decimals}


def fixed(colour: str) -> Json:
    """Return a colour that no value changes."""
    return {"color": {"mode": "fixed", "fixedColor": colour}}


PLAIN_TABLE: Final[Json] = fixed(PLAIN) | {"custom": {"align": "auto", "filterable": False}}
"""The look of a table whose columns say by themselves what is good or bad, if anything does."""

DURATIONS: Final = (
    (0, 1, "s"),
    (60, 60, "mins"),
    (3_600, 3_600, "hours"),
    (86_400, 86_400, "days"),
    (604_800, 604_800, "weeks"),
    (31_536_000, 31_556_900, "years"),
)
"""How Grafana's unit `s` writes seconds: from how many on, in what of how many, in which word."""


def by_threshold(steps: Sequence[tuple[float | None, str]]) -> Json:
    """Return colours from certain values on; the first one holds below all others."""
    listed = [{"value": value, "color": colour} for value, colour in steps]
    return {"color": {"mode": "thresholds"}, "thresholds": {"mode": "absolute", "steps": listed}}


def change_colours(metric: Metric) -> Json:
    """Return the colours of a clear change: what is less than 0 is good or bad, as the metric says."""
    match metric.direction:
        case Direction.UP:
            return by_threshold([(None, BAD), (0, GOOD)])
        case Direction.DOWN:
            return by_threshold([(None, GOOD), (0, BAD)])
        case Direction.NEITHER:
            return fixed(PLAIN)


CHANGE: Final[Json] = {
    "noValue": text.NOTHING_BEFORE,
    "mappings": [{"type": "value", "options": {"0": {"text": text.UNCLEAR, "color": PLAIN, "index": 0}}}],
}
"""The words of a column as `estimate.change` gives it."""


UNREACHED: Final = -1
"""Stands for a duration that was not reached; none is below 0."""


def unreached(metric: Metric) -> Json:
    """Return the words of a value that was not reached, as `estimate.told` gives it."""
    if metric.kind is not Kind.SURVIVAL:
        return {}
    said = {"text": text.NOT_REACHED, "index": 0}
    return {"mappings": [{"type": "value", "options": {str(UNREACHED): said}}]}


def override(column: str, **properties: Any) -> Json:  # noqa: ANN401 - properties of Grafana's own kinds
    """Return what is different about one column; a double underscore stands for a dot."""
    listed = [{"id": name.replace("__", "."), "value": value} for name, value in properties.items()]
    return {"matcher": {"id": "byName", "options": column}, "properties": listed}


def verdict_colours() -> list[Json]:
    """Return the colours of a number whose small print says that it is clearly better or worse than before."""
    return [
        {
            "matcher": {"id": "byRegexp", "options": f"/(^| ){word} · /"},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
        }
        for word, colour in ((text.BETTER, GOOD), (text.WORSE, BAD))
    ]
