"""What is published during a run, made from its seed: with duplicates, disorder, corrections, merges, late truth."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from schemas import events as e
from schemas.codec import Event, decode, encode
from schemas.schedule import Version, Week
from streams.simulation import events as simulated

SOURCE: Final = "urn:chaos:late"
END: Final = datetime(2026, 3, 20, tzinfo=UTC)
LATE: Final = END + timedelta(days=9)
FAR_MS: Final = 2**50
OPEN: Final = ("09:00-12:00", "13:00-17:00")
AGAIN_SHARE: Final = 0.1
LATE_SHARE: Final = 0.05


class Load(NamedTuple):
    """Everything of one run.

    Attributes:
        events: Each event once; all of them must be stored in the end.
        sent: What is published, in this order: with repetitions, and not in the order of time.
    """

    events: Sequence[Event]
    sent: Sequence[Event]


def load_of(seed: int, days: float, per_day: float) -> Load:
    """Return the load of a seed: the history of a desk over some days, and what becomes known of it later."""
    chance = random.Random(seed)
    begin = END - timedelta(days=days)
    told = [
        _event(one.data, one.at, one.id, one.source, one.subject, one.sequence)
        for one in simulated(seed, begin, END, per_day)
    ]
    events = [*told, *_late(told, chance), *_schedules()]
    return Load(events, _in_disorder(events, chance))


def _event(
    said: e.Data, at: datetime, id: str, source: str = SOURCE, subject: str = "", sequence: int | None = None
) -> Event:
    name = e.NAME_OF[type(said)]
    raw = encode(said, source=source, id=id, time=at, name=name, subject=subject or None, subjectseq=sequence)
    return decode(raw, now_ms=FAR_MS)


def _late(told: Sequence[Event], chance: random.Random) -> Iterator[Event]:
    """Yield what becomes known after the fact: merges, spam, corrected ratings, what never happened."""
    tickets = sorted({one.subject for one in told if isinstance(one.content, e.TicketCreated)})
    chance.shuffle(tickets)
    losers, rest = tickets[: len(tickets) // 8], tickets[len(tickets) // 8 :]
    for number, loser in enumerate(losers):
        survivor = chance.choice(rest)
        yield _event(e.TicketMerged(ticket_id=loser, into_ticket_id=survivor), LATE, f"m{number}", subject=loser)
    for number, ticket in enumerate(rest[::11]):
        yield _event(e.TicketMarkedSpam(ticket_id=ticket), LATE, f"s{number}", subject=ticket)
    rated = [(one, one.content) for one in told if isinstance(one.content, e.RatingSubmitted)]
    for number, (one, rating) in enumerate(rated[::3]):
        revised = e.RatingRevised(ticket_id=one.subject, rating_id=rating.rating_id, raw=rating.scale_min)
        yield _event(revised, LATE, f"r{number}", one.source, one.subject)
    words = [one for one in told if isinstance(one.content, e.MessageSent)]
    for number, one in enumerate(chance.sample(words, len(words) // 20)):
        taken_back = e.EventRetracted(target_source=one.source, target_id=one.id)
        yield _event(taken_back, LATE, f"x{number}", subject=one.subject)


def _schedules() -> Iterator[Event]:
    for number, name in enumerate(("default", "delivery")):
        week = Week(monday=OPEN, tuesday=OPEN, wednesday=OPEN, thursday=OPEN, friday=OPEN)
        versions = (Version(from_at=datetime(2026, 1, 1, tzinfo=UTC), zone="UTC", weekly=week),)
        yield _event(e.SchedulePublished(name=name, versions=versions), END, f"h{number}")


def _in_disorder(events: Sequence[Event], chance: random.Random) -> list[Event]:
    """Return events roughly in the order of time, some much too late, some twice."""
    hour = 3_600_000
    sent = [(one.at_ms + chance.uniform(0, 2 * hour), one) for one in events]
    sent += [(at + chance.uniform(0, 24 * hour), one) for at, one in chance.sample(sent, int(len(sent) * AGAIN_SHARE))]
    ordered = [one for _, one in sorted(sent, key=lambda pair: pair[0])]
    late = set(chance.sample(range(len(ordered)), int(len(ordered) * LATE_SHARE)))
    return [one for n, one in enumerate(ordered) if n not in late] + [ordered[n] for n in sorted(late)]
