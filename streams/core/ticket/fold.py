"""The ticket: a set of facts, and the fold that adds to it.

Because the state is a set, folding an event twice changes nothing and the order of arrival does not matter: both hold
by construction, for every kind of event, and refolding relies on them.
"""

from collections import Counter
from collections.abc import Iterable
from enum import Enum
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from streams.core.ticket.fact import KINDS, Absorbed, AnyFact, Rated, Retracted, order_of, pack, unpack

FOLD_EPOCH: Final = 6
"""Raised when a measure is defined anew: rows of the new definition then outdate those of the old one."""

_ALWAYS_COUNT: Final = KINDS - {Retracted, Absorbed}

REVISION_BITS: Final = 48
"""Leaves 2^48 events to a ticket and 2^16 epochs to us."""


class Ticket(Struct, frozen=True, gc=False):
    """All that is known of one ticket.

    Attributes:
        ticket_id: Its identifier upstream.
        facts: What its events say, each identity once, in the order of `order_of`.
    """

    ticket_id: str
    facts: tuple[AnyFact, ...] = ()

    @property
    def revision(self) -> int:
        """Grows with every event folded in, and depends on the set of events alone."""
        return len(self.facts) + sum(fact.revision for fact in self.facts if type(fact) is Absorbed)

    @property
    def version(self) -> int:
        """The revision under the current definition of the measures: the row with the highest one counts."""
        return (FOLD_EPOCH << REVISION_BITS) + self.revision

    @property
    def state(self) -> bytes:
        """The facts as bytes; `ticket_of` gives the ticket back."""
        return pack(self.facts)


class Verdict(Enum):
    """What the fold made of one fact."""

    NEW = "new"
    KNOWN = "known"
    REUSED = "reused"
    """The identity is known with other content: the first one stands."""


def ticket_of(ticket_id: str, state: bytes) -> Ticket:
    """Return the ticket whose `state` was stored.

    Raises:
        msgspec.MsgspecError: When the bytes are no state.
    """
    return Ticket(ticket_id, tuple(unpack(state)))


def revision_of(version: int) -> int:
    """Return how much of its ticket a row of a version knows, by whatever definition."""
    return version & ((1 << REVISION_BITS) - 1)


def stated(ticket_id: str, state: bytes, version: int) -> Ticket | None:
    """Return the ticket of a row; None when its events must be folded anew.

    So it is when the state was left out or damaged, and when the row is of another definition: its facts may say less
    than the events do.
    """
    if not state or version >> REVISION_BITS != FOLD_EPOCH:
        return None
    try:
        return ticket_of(ticket_id, state)
    except msgspec.MsgspecError:
        return None


def fold(ticket: Ticket, facts: Iterable[AnyFact]) -> tuple[Ticket, list[Verdict]]:
    """Return the ticket with facts folded in, and what became of each of them, in the order given.

    A fact folded twice is known the second time. Any order of the same facts gives the same ticket, as long as no
    identity is reused for other content or with another sequence; then the one that came first stands. A derived
    `Absorbed` is a statement that its publisher renews under one identity: there the highest revision stands, whichever
    comes first.
    """
    known = {fact.id: fact for fact in ticket.facts}
    verdicts = [_add(known, fact) for fact in facts]
    if Verdict.NEW not in verdicts:
        return ticket, verdicts
    return Ticket(ticket.ticket_id, tuple(sorted(known.values(), key=order_of))), verdicts


def active_facts(facts: tuple[AnyFact, ...]) -> tuple[AnyFact, ...]:
    """Return the facts that count, in order: neither retracted nor the empty statement of a merge that was taken back.

    A retraction can be retracted too, whatever the clocks of those who sent them say.
    """
    if _ALWAYS_COUNT.issuperset(map(type, facts)):
        return facts
    gone = _retracted(fact for fact in facts if type(fact) is Retracted)
    return tuple(fact for fact in facts if fact.id not in gone and _says_something(fact))


def _says_something(fact: AnyFact) -> bool:
    return not (type(fact) is Retracted or (type(fact) is Absorbed and not fact.packed))


def _retracted(retractions: Iterable[Retracted]) -> set[int]:
    """Return the ids of what is retracted.

    A retraction acts once everything that aims at it is settled; those that take back each other in a circle never do.
    """
    pending = {retraction.id: retraction for retraction in retractions}
    aimed_at = Counter(retraction.target for retraction in pending.values())
    ready = [retraction for retraction in pending.values() if not aimed_at[retraction.id]]
    gone: set[int] = set()
    while ready:
        retraction = ready.pop()
        if retraction.id not in gone:
            gone.add(retraction.target)
        aimed_at[retraction.target] -= 1
        if not aimed_at[retraction.target] and retraction.target in pending:
            ready.append(pending[retraction.target])
    return gone


def _add(known: dict[int, AnyFact], fact: AnyFact) -> Verdict:
    old = known.get(fact.id)
    if old is None or _renews(old, fact):
        known[fact.id] = fact
        return Verdict.NEW
    if old == fact or _renews(fact, old) or _says_the_same(old, fact):
        return Verdict.KNOWN
    return Verdict.REUSED


def _says_the_same(old: AnyFact, new: AnyFact) -> bool:
    """Compare what is said. Neither the place within its instant nor the mark of a replay says what happened.

    A statement of one revision says the same in the words of any release.
    """
    if type(old) is not type(new):
        return False
    if type(old) is Absorbed and type(new) is Absorbed:
        return old.revision == new.revision
    placed = replace(new, sequence=old.sequence)
    if type(old) is Rated and type(placed) is Rated:
        placed = replace(placed, is_replayed=old.is_replayed)
    return old == placed


def _renews(old: AnyFact, new: AnyFact) -> bool:
    return type(old) is Absorbed and type(new) is Absorbed and new.revision > old.revision
