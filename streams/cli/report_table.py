"""A report as a table for people."""

from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.rows import Ms
from streams.cli.wording import (
    change_text,
    design_text,
    duration_text,
    figure_text,
    freshness_text,
    interval_text,
    part_text,
    policy_text,
    rank_text,
    spread_text,
    told_text,
    uncompared_text,
)
from streams.core.ask.figure import Figure
from streams.core.ask.report import Line, Report
from streams.core.metrics import Metric
from streams.core.window import Bucket, Window, local_of
from streams.sinks.figures import Freshness

WIDE: Final = 180
"""Columns of a table that goes to a file or a pipe: nothing folds its lines there."""


_TOLD_FROM: Final = 1.05
"""A design effect below it widens an interval by less than 3 %."""
TOGETHER: Final = (
    "Clear changes{also} hold for the table as a whole: were nothing different, 5 % of such tables would claim that "
    'anything is. A line "all" is judged by itself.'
)


def show(console: Console, report: Report, fresh: Freshness, now: Ms) -> None:
    """Print a report."""
    if not console.is_terminal:
        console = Console(file=console.file, width=WIDE)
    console.print(f"[bold]{_span(report.window, report.zone)}[/] ({report.zone.key})", highlight=False)
    console.print(f"[dim]{freshness_text(fresh, report.zone, now)}[/]", highlight=False)
    console.print()
    console.print(_table(report))
    console.print()
    for note in _notes(report):
        console.print(f"[dim]{note}[/]", highlight=False)


def _table(report: Report) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in _headings(report):
        table.add_column(heading, justify="right" if heading == "n" else "left")
    previous: Metric | None = None
    for line in report.lines:
        if previous and _begins_anew(report, previous, line.metric):
            table.add_row()
        table.add_row(*_cells(report, line, is_first=line.metric is not previous))
        previous = line.metric
    return table


def _headings(report: Report) -> Iterator[str]:
    yield "metric"
    if report.by:
        yield report.by.value
    if report.bucket:
        yield f"{report.bucket} from"
    elif report.by:
        yield "rank"
    yield from ("value", "95 % interval", "n")
    if report.bucket or report.before:
        yield f"{report.bucket} before" if report.bucket else "period before"
        yield "change: % / absolute"


def _begins_anew(report: Report, previous: Metric, metric: Metric) -> bool:
    return metric is not previous if report.by or report.bucket else metric.topic is not previous.topic


def _cells(report: Report, line: Line, *, is_first: bool) -> Iterator[Text]:
    yield Text(line.metric.title if is_first else "", style="bold")
    if report.by:
        yield Text(part_text(line.part))
    if report.bucket:
        yield _bucket_text(line, report.bucket, report.zone)
    elif report.by:
        yield Text(rank_text(line.rank))
    yield _value_text(line.figure).append(_maturity_text(line), "dim")
    yield Text(interval_text(line.figure))
    yield Text(f"{line.figure.n:,}")
    if report.bucket or report.before:
        yield _value_text(line.before) if line.before else Text("")
        yield change_text(line.metric.unit, line.change) if line.change else Text(uncompared_text(line), "dim")


def _value_text(figure: Figure) -> Text:
    return Text(figure_text(figure), style="" if figure.is_enough else "dim")


def _maturity_text(line: Line) -> str:
    return f" so far, {int(100 * line.maturity)} % mature" if line.is_provisional and line.figure.is_enough else ""


def _bucket_text(line: Line, bucket: Bucket, zone: ZoneInfo) -> Text:
    start = local_of(line.window.start_at, zone)
    text = f"{start:%Y-%m-%d %H:%M}" if bucket is Bucket.HOUR else f"{start:%a %Y-%m-%d}"
    return Text(text).append(" in part", style="dim") if line.is_partial else Text(text)


def _notes(report: Report) -> Iterator[str]:
    if not report.bucket:
        spreads: dict[str, str] = {}  # quantiles of the same observations share one
        for line in report.lines:
            if line.part is None:
                spreads.setdefault(spread_text(line.figure), line.metric.title)
        yield from (f"{title}: {spread}." for spread, title in spreads.items() if spread)
    yield from _notes_on_customers(report)
    if days := sorted({line.metric.matures_days for line in report.lines if line.is_provisional}):
        until = " to ".join(map(str, dict.fromkeys((days[0], days[-1]))))
        yield f'"So far" still moves by waiting, and is compared with nothing until {until} days after the window.'
    yield from _notes_on_before(report)
    policy = dict.fromkeys(policy_text(one) for line in report.lines for one in report.measured_by(line))
    if policy:
        yield f"Satisfied and in time by the policy: {', '.join(policy)}."
    if told := told_text(report.policy_now):
        yield f"By the policy in force now, {policy_text(report.policy_now)}, figures are {told}."
    if report.by or report.bucket:
        yield TOGETHER.format(also=", and ranks," if report.by and not report.bucket else "")
    yield "How a metric is defined: servicepulse report --explain NAME"


def _notes_on_customers(report: Report) -> Iterator[str]:
    """Yield where customers behind several observations make a number of the whole less sure."""
    wholes = [line.figure for line in report.lines if line.part is None] if not report.bucket else []
    told = [design_text(figure) for figure in wholes if figure.is_enough and figure.design_effect >= _TOLD_FROM]
    if told:
        yield f"Customers who count several times make intervals wider, as if n were: {', '.join(told)}."


def _notes_on_before(report: Report) -> Iterator[str]:
    first = f"The first event is of {local_of(report.known.start_at, report.zone):%Y-%m-%d %H:%M}"
    if report.before:
        yield f"Period before: {_span(report.before, report.zone)}."
        if report.before.start_at < report.known.start_at:
            yield f"{first}: the period before lacks a part, so counts are not compared."
    elif not report.bucket:
        yield f"{first}: there is nothing before to compare with."


def _span(window: Window, zone: ZoneInfo) -> str:
    start, end = local_of(window.start_at, zone), local_of(window.end_at, zone)
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}, {duration_text(window.length_ms / 1000)}"
