"""How figures read to people: values with units, intervals, changes that name what they are measured in."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from msgspec.structs import asdict
from rich.text import Text

from schemas.policy import Policy, Rule
from schemas.rows import Ms
from streams.cli.signs import printable
from streams.core.ask.figure import Change, Figure
from streams.core.ask.report import Line, Rank
from streams.core.metrics import Kind, Unit
from streams.core.policy.published import BUILT_IN
from streams.core.window import local_of

if TYPE_CHECKING:  # only those who ask ClickHouse wait for its driver
    from streams.sinks.figures import Freshness

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

NOTHING_BEFORE: Final = "nothing to compare with"
NOT_REACHED: Final = "not reached"
LONGER: Final = "longer"
SHORTER: Final = "shorter"

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_STEPS: Final = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s"))


def meant_text(name: str, known: Collection[str], otherwise: str) -> str:
    """Return which known name somebody may have meant, and otherwise something else that helps."""
    close = [one for one in known if name and one.startswith(name)] or get_close_matches(name, known)
    return f"did you mean {' or '.join(close)}?" if close else otherwise


def policy_text(version: Policy) -> str:
    """Return how a version of the policy is named: by when it came into force."""
    return "built in" if version is BUILT_IN else f"{version.from_at.isoformat(' ', 'minutes')} {version.zone}"


_PAUSED: Final = {"customer": "the customer has to answer", "hold": "it is on hold"}


def rule_text(rule: Rule) -> str:
    """Return a rule in words: `within 2d, paused while it is on hold, where priority is urgent or high`."""
    hours = " of open hours" if rule.is_open_hours else ""
    wanted = " and ".join(
        f"{name.replace('_', ' ')} is {' or '.join(value or 'none' for value in values)}"
        for name, values in rule.conditions.items()
    )
    paused = " or ".join(_PAUSED[one] for one in rule.paused)
    stands = f", paused while {paused}" + ("," if wanted else "") if paused else ""
    return f"within {rule.within}{hours}{stands}" + (f" where {wanted}" if wanted else "")


def settled_text(version: Policy) -> str:
    """Return after how many days figures that move by waiting are settled: `7 days (surveys), 14 (ratings)`."""
    days = asdict(version.settled_after_days)
    (first, count), *others = days.items()
    return ", ".join([f"{count} days ({first})", *(f"{count} ({name})" for name, count in others)])


def told_text(version: Policy) -> str:
    """Return what a version says otherwise than what is built in of when figures are told; "" where nothing."""
    said = []
    if version.least_n != BUILT_IN.least_n:
        said.append(f"shown from n = {version.least_n} on")
    if version.settled_after_days != BUILT_IN.settled_after_days:
        said.append(f"settled after {settled_text(version)}")
    return " and ".join(said)


def counted(number: int, one: str) -> str:
    """Return a number with its word: `1 event`, `1,204 events`."""
    return f"{number:,} {one if number == 1 else one + 's'}"


def duration_text(seconds: float) -> str:
    """Return a duration in its two largest units: `16 h 23 min`. Up to two days are told in hours."""
    if seconds < 0:
        return f"-{duration_text(-seconds)}"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    seconds = round(seconds)
    steps = _STEPS[1:] if seconds < 2 * DAY else _STEPS
    large, small = next((steps[i], steps[i + 1]) for i in range(len(steps) - 1) if seconds >= steps[i][0])
    count, rest = divmod(round(seconds / small[0]), large[0] // small[0])
    return f"{count} {large[1]} {rest} {small[1]}" if rest else f"{count} {large[1]}"


def value_text(unit: Unit, value: float) -> str:
    """Return a value with its unit."""
    match unit:
        case Unit.SHARE:
            return f"{100 * value:.1f} %"
        case Unit.SCORE | Unit.PER_1000 | Unit.AVERAGE:
            return f"{value:.1f}"
        case Unit.BALANCE:
            return f"{value:+.1f}"
        case Unit.SECONDS:
            return duration_text(value)
        case Unit.NUMBER:
            return f"{value:,.0f}"


def figure_text(figure: Figure) -> str:
    """Return the value, or why there is none."""
    if figure.shown is not None:
        return value_text(figure.metric.unit, figure.shown)
    if figure.is_unreached:
        return NOT_REACHED
    return "no data" if figure.metric.kind is Kind.COUNT else f"not enough data (n = {figure.n:,})"


def interval_text(figure: Figure) -> str:
    """Return the interval of a figure; of a mean the spread as well."""
    low, high = figure.interval
    unit = figure.metric.unit
    if not (figure.is_enough or figure.is_unreached) or (low is None and high is None):
        return ""
    if low is None or high is None:
        return f"at least {value_text(unit, low)}" if low is not None else f"at most {value_text(unit, high or 0)}"
    return f"{value_text(unit, low).removesuffix(' %')} to {value_text(unit, high)}"


def spread_text(figure: Figure) -> str:
    """Return how far the observations behind a mean lie apart, and how many times were not over; "" for all else."""
    if figure.metric.kind is Kind.SURVIVAL and figure.hits is not None and figure.n >= figure.metric.n_min:
        return f"{figure.n - figure.hits:,} of {figure.n:,} without an end yet"
    if figure.spread is None or figure.spread.deviation is None or not figure.is_enough:
        return ""
    deviation, p10, p90 = figure.spread
    return f"standard deviation {deviation:.1f}, p10 {p10:.0f}, p90 {p90:.0f}, p90 - p10 {p90 - p10:.0f}"


def design_text(figure: Figure) -> str:
    """Return what a figure's n stands for: `Satisfied 413 instead of 500 (design effect 1.21)`."""
    instead = f"{figure.effective_n:,.0f} instead of {figure.n:,}"
    return f"{figure.metric.title} {instead} (design effect {figure.design_effect:.2f})"


