"""What may be said of the rows of a table at once, in SQL; as `core.ask.together` has it."""

from collections.abc import Mapping
from typing import Final

from dashboards.estimate import FIGURE, difference_bounds, rate
from dashboards.query import select
from streams.core.ask.figure import PER
from streams.core.ask.together import HALVINGS, MOST, WRONG
from streams.core.interval import Z95
from streams.core.metrics import Kind

HOLDS: Final = "ifNull(chance <= least_chance, false)"
"""Condition on a row of `judged`: what is clear of it by itself is clear in the table."""
AT_ONCE: Final = "at_once"
"""Column of `with_certainty`: how many standard deviations apart two rows must lie."""

_Z95: Final = f"{Z95:.15f}"


def judged(kind: Kind, inner: str, one: Mapping[str, str], other: Mapping[str, str], *, is_known: str = "true") -> str:
    """Return the rows of a SELECT, so that `HOLDS` says whether a clear change holds for the table as a whole.

    Args:
        kind: How the numbers came about.
        inner: SELECT with a row for each line of the table.
        one: n, value, low, high and design effect of a row.
        other: Those of what it is compared with.
        is_known: Condition that the two may be compared at all.
    """
    low, high = difference_bounds(one, other)
    is_above = f"{one['value']} > {other['value']}"
    sides = {
        f"{side}_{name}": f"ifNull(if({is_above}, {above[name]}, {below[name]}), 0)"
        for side, above, below in (("upper", one, other), ("lower", other, one))
        for name in FIGURE
    }
    known = {
        "is_judged": f"({is_known}) AND (isNotNull({low}) OR isNotNull({high}))",
        "is_bounded": f"isNotNull(if({is_above}, {low}, {high}))",
    }
    chance = f"erfc(if(is_bounded, {_deviations(kind)}, 0) / sqrt(2))"
    told = select({"*": "*"} | known | sides, inner)
    rows = select({"*": "*", "chance": f"if(is_judged, toNullable({chance}), NULL)"}, told)
    placed = {"chance_place": "row_number() OVER (ORDER BY chance)", "chances": "count(chance) OVER ()"}
    least = f"maxIf(chance, chance <= {WRONG} * chance_place / chances) OVER ()"
    return select({"*": "*", "least_chance": least}, select({"*": "*"} | placed, rows))


def with_certainty(inner: str, is_row: str) -> str:
    """Return the rows of a SELECT with a column `AT_ONCE`, as `core.ask.together.surely` has it.

    Args:
        inner: SELECT with a row for each line of the table.
        is_row: Condition on those that are compared, each with each.
    """
    chance = f"{WRONG} / greatest(1, compared * (compared - 1) / 2)"
    halved = _halved(f"erfc((limits.1 + limits.2) / 2 / sqrt(2)) > {chance}")
    return select({"*": "*", AT_ONCE: halved}, select({"*": "*", "compared": f"countIf({is_row}) OVER ()"}, inner))


def bounds_at(kind: Kind, figure: Mapping[str, str], z: str) -> tuple[str, str]:
    """Return the interval of a figure at another certainty than 95 %, as `core.ask.together.bounds_at`.

    Args:
        kind: How the number came about.
        figure: Its n, value, low, high and design effect.
        z: Half the width in standard deviations.
    """
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    n = f"({figure['n']} / {figure['design']})"
    match kind:
        case Kind.SHARE:
            middle, width = f"{value} + {z} * {z} / 2 / {n}", f"{value} * (1 - {value}) / {n} + pow({z} / {n}, 2) / 4"
            sides = (f"({middle} {sign} {z} * sqrt({width})) / (1 + {z} * {z} / {n})" for sign in "-+")
            return next(sides), next(sides)
        case Kind.RATE:
            return rate(f"({value} * {figure['n']} / {PER})", figure["n"], z)[1:]
        case Kind.BALANCE:
            centre = f"({value} * {n} / ({n} + 2))"
            margin = f"greatest({centre} - {low}, {high} - {centre}) * {z} / {_Z95}"
            return f"greatest(-100, {centre} - {margin})", f"least(100, {centre} + {margin})"
        case Kind.QUANTILE | Kind.SURVIVAL:
            by = f"{_student(z, n)} / {_student(_Z95, n)}"
            return _stretched(value, low, by), _stretched(value, high, by)
        case _:
            by = f"{_student(z, n)} / {_student(_Z95, n)}"
            return f"({value} + ({low} - {value}) * {by})", f"({value} + ({high} - {value}) * {by})"


def _student(z: str, n: str) -> str:
    return f"({z} + (pow({z}, 3) + {z}) / (4 * greatest(1, {n} - 1)))"


def _stretched(value: str, bound: str, by: str) -> str:
    by_logarithms = f"{value} * pow({bound} / {value}, {by})"
    return f"if({value} > 0 AND {bound} >= 0, {by_logarithms}, {value} + ({bound} - {value}) * {by})"


def _deviations(kind: Kind) -> str:
    """Return how many standard deviations the upper figure lies above the lower, as `core.ask.together.deviations`."""
    if kind is Kind.COUNT:
        return "0."
    upper, lower = ({name: f"{side}_{name}" for name in FIGURE} for side in ("upper", "lower"))
    middle = "((limits.1 + limits.2) / 2)"
    low, _ = bounds_at(kind, upper, middle)
    _, high = bounds_at(kind, lower, middle)
    margin = f"sqrt(pow(upper_value - {low}, 2) + pow({high} - lower_value, 2))"
    return _halved(f"upper_value - lower_value > {margin}")


def _halved(is_further: str) -> str:
    """Return where a condition on the middle of `limits` ends to hold, between 0 and the most deviations."""
    middle = "(limits.1 + limits.2) / 2"
    sides = f"if({is_further}, ({middle}, limits.2), (limits.1, {middle}))"
    return f"arrayFold((limits, step) -> {sides}, range({HALVINGS}), (0., {MOST})).1"
