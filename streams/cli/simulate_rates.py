"""`simulate-alerts --rates`: how often complaints and late first responses are told for nothing, and how soon truly."""

from collections.abc import Iterable, Sequence
from math import isfinite
from pathlib import Path
from typing import Final

from streams.cli.simulate_courses import hours_text, told
from streams.cli.trial_screen import watched
from streams.core.drop import Cause
from streams.core.signal.segment import ThresholdBook
from streams.simulation.rates import Cell, Plan, cells, trials

_NAMES: Final = {Cause.COMPLAINTS_SURGE: "complaints", Cause.FIRST_RESPONSES_LATE: "first responses in time"}
_NOTE: Final = (
    "\n[dim]False alarms in 90 days; median hours until twice / three times the complaints, "
    "or 10 / 20 points fewer in time, are told.[/]"
)


def simulate_rates(
    book: ThresholdBook, volumes: Sequence[int], runs: int, seed: int, page: Path | None, *, is_json: bool
) -> None:
    """Simulate every course of both rates at every volume, and show or write what came of it.

    Args:
        book: Whose budget holds for rates as well.
        volumes: Tickets a day; without any those of the page, with as many trials as it has.
        runs: Trials a cell, where volumes are given.
        seed: Chooses the counts.
        page: Takes the table as well.
        is_json: For programs.
    """
    plan = Plan(seed=seed, book=book, runs=dict.fromkeys(volumes, runs) if volumes else Plan().runs)
    done = cells(watched(trials(plan), plan.trials, lambda trial: f"{trial.course}, {trial.per_day:,} a day"))
    told(
        headings(plan),
        list(rows(plan, done)),
        [_record(cell) for cell in done],
        _NOTE,
        name="rates",
        page=page,
        is_json=is_json,
    )


def headings(plan: Plan) -> list[str]:
    """Return what stands above the columns."""
    return ["counts", *(f"{per_day:,} a day" for per_day in plan.runs)]


def rows(plan: Plan, done: Sequence[Cell]) -> Iterable[list[str]]:
    """Yield a line for each rate and course."""
    for cause in plan.causes:
        for course in dict.fromkeys(cell.course for cell in done if cell.cause is cause):
            own = [cell for cell in done if cell.cause is cause and cell.course == course]
            yield [f"{_NAMES[cause]}: {course}", *map(_text, own)]


def _text(cell: Cell) -> str:
    return f"{cell.false_alarms:.1f}; {' / '.join(map(hours_text, cell.hours))}"


def _record(cell: Cell) -> dict[str, object]:
    return {
        "kind": cell.cause.value,
        "says": cell.course,
        "a_day": cell.per_day,
        "false_alarms_per_90_days": cell.false_alarms,
        "standard_error": cell.error if isfinite(cell.error) else None,
        "median_hours": [hours if isfinite(hours) else None for hours in cell.hours],
    }
