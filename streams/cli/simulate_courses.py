"""`simulate-alerts --as-they-come`: what the rule does on ratings as they really come, as a table and on its page."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.table import Table

from streams.cli.alert_page import PageError, publish_table
from streams.cli.trial_screen import watched
from streams.core.drop import Thresholds
from streams.simulation.endurance import Cell, Plan, cells, trials

_WIDE: Final = 180
_NOTE: Final = "\n[dim]False pages in 90 days; median hours until a fall from 85 to 70 % is told (by an oracle).[/]"


def simulate_courses(
    thresholds: Thresholds, volumes: Sequence[int], runs: int, seed: int, page: Path | None, *, is_json: bool
) -> None:
    """Simulate every course at every volume, and show or write what came of it.

    Args:
        thresholds: Of the rule.
        volumes: Ratings a day; without any those of the page, with as many trials as it has.
        runs: Trials a cell, where volumes are given.
        seed: Chooses the ratings.
        page: Takes the table as well.
        is_json: For programs.
    """
    plan = Plan(seed=seed, thresholds=thresholds, runs=dict.fromkeys(volumes, runs) if volumes else Plan().runs)
    total = len(plan.courses) * sum(plan.runs.values())
    done = cells(watched(trials(plan), total, lambda trial: f"{trial.course}, {trial.per_day:,} a day"))
    told(
        headings(plan),
        list(rows(plan, done)),
        [_record(cell) for cell in done],
        _NOTE,
        name="courses",
        page=page,
        is_json=is_json,
    )


def headings(plan: Plan) -> list[str]:
    """Return what stands above the columns."""
    return ["ratings", *(f"{per_day:,} a day" for per_day in plan.runs)]


def rows(plan: Plan, done: Sequence[Cell]) -> Iterable[list[str]]:
    """Yield a line for each course."""
    for course in plan.courses:
        yield [course.value, *(_text(cell) for cell in done if cell.course is course)]


def _text(cell: Cell) -> str:
    return f"{cell.false_pages:.1f}; {hours_text(cell.hours)} ({hours_text(cell.oracle_hours)})"


def hours_text(hours: float) -> str:
    """Return a delay as people read it."""
    return f"{hours:,.0f} h" if isfinite(hours) else "never"


def _record(cell: Cell) -> dict[str, object]:
    return {
        "course": cell.course.name.lower(),
        "says": cell.course.value,
        "ratings_per_day": cell.per_day,
        "false_pages_per_90_days": cell.false_pages,
        "standard_error": cell.error if isfinite(cell.error) else None,
        "median_hours": cell.hours if isfinite(cell.hours) else None,
        "median_hours_of_an_oracle": cell.oracle_hours if isfinite(cell.oracle_hours) else None,
    }


def told(
    heading: Sequence[str],
    lines: Sequence[Sequence[str]],
    records: Sequence[Mapping[str, object]],
    note: str,
    *,
    name: str,
    page: Path | None,
    is_json: bool,
) -> None:
    """Tell a table of cells: on the screen with what they mean, or for programs, and on a page under its name.

    Raises:
        BadParameter: When the page has no place for it.
    """
    if is_json:
        sys.stdout.write(json.dumps(records, indent=1) + "\n")
    else:
        _shown(heading, lines, note)
    if page:
        try:
            publish_table(page, name, heading, lines)
        except PageError as error:
            raise typer.BadParameter(str(error)) from None


def _shown(heading: Sequence[str], lines: Iterable[Sequence[str]], note: str) -> None:
    """Show a table of cells, and what they mean."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(file=console.file, width=_WIDE, highlight=False)
    table = Table(box=None, header_style="dim", pad_edge=False)
    for i, over in enumerate(heading):
        table.add_column(over, justify="right" if i else "left", no_wrap=True)
    for row in lines:
        table.add_row(*row)
    console.print(table)
    console.print(note)
