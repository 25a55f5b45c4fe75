"""What the measurements say: a table, a file for machines, and plots."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.table import Table

from tests.growth.curves import CURVES
from tests.race.scores import Outcome

Found = Mapping[str, Mapping[str, Sequence[Outcome]]]
"""Outcomes of each round, by point and curve."""

_COLOUR: Final = "#0b6e4f"
_MEASURES: Final = ("per_second", "processor_us", "peak_mib")


def medians(found: Found) -> dict[str, dict[str, dict[str, float]]]:
    """Return the median of each measure, and how many times as fast each point is as the first of its curve."""
    said: dict[str, dict[str, dict[str, float]]] = {}
    for curve, points in found.items():
        said[curve] = {
            label: {measure: median(getattr(one, measure) for one in outcomes) for measure in _MEASURES}
            for label, outcomes in points.items()
        }
        first = next(iter(said[curve].values()))["per_second"]
        for measured in said[curve].values():
            measured["of_the_first"] = measured["per_second"] / first
    return said


def table(found: Found) -> Table:
    """Return the medians as a table."""
    shown = Table("what grows", box=None, header_style="dim")
    for heading in ("", "records/s", "of the first", "processor us", "peak MiB"):
        shown.add_column(heading, justify="right")
    for name, points in medians(found).items():
        title = _title(name)
        for label, one in points.items():
            shown.add_row(
                title,
                label,
                f"{one['per_second']:,.0f}",
                f"{one['of_the_first']:.2f}",
                f"{one['processor_us']:.1f}",
                f"{one['peak_mib']:,.0f}",
            )
            title = ""
    return shown


def document(found: Found, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything for a file, beside what else is to be said of the run."""
    rounds = {
        curve: {label: [asdict(one) for one in outcomes] for label, outcomes in points.items()}
        for curve, points in found.items()
    }
    return {**said, "medians": medians(found), "rounds": rounds}


def plot(measured: Mapping[str, Mapping[str, Mapping[str, float]]], to: Path) -> None:
    """Write the medians as bars of records a second, one panel a curve, as SVG."""
    import matplotlib
    from matplotlib.figure import Figure

    rows = -(-len(measured) // 2)
    figure = Figure(figsize=(10, 2.4 * rows))
    places = figure.subplots(rows, 2, squeeze=False)
    for place, (name, points) in zip(places.flat, measured.items(), strict=False):
        speeds = [one["per_second"] for one in points.values()]
        bars = place.barh(list(points), speeds, color=_COLOUR)
        place.bar_label(bars, labels=[f"{speed:,.0f}" for speed in speeds], padding=3)
        place.set_title(f"{_title(name)}: records a second", loc="left", fontsize=10)
        place.invert_yaxis()
        place.set_xlim(0, max(speeds) * 1.2)
        place.spines[["top", "right"]].set_visible(False)
        place.xaxis.set_major_formatter("{x:,.0f}")
    for place in list(places.flat)[len(measured) :]:
        place.set_visible(False)
    figure.tight_layout()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "growth"}):
        figure.savefig(to, format="svg", metadata={"Date": None})


def _title(name: str) -> str:
    return next(curve.title for curve in CURVES if curve.name == name)
