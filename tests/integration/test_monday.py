"""A Monday on which a cable is dug through, told event by event: each number is the one that was worked out by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

import pytest

from schemas import events as e
from schemas.codec import Event
from schemas.rows import SignalRow
from streams.core.ask.question import Question
from streams.core.metrics import METRICS
from streams.core.window import DAY_MS, HOUR_MS, Window
from streams.sinks.figures import answer
from tests.dashboards.alerting import firing
from tests.histories import event
from tests.integration.conftest import Servers
from tests.integration.desk import Desk, ms

pytestmark = pytest.mark.integration

MONDAY: Final = datetime(2026, 3, 2, tzinfo=UTC)
LINE: Final = "LINE-4"
CUSTOMERS: Final = ["Ida", "Ben", "Cem", "Dora", "Eva", "Fay"]


def moment(clock: str) -> datetime:
    hours, minutes = map(int, clock.split(":"))
    return MONDAY + timedelta(hours=hours, minutes=minutes)


def at(clock: str) -> int:
    return ms(moment(clock))


class Story:
    """Events in the order in which they are told, each by its clock on that Monday."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def say(self, clock: str, content: e.Data, subject: str) -> None:
        self.events.append(event(content, at(clock), f"m{len(self.events)}", subject=subject))

    def calls(self, clock: str, ticket_id: str, customer: str, line: str | None = LINE) -> None:
        created = e.TicketCreated(
            ticket_id=ticket_id, channel="phone", created_by=e.Party.CUSTOMER, customer_id=customer, asset_id=line,
            team="lines", product_line="broadband", reason="no-signal" if line else "question",
        )  # fmt: skip
        self.say(clock, created, ticket_id)

    def told(self, clock: str, ticket_id: str) -> None:
        answer = e.MessageSent(
            ticket_id=ticket_id, message_id=f"m{clock}", direction=e.Direction.OUT, visibility=e.Visibility.PUBLIC,
            sender_type=e.Party.AGENT, sender_id="anna",
        )  # fmt: skip
        self.say(clock, answer, ticket_id)

    def promised(self, clock: str, ticket_id: str, kind: e.PromiseKind, due: str) -> None:
        made = e.PromiseMade(ticket_id=ticket_id, promise_id=f"p{ticket_id}", kind=kind, due_at=moment(due))
        self.say(clock, made, ticket_id)

    def kept(self, clock: str, ticket_id: str) -> None:
        self.say(clock, e.PromiseKept(ticket_id=ticket_id, promise_id=f"p{ticket_id}"), ticket_id)

    def until(self, clock: str) -> list[Event]:
        return [one for one in self.events if one.at_ms <= at(clock)]


def the_monday() -> Story:
    story = Story()
    story.calls("09:04", "T1", "Ida")
    story.calls("09:09", "T2", "Ben")
    story.calls("09:15", "T3", "Cem")
    story.calls("09:22", "T4", "Dora")
    declared = e.FaultDeclared(fault_id="F", asset_id=LINE, cause="cable dug through", eta_at=moment("11:00"))
    story.say("09:30", declared, "F")
    story.told("09:40", "T1")
    story.promised("09:40", "T1", e.PromiseKind.REPAIR, "11:00")
    story.told("09:40", "T2")
    story.promised("09:41", "T2", e.PromiseKind.CALL_BACK, "10:00")
    story.kept("09:58", "T2")
    story.told("10:10", "T3")
    story.promised("10:10", "T3", e.PromiseKind.REPAIR, "12:00")
    story.calls("10:15", "T6", "Fay", None)
    story.told("10:20", "T6")
    story.say("10:21", e.TicketLinked(ticket_id="T6", fault_id="F"), "T6")
    story.say("10:50", e.FaultUpdated(fault_id="F", eta_at=moment("15:00")), "F")
    story.say("11:30", e.PromiseMoved(ticket_id="T3", promise_id="pT3", due_at=moment("16:00")), "T3")
    story.say("15:23", e.FaultFixed(fault_id="F"), "F")
    story.kept("15:30", "T3")
    story.calls("15:41", "T5", "Eva")
    story.told("15:50", "T5")
    story.say("16:00", e.FaultUpdated(fault_id="F", eta_at=moment("19:00")), "F")
    story.say("18:40", e.FaultFixed(fault_id="F"), "F")
    story.kept("18:45", "T1")
    for number in range(1, 7):
        story.say("18:50", e.TicketResolved(ticket_id=f"T{number}"), f"T{number}")
    return story


