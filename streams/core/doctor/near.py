"""Names that are nearly the same, as far as one can tell without knowing what they mean."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Final

_LEAST_LETTERS: Final = 6
"""Shorter names that differ by a letter are as likely two names."""
_RARE: Final = 0.2
"""A misspelling is rarer than the name."""


def near_teams(rows: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield pairs of teams with nearly equal names: the one with fewer tickets, and the one that it may be."""
    sizes = {str(row["what"]): int(row["n"]) for row in rows}
    for one, other in candidates(sizes):
        rare, usual = sorted((one, other), key=lambda name: (sizes[name], name))
        if is_same(one, other) or (sizes[rare] <= _RARE * sizes[usual] and is_misspelt(one, other)):
            yield {"what": rare, "n": sizes[rare], "usual": usual, "shown": sizes[usual]}


def candidates(names: Iterable[str]) -> Sequence[tuple[str, str]]:
    """Return the pairs that can be nearly the same, and few others, in order, without looking at every pair.

    Two names that are a slip apart become one where the right letter, or none, is left out of each.
    """
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        letters = _letters(name)
        for form in {letters, *(letters[:n] + letters[n + 1 :] for n in range(len(letters)))}:
            alike[form].append(name)
    return sorted({pair for names in alike.values() for pair in combinations(names, 2)})


def is_same(one: str, other: str) -> bool:
    """Say whether two names differ by case, blanks and marks alone."""
    return bool(_letters(one)) and _letters(one) == _letters(other)


def is_misspelt(one: str, other: str) -> bool:
    """Say whether a letter was added, left out, exchanged or swapped with its neighbour; digits are never a slip."""
    a, b = _letters(one), _letters(other)
    if min(len(a), len(b)) < _LEAST_LETTERS or abs(len(a) - len(b)) > 1 or _digits(a) != _digits(b):
        return False
    begin = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    a, b = a[begin:], b[begin:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


def _letters(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _digits(name: str) -> str:
    return "".join(letter for letter in name if letter.isdigit())
