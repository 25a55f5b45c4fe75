"""What is true about a contact from its first moment, whether or not the desk knows it yet."""

from dataclasses import dataclass

from schemas.events import ContactType
from streams.simulation.timeline import Subject
from streams.simulation.world import IMMEDIATE, Reason


@dataclass(frozen=True, slots=True, eq=False)
class Contact:
    """Somebody gets in touch.

    Attributes:
        ticket: The ticket that it becomes.
        at: When, in milliseconds since 1970.
        team: Who ought to answer.
        is_faulty: It falls into the week in which the carrier lost parts, and concerns it.
    """

    ticket: Subject
    at: int
    channel: str
    team: str
    reason: Reason
    contact_type: ContactType
    priority: str
    product_line: str
    region: str
    language: str
    customer_id: str | None
    order_id: str | None
    is_faulty: bool

    @property
    def is_immediate(self) -> bool:
        """Whether customer and agent talk until it is done."""
        return self.channel in IMMEDIATE

    @property
    def is_case(self) -> bool:
        """Whether something has to be put right, not only answered."""
        return self.contact_type in (ContactType.HELP_REQUEST, ContactType.COMPLAINT)
