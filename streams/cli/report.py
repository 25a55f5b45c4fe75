"""`report`: every metric over a window of event time, beside the period before."""

import sys
from collections.abc import Sequence
from contextlib import closing
from enum import StrEnum
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from clickhouse_connect.driver.client import Client
from rich.console import Console

from schemas.policy import Policy
from schemas.rows import Ms
from streams.cli import report_record, report_table, report_tickets
from streams.cli.connection import open_client
from streams.cli.definition import explain
from streams.cli.wording import meant_text
from streams.clock import SystemClock
from streams.core.ask.drilldown import Seen
from streams.core.ask.question import Question
from streams.core.ask.report import Report, compared, in_sequence
from streams.core.metrics import METRICS, Credit, Dimension, Metric
from streams.core.metrics.policy import by_policy
from streams.core.metrics.satisfaction import BY_CLOCK, Clock
from streams.core.policy.published import in_force_now
from streams.core.window import DAY_MS, Bucket, Window, WindowError, buckets_of, instant_of, previous, zone_of
from streams.settings import Settings, load_settings
from streams.sinks.connection import HOW_TO_BEGIN
from streams.sinks.figures import Freshness, answer, freshness, observations
from streams.sinks.policy import versions_that_count

DEFAULT_DAYS: Final = 30
EMPTY: Final = f"No events yet, so there is nothing to report. {HOW_TO_BEGIN}"


