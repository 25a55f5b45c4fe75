"""What measures amount to, in SQL: value, 95 % interval, whether a difference is clear; as `core.interval` has it."""

from collections.abc import Mapping, Sequence
from typing import Final

from dashboards import style, text
from schemas import policy
from streams.core.ask.figure import PER
from streams.core.interval import Z95
from streams.core.metrics import Direction, Kind, Metric, Unit

PREFIX: Final = "seen_"
"""Put before the name of a measure, so that no name stands for two things in one SELECT."""
FIGURE: Final = ("n", "value", "low", "high", "design")
LEAST_N: Final = "least_n"
"""By this name a query knows with how many observations the policy in force now lets a number be shown."""

_DESIGN: Final = f"{PREFIX}design"
_Z: Final = f"{Z95:.6f}"


def estimates(metric: Metric) -> dict[str, str]:
    """Return n, value and interval as expressions of the measures; null where there are too few observations."""
    value, low, high = _estimates(metric)
    enough = is_enough(metric)
    if metric.kind is Kind.COUNT:
        return {
            "n": f"{PREFIX}n",
            "value": f"toNullable(toFloat64({PREFIX}n))",
            "low": low,
            "high": high,
            "design": "1",
        }
    shown = {"value": value, "low": low, "high": high}
    told = {name: f"if({enough}, {sql}, NULL)" for name, sql in shown.items()}
    return {"n": f"{PREFIX}n"} | told | {"design": _DESIGN if metric.is_by_customer else "1"}


def is_enough(metric: Metric, n: str = f"{PREFIX}n") -> str:
    """Return the condition that there are enough observations to show a number; the query names `LEAST_N`."""
    if not metric.is_sampled:
        return f"{n} >= {metric.n_min}"
    least = LEAST_N if metric.n_min == policy.LEAST_N else f"greatest({LEAST_N}, {metric.n_min})"
    return f"{n} >= {least}"


def _estimates(metric: Metric) -> tuple[str, str, str]:
    match metric.kind:
        case Kind.SHARE:
            _, *bounds = wilson(_independent(metric, "hits"), _independent(metric, "n"))
            return f"{PREFIX}hits / {PREFIX}n", bounds[0], bounds[1]
        case Kind.BALANCE:
            return _balance(metric)
        case Kind.RATE:
            return rate(f"{PREFIX}hits", f"{PREFIX}n")
        case Kind.MEAN:
            n = _independent(metric, "n")
            margin = f"if({n} < 2, NULL, {_Z} * {PREFIX}deviation / sqrt({n}))"
            return f"{PREFIX}value", f"{PREFIX}value - {margin}", f"{PREFIX}value + {margin}"
        case Kind.QUANTILE:
            return f"{PREFIX}value", f"{PREFIX}low", f"{PREFIX}high"
        case Kind.SURVIVAL:
            return f"{PREFIX}band[1]", f"{PREFIX}band[2]", f"{PREFIX}band[3]"
        case Kind.COUNT:
            return f"{PREFIX}n", "CAST(NULL AS Nullable(Float64))", "CAST(NULL AS Nullable(Float64))"


def _is_unreached(metric: Metric, value: str = "value", n: str = "n") -> str:
    """Return the condition that there is no value though there are enough observations."""
    return f"{value} IS NULL AND {is_enough(metric, n)}"


def told(metric: Metric, value: str = "value", n: str = "n") -> str:
    """Return a value as a panel shows it: one that was not reached is `style.UNREACHED`, and no longer null.

    Args:
        metric: Of the value.
        value: Null where there are too few observations, or where it was not reached.
        n: How many observations there are.
    """
    if metric.kind is not Kind.SURVIVAL:
        return value
    return f"if({_is_unreached(metric, value, n)}, {style.UNREACHED}, {value})"


def wilson(hits: str, n: str, z: str = _Z) -> tuple[str, str, str]:
    """Return a share and its score interval, as `core.interval.wilson`."""
    centre = f"{hits} / {n} + {z} * {z} / (2 * {n})"
    spread = f"{z} * sqrt({hits} / {n} * (1 - {hits} / {n}) / {n} + {z} * {z} / (4 * {n} * {n}))"
    scale = f"(1 + {z} * {z} / {n})"
    low = f"if({hits} = 0, 0, ({centre} - {spread}) / {scale})"
    high = f"if({hits} = {n}, 1, ({centre} + {spread}) / {scale})"
    return f"{hits} / {n}", low, high


def _independent(metric: Metric, name: str) -> str:
    """Return how many independent observations a number of them stands for."""
    return f"({PREFIX}{name} / {_DESIGN})" if metric.is_by_customer else f"{PREFIX}{name}"


def _balance(metric: Metric) -> tuple[str, str, str]:
    """Return a balance in points and its interval, as `core.interval.balance`."""
    hits, misses, n = (_independent(metric, name) for name in ("hits", "misses", "n"))
    p, q = f"(({hits} + 1) / ({n} + 2))", f"(({misses} + 1) / ({n} + 2))"
    margin = f"{_Z} * sqrt(({p} + {q} - pow({p} - {q}, 2)) / ({n} + 2))"
    low, high = f"greatest(-1, {p} - {q} - {margin})", f"least(1, {p} - {q} + {margin})"
    value = f"100 * ({PREFIX}hits - {PREFIX}misses) / {PREFIX}n"
    return value, f"100 * {low}", f"100 * {high}"


