"""One screen of the live view: what it looks at and how it draws that."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from clickhouse_connect.driver.client import Client
from msgspec import Struct
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from schemas.rows import Ms
from streams.cli.wording import (
    brief_change_text,
    change_text,
    counted,
    duration_text,
    figure_text,
    interval_text,
    part_text,
    rank_text,
)
from streams.core.ask.figure import Figure
from streams.core.ask.question import Question
from streams.core.ask.report import Line, compared
from streams.core.metrics import Dimension, Kind, Metric
from streams.core.metrics.complaint_rate import COMPLAINT_RATE
from streams.core.metrics.load import BACKLOG, TICKETS_CREATED
from streams.core.metrics.policy import by_policy
from streams.core.metrics.resolution import TIME_TO_RESOLUTION_P50
from streams.core.metrics.response_time import OPEN_WAITS_NOW, TIME_TO_FIRST_RESPONSE_P50, TIME_TO_FIRST_RESPONSE_P90
from streams.core.metrics.satisfaction import CSAT_MEAN, CSAT_SHARE
from streams.core.policy.published import in_force_now
from streams.core.window import DAY_MS, Window, local_of, previous
from streams.settings import PREFIX
from streams.sinks.figures import LATELY_SECONDS, Freshness, answer, freshness
from streams.sinks.policy import versions_that_count

SHOWN: Final = (
    COMPLAINT_RATE,
    CSAT_SHARE,
    CSAT_MEAN,
    TIME_TO_FIRST_RESPONSE_P50,
    TIME_TO_FIRST_RESPONSE_P90,
    TIME_TO_RESOLUTION_P50,
    TICKETS_CREATED,
)
RANKED_BY: Final = CSAT_SHARE
OF_TEAMS: Final = {
    "complaints": COMPLAINT_RATE,
    "first response": TIME_TO_FIRST_RESPONSE_P50,
    "tickets": TICKETS_CREATED,
    "waiting": OPEN_WAITS_NOW,
}
"""What else the table of teams shows, under short headings."""
AT_ONCE: Final = (OPEN_WAITS_NOW, BACKLOG)

POINTS_WIDTH: Final = 112
"""From so many columns on there is room for changes in points beside those in percent,"""
BEFORE_WIDTH: Final = 138
"""from so many on for the values of the periods before,"""
INTERVAL_WIDTH: Final = 190
"""and from so many on for intervals."""
BESIDE_TEAMS: Final = 16
"""Lines of the screen beside those of the teams."""
LEAST_TEAMS: Final = 3
NOISE: Final = " ~"
LEGEND: Final = "~ may be noise; too few: not enough data. With intervals"
PROGRAM: Final = "servicepulse"

_UTC: Final = ZoneInfo("UTC")


class Look(Struct, frozen=True, kw_only=True):
    """What one look at the database found; without events no lines.

    Attributes:
        now: When it was taken.
        fresh: How far the database is.
        spans: Lines over the last day and the last week up to the newest event, by what a reader calls them.
        teams: Lines of the last week, the best team first.
        figures: All of the last week and of the instant, by metric and team.
    """

    now: Ms
    fresh: Freshness
    spans: Mapping[str, Sequence[Line]] = {}
    teams: Sequence[Line] = ()
    figures: Mapping[tuple[str, str | None], Figure] = {}


def look(client: Client, now: Ms) -> Look:
    """Return the figures up to the newest event, by which their windows end.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses.
    """
    fresh = freshness(client, now)
    if fresh.known is None:
        return Look(now=now, fresh=fresh)
    end_at = fresh.known.end_at
    windows = {"last 24 h": Window(end_at - DAY_MS, end_at), "last 7 d": Window(end_at - 7 * DAY_MS, end_at)}
    before = {name: previous(window, _UTC) for name, window in windows.items()}
    policy = in_force_now(versions_that_count(client), now)
    shown = {metric.name: by_policy(metric, policy) for metric in (*SHOWN, *AT_ONCE)}
    question = Question(metrics=list(shown.values()), windows=[*windows.values(), *before.values()], by=Dimension.TEAM)
    figures = answer(client, question, fresh.known)
    wholes = {key: figure for key, figure in figures.items() if key[1] is None}
    lines = {
        name: compared(
            [shown[metric.name] for metric in SHOWN],
            windows[name],
            before[name],
            wholes,
            fresh.known,
            fresh.followed_until,
        )
        for name in windows
    }
    week = "last 7 d"
    ranking = compared([shown[RANKED_BY.name]], windows[week], before[week], figures, fresh.known, fresh.followed_until)
    return Look(
        now=now,
        fresh=fresh,
        spans=lines,
        teams=[line for line in ranking if line.part is not None],
        figures={(name, part): figure for (name, part, window), figure in figures.items() if window == windows[week]},
    )


def screen_of(seen: Look, width: int, height: int) -> RenderableType:
    """Return a look as a screen of so many columns and lines."""
    head = Text("Service Pulse ", style="bold").append(_freshness(seen), "not bold")
    if not seen.figures:
        return Group(head, Text("Waiting for the first event.", style="dim"))
    foot = legend()
    teams = max(LEAST_TEAMS, height - BESIDE_TEAMS - foot.count("\n"))
    return Group(
        head,
        Text("   ".join(_counters(seen))),
        Text(),
        _metrics(seen, width),
        Text(),
        _teams(seen, teams, width),
        Text(foot, style="dim"),
    )


def legend() -> str:
    """Return what the signs mean, and what to paste for more: it reaches the servers that this process reaches.

    Where settings are named by the environment, a second terminal needs that name too. The command can be cut into two
    lines after the semicolon, as narrow terminals do.
    """
    report = f"{_program()} report"
    file = os.environ.get(f"{PREFIX}SETTINGS")
    if not file:
        return f"{LEGEND}: {report}"
    return f"{LEGEND}, in a second terminal in this folder:\nexport {PREFIX}SETTINGS={shlex.quote(file)}; {report}"


def _program() -> str:
    """Return how this program was called, such as `.venv/bin/servicepulse`; its bare name where a shell finds it."""
    called, found = Path(sys.argv[0]), shutil.which(PROGRAM)
    is_found = found is not None and called.resolve() == Path(found).resolve()
    return PROGRAM if is_found or called.name != PROGRAM else shlex.quote(str(called))


def _freshness(seen: Look) -> str:
    if seen.fresh.known is None:
        return "has no events yet"
    newest = seen.fresh.known.end_at - 1
    ago = duration_text(max(0, seen.now - newest) / 1000)
    return f"as of {local_of(newest, _UTC):%Y-%m-%d %H:%M:%S} UTC, the newest event, {ago} ago"


def _counters(seen: Look) -> Iterator[str]:
    yield counted(seen.fresh.events, "event")
    yield f"{seen.fresh.events_lately / LATELY_SECONDS:,.0f}/s"
    yield counted(seen.fresh.dead_letters, "dead letter")
    for metric, one, what in ((OPEN_WAITS_NOW, "customer", "waiting"), (BACKLOG, "ticket", "open")):
        yield f"{counted(seen.figures[metric.name, None].n, one)} {what}"


def _metrics(seen: Look, width: int) -> Table:
    table = _table(width)
    table.add_column("", no_wrap=True)
    for name in seen.spans:
        for heading in _headings(name, width):
            table.add_column(heading, no_wrap=True, justify="right" if heading == "n" else "left")
    for lines in zip(*seen.spans.values(), strict=True):
        cells = [cell for line in lines for cell in _cells(line, width)]
        table.add_row(Text(_title(lines[0].metric)), *cells)
    return table


def _title(metric: Metric) -> str:
    """Return the title of a metric as there is room for it beside two periods."""
    return (
        metric.title.replace("Time to", "To").replace("median", "p50") if metric.kind is Kind.SURVIVAL else metric.title
    )


def _headings(name: str, width: int) -> Iterator[str]:
    yield name
    if width >= INTERVAL_WIDTH:
        yield "95 % interval"
    yield "n"
    if width >= BEFORE_WIDTH:
        yield "before"
    yield "change"


def _cells(line: Line, width: int) -> Iterator[Text]:
    yield _value(line.figure, "bold")
    if width >= INTERVAL_WIDTH:
        yield Text(interval_text(line.figure))
    yield Text(f"{line.figure.n:,}")
    if width >= BEFORE_WIDTH:
        yield _value(line.before) if line.before else Text()
    change = change_text if width >= POINTS_WIDTH else brief_change_text
    yield change(line.metric.unit, line.change, NOISE)


def _teams(seen: Look, most: int, width: int) -> Table:
    table = _table(width)
    table.add_column("rank", no_wrap=True)
    table.add_column("team, last 7 d")
    for heading in (RANKED_BY.title, *(["95 % interval"] if width >= POINTS_WIDTH else []), "n", *OF_TEAMS):
        table.add_column(heading, no_wrap=True, justify="right" if heading == "n" else "left")
    for line in seen.teams[:most]:
        table.add_row(Text(rank_text(line.rank)), Text(part_text(line.part)), *_team_cells(seen, line, width))
    if hidden := len(seen.teams[most:]):
        table.add_row("", Text(f"and {hidden} more", style="dim"))
    return table


def _team_cells(seen: Look, line: Line, width: int) -> Iterator[Text]:
    yield _value(line.figure, "bold")
    if width >= POINTS_WIDTH:
        yield Text(interval_text(line.figure))
    yield Text(f"{line.figure.n:,}")
    for metric in OF_TEAMS.values():
        yield _value(seen.figures[metric.name, line.part])


def _table(width: int) -> Table:
    return Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2 if width >= POINTS_WIDTH else 1, 0, 0))


def _value(figure: Figure, style: str = "") -> Text:
    """Return a value; its n stands beside it or in the report, so too few observations need no more words."""
    if figure.is_enough or figure.is_unreached or figure.metric.kind is Kind.COUNT:
        return Text(figure_text(figure), style=style)
    return Text("too few", style="dim")
