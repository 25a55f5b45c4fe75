"""`make mutants`: what the tests notice of small faults put into the core, without the integration suite.

`python -m tests.mutants --number 40 --seed 1` puts as many faults, drawn by the seed from all that Cosmic Ray can make
of `streams/core`, one by one into a copy of the project, and runs the unit, property, contract and golden suites on it,
those first that name the module. A fault that no test notices is shown as a difference: either a test is missing, or it
changes no behaviour. The exit code is 0 when at least the share of `--least` was noticed.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path
from typing import Final

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import MutationSpec, TestOutcome
from rich.console import Console
from rich.progress import track

from tests.space import ROOT

CORE: Final = Path("streams/core")
SUITES: Final = ("tests/unit", "tests/properties", "tests/contract", "tests/golden")
PARTS: Final = ("streams", "schemas", "dashboards", "deploy", "tests", "pyproject.toml", "README.md", "Makefile")
TYPES_ONLY: Final = "BinaryOperator_BitOr"
"""Almost every `|` of ours joins types: a fault in one ends the import, which proves nothing."""
SECONDS: Final = 900.0

console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    """Put the faults in, print what was not noticed, and return the exit code."""
    given = _arguments()
    drawn = draw(faults(), given.number, random.Random(given.seed))
    noticed, survivors = 0, []
    with ProcessPoolExecutor(given.processes, initializer=_move_to_a_copy) as pool:
        runs = [pool.submit(unnoticed, fault) for fault in drawn]
        for run in track(as_completed(runs), "faults", total=len(runs), console=console):
            if (difference := run.result()) is None:
                noticed += 1
            else:
                survivors.append(difference)
                console.print(difference, markup=False)
    share = noticed / len(drawn)
    console.print(f"{noticed} of {len(drawn)} faults noticed ({100 * share:.0f} %), seed {given.seed}")
    return 0 if share >= given.least else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.mutants", description="What the tests notice of faults in the core.")
    parser.add_argument("--number", type=int, default=40, help="how many faults")
    parser.add_argument("--seed", type=int, default=1, help="which")
    parser.add_argument("--processes", type=int, default=2, help="how many at a time")
    parser.add_argument("--least", type=float, default=0.85, help="the share that has to be noticed")
    return parser.parse_args()


def faults() -> list[MutationSpec]:
    """Return every fault that can be put into the core, in a fixed order."""
    modules = sorted(path.relative_to(ROOT) for path in (ROOT / CORE).rglob("*.py"))
    os.chdir(ROOT)
    with closing(WorkDB(":memory:", WorkDB.Mode.create)) as known:
        init(modules, known, {})
        found = [fault for item in known.work_items for fault in item.mutations]
    kept = [fault for fault in found if TYPES_ONLY not in fault.operator_name]
    return sorted(kept, key=lambda fault: (str(fault.module_path), fault.operator_name, fault.occurrence))


def draw(known: Iterable[MutationSpec], number: int, chance: random.Random) -> list[MutationSpec]:
    """Return faults at so many places of the source: one place can be spoilt in a dozen ways, another in one."""
    places: dict[tuple[Path, tuple[int, int]], list[MutationSpec]] = {}
    for fault in known:
        places.setdefault((fault.module_path, fault.start_pos), []).append(fault)
    return [chance.choice(places[place]) for place in chance.sample(list(places), number)]


def unnoticed(fault: MutationSpec) -> str | None:
    """Return what a fault changes if all tests pass with it; None when one fails."""
    for suites in (_naming(fault.module_path), SUITES):
        if suites:
            result = mutate_and_test([fault], _command(suites), SECONDS)
            if result.test_outcome is not TestOutcome.SURVIVED:
                return None
    return f"{fault.module_path}:{fault.start_pos[0]} {fault.operator_name}\n{result.diff}"


def _naming(module: Path) -> Sequence[str]:
    """Return the test files that import a module, for they are the likeliest to notice."""
    name = ".".join(module.with_suffix("").parts).removesuffix(".__init__")
    files = (file for suite in SUITES for file in sorted(Path(suite).rglob("test_*.py")))
    return [str(file) for file in files if name in file.read_text()]


def _command(tests: Iterable[str]) -> str:
    options = "-x -q -p no:cacheprovider -p no:xdist -m 'not lengthy and not weighty and not integration'"
    return f"{sys.executable} -m pytest {options} {' '.join(tests)}"


def _move_to_a_copy() -> None:
    """Give this process a copy of the project to spoil."""
    os.environ["SERVICEPULSE_EXAMPLES"] = "quick"
    copy = Path(tempfile.mkdtemp(prefix="servicepulse-mutants-"))
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / part)
    os.chdir(copy)


if __name__ == "__main__":
    sys.exit(main())
