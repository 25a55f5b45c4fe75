"""The web shop beside the desk: who ordered lately, and orders that come, are called off and follow a solved case."""

from collections import deque
from dataclasses import dataclass
from random import Random

from schemas.events import OrderCancelled, OrderKind, OrderPlaced
from streams.simulation import world
from streams.simulation.chance import around, happens
from streams.simulation.desk import hours
from streams.simulation.rhythm import DAY, Rhythm
from streams.simulation.timeline import Subject, Tale, Timeline


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody with an order."""

    id: str
    order_id: str
    product_line: str
    region: str
    language: str


class Shop:
    """All orders of one simulated world."""

    def __init__(self, rng: Random, timeline: Timeline, rhythm: Rhythm, prefix: str) -> None:
        self._rng = rng
        self._timeline = timeline
        self._rhythm = rhythm
        self._prefix = prefix
        self._customers = 0
        self._orders = 0
        self._recent: deque[Customer] = deque(maxlen=world.REMEMBERED_CUSTOMERS)

    def a_customer(self) -> Customer | None:
        """Return somebody who ordered lately; None while nobody has."""
        return self._rng.choice(self._recent) if self._recent else None

    def a_stranger(self) -> str:
        """Return the id of a customer nobody has heard of."""
        self._customers += 1
        return f"{self._prefix}C{self._customers:06d}"

    def sell(self, at: int) -> None:
        """Let somebody order, for the first time or again."""
        rng = self._rng
        known = None if happens(rng, world.NEW_CUSTOMER_SHARE) else self._one_of_many()
        customer = Customer(
            id=known.id if known else self.a_stranger(),
            order_id=self._an_order_id(),
            product_line=world.PRODUCT_LINES.draw(rng),
            region=known.region if known else world.REGIONS.draw(rng),
            language=known.language if known else world.LANGUAGES.draw(rng),
        )
        sender = None if known else self._sender(customer.order_id)
        self._recent.append(customer)
        self._timeline.start(
            *self._order(at, customer.id, customer.order_id, customer.product_line, OrderKind.NORMAL, sender)
        )

    def _sender(self, order_id: str) -> str | None:
        """Return who sent a new customer, drawn by itself, so that all else stays as it is."""
        rng = Random(f"referral/{order_id}")
        is_sent = self._recent and happens(rng, world.REFERRED_SHARE)
        return self._recent[rng.randrange(len(self._recent))].id if is_sent else None

    def _one_of_many(self) -> Customer | None:
        """Return one of all who ordered lately; None for those who did so before the shop's first day.

        Nobody orders more often because the shop is young and remembers few: repurchase is the same from then on.
        """
        place = self._rng.randrange(world.REMEMBERED_CUSTOMERS)
        return self._recent[place] if place < len(self._recent) else None

    def follow_up(self, at: int, customer_id: str, product_line: str, strategy: world.Strategy) -> None:
        """Let the customer of a solved case get a replacement, order again, or neither."""
        rng = self._rng
        if happens(rng, strategy.replacement):
            kind = OrderKind.REPLACEMENT if happens(rng, 0.8) else OrderKind.EXCHANGE
            sent_at = self._rhythm.worked(at + hours(rng, world.REPLACED_AFTER_MEDIAN_HOURS), 0)
            self._timeline.start(*self._order(sent_at, customer_id, self._an_order_id(), product_line, kind))
        if happens(rng, strategy.repurchase):
            again_at = at + int(rng.expovariate(1 / world.REPURCHASE_MEAN_DAYS) * DAY)
            wanted = world.PRODUCT_LINES.draw(rng)
            self._timeline.start(*self._order(again_at, customer_id, self._an_order_id(), wanted, OrderKind.NORMAL))

    def _an_order_id(self) -> str:
        self._orders += 1
        return f"{self._prefix}O{self._orders:06d}"

    def _order(
        self, at: int, customer_id: str, order_id: str, product_line: str, kind: OrderKind, sender: str | None = None
    ) -> tuple[Tale, Subject]:
        # The shop numbers nothing: several orders of one customer come in the order of their time.
        subject = Subject(world.SHOP_SOURCE, customer_id, order_id, counts=False)
        return self._tale(at, customer_id, order_id, product_line, kind, sender), subject

    def _tale(
        self, at: int, customer_id: str, order_id: str, product_line: str, kind: OrderKind, sender: str | None
    ) -> Tale:
        is_free = kind is OrderKind.REPLACEMENT
        amount = 0 if is_free else _price(self._rng, product_line)
        yield (
            at,
            OrderPlaced(
                order_id=order_id,
                customer_id=customer_id,
                amount=amount,
                currency=world.CURRENCY,
                kind=kind,
                product_line=product_line,
                margin=int(amount * world.MARGIN_SHARE),
                referred_by=sender,
            ),
        )
        if kind is OrderKind.NORMAL and happens(self._rng, world.CANCELLED_SHARE):
            cancelled_at = at + hours(self._rng, world.CANCEL_MEDIAN_HOURS)
            yield cancelled_at, OrderCancelled(order_id=order_id, customer_id=customer_id)


def _price(rng: Random, product_line: str) -> int:
    """Return a price in cents that ends in 90, as prices of furniture do."""
    amount = int(around(rng, world.MEDIAN_PRICES[product_line], world.PRICE_SPREAD))
    return amount // 1_000 * 1_000 + 990
