"""`publish` and `import` tell at their end what the workers made of what was sent."""

import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas import events as e
from schemas.codec import encode
from tests.space import Space

pytestmark = pytest.mark.integration

MAPPING = """
source = "urn:test:sheet"
ticket = "{Ticket}"
time = { from = "{When}", zone = "UTC" }
[[rule]]
name = "created"
event = "ticket.created"
data = { channel = "mail", created_by = "customer" }
"""
SHEET = "Ticket,When\nT1,2026-03-02\nT2,2026-03-02\n"


def line(content: e.Data, id: str, subject: str) -> bytes:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    name = e.NAME_OF[type(content)]
    return encode(content, source="urn:test:desk", id=id, time=at, name=name, subject=subject)


def opened(number: int, channel: str = "email") -> bytes:
    said = e.TicketCreated(ticket_id=f"P{number}", channel=channel, created_by=e.Party.CUSTOMER)
    return line(said, f"p{number}", said.ticket_id)


def ordered(number: int) -> bytes:
    said = e.OrderPlaced(order_id=f"o{number}", customer_id="C", amount=1, currency="EUR")
    return line(said, f"o{number}", "C")


def published(space: Space, folder: Path, *events: bytes, settle: str) -> tuple[int, str]:
    """Publish events and return the exit code and what was said."""
    file = folder / "events.jsonl"
    file.write_bytes(b"\n".join(events))
    done = space.run("publish", str(file), "--settle", settle)
    return done.returncode, done.stderr.decode()


def test_what_the_workers_made_of_events_is_told_and_decides_the_exit_code(space: Space, tmp_path: Path) -> None:
    def publish(*events: bytes, settle: str = "60") -> tuple[int, str]:
        return published(space, tmp_path, *events, settle=settle)

    some = [*map(opened, range(5)), *map(ordered, range(3))]
    code, told = publish(*some[:2])
    assert (code, "not checked" in told, "no worker reads" in told) == (0, True, True), told

    space.started_worker()
    space.wait_for_events(2)
    code, told = publish(*some, some[0])
    assert (code, "Of 9 events: 6 stored, 3 known before." in told) == (0, True), told
    code, told = publish(*some[2:])
    assert (code, "Of 6 events: 0 stored, 6 known before." in told) == (0, True), told

    code, told = publish(opened(0, "phone"), opened(7), ordered(9))
    assert (code, "Of 3 events: 2 stored, 0 known before, 1 dead letter." in told) == (3, True), told
    assert "1 identity-reused: servicepulse dead-letters list --reason identity-reused" in told
    code, told = publish(opened(8), settle="0")
    assert (code, "Of " in told) == (0, False), told

    (tmp_path / "map.toml").write_text(MAPPING)
    (tmp_path / "sheet.csv").write_text(SHEET)
    done = space.run("import", str(tmp_path / "sheet.csv"), "--mapping", str(tmp_path / "map.toml"))
    assert (done.returncode, b"Of 2 events: 2 stored, 0 known before." in done.stderr) == (0, True), done.stderr
    space.wait_for_events(13)


def test_what_is_unread_when_the_time_is_up_is_told(space: Space, tmp_path: Path) -> None:
    worker = space.started_worker()
    worker.process.send_signal(signal.SIGSTOP)  # it holds its place in the group, and reads nothing
    try:
        code, told = published(space, tmp_path, opened(1), settle="1")
    finally:
        worker.process.send_signal(signal.SIGCONT)
    assert (code, "1 still unread after 1 s (--settle)" in told) == (4, True), told
    space.wait_for_events(1)
