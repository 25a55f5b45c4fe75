"""Texts and addresses with `${...}` in them: titles, names of series, links between dashboards and to tickets."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from dashboards.macro import ALL, Value

_REFERENCE: Final = re.compile(r"\$\{(?P<braced>[^}:]+)(?::(?P<format>[^}]*))?\}|\$(?P<bare>\w+)")
_BRACKETS: Final = re.compile(r"\[\s*[\"']?([^\"'\]]+)[\"']?\s*\]")
_TEXT: Final = "__text."
_ALLOWED: Final = re.compile(r"(/(?![/\\])|https?://)[^\s\\]*")


def filled(template: str, values: Mapping[str, Value]) -> str:
    """Return a text with its references replaced, unknown ones left out as nothing would tell what they mean."""

    def fill(match: re.Match[str]) -> str:
        value = values.get(_name(match), "")
        return _joined(values.get(f"{_TEXT}{_name(match)}", value) if match["format"] == "text" else value)

    return _REFERENCE.sub(fill, template)


def address(template: str, values: Mapping[str, Value]) -> str | None:
    """Return the address of a link, None when it leads to no page: scripts and the like are not followed."""
    written = _REFERENCE.sub(lambda match: _in_address(match, values), template)
    written = f"/{written}" if written.startswith("d/") else written
    return written if _ALLOWED.fullmatch(written) else None


def query_of(name: str, value: Value) -> str:
    """Return a variable as the query part of a dashboard's address."""
    chosen = [value] if isinstance(value, str) else value
    return "&".join(f"var-{quote(name, safe='')}={quote(each, safe='$')}" for each in chosen)


def link_values(variables: Mapping[str, Value], texts: Mapping[str, str], begin: str, end: str) -> dict[str, Value]:
    """Return what texts and links may refer to: the choices at the head of the page and its range of time.

    Args:
        variables: The values that are chosen.
        texts: By which people know them.
        begin: Of the range, as the picker writes it.
        end: Of the range.
    """
    return {
        **variables,
        **{f"{_TEXT}{name}": text for name, text in texts.items()},
        "__from": begin,
        "__to": end,
        "__url_time_range": f"from={quote(begin, safe='')}&to={quote(end, safe='')}",
        "__all_variables": "&".join(query_of(name, value) for name, value in variables.items()),
    }


_READY: Final = frozenset({"__url_time_range", "__all_variables"})


def _in_address(match: re.Match[str], values: Mapping[str, Value]) -> str:
    name = _name(match)
    value = values.get(name, "")
    if name in _READY:
        return _joined(value)
    if match["format"] == "queryparam":
        return query_of(name, value)
    return quote(_joined(value), safe="$" if value == ALL else "")


def _name(match: re.Match[str]) -> str:
    """Return a name with dots: `__data.fields["ticket id"]` means the same as `__data.fields.ticket id`."""
    return _BRACKETS.sub(r".\1", match["braced"] or match["bare"])


def _joined(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ",".join(value)
