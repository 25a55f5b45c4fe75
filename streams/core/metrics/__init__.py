"""Every metric, once: what it counts, over what, by which clock. SQL, reports, panels and alerts are made from here.

The four that service is judged by have a module each: `complaint_rate`, `satisfaction`, `response_time`, `repurchase`.
"""

from collections.abc import Mapping
from typing import Final

from streams.core.metrics.business_time import (
    FIRST_RESOLUTION_BUSINESS_P50,
    FIRST_RESOLUTION_BUSINESS_P90,
    FIRST_RESPONSE_BUSINESS_P50,
    FIRST_RESPONSE_BUSINESS_P90,
    FIRST_RESPONSE_BUSINESS_WITHIN,
    FULL_RESOLUTION_BUSINESS_P50,
    NEXT_RESPONSE_BUSINESS_P50,
    NEXT_RESPONSE_BUSINESS_P90,
    NEXT_RESPONSE_BUSINESS_WITHIN,
    RESOLUTION_BUSINESS_P50,
    RESOLUTION_BUSINESS_P90,
)
from streams.core.metrics.complaint_rate import (
    COMPLAINT_RATE,
    COMPLAINTS_PER_1000_CUSTOMERS,
    COMPLAINTS_PER_1000_ORDERS,
)
from streams.core.metrics.handling import (
    FIRST_CONTACT_RESOLUTION,
    ONE_TOUCH_SHARE,
    REASSIGNED_AFTER_BAD_RATING,
    REPLIES_PER_RESOLUTION,
    TICKETS_TRANSFERRED,
)
from streams.core.metrics.in_target import FIRST_RESPONSE_IN_TARGET, RESOLUTION_IN_TARGET, RESPONSE_IN_TARGET
from streams.core.metrics.load import BACKLOG, INQUIRY_SHARE, TICKETS_CREATED
from streams.core.metrics.metric import Credit, Dimension, Direction, Kind, Metric, Observations, Topic, Unit
from streams.core.metrics.repurchase import REPURCHASE_30D, REPURCHASE_60D, REPURCHASE_90D
from streams.core.metrics.resolution import (
    FIRST_RESOLUTION_P50,
    FIRST_RESOLUTION_P90,
    FULL_RESOLUTION_P50,
    REOPEN_RATE,
    RESOLUTION_P50,
    RESOLUTION_P90,
    TICKETS_REOPENED,
    TIME_TO_FIRST_RESOLUTION_P50,
    TIME_TO_FIRST_RESOLUTION_P90,
    TIME_TO_RESOLUTION_P50,
    TIME_TO_RESOLUTION_P90,
)
from streams.core.metrics.response_time import (
    BOT_RESPONSE_P50,
    FIRST_RESPONSE_N,
    FIRST_RESPONSE_P50,
    FIRST_RESPONSE_P90,
    FIRST_RESPONSE_P99,
    FIRST_RESPONSE_WITHIN,
    NEXT_RESPONSE_P50,
    NEXT_RESPONSE_P90,
    NEXT_RESPONSE_P99,
    NEXT_RESPONSE_WITHIN,
    OPEN_WAITS_NOW,
    RESOLVED_UNANSWERED,
    TIME_TO_FIRST_RESPONSE_P50,
    TIME_TO_FIRST_RESPONSE_P90,
    TIME_TO_RESPONSE_P50,
    TIME_TO_RESPONSE_P90,
)
from streams.core.metrics.satisfaction import (
    CES,
    CSAT_MEAN,
    CSAT_MEAN_BY_CREATION,
    CSAT_MEAN_BY_RESOLUTION,
    CSAT_SHARE,
    CSAT_SHARE_BY_CREATION,
    CSAT_SHARE_BY_RESOLUTION,
    NPS,
    RESPONSE_RATE,
    SELF_RATING_SHARE,
)
from streams.core.metrics.trust import NEGATIVE_DURATIONS

__all__ = ["METRICS", "Credit", "Dimension", "Direction", "Kind", "Metric", "Observations", "Topic", "Unit"]

METRICS: Final[Mapping[str, Metric]] = {
    metric.name: metric
    for metric in (
        COMPLAINT_RATE,
        COMPLAINTS_PER_1000_ORDERS,
        COMPLAINTS_PER_1000_CUSTOMERS,
        CSAT_SHARE,
        CSAT_MEAN,
        CSAT_SHARE_BY_RESOLUTION,
        CSAT_MEAN_BY_RESOLUTION,
        CSAT_SHARE_BY_CREATION,
        CSAT_MEAN_BY_CREATION,
        RESPONSE_RATE,
        SELF_RATING_SHARE,
        NPS,
        CES,
        TIME_TO_FIRST_RESPONSE_P50,
        TIME_TO_FIRST_RESPONSE_P90,
        FIRST_RESPONSE_P50,
        FIRST_RESPONSE_P90,
        FIRST_RESPONSE_P99,
        FIRST_RESPONSE_BUSINESS_P50,
        FIRST_RESPONSE_BUSINESS_P90,
        FIRST_RESPONSE_WITHIN,
        FIRST_RESPONSE_BUSINESS_WITHIN,
        FIRST_RESPONSE_IN_TARGET,
        FIRST_RESPONSE_N,
        RESOLVED_UNANSWERED,
        BOT_RESPONSE_P50,
        TIME_TO_RESPONSE_P50,
        TIME_TO_RESPONSE_P90,
        NEXT_RESPONSE_P50,
        NEXT_RESPONSE_P90,
        NEXT_RESPONSE_P99,
        NEXT_RESPONSE_BUSINESS_P50,
        NEXT_RESPONSE_BUSINESS_P90,
        NEXT_RESPONSE_WITHIN,
        NEXT_RESPONSE_BUSINESS_WITHIN,
        RESPONSE_IN_TARGET,
        OPEN_WAITS_NOW,
        TIME_TO_RESOLUTION_P50,
        TIME_TO_RESOLUTION_P90,
        RESOLUTION_P50,
        RESOLUTION_P90,
        RESOLUTION_IN_TARGET,
        RESOLUTION_BUSINESS_P50,
        RESOLUTION_BUSINESS_P90,
        TIME_TO_FIRST_RESOLUTION_P50,
        TIME_TO_FIRST_RESOLUTION_P90,
        FIRST_RESOLUTION_P50,
        FIRST_RESOLUTION_P90,
        FIRST_RESOLUTION_BUSINESS_P50,
        FIRST_RESOLUTION_BUSINESS_P90,
        FULL_RESOLUTION_P50,
        FULL_RESOLUTION_BUSINESS_P50,
        REOPEN_RATE,
        TICKETS_REOPENED,
        FIRST_CONTACT_RESOLUTION,
        ONE_TOUCH_SHARE,
        REPLIES_PER_RESOLUTION,
        TICKETS_TRANSFERRED,
        REPURCHASE_30D,
        REPURCHASE_60D,
        REPURCHASE_90D,
        TICKETS_CREATED,
        INQUIRY_SHARE,
        BACKLOG,
        NEGATIVE_DURATIONS,
        REASSIGNED_AFTER_BAD_RATING,
    )
}
"""Every metric by its name, in the order in which reports show them."""
