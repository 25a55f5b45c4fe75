"""Where a ticket's row and what follows from it differ from its stored events, judged by numbers alone.

Counting is enough, because events are stored before the rows that follow from them: what a row knows is a part of what
is stored, each identity once, and of each renewed statement at most the newest revision. A part that adds up to the
whole is the whole; so two rows with different gaps cannot both hide, and no digest of the facts is needed beside the
number. Only events that were lost from the log itself could make up for facts that a row lacks: a row that knows more
than is stored is told, and so is every other one whose number of facts does not fit.
"""

from enum import Enum
from typing import Final

from msgspec import Struct

from schemas.rows import Ms
from streams.core.ticket.fold import Ticket


class Difference(Enum):
    """What is wrong with a ticket; the value says it to people."""

    NO_ROW = "events are stored, and there is no row"
    FACTS = "the row lacks facts of stored events"
    DERIVED = "days or ratings do not say what the row says"
    LOG = "the row knows more than the stored events say"


MENDED_BY_FOLDING: Final = frozenset({Difference.NO_ROW, Difference.FACTS, Difference.DERIVED})
"""What is right once the ticket is stated anew from its events; what is lost from the log is not known any more."""


class Sighting(Struct, frozen=True):
    """What is stored about one ticket, in numbers.

    Attributes:
        ticket_id: Its identifier.
        facts: Identities among its stored events.
        revision: What the low bits of its version would be if its row knew all of them.
        row_facts: Facts that its row counts; 0 without a row.
        row_revision: The low bits of the version of its row.
        is_derived: Each day that its row names, and its ratings, are stated at the version of the row, and no others.
        newest_at: When its newest event was stored.
    """

    ticket_id: str
    facts: int
    revision: int
    row_facts: int
    row_revision: int
    is_derived: bool
    newest_at: Ms

    @property
    def is_whole(self) -> bool:
        """Say whether everything fits."""
        return self.is_derived and (self.facts, self.revision) == (self.row_facts, self.row_revision)


def difference(seen: Sighting, folded: Ticket | None) -> Difference | None:
    """Return what is wrong with a ticket, None when nothing is.

    Args:
        seen: What was counted. It may be wrong of a ticket whose fold leaves some of its events out, for its bounds.
        folded: The ticket, folded from its events after it was counted; None without events that are facts.
    """
    if folded is None:
        return Difference.LOG if seen.row_facts else None
    facts, revision = len(folded.facts), folded.revision
    if (seen.row_facts, seen.row_revision) == (facts, revision):
        return None if seen.is_derived else Difference.DERIVED
    if seen.row_revision > revision or (seen.row_revision == revision and seen.row_facts > facts):
        return Difference.LOG
    return Difference.FACTS if seen.row_facts else Difference.NO_ROW
