"""`simulate-alerts`: how often alert rules page for nothing and how soon they find a fall, ours beside common ones."""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from streams.cli.alert_page import PageError, publish_results
from streams.cli.alert_wording import delay_text, headings, pages_text
from streams.cli.trial_screen import watched
from streams.core.drop import ThresholdError, Thresholds
from streams.core.signal.segment import ThresholdBook
from streams.simulation.alerts import Line, Plan, Rule, summary, trials

WIDE: Final = 180
"""Columns of a table that goes to a file or a pipe: nothing folds its lines there."""


def simulate_alerts(
    volume: Annotated[
        list[int] | None, typer.Option(min=1, metavar="N", help="Ratings a day, repeatable: 5, 20, 100, 1000.")
    ] = None,
    fall_to: Annotated[
        list[float] | None,
        typer.Option(min=1, max=99, metavar="PERCENT", help="What satisfaction falls to, repeatable: 70, 55."),
    ] = None,
    level: Annotated[float, typer.Option(min=50, max=98, metavar="PERCENT", help="Usual satisfaction.")] = 85,
    baseline_error: Annotated[
        float, typer.Option(min=0, max=10, metavar="POINTS", help="How wrong a baseline to try as well.")
    ] = 2,
    runs: Annotated[int, typer.Option(min=1, help="Trials for each cell of the table; 20 take a minute.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the ratings.")] = 1,
    daily_rhythm: Annotated[
        bool, typer.Option("--daily-rhythm", help="Ratings follow a desk's day instead of coming evenly.")
    ] = False,
    false_pages_per_90_days: Annotated[
        float | None, typer.Option(min=0.01, help="False pages to accept for a segment; sets the CUSUM's limit.")
    ] = None,
    paging_segments: Annotated[
        int | None, typer.Option(min=1, help="Segments that page the same people and share those false pages.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any other threshold, repeatable.")
    ] = None,
    as_they_come: Annotated[
        bool,
        typer.Option(
            "--as-they-come",
            help="Ratings with weekdays, moods of days, drift and faults; our rule alone, after 56 days.",
        ),
    ] = False,
    rates: Annotated[
        bool, typer.Option("--rates", help="Complaints and first responses in time instead of ratings.")
    ] = False,
    bursts: Annotated[
        bool, typer.Option("--bursts", help="Many customers at once, about a line or a product: suspected faults.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also put table, plot and thresholds into this Markdown page, at its marks."),
    ] = None,
) -> None:
    """Simulate ratings, and compare what pages: the rule for falls of satisfaction, and four common rules.

    Needs no database. Every rule sees the same ratings: a month of usual ones, then 90 days without a fall, in which
    every page is false, or a fall, whose first page counts.

    For example:

    `servicepulse simulate-alerts`

    `servicepulse simulate-alerts --volume 40 --fall-to 75 --runs 100`

    `servicepulse simulate-alerts --false-pages-per-90-days 0.2 --set wilson_z=4 --json`

    `servicepulse simulate-alerts --as-they-come --volume 100 --runs 30`

    `servicepulse simulate-alerts --rates --volume 60 --runs 30`

    `servicepulse simulate-alerts --bursts --runs 20`
    """
    try:
        thresholds = Thresholds().overridden(_changes(false_pages_per_90_days, paging_segments, set_ or []))
    except ThresholdError as error:
        raise typer.BadParameter(str(error)) from None
    if bursts:
        from streams.cli.simulate_bursts import simulate_bursts

        simulate_bursts(ThresholdBook().bursts, runs, seed, page, is_json=as_json)
        return
    if rates:
        from streams.cli.simulate_rates import simulate_rates

        simulate_rates(ThresholdBook(thresholds), volume or (), runs, seed, page, is_json=as_json)
        return
    if as_they_come:
        from streams.cli.simulate_courses import simulate_courses  # numpy, which the rest does without

        simulate_courses(thresholds, volume or (), runs, seed, page, is_json=as_json)
        return
    plan = Plan(
        seed=seed,
        runs=runs,
        volumes=tuple(volume or Plan().volumes),
        falls=tuple(share / 100 for share in fall_to) if fall_to else Plan().falls,
        level=level / 100,
        baseline_error=baseline_error / 100,
        thresholds=thresholds,
        has_rhythm=daily_rhythm,
    )
    lines = summary(watched(trials(plan), plan.trials, lambda trial: f"{trial.per_day:,} ratings a day"))
    if as_json:
        sys.stdout.write(json.dumps(_record(plan, lines), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        _show(plan, lines)
    if page:
        try:
            publish_results(page, plan, lines)
        except PageError as error:
            raise typer.BadParameter(str(error)) from None


def _changes(false_pages: float | None, segments: int | None, said: Iterable[str]) -> dict[str, Any]:
    named = {"false_pages_per_90_days": false_pages, "paging_segments": segments}
    changes: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    for text in said:
        name, _, value = text.partition("=")
        try:
            number = float(value)
        except ValueError:
            raise typer.BadParameter(f"{text!r} sets nothing: write NAME=NUMBER, such as wilson_z=3.3") from None
        changes[name.strip()] = int(number) if number.is_integer() else number
    return changes


def _show(plan: Plan, lines: list[Line]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(file=console.file, width=WIDE, highlight=False)
    table = Table(box=None, header_style="dim", pad_edge=False)
    for i, heading in enumerate(headings(plan)):
        table.add_column(heading, justify="left" if i == 1 else "right", no_wrap=i == 1)
    for line in lines:
        if line.rule is Rule.OURS and line is not lines[0]:
            table.add_row()
        table.add_row(*_cells(line), style="bold" if line.rule is Rule.OURS else "")
    console.print(table)
    console.print(f"\n[dim]{plan.runs} trials a cell. Missed: not told within 30 days, or rang before the fall.[/]")


def _cells(line: Line) -> list[str]:
    return [
        f"{line.per_day:,}" if line.rule is Rule.OURS else "",
        line.rule.value,
        pages_text(line.false_pages),
        pages_text(line.false_pages_when_wrong),
        *(delay_text(delay) for delay in line.delays.values()),
    ]


def _record(plan: Plan, lines: list[Line]) -> Mapping[str, Any]:
    return {
        "seed": plan.seed,
        "runs": plan.runs,
        "level": plan.level,
        "baseline_error": plan.baseline_error,
        "has_rhythm": plan.has_rhythm,
        "thresholds": {name: getattr(plan.thresholds, name) for name in Thresholds.__struct_fields__},
        "lines": [
            {
                "rule": line.rule.name.lower(),
                "says": line.rule.value,
                "ratings_per_day": line.per_day,
                "false_pages_per_90_days": line.false_pages,
                "false_pages_per_90_days_when_baseline_is_wrong": line.false_pages_when_wrong,
                "falls": [
                    {"to": share, "median_hours": delay.median_hours, "missed": delay.missed}
                    for share, delay in line.delays.items()
                ],
            }
            for line in lines
        ],
    }
