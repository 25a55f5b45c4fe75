"""What was promised on a ticket: until when, and whether it was done by then."""

from collections import defaultdict

from msgspec import Struct

from schemas.rows import Ms
from streams.core.ticket.fact import Kept, OfPromise, Promised, PutOff
from streams.core.ticket.history import History
from streams.core.ticket.reference import Key, keyed


class Promise(Struct, frozen=True, gc=False):
    """A promise as it stands.

    Attributes:
        made_by: Who made it; "" where nobody says.
        due_at: When it falls due, or the instant at which it did. What is said of it afterwards moves that no more.
        kept_at: When it was done; None while it is not.
        withdrawn_at: When the customer gave it up; None unless that came before it was done.
        moved: How often it was put off or brought forward before it fell due.
        moved_late: How often afterwards.
    """

    promise_id: str
    kind: str
    made_by: str
    made_at: Ms
    due_at: Ms
    kept_at: Ms | None = None
    withdrawn_at: Ms | None = None
    moved: int = 0
    moved_late: int = 0


def promises_of(story: History) -> list[Promise]:
    """Return every promise that is known to have been made, in the order of making.

    The first word that makes it decides on instant, kind and maker; to make it again is to move it. Whatever else its
    source says of it comes after that, whatever its clock said. It is over once it is kept or withdrawn. A promise that
    is moved to an instant that has passed already is due at once.
    """
    if not story.of(Promised):
        return []
    said = [fact for fact in story.facts if isinstance(fact, OfPromise)]
    key = keyed((fact.system, fact.promise_id) for fact in said)
    made: dict[Key, Promised] = {}
    for fact in story.of(Promised):
        made.setdefault(key(fact.system, fact.promise_id), fact)
    words: defaultdict[Key, list[OfPromise]] = defaultdict(list)
    for word in said:
        one = key(word.system, word.promise_id)
        if word is not made.get(one):
            words[one].append(word)
    return [_told(first, words[one]) for one, first in made.items()]


def _told(first: Promised, later: list[OfPromise]) -> Promise:
    made_at, due_at = first.at, max(first.at, first.due_at)
    moved = moved_late = 0
    kept_at = withdrawn_at = None
    for fact in later:
        at = max(made_at, fact.at)
        if type(fact) is Promised or type(fact) is PutOff:
            if at < due_at:
                moved, due_at = moved + 1, max(at, fact.due_at)
            else:
                moved_late += 1
            continue
        kept_at, withdrawn_at = (at, None) if type(fact) is Kept else (None, at)
        break
    return Promise(
        first.promise_id, first.kind, first.made_by, made_at, due_at, kept_at, withdrawn_at, moved, moved_late
    )
