"""Numbers as people write them into cells, read exactly."""

import re
from decimal import Decimal
from typing import Final, Literal

from streams.core.mapping.fault import RowError

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?")


def number_of(text: str, decimal: Literal[".", ","]) -> Decimal:
    """Return the number that a cell holds.

    Args:
        text: Digits, a sign, a decimal mark; no thousands separators, no currency.
        decimal: The decimal mark of the file.

    Raises:
        RowError: When it is no number.
    """
    plain = text if decimal == "." else text.replace(".", "?").replace(",", ".")
    if not _NUMBER.fullmatch(plain):
        raise RowError(f"{text[:80]!r} is no number (the decimal mark of the file is {decimal!r})")
    return Decimal(plain)


def text_of(number: Decimal, decimal: Literal[".", ","]) -> str:
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
