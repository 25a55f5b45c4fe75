"""How long customers wait for a person: when each wait began, how it ended, and what each side said."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from schemas.rows import Ms
from streams.core.ticket.fact import Absorbed, AnyFact, Created, Message, Moved, order_of, unpack_shared
from streams.core.ticket.history import DONE, NEVER, History, Span, status_set

_SPEAKERS: Final = {("in", "customer"): "customer", ("out", "agent"): "agent", ("out", "bot"): "bot"}
"""Who speaks to the other side. What anybody else says neither asks nor answers."""


class Wait(Struct, frozen=True, gc=False):
    """A customer waits for a person's public answer.

    Attributes:
        started_at: When the customer began to.
        answered_at: When a person answered; None while nobody did, and of a wait that ended without an answer.
        stopped_at: When the ticket was resolved or closed for good, as far as this wait goes: nobody waited after that,
            answered or not. None when the ticket was open to the end of the wait, or still is.
        sender_id: Who answered; "" where nobody says.
        asked_again: When the customer wrote again meanwhile, or opened another ticket that is merged into this one.
    """

    started_at: Ms
    answered_at: Ms | None
    stopped_at: Ms | None = None
    sender_id: str = ""
    asked_again: list[Ms] = []


class Conversation(Struct, frozen=True, gc=False):
    """The waits of the customer, when a bot first spoke up, and how many public messages each side sent."""

    waits: list[Wait]
    first_bot_response_at: Ms | None
    customer_messages: int
    agent_messages: int
    bot_messages: int

    @property
    def first_answer(self) -> Wait | None:
        """The wait that the first answer of a person ended."""
        return next((wait for wait in self.waits if wait.answered_at is not None), None)


class Opening(Struct, frozen=True, gc=False):
    """How one ticket began: where and when its first creation stands, and who opened it by the latest word on that."""

    place: tuple[Ms, int, int]
    created_by: str


def openings_of(history: History) -> list[Opening]:
    """Return how the ticket began and every one that was merged into it, in order. A second creation opens nothing."""
    creations: dict[str, dict[int, Created]] = {"": {fact.id: fact for fact in history.of(Created)}}
    for statement in history.of(Absorbed):
        told = creations.setdefault(statement.path[0], {})
        told.update({fact.id: fact for fact in unpack_shared(statement.packed) if type(fact) is Created})
    ordered = [sorted(said.values(), key=order_of) for said in creations.values() if said]
    return sorted(
        (Opening(order_of(said[0]), said[-1].created_by) for said in ordered), key=lambda opening: opening.place
    )


def conversation_of(history: History, story: History, openings: Sequence[Opening], created_at: Ms) -> Conversation:
    """Return every wait of the customer for a person's answer.

    A wait begins when the customer opens the case, opens one that was merged into it, or writes in public while nobody
    owes an answer. The next public message from an agent ends it; bots and private notes do not. A resolution or
    closing ends it too, unanswered, if the customer comes back after it: writes, opens another ticket that is merged
    into this one, or reopens it. Coming back begins the next wait. If the desk reopens it without a word from the
    customer, the wait goes on from where it began. What was said before the case began counts as said when it began.
    """
    spoken = [
        (speaker, message)
        for message in story.of(Message)
        if message.is_public and (speaker := _SPEAKERS.get((message.direction, message.sender)))
    ]
    speakers = [speaker for speaker, _ in spoken]
    return Conversation(
        waits=_waits(history, spoken, openings, created_at),
        first_bot_response_at=spoken[speakers.index("bot")][1].at if "bot" in speakers else None,
        customer_messages=speakers.count("customer"),
        agent_messages=speakers.count("agent"),
        bot_messages=speakers.count("bot"),
    )


_Turn: TypeAlias = tuple[Ms, tuple[Ms, int, int], str, str]
"""When a turn counts and where it stands among those of one instant, what it is, and who answered."""


def _waits(
    history: History, spoken: Iterable[tuple[str, Message]], openings: Sequence[Opening], created_at: Ms
) -> list[Wait]:
    begins = bool(openings) and openings[0].created_by == "customer"
    said = [(order_of(message), who, message.sender_id) for who, message in spoken if who != "bot"]
    said += [(opening.place, "customer", "") for opening in openings[1:] if opening.created_by == "customer"]
    words_at = {place[0] for place, who, _ in said if who == "customer"}
    words_at |= {fact.at for fact in history.of(Moved) if fact.by == "customer"}
    words = [(max(place[0], created_at), place, who, sender_id) for place, who, sender_id in said]
    turns = sorted([*words, *_moves(history.facts, words_at, created_at)])
    talk = _Talk(created_at if begins else None)
    for at, _, what, sender_id in turns:
        talk.take(at, what, sender_id)
    return talk.waits()


def _moves(facts: Sequence[AnyFact], words_at: set[Ms], created_at: Ms) -> Iterator[_Turn]:
    """Yield when the ticket was done and when it was taken up again, by the customer or by the desk.

    Nobody says who reopened it, and the customer wrote in that instant: then it was the customer.
    """
    for fact in facts:
        to = status_set(fact)
        if not to:
            continue
        at = max(fact.at, created_at)
        if to in DONE:
            yield at, order_of(fact), "done", ""
        else:
            by = fact.by if type(fact) is Moved else ""
            is_customer = by == "customer" or (by not in ("agent", "bot") and fact.at in words_at)
            yield at, order_of(fact), "returned" if is_customer else "reopened", ""


class _Talk:
    """The waits as far as turns were taken, in order."""

    def __init__(self, waiting_since: Ms | None) -> None:
        self._waits: list[Wait] = []
        self._since = waiting_since
        self._asked_again: list[Ms] = []
        self._done_at: Ms | None = None
        self._began_done = False
        self._answered_done: int | None = None

    def take(self, at: Ms, what: str, sender_id: str) -> None:
        """Take the next turn."""
        match what:
            case "customer":
                self._speak(at)
            case "agent":
                self._answer(at, sender_id)
            case "done" if self._done_at is None:
                self._done_at = at
            case "returned" if self._done_at is not None:
                self._speak(at)
                self._open()
            case "reopened":
                self._take_back()

    def waits(self) -> list[Wait]:
        """Return all waits; the last one may go on."""
        return self._waits if self._since is None else [*self._waits, self._wait()]

    def _wait(self, answered_at: Ms | None = None, sender_id: str = "") -> Wait:
        assert self._since is not None
        return Wait(self._since, answered_at, self._stopped_at, sender_id, self._asked_again)

    @property
    def _stopped_at(self) -> Ms | None:
        """Since when nobody waits, though nobody has answered; None while the ticket is open."""
        if self._done_at is None or self._since is None:
            return None
        return self._since if self._began_done else self._done_at

    def _speak(self, at: Ms) -> None:
        self._answered_done = None
        if self._since is not None and (self._done_at is None or self._began_done):
            self._asked_again.append(at)
            return
        if self._since is not None:
            self._waits.append(self._wait())
        self._since, self._asked_again, self._began_done = at, [], self._done_at is not None

    def _answer(self, at: Ms, sender_id: str) -> None:
        if self._since is not None:
            self._answered_done = None if self._done_at is None else len(self._waits)
            self._waits.append(self._wait(max(at, self._since), sender_id))
            self._since = None

    def _take_back(self) -> None:
        """Open the ticket again as if it had not been done, also for the wait that was answered meanwhile."""
        if self._answered_done is not None:
            self._waits[self._answered_done] = replace(self._waits[self._answered_done], stopped_at=None)
        self._open()

    def _open(self) -> None:
        self._done_at, self._began_done, self._answered_done = None, False, None


def times_open(waits: Sequence[Wait], spans: Sequence[Span]) -> list[list[tuple[Ms, Ms]]]:
    """Return for each wait from when until when its ticket was open meanwhile, `NEVER` for what goes on.

    In one pass, however many there are: waits that last follow one upon another, and so do spans.
    """
    times: list[list[tuple[Ms, Ms]]] = []
    ends = [NEVER if span.until is None else span.until for span in spans]
    first = 0
    for wait in waits:
        ended_at = _ended_at(wait)
        times.append([])
        if wait.started_at >= ended_at:
            continue
        while first < len(spans) and ends[first] <= wait.started_at:
            first += 1
        for number in range(first, len(spans)):
            since, until = max(spans[number].since, wait.started_at), min(ends[number], ended_at)
            if spans[number].since >= ended_at:
                break
            if since < until:
                times[-1].append((since, until))
    return times


def _ended_at(wait: Wait) -> Ms:
    if wait.stopped_at is not None:
        return wait.stopped_at
    return NEVER if wait.answered_at is None else wait.answered_at
