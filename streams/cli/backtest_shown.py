"""A backtest for people: what was paged and why, what other budgets would have done, how late falls would be told."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from schemas.rows import Ms
from streams.cli.signs import shown
from streams.core.backtest.budget import Outcome, by_chance
from streams.core.backtest.fall import FALLEN_DAYS, WEEKS_LEAST, Delay
from streams.core.signal import sentence
from streams.core.signal.segment import Segment
from streams.core.signal.slices import Contribution

_WIDE: Final = 180
_HOURS: Final = 72
"""Longer delays are told in days."""
HOW: Final = """To choose one, set it where workers read their settings, and start them anew:
  servicepulse.toml:  [alert]  false_pages_per_90_days = {budget:g}    for one team: [alert.team.NAME]
  environment:        SERVICEPULSE_ALERT='{{"false_pages_per_90_days": {budget:g}}}'
Segments that page the same people share it: paging_segments says how many they are."""


def show(
    done: Sequence[Outcome],
    sources: Sequence[Sequence[Sequence[Contribution]]],
    now: Ms,
    weeks: int,
    *,
    n: int,
    teams: int,
    is_set: bool,
) -> None:
    """Print a backtest.

    Args:
        done: Budget by budget; the first, of as many segments as there are `sources`, is what is set or asked for.
        sources: Where its pages came from, page by page of each segment.
        now: When the weeks ended.
        weeks: How many they are.
        n: Ratings that were read.
        teams: That have any.
        is_set: The first budget is what the settings say.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(file=console.file, width=_WIDE, highlight=False)
    size = len(sources)
    by_budget = {
        _name(done[i], is_set=is_set and not i, is_asked=not is_set and not i): done[i : i + size]
        for i in range(0, len(done), size)
    }
    console.print(f"{weeks} weeks up to {sentence.instant(now)}: {n:,} ratings of {teams} teams were read.\n")
    _pages(console, done[:size], sources, next(iter(by_budget)))
    console.print("\n[bold]What each budget would have paged in these weeks[/]")
    console.print(_budgets(by_budget, weeks))
    if any(one.delays for one in done):
        console.print("\n[bold]How late a fall would be told[/], the median of falls drawn from its own weeks")
        console.print(_delays(by_budget))
        console.print(f"[dim]Not told: half of them or more were not within {FALLEN_DAYS} days.[/]")
    for one in done[:size]:
        if one.usual is None or not one.delays:
            console.print(f"[dim]{shown(sentence.of_segment(one.segment))}: {_unknown(one)}[/]")
    console.print("\n" + HOW.format(budget=done[0].thresholds.false_pages_per_90_days), markup=False)


def _name(of: Outcome, *, is_set: bool, is_asked: bool) -> str:
    name = f"{of.thresholds.false_pages_per_90_days:g}"
    return name + (" (set)" if is_set else " (asked for)" if is_asked else "")


def _unknown(one: Outcome) -> str:
    if one.usual is None:
        return "still learning what is usual; it pages nobody"
    return f"fewer than {WEEKS_LEAST} whole weeks without a fall are known: no delay can be told"


def _pages(
    console: Console, chosen: Sequence[Outcome], sources: Sequence[Sequence[Sequence[Contribution]]], name: str
) -> None:
    told = [
        (one.segment, told, slices)
        for one, of_pages in zip(chosen, sources, strict=True)
        for told, slices in zip(one.told, of_pages, strict=True)
    ]
    console.print(f"[bold]Paged[/] at {name} false pages in 90 days")
    if not told:
        console.print("  nothing")
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("opened", "resolved", "whose", "value", "usual", "n", "found by", "comes from, in points"):
        table.add_column(heading, justify="right" if heading in {"value", "usual", "n"} else "left")
    for segment, one, slices in sorted(told, key=lambda row: row[1].page.episode.opened_at):
        episode, window = one.page
        table.add_row(
            sentence.instant(episode.opened_at),
            sentence.instant(episode.closed_at) if episode.closed_at else "open",
            shown(sentence.of_segment(segment)),
            sentence.percent(window.value),
            sentence.percent(window.usual),
            f"{window.n:,}",
            episode.found_by,
            shown(f"pages nobody: {one.note}" if one.note else sentence.slices(slices)),
            style="dim" if one.note else "",
        )
    console.print(table)


def _budgets(by_budget: Mapping[str, Sequence[Outcome]], weeks: int) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("false pages in 90 days", "pages", "accepted without a fall", "of whom"):
        table.add_column(heading, justify="left" if heading == "of whom" else "right")
    for name, of_budget in by_budget.items():
        paged = {one.segment: sum(not told.note for told in one.told) for one in of_budget}
        whom = ", ".join(_times(segment, pages) for segment, pages in paged.items() if pages)
        table.add_row(name, f"{sum(paged.values())}", f"{by_chance(of_budget, weeks):.1f}", shown(whom))
    return table


def _times(segment: Segment, pages: int) -> str:
    return sentence.of_segment(segment) + (f" {pages} times" if pages > 1 else "")


def _delays(by_budget: Mapping[str, Sequence[Outcome]]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("whose", "ratings a day", "usual", "moods", "fall", *by_budget):
        table.add_column(heading, justify="left" if heading == "whose" else "right")
    for of_segment in zip(*by_budget.values(), strict=True):
        for row in _rows(of_segment):
            table.add_row(*row)
    return table


def _rows(of_segment: Sequence[Outcome]) -> Iterator[list[str]]:
    first = of_segment[0]
    about = [
        shown(sentence.of_segment(first.segment)),
        f"{first.ratings_per_day or 0:,.1f}",
        sentence.percent(first.usual),
        f"{first.mood_points or 0:.1f} points",
    ]
    known = [{delay.points: delay for delay in one.delays} for one in of_segment]
    for points in known[0]:
        yield [*about, f"{points} points", *(_late(delays.get(points)) for delays in known)]
        about = [""] * len(about)


def _late(delay: Delay | None) -> str:
    if delay is None or not delay.trials:
        return sentence.NOTHING_KNOWN
    hours = delay.median_hours
    if hours is None:
        return "not told"
    return f"{hours:.0f} h" if hours < _HOURS else f"{hours / 24:.0f} d"
