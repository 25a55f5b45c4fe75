"""Sketches of lists: where documents hold what was written in a list, a rule for it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from streams.core.mapping.guess import Guess, guesses_of

_MESSAGES: Final = re.compile(r"\b(?:message|comment|article|repl(?:y|ie)|note|part|post)s?\b")
_NAMING: Final = ("id", "uid", "uuid", "key", "number")
_TRUE: Final = {
    "out": frozenset({"agent", "staff", "outgoing", "outbound", "operator", "admin"}),
    "in": frozenset({"incoming", "inbound", "customer", "user"}),
    "public": frozenset({"public"}),
    "private": frozenset({"private", "internal", "note"}),
}
"""What it means where a field of such a name is true."""
_OPPOSITE: Final = {"out": "in", "in": "out", "public": "private", "private": "public"}
_SENDER: Final = frozenset({"sender", "author", "by", "user"})


class Listed(NamedTuple):
    """A list of objects, as a table: the paths within an element, and a row for each."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def rules_of_messages(lists: Mapping[str, Listed]) -> Iterator[str]:
    """Return the lines of a rule for each list that seems to hold messages, which have an id and a time."""
    for path, listed in lists.items():
        name = re.sub(r"[^a-z]+", " ", path.rpartition(".")[2].lower())
        guesses = guesses_of(listed.columns, listed.rows)
        times = [one for one in guesses if one.format and one.is_full]
        naming = [one for word in _NAMING for one in guesses if one.name == word and one.is_full]
        if _MESSAGES.search(name) and times and naming:
            yield from _rule(path, name.strip(), naming[0], times[0], guesses)


def _rule(path: str, name: str, naming: Guess, time: Guess, guesses: Sequence[Guess]) -> Iterator[str]:
    is_notes = "note" in name
    word = name.split()[-1].removesuffix("s")
    yield "\n[[rule]]"
    yield f'name = "each-{word}"'
    yield f'for_each = "{_written(path)}"'
    yield 'event = "message.sent"'
    yield f'id = "{word}-{{{naming.name}}}"'
    plain = f'"{{{time.name}}}"'
    yield f"time = {plain}" if time.format == "iso" else f'time = {{ from = {plain}, format = "{time.format}" }}'
    yield "[rule.data]"
    yield f'message_id = "{{{naming.name}}}"'
    yield _said("direction", ("out", "in"), guesses, {"out": "out", "in": "in"}, "out")
    yield _said("visibility", ("public", "private"), guesses, {}, "private" if is_notes else "public")
    yield _said("sender_type", ("out", "in"), guesses, {"out": "agent", "in": "customer"}, "agent")
    sender = next((one for one in guesses if one.words & _SENDER and "id" in one.words), None)
    if sender:
        yield f'sender_id = "{{{_written(sender.name)}}}"'


def _said(
    field: str, meanings: Sequence[str], guesses: Sequence[Guess], words: Mapping[str, str], otherwise: str
) -> str:
    """Return a field by whatever is true or false of a message and tells it, or the usual one with a question mark."""
    for meaning in meanings:
        for one in guesses:
            if one.words & _TRUE[meaning] and set(one.values) <= {"true", "false"} and one.is_full:
                yes, no = (words.get(each, each) for each in (meaning, _OPPOSITE[meaning]))
                return f'{field} = {{ from = "{{{_written(one.name)}}}", map = {{ true = "{yes}", false = "{no}" }} }}'
    return f'{field} = "{otherwise}"  # ?'


def _written(path: str) -> str:
    return path.replace('"', '\\"')
