"""Time by status: how long cases lay with the desk, waited for the customer, or were on hold until their resolution."""

from typing import Final

from msgspec.structs import replace

from streams.core.metrics.metric import Direction, Kind, Metric, Topic, Unit, tail_of
from streams.core.metrics.observation import RESOLVED_CYCLES

RESOLUTION_DESK_P50: Final = Metric(
    name="resolution_desk_p50",
    title="Resolution, the desk's own time, median",
    topic=Topic.RESOLUTION,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.QUANTILE,
    observations=RESOLVED_CYCLES,
    numerator="time that a case lay with the desk until the resolution; half took longer",
    denominator="cycles resolved in the window",
    value="desk_seconds",
    is_main=False,
    about="As resolution_p50, without the time in which the status says that the customer has to answer, or that the "
    "case is on hold. A desk that sets such a status looks faster by this than its customers see it: read it beside "
    "resolution_p50.",
)

RESOLUTION_DESK_P90: Final = tail_of(RESOLUTION_DESK_P50, 90)

TIME_WITH_DESK: Final = replace(
    RESOLUTION_DESK_P50,
    name="time_with_desk",
    title="Time with the desk, mean",
    kind=Kind.MEAN,
    numerator="mean time that a case was new or open until the resolution",
    about="With time_with_customer and time_on_hold it adds up to the mean time to a resolution. A mean, so that the "
    "three add up: a few very long cases move it, resolution_desk_p50 does not follow them.",
)

TIME_WITH_CUSTOMER: Final = replace(
    TIME_WITH_DESK,
    name="time_with_customer",
    title="Time with the customer, mean",
    direction=Direction.NEITHER,
    numerator="mean time that a case waited for the customer, by its status, until the resolution",
    value="customer_seconds",
    about="As time_with_desk. Much of it can mean that questions are asked one by one.",
)

TIME_ON_HOLD: Final = replace(
    TIME_WITH_CUSTOMER,
    name="time_on_hold",
    title="Time on hold, mean",
    numerator="mean time that a case was on hold until the resolution: somebody else had to do something",
    value="hold_seconds",
    about="As time_with_desk. Much of it is a matter for whoever was waited for: a supplier, another department.",
)
