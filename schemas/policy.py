"""How a desk states its own definitions: who is satisfied, how soon it answers and resolves, when a figure is told.

A version says all of it: from its instant on nothing of the version before counts.
"""

import re
from functools import cached_property
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct, field

from schemas.instant import zone_of
from schemas.version import InForce

SATISFIED_FROM: Final = 75
"""The least score of a satisfied customer where no policy says another: 4 and 5 of 5, 8 to 10 of 10, the thumb up."""

LEAST_N: Final = 20
"""With fewer observations a figure is not shown, where no policy says another number."""

REASON_SHARE: Final = 0.30
"""Above it a reason is a matter for who can remove its cause, where no policy says another share."""

SUBJECT: Final = "policy"
"""The key of everything that is said about the policy: there is one."""

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_WITHIN: Final = "^[1-9][0-9]{0,5}[mhd]$"
_SOON: Final = "^[1-9][0-9]{0,3}[sm]$"
_LONGEST_DAYS: Final = 30
_LONGEST_IN_QUEUE_SECONDS: Final = 1_800
"""Missed contacts are told of by the hour, so that one has to be known as missed well within it."""

Values: TypeAlias = Annotated[tuple[Annotated[str, Meta(max_length=256)], ...], Meta(max_length=100)]
"""One of these; none: any. An empty text stands for tickets that have none."""

PAUSES: Final = ("customer", "hold")
"""What can stop the clock of a resolution: the customer has to answer, or the ticket is on hold for somebody else."""

CONDITIONS: Final = ("priority", "channel", "team", "contact_type", "product_line", "region", "customer_segment")
"""By what a rule chooses tickets: columns of `tickets`, with the latest word on each."""


class PolicyError(ValueError):
    """A definition that cannot be meant; the message says where and what to write instead."""


