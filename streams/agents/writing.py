"""Writes and reads in portions what the store cannot do at once, so that no ticket stops the others.

What the store refuses as too much is halved by weight until one ticket is alone. A ticket that is refused alone, again
and again while others go through, is stated in part, with a dead letter that says so; if the store cannot even take
that, it is left out until it is folded again. What is small is never set aside: where the store refuses that, it is
short of something, and all of us wait.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

import structlog

from schemas.codec import InvalidEventError, Reason
from schemas.rows import DeadLetterRow, Ms, TicketRow
from streams.core.hours.published import open_hours
from streams.core.ticket.batch import Outcome, dead_letter_of
from streams.core.ticket.fold import Ticket
from streams.core.ticket.measures import row_of
from streams.core.ticket.portion import LIGHT, Portion, parts_of, weight_of
from streams.core.ticket.row_bound import SHORT
from streams.meters import Meters
from streams.ports import Clock, Store
from streams.store_error import StoreOverloadedError

log = structlog.get_logger()
T = TypeVar("T")

_TRIES: Final = 6
"""How often a ticket is refused alone before it is stated in part: after twelve seconds and more."""
_PARTS_TRIED: Final = 3
"""How often its part is refused, between as many tries of the whole, before it is left out."""
_LONGEST_WAIT_SECONDS: Final = 15.0
_SET_ASIDE_MS: Final = 600_000
"""For so long the whole is not tried again: it may cost the store a minute each time."""
_REMEMBERED: Final = 1_000


class SetAside(NamedTuple):
    """How a ticket was set aside.

    Attributes:
        until: Then the whole is tried again.
        is_stated: In part.
    """

    until: Ms
    is_stated: bool


class Patiently(Protocol):
    """Makes a call, however long the store is away."""

    def __call__(self, call: Callable[[], Awaitable[T]]) -> Awaitable[T]: ...  # noqa: D102 - the class says it


class Writing:
    """Writes batches for one worker."""

    def __init__(self, store: Store, clock: Clock, meters: Meters, *, first_wait_seconds: float = 0.2) -> None:
        self._store = store
        self._clock = clock
        self._meters = meters
        self._first_wait_seconds = first_wait_seconds
        self._lately: dict[str, SetAside] = {}
        self._told: set[str] = set()

    async def write(self, outcome: Outcome, patiently: Patiently) -> None:
        """Keep what a batch amounts to. It returns when all is stored, or set aside with a dead letter.

        Letters of tickets that were set aside are stored and added to the outcome's.

        Raises:
            StoreRejectedError: When the store refuses for another reason.
        """
        rows = [row for stated in outcome.rows if (row := self._as_lately(stated, outcome))]
        await self._write(Portion(outcome.events, rows, outcome.dead, outcome.beside), outcome, patiently)
        for hours in open_hours(outcome.schedules, self._clock.now_ms()):
            await self._write(Portion(beside=[hours]), outcome, patiently)
        self._tell_truncated(rows)

    async def _write(self, whole: Portion, outcome: Outcome, patiently: Patiently) -> None:
        waiting = deque([whole])
        refused = Counter[str]()
        in_vain = 0
        while waiting:
            portion = waiting.popleft()
            refusal = await self._refusal_of(portion, patiently)
            if refusal is None:
                in_vain = 0
                continue
            self._say_too_much(portion, refusal)
            parts = parts_of(portion)
            if len(parts) > 1:
                waiting.extendleft(reversed(parts))
            elif not portion.rows:
                waiting.appendleft(portion)  # events come before the tickets that know them
            elif any(map(_is_small, waiting)) or not await self._set_aside(
                portion.rows[0], outcome, refused, refusal, patiently
            ):
                waiting.append(portion)
            await asyncio.sleep(min(self._first_wait_seconds * 2**in_vain, _LONGEST_WAIT_SECONDS))
            in_vain += 1

    async def _refusal_of(self, portion: Portion, patiently: Patiently) -> StoreOverloadedError | None:
        """Write a portion, and return the error when it is too much at once."""

        async def written() -> StoreOverloadedError | None:
            try:
                await self._store.write(portion.events, portion.rows, portion.dead, portion.beside)
            except StoreOverloadedError as error:
                return error
            return None

        return await patiently(written)

    async def _set_aside(
        self,
        row: TicketRow,
        outcome: Outcome,
        refused: Counter[str],
        refusal: StoreOverloadedError,
        patiently: Patiently,
    ) -> bool:
        """Say whether there is no more to do for a row that was refused alone: it is stated in part, or left out.

        Everything small was stored before, and the letter is: so the store works, and it is the ticket.
        """
        refused[row.ticket_id] += 1
        if _is_small(Portion(rows=[row])) or refused[row.ticket_id] % _TRIES:
            return False
        part = row_of(outcome.tickets[row.ticket_id], row.ingested_at, SHORT)
        letter = self._letter(row.ticket_id, outcome, refusal)
        is_stated = await self._refusal_of(Portion(rows=[part], dead=[letter]), patiently) is None
        is_hopeless = refused[row.ticket_id] >= _PARTS_TRIED * _TRIES
        if not is_stated and (not is_hopeless or await self._refusal_of(Portion(dead=[letter]), patiently) is not None):
            return False
        outcome.dead.append(letter)
        self._meters.dead_letters.labels(letter.reason).inc()
        self._remember(row.ticket_id, is_stated=is_stated)
        log.error(
            "a ticket is more than ClickHouse can take: it is set aside until `servicepulse refold --ticket`",
            ticket=row.ticket_id,
            letter=letter.id,
            stated="in part" if is_stated else "not at all",
            error=str(refusal),
        )
        return True

    def _letter(self, ticket_id: str, outcome: Outcome, refusal: StoreOverloadedError) -> DeadLetterRow:
        why = InvalidEventError(
            Reason.TICKET_UNFOLDABLE,
            "",
            f"ticket {ticket_id!r} is more than ClickHouse takes at once ({refusal}): its events are stored, its row "
            "names a part of its story at most; once there is more memory or time, `servicepulse refold --ticket` "
            "states it whole",
        )
        return dead_letter_of(outcome.records[ticket_id], why, self._clock.now_ms())

    def _as_lately(self, row: TicketRow, outcome: Outcome) -> TicketRow | None:
        """Return the row as far as its ticket could be stated a short while ago; None when it was left out."""
        lately = self._lately.get(row.ticket_id)
        if lately is None or lately.until <= self._clock.now_ms():
            return row
        return row_of(outcome.tickets[row.ticket_id], row.ingested_at, SHORT) if lately.is_stated else None

    def _remember(self, ticket_id: str, *, is_stated: bool) -> None:
        self._lately.pop(ticket_id, None)
        self._lately[ticket_id] = SetAside(self._clock.now_ms() + _SET_ASIDE_MS, is_stated)
        while len(self._lately) > _REMEMBERED:
            del self._lately[next(iter(self._lately))]

    def _say_too_much(self, portion: Portion, refusal: StoreOverloadedError) -> None:
        self._meters.splits.inc()
        log.warning(
            "ClickHouse cannot do so much at once: giving it less, nothing is lost",
            tickets=len(portion.rows),
            rows=portion.size,
            error=str(refusal),
        )

    def _tell_truncated(self, rows: list[TicketRow]) -> None:
        """Count the rows that name a part, and name each of their tickets once in a while."""
        truncated = [row for row in rows if row.is_truncated]
        self._meters.truncated.inc(len(truncated))
        for row in truncated:
            if row.ticket_id not in self._told:
                log.warning("a very long ticket: its row names a part of it", ticket=row.ticket_id, events=row.events)
        self._told |= {row.ticket_id for row in truncated}
        if len(self._told) > _REMEMBERED:
            self._told.clear()


def _is_small(portion: Portion) -> bool:
    return all(weight_of(row) <= LIGHT for row in portion.rows)


async def loaded(
    load: Callable[[Sequence[str]], Awaitable[dict[str, Ticket]]], ticket_ids: Sequence[str], patiently: Patiently
) -> dict[str, Ticket]:
    """Return the tickets that are known, by id, asked for in portions where the store cannot give all of them at once.

    Raises:
        StoreRejectedError: When the store refuses for another reason.
    """

    async def found() -> dict[str, Ticket] | None:
        try:
            return await load(ticket_ids)
        except StoreOverloadedError:
            if len(ticket_ids) > 1:
                return None
            raise

    tickets = await patiently(found)
    if tickets is not None:
        return tickets
    middle = len(ticket_ids) // 2
    return await loaded(load, ticket_ids[:middle], patiently) | await loaded(load, ticket_ids[middle:], patiently)
