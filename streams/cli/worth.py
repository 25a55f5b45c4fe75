"""`worth`: what a solved case changes, what each way of solving earns, what a cap on compensation costs."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated, Any, Final

import typer
from msgspec.structs import asdict
from rich.console import Console
from rich.table import Table

from streams.cli.connection import open_client
from streams.cli.report import EMPTY, Format
from streams.cli.signs import shown
from streams.clock import SystemClock
from streams.core.window import DAY_MS, Window, WindowError, instant_of, local_of, zone_of
from streams.core.worth.ask import WITHIN_DAYS
from streams.core.worth.balance import UNLIKE
from streams.core.worth.lift import COMPARABLE_FROM
from streams.settings import load_settings
from streams.sinks.figures import freshness
from streams.sinks.worth import Row, Worth
from streams.sinks.worth import worth as asked

DEFAULT_DAYS: Final = 90
_MOST: Final = 20
_NOT_KNOWN: Final = "not known"
_BEFORE: Final = {
    "orders": "orders until then",
    "days_since_last": "days since the last order",
    "days_since_first": "days since the first order",
    "cases_before": "after-sales cases before it",
}


def worth(
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DATE|TIME", help="Cases that were resolved from then on.")
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="DATE|TIME", help="Until before then.")] = None,
    zone: Annotated[str, typer.Option(metavar="ZONE", help="Time zone, such as Europe/Berlin.")] = "UTC",
    within: Annotated[
        int, typer.Option(metavar="DAYS", min=1, max=365, help="Orders and returns so long after a case count.")
    ] = WITHIN_DAYS[-1],
    cap: Annotated[
        float, typer.Option(min=0, help="A cap on compensation to try, in whole units of the currency.")
    ] = 10.0,
    format_: Annotated[Format, typer.Option("--format", help="For people, or `json` for programs.")] = Format.TABLE,
) -> None:
    """Show what a solved case changes, what each strategy earns, and what a cap on compensation costs.

    Without a window: cases of 90 days, the newest of which have just been followed for long enough. What is claimed
    has an interval that excludes nothing happening; the rest is said to be not known.

    For example:

    `servicepulse worth --within 30 --cap 50`

    `servicepulse worth --from 2026-01-01 --to 2026-04-01 --zone Europe/Berlin --format json`
    """
    if format_ is Format.CSV:
        raise typer.BadParameter("several tables are no CSV: choose table or json")
    try:
        clocks = zone_of(zone)
        begins_at = instant_of(from_, clocks) if from_ else None
        ends_at = instant_of(to, clocks) if to else None
        with closing(open_client(load_settings())) as client:
            fresh = freshness(client, SystemClock().now_ms())
            if fresh.known is None:
                _say_empty(format_)
                return
            end_at = ends_at or (fresh.followed_until or fresh.known.end_at) - within * DAY_MS
            window = Window(end_at - DEFAULT_DAYS * DAY_MS if begins_at is None else begins_at, end_at)
            told = asked(client, window, within, cap)
    except WindowError as error:
        raise typer.BadParameter(str(error)) from None
    if format_ is Format.JSON:
        span = {"from": _text(window.start_at, zone), "to": _text(window.end_at, zone)}
        document = span | {"within_days": within, "cap": cap} | asdict(told)
        sys.stdout.write(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        return
    console = Console()
    console.print(f"[bold]Cases resolved from {_text(window.start_at, zone)} to {_text(window.end_at, zone)}[/]")
    for table in _tables(told, within, cap):
        console.print()
        console.print(table)


def _say_empty(format_: Format) -> None:
    Console(stderr=format_ is not Format.TABLE).print(EMPTY, highlight=False, markup=False)
    if format_ is Format.JSON:
        sys.stdout.write("{}\n")


def _text(at: int, zone: str) -> str:
    return f"{local_of(at, zone_of(zone)):%Y-%m-%d %H:%M}"


def _tables(told: Worth, within: int, cap: float) -> Iterator[Table]:
    yield _lift(told, within)
    yield _balance(told)
    if told.strategies:
        work = (
            "compensation and work" if told.is_work_counted else "compensation; the policy does not say what work costs"
        )
        yield _strategies(told, f"What each strategy earns for what it costs: {work}")
    if told.caps:
        yield _caps(told, cap)
    if told.churn:
        yield _churn(told)


def _lift(told: Worth, within: int) -> Table:
    row = told.lift
    table = _table(f"Bought again within {within} days", "", "share", "95 % interval", "customers")
    if row["lift"] is None:
        table.add_row("with a solved case", _NOT_KNOWN, "nobody like them was found", f"{row['customers']:,}")
        return table
    matched = f"{row['matched']:,} of {row['customers']:,}"
    table.add_row("with a solved case", *_share(row, "share"), matched)
    table.add_row("comparable, without", *_share(row, "other"), f"{row['controls']:,}")
    points = (100 * row[name] for name in ("lift", "lift_low", "lift_high"))
    value, low, high = (f"{one:+.1f}" for one in points)
    table.add_row("lift, points", value, f"{low} to {high}", _verdict(row))
    return table


def _verdict(row: Row) -> str:
    if row["matched"] < COMPARABLE_FROM * row["customers"]:
        return "not comparable: too few find somebody like them"
    return "clearly higher" if row["lift_low"] > 0 else "clearly lower" if row["lift_high"] < 0 else _NOT_KNOWN


def _balance(told: Worth) -> Table:
    table = _table("Were both alike before?", "", "with a case", "without", "apart, sd", "")
    for row in told.balance:
        if row["mean"] is not None:
            apart = row["apart"] or 0.0
            verdict = "alike" if abs(apart) < UNLIKE else "not alike"
            numbers = (f"{row['mean']:.2f}", f"{row['other_mean']:.2f}", f"{apart:+.2f}")
            table.add_row(_BEFORE[row["measure"]], *numbers, verdict)
    return table


def _strategies(told: Worth, title: str) -> Table:
    headings = ("strategy", "expectation", "95 % interval", "", "brought in", "cost", "spread", "cases", "matched")
    table = _table(title, *headings, "left out")
    for row in told.strategies:
        table.add_row(
            shown(row["strategy"]),
            _number(row["expectation"]),
            f"{_number(row['low'])} to {_number(row['high'])}" if row["low"] is not None else "",
            _earns(row),
            *(_money(told, row[name]) for name in ("gain", "cost", "apart")),
            *(f"{row[name]:,}" for name in ("n", "matched", "left_out")),
        )
    return table


def _earns(row: Row) -> str:
    if row["low"] is None:
        return "cannot be told"
    return (
        "earns more than it costs" if row["low"] > 1 else "costs more than it earns" if row["high"] < 1 else _NOT_KNOWN
    )


def _caps(told: Worth, cap: float) -> Table:
    headings = ("product line", "requests", "cap hit", "came back", "regret", "break-even", "95 % interval")
    table = _table(f"What caps on compensation cost, and what one of {cap:g} {told.unit} would have changed", *headings)
    for heading in ("more grants", "cost", "saved", "net", "95 % interval"):
        table.add_column(heading, justify="right")
    for row in told.caps[:_MOST]:
        table.add_row(
            shown(row["product_line"]) or "all",
            f"{row['n']:,}",
            f"{100 * row['hit']:.1f} %",
            f"{row['came_back']:,} of {row['refused']:,}",
            _money(told, row["regret"]),
            _money(told, row["break_even"]),
            _ends(told, row, "break_even"),
            f"{row['more'] - row['fewer']:+,}",
            *(_money(told, row[name]) for name in ("cost", "saved", "net")),
            _ends(told, row, "net"),
        )
    return table


def _churn(told: Worth) -> Table:
    title = "Stayed away: no order within twice the usual interval after a contact"
    table = _table(title, "the contact was", "customers", "stayed away", "comparable", "points", "95 % interval", "")
    for row in told.churn:
        value, low, high = (100 * row[name] for name in ("lift", "lift_low", "lift_high"))
        verdict = "more leave" if low > 0 else "fewer leave" if high < 0 else _NOT_KNOWN
        shares = (f"{100 * row[name]:.1f} %" for name in ("share", "other"))
        named = row["group"].replace("_", " ")
        table.add_row(named, f"{row['matched']:,.0f}", *shares, f"{value:+.1f}", f"{low:+.1f} to {high:+.1f}", verdict)
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(box=None, header_style="dim", title=title, title_justify="left", title_style="bold")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    return table


def _share(row: Row, name: str) -> tuple[str, str]:
    value, low, high = (100 * row[key] for key in (name, f"{name}_low", f"{name}_high"))
    return f"{value:.1f} %", f"{low:.1f} to {high:.1f} %"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _money(told: Worth, value: Any) -> str:  # noqa: ANN401 - as a row has it
    return "" if value is None else f"{value / told.minor:,.2f} {told.unit}"


def _ends(told: Worth, row: Row, name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "" if low is None else f"{low / told.minor:,.2f} to {high / told.minor:,.2f}"
