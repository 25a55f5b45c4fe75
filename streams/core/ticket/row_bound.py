"""How much of a long story one row names: beyond that a ticket would cost more with everything that happens to it."""

from typing import Final, TypeVar

from msgspec import Struct

T = TypeVar("T")

_MOST_TURNS: Final = 5_000
"""Waits, cycles and spans. Ten times what people make of a ticket, and less than a mail loop makes in a day: a row of
100 KB, which ClickHouse takes apart in a fifth of a second."""
_MOST_FEEDBACK: Final = 500
"""Surveys, ratings, compensations, repurchases, promises, and who was in charge: the views lay each rating beside each
of the others, and each cycle."""
_MOST_BY_DAY: Final = 1_000_000
"""Elements times days: the view of days looks at each element once a day."""
_LEAST: Final = 100
"""So many of everything are always named; rows that hold no more than this weigh nothing."""


class Bounds(Struct, frozen=True):
    """At most so many of each are named.

    Attributes:
        turns: Waits, cycles, spans.
        feedback: Surveys, ratings, compensations, repurchases, promises; who was in charge.
    """

    turns: int
    feedback: int


SHORT: Final = Bounds(_LEAST, _LEAST)
"""What every store can take."""


def bounds_of(days: int) -> Bounds:
    """Return how much the row of a ticket names on whose days anything happened."""
    by_day = max(_LEAST, _MOST_BY_DAY // max(1, days))
    return Bounds(min(_MOST_TURNS, by_day), min(_MOST_FEEDBACK, by_day))


def named(story: list[T], most: int) -> list[T]:
    """Return the first ones of a story and the last one, which says how it stands now.

    The first ones stay what they are whatever happens next, so that settled days do not move.
    """
    return story if len(story) <= most else [*story[: most - 1], story[-1]]
