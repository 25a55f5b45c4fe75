"""Bursts: more customers at once about one subject than chance brings together. Pure functions of the contacts."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from math import exp, lgamma, log
from typing import Any, Final, NamedTuple, Self

import msgspec
from msgspec import Struct

from schemas.rows import Ms
from streams.core.fault.usual import Expected, Rush, Usual

MINUTE_MS: Final = 60_000
UNKNOWN_CUSTOMER: Final = "of ticket "
"""What a customer whom nobody names is called by, before the ticket's id."""
DAYS: Final = 30
"""The days over which false bursts are counted."""
SCALES: Final = (1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)
"""Customers are counted over so many times the minutes of the rule: a flood is seen in a few of them, and what comes in
drops over some hours. Each has its part of the accepted false bursts."""


class BurstError(ValueError):
    """A rule that cannot be meant."""


class BurstRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When customers are taken to come because of one fault.

    Attributes:
        customers: At least so many different ones ...
        minutes: ... within so many minutes, an hour at most.
        false_bursts: Accepted for each 1,000 subjects and 30 days, if they come as usual.
        calm_minutes: A burst is over so long after the last time at which it would have been found.
        usual_weeks: So many weeks before say what is usual.
        least_days: Of a desk that is known for less nothing is said.
    """

    customers: int = 3
    minutes: float = 30
    false_bursts: float = 1
    calm_minutes: float = 120
    usual_weeks: float = 8
    least_days: float = 14

    def __post_init__(self) -> None:
        """Require values that can be meant.

        Raises:
            BurstError: When one lies outside its bounds.
        """
        bounds: dict[str, tuple[float, float]] = {
            "customers": (2, 1_000),
            "minutes": (1, 60),
            "false_bursts": (0.001, 1_000),
            "calm_minutes": (1, 24 * 60),
            "usual_weeks": (1, 52),
            "least_days": (7, 364),
        }
        for name, (least, most) in bounds.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise BurstError(f"{name} is {value:g}, but must lie between {least:g} and {most:g}")

    def overridden(self, changes: Mapping[str, Any]) -> Self:
        """Return the rule with some of its values changed.

        Raises:
            BurstError: When a name is unknown, or a value cannot be meant.
        """
        known = {name: getattr(self, name) for name in self.__struct_fields__}
        try:
            return msgspec.convert(known | dict(changes), type(self))
        except msgspec.ValidationError as error:
            raise BurstError(str(error).replace("Object contains unknown field", "unknown:")) from None


class Contact(NamedTuple):
    """A ticket that was opened.

    Attributes:
        at: When.
        ticket_id: Which.
        customer: Of whom; of an unknown customer something that no other ticket has.
        team: Who has it now.
    """

    at: Ms
    ticket_id: str
    customer: str
    team: str = ""


class Burst(Struct, kw_only=True):
    """A burst that was found.

    Attributes:
        since_at: When the first customer of it came.
        opened_at: When it was found.
        closed_at: When it was over; None while it goes on.
        contacts: All of it, in order.
        found_with: How many of them it took.
        usual: How many are usual in as long a time.
    """

    since_at: Ms
    opened_at: Ms
    closed_at: Ms | None
    contacts: list[Contact]
    found_with: int
    usual: float


def bursts(
    contacts: Iterable[Contact], subject: str, usual: Usual, rule: BurstRule, now: Ms, rush: Rush | None = None
) -> list[Burst]:
    """Return every burst among the contacts of one subject, in order. It follows from them and the clock alone.

    Args:
        contacts: In order of time; some hours before the first burst that matters are enough.
        subject: What they are about.
        usual: Of its kind.
        rule: When customers are too many.
        now: The clock: it decides what is over.
        rush: How busy everything else is; None where it is as usual.
    """
    found: list[Burst] = []
    recent: deque[Contact] = deque()
    longest, calm = round(rule.minutes * MINUTE_MS * SCALES[-1]), round(rule.calm_minutes * MINUTE_MS)
    going: Burst | None = None
    found_at: Ms = 0
    for contact in contacts:
        if going and contact.at > found_at + calm:
            going.closed_at, going = found_at + calm, None
        recent.append(contact)
        while recent[0].at <= contact.at - longest:
            recent.popleft()
        if going:
            going.contacts.append(contact)
        together = _together(recent, subject, usual, rule, rush)
        if together is None:
            continue
        found_at = contact.at
        if not going:
            going = Burst(
                since_at=together.contacts[0].at,
                opened_at=contact.at,
                closed_at=None,
                contacts=list(together.contacts),
                found_with=len(together.contacts),
                usual=together.usual,
            )
            found.append(going)
    if going and now > found_at + calm:
        going.closed_at = found_at + calm
    return found


class _Together(NamedTuple):
    contacts: Sequence[Contact]
    usual: float


def _together(
    recent: Sequence[Contact], subject: str, usual: Usual, rule: BurstRule, rush: Rush | None
) -> _Together | None:
    """Return the contacts that are too many, up to the newest one; None while they are not."""
    newest, span = recent[-1].at, round(rule.minutes * MINUTE_MS)
    if len(recent) < rule.customers or recent[-rule.customers].at <= newest - span:
        return None
    if len(_customers(recent, newest - span)) < rule.customers:
        return None
    per_week = usual.per_week(subject)
    for scale in SCALES:
        since = newest - round(span * scale)
        customers = _customers(recent, since)
        if len(customers) < rule.customers:
            continue
        expected = usual.between(subject, since, newest)
        if rush:
            own = sum(one.at > since for one in recent)
            expected = Expected(expected.mean * rush.factor(since, newest, own, expected), expected.shape)
        if is_burst(len(customers), expected, per_week, rule):
            return _Together([one for one in recent if one.at > since], expected.mean)
    return None


def _customers(recent: Iterable[Contact], since: Ms) -> set[str]:
    return {one.customer for one in recent if one.at > since}


def is_burst(customers: int, expected: Expected, per_week: float, rule: BurstRule) -> bool:
    """Say whether so many customers at once are more than the accepted number of false bursts explains.

    A burst is found by the contact that completes it, so false ones are counted by contacts: how many a subject is to
    have is how many contacts it has, times how often as many others came just before one. (For contacts that come by
    chance alone that is the formula of Mecke 1967. Where moods make the rate vary, a contact comes rather when it is
    high: as a gamma distribution says it, which turns the shape k into k + 1.)
    """
    of_days = per_week * DAYS / 7
    accepted = rule.false_bursts / 1000 / len(SCALES) / max(of_days, 1e-9)
    others = Expected(expected.mean * (1 + 1 / expected.shape), expected.shape + 1)
    return customers >= rule.customers and at_least(customers - 1, others) <= accepted


def at_least(n: int, expected: Expected) -> float:
    """Return how likely n or more are, by the negative binomial distribution."""
    mean, shape = expected.mean, expected.shape
    if n <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    # Upwards from n while terms matter: a difference from 1 would lose what is rare.
    odds = mean / (mean + shape)
    term = exp(lgamma(n + shape) - lgamma(shape) - lgamma(n + 1) + shape * log(shape / (mean + shape)) + n * log(odds))
    total, k = 0.0, n
    while term > total * 1e-12 or k < mean:
        total += term
        k += 1
        term *= (k - 1 + shape) / k * odds
        if term == 0:
            break
    return min(1.0, total)


def customers_of(contacts: Iterable[Contact]) -> list[str]:
    """Return the customers of contacts, each once, in the order in which they came."""
    return list(dict.fromkeys(contact.customer for contact in contacts))


def team_of(contacts: Iterable[Contact]) -> str:
    """Return the team that has most of some contacts; "" where nobody has any."""
    teams = Counter(contact.team for contact in contacts if contact.team)
    return min(teams, key=lambda team: (-teams[team], team), default="")
