"""Reasons that dominate: one question behind so many contacts that whoever removes its cause helps the whole desk."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.rows import Ms
from streams.core.window import HOUR_MS

HOURS: Final = 7 * 24
"""The share is that of so many hours up to now: a week, so that each weekday counts once."""
LEAST_N: Final = 50
"""Of fewer contacts nothing is said."""
CLEARS_AT: Final = 5 / 6
"""Over once the share falls below so much of the line: 25 % where that is 30 %. In between it stays as it is."""


class Seen(NamedTuple):
    """What a week showed: contacts for the reason, and all of them."""

    hits: int
    n: int


class Dominance(Struct, kw_only=True):
    """A time in which one reason dominated.

    Attributes:
        opened_at: The full hour at which it passed the line.
        closed_at: The full hour at which it fell below where it clears; None while it goes on.
        first: The week that ended when it was opened.
        last: The week that ended when it was closed, or at the last full hour.
    """

    opened_at: Ms
    closed_at: Ms | None
    first: Seen
    last: Seen


def dominances(
    by_reason: Mapping[str, Mapping[int, int]], since: int, until: int, line: float
) -> dict[str, list[Dominance]]:
    """Return when each reason dominated, in order. It follows from the contacts alone.

    A reason passes the line when more than that share of the contacts of the last seven days, and of the second half of
    them, came for it, of 50 or more. It is over once the share is below 5/6 of the line; few contacts count as 50, so
    that a desk at rest does not go on telling.

    Args:
        by_reason: Contacts by reason and hour, hours counted from 1970; "" stands for no reason, and is none.
        since: The first hour that is known.
        until: The hour after the last one.
        line: Above this share a reason is a matter for who can remove its cause.
    """
    all_of = sum((_of_hours(hours, since, until) for hours in by_reason.values()), np.zeros(until - since, np.int64))
    n, n_lately = _over(all_of, HOURS), _over(all_of, HOURS // 2)
    found = {}
    for reason, hours in by_reason.items():
        if not reason:
            continue
        counts = _of_hours(hours, since, until)
        hits, lately = _over(counts, HOURS), _over(counts, HOURS // 2)
        opens = (n >= LEAST_N) & (hits > line * n) & (lately > line * n_lately)
        closes = hits < CLEARS_AT * line * np.maximum(n, LEAST_N)
        if each := _spans(opens, closes, hits, n, since):
            found[reason] = each
    return found


def _of_hours(hours: Mapping[int, int], since: int, until: int) -> NDArray[np.int64]:
    counts = np.zeros(until - since, np.int64)
    for hour, n in hours.items():
        if since <= hour < until:
            counts[hour - since] += n
    return counts


def _over(counts: NDArray[np.int64], hours: int) -> NDArray[np.int64]:
    """Return the sums over so many hours up to the end of each one."""
    sums = np.cumsum(counts)
    sums[hours:] -= sums[:-hours].copy()
    return sums


def _spans(
    opens: NDArray[np.bool_], closes: NDArray[np.bool_], hits: NDArray[np.int64], n: NDArray[np.int64], since: int
) -> list[Dominance]:
    def at(place: int) -> Ms:
        return (since + place + 1) * HOUR_MS

    def seen(place: int) -> Seen:
        return Seen(int(hits[place]), int(n[place]))

    found: list[Dominance] = []
    place = 0
    while (opened := _next(opens, place)) is not None:
        closed = _next(closes, opened)
        found.append(
            Dominance(
                opened_at=at(opened),
                closed_at=None if closed is None else at(closed),
                first=seen(opened),
                last=seen(len(n) - 1 if closed is None else closed),
            )
        )
        if closed is None:
            break
        place = closed + 1
    return found


def _next(marks: NDArray[np.bool_], place: int) -> int | None:
    """Return the first place from one on that is marked."""
    rest = marks[place:]
    return place + int(np.argmax(rest)) if np.any(rest) else None
