"""What a ticket's facts amount to: its cycles, ratings and amends, and why it may not count.

Each function reads a history and knows one subject. Nothing here knows about rows or windows.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from schemas.events import SurveyKind
from schemas.rows import Ms
from streams.core.ticket.fact import (
    SHARED,
    Absorbed,
    AnyFact,
    Compensated,
    Created,
    Deleted,
    Merged,
    Moved,
    Offered,
    Rated,
    Repurchased,
    Resolved,
    Revised,
    SpamMarked,
    Withdrawn,
    order_of,
    unpack_shared,
)
from streams.core.ticket.reference import Key, answering, keyed

T = TypeVar("T", bound=AnyFact)

DONE: Final = frozenset({"resolved", "closed"})

NEVER: Final[Ms] = 7_258_118_400_000
"""The year 2200: the end of what goes on, where an end must be given."""


Times: TypeAlias = list[tuple[Ms, Ms]]
"""From when until when, one after the other; `NEVER` ends what goes on."""


class Cycle(Struct, frozen=True, gc=False):
    """From creation or reopening to the next resolution.

    Attributes:
        started_at: When it began.
        resolved_at: When it was resolved; None while it is not.
        awaits_customer: While the ticket waited for the customer.
        on_hold: While it waited for somebody else.
    """

    started_at: Ms
    resolved_at: Ms | None
    awaits_customer: Times = []
    on_hold: Times = []


class Span(Struct, frozen=True, gc=False):
    """A time during which a ticket is neither resolved nor closed; `until` is None while it goes on."""

    since: Ms
    until: Ms | None


class Lifecycle(Struct, frozen=True, gc=False):
    """Where a ticket stands, which cycles it went through and when it was open; at least one of each."""

    status: str
    cycles: list[Cycle]
    open: list[Span]
    closed_at: Ms | None


class Rating(Struct, frozen=True, gc=False):
    """A rating as it stands after revisions.

    Attributes:
        survey: What it answers; None when it names no survey.
        kind: What it judges: its own word, else that of the survey, else `csat`.
        raw: On its own scale, from `scale_min` to `scale_max`.
        score: From 0 to 100.
        source: Which kind of party gave it.
        is_valid: Neither withdrawn nor outdated by a later rating of the same survey from the same party.
        is_replayed: It reached us as history that was filled in, and pages nobody.
    """

    rating_id: str
    survey_id: str
    survey: Key | None
    rated_at: Ms
    kind: str
    raw: float
    scale_min: float
    scale_max: float
    score: float
    source: str
    is_valid: bool
    is_replayed: bool


class History:
    """Facts in their order, at hand by kind as well."""

    __slots__ = ("_by_kind", "facts")

    def __init__(self, facts: Sequence[AnyFact]) -> None:
        self.facts = facts
        self._by_kind: defaultdict[type, list[Any]] = defaultdict(list)
        for fact in facts:
            self._by_kind[type(fact)].append(fact)

    def of(self, kind: type[T]) -> Sequence[T]:
        """Return the facts of one kind, in their order."""
        return self._by_kind.get(kind, ())


def story_of(history: History) -> History:
    """Return the customer's story: the ticket's own part and that of every ticket merged into it."""
    statements = history.of(Absorbed)
    if not statements:
        return history
    own = [fact for fact in history.facts if type(fact) in SHARED]
    absorbed = [fact for statement in statements for fact in unpack_shared(statement.packed)]
    return History(sorted({fact.id: fact for fact in absorbed + own}.values(), key=order_of))


def created_at_of(history: History, story: History, first_event_at: Ms) -> Ms:
    """Return when the case began: its creation, else its first event; a merged ticket that began earlier counts."""
    own, openings = history.of(Created), story.of(Created)
    began_at = own[0].at if own else first_event_at
    return min(began_at, openings[0].at) if openings else began_at


def lifecycle_of(history: History, created_at: Ms) -> Lifecycle:
    """Return status and cycles.

    A second resolution within a cycle changes nothing. Any status but resolved and closed reopens a resolved ticket.
    Closing alone resolves nothing: the cycle stays without a resolution. A closed ticket that is resolved stays closed,
    so that desks which say both in one instant mean the same in either order.
    """
    status, closed_at = "new", None
    cycles, spans = [Cycle(created_at, None)], [Span(created_at, None)]
    halted: _Halt = ("", created_at)
    for fact in history.facts:
        to = status_set(fact)
        if not to:
            continue
        at = max(fact.at, created_at)
        if to != halted[0]:
            cycles[-1] = _halted(cycles[-1], halted, at)
            halted = to, at
        current = cycles[-1]
        if to == "resolved" and current.resolved_at is None:
            cycles[-1] = replace(current, resolved_at=at)
        elif to not in DONE and current.resolved_at is not None:
            cycles.append(Cycle(at, None))
        if to in DONE and spans[-1].until is None:
            spans[-1] = Span(spans[-1].since, at)
        elif to not in DONE and spans[-1].until is not None:
            spans.append(Span(at, None))
        if status == "closed" and to in DONE:
            continue
        status = to
        closed_at = at if to == "closed" else None
    cycles[-1] = _halted(cycles[-1], halted, NEVER)
    return Lifecycle(status, cycles, spans, closed_at)


_Halt: TypeAlias = tuple[str, Ms]
"""A status and since when it lasts."""


def _halted(cycle: Cycle, halt: _Halt, until: Ms) -> Cycle:
    """Return a cycle with the time in a status that ends, where that halts it."""
    status, since = halt
    if status not in ("pending_customer", "on_hold") or since == until:
        return cycle
    name = "awaits_customer" if status == "pending_customer" else "on_hold"
    times = [*getattr(cycle, name), (since, until)]
    return replace(cycle, **{name: times})


def status_set(fact: AnyFact) -> str:
    """Return the status that a fact sets; "" where it sets none."""
    if type(fact) is Resolved:
        return "resolved"
    return fact.to if type(fact) is Moved and fact.to != "other" else ""


def surveys_of(story: History) -> dict[Key, Offered]:
    """Return the surveys that went out; a second offer of the same survey is a reminder.

    The first offer that says of which kind a survey is decides on that.
    """
    offers = story.of(Offered)
    if not offers:
        return {}
    key = keyed((fact.system, fact.survey_id) for fact in offers)
    first: dict[Key, Offered] = {}
    for fact in offers:
        one = key(fact.system, fact.survey_id)
        known = first.setdefault(one, fact)
        if fact.kind and not known.kind:
            first[one] = replace(known, kind=fact.kind)
    return first


def ratings_of(story: History, offers: Mapping[Key, Offered]) -> list[Rating]:
    """Return every rating as it stands, in the order of submission.

    The first submission decides on instant, survey, kind and party. What else its source says of the same rating
    revises it: the latest word that lies on its scale wins, and any revision comes after the submission, whatever
    its clock said. Of several ratings of one survey and one kind from one kind of party the last submitted is
    valid: a form may ask for satisfaction and for recommendation at once.

    Args:
        story: Of the ticket.
        offers: The surveys that went out, as `surveys_of` has them.
    """
    if not story.of(Rated):
        return []
    said: list[Rated | Revised | Withdrawn] = [*story.of(Rated), *story.of(Revised), *story.of(Withdrawn)]
    key = keyed((fact.system, fact.rating_id) for fact in said)
    submitted: dict[Key, Rated] = {}
    for fact in story.of(Rated):
        submitted.setdefault(key(fact.system, fact.rating_id), fact)
    standing = _revised(submitted, story, key)
    withdrawn = {key(fact.system, fact.rating_id) for fact in story.of(Withdrawn)}
    survey = answering(offers)
    surveys = {one: survey(one[0], rated.survey_id) for one, rated in submitted.items() if rated.survey_id}
    kinds = {one: rated.kind or _kind_of(surveys.get(one), offers) for one, rated in submitted.items()}
    latest = {
        (surveys.get(one), rated.source, kinds[one]): one for one, rated in submitted.items() if one not in withdrawn
    }
    return [
        Rating(
            rating_id=rated.rating_id,
            survey_id=rated.survey_id,
            survey=surveys.get(one),
            rated_at=rated.at,
            kind=kinds[one],
            raw=standing[one].raw,
            scale_min=standing[one].scale_min,
            scale_max=standing[one].scale_max,
            score=_score(standing[one]),
            source=rated.source,
            is_valid=one not in withdrawn
            and (one not in surveys or latest[surveys[one], rated.source, kinds[one]] == one),
            is_replayed=rated.is_replayed,
        )
        for one, rated in submitted.items()
    ]


def _kind_of(survey: Key | None, offers: Mapping[Key, Offered]) -> str:
    """Return what a survey asks for; without a word on it that is satisfaction, as it was before there were kinds."""
    offer = offers.get(survey) if survey else None
    return (offer and offer.kind) or SurveyKind.CSAT.value


def _revised(submitted: Mapping[Key, Rated], story: History, key: Callable[[str, str], Key]) -> dict[Key, Rated]:
    standing = dict(submitted)
    for fact in story.facts:
        if type(fact) is Rated:
            one = key(fact.system, fact.rating_id)
            if fact is not submitted[one]:
                standing[one] = fact
        elif type(fact) is Revised:
            one = key(fact.system, fact.rating_id)
            rated = standing.get(one)
            if rated and rated.scale_min <= fact.raw <= rated.scale_max:
                standing[one] = replace(rated, raw=fact.raw)
    return standing


def _score(rated: Rated) -> float:
    """Return a rating on the scale from 0 to 100; the last digit of a division must not lift it above."""
    return min(100.0, 100.0 * (rated.raw - rated.scale_min) / (rated.scale_max - rated.scale_min))


def compensations_of(story: History) -> list[Compensated]:
    """Return what was granted; the latest word of its source on each grant counts."""
    grants = story.of(Compensated)
    if not grants:
        return []
    key = keyed((fact.system, fact.compensation_id) for fact in grants)
    return list({key(fact.system, fact.compensation_id): fact for fact in grants}.values())


def repurchases_of(story: History) -> list[Repurchased]:
    """Return the later orders of the customer; the latest word of its source on each order counts."""
    orders = story.of(Repurchased)
    if not orders:
        return []
    key = keyed((fact.system, fact.order_id) for fact in orders)
    return list({key(fact.system, fact.order_id): fact for fact in orders}.values())


def merged_into(history: History) -> str:
    """Return the ticket that this one is part of now; "" when it stands alone."""
    merges = history.of(Merged)
    return merges[-1].into if merges else ""


def exclusion_of(history: History, *, is_test: bool) -> str:
    """Return why the ticket counts nowhere; "" when it counts."""
    if not history.facts:
        return "retracted"
    if history.of(Deleted):
        return "deleted"
    if history.of(Merged):
        return "merged"
    marks = history.of(SpamMarked)
    if marks and marks[-1].is_spam:
        return "spam"
    return "test" if is_test else ""
