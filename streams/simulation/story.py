"""The life of one ticket: who says and does what, in which order, and how long it takes."""

from collections.abc import Generator
from typing import TypeAlias, TypeVar

from msgspec import UNSET

from schemas.events import (
    Classifier,
    CompensationGranted,
    ContactType,
    Data,
    Direction,
    EventRetracted,
    MessageSent,
    Party,
    Status,
    TicketAssigned,
    TicketClassified,
    TicketClosed,
    TicketCreated,
    TicketDeleted,
    TicketEscalated,
    TicketMarkedSpam,
    TicketMerged,
    TicketReopened,
    TicketResolved,
    TicketStatusChanged,
    TicketUnmarkedSpam,
    Visibility,
)
from streams.simulation import world
from streams.simulation.chance import around, happens
from streams.simulation.contact import Contact
from streams.simulation.cost import start_costs
from streams.simulation.desk import Agent, Desk, hours, seconds
from streams.simulation.handling import start_outcome, start_view
from streams.simulation.mood import Experience, comes_back, is_satisfied
from streams.simulation.promise import start_promise
from streams.simulation.rhythm import HOUR, SECOND
from streams.simulation.shop import Shop
from streams.simulation.survey import other_survey, self_rating, survey
from streams.simulation.timeline import Moment, Subject, Tale
from streams.simulation.world import CHANNELS

T = TypeVar("T")
Part: TypeAlias = Generator[Moment, None, T]
"""A piece of a tale that ends with a result."""


def deletion(desk: Desk, contact: Contact) -> Tale:
    """Tell of a deletion that comes between, whatever else is going on; a mistaken one is taken back."""
    ticket, rng = contact.ticket, desk.rng
    deleted_at = desk.rhythm.worked(contact.at, hours(rng, 20))
    yield deleted_at, TicketDeleted(ticket_id=ticket.key, by="data-protection")
    ticket.is_over = True
    if happens(rng, world.DELETED_BY_MISTAKE_SHARE):
        yield deleted_at + seconds(rng, 900), retraction(ticket, "deleted-by-mistake")


def retraction(ticket: Subject, reason: str) -> EventRetracted:
    """Return the retraction of a ticket's latest event."""
    return EventRetracted(target_source=ticket.source, target_id=ticket.last_id, reason=reason)


