"""Values: what a field of an event is made of, compiled from its description to a function of the row."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

import msgspec

from streams.core.mapping.contract import Field, Shape
from streams.core.mapping.document import Scalar, Value
from streams.core.mapping.fault import RowError, close_to
from streams.core.mapping.instant import Reader
from streams.core.mapping.number import DECIMALS, minor_units, number_of, whole, without_sign
from streams.core.mapping.setting import Setting
from streams.core.mapping.template import Row, Text, columns_of, filled_by, first_of

Compute: TypeAlias = Callable[[Row], object]
"""Gives the content of a field, None when the row has nothing for it; raises `RowError` when it has something wrong."""
Convert: TypeAlias = Callable[[str], object]

_TRUTHS: Final = dict.fromkeys(("true", "yes", "y", "1"), True) | dict.fromkeys(("false", "no", "n", "0"), False)


_JSON: Final = "json"
AS_WRITTEN: Final = ""
"""The separator of documents: their lists come as JSON, and a text with commas is a list all the same."""


def compute_of(value: Value, field: Field, setting: Setting) -> Compute:
    """Return the function that computes a field from a row.

    Raises:
        ValueError: When a constant, a default or an entry of the map is not what the field allows, or the description
            does not suit the field; one line for each fault.
    """
    if value.constant is not None:
        constant = _constant(value.constant, field, setting, value)
        return lambda _: constant
    templates = value.from_ or []
    convert = _convert(value, field, setting)
    default = None if value.default is None else _constant(value.default, field, setting, value)
    if not any(columns_of(template) for template in templates):
        text = templates[0]
        constant = (
            field.checked(_as_value_error(convert, text)) if value.map else _constant(text, field, setting, value)
        )
        return lambda _: constant
    text_of = _item_of(value, first_of(templates, setting.spellings), setting)
    if isinstance(value.decimals, str):
        return _by_currency(
            text_of, filled_by(value.decimals, setting.spellings), _number_reader(value, setting), default
        )
    return lambda row: convert(text) if (text := text_of(row)) else default


def _by_currency(text_of: Text, currency_of: Text, number: Callable[[str], Decimal], default: object) -> Compute:
    """Return the function that reads an amount with as many decimals as its currency has."""
    return lambda row: (
        minor_units(number(text), DECIMALS.get(currency_of(row).upper(), 2)) if (text := text_of(row)) else default
    )


def _item_of(value: Value, text_of: Text, setting: Setting) -> Text:
    """Return the function that picks one part of a list in a cell, if the mapping asks for one."""
    number = value.item
    if number is None:
        return text_of
    place = number - 1 if number > 0 else number
    separator = _separator(value, setting)

    def item(row: Row) -> str:
        parts = _parts(text_of(row), separator)
        return parts[place] if -len(parts) <= place < len(parts) else ""

    return item


def _separator(value: Value, setting: Setting) -> str:
    return setting.separator if value.separator is None else value.separator


def _parts(text: str, separator: str) -> Sequence[str]:
    """Return the parts of a list in a cell."""
    if separator == _JSON or (separator == AS_WRITTEN and text.startswith("[")):
        try:
            return list(map(str, msgspec.json.decode(text, type=list[str | int | float]))) if text else []
        except msgspec.DecodeError:
            raise RowError(f"{text[:80]!r} is no JSON list of texts") from None
    if text.startswith("[") and text.endswith("]"):
        raise RowError(f'{text[:80]!r} looks like a JSON list; if it is one, give the field `separator = "json"`')
    return [part for piece in text.split(separator or ",") if (part := piece.strip())]


def _constant(scalar: Scalar, field: Field, setting: Setting, value: Value) -> object:
    if isinstance(scalar, str) and field.shape is not Shape.WORD:
        return field.checked(_as_value_error(_plain(field, setting, value), scalar))
    return field.checked(float(scalar) if field.shape is Shape.NUMBER and type(scalar) is int else scalar)


def _as_value_error(convert: Convert, text: str) -> object:
    try:
        return convert(text)
    except RowError as error:
        raise ValueError(str(error)) from None


def _convert(value: Value, field: Field, setting: Setting) -> Convert:
    if value.map is None:
        return _plain(field, setting, value)
    if not isinstance(value.map, str):
        return _mapped(value.map, "the map", field, setting, value)
    if value.map not in setting.maps:
        raise ValueError(f"there is no [map.{value.map}]{close_to(value.map, setting.maps)}")
    return _mapped(setting.maps[value.map], f"map.{value.map}", field, setting, value)


def _mapped(entries: Mapping[str, Scalar], name: str, field: Field, setting: Setting, value: Value) -> Convert:
    contents: dict[str, object] = {}
    faults = []
    for text, scalar in entries.items():
        try:
            contents[text] = _constant(scalar, field, setting, value)
        except ValueError as error:
            faults.append(f"{name}, entry {text!r}: {error}")
    if faults:
        raise ValueError("\n".join(faults))
    others = contents.get("*")

    def convert(text: str) -> object:
        content = contents.get(text, others)
        if content is None:
            raise RowError(f'{text[:80]!r} has no entry in {name}; add one, or "*" for all others')
        return content

    return convert


def _plain(field: Field, setting: Setting, value: Value) -> Convert:
    if isinstance(value.decimals, str) and not columns_of(value.decimals):
        raise ValueError('`decimals` is a number, or the column of the currency: "{currency}"')
    if value.decimals is not None and field.shape is not Shape.WHOLE:
        raise ValueError("`decimals` is for amounts of money")
    if value.sign and field.shape not in (Shape.WHOLE, Shape.NUMBER):
        raise ValueError("`sign` is for numbers")
    number = _number_reader(value, setting)
    match field.shape:
        case Shape.WORD:
            return lambda text: _word(text, field)
        case Shape.WHOLE:
            return _whole_reader(value.decimals, number)
        case Shape.NUMBER:
            return lambda text: float(number(text))
        case Shape.TRUTH:
            return _truth
        case Shape.LIST:
            separator = _separator(value, setting)
            return lambda text: _parts(text, separator)
        case Shape.INSTANT:
            return _instant_reader(setting.read_time)
    return lambda text: text


def _number_reader(value: Value, setting: Setting) -> Callable[[str], Decimal]:
    return lambda text: number_of(without_sign(text, value.sign), setting.decimal, setting.thousands)


def _word(text: str, field: Field) -> str:
    """Return a word of an enumeration. The contract reads others as `other`; at the source they are mistakes."""
    if text not in field.words:
        raise RowError(f"{text[:80]!r} is none of {', '.join(sorted(field.words))}; translate it with a `map`")
    return text


def _whole_reader(decimals: int | str | None, number: Callable[[str], Decimal]) -> Convert:
    if not isinstance(decimals, int):
        return lambda text: whole(number(text))
    return lambda text: minor_units(number(text), decimals)


def _instant_reader(read_time: Reader | None) -> Convert:
    if read_time is None:
        raise ValueError("a time needs [time], which says how times are written")
    return read_time


def _truth(text: str) -> bool:
    try:
        return _TRUTHS[text.lower()]
    except KeyError:
        raise RowError(f"{text[:80]!r} is neither true nor false; translate it with a `map`") from None
