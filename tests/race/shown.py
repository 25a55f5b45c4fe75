"""What the race says at its end: a table, its marks, a file for machines, and bars."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape

from rich.table import Table

from tests.race.scores import LEAVES_OUT, OURS, Round, medians, ratios, verdicts


class Measure(NamedTuple):
    """What is measured, and what it is called."""

    name: str
    heading: str
    title: str


MEASURES: Final = (
    Measure("per_second", "events/s", "Events a second, more is better"),
    Measure("processor_us", "processor\nus/event", "Processor, microseconds an event, less is better"),
    Measure("peak_mib", "peak\nMiB", "Most memory, MiB, less is better"),
    Measure("growth_mib", "MiB a\nmillion", "Growth of memory, MiB a million events, less is better"),
)
_DRAWN: Final = MEASURES[:3]

_WIDTH, _LEFT, _BAR, _ROW, _HEAD = 920, 160, 620, 26, 46
_OURS_COLOUR, _PEER_COLOUR = "#0b6e4f", "#5b8fb9"


def table(rounds: Sequence[Round]) -> Table:
    """Return how everybody fared, as medians over the rounds."""
    shown = Table(box=None, header_style="dim", title=f"medians of {len(rounds)} rounds")
    shown.add_column("one process each", no_wrap=True)
    for heading in ("ours is", *(measure.heading for measure in MEASURES)):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in table_rows(rounds):
        shown.add_row(*row)
    return shown


def table_rows(rounds: Sequence[Round]) -> list[list[str]]:
    """Return the cells of the table."""
    found = ratios(rounds)
    return [
        [
            name,
            f"{found[name]:.2f} x" if name in found else "",
            *(_number(measured[measure.name]) for measure in MEASURES),
        ]
        for name, measured in medians(rounds).items()
    ]


def leaves_out_lines(rounds: Sequence[Round]) -> list[str]:
    """Return a line for each of them: what it leaves out."""
    return [f"{name} leaves out {LEAVES_OUT[name]}" for name in medians(rounds)]


def verdict_lines(rounds: Sequence[Round]) -> list[str]:
    """Return a line for each mark, reached or missed."""
    return [
        f"{verdict.mark.named()}: {verdict.ratio:.2f}, {'reached' if verdict.is_reached else 'missed'}"
        for verdict in verdicts(ratios(rounds))
    ]


def document(rounds: Sequence[Round], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything for a file, beside what else is to be said of the run."""
    return {
        **said,
        "ratios": ratios(rounds),
        "marks": [
            {"mark": verdict.mark.named(), "ratio": verdict.ratio, "reached": verdict.is_reached}
            for verdict in verdicts(ratios(rounds))
        ],
        "medians": medians(rounds),
        "leaves_out": {name: LEAVES_OUT[name] for name in medians(rounds)},
        "rounds": [{name: asdict(outcome) for name, outcome in one.items()} for one in rounds],
    }


def plot(rounds: Sequence[Round]) -> str:
    """Return the medians as bars, one panel for each measure, as SVG."""
    measured = medians(rounds)
    panel = _HEAD + _ROW * len(measured)
    height = 20 + panel * len(_DRAWN)
    body = [f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>']
    for number, measure in enumerate(_DRAWN):
        values = {name: one[measure.name] for name, one in measured.items()}
        body += _panel(10 + number * panel, measure.title, values)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" '
        f'font-size="12" fill="#333333" role="img"><title>Our worker beside others</title>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _panel(top: float, title: str, values: Mapping[str, float]) -> Iterator[str]:
    yield f'<text x="{_LEFT}" y="{top + 24}" font-size="14" font-weight="bold">{escape(title)}</text>'
    most = max(values.values()) or 1.0
    for number, (name, value) in enumerate(values.items()):
        y = top + 34 + number * _ROW
        length = _BAR * value / most
        colour = _OURS_COLOUR if name == OURS else _PEER_COLOUR
        yield f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
        yield f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_ROW - 8}" fill="{colour}"/>'
        yield f'<text x="{_LEFT + length + 6:.1f}" y="{y + 14}">{_number(value)}</text>'


def _number(value: float) -> str:
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
