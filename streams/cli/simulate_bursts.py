"""`simulate-alerts --bursts`: how often a fault is suspected for nothing, and how soon a true one is."""

from collections.abc import Iterable, Sequence
from math import isfinite
from pathlib import Path
from typing import Final

from streams.cli.simulate_courses import told
from streams.cli.trial_screen import watched
from streams.core.fault.burst import BurstRule
from streams.simulation.bursts import FACTORS, SUBJECTS, Cell, Plan, cells, trials

_NOTE: Final = (
    "\n[dim]False bursts for each 1,000 subjects and 30 days; then, of a fault that multiplies contacts, the median\n"
    "number that come behind the third customer within half an hour until it is found (-: hardly ever three).[/]"
)


def simulate_bursts(rule: BurstRule, runs: int, seed: int, page: Path | None, *, is_json: bool) -> None:
    """Simulate quiet months and faults at every level, and show or write what came of it.

    Args:
        rule: What is tried.
        runs: Trials a cell.
        seed: Chooses the contacts.
        page: Takes the table as well.
        is_json: For programs.
    """
    plan = Plan(seed=seed, rule=rule, runs=runs)
    done = cells(watched(trials(plan), plan.trials, lambda trial: f"{trial.level:g} a week, {trial.mood}"))
    told(
        headings(),
        list(rows(done)),
        [_record(cell) for cell in done],
        _NOTE,
        name="bursts",
        page=page,
        is_json=is_json,
    )


def headings() -> list[str]:
    """Return what stands above the columns."""
    return ["contacts a week and subject", "false bursts", *(f"x {factor}" for factor in FACTORS)]


def rows(done: Sequence[Cell]) -> Iterable[list[str]]:
    """Yield a line for each level and mood."""
    for cell in done:
        yield [
            f"{cell.level:g}, {cell.mood}",
            f"{cell.false_bursts:.2f} (± {cell.error:.2f})",
            *(_text(cell.further[factor]) for factor in FACTORS),
        ]


def _text(further: float | None) -> str:
    if further is None:
        return "-"
    return f"{further:.0f}" if isfinite(further) else "not found"


def _record(cell: Cell) -> dict[str, object]:
    return {
        "contacts_a_week": cell.level,
        "says": cell.mood,
        "subjects": SUBJECTS,
        "false_bursts_per_1000_subjects_and_30_days": cell.false_bursts,
        "standard_error": cell.error,
        "median_further_contacts": {
            str(factor): further if further is not None and isfinite(further) else None
            for factor, further in cell.further.items()
        },
    }
