"""Texts of times: what is written, before it is known where on earth.

Python reads some texts as more or as less than they say; what it would drop in silence is refused here, or counted.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Final, TypeAlias

from streams.core.mapping.document import Time
from streams.core.mapping.fault import RowError
from streams.core.mapping.note import Notes
from streams.core.mapping.number import rounded
from streams.core.mapping.zone import TimeSettingError, abbreviations

Reading: TypeAlias = Callable[[str], datetime]
"""Gives a time with an offset where the text has one; raises `RowError` when it cannot be read."""

COUNTED: Final = frozenset({"iso", "unix", "unix_ms"})
"""Formats that need no zone: they count from an instant, or may carry an offset."""

_DIVISORS: Final = {"unix": 1, "unix_ms": 1000}
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]*)?(?:[eE][+-]?[0-9]{1,2})?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DISTANT_SECONDS: Final = 250_000_000_000
_LEAST_MS: Final = 100_000_000_000
"""March 1973: smaller numbers are seconds."""

_DAY_0: Final = {"excel": datetime(1899, 12, 30), "excel_1904": datetime(1904, 1, 1)}  # noqa: DTZ001 - the zone follows
_LAST_DAY: Final = 2_958_465
"""9999-12-31, where spreadsheets end."""
_MS_DECIMALS: Final = 8
"""Decimals of a day that tell milliseconds apart; with fewer, seconds are all that can be told."""

_ISO_24: Final = re.compile(r"(?:(?<=^[0-9W-]{8}[^0-9])|(?<=^[0-9W-]{9}[^0-9])|(?<=^[0-9W-]{10}[^0-9]))24(?![0-9])")
_ANY_24: Final = re.compile(r"(?<![0-9])24(?=[:.h][0-9])")
_DATE_ALONE: Final = re.compile(r"[0-9]{4}(?:-?[0-9]{2}-?[0-9]{2}|-?W[0-9]{2}(?:-?[1-7])?)")
_DAYS: Final = frozenset({"%d", "%j", "%x", "%c", "%D", "%U", "%W", "%V"})
_WEEKDAYS: Final = frozenset({"%a", "%A", "%w", "%u"})


def reading_of(time: Time, notes: Notes) -> Reading:
    """Return the function that reads what is written.

    Raises:
        TimeSettingError: When there is no such format, or Python would read less than is written in it.
    """
    if time.format in _DIVISORS:
        divisor = _DIVISORS[time.format]
        return lambda text: _from_unix(text, divisor)
    if time.format in _DAY_0:
        day_0 = _DAY_0[time.format]
        return lambda text: _from_days(text, day_0)
    if time.format == "iso":
        read = _iso_reading(notes)
        return lambda text: _next_day(text, found, read, time) if (found := _ISO_24.search(text)) else read(text)
    return _or_next_day(_strptime_reading(time, notes), time)


def _from_unix(text: str, divisor: int) -> datetime:
    if not _NUMBER.fullmatch(text):
        raise RowError(f"{text[:80]!r} is no number of seconds since 1970")
    number = _exact(text)
    seconds = number / divisor
    if not abs(seconds) < _DISTANT_SECONDS:
        hint = "; are these milliseconds (`unix_ms`)?" if divisor == 1 else ""
        raise RowError(f"{text[:80]!r} lies beyond the years that exist{hint}")
    if divisor != 1 and abs(number) < _LEAST_MS:
        raise RowError(f"{text[:80]!r} is a time of 1970 in milliseconds; are these seconds (`unix`)?")
    return _EPOCH + timedelta(microseconds=int((seconds * 1_000_000).to_integral_value()))


def _exact(text: str) -> Decimal:
    number = Decimal(text.replace(",", "."))
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent > 0:
        raise RowError(rounded(text))
    return number


def _from_days(text: str, day_0: datetime) -> datetime:
    if not _NUMBER.fullmatch(text):
        raise RowError(f"{text[:80]!r} is no number of days, as spreadsheets count them")
    days = _exact(text)
    if not 0 <= days <= _LAST_DAY:
        raise RowError(f"{text[:80]!r} lies beyond the days that spreadsheets count")
    exponent = days.as_tuple().exponent
    is_fine = isinstance(exponent, int) and -exponent >= _MS_DECIMALS
    seconds = round(days * 86_400, 3 if is_fine else 0)
    return day_0 + timedelta(milliseconds=int(seconds * 1000))


def _iso_reading(notes: Notes) -> Reading:
    def read(text: str) -> datetime:
        at = datetime.fromisoformat(text)
        if _DATE_ALONE.fullmatch(text):
            notes.add("dates without a time, read as the beginning of the day", text, "`from` and `format` in [time]")
        return at

    return _named(read, "iso")


def _strptime_reading(time: Time, notes: Notes) -> Reading:
    format = time.format
    _refuse_loss(format)
    if "%Z" in format:
        return _abbreviated(format.replace("%Z", "").strip(), abbreviations(time.zones), time)
    is_vague = _DAYS.isdisjoint(_directives(format))

    def read(text: str) -> datetime:
        at = datetime.strptime(text, format)  # noqa: DTZ007 - the zone follows
        if is_vague:
            notes.add("times without a day, read as the first", text, "`from` and `format` in [time]")
        return at

    return _named(read, format)


def _refuse_loss(format: str) -> None:
    if "%" not in format:
        known = ", ".join([*_DIVISORS, *_DAY_0])
        raise TimeSettingError(f"unknown format {format!r}; give iso, {known} or a strptime format (%Y-%m-%d)")
    try:
        datetime.strptime("", format)  # noqa: DTZ007 - only the format is tried
    except ValueError as error:
        if "does not match" not in str(error):
            raise TimeSettingError(f"{error}") from None
    said = _directives(format)
    if "%I" in said and "%p" not in said:
        raise TimeSettingError("%I counts hours to 12 and does not say which half of the day: add %p, or write %H")
    if said & {"%U", "%W"} and not said & _WEEKDAYS:
        raise TimeSettingError("a week (%U, %W) without a day of it would be read as the year alone: add %a or %u")


def _directives(format: str) -> set[str]:
    return set(re.findall(r"%.", format.replace("%%", "")))


def _abbreviated(format: str, zones: Mapping[str, tzinfo], time: Time) -> Reading:
    """Return the reading of times that name their zone. Python would take that name, and ignore what it says."""
    names = "|".join(sorted(map(re.escape, zones), key=len, reverse=True))
    word = re.compile(rf"(?<![A-Za-z])(?:{names})(?![A-Za-z])")

    def read(text: str) -> datetime:
        found = word.findall(text)
        if not found:
            raise RowError(
                f"{text[:80]!r} names no time zone that is known ({', '.join(zones)}); "
                'say what it means, such as `zones = { CEST = "+02:00" }` in [time]'
            )
        at = datetime.strptime(word.sub("", text).strip(), format)  # noqa: DTZ007 - the zone follows
        return at.replace(tzinfo=zones[found[-1]])

    return _named(read, time.format)


def _named(read: Reading, format: str) -> Reading:
    def named(text: str) -> datetime:
        try:
            return read(text)
        except ValueError:
            raise RowError(f"{text[:80]!r} is no time in the format {format!r}{_hint(text)}") from None

    return named


def _hint(text: str) -> str:
    if re.fullmatch(r"[34][0-9]{4}(?:[.,][0-9]+)?", text):
        return '; if a spreadsheet counted days, say `format = "excel"`'
    return ""


def _or_next_day(read: Reading, time: Time) -> Reading:
    def either(text: str) -> datetime:
        try:
            return read(text)
        except RowError:
            found = list(_ANY_24.finditer(text))
            if not found:
                raise
            return _next_day(text, found[-1], read, time)

    return either


def _next_day(text: str, found: re.Match[str], read: Reading, time: Time) -> datetime:
    """Return the beginning of the next day for 24:00, if the mapping says so: by itself it is a time on no Python."""
    if time.hour_24 == "reject":
        raise RowError(
            f"{text[:80]!r} is no time in the format {time.format!r}; "
            'if 24:00 is 0:00 of the next day, say `hour_24 = "next_day"` in [time]'
        )
    at = read(f"{text[: found.start()]}00{text[found.end() :]}")
    if at.hour or at.minute or at.second or at.microsecond:
        raise RowError(f"{text[:80]!r} lies after the end of its day")
    return at + timedelta(days=1)
