"""How a number is written in the unit of its field."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from dashboards.style import DURATIONS

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400


@dataclass(frozen=True)
class Shown:
    """A number as people read it: the part that matters, and what stands smaller before and behind it."""

    text: str
    prefix: str = ""
    suffix: str = ""

    def __str__(self) -> str:
        return f"{self.prefix}{self.text}{self.suffix}"


def shown(value: float, unit: str, decimals: int | None, zone: ZoneInfo) -> Shown:
    """Return a number in its unit.

    Args:
        value: The number as the query returned it.
        unit: Grafana's name of the unit, such as `percentunit` or `s`; what it does not know stands behind the number.
        decimals: How many, None for as many as tell.
        zone: Whose clock shows instants.
    """
    if unit.startswith("dateTime"):
        return Shown(datetime.fromtimestamp(value / 1000, zone).strftime("%Y-%m-%d %H:%M:%S"))
    if unit in _WRITERS:
        return _WRITERS[unit](value, decimals)
    for word in ("suffix:", "prefix:"):
        if unit.startswith(word):
            affix = unit.removeprefix(word)
            return Shown(number(value, decimals), **{word[:-1]: affix})
    return Shown(number(value, decimals), suffix=f" {unit}" if unit else "")


def number(value: float, decimals: int | None) -> str:
    """Return a number with thousands divided, rounded as asked or to three figures."""
    digits = telling_decimals(value) if decimals is None else decimals
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text


def telling_decimals(value: float) -> int:
    """Return how many decimals tell something about a number of this size: three figures do."""
    if value == int(value):
        return 0
    return max(0, 2 - math.floor(math.log10(abs(value))))


def _short(value: float, decimals: int | None) -> Shown:
    for size, suffix in ((1e9, " Bil"), (1e6, " Mil"), (1e3, " K")):
        if abs(value) >= size:
            return Shown(number(value / size, 1 if decimals is None else decimals), suffix=suffix)
    return Shown(number(value, decimals))


def _percent(value: float, decimals: int | None) -> Shown:
    return Shown(number(value, 1 if decimals is None and value != int(value) else decimals or 0), suffix="%")


def _seconds(value: float, decimals: int | None) -> Shown:
    if 0 < abs(value) < 1:
        return Shown(number(value * 1000, decimals if decimals is not None else 0), suffix=" ms")
    for least, size, word in reversed(DURATIONS[1:]):
        if abs(value) >= least:
            return Shown(number(value / size, 1 if decimals is None else decimals), suffix=f" {word}")
    return Shown(number(value, decimals), suffix=" s")


def _clock(value: float, decimals: int | None) -> Shown:  # noqa: ARG001 - a clock has no decimals
    hours, rest = divmod(int(abs(value)), HOUR)
    return Shown(f"{'-' if value <= -1 else ''}{hours:02d}:{rest // MINUTE:02d}:{rest % MINUTE:02d}")


def _days_and_clock(value: float, decimals: int | None) -> Shown:
    days, rest = divmod(int(abs(value)), DAY)
    sign = "-" if value <= -1 else ""
    return Shown(f"{sign}{days} d {_clock(rest, decimals)}" if days else f"{sign}{_clock(rest, decimals)}")


def _bytes(value: float, decimals: int | None) -> Shown:
    for size, suffix in ((2**40, " TiB"), (2**30, " GiB"), (2**20, " MiB"), (2**10, " KiB")):
        if abs(value) >= size:
            return Shown(number(value / size, 1 if decimals is None else decimals), suffix=suffix)
    return Shown(number(value, decimals), suffix=" B")


def _scaled(write: Callable[[float, int | None], Shown], factor: float) -> Callable[[float, int | None], Shown]:
    return lambda value, decimals: write(value * factor, decimals)


_WRITERS: Final[dict[str, Callable[[float, int | None], Shown]]] = {
    "": lambda value, decimals: Shown(number(value, decimals)),
    "none": lambda value, decimals: Shown(number(value, decimals)),
    "locale": lambda value, decimals: Shown(number(value, decimals)),
    "string": lambda value, decimals: Shown(number(value, decimals)),
    "short": _short,
    "percent": _percent,
    "percentunit": _scaled(_percent, 100),
    "ns": _scaled(_seconds, 1e-9),
    "ms": _scaled(_seconds, 1e-3),
    "s": _seconds,
    "m": _scaled(_seconds, MINUTE),
    "h": _scaled(_seconds, HOUR),
    "d": _scaled(_seconds, DAY),
    "dthms": _clock,
    "clocks": _clock,
    "dtdhms": _days_and_clock,
    "dtdurations": _seconds,
    "dtdurationms": _scaled(_seconds, 1e-3),
    "bytes": _bytes,
    "decbytes": _bytes,
    "ops": lambda value, decimals: Shown(number(value, decimals), suffix=" ops/s"),
    "cps": lambda value, decimals: Shown(number(value, decimals), suffix=" /s"),
    "eps": lambda value, decimals: Shown(number(value, decimals), suffix=" events/s"),
}

_TIME_STEPS: Final = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800,
)  # fmt: skip


def ticks(low: float, high: float, unit: str, most: int = 5) -> list[float]:
    """Return round values between two ends for an axis, in the steps in which people count this unit."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    step = _step((high - low) / most, unit)
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def _step(wanted: float, unit: str) -> float:
    in_seconds = {"s": 1.0, "dthms": 1.0, "dtdhms": 1.0, "dtdurations": 1.0, "ms": 1e-3, "m": 60.0, "h": 3600.0}
    factor = in_seconds.get(unit)
    if factor and _TIME_STEPS[0] <= wanted * factor <= _TIME_STEPS[-1]:
        return next(step for step in _TIME_STEPS if step >= wanted * factor) / factor
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(part * power for part in (1, 2, 5, 10) if part * power >= wanted * (1 - 1e-9))
