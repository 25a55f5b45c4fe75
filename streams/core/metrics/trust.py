"""Trust: where events contradict each other, and numbers say less than they seem to."""

from typing import Final

from streams.core.metrics.metric import Direction, Kind, Metric, Topic, Unit
from streams.core.metrics.observation import EARLY_TICKETS

NEGATIVE_DURATIONS: Final = Metric(
    name="negative_durations",
    title="Tickets with durations below 0",
    topic=Topic.TRUST,
    unit=Unit.NUMBER,
    direction=Direction.DOWN,
    kind=Kind.COUNT,
    observations=EARLY_TICKETS,
    numerator="tickets created in the window that were answered or resolved before that, by what their events say",
    denominator="none: it is a count",
    n_min=0,
    is_main=False,
    about="Clocks of two systems differ, or a log has the wrong time of a creation. Such a response or resolution "
    "counts with 0 seconds, which flatters every duration: many of them are a fault of a source or of a mapping.",
)