def change_text(unit: Unit, change: Change | None, noise: str = ", maybe noise") -> Text:
    """Return a change in percent of what was, and in points; green where it is clearly good, red where it is bad.

    Args:
        unit: Of the metric.
        change: None when there is nothing to compare.
        noise: Put behind a change that may be none.
    """
    if change is None:
        return Text("")
    relative = [] if change.relative is None else [_percent(change.relative)]
    return _marked(" / ".join([*relative, _points_text(unit, change)]), change, noise)


def uncompared_text(line: Line) -> str:
    """Return what stands in place of a change; "" where the figure itself says why there is none."""
    return NOTHING_BEFORE if line.lacks_comparison else ""


def brief_change_text(unit: Unit, change: Change | None, noise: str = ", maybe noise") -> Text:
    """Return a change in percent of what was alone; in points where that was 0."""
    if change is None:
        return Text("")
    return _marked(_points_text(unit, change) if change.relative is None else _percent(change.relative), change, noise)


def _percent(relative: float) -> str:
    return f"{100 * relative:+.1f} %"


def _marked(text: str, change: Change, noise: str) -> Text:
    if change.is_clear is False:
        return Text(text + noise, style="dim")
    return Text(text, style={True: "green", False: "red", None: ""}[change.is_better] if change.is_clear else "")


def _points_text(unit: Unit, change: Change) -> str:
    points = change.points
    if points is None:
        return SHORTER if change.is_better else LONGER
    sign = "-" if points < 0 else "+"
    if unit is Unit.SECONDS:
        return sign + duration_text(abs(points))
    match unit:
        case Unit.NUMBER:
            return f"{points:+,.0f}"
        case Unit.AVERAGE:
            return f"{points:+.1f}"
        case _:
            return f"{points:+.1f} points"


def rank_text(rank: Rank | None) -> str:
    """Return a place, or the places between which the numbers cannot decide."""
    if rank is None:
        return ""
    return f"{rank.best}" if rank.best == rank.worst else f"{rank.best} to {rank.worst}"


def part_text(part: str | None) -> str:
    """Return how a value of a dimension is called."""
    return "all" if part is None else printable(part) or "(unknown)"


def in_cells(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record for a spreadsheet: a name that would be read as a formula there begins with an apostrophe."""
    return {
        name: f"'{one}" if isinstance(one, str) and one.startswith(_FORMULA) else one for name, one in record.items()
    }


def freshness_text(fresh: "Freshness", zone: ZoneInfo, now: Ms) -> str:
    """Return when the newest event happened, and how much is stored."""
    stored = f"{counted(fresh.events, 'event')} stored, {counted(fresh.dead_letters, 'dead letter')}"
    if fresh.known is None:
        return f"no events yet; {stored}"
    newest = fresh.known.end_at - 1
    ago = duration_text(max(0, now - newest) / 1000)
    return f"newest event {local_of(newest, zone):%Y-%m-%d %H:%M:%S}, {ago} ago; {stored}"