def rate(hits: str, n: str, z: str = _Z) -> tuple[str, str, str]:
    """Return a rate and its interval, as `core.interval.of_rate`."""
    low = f"{hits} * pow(1 - 1 / (9 * {hits}) - {z} / (3 * sqrt({hits})), 3)"
    high = f"({hits} + 1) * pow(1 - 1 / (9 * ({hits} + 1)) + {z} / (3 * sqrt({hits} + 1)), 3)"
    return f"{PER} * {hits} / {n}", f"if({hits} = 0, 0, greatest(0, {PER} * {low} / {n}))", f"{PER} * {high} / {n}"


def difference_bounds(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[str, str]:
    """Return where `one - other` lies with 95 % confidence, as `core.interval.of_difference`; null if unknown."""
    difference = f"({one['value']} - {other['value']})"
    low = f"sqrt(pow({one['value']} - {one['low']}, 2) + pow({other['value']} - {other['high']}, 2))"
    high = f"sqrt(pow({one['value']} - {one['high']}, 2) + pow({other['value']} - {other['low']}, 2))"
    return f"{difference} - {low}", f"{difference} + {high}"


def is_clear(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Return the condition that two figures differ, one way or the other."""
    low, high = difference_bounds(one, other)
    return f"ifNull({low} > 0 OR {high} < 0, false)"


def change(
    points: str,
    one: Mapping[str, str],
    other: Mapping[str, str],
    *,
    is_known: str = "true",
    holds: str = "true",
) -> str:
    """Return a change for a column of numbers, which `style.CHANGE` puts into words.

    It is 0 where it is not clear, as no clear change ever is, and null where there is nothing to compare with.

    Args:
        points: The difference, as it is shown.
        one: A figure.
        other: The one before.
        is_known: Condition that the two may be compared at all.
        holds: Condition that what is clear by itself is so among the rows of its table.
    """
    both = f"{is_known} AND {one['value']} IS NOT NULL AND {other['value']} IS NOT NULL"
    return f"multiIf(NOT ({both}), NULL, {is_clear(one, other)} AND {holds}, toNullable(toFloat64({points})), 0)"


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
        case Unit.SCORE | Unit.PER_1000 | Unit.BALANCE | Unit.AVERAGE:
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


def evidence(metric: Metric, *, ages: bool) -> str:
    """Return the small print of a number with `value_before` and the like beside it: the verdict first.

    Args:
        metric: Of the number.
        ages: It moves by waiting while `maturity` is less than 1, and is compared with nothing until then.
    """
    was = f"concat('{text.WAS} ', {_told_before(metric)})"
    nothing = f"{told(metric, 'value_before', 'n_before')} IS NULL, '{text.NOTHING_BEFORE}'"
    if metric.kind is Kind.COUNT:
        return joined([f"multiIf(value IS NULL, '', {nothing}, '')", was])
    n = f"concat('{text.N} ', {counted('toString(n)')})"
    so_far = f"concat('{text.SO_FAR}, ', toString(toUInt8(floor(100 * maturity))), ' {text.MATURE}')"
    young = f"maturity < 1, {so_far}, " if ages else ""
    verdict = f"multiIf({told(metric)} IS NULL, '', {young}{nothing}, {_verdict(metric)})"
    return joined([verdict, f"if(maturity < 1, NULL, {was})" if ages else was, _interval(metric), n])


def _told_before(metric: Metric) -> str:
    """Return the value before in words."""
    value = shown(metric.unit, "value_before")
    if metric.kind is not Kind.SURVIVAL:
        return value
    return f"if({_is_unreached(metric, 'value_before', 'n_before')}, '{text.NOT_REACHED}', {value})"


def _interval(metric: Metric) -> str:
    """Return the interval in words, null where no bound is known or both must be and one is not."""
    low, high = shown(metric.unit, "low"), shown(metric.unit, "high")
    both = f"concat({low}, ' {text.TO} ', {high})"
    return f"if(high IS NULL, concat('{text.AT_LEAST} ', {low}), {both})" if metric.kind is Kind.SURVIVAL else both


def _verdict(metric: Metric) -> str:
    """Return what is said of two figures by the first condition that holds."""
    now = {name: name for name in FIGURE}
    before = {name: f"{name}_before" for name in FIGURE}
    better, worse = is_clearly(metric, now, before)
    if metric.kind is Kind.SURVIVAL:
        better = f"if(value IS NULL OR value_before IS NULL, ifNull(high < low_before, false), {better})"
        worse = f"if(value IS NULL OR value_before IS NULL, ifNull(low > high_before, false), {worse})"
    ways = {better: text.BETTER, worse: text.WORSE}
    if metric.direction is Direction.NEITHER:
        ways = {is_clear(now, before): text.CHANGED}
    return ", ".join([*(f"{condition}, '{word}'" for condition, word in ways.items()), f"'{text.UNCLEAR}'"])
