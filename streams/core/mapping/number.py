"""Numbers as people write them into cells, read exactly."""

import re
import unicodedata
from decimal import Decimal
from typing import Final

from streams.core.mapping.fault import RowError

DECIMALS: Final = dict.fromkeys(
    (
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"),
        *("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
    ),
    0,
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
"""How many decimals a currency has that has not two (ISO 4217)."""
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?")
_SHORTENED: Final = 11
"""From so many digits before the mark on, spreadsheets write numbers in short form, `1.76417E+12`."""


def number_of(text: str, decimal: str, thousands: str | None = None) -> Decimal:
    """Return the number that a cell holds.

    Args:
        text: Digits, a sign, a decimal mark; no currency.
        decimal: The decimal mark of the file.
        thousands: What may stand between groups of three digits; None when nothing may.

    Raises:
        RowError: When it is no number, or one that was rounded when it was written.
    """
    plain = _ungrouped(text, thousands, decimal) if thousands else text
    plain = plain if decimal == "." else plain.replace(".", "?").replace(",", ".")
    if not _NUMBER.fullmatch(plain):
        marks = f"the decimal mark of the file is {decimal!r}"
        raise RowError(f"{text[:80]!r} is no number ({marks}){_hint(text, decimal)}")
    number = Decimal(plain)
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent > 0 and number.adjusted() >= _SHORTENED:
        raise RowError(rounded(text))
    return number


def rounded(text: str) -> str:
    """Return what is wrong with a number that says nothing of its last digits."""
    return f"{text[:80]!r} was rounded by a spreadsheet, its last digits are lost; export the column as text"


def without_sign(text: str, signs: list[str]) -> str:
    """Return an amount without the currency sign before or behind it: `-€ 12.50` gives `-12.50`."""
    for sign in signs:
        if sign in text:
            amount = "".join(text.replace(sign, "", 1).strip().split("\xa0"))
            return amount[0] + amount[1:].lstrip() if amount[:1] in ("-", "+") else amount
    return text


def text_of(number: Decimal, decimal: str) -> str:
    """Return a number as the text that `number_of` reads back."""
    return f"{number:f}".replace(".", decimal)


def whole(number: Decimal) -> int:
    """Return a whole number as an int.

    Raises:
        RowError: When it has decimals.
    """
    if number != number.to_integral_value():
        raise RowError(f"{number:f} is no whole number; for money in major units give the field `decimals = 2`")
    return int(number)


def minor_units(number: Decimal, decimals: int) -> int:
    """Return money in minor units: 12.5 with 2 decimals gives 1250.

    Raises:
        RowError: When it has more decimals than the currency.
    """
    scaled = number.scaleb(decimals)
    if scaled != scaled.to_integral_value():
        raise RowError(f"{number:f} has more than {decimals} decimals")
    return int(scaled)


def _ungrouped(text: str, thousands: str, decimal: str) -> str:
    """Return a number without its separators; where they do not divide groups of three it stays as it is: no number."""
    head, mark, tail = text.partition(decimal)
    blanks = r"[ \xa0\u202f]" if thousands == " " else re.escape(thousands)
    if re.fullmatch(rf"[+-]?[0-9]{{1,3}}(?:{blanks}[0-9]{{3}})+", head):
        return re.sub(blanks, "", head) + mark + tail
    return text


def _hint(text: str, decimal: str) -> str:
    """Return the setting that a number which cannot be read may lack."""
    sign = next((sign for sign in text if unicodedata.category(sign) == "Sc"), "") or _word(text)
    if sign:
        return f'; if {sign!r} is the currency, give the field `sign = "{sign}"`'
    grouped = re.fullmatch(r"[+-]?[0-9]{1,3}(?:([ .,'’\xa0\u202f])[0-9]{3})+(?:([.,])[0-9]*)?", text)
    if grouped and grouped[1] != decimal and grouped[2] in (None, decimal):
        return f'; if {grouped[1]!r} divides thousands, say `thousands = "{grouped[1]}"` in [csv]'
    return ""


def _word(text: str) -> str:
    """Return the letters before or behind an amount."""
    found = re.fullmatch(r"([A-Za-z]{1,4})\s?[+-]?[0-9].*|[+-]?[0-9].*[0-9]\s?([A-Za-z]{1,4})", text)
    return (found[1] or found[2]) if found else ""
