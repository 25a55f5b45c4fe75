"""The words of every metric: what a number is made of, measured in, divided by."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from schemas.policy import LEAST_N


class Dimension(StrEnum):
    """By what metrics can be divided; each is a column of `tickets` with the latest word on it.

    Team and agent are also those who did it, see `Credit`.
    """

    TEAM = "team"
    AGENT = "agent_id"
    CHANNEL = "channel"
    PRODUCT_LINE = "product_line"
    REASON = "reason"
    CONTACT_TYPE = "contact_type"
    PRIORITY = "priority"
    REGION = "region"
    SEGMENT = "customer_segment"
    STRATEGY = "strategy"


class Credit(StrEnum):
    """Whose an observation is, where it is divided by team or agent."""

    DID = "did"
    """Whoever did it, or was in charge then: what is done stays theirs, whoever gets the ticket later."""
    HOLDS = "holds"
    """Whoever has the ticket now."""


class Kind(StrEnum):
    """How observations become one number."""

    SHARE = "share"
    BALANCE = "balance"
    MEAN = "mean"
    QUANTILE = "quantile"
    SURVIVAL = "Kaplan-Meier quantile"
    """A quantile that counts those whose time is not over yet: see `streams.core.survival`."""
    COUNT = "count"
    RATE = "rate"


class Unit(StrEnum):
    """What a value is measured in. A share lies between 0 and 1."""

    SHARE = "share"
    PER_1000 = "per 1,000"
    SCORE = "score from 0 to 100"
    BALANCE = "points from -100 to 100"
    SECONDS = "seconds"
    NUMBER = "number"
    AVERAGE = "number on average"


class Direction(StrEnum):
    """Which way is better."""

    UP = "up is good"
    DOWN = "down is good"
    NEITHER = "neither way is good"


class Topic(StrEnum):
    """What a reader looks for."""

    COMPLAINTS = "Complaints"
    SATISFACTION = "Satisfaction"
    RESPONSE = "Response"
    RESOLUTION = "Resolution"
    PROMISES = "Promises"
    FAULTS = "Faults"
    KNOWN_ISSUES = "Known issues"
    PREVENTION = "Prevention"
    CONTACTS = "Contacts"
    AFTER_SALES = "After sales"
    WORTH = "Worth"
    CONTINUITY = "Continuity"
    INTEGRITY = "Integrity"
    LOAD = "Load"
    TRUST = "Trust"


DAYS: Final = "ticket_days AS ticket FINAL"
"""One row for each ticket and day, in the ticket's latest version."""
DAYS_ASKED: Final = "{days}"
"""Stands in a condition or a source for the days that are asked for."""
RETRACTED: Final = "(SELECT target_source, target_id, subject FROM retracted)"
"""Events that do not count, by source, id and what they are about, in SQL."""
CUSTOMERS: Final = "{customers}"
"""Stands in a source for the customers of its observations on the days that are asked for: a SELECT of their ids."""


CUSTOMER: Final = "customer_key"
"""Column of observations of which those of one customer are not independent: who that is."""
OF_CUSTOMER: Final = "if(customer_id != '', cityHash64(customer_id), cityHash64(ticket_id, 'nobody'))"
"""Numbers, for they are sorted; an unknown customer is one for each ticket."""


class Observations(Struct, frozen=True, kw_only=True):
    """Single observations of tickets that count, as rows of a SELECT.

    Every row also has its `ticket_id` and all dimensions.

    Attributes:
        name: By which readers know it.
        one: What one row stands for.
        clock: Which instant puts an observation into a window.
        lasts: False: a row happens at `at` and belongs to the window in which that lies. True: it lasts from `since`
            until before `until`, and belongs to every window at whose end it goes on. It is a part of what began at
            `began_at`: one for each that was in charge.
        columns: SQL expression of each column that the metrics read, by its name.
        source: What stands behind FROM; only `ticket_days`, with each ticket in its latest version. What it joins can
            be read for its `CUSTOMERS` alone.
        where: Which rows are observations.
        doers: Whose an observation is: SQL expressions for team and agent. Without them it is the ticket's: whoever
            has it now.
        whose: The same in words.
        home: On which day's row an observation stands, where that is not the day of `at` or `since`.
        lookback_seconds: How long before `at` that can be; of what lasts, how long before its end. Without, it lasts as
            long as its ticket is open.
        lookahead_seconds: How long after `at` what decides on it can happen, where the source reads that.
        dimensions: By what it can be divided.
    """

    name: str
    one: str
    clock: str
    lasts: bool = False
    columns: Mapping[str, str]
    source: str
    where: str = ""
    doers: Mapping[Dimension, str] = {}
    whose: str = "the ticket's latest team and agent"
    home: str = ""
    lookback_seconds: int = 0
    lookahead_seconds: int = 0
    dimensions: frozenset[Dimension] = frozenset(Dimension)