class Format(StrEnum):
    """For whom a report is."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def report(
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DATE|TIME", help="Begin of the window, such as 2026-03-01.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="DATE|TIME", help="End of the window; that instant is not part of it.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="From the first event to the newest one.")] = False,
    zone: Annotated[str, typer.Option(metavar="ZONE", help="Time zone, such as Europe/Berlin.")] = "UTC",
    by: Annotated[Dimension | None, typer.Option(help="Also divided by this, ranked.")] = None,
    bucket: Annotated[Bucket | None, typer.Option(help="One line for each of these.")] = None,
    metric: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help=f"Only this one, repeatable: {', '.join(METRICS)}.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Every metric, not only the main ones.")] = False,
    clock: Annotated[
        Clock,
        typer.Option(help="What puts a rating into the window: when it was given, or its case solved or opened."),
    ] = Clock.RATED,
    credit: Annotated[
        Credit,
        typer.Option(
            help="By team or agent: whoever did it, such as the sender of an answer, or whoever has the ticket now."
        ),
    ] = Credit.DID,
    tickets: Annotated[
        bool, typer.Option("--tickets", help="List the tickets behind one number; what they amount to is the number.")
    ] = False,
    part: Annotated[
        str | None, typer.Option(metavar="VALUE", help="With --tickets and --by: only this value, such as a team.")
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="For people, for programs, for spreadsheets.")
    ] = Format.TABLE,
    explain_: Annotated[
        str | None, typer.Option("--explain", metavar="NAME", help="Only say how this metric is defined, and its SQL.")
    ] = None,
) -> None:
    """Show every metric with its n and its 95 % interval, beside the period before.

    Without a window: the last 30 days up to the newest event. A number that rests on too few observations is not shown.

    For example:

    `servicepulse report --by team --metric complaint_rate --metric csat_share`

    `servicepulse report --from 2026-03-01 --to 2026-04-01 --zone Europe/Berlin --bucket week --format csv`

    `servicepulse report --metric csat_share --clock resolved --by team --part billing --tickets`

    `servicepulse report --explain complaint_rate`
    """
    metrics = _asked(metric, clock, is_full=full)
    if tickets and len(metrics) != 1:
        raise typer.BadParameter("--tickets lists what is behind one number: name it with --metric")
    if part is not None and not (tickets and by):
        raise typer.BadParameter("--part goes with --tickets and --by")
    if explain_:
        explain(Console(), _metric(explain_), by, bucket, credit)
        return
    if all_ and (from_ or to):
        raise typer.BadParameter("--all is everything already: leave --from and --to away")
    settings = load_settings()
    if by is Dimension.AGENT and not settings.compare_agents:
        raise typer.BadParameter("agents are not compared here: compare_agents is false in the settings; try --by team")
    try:
        clocks = zone_of(zone)
        begins_at = instant_of(from_, clocks) if from_ else None
        ends_at = instant_of(to, clocks) if to else None
        with closing(open_client(settings)) as client:
            now = SystemClock().now_ms()
            fresh = freshness(client, now)
            if fresh.known is None:
                _say_empty(format_)
                return
            window = fresh.known if all_ else _window(begins_at, ends_at, fresh.known.end_at)
            if tickets:
                by = by if part is not None else None
                versions = versions_that_count(client)
                metrics = [by_policy(metrics[0], in_force_now(versions, now))]
                seen = observations(client, metrics[0], window, by, part or "", credit)
                if by and not seen:
                    _refuse_unknown_part(client, metrics[0], fresh.known, by, part or "", credit)
                _list(metrics[0], seen, clocks, format_, versions)
                return
            made = make(client, metrics, window, fresh, zone=clocks, by=by, bucket=bucket, credit=credit)
    except WindowError as error:
        raise typer.BadParameter(str(error)) from None
    _show(format_, made, fresh, now)


def print_report(settings: Settings, console: Console | None = None, *, days: int = DEFAULT_DAYS) -> None:
    """Print what the last days up to the newest event amount to.

    Raises:
        SettingsError: When there is no ClickHouse.
        StoreUnavailableError: When it is away.
        StoreRejectedError: When it refuses.
    """
    with closing(open_client(settings)) as client:
        now = SystemClock().now_ms()
        fresh = freshness(client, now)
        if fresh.known is None:
            _say_empty(Format.TABLE)
            return
        window = _window(None, None, fresh.known.end_at, days)
        made = make(client, _asked(None, Clock.RATED, is_full=False), window, fresh)
    report_table.show(console or Console(), made, fresh, now)


def make(
    client: Client,
    metrics: Sequence[Metric],
    window: Window,
    fresh: Freshness,
    *,
    zone: ZoneInfo | None = None,
    by: Dimension | None = None,
    bucket: Bucket | None = None,
    credit: Credit = Credit.DID,
) -> Report:
    """Return a report, made from the database as it is now.

    Args:
        client: Of the database.
        metrics: In the order of the report.
        window: What it is about.
        fresh: What is known, something at least. A period before the first event is no comparison.
        zone: Its clocks; UTC when not given.
        by: Also divided by this.
        bucket: In steps of this, each beside the one before, instead of the whole beside the period before.
        credit: Whose an observation is, where it is divided by team or agent.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses.
        WindowError: When there are too many buckets.
    """
    zone = zone or ZoneInfo("UTC")
    known = fresh.known or window
    versions = versions_that_count(client)
    policy_now = in_force_now(versions, SystemClock().now_ms())
    metrics = [by_policy(metric, policy_now) for metric in metrics]
    before = None if bucket else previous(window, zone)
    if before and before.end_at <= known.start_at:
        before = None
    windows = [window, before] if before else [window]
    asked = Question(metrics=metrics, windows=windows, by=by, bucket=bucket, zone=zone.key, credit=credit)
    figures = answer(client, asked, known)
    if bucket:
        inside = Window(max(window.start_at, known.start_at), min(window.end_at, known.end_at))
        lines = in_sequence(metrics, buckets_of(window, bucket, zone), figures, inside, fresh.followed_until)
    else:
        lines = compared(metrics, window, before, figures, known, fresh.followed_until)
    return Report(
        window=window,
        before=before,
        by=by,
        bucket=bucket,
        zone=zone,
        known=known,
        followed_until=fresh.followed_until,
        policy=versions,
        policy_now=policy_now,
        lines=lines,
    )


def _window(begins_at: Ms | None, ends_at: Ms | None, newest: Ms, days: int = DEFAULT_DAYS) -> Window:
    end_at = newest if ends_at is None else ends_at
    return Window(end_at - days * DAY_MS if begins_at is None else begins_at, end_at)


def _asked(names: Sequence[str] | None, clock: Clock, *, is_full: bool) -> list[Metric]:
    chosen = [_metric(name) for name in names] if names else [one for one in METRICS.values() if one.is_main or is_full]
    return [BY_CLOCK[clock].get(metric.name, metric) for metric in chosen]


def _refuse_unknown_part(
    client: Client, metric: Metric, known: Window, by: Dimension, part: str, credit: Credit
) -> None:
    """Refuse what no observation ever had: a part that merely has none in a window is no mistake."""
    figures = answer(client, Question(metrics=[metric], windows=[known], by=by, credit=credit), known)
    parts = {one for _, one, _ in figures if one is not None}
    if part not in parts:
        hint = meant_text(part, parts, f"`servicepulse report --all --by {by.value}` shows those that there are")
        raise typer.BadParameter(f"there is no {by.value.replace('_', ' ')} {part!r} in {metric.name}; {hint}")


def _list(metric: Metric, seen: Sequence[Seen], zone: ZoneInfo, format_: Format, policy: Sequence[Policy]) -> None:
    match format_:
        case Format.TABLE:
            console = Console()
            wide = console if console.is_terminal else Console(file=console.file, width=report_table.WIDE)
            report_tickets.show(wide, metric, seen, zone, policy)
        case Format.JSON:
            sys.stdout.write(report_tickets.json_text(metric, seen, policy))
        case Format.CSV:
            report_tickets.write_csv(metric, seen, policy)


def _metric(name: str) -> Metric:
    if name in METRICS:
        return METRICS[name]
    hint = meant_text(name, METRICS, f"choose from {', '.join(METRICS)}")
    raise typer.BadParameter(f"there is no metric {name!r}; {hint}")


def _show(format_: Format, made: Report, fresh: Freshness, now: Ms) -> None:
    match format_:
        case Format.TABLE:
            report_table.show(Console(), made, fresh, now)
        case Format.JSON:
            sys.stdout.write(report_record.json_text(made, fresh, now))
        case Format.CSV:
            sys.stdout.write(report_record.csv_text(made))


def _say_empty(format_: Format) -> None:
    """Say that there is nothing; a program that reads the output gets an empty document."""
    Console(stderr=format_ is not Format.TABLE).print(EMPTY, highlight=False, markup=False)
    if format_ is Format.JSON:
        sys.stdout.write("{}\n")
