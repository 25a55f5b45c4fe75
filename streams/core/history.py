"""What a ticket's facts amount to: its attributes, cycles, waits, ratings, and why it may not count.

Each function reads the facts in their order and knows one subject. Nothing here knows about rows or windows.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from msgspec import Struct

from schemas.rows import Ms
from streams.core.fact import (
    Absorbed,
    AnyFact,
    Assigned,
    Classified,
    Compensated,
    Created,
    Deleted,
    Escalated,
    Merged,
    Message,
    Moved,
    Offered,
    Rated,
    Repurchased,
    Resolved,
    Revised,
    SpamMarked,
    Withdrawn,
    order_of,
    unpack,
)

T = TypeVar("T", bound=AnyFact)

SHARED: Final = (Created, Message, Offered, Rated, Revised, Withdrawn, Compensated, Repurchased)
"""What a merged ticket hands over: the customer's story. How the desk filed and closed the duplicate stays behind."""

DONE: Final = frozenset({"resolved", "closed"})


class Attributes(Struct, frozen=True):
    """The latest known word on each attribute; "" where nobody said."""

    team: str = ""
    agent_id: str = ""
    contact_type: str = ""
    reason: str = ""
    product_line: str = ""
    strategy: str = ""
    outcome: str = ""
    escalation: str = ""
    after_sales: bool = False


class Cycle(Struct, frozen=True):
    """From creation or reopening to the next resolution."""

    started_at: Ms
    resolved_at: Ms | None


class Lifecycle(Struct, frozen=True):
    """Where a ticket stands and which cycles it went through; at least one."""

    status: str
    cycles: list[Cycle]
    closed_at: Ms | None


class Wait(Struct, frozen=True):
    """A customer waits for a person's public answer."""

    started_at: Ms
    answered_at: Ms | None


class Conversation(Struct, frozen=True):
    """The waits of the customer, and when a bot first spoke up."""

    waits: list[Wait]
    first_bot_response_at: Ms | None


class Rating(Struct, frozen=True):
    """A rating as it stands after revisions.

    Attributes:
        raw: On its own scale.
        score: From 0 to 100.
        is_valid: Neither withdrawn nor outdated by a later rating of the same survey.
    """

    rating_id: str
    survey_id: str
    rated_at: Ms
    raw: float
    score: float
    source: str
    is_valid: bool


def of(kind: type[T], facts: Iterable[AnyFact]) -> list[T]:
    """Return the facts of one kind, in their order."""
    return [fact for fact in facts if type(fact) is kind]


def shared_story(facts: Sequence[AnyFact]) -> list[AnyFact]:
    """Return the customer's story: the ticket's own part and that of every ticket merged into it, in order."""
    own = [fact for fact in facts if isinstance(fact, SHARED)]
    absorbed = [fact for statement in of(Absorbed, facts) for fact in unpack(statement.packed)]
    if not absorbed:
        return own
    return sorted({fact.id: fact for fact in own + absorbed}.values(), key=order_of)


def creation_of(facts: Sequence[AnyFact]) -> Created | None:
    """Return the ticket's own creation: the earliest, should there be several; None while it is unknown."""
    return next((fact for fact in facts if type(fact) is Created), None)


def created_at_of(facts: Sequence[AnyFact], story: Sequence[AnyFact]) -> Ms:
    """Return when the case began: its creation, else its first event; a merged ticket that began earlier counts."""
    creation = creation_of(facts)
    own = creation.at if creation else facts[0].at
    return min([own, *(fact.at for fact in of(Created, story))])


def attributes_of(facts: Sequence[AnyFact]) -> Attributes:
    """Return the latest word on each attribute."""
    latest: dict[str, str] = {}
    after_sales = False
    for fact in facts:
        said = _words_of(fact)
        if said:
            latest.update((name, word) for name, word in said.items() if word)
        if isinstance(fact, Created | Resolved):
            after_sales = after_sales or fact.after_sales
    return Attributes(**latest, after_sales=after_sales)


def _words_of(fact: AnyFact) -> dict[str, str] | None:
    match fact:
        case Created():
            return {
                "team": fact.team,
                "agent_id": fact.agent_id,
                "contact_type": fact.contact_type,
                "reason": fact.reason,
                "product_line": fact.product_line,
            }
        case Classified():
            return {"contact_type": fact.contact_type, "reason": fact.reason, "product_line": fact.product_line}
        case Assigned():
            return {"team": fact.team, "agent_id": fact.agent_id}
        case Resolved():
            return {"strategy": fact.strategy, "outcome": fact.outcome, "agent_id": fact.agent_id}
        case Escalated():
            return {"escalation": fact.level}
    return None