class Rule(Struct, frozen=True, dict=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """A target for the tickets that meet every condition; a condition that is left out is met by all."""

    within: Annotated[
        str,
        Meta(description="Minutes, hours or days, such as 15m, 4h or 2d.", extra_json_schema={"pattern": _WITHIN}),
    ]
    hours: Annotated[
        Literal["calendar", "open"],
        Meta(description="Whether all time counts, or only that in which the desk is open by its schedule."),
    ] = "calendar"
    paused: Annotated[
        tuple[Literal["customer", "hold"], ...],
        Meta(
            max_length=2,
            description="Of resolutions: no time counts while the ticket waits for the customer (`customer`), or while "
            "it is on hold for somebody else (`hold`).",
        ),
    ] = ()
    priority: Values = ()
    channel: Values = ()
    team: Values = ()
    contact_type: Values = ()
    product_line: Values = ()
    region: Values = ()
    customer_segment: Values = ()

    def __post_init__(self) -> None:
        """Read the target once, so that a wrong one is refused here.

        Raises:
            PolicyError: When it is no duration, too long, or days of open hours.
        """
        _ = self.seconds

    @cached_property
    def seconds(self) -> int:
        """How long it may take, in seconds of the time that counts."""
        if not re.fullmatch(_WITHIN, self.within):
            raise PolicyError(f"{self.within!r} is no duration; write 15m, 4h or 2d")
        unit = self.within[-1]
        if unit == "d" and self.is_open_hours:
            raise PolicyError(f"{self.within} of open hours: days differ in how long they are open; write hours")
        seconds = int(self.within[:-1]) * _SECONDS[unit]
        if seconds > _LONGEST_DAYS * _SECONDS["d"]:
            raise PolicyError(f"{self.within} is longer than the {_LONGEST_DAYS} days that a target may have")
        return seconds

    @property
    def is_open_hours(self) -> bool:
        """Whether only the time counts in which the desk is open."""
        return self.hours == "open"

    @property
    def conditions(self) -> dict[str, Values]:
        """What it asks of a ticket: one of several values, by attribute."""
        return {name: values for name in CONDITIONS if (values := getattr(self, name))}


class Scale(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """Who is satisfied on one scale, in its own points, whatever the least score of all others is."""

    scale_min: float
    scale_max: float
    satisfied_from: Annotated[float, Meta(description="The least answer of a satisfied customer, such as 4 of 1 to 5.")]

    def __post_init__(self) -> None:
        """Let scales pass on which somebody can be satisfied, and somebody not.

        Raises:
            PolicyError: When all would be satisfied, or nobody.
        """
        if not self.scale_min < self.satisfied_from <= self.scale_max:
            raise PolicyError(
                f"satisfied from {self.satisfied_from:g} on a scale from {self.scale_min:g} to {self.scale_max:g}: "
                "write an answer above the lowest one, up to the highest"
            )

    @property
    def score(self) -> float:
        """The same as a score from 0 to 100."""
        return 100 * (self.satisfied_from - self.scale_min) / (self.scale_max - self.scale_min)


Days: TypeAlias = Annotated[int, Meta(ge=1, le=365)]


class SettledAfter(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """How many days after its window a figure is settled, of those that move by waiting."""

    surveys: Annotated[Days, Meta(description="Surveys of the window are still answered for so long.")] = 7
    ratings: Annotated[Days, Meta(description="Cases of the window are still rated for so long.")] = 14
    reopenings: Annotated[Days, Meta(description="Cases of the window are still reopened for so long.")] = 7
    reassignments: Annotated[Days, Meta(description="Rated cases of the window are still given away for so long.")] = 7


Code: TypeAlias = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3, description="ISO 4217 code.")]


class Worth(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """How money is added up: what an hour of work costs, in which currency, and what others are worth in it."""

    currency: Annotated[Code, Meta(description="In which money is added up.")]
    cost_per_hour: Annotated[
        int,
        Meta(
            ge=0,
            le=2**40,
            description="What an hour of work on tickets costs, in minor units. Without it work costs nothing, and it "
            "is said that it is left out.",
        ),
    ] = 0
    rates: Annotated[
        dict[Code, Annotated[float, Meta(gt=0, le=1e9)]],
        Meta(
            max_length=200,
            description="What one unit of another currency is worth in `currency`. Money without a rate is left out, "
            "and it is said how much.",
        ),
    ] = field(default_factory=dict)


class Important(Struct, frozen=True, dict=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """Which contacts in a queue nobody should miss, and how long one may wait before it is missed."""

    priorities: Annotated[Values, Meta(description="Those of one of these. None: no contact is important.")] = (
        "high",
        "urgent",
    )
    within: Annotated[
        str, Meta(description="Seconds or minutes, such as 45s or 2m.", extra_json_schema={"pattern": _SOON})
    ] = "2m"

    def __post_init__(self) -> None:
        """Read the time once, so that a wrong one is refused here.

        Raises:
            PolicyError: When it is no duration, or too long.
        """
        _ = self.seconds

    @cached_property
    def seconds(self) -> int:
        """How long one may wait."""
        if not re.fullmatch(_SOON, self.within):
            raise PolicyError(f"{self.within!r} is no time in a queue; write 45s or 2m")
        seconds = int(self.within[:-1]) * _SECONDS[self.within[-1]]
        if seconds > _LONGEST_IN_QUEUE_SECONDS:
            raise PolicyError(
                f"{self.within} is longer than the {_LONGEST_IN_QUEUE_SECONDS // 60} minutes that an important contact "
                "may wait"
            )
        return seconds


Rules: TypeAlias = Annotated[tuple[Rule, ...], Meta(max_length=50)]
"""The first one whose conditions a ticket meets is its target; where none is, it has no target."""


class Policy(InForce, frozen=True, dict=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """The definitions that are in force from an instant on."""

    satisfied_from: Annotated[
        float,
        Meta(
            gt=0,
            le=100,
            description="The least score, from 0 to 100, of a satisfied customer: 75 are 4 of 5, 8 of 10, a thumb up.",
        ),
    ] = SATISFIED_FROM
    scales: Annotated[
        tuple[Scale, ...],
        Meta(max_length=20, description="Scales on which another answer decides; each once, by its two ends."),
    ] = ()
    first_response: Annotated[
        Rules, Meta(description="How soon a person answers for the first time: the first rule that fits.")
    ] = ()
    response: Annotated[Rules, Meta(description="How soon a person answers whenever the customer waits.")] = ()
    resolution: Annotated[Rules, Meta(description="How soon a case is resolved, and again after each reopening.")] = ()
    important: Annotated[
        Important, Meta(description="Which contacts in a queue nobody should miss, and how long one may wait.")
    ] = Important()
    least_n: Annotated[
        int,
        Meta(
            ge=2,
            le=10_000,
            description="With fewer observations a figure is not shown. Of the version in force now, for all times.",
        ),
    ] = LEAST_N
    reason_share: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="Above this share of all contacts a reason is a matter for who can remove its cause. Of the "
            "version in force now, for all times.",
        ),
    ] = REASON_SHARE
    departments: Annotated[
        dict[Annotated[str, Meta(min_length=1, max_length=256)], Annotated[str, Meta(min_length=1, max_length=256)]],
        Meta(
            max_length=1_000,
            description="Who can remove the cause of contacts: a department, by reason. It is told when the reason "
            "passes `reason_share`. Of the version in force now, for all times.",
        ),
    ] = field(default_factory=dict)
    worth: Annotated[
        Worth | None,
        Meta(
            description="How money is added up. Without it, only money of the one currency that is used most. Of the "
            "version in force now, for all times.",
        ),
    ] = None
    settled_after_days: Annotated[
        SettledAfter,
        Meta(description="When a figure that moves by waiting is settled. Of the version in force now, for all times."),
    ] = SettledAfter()

    def __post_init__(self) -> None:
        """Look everything up once, so that a wrong policy is refused here.

        Raises:
            PolicyError: When a rule can never be reached, a response is paused, or a scale is there twice.
            UnknownZoneError: When there is no such time zone; the message names similar ones.
        """
        _ = zone_of(self.zone), self.in_force_at
        for target in TARGETS:
            _refuse_unreachable(target, getattr(self, target))
        for target in ("first_response", "response"):
            _refuse_paused(target, getattr(self, target))
        _refuse_repeated(self.scales)


TARGETS: Final = ("first_response", "response", "resolution")
"""Of what a policy has targets."""


def _refuse_unreachable(target: str, rules: Rules) -> None:
    """Let rules pass of which each can be reached.

    Raises:
        PolicyError: When one stands behind a rule that holds for all tickets.
    """
    for number, rule in enumerate(rules[:-1], start=1):
        if not rule.conditions:
            raise PolicyError(
                f"{target}: rule {number} holds for all tickets, so that none behind it is ever reached: put it last"
            )


def _refuse_paused(target: str, rules: Rules) -> None:
    """Let rules pass of which none pauses.

    Raises:
        PolicyError: When one does: who waits for an answer is not waited for, and parking a ticket must gain nothing.
    """
    for number, rule in enumerate(rules, start=1):
        if rule.paused:
            raise PolicyError(f"{target}: rule {number} is paused, which only a resolution can be: leave `paused` out")


def _refuse_repeated(scales: tuple[Scale, ...]) -> None:
    """Let scales pass of which each is there once.

    Raises:
        PolicyError: When two have the same ends.
    """
    seen: set[tuple[float, float]] = set()
    for one in scales:
        ends = one.scale_min, one.scale_max
        if ends in seen:
            raise PolicyError(f"scales: the one from {one.scale_min:g} to {one.scale_max:g} is there twice")
        seen.add(ends)
