"""What grows: one thing at a time, all else as it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from tests.bench import backlog
from tests.growth import load

TICKETS: Final = 20_000
"""Size of the simulated month; near nine events each."""


@dataclass(frozen=True)
class Point:
    """One measurement.

    Attributes:
        label: What is different here.
        records: Makes what is sent, from a size: the share of the whole that a quick run asks for.
        partitions: Of each topic.
        workers: How many read them.
        stored: How many tickets there are before, about.
        name: Gives tickets other ids, in each run others: those of the run before are stored.
        are_events: Whether what is sent are events; else each record becomes a dead letter.
    """

    label: str
    records: Callable[[float], list[bytes]]
    partitions: int = 4
    workers: int = 1
    stored: int = 0
    name: Callable[[str, int], str] | None = None
    are_events: bool = True


@dataclass(frozen=True)
class Curve:
    """Points that differ by one thing; how many times as fast each is as the first says how speed grows."""

    name: str
    title: str
    points: Sequence[Point]


@cache
def _month(size: float) -> tuple[bytes, ...]:
    return tuple(backlog.ticket_events(max(300, round(TICKETS * size))))


def _desk(size: float) -> list[bytes]:
    return list(_month(size))


def _each(events_each: int) -> Callable[[float], list[bytes]]:
    def records(size: float) -> list[bytes]:
        return list(load.talk(load.in_turn(max(1, round(100_000 * size / events_each)), events_each)))

    return records


def _hot(share: float) -> Callable[[float], list[bytes]]:
    return lambda size: list(load.talk(load.one_hot(round(40_000 * size), share)))


def _teams(names: int) -> Callable[[float], list[bytes]]:
    return lambda size: list(load.talk(range(round(1_000_000 * size)), teams=max(1, round(names * size))))


def _unreadable(size: float) -> list[bytes]:
    return load.unreadable(round(100_000 * size))


CURVES: Final = (
    Curve(
        "workers",
        "Partitions x workers",
        [
            Point(f"{partitions} x {workers}", _desk, partitions=partitions, workers=workers)
            for partitions, workers in ((1, 1), (2, 1), (4, 1), (2, 2), (4, 2), (4, 4))
        ],
    ),
    Curve(
        "stored",
        "Tickets stored before",
        [
            Point("none", _desk),
            *(
                Point(f"{stored:,}, {how}", _desk, stored=stored, name=name)
                for stored in (100_000, 1_000_000, 10_000_000)
                for how, name in (("ids by time", load.by_time), ("ids at random", load.at_random))
            ),
        ],
    ),
    Curve("events", "Events a ticket", [Point(f"{each:,}", _each(each)) for each in (1, 20, 200, 5_000)]),
    Curve(
        "hot", "Share of one ticket in all events", [Point(f"{share:.0%}", _hot(share)) for share in (0, 0.05, 0.25)]
    ),
    Curve(
        "dead-letters",
        "Records that are no events",
        [Point("none", _desk), Point("all", _unreadable, are_events=False)],
    ),
    Curve("teams", "Names of teams", [Point(f"{names:,}", _teams(names)) for names in (20, 10_000, 1_000_000)]),
)
