"""Complaint rate: how many of the tickets are complaints."""

from typing import Final

from msgspec.structs import replace

from streams.core.metrics.metric import Direction, Kind, Metric, Topic, Unit
from streams.core.metrics.observation import CONTACTS_AND_ORDERS, TICKETS

COMPLAINT_RATE: Final = Metric(
    name="complaint_rate",
    title="Complaint rate",
    topic=Topic.COMPLAINTS,
    unit=Unit.SHARE,
    direction=Direction.DOWN,
    kind=Kind.SHARE,
    observations=TICKETS,
    numerator="tickets whose latest classification is complaint",
    denominator="tickets created in the window",
    hit="contact_type = 'complaint'",
    about="Spam, tests, deleted tickets and those merged into another count on neither side. A ticket that is "
    "classified anew moves the rate of the window in which it was created, not of the one in which that was decided.",
)

COMPLAINTS_PER_1000_ORDERS: Final = Metric(
    name="complaints_per_1000_orders",
    title="Complaints per 1,000 orders",
    topic=Topic.COMPLAINTS,
    unit=Unit.PER_1000,
    direction=Direction.DOWN,
    kind=Kind.RATE,
    observations=CONTACTS_AND_ORDERS,
    numerator="tickets created in the window whose latest classification is complaint, times 1,000",
    denominator="orders placed in the window",
    counted="order_id != ''",
    hit="contact_type = 'complaint'",
    once_per="(customer_id, shop, order_id)",
    is_main=False,
    about="The rate of complaints falls when more people ask harmless questions; this does not. Replacements and "
    "exchanges are no orders here; orders that were cancelled later are. Orders know no team, only a product line.",
)

COMPLAINTS_PER_1000_CUSTOMERS: Final = replace(
    COMPLAINTS_PER_1000_ORDERS,
    name="complaints_per_1000_customers",
    title="Complaints per 1,000 customers",
    denominator="customers who placed an order or opened a ticket in the window",
    counted="customer_id != ''",
    once_per="customer_id",
    about="A customer counts once, however many tickets and orders. Tickets of unknown customers can be complaints, "
    "but add no customer.",
)