def lifecycle_of(facts: Sequence[AnyFact], created_at: Ms) -> Lifecycle:
    """Return status and cycles.

    A second resolution within a cycle changes nothing. Any status but resolved and closed reopens a resolved ticket.
    Closing alone resolves nothing: the cycle stays without a resolution.
    """
    status, closed_at = "new", None
    cycles = [Cycle(created_at, None)]
    for fact in facts:
        if type(fact) is Resolved:
            to = "resolved"
        elif type(fact) is Moved and fact.to != "other":
            to = fact.to
        else:
            continue
        current = cycles[-1]
        if to == "resolved" and current.resolved_at is None:
            cycles[-1] = Cycle(current.started_at, max(fact.at, current.started_at))
        elif to not in DONE and current.resolved_at is not None:
            cycles.append(Cycle(fact.at, None))
        status = to
        closed_at = fact.at if to == "closed" else None
    return Lifecycle(status, cycles, closed_at)


def conversation_of(story: Sequence[AnyFact], created_at: Ms) -> Conversation:
    """Return every wait of the customer for a person's answer.

    A wait begins with the creation, when the customer opened the ticket, or with the first public message from the
    customer that nobody has answered. The next public message from an agent answers it; bots, private notes and
    resolutions do not.
    """
    waits: list[Wait] = []
    bot_at: Ms | None = None
    waiting_since = created_at if any(f.created_by == "customer" for f in of(Created, story)) else None
    for message in of(Message, story):
        if not message.is_public:
            continue
        if message.direction == "in" and message.sender == "customer":
            waiting_since = message.at if waiting_since is None else waiting_since
        elif message.direction == "out" and message.sender == "bot":
            bot_at = message.at if bot_at is None else bot_at
        elif message.direction == "out" and message.sender == "agent" and waiting_since is not None:
            waits.append(Wait(waiting_since, max(message.at, waiting_since)))
            waiting_since = None
    if waiting_since is not None:
        waits.append(Wait(waiting_since, None))
    return Conversation(waits, bot_at)


def ratings_of(story: Sequence[AnyFact]) -> list[Rating]:
    """Return every rating as it stands, in the order of submission.

    A revision counts when it lies on the scale of its rating, the latest one wins. Of several ratings of one survey the
    last submitted is valid.
    """
    submitted = {fact.rating_id: fact for fact in reversed(of(Rated, story))}
    raws = {fact.rating_id: fact.raw for fact in submitted.values()}
    for fact in story:
        if isinstance(fact, Rated | Revised) and _on_scale(submitted.get(fact.rating_id), fact.raw):
            raws[fact.rating_id] = fact.raw
    withdrawn = {fact.rating_id for fact in of(Withdrawn, story)}
    ordered = sorted(submitted.values(), key=order_of)
    last_of_survey = {rated.survey_id: rated.rating_id for rated in ordered if rated.rating_id not in withdrawn}
    return [
        Rating(
            rating_id=rated.rating_id,
            survey_id=rated.survey_id,
            rated_at=rated.at,
            raw=raws[rated.rating_id],
            score=_score(raws[rated.rating_id], rated),
            source=rated.source,
            is_valid=rated.rating_id not in withdrawn
            and (not rated.survey_id or last_of_survey[rated.survey_id] == rated.rating_id),
        )
        for rated in ordered
    ]


def _on_scale(rated: Rated | None, raw: float) -> bool:
    return rated is not None and rated.scale_min <= raw <= rated.scale_max


def _score(raw: float, rated: Rated) -> float:
    return 100.0 * (raw - rated.scale_min) / (rated.scale_max - rated.scale_min)


def merged_into(facts: Sequence[AnyFact]) -> str:
    """Return the ticket that this one is part of now; "" when it stands alone."""
    merges = of(Merged, facts)
    return merges[-1].into if merges else ""


def exclusion_of(facts: Sequence[AnyFact]) -> str:
    """Return why the ticket counts nowhere; "" when it counts."""
    if not facts:
        return "retracted"
    marks = of(SpamMarked, facts)
    creation = creation_of(facts)
    reasons = {
        "deleted": bool(of(Deleted, facts)),
        "merged": bool(merged_into(facts)),
        "spam": bool(marks) and marks[-1].is_spam,
        "test": creation is not None and creation.is_test,
    }
    return next((reason for reason, applies in reasons.items() if applies), "")
