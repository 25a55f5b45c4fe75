"""`alerts`: what pages cost, judged by weeks that are over."""

import sys
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec
import typer

from schemas.rows import Ms
from streams.cli.backtest_record import record_of, rows_of
from streams.cli.backtest_shown import show
from streams.cli.connection import open_client
from streams.cli.trial_screen import watched
from streams.clock import SystemClock
from streams.core.backtest.budget import Outcome, budgets, outcomes
from streams.core.backtest.past import WEEKS_MOST, Past
from streams.core.drop import reads_from
from streams.core.signal import sentence
from streams.core.signal.segment import DESK, Segment, SegmentKind
from streams.core.signal.slices import Contribution, leading
from streams.core.signal.watched import fall_of, usual_of
from streams.core.window import DAY_MS, WindowError, instant_of
from streams.settings import load_settings
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.watch import ClickHouseWatchStore

app = typer.Typer(help="What pages cost: choose how many false ones to accept.", no_args_is_help=True)

MOST_SHOWN: Final = 12
"""Teams, those with the most ratings, unless some are named: each takes seconds."""
NOTHING: Final = "No ratings in the months up to {until}: there is nothing to judge the rule by."


@app.callback()
def alerts() -> None:
    """Take no options of its own."""


@app.command()
def backtest(
    team: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="These teams only, repeatable; else the desk and all teams."),
    ] = None,
    weeks: Annotated[int, typer.Option(min=1, max=WEEKS_MOST, help="Weeks that are over.")] = WEEKS_MOST,
    false_pages: Annotated[
        float | None,
        typer.Option(min=0.01, max=90, metavar="N", help="False pages to accept in 90 days; else as it is set."),
    ] = None,
    until: Annotated[
        str, typer.Option(metavar="DATE|TIME", help="Weeks up to then, in UTC, such as 2026-03-01; else up to now.")
    ] = "",
    trials: Annotated[int, typer.Option(min=0, help="Falls to draw for each delay; 0 leaves delays out.")] = 20,
    keep: Annotated[
        bool, typer.Option("--keep", help="Also store it: the page *Pages and their price* shows the newest one.")
    ] = False,
    every_days: Annotated[
        float | None,
        typer.Option("--every-days", min=0.001, metavar="N", help="Go on, and do it again after so many days."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what the watch would have paged in the last weeks, and what other budgets of false pages would have done.

    The same rule over the same ratings, as if none had been replayed. Of each budget: what it would have paged in these
    weeks, and how late it would tell a fall by 15, 10 and 5 points, drawn from the segment's own weeks and moods.
    Changes nothing; what is kept is for its page.

    For example:

    `servicepulse alerts backtest`

    `servicepulse alerts backtest --false-pages 0.5 --weeks 8`

    `servicepulse alerts backtest --keep --every-days 7`

    `servicepulse alerts backtest --team delivery --team billing --trials 100 --json`
    """
    while True:
        _backtest(team or (), weeks, false_pages, until, trials, keep=keep, as_json=as_json)
        if every_days is None:
            return
        time.sleep(every_days * 86_400)


def _backtest(
    team: Sequence[str], weeks: int, false_pages: float | None, until: str, trials: int, *, keep: bool, as_json: bool
) -> None:
    settings = load_settings()
    now, book = _instant(until) if until else SystemClock().now_ms(), settings.thresholds
    with closing(open_client(settings)) as client:
        store = ClickHouseWatchStore(client)
        past = Past(store.ratings(reads_from(now, book.usual), None).tickets, book, now, settings.alert_most_teams)
        if not len(past):
            typer.echo("[]" if as_json else NOTHING.format(until=sentence.instant(now)))
            return
        segments = _chosen(past, team)
        looked_at, since = budgets(book, false_pages), now - weeks * 7 * DAY_MS
        every = (one for budget in looked_at for one in outcomes(past, segments, book, budget, since, trials))
        done = list(
            watched(every, len(looked_at) * len(segments), lambda one: sentence.of_segment(one.segment), "steps")
        )
        sources = [_sources(store, one, now) for one in done[: len(segments)]]
        if keep:
            ClickHouseStore(client).insert(rows_of(done, sources, now, weeks))
    if as_json:
        sys.stdout.write(msgspec.json.encode(record_of(done, sources, now, weeks)).decode() + "\n")
    else:
        show(done, sources, now, weeks, n=len(past), teams=len(past.segments) - 1, is_set=false_pages is None)


def _instant(text: str) -> Ms:
    try:
        return instant_of(text, ZoneInfo("UTC"))
    except WindowError as error:
        raise typer.BadParameter(str(error), param_hint="--until") from None


def _chosen(past: Past, teams: Sequence[str]) -> list[Segment]:
    """Return the segments to look at.

    Raises:
        BadParameter: When a team has no ratings.
    """
    named = [Segment(SegmentKind.TEAM, team) for team in dict.fromkeys(teams)]
    unknown = [segment.name for segment in named if segment not in past.segments]
    if unknown:
        known = ", ".join(segment.name for segment in past.busiest(MOST_SHOWN)) or "none"
        raise typer.BadParameter(
            f"no ratings of {', '.join(unknown)}; teams with ratings: {known}", param_hint="--team"
        )
    return named or [*past.busiest(MOST_SHOWN), DESK]


def _sources(store: ClickHouseWatchStore, of: Outcome, now: int) -> list[Sequence[Contribution]]:
    """Return where each page came from, over its fall."""
    falls = [one.page.episode for one in of.told]
    return [leading(store.slices(of.segment, fall_of(one, one.closed_at or now), usual_of(one))) for one in falls]
