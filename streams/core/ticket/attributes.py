"""What a ticket is about and who is in charge of it: the latest word on each attribute."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Final, TypeAlias

from msgspec import Struct

from schemas.rows import Ms
from streams.core.ticket.fact import AnyFact, Assigned, Classified, Created, Escalated, Resolved, Updated

Word: TypeAlias = str | bool | None
"""What is said of one attribute; None says that it is nothing."""


class Attributes(Struct, frozen=True, gc=False):
    """The latest word on each attribute; "" and False where nobody said, or where it was said to be nothing."""

    created_by: str = ""
    channel: str = ""
    customer_id: str = ""
    team: str = ""
    agent_id: str = ""
    contact_type: str = ""
    reason: str = ""
    product_line: str = ""
    product_id: str = ""
    order_id: str = ""
    asset_id: str = ""
    fault_id: str = ""
    issue_id: str = ""
    priority: str = ""
    region: str = ""
    customer_segment: str = ""
    language: str = ""
    strategy: str = ""
    outcome: str = ""
    level: str = ""
    after_sales: bool = False
    is_test: bool = False


class Charge(Struct, frozen=True, gc=False):
    """Who is in charge of a ticket from an instant on; "" is nobody."""

    since: Ms
    team: str
    agent_id: str


class Record(Struct, frozen=True, gc=False):
    """The attributes as they stand, and who was in charge one after the other."""

    attributes: Attributes
    charges: list[Charge]


def record_of(facts: Sequence[AnyFact], created_at: Ms) -> Record:
    """Return the latest word on each attribute, and who was in charge since when, at least one of them.

    What the creation says is where a ticket starts from: any other word comes later, even one of the same instant or,
    by another clock, before it. A creation that is said again later is a word like any other.

    Args:
        facts: The ticket's own, in their order.
        created_at: Since when somebody can be in charge.
    """
    said = [(fact, say(fact)) for fact in facts if (say := _SAYS.get(type(fact)))]
    first_at = next((fact.at for fact, _ in said if type(fact) is Created), None)
    words: dict[str, Word] = {}
    for fact, told in said:
        if type(fact) is Created and fact.at == first_at:
            words.update(told)
    charges = [_charge(words, created_at)]
    for fact, told in said:
        if type(fact) is Created and fact.at == first_at:
            continue
        words.update(told)
        if "team" in told or "agent_id" in told:
            _append(charges, _charge(words, max(fact.at, created_at)))
    return Record(Attributes(**{name: word for name, word in words.items() if word is not None}), charges)  # type: ignore[arg-type]


def _append(charges: list[Charge], charge: Charge) -> None:
    """Append who is in charge now, unless nothing changed; of one instant the last word stands."""
    if charges[-1].since == charge.since:
        charges.pop()
    if not charges or (charges[-1].team, charges[-1].agent_id) != (charge.team, charge.agent_id):
        charges.append(charge)


def _charge(words: Mapping[str, Word], since: Ms) -> Charge:
    return Charge(since, str(words.get("team") or ""), str(words.get("agent_id") or ""))


def _naming(*names: str) -> Callable[[AnyFact], Mapping[str, Word]]:
    """Return what tells the words of a fact under these names; what it leaves out is not there."""
    words_of = attrgetter(*names)

    def say(fact: AnyFact) -> Mapping[str, Word]:
        said = zip(names, words_of(fact), strict=True)
        return {name: word for name, word in said if word != "" and word is not None}

    return say


def _assigned(fact: AnyFact) -> Mapping[str, Word]:
    """Return who is in charge; None, unlike "", says that it is nobody."""
    assert isinstance(fact, Assigned)
    return {name: word for name, word in (("team", fact.team), ("agent_id", fact.agent_id)) if word != ""}


def _updated(fact: AnyFact) -> Mapping[str, Word]:
    assert isinstance(fact, Updated)
    return dict(fact.words)


def _escalated(fact: AnyFact) -> Mapping[str, Word]:
    assert isinstance(fact, Escalated)
    return {"level": fact.level}


_SAYS: Final[Mapping[type, Callable[[AnyFact], Mapping[str, Word]]]] = {
    Created: _naming(*(name for name in Created.__struct_fields__ if name not in ("id", "at", "sequence"))),
    Classified: _naming("contact_type", "reason", "product_line"),
    Resolved: _naming("strategy", "outcome", "after_sales", "agent_id"),
    Assigned: _assigned,
    Updated: _updated,
    Escalated: _escalated,
}
"""What a fact says about attributes, by its kind; others say nothing."""
