"""What measures amount to, in SQL: value, 95 % interval, whether a difference is clear; as `core.interval` has it."""

from collections.abc import Mapping, Sequence
from typing import Final

from dashboards import style, text
from streams.core.ask.figure import PER
from streams.core.interval import Z95
from streams.core.metrics import Direction, Kind, Metric, Unit

PREFIX: Final = "seen_"
"""Put before the name of a measure, so that no name stands for two things in one SELECT."""
FIGURE: Final = ("n", "value", "low", "high")

_Z: Final = f"{Z95:.6f}"


def estimates(metric: Metric) -> dict[str, str]:
    """Return n, value and interval as expressions of the measures; null where there are too few observations."""
    value, low, high = _estimates(metric)
    enough = f"{PREFIX}n >= {max(1, metric.n_min)}"
    if metric.kind is Kind.COUNT:
        return {"n": f"{PREFIX}n", "value": f"toNullable(toFloat64({PREFIX}n))", "low": low, "high": high}
    shown = {"value": value, "low": low, "high": high}
    return {"n": f"{PREFIX}n"} | {name: f"if({enough}, {sql}, NULL)" for name, sql in shown.items()}


def _estimates(metric: Metric) -> tuple[str, str, str]:
    match metric.kind:
        case Kind.SHARE:
            return wilson(f"{PREFIX}hits", f"{PREFIX}n")
        case Kind.RATE:
            return _rate()
        case Kind.MEAN:
            margin = f"{_Z} * {PREFIX}deviation / sqrt({PREFIX}n)"
            return f"{PREFIX}value", f"{PREFIX}value - {margin}", f"{PREFIX}value + {margin}"
        case Kind.QUANTILE:
            return f"{PREFIX}value", f"{PREFIX}low", f"{PREFIX}high"
        case Kind.COUNT:
            return f"{PREFIX}n", "CAST(NULL AS Nullable(Float64))", "CAST(NULL AS Nullable(Float64))"


def wilson(hits: str, n: str) -> tuple[str, str, str]:
    """Return a share and its score interval, as `core.interval.wilson`."""
    centre = f"{hits} / {n} + {_Z} * {_Z} / (2 * {n})"
    spread = f"{_Z} * sqrt({hits} / {n} * (1 - {hits} / {n}) / {n} + {_Z} * {_Z} / (4 * {n} * {n}))"
    scale = f"(1 + {_Z} * {_Z} / {n})"
    low = f"if({hits} = 0, 0, ({centre} - {spread}) / {scale})"
    high = f"if({hits} = {n}, 1, ({centre} + {spread}) / {scale})"
    return f"{hits} / {n}", low, high


def _rate() -> tuple[str, str, str]:
    """Return a rate and its interval, as `core.interval.of_rate`."""
    hits, n = f"{PREFIX}hits", f"{PREFIX}n"
    low = f"{hits} * pow(1 - 1 / (9 * {hits}) - {_Z} / (3 * sqrt({hits})), 3)"
    high = f"({hits} + 1) * pow(1 - 1 / (9 * ({hits} + 1)) + {_Z} / (3 * sqrt({hits} + 1)), 3)"
    return f"{PER} * {hits} / {n}", f"if({hits} = 0, 0, greatest(0, {PER} * {low} / {n}))", f"{PER} * {high} / {n}"


def difference_bounds(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[str, str]:
    """Return where `one - other` lies with 95 % confidence, as `core.interval.of_difference`; null if unknown."""
    difference = f"({one['value']} - {other['value']})"
    low = f"sqrt(pow({one['value']} - {one['low']}, 2) + pow({other['value']} - {other['high']}, 2))"
    high = f"sqrt(pow({one['value']} - {one['high']}, 2) + pow({other['value']} - {other['low']}, 2))"
    return f"{difference} - {low}", f"{difference} + {high}"


def is_clearly(metric: Metric, one: Mapping[str, str], other: Mapping[str, str]) -> tuple[str, str]:
    """Return conditions: that one is clearly better than the other, and that it is clearly worse."""
    low, high = difference_bounds(one, other)
    above, below = f"ifNull({low} > 0, false)", f"ifNull({high} < 0, false)"
    match metric.direction:
        case Direction.UP:
            return above, below
        case Direction.DOWN:
            return below, above
        case Direction.NEITHER:
            return "false", "false"


def shown(unit: Unit, value: str) -> str:
    """Return how a value reads to people; null when it is null."""
    match unit:
        case Unit.SHARE:
            return f"concat(toDecimalString(100 * {value}, 1), ' %')"
        case Unit.SCORE | Unit.PER_1000:
            return f"toDecimalString({value}, 1)"
        case Unit.NUMBER:
            return counted(f"toDecimalString({value}, 0)")
        case Unit.SECONDS:
            *shorter, longest = (
                f"concat(toDecimalString({value} / {size}, 1), ' {name}')" for _, size, name in style.DURATIONS
            )
            limits = [below for below, _, _ in style.DURATIONS[1:]]
            cases = (f"{value} < {below}, {sql}" for below, sql in zip(limits, shorter, strict=True))
            return f"multiIf({', '.join(cases)}, {longest})"


def counted(digits: str) -> str:
    """Return a whole number, given as its digits, with its thousands divided."""
    return rf"trim(LEADING ',' FROM reverse(replaceRegexpAll(reverse({digits}), '...', '\\0,')))"


def joined(parts: Sequence[str]) -> str:
    """Return texts with a dot between them, without those that are empty or null."""
    listed = ",\n        ".join(f"ifNull({part}, '')" for part in parts)
    return f"arrayStringConcat(arrayFilter(part -> part != '', [\n        {listed}\n    ]), ' · ')"


def evidence(metric: Metric, *, is_provisional: bool) -> str:
    """Return the small print of a number with `value_before` and the like beside it: the verdict first.

    Args:
        metric: Of the number.
        is_provisional: It still moves by waiting, and is compared with nothing.
    """
    low, high = shown(metric.unit, "low"), shown(metric.unit, "high")
    interval = f"concat({low}, ' {text.TO} ', {high})"
    n = [] if metric.kind is Kind.COUNT else [f"concat('{text.N} ', {counted('toString(n)')})"]
    if is_provisional:
        return joined([f"'{text.SO_FAR}: {text.MOVES.format(days=metric.matures_days)}'", interval, *n])
    was = f"concat('{text.WAS} ', {shown(metric.unit, 'value_before')})"
    if metric.kind is Kind.COUNT:
        return joined([was])
    return joined([_verdict(metric), was, interval, *n])


def _verdict(metric: Metric) -> str:
    now = {name: name for name in FIGURE}
    before = {name: f"{name}_before" for name in FIGURE}
    better, worse = is_clearly(metric, now, before)
    known = "value IS NULL OR value_before IS NULL"
    return f"multiIf({known}, '', {better}, '{text.BETTER}', {worse}, '{text.WORSE}', '{text.UNCLEAR}')"
