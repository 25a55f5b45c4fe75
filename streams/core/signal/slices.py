"""Where a fall comes from: how much each reason and product line adds to it, and which tickets show it."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

SHOWN_SLICES: Final = 3
SHOWN_TICKETS: Final = 5
EXPLAINED_PART: Final = 0.5
"""When teams that are told already account for so much of a fall of the desk, nobody is told of the desk."""


class Counted(NamedTuple):
    """Ratings of one slice over the fall, and over the time that made up what is usual."""

    key: tuple[str, ...]
    n: int
    bad: int
    usual_n: int
    usual_bad: int


class Contribution(NamedTuple):
    """What a slice adds to a fall, in percentage points; it takes from it when that is negative."""

    key: tuple[str, ...]
    n: int
    bad: int
    points: float


class BadRating(NamedTuple):
    """A rating that did not count as satisfied."""

    ticket_id: str
    key: tuple[str, ...]
    score: float


def contributions(slices: Sequence[Counted]) -> list[Contribution]:
    """Return what each slice contributes to a fall, the most first; all of them add up to the fall.

    A slice contributes its bad ratings for each rating of all slices now, minus the same of the usual time. So both
    count: that a slice got worse, and that more of it came.
    """
    n, usual_n = sum(one.n for one in slices), sum(one.usual_n for one in slices)
    made = [
        Contribution(
            one.key, one.n, one.bad, 100 * ((one.bad / n if n else 0) - (one.usual_bad / usual_n if usual_n else 0))
        )
        for one in slices
    ]
    return sorted(made, key=lambda one: (-one.points, one.key))


def leading(slices: Sequence[Counted]) -> list[Contribution]:
    """Return the few slices that contribute most, and nothing that does not."""
    return [one for one in contributions(slices)[:SHOWN_SLICES] if one.points > 0]


def to_read(bad: Iterable[BadRating], first: Sequence[Contribution]) -> list[str]:
    """Return the tickets to read first: of the slices that contribute most, the newest first.

    Args:
        bad: The newest first.
        first: The slices that contribute most.
    """
    leaders = {one.key for one in first}
    ordered = sorted(bad, key=lambda one: one.key not in leaders)  # stable: the newest stay first
    return list(dict.fromkeys(one.ticket_id for one in ordered))[:SHOWN_TICKETS]


def explained_by(parts: Sequence[Counted], names: Iterable[str]) -> float:
    """Return which part of a fall some slices account for: 1 for all of it, 0 when there is none."""
    each = contributions(parts)
    fall = sum(one.points for one in each)
    named = {(name,) for name in names}
    return sum(one.points for one in each if one.key in named) / fall if fall > 0 else 0.0
