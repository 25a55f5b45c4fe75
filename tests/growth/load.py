"""What is sent to see how a worker grows: the desk of the other benchmarks under other ids, and desks made for it.

Tickets of desks made for it are opened and then talked about, by their customer and by an agent in turn, a second
apart. All of it is history, so that no watch judges it, and the same for the same arguments.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import cycle
from typing import Final

from schemas.codec import encode
from schemas.events import NAME_OF, Direction, MessageSent, Party, TicketCreated, TicketData, Visibility

_BEGIN: Final = datetime(2025, 10, 1, tzinfo=UTC)
_SOURCE: Final = "urn:growth"
_ID: Final = re.compile(rb"\b1-[TC]\d+")
"""Of a ticket, in the words of the simulated desk, or of a customer."""
_UNREADABLE: Final = (
    b"no event at all",
    b'{"specversion":"1.0","id":"%d","source":"urn:growth"}',
    b'{"specversion":"1.0","id":"%d","source":"urn:growth","type":"io.servicepulse.ticket.created.v1"}',
)


def by_time(id: str, run: int) -> str:
    """Return an id that comes after all that are stored, as those of help desks that count."""
    return f"zz-{run:03}-{id}"


def at_random(id: str, run: int) -> str:
    """Return an id of which nobody knows where among others it comes, as those that are drawn."""
    return blake2b(f"{run} {id}".encode(), digest_size=8).hexdigest()


def renamed(events: Iterable[bytes], name: Callable[[str], str]) -> list[bytes]:
    """Return events of the simulated desk with other ids of their tickets and customers."""
    return [_ID.sub(lambda found: name(found[0].decode()).encode(), event) for event in events]


def talk(tickets: Iterable[int], teams: int = 20) -> Iterator[bytes]:
    """Yield an event for each ticket named: the first opens it, the others are messages.

    Args:
        tickets: Whose turn it is.
        teams: How many names of teams there are, each as often as the others.
    """
    told: Counter[int] = Counter()
    for second, number in enumerate(tickets):
        told[number] += 1
        at = _BEGIN + timedelta(seconds=second)
        data = _said(number, told[number], f"team {number % teams}")
        id = f"{number}.{told[number]}"
        yield encode(
            data, source=_SOURCE, id=id, time=at, name=NAME_OF[type(data)], subject=data.ticket_id, replay=True
        )


def in_turn(tickets: int, events_each: int, seed: int = 1) -> Iterator[int]:
    """Yield tickets at random, each as often as the others in the end."""
    turns = [number for number in range(tickets) for _ in range(events_each)]
    random.Random(seed).shuffle(turns)
    yield from turns


def one_hot(events: int, share: float, events_each: int = 9, seed: int = 1) -> Iterator[int]:
    """Yield tickets at random, one of them with a share of all events, the others with a few each."""
    draw = random.Random(seed)
    others = max(1, round(events * (1 - share) / events_each))
    for _ in range(events):
        yield 0 if draw.random() < share else draw.randint(1, others)


def unreadable(count: int) -> list[bytes]:
    """Return records that are no events: no JSON, no type, nobody whom they are about."""
    return [
        record.replace(b"%d", str(number).encode())
        for number, record in zip(range(count), cycle(_UNREADABLE), strict=False)
    ]


def _said(number: int, turn: int, team: str) -> TicketData:
    ticket, customer = f"G-{number:07}", f"C-{number:07}"
    if turn == 1:
        return TicketCreated(
            ticket_id=ticket, channel="email", created_by=Party.CUSTOMER, customer_id=customer, team=team
        )
    is_asked = turn % 2 == 0
    return MessageSent(
        ticket_id=ticket,
        message_id=f"M-{number}-{turn}",
        direction=Direction.IN if is_asked else Direction.OUT,
        visibility=Visibility.PUBLIC,
        sender_type=Party.CUSTOMER if is_asked else Party.AGENT,
        sender_id=None if is_asked else f"A-{number % 25}",
    )
