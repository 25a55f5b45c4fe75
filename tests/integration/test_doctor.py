"""`doctor` on a simulated month: nothing disagrees, until one thing of each kind is planted."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from clickhouse_connect.driver.client import Client
from typer.testing import CliRunner, Result

from schemas import events as e
from schemas.codec import Event, decode, encode
from schemas.rows import DeadLetterRow
from streams.cli.doctor import doctor
from streams.core.doctor import CHECKS
from streams.core.ticket.batch import event_row
from streams.core.ticket.measures import row_of
from streams.core.window import DAY_MS, HOUR_MS
from streams.settings import Settings
from streams.simulation import DESK_SOURCE, SHOP_SOURCE
from streams.simulation import events as simulated
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.connection import connect
from tests.databases import given_back, lent
from tests.histories import event, settled
from tests.integration.conftest import Servers

pytestmark = pytest.mark.integration

END: Final = datetime(2026, 4, 2, 9, tzinfo=UTC)
END_MS: Final = int(END.timestamp() * 1000)
START: Final = END - timedelta(days=31)
LATE_MS: Final = 4_000
AHEAD_MS: Final = -90_000

app = typer.Typer()
app.command()(doctor)


class Desk:
    """A database, and `doctor` run on it."""

    def __init__(self, settings: Settings) -> None:
        self.client: Client = connect(settings)
        self._store = ClickHouseStore(self.client)
        self._environment = {
            "SERVICEPULSE_CLICKHOUSE": settings.clickhouse,
            "SERVICEPULSE_DATABASE": settings.database,
            "SERVICEPULSE_FOLDER": str(settings.folder),
        }

    def store(self, events: Sequence[Event], late_ms: int = LATE_MS) -> None:
        self._store.insert([event_row(one, one.at_ms + late_ms) for one in events])
        tickets = settled([one for one in events if one.ticket_id is not None]).values()
        self._store.insert([row_of(ticket, END_MS) for ticket in tickets])

    def refuse(self, reason: str, value: dict[str, Any]) -> None:
        said = json.dumps(value).encode()
        letter = DeadLetterRow(
            id=f"letter-{reason}", reason=reason, pointer="/id", message="not understood", topic="tickets", partition=0,
            offset=1, recorded_at=END_MS, key=b"k", value=said, headers_name=[], headers_value=[], received_at=END_MS,
        )  # fmt: skip
        self._store.insert([letter])

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments], env=self._environment)

    def findings(self, *arguments: str) -> dict[str, dict[str, Any]]:
        lines = [json.loads(line) for line in self.run("--json", *arguments).stdout.splitlines()]
        return {line["check"]: line for line in lines}


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    settings = Settings(clickhouse=servers.clickhouse, database=lent(servers.clickhouse), folder=tmp_path)
    client = connect(settings)
    yield Desk(settings)
    given_back(client)


def month() -> list[Event]:
    return [
        decode(
            encode(
                one.data, source=one.source, id=one.id, time=one.at, name=one.name, subject=one.subject,
                subjectseq=one.sequence,
            ),
            now_ms=END_MS + DAY_MS,
        )
        for one in simulated(7, START, END, 40)
    ]  # fmt: skip


def told(
    id: str, *said: tuple[float, e.Data] | tuple[float, e.Data, str], ago_hours: float = 48, numbered: bool = True
) -> list[Event]:
    """Return the events of a ticket that began so long before the end, with hours since then, and who says so."""
    began_at = END_MS - int(ago_hours * HOUR_MS)
    return [
        event(
            content, began_at + int(hours * HOUR_MS), f"{id}-{n}", n if numbered else None,
            subject=_subject(content, id), source=source[0] if source else DESK_SOURCE,
        )
        for n, (hours, content, *source) in enumerate(said)
    ]  # fmt: skip


def _subject(content: e.Data, id: str) -> str:
    return content.customer_id if isinstance(content, e.OrderData) else id


def opened(id: str, **said: Any) -> e.TicketCreated:
    usual = {"channel": "email", "created_by": e.Party.CUSTOMER, "customer_id": "C"}
    return e.TicketCreated(ticket_id=id, **(usual | said))


def answered(id: str, sender: str | None = "anke") -> e.MessageSent:
    return e.MessageSent(
        ticket_id=id, message_id="m", direction=e.Direction.OUT, visibility=e.Visibility.PUBLIC,
        sender_type=e.Party.AGENT, sender_id=sender,
    )  # fmt: skip


def rated(id: str, survey: str | None = None, scale: float = 5, kind: e.SurveyKind | None = None) -> e.RatingSubmitted:
    return e.RatingSubmitted(
        ticket_id=id, rating_id="r", raw=1, scale_min=1, scale_max=scale, source=e.RatingSource.CUSTOMER,
        survey_id=survey, kind=kind,
    )  # fmt: skip


def ordered(customer: str, order: str) -> e.OrderPlaced:
    return e.OrderPlaced(order_id=order, customer_id=customer, amount=100, currency="EUR")


def planted() -> list[Event]:
    """Return one disagreement of each kind that events alone can show, but for a clock that is ahead."""
    resolved = [(id, e.TicketResolved(ticket_id=id)) for id in ("P1", "P3", "P4", "P7")]
    done = dict(resolved)
    kiosk = [(f"K{n}", opened(f"K{n}", channel="kiosk", customer_id=None)) for n in range(20)]
    return [
        *told(
            "P1", (0, opened("P1", customer_id="c0@example.com", after_sales=True)), (1, done["P1"]),
            (30, ordered("C0@EXAMPLE.COM ", "o1"), SHOP_SOURCE),
        ),
        *told("P2", (-1, answered("P2")), (0, opened("P2"))),
        *told("P3", (0, opened("P3")), (1, answered("P3")), (1, done["P3"]), numbered=False),
        *told("P4", (0, opened("P4")), (1, done["P4"]), (2, rated("P4", survey="nobody's"))),
        *told("P5", (0, opened("P5")), (2, e.SurveyOffered(ticket_id="P5", survey_id="s")), (3, rated("P5"))),
        *told("P6", (0, opened("P6")), (3, rated("P6", scale=7))),
        *told("P12", (0, opened("P12")), (3, rated("P12", scale=10, kind=e.SurveyKind.NPS), "urn:tool")),
        *told("P7", (0, opened("P7", team="Delivery ")), (1, done["P7"])),
        *told("P8", (0, opened("P8")), ago_hours=24 * 100),
        *told("P9", (0, opened("P9"), "urn:old-desk"), ago_hours=24 * 20),
        *told("P10", (0, opened("P10")), (5, opened("P10"), "urn:other-desk")),
        *told(
            "P11", (0, ordered("C-77", "#1001"), SHOP_SOURCE),
            (1, e.OrderCancelled(order_id="#1001", customer_id="C-77"), "urn:erp"),
        ),
        *(one for id, opening in kiosk for one in told(id, (0, opening), (1, answered(id, None), "urn:bridge"))),
    ]  # fmt: skip


def test_of_a_simulated_month_nothing_disagrees_until_it_is_planted(desk: Desk) -> None:
    assert "No events yet" in desk.run().output
    usual = month()
    desk.store(usual)
    before = desk.run()
    assert (before.exit_code, "nothing disagrees" in before.output) == (0, True), before.output

    desk.store(planted())
    fast = [event(e.ProducerHeartbeat(), END_MS - n, f"f{n}", source="urn:fast", subject="urn:fast") for n in range(5)]
    desk.store(fast, AHEAD_MS)
    desk.refuse("identity-reused", {"id": "e1", "source": "urn:crm", "data": {"ticket_id": "T1"}})
    desk.refuse("bad-value", {"id": "e2", "source": "urn:crm"})

    found = desk.findings()
    assert sorted(found) == sorted(check.name for check in CHECKS)
    assert {name: line["n"] for name, line in found.items() if line["n"] != 1} == {
        "clock-ahead": 5, "customer-missing": 20, "agent-missing": 20,
    }  # fmt: skip
    told_of = {name: (line["what"], line["costs"]) for name, line in found.items()}
    assert "1 order of 1 customer" in told_of["customer-spelling"][1]
    assert told_of["clock-ahead"][0] == "urn:fast"
    assert "90 s ahead" in told_of["clock-ahead"][1]
    assert told_of["team-names"][0] == "Delivery "
    assert told_of["source-ended"][0] == "urn:old-desk"
    assert told_of["ticket-of-two-sources"][0] == f"{DESK_SOURCE}, urn:other-desk"
    assert told_of["change-by-another-source"][0] == "order.cancelled of urn:erp"
    assert told_of["rating-scale"][1].startswith("1 rating on 1 to 7 with a mean of 0 of 100")
    assert found["same-instant"]["examples"] == ["P3"]
    assert found["before-creation"]["examples"] == ["P2"]
    assert found["never-resolved"]["examples"] == ["P8"]

    shown = desk.run("team-names")
    assert shown.exit_code == 1
    assert "teams with nearly equal names: Delivery  (team-names, n = 1)" in shown.output
    assert "costs: 1 ticket of 'Delivery ' missing from 'delivery'" in shown.output
    assert desk.findings("--since", "2026-04-01", "customer-missing", "never-resolved").keys() == {"never-resolved"}
    assert "did you mean team-names" in desk.run("team-name").output
