"""What may be said of the rows of a table at once, in SQL; as `core.ask.together` has it."""

from collections.abc import Mapping
from typing import Final

from dashboards.estimate import difference_bounds, rate, wilson
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
        one: n, value, low and high of a row.
        other: Those of what it is compared with.
        is_known: Condition that the two may be compared at all.
    """
    low, high = difference_bounds(one, other)
    chance = f"erfc({_deviations(kind, one, other)} / sqrt(2))"
    is_judged = f"({is_known}) AND (isNotNull({low}) OR isNotNull({high}))"
    rows = select({"*": "*", "chance": f"if({is_judged}, toNullable({chance}), NULL)"}, inner)
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
        figure: Its n, value, low and high.
        z: Half the width in standard deviations.
    """
    n, value, low, high = (figure[name] for name in ("n", "value", "low", "high"))
    match kind:
        case Kind.SHARE:
            return wilson(f"({value} * {n})", n, z)[1:]
        case Kind.RATE:
            return rate(f"({value} * {n} / {PER})", n, z)[1:]
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
    return f"({z} + (pow({z}, 3) + {z}) / (4 * greatest(1, toInt64({n}) - 1)))"


def _stretched(value: str, bound: str, by: str) -> str:
    by_logarithms = f"{value} * pow({bound} / {value}, {by})"
    return f"if({value} > 0 AND {bound} >= 0, {by_logarithms}, {value} + ({bound} - {value}) * {by})"


def _deviations(kind: Kind, one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Return how many standard deviations two figures lie apart, as `core.ask.together.deviations`."""
    if kind is Kind.COUNT:
        return "0."
    told = [{name: f"ifNull({sql}, 0)" for name, sql in figure.items()} for figure in (one, other)]
    difference = f"({told[0]['value']} - {told[1]['value']})"
    middle = "((limits.1 + limits.2) / 2)"
    sides = [dict(zip(("low", "high"), bounds_at(kind, figure, middle), strict=True)) for figure in told]
    above, below = difference_bounds(*({**figure, **side} for figure, side in zip(told, sides, strict=True)))
    halved = _halved(f"if({difference} > 0, {above} > 0, {below} < 0)")
    low, high = difference_bounds(one, other)
    return f"if(isNull(if({difference} > 0, {low}, {high})), 0., {halved})"


def _halved(is_further: str) -> str:
    """Return where a condition on the middle of `limits` ends to hold, between 0 and the most deviations."""
    middle = "(limits.1 + limits.2) / 2"
    sides = f"if({is_further}, ({middle}, limits.2), (limits.1, {middle}))"
    return f"arrayFold((limits, step) -> {sides}, range({HALVINGS}), (0., {MOST})).1"
