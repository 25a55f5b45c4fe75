"""How speed changes as one thing grows: partitions and workers, tickets stored before, events a ticket, and so on.

`make growth` runs `python -m tests.growth`, which starts an embedded stack of its own. For each point of each curve
workers as operators start them read what was sent before; what is stored is checked. The broker, ClickHouse and the
workers share the machine: with two cores, a second worker has only what those leave.

The exit code is 0 when everything was measured, 2 when somebody's rows are wrong.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tests.bench.ingest import WrongRowsError
from tests.bench.space import bench_space
from tests.growth.curves import CURVES, Curve
from tests.growth.runs import measured
from tests.growth.shown import document, medians, plot, table
from tests.race.scores import Outcome
from tests.space import Space

console = Console(highlight=False)


def main() -> int:
    """Measure, print, write what was asked for, and return the exit code."""
    given = _arguments()
    curves = [curve for curve in CURVES if not given.only or curve.name in given.only]
    found = {}
    with tempfile.TemporaryDirectory(prefix="servicepulse-growth-") as folder, bench_space(Path(folder)) as space:
        try:
            for curve in curves:
                found[curve.name] = _along(space, curve, given.rounds, given.size)
        except WrongRowsError as error:
            console.print("[bold red]wrong rows:[/]", end=" ")
            console.print(str(error), markup=False)
            return 2
    console.print(table(found))
    console.print(f"{_machine()}; of what is sent and stored {given.size:g} of the numbers named")
    if given.json:
        said = {"machine": _machine(), "size": given.size}
        given.json.write_text(json.dumps(document(found, said), indent=1) + "\n", encoding="utf-8")
    if given.plot:
        plot(medians(found), given.plot)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests.growth",
        description="How speed changes as one thing grows.",
        epilog="Example: python -m tests.growth --only hot teams --rounds 1 --size 0.1",
    )
    names = [curve.name for curve in CURVES]
    parser.add_argument("--only", nargs="+", choices=names, metavar="CURVE", help=f"of {', '.join(names)}")
    parser.add_argument("--rounds", type=int, choices=range(1, 100), metavar="N", default=3, help="of each point (3)")
    parser.add_argument("--size", type=float, default=1.0, help="share of what is sent and stored (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured as JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the medians as bars in SVG")
    return parser.parse_args()


def _along(space: Space, curve: Curve, rounds: int, size: float) -> dict[str, list[Outcome]]:
    """Measure the points of a curve one after the other."""
    found: dict[str, list[Outcome]] = {}
    for place, point in enumerate(curve.points):
        for round in range(rounds):
            with console.status(f"{curve.title}: {point.label}, round {round + 1}"):
                outcome = measured(space, point, size, f"{curve.name}-{place}-{round}", round)
            console.print(f"{curve.title}: {point.label}: {outcome.per_second:,.0f} records/s")
            found.setdefault(point.label, []).append(outcome)
    return found


def _machine() -> str:
    return f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    sys.exit(main())