def quiet_weeks() -> list[Event]:
    """Return ten weeks of calls about fifty lines, each of which fails somebody every other week."""
    random, told = Random(4), []
    for number in range(250):
        day = random.choice([day for day in range(70) if day % 7 < 5])
        when = ms(MONDAY) - 70 * DAY_MS + day * DAY_MS + random.randrange(8 * HOUR_MS, 18 * HOUR_MS)
        created = e.TicketCreated(
            ticket_id=f"Q{number}", channel="phone", created_by=e.Party.CUSTOMER, customer_id=f"q{number}",
            asset_id=f"LINE-{number % 50}", team="lines", product_line="broadband", reason="no-signal",
        )  # fmt: skip
        told.append(event(created, when, f"q{number}", subject=f"Q{number}"))
        told.append(event(e.TicketResolved(ticket_id=f"Q{number}"), when + HOUR_MS, f"r{number}", subject=f"Q{number}"))
    return told


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(servers, tmp_path)
    made.tell(quiet_weeks(), ms(MONDAY))
    yield made
    made.remove()


def suspicions(desk: Desk) -> list[SignalRow]:
    return [row for row in desk.signals() if row.kind == "fault_suspected"]


def test_the_fault_is_suspected_at_the_third_customer_and_each_number_is_that_of_the_story(desk: Desk) -> None:
    story = the_monday()
    desk.tell(story.until("09:09"), at("09:10"))
    look = desk.watch(at("09:10"))
    assert suspicions(desk) == []

    desk.tell(story.until("09:15")[2:], at("09:16"))
    desk.watch(at("09:16"), look=look)
    (signal,) = suspicions(desk)
    assert (signal.segment_kind, signal.segment, signal.state, signal.n) == ("asset", LINE, "open", 3)
    assert (signal.since_at, signal.opened_at) == (at("09:04"), at("09:15"))
    assert (signal.told["customers"], signal.told["tickets"]) == ("Ida, Ben, Cem", "T1, T2, T3")
    (alert,) = firing(desk.client, "fault-suspected", at("09:16"))
    assert (alert["team"], alert["segment"], alert["customers"]) == ("lines", LINE, "Ida, Ben, Cem")

    desk.tell(story.events[3:], at("19:00"))
    desk.watch(at("19:00"), look=look)
    (over,) = suspicions(desk)
    assert (over.signal_id, over.state, over.told) == (signal.signal_id, "resolved", signal.told)
    assert over.resolved_at == at("11:22"), "two hours after the last time at which three came within half an hour"
    assert firing(desk.client, "fault-suspected", at("19:00")) == []

    asked = [METRICS[name] for name in HAND]
    figures = answer(desk.client, Question(metrics=asked, windows=[Window(at("00:00"), at("24:00"))]), Window(0, 2**41))
    assert {name: (figure.n, figure.value) for (name, _, _), figure in figures.items()} == HAND


HAND: Final = {
    "faults": (1, 1.0),
    "fault_suspected_p50": (1, 11 * 60.0),  # 09:04 to 09:15
    "fault_declared_p50": (1, 26 * 60.0),  # 09:04 to 09:30
    "fault_customers_told": (6, 5 / 6),  # Dora was told nothing
    "fault_told_p50": (6, 10 * 60.0),  # after 5, 9, 10, 10, 40 minutes, and one never: half of them after 10
    "false_fix_rate": (2, 0.5),  # Eva called after 15:23; nobody did after 18:40
    "fault_eta_error_p50": (1, (7 * 60 + 40) * 60.0),  # 11:00 was named first, 18:40 it was
    "fault_eta_slips": (1, 2.0),  # to 15:00, to 19:00
    "fault_tickets": (6, 6.0),
    "fault_tickets_linked": (1, 1.0),  # Fay had named no line
    "promises_kept": (3, 2 / 3),  # Ben's call, and Cem's repair that was moved in time; Ida's was due at 11:00
    "promises_moved": (3, 1 / 3),
    "promise_lateness_p50": (1, (7 * 60 + 45) * 60.0),  # Ida's line worked again at 18:45
    "promises": (3, 3.0),
}