class Story:
    """One ticket and everybody who works on it."""

    def __init__(self, desk: Desk, shop: Shop, contact: Contact) -> None:
        self._desk = desk
        self._shop = shop
        self._contact = contact
        self._ticket = contact.ticket
        self._id = contact.ticket.key
        self._rng = desk.rng
        self._now = contact.at
        self._messages = 0
        self._visits = 0
        self._crew = desk.crew(contact.team)
        self._agent = self._crew.an_agent(self._rng)
        self._is_taken = False
        self._contact_type = contact.contact_type
        self._classified_as: ContactType | None = None
        self._strategy = self._choose_strategy()
        self._is_escalated = False
        self._is_routed_at_once = happens(self._rng, world.ROUTED_AT_ONCE_SHARE)
        self._slowness = 0.0

    # The ways a ticket can go ----------------------------------------------------------------------------------------

    def handled(self) -> Tale:
        """Tell of a contact that somebody takes care of."""
        yield from self._arrive()
        yield from self._classify()
        yield from self._route()
        if self._contact.channel == "chat" and (yield from self._bot_solves()):
            return
        for cycle in range(1, world.MOST_CYCLES + 1):
            yield from self._work()
            experience = yield from self._resolve(cycle)
            if cycle == world.MOST_CYCLES or not comes_back(self._rng, experience):
                break
            yield from self._come_back()
        yield from self._close()

    def opened_by_agent(self) -> Tale:
        """Tell of an agent who gets in touch first."""
        yield from self._wait_for_opening()
        yield self._created(by=Party.AGENT, contact_type=self._contact_type)
        self._is_taken = True
        self._classified_as = self._contact_type
        yield self._says(seconds(self._rng, 60), Party.AGENT)
        if happens(self._rng, 0.5):
            yield from self._customer_answers()
            yield from self._answer(is_first=False)
        yield from self._resolve(1)
        yield from self._close()

    def neglected(self) -> Tale:
        """Tell of a contact that nobody ever answers."""
        yield from self._arrive()
        yield from self._classify()
        yield from self._route()

    def spam(self) -> Tale:
        """Tell of what the filter takes for spam; now and then it errs."""
        yield from self._arrive()
        yield self._after(seconds(self._rng, 4), TicketMarkedSpam(ticket_id=self._id, by="filter"))
        if not happens(self._rng, world.SPAM_ERROR_SHARE):
            return
        found_at = self._desk.rhythm.worked(self._now, hours(self._rng, 5))
        yield self._at(found_at, TicketUnmarkedSpam(ticket_id=self._id, by=self._agent.id))
        yield from self._classify()
        yield from self._route()
        yield from self._work()
        yield from self._resolve(1)
        yield from self._close()

    def duplicate_of(self, first: Contact) -> Tale:
        """Tell of somebody who waits and gets in touch once more."""
        yield from self._arrive()
        yield from self._route()
        yield self._at(self._desk.rhythm.worked(self._now, hours(self._rng, 0.7)), None)
        if first.ticket.is_over:
            yield from self._work()
            yield from self._resolve(1)
            return
        yield self._after(0, TicketMerged(ticket_id=self._id, into_ticket_id=first.ticket.key))
        self._ticket.is_over = True

    def test(self) -> Tale:
        """Tell of somebody of the desk who tries out a form."""
        yield from self._wait_for_opening()
        yield self._created(by=Party.AGENT, contact_type=ContactType.OTHER, is_test=True)
        yield self._says(seconds(self._rng, 30), Party.AGENT)
        yield self._after(seconds(self._rng, 300), TicketResolved(ticket_id=self._id, outcome="test"))

    # Parts, in the order in which they come --------------------------------------------------------------------------

    def _wait_for_opening(self) -> Tale:
        yield self._at(self._desk.rhythm.worked(self._now, 0), None)

    def _arrive(self) -> Tale:
        by_form = self._contact.channel in ("self-service", "reception")
        if by_form:
            self._classified_as = self._contact_type
        self._is_taken = self._opener() is Party.AGENT
        yield self._created(by=self._opener(), contact_type=self._contact_type if by_form else None)
        yield self._says(SECOND, Party.CUSTOMER)

    def _classify(self) -> Tale:
        """Let the model read what was written; a call is classified by whoever takes it."""
        if self._classified_as or self._contact.channel == "phone":
            return
        errs = happens(self._rng, world.MODEL_ERROR_SHARE)
        other_tone = "asking" if self._contact.reason.tone == "needing" else "needing"
        guess = world.CONTACT_TYPES[other_tone].draw(self._rng) if errs else self._contact_type
        confidence = round(self._rng.uniform(0.4, 0.8) if errs else self._rng.uniform(0.7, 0.99), 2)
        yield self._after(seconds(self._rng, 3), self._classification(guess, Classifier.MODEL, confidence))

    def _bot_solves(self) -> Part[bool]:
        if not happens(self._rng, world.BOT_GREETS_SHARE):
            return False
        yield self._says(seconds(self._rng, 2, 0.3), Party.BOT, template_id="greeting")
        if self._contact_type is not ContactType.INQUIRY or not happens(self._rng, world.BOT_SOLVES_SHARE):
            return False
        yield from self._customer_answers()
        yield self._says(seconds(self._rng, 2, 0.3), Party.BOT, template_id=self._contact.reason.name)
        resolution = TicketResolved(ticket_id=self._id, outcome="answered-by-bot", cycle=1)
        yield self._after(seconds(self._rng, 120), resolution)
        self._ask_for_rating(1, Experience(self._contact, None, None, self._contact_type, 0.0, 1))
        yield from self._close()
        return True

    def _route(self) -> Tale:
        if self._is_routed_at_once or self._is_taken:
            return
        yield self._after(seconds(self._rng, 8), self._assignment(team=self._crew.name, cause="routing"))

    def _work(self) -> Tale:
        """Answer until nothing is open any more."""
        yield from self._leave_wrong_team()
        yield from self._answer(is_first=True)
        yield from self._correct_classification()
        if self._is_complaint and happens(self._rng, world.ESCALATED_SHARE):
            yield from self._escalate()
        kind = "case" if self._contact.is_case else "inquiry"
        while happens(self._rng, world.ANOTHER_ROUND_SHARE[kind]):
            yield from self._wait_for_customer()
            yield from self._answer(is_first=False)
        yield from self._grow_angry()

    def _leave_wrong_team(self) -> Tale:
        if self._is_taken or not happens(self._rng, world.WRONG_TEAM_SHARE):
            return
        # It was sent to the right team at first sight only; whoever opens it knows better.
        wrong, right = self._crew, self._desk.another_crew(self._crew)
        with wrong.queue(self._contact):
            opened_at = self._desk.reply(self._contact, self._now, wrong, self._agent, is_first=True).at
            yield self._at(opened_at, self._assignment(team=right.name, cause="wrong-team"))
        self._crew, self._agent = right, right.an_agent(self._rng)

    def _answer(self, *, is_first: bool) -> Tale:
        reply = self._desk.reply(self._contact, self._now, self._crew, self._agent, is_first=is_first)
        self._slowness = max(self._slowness, reply.slowness)
        if is_first:
            start_view(self._desk, self._contact, reply.at, self._agent)
        with self._crew.queue(self._contact):
            yield from self._take(reply.at)
            if happens(self._rng, world.NOTE_SHARE):
                yield self._at(self._between(reply.at), self._message(Party.AGENT, Visibility.PRIVATE))
            yield self._at(reply.at, self._message(Party.AGENT, template_id=self._template()))
        if is_first:
            self._visits += 1
            start_promise(self._desk, self._contact, reply.at, self._agent, self._strategy, self._visits)
        if happens(self._rng, world.POSTED_BY_MISTAKE_SHARE):
            yield self._says(2 * SECOND, Party.AGENT)
            yield self._after(seconds(self._rng, 60), retraction(self._ticket, "sent-twice"))

    def _take(self, reply_at: int) -> Tale:
        """Let somebody take the ticket shortly before answering: an agent new to it, or a colleague who steps in."""
        if not self._is_taken:
            self._is_taken = True
            yield self._at(self._between(reply_at), self._assignment(agent=self._agent))
        elif not self._contact.is_immediate and happens(self._rng, world.COLLEAGUE_TAKES_OVER_SHARE):
            self._agent = self._rng.choice(self._crew.agents)
            yield self._at(self._between(reply_at), self._assignment(agent=self._agent, cause="absence"))

    def _correct_classification(self) -> Tale:
        if self._classified_as is not self._contact_type:
            yield self._after(seconds(self._rng, 20), self._classification(self._contact_type, Classifier.AGENT))

    def _escalate(self) -> Tale:
        self._is_escalated = True
        self._strategy = world.SOLVE
        level = TicketEscalated(ticket_id=self._id, level="supervisor", reason="complaint")
        yield self._after(seconds(self._rng, 300), level)
        self._agent = self._crew.best
        yield self._after(seconds(self._rng, 60), self._assignment(agent=self._agent, cause="escalation"))
        yield from self._answer(is_first=False)

    def _wait_for_customer(self) -> Tale:
        if self._contact.is_immediate:
            yield from self._customer_answers()
        elif self._contact.reason.after_sales and happens(self._rng, world.ON_HOLD_SHARE):
            yield from self._hold()
        else:
            if happens(self._rng, world.STATUS_SHARE):
                yield self._status(Status.PENDING_CUSTOMER)
            yield from self._customer_answers()

    def _hold(self) -> Tale:
        """Wait for a third party; the next answer brings its news."""
        yield self._status(Status.ON_HOLD, reason="waiting-for-supplier")
        yield self._at(self._desk.rhythm.worked(self._now, hours(self._rng, 6)), None)
        yield self._status(Status.OPEN)

    def _customer_answers(self) -> Tale:
        yield self._says(seconds(self._rng, self._way.customer_seconds, world.CUSTOMER_SPREAD), Party.CUSTOMER)

    def _grow_angry(self) -> Tale:
        """Let a customer complain about how a request for help was handled."""
        if self._contact_type is not ContactType.HELP_REQUEST or self._strategy is None:
            return
        if happens(self._rng, world.STRATEGIES[self._strategy].turns_to_complaint):
            yield from self._customer_answers()
            self._contact_type = ContactType.COMPLAINT
            yield from self._answer(is_first=False)
            yield from self._correct_classification()

    def _resolve(self, cycle: int) -> Part[Experience]:
        yield from self._compensate(cycle)
        yield self._after(seconds(self._rng, 45), self._resolution(cycle))
        if self._strategy:
            start_outcome(self._desk, self._contact, self._now, self._strategy, cycle)
        experience = Experience(
            self._contact, self._strategy, self._agent, self._contact_type, self._slowness, cycle
        )  # fmt: skip
        self._ask_for_rating(cycle, experience)
        if self._strategy and self._contact.reason.after_sales and self._contact.customer_id:
            way = world.STRATEGIES[self._strategy]
            self._shop.follow_up(self._now, self._contact.customer_id, self._contact.product_line, way)
        if happens(self._rng, world.SELF_RATED_SHARE):
            yield self._after(seconds(self._rng, 30), self_rating(self._rng, self._id, cycle))
        return experience

    def _compensate(self, cycle: int) -> Tale:
        if self._strategy is None:
            return
        if not happens(self._rng, world.STRATEGIES[self._strategy].compensated):
            start_costs(self._desk, self._contact, self._now, self._agent, self._strategy, cycle, None, 0)
            return
        authority = "supervisor" if self._is_escalated else "agent"
        cap = world.CAPS[authority]
        wish = int(around(self._rng, world.COMPENSATION_MEDIAN, world.COMPENSATION_SPREAD)) // 100 * 100
        compensation = CompensationGranted(
            ticket_id=self._id,
            compensation_id=f"{self._id}-P{cycle}",
            kind=world.COMPENSATIONS.draw(self._rng),
            amount=min(wish, cap),
            currency=world.CURRENCY,
            strategy=self._strategy,
            authority=authority,
            cap=cap,
        )
        start_costs(self._desk, self._contact, self._now, self._agent, self._strategy, cycle, compensation, wish)
        yield self._after(seconds(self._rng, 30), compensation)

    def _ask_for_rating(self, cycle: int, experience: Experience) -> None:
        if happens(self._rng, world.OFFERED_SHARE):
            is_good = is_satisfied(self._rng, experience)
            self._desk.timeline.start(survey(self._rng, self._contact, self._now, cycle, is_good=is_good), self._ticket)
            self._desk.timeline.start(other_survey(self._contact, self._now, cycle, is_good=is_good), self._ticket)

    def _come_back(self) -> Tale:
        yield self._says(hours(self._rng, 16), Party.CUSTOMER)
        reopening = TicketReopened(ticket_id=self._id, by=Party.CUSTOMER, reason="not-solved")
        yield self._after(SECOND, reopening)

    def _close(self) -> Tale:
        if happens(self._rng, world.CLOSED_SHARE):
            closing = TicketClosed(ticket_id=self._id, by=Party.SYSTEM, reason="silence")
            yield self._after(world.CLOSED_AFTER_HOURS * HOUR, closing)

    # Single events ---------------------------------------------------------------------------------------------------

    def _at(self, at: int, event: Data | None) -> Moment:
        self._now = max(at, self._now)
        return self._now, event

    def _after(self, duration: int, event: Data | None) -> Moment:
        return self._at(self._now + duration, event)

    def _says(self, after: int, sender: Party, template_id: str | None = None) -> Moment:
        return self._after(after, self._message(sender, template_id=template_id))

    def _created(self, *, by: Party, contact_type: ContactType | None, is_test: bool = False) -> Moment:
        contact = self._contact
        return self._after(
            0,
            TicketCreated(
                ticket_id=self._id,
                channel=contact.channel,
                created_by=by,
                customer_id=contact.customer_id,
                team=self._crew.name if self._is_routed_at_once or by is Party.AGENT else None,
                agent_id=self._agent.id if by is Party.AGENT else None,
                contact_type=contact_type,
                reason=contact.reason.name if contact_type else None,
                product_line=contact.product_line if contact_type else None,
                order_id=contact.order_id,
                priority=contact.priority,
                region=contact.region,
                language=contact.language,
                after_sales=contact.reason.after_sales,
                is_test=is_test,
            ),
        )

    def _message(
        self, sender: Party, visibility: Visibility = Visibility.PUBLIC, template_id: str | None = None
    ) -> MessageSent:
        self._messages += 1
        sender_ids = {Party.CUSTOMER: self._contact.customer_id, Party.AGENT: self._agent.id}
        return MessageSent(
            ticket_id=self._id,
            message_id=f"{self._id}-M{self._messages}",
            direction=Direction.IN if sender is Party.CUSTOMER else Direction.OUT,
            visibility=visibility,
            sender_type=sender,
            sender_id=sender_ids.get(sender),
            template_id=template_id,
        )

    def _classification(
        self, contact_type: ContactType, by: Classifier, confidence: float | None = None
    ) -> TicketClassified:
        self._classified_as = contact_type
        return TicketClassified(
            ticket_id=self._id,
            contact_type=contact_type,
            by=by,
            reason=self._contact.reason.name,
            product_line=self._contact.product_line,
            confidence=confidence,
        )

    def _assignment(
        self, *, team: str | None = None, agent: Agent | None = None, cause: str | None = None
    ) -> TicketAssigned:
        return TicketAssigned(
            ticket_id=self._id, team=team or UNSET, agent_id=agent.id if agent else UNSET, cause=cause
        )

    def _status(self, to: Status, reason: str | None = None) -> Moment:
        change = TicketStatusChanged(ticket_id=self._id, to=to, reason=reason)
        return self._after(seconds(self._rng, 5), change)

    def _resolution(self, cycle: int) -> TicketResolved:
        return TicketResolved(
            ticket_id=self._id,
            outcome="solved" if self._contact.is_case else "answered",
            strategy=self._strategy,
            after_sales=self._contact.reason.after_sales,
            agent_id=self._agent.id,
            cycle=cycle,
        )

    # What follows from what is known ---------------------------------------------------------------------------------

    @property
    def _way(self) -> world.Channel:
        return CHANNELS[self._contact.channel]

    @property
    def _is_complaint(self) -> bool:
        return self._contact_type is ContactType.COMPLAINT

    def _opener(self) -> Party:
        return {"phone": Party.SYSTEM, "reception": Party.AGENT}.get(self._contact.channel, Party.CUSTOMER)

    def _choose_strategy(self) -> str | None:
        if not self._contact.is_case:
            return None
        return world.SOLVE if happens(self._rng, self._agent.solves) else world.JUDGE

    def _template(self) -> str | None:
        is_canned = self._contact.reason.tone == "asking" and happens(self._rng, 0.4)
        return self._contact.reason.name if is_canned else None

    def _between(self, reply_at: int) -> int:
        """Return an instant shortly before an answer, never before now."""
        lead = min(seconds(self._rng, world.PICK_UP_SECONDS), (reply_at - self._now) // 2)
        return reply_at - lead
