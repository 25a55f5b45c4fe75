"""Promises: what the desk told its customers it would do until when, and whether it did."""

from typing import Final

from msgspec.structs import replace

from streams.core.metrics.metric import Direction, Kind, Metric, Topic, Unit, tail_of
from streams.core.metrics.observation import (
    PROMISED_DAYS,
    PROMISES_BROKEN,
    PROMISES_DUE,
    PROMISES_MADE,
    PROMISES_OVERDUE,
    TICKETS_PROMISED,
)

PROMISES_KEPT: Final = Metric(
    name="promises_kept",
    title="Promises kept",
    topic=Topic.PROMISES,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=PROMISES_DUE,
    numerator="of them those that were kept by then",
    denominator="promises that fell due in the window",
    hit="is_kept",
    about="A promise falls due once, at the due time that stands by then: moving it before it falls due moves that, "
    "moving it afterwards mends nothing. One that nobody says was kept is a miss as soon as it falls due. Promises "
    "that the customer gave up before are left out, and those that fall due more than 92 days after they were made.",
)

PROMISES_MOVED: Final = Metric(
    name="promises_moved",
    title="Promises moved",
    topic=Topic.PROMISES,
    unit=Unit.SHARE,
    direction=Direction.DOWN,
    kind=Kind.SHARE,
    observations=PROMISES_DUE,
    numerator="of them those that had been moved before, once or more often",
    denominator="promises that fell due in the window",
    hit="is_moved",
    is_main=False,
    about="Told in time, another instant is still a kept promise. Much of it says that too much is promised: read it "
    "beside promises_kept.",
)

PROMISE_LATENESS_P50: Final = Metric(
    name="promise_lateness_p50",
    title="How late broken promises are kept, median",
    topic=Topic.PROMISES,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.SURVIVAL,
    observations=PROMISES_BROKEN,
    numerator="time behind the due time within which half of them were kept after all",
    denominator="promises that fell due in the window and were not kept by then, those still open included",
    hit="has_ended",
    value="seconds",
    is_main=False,
    about="By the Kaplan-Meier estimate: one that is still open is known to be later than now, and counts for that. "
    "Never keeping the worst ones does not improve it. Not reached: too few were kept.",
)

PROMISE_LATENESS_P90: Final = tail_of(
    PROMISE_LATENESS_P50, 90, numerator="time behind the due time within which nine in ten were kept after all"
)

OVERDUE_PROMISES: Final = Metric(
    name="overdue_promises",
    title="Promises overdue",
    topic=Topic.PROMISES,
    unit=Unit.NUMBER,
    direction=Direction.DOWN,
    kind=Kind.COUNT,
    observations=PROMISES_OVERDUE,
    numerator="promises of the 92 days before, past their due time and neither kept nor given up as the window ends",
    denominator="none: it is a count",
    n_min=0,
    about="Of a window that ends now: those overdue now. Whoever has the ticket can keep them: it counts for the team "
    "in charge then.",
)

PROMISES: Final = replace(
    OVERDUE_PROMISES,
    name="promises",
    title="Promises made",
    direction=Direction.NEITHER,
    observations=PROMISES_MADE,
    numerator="promises made to customers in the window",
    about="Without a word of a promise from the desk there is none: what is told on the telephone alone is not seen.",
    is_main=False,
)

PROMISES_PER_TICKET: Final = Metric(
    name="promises_per_ticket",
    title="Promises per ticket",
    topic=Topic.PROMISES,
    unit=Unit.AVERAGE,
    direction=Direction.NEITHER,
    kind=Kind.MEAN,
    observations=TICKETS_PROMISED,
    numerator=f"how many promises were made on them, at most {PROMISED_DAYS} days after their creation",
    denominator="tickets created in the window",
    value="promised",
    matures_days=PROMISED_DAYS,
    is_main=False,
    about="Who promises nothing breaks nothing: read promises_kept beside it. Where it rises while fewer are kept, "
    "more is promised than the desk can do.",
)
