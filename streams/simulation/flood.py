"""A misprinted leaflet: customers flood in with one question, a workaround spreads, and a guide ends it."""

from collections.abc import Iterator
from random import Random
from typing import Final

from schemas.events import (
    Classifier,
    ContactType,
    Data,
    KnownIssueAnnounced,
    KnownIssueResolved,
    KnownIssueUpdated,
    Party,
    RootCauseAcknowledged,
    RootCauseFixed,
    TicketClassified,
    TicketCreated,
    TicketLinked,
    TicketResolved,
)
from streams.simulation import world
from streams.simulation.chance import happens
from streams.simulation.rhythm import DAY, HOUR, SECOND, Rhythm, Span, instant
from streams.simulation.talk import at_their_times, message
from streams.simulation.timeline import Moment, Subject, Tale, Timeline

_BEGINS: Final = -35 * DAY
"""Before the faulty week."""
_ANNOUNCED: Final = 2 * DAY + 10 * HOUR
_ACKNOWLEDGED: Final = 6 * DAY + 14 * HOUR
_SLIPPED: Final = 9 * DAY + 11 * HOUR
_GUIDE: Final = 17 * DAY + 9 * HOUR
_OVER: Final = 18 * DAY + 12 * HOUR
_LAST: Final = 24 * DAY
"""After the first customer opened such a box."""


def start_flood(
    seed: int, timeline: Timeline, rhythm: Rhythm, week: Span, prefix: str, start: int, per_day: float
) -> None:
    """Let wardrobes come with a wrong leaflet for two and a half weeks, unless the desk opens later.

    Args:
        seed: Of the world; what else happens in it is drawn by another generator, and stays as it is.
        timeline: Where it happens.
        rhythm: At which hours customers come and the desk works.
        week: The faulty week.
        prefix: What ids begin with.
        start: When the desk opens.
        per_day: Tickets that come anyway.
    """
    begin = week.start + _BEGINS
    if begin - 14 * DAY < start:
        return
    issue = Subject(world.DESK_SOURCE, f"{prefix}{world.LEAFLET_ISSUE}", f"{prefix}{world.LEAFLET_ISSUE}")
    timeline.start(_issue(issue.key, begin), issue)
    for reason, tale in ((world.LEAFLET_REASON, _guide(begin)), (world.TRACKING_REASON, _tracking(begin))):
        timeline.start(tale, Subject(world.DESK_SOURCE, reason, f"{prefix}cause-{reason}"))
    rng = Random(f"{seed}/leaflet")
    for number, at in enumerate(_times(rng, rhythm, begin, per_day), 1):
        ticket_id = f"{prefix}L{number:04d}"
        asker = _Asker(ticket_id, f"{prefix}reader-{number}", at, rng, rhythm)
        timeline.start(
            at_their_times(asker.moments(issue.key, begin)), Subject(world.DESK_SOURCE, ticket_id, ticket_id)
        )


def _times(rng: Random, rhythm: Rhythm, begin: int, per_day: float) -> Iterator[int]:
    """Yield when somebody asks: as many as the boxes that were opened, at the hours at which customers come."""
    for hour in range(_LAST // HOUR):
        at = begin + hour * HOUR
        expected = per_day / 24 * rhythm.demand(at) * _share(hour * HOUR)
        yield from sorted(at + rng.randrange(HOUR) for _ in range(int(expected) + happens(rng, expected % 1)))


def _share(after: int) -> float:
    """Return how many ask, as a part of all who come anyway."""
    if after < _GUIDE:
        return world.LEAFLET_SHARE * min(1.0, 0.2 + after / (5 * DAY))
    return world.LEAFLET_SHARE * max(0.0, 1 - (after - _GUIDE) / (2 * DAY)) / 2


def _issue(issue_id: str, begin: int) -> Tale:
    yield (
        begin + _ANNOUNCED,
        KnownIssueAnnounced(
            issue_id=issue_id,
            product_line=world.LEAFLET_PRODUCT,
            reason=world.LEAFLET_REASON,
            cause="steps 7 and 8 of the leaflet are of another wardrobe",
            eta_at=instant(begin + 10 * DAY + 17 * HOUR),
            workaround="send the right pages by e-mail, template 31",
            responsible_department=world.LEAFLET_DEPARTMENT,
        ),
    )
    yield begin + _SLIPPED, KnownIssueUpdated(issue_id=issue_id, eta_at=instant(begin + 17 * DAY + 17 * HOUR))
    yield begin + _OVER, KnownIssueResolved(issue_id=issue_id)


def _guide(begin: int) -> Tale:
    what = {"reason": world.LEAFLET_REASON, "department": world.LEAFLET_DEPARTMENT}
    yield begin + _ACKNOWLEDGED, RootCauseAcknowledged(**what, action="a new leaflet, and a guide with pictures")
    yield begin + _GUIDE, RootCauseFixed(**what, action="the guide is published and linked in each delivery note")


def _tracking(begin: int) -> Tale:
    """Yield that logistics knows of the question that has always been the most frequent one, and nothing more."""
    what = {"reason": world.TRACKING_REASON, "department": world.TRACKING_DEPARTMENT}
    yield begin + _ACKNOWLEDGED + 3 * DAY, RootCauseAcknowledged(**what, action="a page that shows where a parcel is")


class _Asker:
    """One customer in front of a half-built wardrobe."""

    def __init__(self, ticket_id: str, customer: str, at: int, rng: Random, rhythm: Rhythm) -> None:
        self._id = ticket_id
        self._customer = customer
        self._at = at
        self._channel = rng.choice(("chat", "email", "phone"))
        self._agent = rng.choice(world.LEAFLET_AGENTS)
        self._answered_at = rhythm.worked(at, rng.randrange(4, 45) * 60 * SECOND)
        self._is_linked = happens(rng, world.LEAFLET_LINKED_SHARE)
        self._is_helped = happens(rng, world.LEAFLET_HELPED_SHARE)

    def moments(self, issue_id: str, begin: int) -> Iterator[Moment]:
        """Yield what happens on the ticket, in any order."""
        yield (
            self._at,
            TicketCreated(
                ticket_id=self._id,
                channel=self._channel,
                created_by=Party.CUSTOMER,
                customer_id=self._customer,
                team=world.LEAFLET_TEAM,
                product_line=world.LEAFLET_PRODUCT,
            ),
        )
        yield self._at + SECOND, self._says(1, Party.CUSTOMER)
        yield self._answered_at, self._says(2, Party.AGENT)
        yield (
            self._answered_at + 20 * SECOND,
            TicketClassified(
                ticket_id=self._id,
                contact_type=ContactType.INQUIRY,
                by=Classifier.AGENT,
                reason=world.LEAFLET_REASON,
                product_line=world.LEAFLET_PRODUCT,
            ),
        )
        is_known = self._answered_at >= begin + _ANNOUNCED
        if is_known and self._is_linked:
            yield self._answered_at + 40 * SECOND, TicketLinked(ticket_id=self._id, issue_id=issue_id)
        yield (
            self._answered_at + 240 * SECOND,
            TicketResolved(
                ticket_id=self._id,
                outcome="workaround" if is_known and self._is_helped else "answered",
                agent_id=self._agent,
                cycle=1,
            ),
        )

    def _says(self, number: int, sender: Party) -> Data:
        return message(self._id, number, sender, self._customer if sender is Party.CUSTOMER else self._agent)
