"""Resolution: how long cases take, and whether they stay solved."""

from typing import Final

from msgspec.structs import replace

from schemas.policy import SettledAfter
from streams.core.metrics.metric import Direction, Kind, Metric, Topic, Unit, tail_of
from streams.core.metrics.observation import BEGUN_CYCLES, RESOLVED_CYCLES

TIME_TO_FIRST_RESOLUTION_P50: Final = Metric(
    name="time_to_first_resolution_p50",
    title="Time to first resolution, median",
    topic=Topic.RESOLUTION,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.SURVIVAL,
    observations=BEGUN_CYCLES,
    numerator="time from creation within which half of the tickets were resolved for the first time",
    denominator="tickets created in the window, unresolved ones included",
    counted="is_first",
    hit="has_ended",
    value="seconds",
    p=0.5,
    about="Calendar time, by the Kaplan-Meier estimate: what is open is known to take longer than until now, and "
    "counts for that. first_resolution_p50 knows resolved tickets alone, by when they were resolved: it can fall while "
    "the backlog grows, and rises as it is worked off. A closing without a resolution ends what is known of a ticket. "
    "Not reached: too few were resolved.",
)

TIME_TO_FIRST_RESOLUTION_P90: Final = tail_of(
    TIME_TO_FIRST_RESOLUTION_P50,
    90,
    numerator="time from creation within which nine in ten tickets were resolved for the first time",
)

TIME_TO_RESOLUTION_P50: Final = replace(
    TIME_TO_FIRST_RESOLUTION_P50,
    name="time_to_resolution_p50",
    title="Time to resolution, median",
    numerator="time from creation, or from reopening, within which half of the cycles were resolved",
    denominator="cycles that began in the window, unresolved ones included",
    counted="",
    about="As time_to_first_resolution_p50, for every cycle: a ticket that is reopened begins a new one. "
    "resolution_p50 knows the resolved ones alone, by when they were resolved.",
)

TIME_TO_RESOLUTION_P90: Final = tail_of(
    TIME_TO_RESOLUTION_P50,
    90,
    numerator="time from creation, or from reopening, within which nine in ten cycles were resolved",
)

RESOLUTION_P50: Final = Metric(
    name="resolution_p50",
    title="Resolution, median",
    topic=Topic.RESOLUTION,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.QUANTILE,
    observations=RESOLVED_CYCLES,
    numerator="time from creation, or from reopening, to the resolution; half took longer",
    denominator="cycles resolved in the window",
    value="seconds",
    p=0.5,
    is_main=False,
    about="Calendar time. A ticket that is reopened begins a new cycle; its second resolution is not measured from its "
    "creation again. What is unresolved is in no window yet: time_to_resolution_p50 counts it too.",
)

RESOLUTION_P90: Final = tail_of(RESOLUTION_P50, 90)

FIRST_RESOLUTION_P50: Final = Metric(
    name="first_resolution_p50",
    title="First resolution, median",
    topic=Topic.RESOLUTION,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.QUANTILE,
    observations=RESOLVED_CYCLES,
    numerator="time from creation to the first resolution; half took longer",
    denominator="tickets resolved for the first time in the window",
    counted="is_first",
    value="seconds",
    p=0.5,
    is_main=False,
    about="Calendar time. Whether the solution held is another matter: see tickets_reopened. What is unresolved is in "
    "no window yet: time_to_first_resolution_p50 counts it too.",
)

FIRST_RESOLUTION_P90: Final = tail_of(FIRST_RESOLUTION_P50, 90)

FULL_RESOLUTION_P50: Final = replace(
    RESOLUTION_P50,
    name="full_resolution_p50",
    title="Full resolution, median",
    numerator="time from creation to the last resolution so far; half took longer",
    denominator="tickets whose last resolution lies in the window",
    counted="NOT is_reopened",
    value="full_seconds",
    is_main=False,
    about="Calendar time, the time between a resolution and a reopening included: how long the customer had the case.",
)

_REOPENED_FOR: Final = SettledAfter().reopenings

REOPEN_RATE: Final = Metric(
    name="reopen_rate",
    title="Resolutions reopened",
    topic=Topic.RESOLUTION,
    unit=Unit.SHARE,
    direction=Direction.DOWN,
    kind=Kind.SHARE,
    observations=RESOLVED_CYCLES,
    numerator="of them those that were reopened, whenever that happened",
    denominator="cycles resolved in the window",
    hit="is_reopened",
    matures_days=_REOPENED_FOR,
    matures_by="reopenings",
    about="Work that was called done and was not. Each resolution of a ticket counts; tickets_reopened counts tickets. "
    f"Cycles resolved just now had little time to be reopened: for {_REOPENED_FOR} days after its window, unless the "
    "desk's policy says otherwise, the rate goes on rising, and is compared with nothing.",
)

TICKETS_REOPENED: Final = replace(
    REOPEN_RATE,
    name="tickets_reopened",
    title="Tickets reopened",
    numerator="of them those that were reopened, once or more often, whenever that happened",
    denominator="tickets resolved for the first time in the window",
    counted="is_first",
    about="What most desks mean by their reopen rate: a ticket that is reopened five times counts once. Tickets "
    f"resolved just now had little time to be reopened: for {_REOPENED_FOR} days after its window, unless the desk's "
    "policy says otherwise, the share goes on rising, and is compared with nothing.",
)