class Metric(Struct, frozen=True, kw_only=True):
    """A number over a window.

    Attributes:
        name: By which programs know it; it never changes its meaning.
        title: By which people know it.
        numerator: What is counted or measured, in words.
        denominator: Of what, in words.
        counted: SQL condition on an observation: which of them enter; "" for all.
        hit: Of a share, a balance or a rate: SQL condition on an observation that makes it count. Of a Kaplan-Meier
            quantile: that its time is over; else it is known to last longer, and no more.
        miss: Of a balance: SQL condition on an observation that makes it count against.
        value: Of a mean or a quantile: SQL expression of what an observation measures.
        p: Of a quantile: which one.
        once_per: Of a share or a rate: whose observations count as one in the denominator, such as those of a customer;
            "" for each by itself.
        n_min: With fewer observations the number is too unsure to be shown. The desk's policy has a word on it, unless
            that is less than usual: then each observation is a case that people know, such as a fault.
        matures_days: So long after the end of its window the number still moves by waiting; until then it is
            provisional, and comparing it with an older window would show a change that is none.
        matures_by: Which of the policy's days these are, where no definition makes them so many.
        is_main: Shown when nobody asks for more.
        about: What a reader should know before drawing conclusions.
    """

    name: str
    title: str
    topic: Topic
    unit: Unit
    direction: Direction
    kind: Kind
    observations: Observations
    numerator: str
    denominator: str
    counted: str = ""
    hit: str = ""
    miss: str = ""
    value: str = ""
    p: float = 0.5
    once_per: str = ""
    n_min: int = LEAST_N
    matures_days: int = 0
    matures_by: str = ""
    is_main: bool = True
    about: str

    @property
    def is_by_policy(self) -> bool:
        """Whether the desk's policy decides what counts."""
        said = self.hit + self.counted
        return "satisfied_from" in said or "important" in said or "rule_number" in self.observations.columns

    @property
    def is_sampled(self) -> bool:
        """Whether it stands for more than what was seen, so that few observations say little."""
        return self.n_min >= LEAST_N

    @property
    def is_by_customer(self) -> bool:
        """Whether its interval counts with customers that are behind several observations."""
        is_mean = self.kind in (Kind.SHARE, Kind.BALANCE, Kind.MEAN) and not self.once_per
        return is_mean and CUSTOMER in self.observations.columns

    @property
    def clock(self) -> str:
        """Which instant puts an observation into a window."""
        return self.observations.clock


_TAILS: Final[Mapping[int, tuple[str, str, Mapping[str, Any]]]] = {
    90: ("one in ten", "the unlucky tenth", {}),
    99: ("one in a hundred", "the unluckiest hundredth", {"n_min": 200, "is_main": False}),
}
"""Of a quantile: how many took longer, who that is, and what else differs from the median."""


def tail_of(median: Metric, percent: int, **changes: Any) -> Metric:  # noqa: ANN401 - fields of Metric
    """Return what so many percent of the observations stay below, of a metric that is a median.

    Args:
        median: Its name ends in `_p50`, its title in "median", and its numerator says that half took longer.
        percent: 90 or 99.
        changes: What is otherwise than these words make it.
    """
    longer, who, differing = _TAILS[percent]
    words: dict[str, Any] = {
        "name": median.name.replace("_p50", f"_p{percent}"),
        "title": median.title.replace("median", f"p{percent}"),
        "numerator": median.numerator.replace("half took longer", f"{longer} took longer"),
        "p": percent / 100,
        "about": f"As {median.name}, but what {who} exceeds.",
    }
    return replace(median, **{**words, **differing, **changes})
