"""What a ticket is about and who is in charge of it: the latest word on each attribute."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from schemas.rows import Ms
from streams.core.ticket.fact import AnyFact, Assigned, Classified, Created, Escalated, Resolved, Updated

Word: TypeAlias = str | bool | None
"""What is said of one attribute; None says that it is nothing."""

_OF_CREATION: Final = tuple(name for name in Created.__struct_fields__ if name not in ("id", "at", "sequence"))


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
    first_at = next((fact.at for fact in facts if type(fact) is Created), None)
    words: dict[str, Word] = {}
    for fact in facts:
        if type(fact) is Created and fact.at == first_at:
            words.update(_said(fact))
    charges = [_charge(words, created_at)]
    for fact in facts:
        said = {} if type(fact) is Created and fact.at == first_at else _said(fact)
        if said:
            words.update(said)
            if "team" in said or "agent_id" in said:
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


def _said(fact: AnyFact) -> Mapping[str, Word]:
    """Return what a fact says about attributes; what it leaves out is not there."""
    match fact:
        case Updated():
            return dict(fact.words)
        case Created():
            return dict(_named(fact, _OF_CREATION))
        case Classified():
            return dict(_named(fact, ("contact_type", "reason", "product_line")))
        case Resolved():
            return dict(_named(fact, ("strategy", "outcome", "after_sales", "agent_id")))
        case Escalated():
            return {"level": fact.level}
        case Assigned():
            return {name: word for name, word in (("team", fact.team), ("agent_id", fact.agent_id)) if word != ""}
    return {}


def _named(fact: AnyFact, names: Sequence[str]) -> Iterator[tuple[str, Word]]:
    for name in names:
        word = getattr(fact, name)
        if word != "" and word is not None:
            yield name, word
