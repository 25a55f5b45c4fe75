"""Root causes: a department is told why customers keep coming, says that it knows, and removes the cause."""

from typing import Final

from msgspec.structs import replace

from streams.core.metrics.metric import Dimension, Direction, Kind, Metric, Observations, Topic, Unit
from streams.core.metrics.observation import KNOWN_UNTIL, unknown_but

OF_CAUSES: Final = f"""
(
    SELECT
        toDate(reported_at) AS day,
        true AS is_effective,
        '' AS ticket_id,
        cause.*,
        {unknown_but(Dimension.REASON)}
    FROM root_causes AS cause
)""".strip()  # noqa: S608 - words of ours


def _until(instant: str) -> str:
    return f"greatest(0, dateDiff('millisecond', at, ifNull({instant}, {KNOWN_UNTIL}))) / 1000"


ROOT_CAUSES: Final = Observations(
    name="root_causes",
    one="a reason of which a department was told, by an event or by a signal of the watch, until its cause was removed",
    clock="reported_at: when it was told",
    columns={
        "at": "reported_at",
        "is_acknowledged": "acknowledged_at IS NOT NULL",
        "until_acknowledged": _until("acknowledged_at"),
        "is_fixed": "fixed_at IS NOT NULL",
        "until_fixed": _until("fixed_at"),
    },
    source=OF_CAUSES,
    dimensions=frozenset({Dimension.REASON}),
)

CAUSES_REPORTED: Final = Metric(
    name="root_causes",
    title="Reasons reported to departments",
    topic=Topic.PREVENTION,
    unit=Unit.NUMBER,
    direction=Direction.NEITHER,
    kind=Kind.COUNT,
    observations=ROOT_CAUSES,
    numerator="reasons of which a department was told in the window",
    denominator="none: it is a count",
    n_min=0,
    is_main=False,
    about="Once until it is fixed, however often that is said meanwhile; after a fix it begins anew.",
)

ACKNOWLEDGED_P50: Final = Metric(
    name="root_cause_acknowledged_p50",
    title="Time until a department answers, median",
    topic=Topic.PREVENTION,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.SURVIVAL,
    observations=ROOT_CAUSES,
    numerator="time within which half of them were acknowledged, or fixed at once",
    denominator="reasons of which a department was told in the window, those that nobody acknowledged yet included",
    hit="is_acknowledged",
    value="until_acknowledged",
    n_min=1,
    is_main=False,
    about="By the Kaplan-Meier estimate: a department that has not answered yet counts for at least as long as until "
    "now.",
)

FIXED_P50: Final = replace(
    ACKNOWLEDGED_P50,
    name="root_cause_fixed_p50",
    title="Time until a cause is removed, median",
    numerator="time within which half of the causes were removed",
    denominator="reasons of which a department was told in the window, those whose cause is not removed yet included",
    hit="is_fixed",
    value="until_fixed",
    about="By the Kaplan-Meier estimate. Whether fewer come since stands on *Prevention*: a fix that changes nothing "
    "is none.",
)
