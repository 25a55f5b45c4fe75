"""Customers bring customers: how many of the new ones were sent by somebody who had bought before."""

from typing import Final

from streams.core.metrics.metric import DAYS_ASKED, Dimension, Direction, Kind, Metric, Observations, Topic, Unit
from streams.core.metrics.observation import unknown_but

_PLACE: Final = "bitShiftLeft(toUInt128(toUnixTimestamp64Milli(at)), 64) + cityHash64(order_id, source, id)"
"""Which order came first; of several in one instant always the same. One number takes a third of what a tuple takes."""

FIRST_ORDERS: Final = Observations(
    name="first_orders",
    one="a customer's first order",
    clock="placed_at: when it was placed",
    columns={"at": "placed_at", "customer_id": "customer_id", "is_referred": "is_referred"},
    source=f"""
(
    SELECT
        toDate(placed_at) AS day,
        true AS is_effective,
        '' AS ticket_id,
        customer_id,
        min(at) AS placed_at,
        argMin(referred_by, {_PLACE}) NOT IN ('', customer_id) AS is_referred,
        argMin(orders.product_line, {_PLACE}) AS product_line,
        {unknown_but(Dimension.PRODUCT_LINE)}
    FROM orders WHERE customer_id IN (SELECT customer_id FROM order_days WHERE {DAYS_ASKED})
        AND name = 'order.placed' AND kind NOT IN ('replacement', 'exchange')
    GROUP BY customer_id
)""".strip(),  # noqa: S608 - words of ours
    dimensions=frozenset({Dimension.PRODUCT_LINE}),
)

REFERRED_SHARE: Final = Metric(
    name="referred_share",
    title="New customers sent by others",
    topic=Topic.WORTH,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=FIRST_ORDERS,
    numerator="of them those whose first order names another customer who sent them",
    denominator="customers who placed their first order in the window",
    hit="is_referred",
    is_main=False,
    about="By `referred_by` of `order.placed`. An order that was cancelled later is a first one as well: somebody "
    "came. Nobody sends themselves. Before the shop's orders are known, everybody looks new.",
)
