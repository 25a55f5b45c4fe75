"""What all values and conditions of a mapping share."""

from collections.abc import Mapping
from typing import NamedTuple

from streams.core.mapping.document import Scalar
from streams.core.mapping.instant import Reader
from streams.core.mapping.template import Spellings


class Setting(NamedTuple):
    """How cells are read.

    Attributes:
        maps: Translations by their name.
        decimal: The decimal mark.
        thousands: What divides thousands; None when nothing does.
        read_time: Reads a time; None while the mapping does not say how times are written.
        spellings: What templates do to cells.
        separator: What divides a list in a cell, unless the field says so.
    """

    maps: Mapping[str, Mapping[str, Scalar]]
    decimal: str
    thousands: str | None
    read_time: Reader | None
    spellings: Spellings
    separator: str = ","
