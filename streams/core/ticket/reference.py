"""What an id means: it is unique in the source that says it, so that of two sources the same id means two things.

A change is matched with what its own source said. An answer to a survey may come from another system than the offer:
where its own source offered no survey of that id, and exactly one other source did, it answers that one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TypeAlias

Key: TypeAlias = tuple[str, str]
"""A source and an id in it."""


def keyed(named: Iterable[Key]) -> Callable[[str, str], Key]:
    """Return what gives the key of a source and an id, among all that is named.

    Facts of older releases do not know their source. Where one source alone uses their id they are taken to be its own,
    else they are matched with each other.
    """
    users: defaultdict[str, set[str]] = defaultdict(set)
    for source, id in named:
        if source:
            users[id].add(source)

    def key(source: str, id: str) -> Key:
        known = users.get(id, ())
        return (source or (next(iter(known)) if len(known) == 1 else "")), id

    return key


def answering(offers: Iterable[Key]) -> Callable[[str, str], Key]:
    """Return what gives the survey that a rating answers, by the source of the rating and the id that it names.

    One that nobody is known to have offered is the rating's own.
    """
    offerers: defaultdict[str, list[str]] = defaultdict(list)
    for source, id in offers:
        offerers[id].append(source)

    def survey(source: str, id: str) -> Key:
        found = offerers.get(id, ())
        return (found[0] if len(found) == 1 else source), id

    return survey
