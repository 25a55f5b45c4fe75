"""Which waits can say whether a ticket's first response came in time, and which resolution a rating judges."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, TypeAlias

from schemas.rows import Ms
from streams.core.ticket.attributes import Charge
from streams.core.ticket.history import NEVER, Rating
from streams.core.ticket.waits import Wait

_MOST: Final = 8
"""Only the first waits of a ticket decide: those before it stand beside each of them."""

Outcome: TypeAlias = tuple[Ms, Ms, Ms]
"""Of a wait: its begin, when the ticket was done, the answer; `NEVER` for what did not happen."""


def are_first(waits: Sequence[Wait], created_by: str) -> list[bool]:
    """Return of each wait whether it is one for the first response: none before it was answered.

    Nobody waits for one on a ticket that an agent opened.
    """
    answered = next((n for n, wait in enumerate(waits) if wait.answered_at is not None), len(waits))
    return [created_by != "agent" and n <= answered for n in range(len(waits))]


def can_decide(waits: Sequence[Wait], created_by: str) -> list[bool]:
    """Return of each wait whether it decides on the first response in time, unless one of those before it did.

    None does behind a wait that nothing but an answer ended: that one was decided when its target passed.
    """
    lasting = next((n for n, wait in enumerate(waits) if wait.stopped_at is None), len(waits))
    return [created_by != "agent" and n < _MOST and n <= lasting for n in range(len(waits))]


def before(waits: Sequence[Wait], deciding: Sequence[bool]) -> list[list[Outcome]]:
    """Return of each wait that can decide what became of those before it, of the others nothing."""
    ends = [(wait.started_at, _or_never(wait.stopped_at), _or_never(wait.answered_at)) for wait in waits[:_MOST]]
    return [ends[:n] if decides else [] for n, decides in enumerate(deciding)]


def solved_at(rated_at: Ms, resolutions: Sequence[Ms]) -> Ms | None:
    """Return the resolution that a rating judges: the last one before it, else the first one after it."""
    if not resolutions:
        return None
    return resolutions[max(0, bisect_right(resolutions, rated_at) - 1)]


def team_judged(rating: Rating, solved: Ms | None, charges: Sequence[Charge]) -> str:
    """Return the team in charge when the case was last resolved before the rating, else when it was given."""
    at = solved if solved is not None and solved <= rating.rated_at else rating.rated_at
    return charges[max(0, bisect_right(charges, at, key=lambda charge: charge.since) - 1)].team


def _or_never(at: Ms | None) -> Ms:
    return NEVER if at is None else at
