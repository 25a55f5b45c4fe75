"""Time ranges as Grafana's picker writes them, and how wide the steps of a series are."""

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from dashboards.preview.fault import PreviewError

_RELATIVE: Final = re.compile(r"now((?:[+-]\d{1,6}[smhdwMy])*)(?:/([smhdwMy]))?")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MONTHS: Final = {"M": 1, "y": 12}
_EARLIEST: Final = 0
_LATEST: Final = 32_503_680_000_000
"""The year 3000: far enough, and every library can still tell such an instant."""

_STEPS: Final = (
    1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800,
    2_592_000,
)  # fmt: skip
"""Widths, in seconds, that people can read on an axis."""
_POINTS: Final = (10, 4000)


@dataclass(frozen=True)
class Span:
    """A range of time, both ends in milliseconds since 1970."""

    from_ms: int
    to_ms: int

    @property
    def seconds(self) -> float:
        """Its width."""
        return (self.to_ms - self.from_ms) / 1000

    def step_seconds(self, points: int, least: str | None = None) -> float:
        """Return the width of a step, so that about so many points fit.

        Args:
            points: How many points there is room for.
            least: The panel's own lower limit, such as `1m` or `>1m`.
        """
        room = min(max(points, _POINTS[0]), _POINTS[1])
        wanted = self.seconds / room
        # Grafana rounds to the nearer neighbour: half-way between two widths the wider one begins.
        halves = [(low + high) / 2 for low, high in pairwise(_STEPS)]
        rounded = _STEPS[sum(wanted >= half for half in halves)]
        return max(rounded, seconds_of(least) if least else 1)


def span_of(begin: str, end: str, now_ms: int, zone: ZoneInfo) -> Span:
    """Return the range between two instants of the picker: `now-7d`, `now/d`, or milliseconds since 1970.

    Raises:
        PreviewError: When one of them is no instant, or the range is empty.
    """
    span = Span(_instant(begin, now_ms, zone, is_end=False), _instant(end, now_ms, zone, is_end=True))
    if span.from_ms >= span.to_ms:
        raise PreviewError("the time range is empty: it must begin before it ends")
    return span


def moved(span: Span, time_from: str | None, time_shift: str | None, now_ms: int) -> Span:
    """Return the range of a panel that has one of its own, or is set back."""
    if time_from:
        span = Span(now_ms - round(seconds_of(time_from) * 1000), now_ms)
    back_ms = round(seconds_of(time_shift) * 1000) if time_shift else 0
    return Span(span.from_ms - back_ms, span.to_ms - back_ms)


def seconds_of(text: str) -> float:
    """Return the seconds of a width such as `30s`, `>1m` or `7d`.

    Raises:
        PreviewError: When it is none.
    """
    match = re.fullmatch(r"[>]?(\d{1,9})(ms|[smhdwMy])", text.strip())
    if not match:
        raise PreviewError(f"{text!r} is no width of time; write it as 30s, 5m, 1h or 7d")
    sizes = {**_SECONDS, "ms": 0.001, "M": 2_592_000, "y": 31_536_000}
    return int(match[1]) * sizes[match[2]]


def _instant(text: str, now_ms: int, zone: ZoneInfo, *, is_end: bool) -> int:
    if text.isascii() and text.isdecimal() and _EARLIEST <= int(text) <= _LATEST:
        return int(text)
    match = _RELATIVE.fullmatch(text)
    if not match:
        raise PreviewError(f"{text[:40]!r} is no instant; write now-7d, now/d, or milliseconds since 1970")
    at = datetime.fromtimestamp(now_ms / 1000, zone)
    try:
        for sign, number, unit in re.findall(r"([+-])(\d+)([smhdwMy])", match[1]):
            at = _shifted(at, int(sign + number), unit)
        if match[2]:
            at = _rounded(at, match[2], is_end=is_end)
    except (OverflowError, ValueError) as error:
        raise PreviewError(f"{text!r} lies too far away") from error
    at_ms = round(at.timestamp() * 1000)
    return min(max(at_ms, _EARLIEST), _LATEST)


def _shifted(at: datetime, number: int, unit: str) -> datetime:
    if unit in _MONTHS:
        year, month = divmod(at.year * 12 + at.month - 1 + number * _MONTHS[unit], 12)
        last_day = monthrange(year, month + 1)[1]
        return at.replace(year=year, month=month + 1, day=min(at.day, last_day))
    if unit in {"d", "w"}:
        return at + timedelta(days=number * (7 if unit == "w" else 1))
    return datetime.fromtimestamp(at.timestamp() + number * _SECONDS[unit], at.tzinfo)


def _rounded(at: datetime, unit: str, *, is_end: bool) -> datetime:
    begins: dict[str, Callable[[datetime], datetime]] = {
        "s": lambda at: at.replace(microsecond=0),
        "m": lambda at: at.replace(second=0, microsecond=0),
        "h": lambda at: at.replace(minute=0, second=0, microsecond=0),
        "d": _midnight,
        "w": lambda at: _midnight(at - timedelta(days=at.weekday())),
        "M": lambda at: _midnight(at).replace(day=1),
        "y": lambda at: _midnight(at).replace(month=1, day=1),
    }
    begin = begins[unit](at)
    return _shifted(begin, 1, unit) - timedelta(milliseconds=1) if is_end else begin


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
