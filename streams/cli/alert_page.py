"""The page about signals: tables and plot that a simulation writes into it, so that nobody types them."""

from collections.abc import Iterable, Iterator, Sequence
from math import log10
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from streams.cli.alert_wording import delay_text, headings, pages_text
from streams.core.drop.threshold import Thresholds, descriptions
from streams.simulation.alerts import Line, Plan, Rule

_COLOURS: Final = {
    Rule.OURS: "#0b6e4f",
    Rule.HOUR: "#d1495b",
    Rule.HOUR_OF_15: "#8d6a9f",
    Rule.DAY: "#e08e45",
    Rule.WEEK: "#5b8fb9",
}
_WIDTH, _HEIGHT, _PANEL, _TOP, _BOTTOM = 920, 420, 330, 70, 330


class PageError(ValueError):
    """A page that cannot take the results; the message says what it lacks."""


def publish_results(page: Path, plan: Plan, lines: Sequence[Line]) -> None:
    """Put the table of results, the table of thresholds and a plot beside the page (`<page>.svg`) in their place.

    Raises:
        PageError: When the page is not there or lacks the marks.
    """
    text = with_block(_read(page), "results", results_table(plan, lines))
    page.write_text(with_block(text, "thresholds", thresholds_table()), encoding="utf-8")
    page.with_suffix(".svg").write_text(plot(plan, lines), encoding="utf-8")


def publish_table(page: Path, name: str, heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Put a table in the place that bears its name.

    Raises:
        PageError: When the page is not there or lacks the marks.
    """
    page.write_text(with_block(_read(page), name, _markdown(heading, rows)), encoding="utf-8")


def _read(page: Path) -> str:
    try:
        return page.read_text(encoding="utf-8")
    except OSError as error:
        raise PageError(f"{page} cannot be read: {error.strerror}") from None


def with_block(text: str, name: str, block: str) -> str:
    """Return a page with what stands between the two marks of a name replaced.

    Raises:
        PageError: When a mark is missing.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, found, rest = text.partition(begin)
    _, found_end, tail = rest.partition(end)
    if not found or not found_end:
        raise PageError(f"the page has no place for {name}: write {begin} and {end} where it belongs")
    return f"{head}{begin}\n{block}\n{end}{tail}"


def results_table(plan: Plan, lines: Iterable[Line]) -> str:
    """Return the outcome as Markdown."""
    return _markdown(headings(plan), (_cells(line) for line in lines))


def thresholds_table() -> str:
    """Return every threshold with its value, its meaning and its consequence as Markdown."""
    usual = Thresholds()
    rows = ([f"`{name}`", f"{getattr(usual, name):g}", text] for name, text in descriptions().items())
    return _markdown(["threshold", "default", "what it means, and what follows"], rows)


def _cells(line: Line) -> list[str]:
    is_ours = line.rule is Rule.OURS
    cells = [line.rule.value, pages_text(line.false_pages), pages_text(line.false_pages_when_wrong)]
    cells += [delay_text(delay) for delay in line.delays.values()]
    return [f"{line.per_day:,}" if is_ours else "", *(f"**{cell}**" if is_ours else cell for cell in cells)]


def _markdown(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [heading, ["---"] * len(heading), *rows])


# Plot


def plot(plan: Plan, lines: Sequence[Line]) -> str:
    """Return two panels over the volume as SVG: false pages, and the delay until the first of the falls is told."""
    fall = plan.falls[0]
    pages = {(line.rule, line.per_day): line.false_pages for line in lines}
    hours = {(line.rule, line.per_day): line.delays[fall].median_hours for line in lines}
    told = f"Median hours until a fall to {100 * fall:g} % is told"
    body = [
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        *_panel(70, "False pages per segment in 90 days", plan.volumes, pages, (-2, 4), lowest="0"),
        *_panel(_WIDTH - _PANEL - 40, told, plan.volumes, hours, (-1, 3), highest="never"),
        *_legend(),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12" fill="#333333" role="img"><title>False pages and delays of alert rules</title>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _panel(
    left: float,
    title: str,
    volumes: Sequence[int],
    values: dict[tuple[Rule, int], float | None] | dict[tuple[Rule, int], float],
    decades: tuple[int, int],
    *,
    lowest: str | None = None,
    highest: str | None = None,
) -> Iterator[str]:
    """Yield axes and lines on a logarithmic scale; at its ends stand what has no logarithm, and what is None."""
    yield f'<text x="{left}" y="{_TOP - 32}" font-size="14" font-weight="bold">{escape(title)}</text>'
    for decade in range(decades[0], decades[1] + 1):
        named = {decades[0]: lowest, decades[1]: highest}.get(decade) or f"{10.0**decade:,g}"
        y = _height(decade, decades)
        yield f'<line x1="{left}" y1="{y:.1f}" x2="{left + _PANEL}" y2="{y:.1f}" stroke="#dddddd"/>'
        yield f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{named}</text>'
    across = [left + 25 + i * (_PANEL - 50) / max(1, len(volumes) - 1) for i in range(len(volumes))]
    for x, volume in zip(across, volumes, strict=True):
        yield f'<text x="{x:.1f}" y="{_BOTTOM + 20}" text-anchor="middle">{volume:,}</text>'
    yield f'<text x="{left + _PANEL / 2}" y="{_BOTTOM + 38}" text-anchor="middle">ratings a day</text>'
    for rule in reversed(Rule):
        yield from _curve(rule, [(x, _level(values[rule, v], decades)) for x, v in zip(across, volumes, strict=True)])


def _curve(rule: Rule, points: Sequence[tuple[float, float]]) -> Iterator[str]:
    colour, width = _COLOURS[rule], 3.5 if rule is Rule.OURS else 1.5
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
    yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{width + 1.5}" fill="{colour}"/>' for x, y in points)


def _level(value: float | None, decades: tuple[int, int]) -> float:
    if value is None:
        return _height(decades[1], decades)
    return _height(log10(value) if value > 0 else decades[0], decades)


def _height(decade: float, decades: tuple[int, int]) -> float:
    low, high = decades
    return _BOTTOM - (min(max(decade, low), high) - low) / (high - low) * (_BOTTOM - _TOP)


def _legend() -> Iterator[str]:
    x = 40.0
    for rule in Rule:
        yield f'<circle cx="{x:.0f}" cy="{_HEIGHT - 22}" r="5" fill="{_COLOURS[rule]}"/>'
        yield f'<text x="{x + 10:.0f}" y="{_HEIGHT - 18}">{escape(rule.value)}</text>'
        x += 36 + 6 * len(rule.value)
