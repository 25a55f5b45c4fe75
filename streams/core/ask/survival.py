"""The Kaplan-Meier quantile and its interval in SQL, as `streams.core.survival` has them."""

from math import log
from typing import Final

from streams.core.interval import Z95
from streams.core.metrics import Metric
from streams.core.survival import TOLERANCE

_LAST: Final = 2**64 - 1
_AT_RISK: Final = "arrayReverse(arrayEnumerate(codes))"
_HAZARDS: Final = f"arrayCumSum((code, risk) -> if(code % 2 = 0, log(risk / (risk - 1)), 0), codes, {_AT_RISK})"
_VARIANCES: Final = f"arrayCumSum((code, risk) -> if(code % 2 = 0, 1 / (risk * (risk - 1)), 0), codes, {_AT_RISK})"
"""Running sums of what each end adds; those that had not ended add nothing."""
_ARE_LAST: Final = (
    f"arrayMap((code, next) -> intDiv(code, 2) != intDiv(next, 2), codes, arrayShiftLeft(codes, 1, {_LAST}))"
)
"""Whether each is the last one of its duration: within one the band says nothing."""
_WIDTH: Final = f"{Z95!r} * sqrt(variance) / hazard"


def band_of(metric: Metric) -> str:
    """Return value, low and high in one array, an aggregate expression; null where the curve, or its band, stays above.

    One expression, whose parts have names by lambdas: three take ClickHouse three times as long to plan, and most of
    the time of a question about a day.
    """
    wanted = f"{-log(1 - metric.p) - TOLERANCE!r}"
    is_low = f"is_last AND (hazard >= {wanted} OR hazard * exp({_WIDTH}) >= {wanted})"
    is_high = f"is_last AND hazard * exp(-{_WIDTH}) >= {wanted}"
    low = f"arrayFirstIndex((hazard, variance, is_last) -> {is_low}, hazards, variances, are_last)"
    places = ", ".join(
        [
            f"arrayFirstIndex(hazard -> hazard >= {wanted}, hazards)",
            f"arrayMap(place -> if(place = 0, length(codes), place), [{low}])[1]",
            f"arrayFirstIndex((hazard, variance, is_last) -> {is_high}, hazards, variances, are_last)",
        ]
    )
    seconds = f"arrayMap(place -> if(place = 0, NULL, intDiv(codes[place], 2) / 1000), [{places}])"
    sums = f"[{_HAZARDS}], [{_VARIANCES}], [{_ARE_LAST}]"
    codes = codes_of(metric.value, metric.hit, metric.counted)
    return f"arrayMap(codes -> arrayMap((hazards, variances, are_last) -> {seconds}, {sums})[1], [{codes}])[1]"


def shares_over(codes: str, days: str) -> dict[str, str]:
    """Return which share is over within so many days, from low to high, as expressions of the codes of all.

    Args:
        codes: As `codes_of` gives them.
        days: How many, an expression.
    """
    place = f"arrayCount(code -> code < ({days}) * 86400000 * 2 + 2, codes)"
    hazard, variance = (f"if({place} = 0, 0, {sums}[{place}])" for sums in (_HAZARDS, _VARIANCES))
    width = f"{Z95!r} * sqrt({variance}) / ({hazard})"
    over = {
        "share": f"1 - exp(-({hazard}))",
        "low": f"1 - exp(-({hazard}) * exp(-{width}))",
        "high": f"1 - exp(-({hazard}) * exp({width}))",
    }
    return {name: f"arrayMap(codes -> {sql}, [{codes}])[1]" for name, sql in over.items()}


def codes_of(seconds: str, has_ended: str, counted: str = "") -> str:
    """Return all observations as sorted numbers: milliseconds, doubled, and one more for what had not ended by then.

    So those of one duration that ended come first.
    """
    code = f"toUInt64(round(1000 * ({seconds}))) * 2 + if({has_ended}, 0, 1)"
    return f"arraySort({f'groupArrayIf({code}, {counted})' if counted else f'groupArray({code})'})"
