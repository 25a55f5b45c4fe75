"""After-sales repurchase: how many customers order again after a case was solved."""

from typing import Final

from streams.core.metrics.metric import Direction, Kind, Metric, Topic, Unit
from streams.core.metrics.observation import AFTER_SALES_CASES


def _repurchase(days: int) -> Metric:
    return Metric(
        name=f"repurchase_{days}d",
        title=f"Repurchase, {days} days",
        topic=Topic.AFTER_SALES,
        unit=Unit.SHARE,
        direction=Direction.UP,
        kind=Kind.SHARE,
        observations=AFTER_SALES_CASES,
        numerator=f"of them those who placed an order within {days} days after the resolution",
        denominator="customers with an after-sales case that was resolved for the first time in the window",
        hit=f"arrayExists(placed_at -> placed_at > at AND placed_at <= at + toIntervalDay({days}), ordered_at)",
        once_per="customer_id",
        matures_days=days,
        about="Cancelled orders, replacements and exchanges are no repurchase, nor is the order that the case is "
        "about: its `order_id`, whenever that order was placed. A customer counts once, however many "
        f"cases and orders. The last cases of a window have {days} days left to be followed by an order: until "
        "they are over the share goes on rising, and is compared with nothing.",
    )


REPURCHASE_30D: Final = _repurchase(30)
REPURCHASE_60D: Final = _repurchase(60)
REPURCHASE_90D: Final = _repurchase(90)
