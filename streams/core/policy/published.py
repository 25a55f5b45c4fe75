"""The desk's policy, published as an event: what publishing it changes, and the row that numbers are measured by."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import zip_longest
from typing import Any, Final

import msgspec
from msgspec import Struct

from schemas.codec import Event
from schemas.events import PolicyPublished
from schemas.policy import CONDITIONS, SUBJECT, TARGETS, Policy, Rule
from schemas.rows import Ms, PolicyRow
from schemas.version import in_force
from streams.core.published import newest, version_of

BUILT_IN: Final = Policy(
    from_at=datetime(1970, 1, 1, tzinfo=UTC),
    zone="UTC",
    first_response=(Rule(within="1h"),),
    response=(Rule(within="4h"),),
)
"""What counts before the first version, and where nothing is published."""

_FIRST: Final[Ms] = 1
"""Versions of before 1970 are in force from here on: what is built in is from the instant before."""


class Standing(Struct, frozen=True):
    """The newest statement of the policy. Without versions it was taken back."""

    published_at: Ms
    versions: tuple[Policy, ...]


class Change(Struct, frozen=True):
    """What publishing a policy does to what stands.

    Attributes:
        versions: What is to stand from now on.
        published_at: When it is to be published: never before what it takes the place of.
        differs_at: From when on numbers are measured otherwise.
        is_new: Nothing stood.
    """

    versions: tuple[Policy, ...]
    published_at: Ms
    differs_at: Ms
    is_new: bool

    @property
    def id(self) -> str:
        """The id of its event: the same statement at the same time is the same event."""
        return blake2b(msgspec.json.encode([self.published_at, self.versions]), digest_size=16).hexdigest()


def change_of(versions: Sequence[Policy], stands: Standing | None, now_ms: Ms) -> Change | None:
    """Return what is to be published so that the policy stands as given; None when it does already."""
    wanted = tuple(versions)
    before = stands.versions if stands else ()
    if before == wanted:
        return None
    return Change(
        versions=wanted,
        published_at=max(now_ms, stands.published_at + 1 if stands else 0),
        differs_at=_differs_at(before, wanted),
        is_new=not before,
    )


def _differs_at(before: tuple[Policy, ...], after: tuple[Policy, ...]) -> Ms:
    """Return the first instant at which one says something else than the other."""
    pairs = zip_longest(before, after)
    ones = next(pair for pair in pairs if pair[0] != pair[1])
    return max(0, min(version.in_force_at for version in ones if version))


def versions_within(versions: Sequence[Policy], start_at: Ms, end_at: Ms) -> list[Policy]:
    """Return the versions in force at some instant from one until before another, what is built in included."""
    known = _all(versions)
    spans = zip_longest(known, list(known)[1:])
    return [known[begin] for begin, end in spans if begin < end_at and (end is None or end > start_at)]


def in_force_now(versions: Sequence[Policy], now: Ms) -> Policy:
    """Return the version that says when figures are told, of all times; what is built in before the first one."""
    return in_force(versions, now) or BUILT_IN


def rule_of(versions: Sequence[Policy], target: str, in_force_at: Ms, number: int) -> Rule | None:
    """Return the rule at a place, from 1 on, of the version in force from an instant on; None where there is none."""
    version = _all(versions).get(in_force_at)
    rules = getattr(version, target) if version else ()
    return rules[number - 1] if 0 < number <= len(rules) else None


def _all(versions: Sequence[Policy]) -> dict[Ms, Policy]:
    """Return the versions that count by when they come into force, in order."""
    return {0: BUILT_IN} | {max(one.in_force_at, _FIRST): one for one in versions}


def policies(events: Iterable[Event], now_ms: Ms) -> list[PolicyRow]:
    """Return the row of the newest statement of the policy among events, none where there is none."""
    return [policy_row(event, now_ms) for event in newest(events, PolicyPublished)]


def policy_row(event: Event, now_ms: Ms) -> PolicyRow:
    """Return the row of a published policy.

    Raises:
        TypeError: When the event is no `policy.published`.
    """
    said = event.content
    if not isinstance(said, PolicyPublished):
        raise TypeError(f"{event.name} publishes no policy")
    _, *versions = _all(said.versions).values()
    targets = {name: [rules_of(one, name) for one in versions] for name in TARGETS}
    return PolicyRow(
        subject=SUBJECT,
        version=version_of(event),
        published_at=event.at_ms,
        stated=msgspec.json.encode(said.versions),
        in_force_at=[max(one.in_force_at, _FIRST) for one in versions],
        satisfied_from=[one.satisfied_from for one in versions],
        scales=[scales_of(one) for one in versions],
        **targets,
        important=[important_of(one) for one in versions],
        least_n=[one.least_n for one in versions],
        reason_share=[one.reason_share for one in versions],
        worth=[worth_of(one) for one in versions],
        settled_after_days=[msgspec.structs.astuple(one.settled_after_days) for one in versions],
        ingested_at=now_ms,
    )


def scales_of(policy: Policy) -> list[tuple[float, float, float]]:
    """Return the scales with a least score of their own as a row has them."""
    return [(one.scale_min, one.scale_max, one.score) for one in policy.scales]


def important_of(policy: Policy) -> tuple[list[str], int]:
    """Return which contacts are important as a row has it: their priorities, and how many seconds one may wait."""
    return list(policy.important.priorities), policy.important.seconds


def worth_of(policy: Policy) -> tuple[str, int, list[tuple[str, float]]]:
    """Return how money is added up as a row has it; without a currency where the policy does not say."""
    worth = policy.worth
    return (worth.currency, worth.cost_per_hour, sorted(worth.rates.items())) if worth else ("", 0, [])


def rules_of(policy: Policy, target: str) -> list[tuple[Any, ...]]:
    """Return the rules of a target as a row has them."""
    return [_rule(rule) for rule in getattr(policy, target)]


def _rule(rule: Rule) -> tuple[Any, ...]:
    return (rule.seconds, rule.is_open_hours, *(list(getattr(rule, name)) for name in ("paused", *CONDITIONS)))
