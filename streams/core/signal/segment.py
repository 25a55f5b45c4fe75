"""The words of signals: of whom they speak, how they stand, and how the thresholds of each are found."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from msgspec import Struct

from schemas.rows import Ms
from streams.core.drop import Cause, Rating, ThresholdError, Thresholds
from streams.core.fault.burst import BurstError, BurstRule, Contact


class SegmentKind(StrEnum):
    """What a segment is a part of."""

    TEAM = "team"
    DESK = "desk"
    """All teams together: the segment above every team. Events name no department."""
    SOURCE = "source"
    """A system that publishes events."""
    ASSET = "asset"
    """What customers use and what can break: a line, a lift, a machine."""
    TOPIC = "topic"
    """A product line and why customers come about it."""
    REASON = "reason"
    """Why customers come."""


class Segment(NamedTuple):
    """Whom a signal is about."""

    kind: SegmentKind
    name: str


CALM_SECONDS: Final = 15.0
"""So long after ratings of long ago came the watch waits: a worker may be reading a history, partition by partition."""
LATE_MINUTES: Final = 15
"""A rating that comes so long after it was given is one of long ago."""

DESK: Final = Segment(SegmentKind.DESK, "all teams")


class SignalState(StrEnum):
    """How a signal stands."""

    OPEN = "open"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"
    """Later knowledge says that it never was: ratings that came late, were corrected or withdrawn."""


class RatedTicket(Struct, frozen=True, gc=False):
    """The ratings of one ticket as they count now.

    Attributes:
        ticket_id: Of the ticket.
        team: To which all of them belong, unless `teams` says of each; "" when nobody said.
        ratings: Valid ratings by customers; their ids are unique among all tickets.
        teams: Those that were in charge of what is rated, one for each rating; empty where it is one team.
    """

    ticket_id: str
    team: str
    ratings: tuple[Rating, ...]
    teams: tuple[str, ...] = ()

    def by_team(self) -> dict[str, Sequence[Rating]]:
        """Return the ratings of each team."""
        if not self.teams:
            return {self.team: self.ratings} if self.ratings else {}
        parts: dict[str, list[Rating]] = {}
        for team, rating in zip(self.teams, self.ratings, strict=True):
            parts.setdefault(team, []).append(rating)
        return dict(parts)


class Called(NamedTuple):
    """A ticket, and what it may be about.

    Attributes:
        contact: The ticket.
        subjects: By kind of segment; "" where it names nothing of the kind.
    """

    contact: Contact
    subjects: Mapping[SegmentKind, str]


RATES: Final[Mapping[Cause, str]] = {
    Cause.COMPLAINTS_SURGE: "complaints",
    Cause.FIRST_RESPONSES_LATE: "first_responses",
}
"""Rates that are judged by the rule for satisfaction, each with the table of its thresholds."""
_OF_RATES: Final[Mapping[Cause, Mapping[str, Any]]] = {
    Cause.COMPLAINTS_SURGE: {"guard_points": 2, "guard_factor": 1.5, "recovery_points": 1},
    Cause.FIRST_RESPONSES_LATE: {"guard_points": 10},
}
_OF_EITHER: Final[Mapping[str, Any]] = {"wilson_z": 5, "baseline_lowest": 0.05, "pending_minutes": 1 / 60_000}
"""Of few complaints, or late ones, chance makes more than a normal distribution has: hence a larger z. A desk may
answer most of its customers late, and that is usual there. Counts bear the last millisecond of their hour: what they
show is found at its end, and waits for nothing more."""
_BURSTS: Final = "bursts"
_WITH_THRESHOLDS: Final = (SegmentKind.TEAM, SegmentKind.DESK, SegmentKind.SOURCE)
_OF_ALL: Final = ("false_pages_per_90_days", "paging_segments", "day_begins_hour")
"""What is said of satisfaction and holds for rates as well, unless their table says otherwise."""


class ThresholdBook(Struct, frozen=True):
    """The thresholds of every segment.

    Attributes:
        usual: Of all segments without thresholds of their own.
        own: Of the others.
        of_rates: What the settings say of rates.
        bursts: When customers are taken to come because of one fault.
    """

    usual: Thresholds = Thresholds()
    own: Mapping[Segment, Thresholds] = {}
    of_rates: Mapping[Cause, Mapping[str, Any]] = {}
    bursts: BurstRule = BurstRule()

    def of(self, segment: Segment) -> Thresholds:
        """Return the thresholds of a segment."""
        return self.own.get(segment, self.usual)

    def of_rate(self, cause: Cause) -> Thresholds:
        """Return the thresholds of a rate, the same for all teams.

        Raises:
            ThresholdError: When a name is unknown or a value cannot be meant.
        """
        changes: dict[str, Any] = {**_OF_EITHER, **_OF_RATES[cause]}
        changes |= {name: getattr(self.usual, name) for name in _OF_ALL}
        return Thresholds().overridden(changes | dict(self.of_rates.get(cause, {})))


def book_of(table: Mapping[str, Any]) -> ThresholdBook:
    """Return the thresholds that a table of settings means.

    Args:
        table: Thresholds by name; below `team` and `source` tables of what is different, by name of the segment; below
            `desk` one such table, below `complaints` and `first_responses` what is different of these rates, and below
            `bursts` the rule of faults.

    Raises:
        ThresholdError: When a name is unknown or a value cannot be meant.
    """
    own = {kind: table.get(kind, {}) for kind in _WITH_THRESHOLDS}
    of_rates = {cause: table.get(name, {}) for cause, name in RATES.items()}
    of_bursts = table.get(_BURSTS, {})
    if not all(isinstance(part, Mapping) for part in (*own.values(), *of_rates.values(), of_bursts)):
        raise ThresholdError(
            "team, desk, source, complaints, first_responses and bursts must be tables, such as [alert.team.billing]"
        )
    tables = {*own, *RATES.values(), _BURSTS}
    usual = Thresholds().overridden({name: value for name, value in table.items() if name not in tables})
    changes = {Segment(kind, name): change for kind, part in own.items() for name, change in _parts(kind, part)}
    book = ThresholdBook(
        usual,
        {segment: _changed(usual, segment, change) for segment, change in changes.items()},
        of_rates,
        _bursts(of_bursts),
    )
    for cause, name in RATES.items():
        try:
            book.of_rate(cause)
        except ThresholdError as error:
            raise ThresholdError(f"{name}: {error}") from None
    return book


def _bursts(changes: Mapping[str, Any]) -> BurstRule:
    try:
        return BurstRule().overridden(changes)
    except BurstError as error:
        raise ThresholdError(f"{_BURSTS}: {error}") from None


def _parts(kind: SegmentKind, part: Mapping[str, Any]) -> list[tuple[str, Any]]:
    if kind is SegmentKind.DESK:
        return [(DESK.name, part)] if part else []
    return list(part.items())


def _changed(usual: Thresholds, segment: Segment, change: object) -> Thresholds:
    if not isinstance(change, Mapping):
        raise ThresholdError(f"{segment.kind}.{segment.name} must be a table of thresholds")
    try:
        return usual.overridden(change)
    except ThresholdError as error:
        raise ThresholdError(f"{segment.kind} {segment.name}: {error}") from None


def signal_id(kind: str, segment: Segment, began_at: Ms) -> str:
    """Return the id of a signal: the same finding has the same one, whoever finds it and however often."""
    return blake2b("\0".join([kind, *segment, str(began_at)]).encode(), digest_size=8).hexdigest()
