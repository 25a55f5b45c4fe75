"""`schedules`: opening hours go from a file to everyone who measures by them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from schemas.events import SchedulePublished
from schemas.instant import ms_of, zone_of
from schemas.rows import Ms
from schemas.schedule import Version
from streams.cli.connection import open_client, resolve
from streams.cli.signs import shown
from streams.cli.stated_file import read_stated
from streams.cli.wording import counted
from streams.clock import SystemClock
from streams.core.hours.published import KNOWN_UNTIL, Change, Standing, change_of
from streams.core.hours.schedule import Schedule, open_intervals
from streams.core.hours.schedule_file import schedules_of
from streams.core.window import local_of
from streams.settings import Settings, load_settings
from streams.sinks.schedules import standing

app = typer.Typer(help="Opening hours: publish them, look at those that count.", no_args_is_help=True)
console = Console(soft_wrap=True)

SOURCE: Final = "urn:servicepulse:schedules"


@app.command()
def publish(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="TOML; not given: the file of the setting `schedules`.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and publish nothing.")] = False,
) -> None:
    """Publish the opening hours of a file: one event for each schedule that differs from what counts.

    All faults of the file are told at once, and then nothing is published. Publishing a file again changes nothing.
    Business time of the past is measured by the new hours as soon as a worker has stored them.

    Example: `servicepulse schedules publish schedules.toml --dry-run`
    """
    settings = resolve(load_settings(), needs=("clickhouse",) if dry_run else ("kafka", "clickhouse"))
    wanted = read_stated(
        file or settings.schedules,
        schedules_of,
        "name a file of schedules, or set SERVICEPULSE_SCHEDULES to one",
    )
    stands = standing(open_client(settings))
    now_ms = SystemClock().now_ms()
    changes = [change_of(name, schedule.versions, stands.get(name), now_ms) for name, schedule in wanted.items()]
    console.print(_table(wanted, stands, changes))
    if dry_run:
        return
    _publish(settings, [change for change in changes if change], "published")


@app.command()
def withdraw(name: Annotated[str, typer.Argument(help="Of the schedule.")]) -> None:
    """Take a schedule back: its team is measured by `default`, or in calendar time only.

    Example: `servicepulse schedules withdraw repairs`
    """
    settings = resolve(load_settings())
    stands = standing(open_client(settings))
    change = change_of(name, (), stands.get(name), SystemClock().now_ms())
    if change is None:
        known = ", ".join(other for other, said in stands.items() if said.versions) or "none"
        raise typer.BadParameter(f"no schedule {name!r} counts; these do: {known}")
    _publish(settings, [change], "withdrawn")


@app.command()
def show(
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days from today on.")] = 7,
) -> None:
    """Show the schedules that count and when their desks are open in the next days, each by its own clock.

    Example: `servicepulse schedules show --days 14`
    """
    stands = {name: said for name, said in standing(open_client(load_settings())).items() if said.versions}
    if not stands:
        console.print("No schedule counts. Publish some: [bold]servicepulse schedules publish FILE[/]")
        return
    now_ms = SystemClock().now_ms()
    for name, said in stands.items():
        _show(name, said, now_ms, days)


def _publish(settings: Settings, changes: Sequence[Change], done: str) -> None:
    from streams.publisher import Publisher  # takes longer to import than showing schedules takes

    with Publisher.from_settings(settings, source=SOURCE) as publisher:
        for change in changes:
            content = SchedulePublished(name=change.name, versions=change.versions)
            publisher.publish(content, id=change.id, time=local_of(change.published_at, zone_of("UTC")))
    console.print(f"{counted(len(changes), 'schedule')} {done}", highlight=False)


def _table(wanted: Mapping[str, Schedule], stands: Mapping[str, Standing], changes: Iterable[Change | None]) -> Table:
    table = Table(box=None, header_style="dim")
    for heading in ("schedule", "", "business time differs from (UTC)"):
        table.add_column(heading, overflow="fold")
    for name, change in zip(wanted, changes, strict=True):
        table.add_row(shown(name), _word_of(change), _date(change.differs_at) if change else "")
    for name in sorted(stands.keys() - wanted.keys()):
        if stands[name].versions:
            table.add_row(shown(name), "stays, though the file has none: `schedules withdraw` takes it back", "")
    return table


def _word_of(change: Change | None) -> str:
    if change is None:
        return "unchanged"
    return "new" if change.is_new else "changed"


def _show(name: str, said: Standing, now_ms: Ms, days: int) -> None:
    version = _in_force(said.versions, now_ms)
    console.print(
        f"[bold]{shown(name)}[/]  {version.zone}, in force since {version.from_at.isoformat(' ', 'minutes')}, "
        f"published {_date(said.published_at)} UTC, known until {_date(KNOWN_UNTIL)[:10]}",
        highlight=False,
    )
    zone = zone_of(version.zone)
    today = local_of(now_ms, zone).date()
    schedule = Schedule(name, said.versions)
    for day in (today + timedelta(days=number) for number in range(days)):
        console.print(f"  {day:%a %Y-%m-%d}  {'  '.join(_hours_on(schedule, day, zone)) or 'closed'}", highlight=False)


def _hours_on(schedule: Schedule, day: date, zone: ZoneInfo) -> Iterator[str]:
    """Yield the open intervals of a day as its clock shows them; what goes on at midnight ends at 24:00."""
    midnight, next_midnight = (ms_of(datetime.combine(one, time.min, zone)) for one in (day, day + timedelta(days=1)))
    for opens, closes in open_intervals(schedule, midnight, next_midnight):
        end = "24:00" if closes == next_midnight else f"{local_of(closes, zone):%H:%M}"
        yield f"{local_of(opens, zone):%H:%M}-{end}"


def _in_force(versions: Sequence[Version], now_ms: Ms) -> Version:
    """Return the version that is in force, else the first one that will be."""
    return next((version for version in reversed(versions) if version.in_force_at <= now_ms), versions[0])


def _date(at: Ms | None) -> str:
    if at is None:
        return "nothing"
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).strftime("%Y-%m-%d %H:%M")
