"""The door beside a real broker, ClickHouse and worker: what was answered 202 counts, whatever dies meanwhile."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final
from urllib.parse import quote

import pytest

from streams.core.door.token import Token, digest_of
from streams.door.token_file import write_tokens
from tests.chaos.servers import servers_of
from tests.doors import SECRET, SOURCE, as_json, created
from tests.servers import Servers
from tests.space import Space, WorkerProcess, free_port, new_space, wait_until

pytestmark = pytest.mark.integration

MAPPING: Final = """
format = "json"
source = "urn:test:desk"
ticket = "{ticket.id}"
time = { from = "{at}" }
[[rule]]
name = "created"
event = "ticket.created"
id = "ticket-{ticket.id}-created"
when = { type = "new" }
data = { channel = "web", created_by = "customer" }
"""
Cable = Callable[[], object]
BATCH: Final = "application/cloudevents-batch+json"


class Client:
    """Sends as vendors do: again, until it is answered 202."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._headers = {"Authorization": f"Bearer {SECRET}"}

    def ask(self, method: str, path: str, body: bytes = b"", content_type: str = BATCH) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, path, body, {**self._headers, "Content-Type": content_type})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def deliver(self, events: Sequence[object], seconds: float = 120) -> int:
        """Send until it is accepted, and return how often."""
        end = time.monotonic() + seconds
        for times in count(1):
            with suppress(OSError, http.client.HTTPException):
                status, said = self.ask("POST", "/v1/events", as_json(events))
                if status == 202:
                    return times
                assert status in {429, 503}, said
            assert time.monotonic() < end, "never accepted"
            time.sleep(0.05)
        raise AssertionError("counting ends by an answer")

    def deliver_all(self, waiting: SimpleQueue[list[dict[str, Any]]]) -> None:
        """Deliver what waits, until nothing does."""
        with suppress(Empty):
            while True:
                self.deliver(waiting.get_nowait())

    def fate(self, id: str) -> dict[str, Any]:
        """Return what became of an event."""
        status, said = self.ask("GET", f"/v1/events/{quote(SOURCE, safe='')}/{id}")
        assert status == 200, said
        return dict(json.loads(said))


def queue_of(deliveries: Sequence[list[dict[str, Any]]]) -> SimpleQueue[list[dict[str, Any]]]:
    """Return a queue of deliveries."""
    waiting: SimpleQueue[list[dict[str, Any]]] = SimpleQueue()
    for delivery in deliveries:
        waiting.put(delivery)
    return waiting


def start_door(space: Space, port: int) -> WorkerProcess:
    """Start a door and return once it takes events."""
    tokens = space.folder / "tokens.toml"
    write_tokens(tokens, [Token("desk", SOURCE, digest_of(SECRET))])
    (space.folder / "hooks.toml").write_text('[desk]\nmapping = "map.toml"\nsecret = "k3y"\n')
    (space.folder / "map.toml").write_text(MAPPING)
    hooks = {"receive_tokens_file": tokens, "receive_hooks_file": space.folder / "hooks.toml"}
    door = space.start_worker("streams.cli", "receive", receive_port=port, **hooks)
    wait_until(lambda: door.is_ready() or door.process.poll() is not None, "the door is open")
    assert door.process.poll() is None, door.log[-2000:]
    return door


def story(tickets: int) -> list[list[dict[str, Any]]]:
    """Return deliveries, each of a ticket's beginning and its end; one order among them."""
    deliveries = []
    for number in range(tickets):
        end = created(number) | {"id": f"solved-{number}", "time": "2026-03-02T12:00:00+01:00"}
        end |= {"type": "io.servicepulse.ticket.resolved.v1", "data": {"ticket_id": f"T-{number}"}}
        deliveries.append([created(number), end])
    data = {"order_id": "1", "customer_id": "C", "amount": 1, "currency": "EUR"}
    deliveries[0].append(created("order") | {"type": "io.servicepulse.order.placed.v1", "data": data})
    return deliveries


def test_an_event_is_taken_stored_and_told_of(space: Space) -> None:
    space.started_worker()
    port = free_port()
    door = start_door(space, port)
    client = Client(port)
    status, said = client.ask("POST", "/v1/events", as_json(created(1)), "application/cloudevents+json")
    assert (status, json.loads(said)) == (202, {"accepted": 1})
    space.wait_for_events(1)
    assert client.fate("created-1")["stored"]["subject"] == "T-1"
    again = created(1) | {"data": created(2)["data"] | {"ticket_id": "T-1", "channel": "email"}}
    client.deliver([again])
    wait_until(lambda: "dead_letters" in client.fate("created-1"), "the other one is a dead letter")
    assert client.fate("created-1")["dead_letters"][0]["reason"] == "identity-reused"
    assert client.fate("nothing") == {"state": "unseen"}
    _keep_and_replay(space, client)
    assert door.meter("servicepulse_door_accepted_total") == 3
    assert SECRET not in door.log
    assert "T-1" not in door.log
    assert door.stop() == 0


def _keep_and_replay(space: Space, client: Client) -> None:
    """A delivery that no rule reads is a dead letter, and an event once its hook's mapping reads it."""
    body = as_json({"type": "old", "at": "2026-03-02T09:00:00Z", "ticket": {"id": 7}})
    status, said = client.ask("POST", "/v1/hooks/desk?key=k3y", body)
    assert (status, json.loads(said)) == (202, {"accepted": 0, "kept": True})
    wait_until(lambda: space.value("SELECT count() FROM dead_letters WHERE reason = 'not-mapped'") == 1, "it is kept")
    replay = ("dead-letters", "replay", "--all", "--reason", "not-mapped")
    (space.folder / "map.toml").write_text(MAPPING.replace('"new"', '["new", "old"]'))
    environment = {"SERVICEPULSE_RECEIVE_HOOKS_FILE": str(space.folder / "hooks.toml")}
    done = space.run(*replay, **environment)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: space.value("SELECT count() FROM events WHERE id = 'ticket-7-created'") == 1, "it is stored")
    taken = {"accepted": 1, "kept": False}
    again = "the door reads it by the new mapping as well"
    wait_until(lambda: json.loads(client.ask("POST", "/v1/hooks/desk?key=k3y", body)[1]) == taken, again)


@pytest.fixture
def rough(servers: Servers, tmp_path: Path) -> Iterator[tuple[Space, Cable]]:
    """Return a space whose broker hangs on a cable, and what pulls it for a moment."""
    folder = tmp_path / "rough"
    folder.mkdir()
    with servers_of("embedded", servers.clickhouse, folder) as wired:
        assert wired.broker.wire is not None
        cut = wired.broker.wire.cut
        with new_space(wired.broker.address, servers.clickhouse, folder) as space:
            yield space, lambda: wired.run(cut)


@pytest.mark.parametrize("tickets", [300, pytest.param(20_000, marks=pytest.mark.lengthy)])
def test_what_was_accepted_counts_though_doors_and_workers_are_killed_and_cut_off(
    space: Space, rough: tuple[Space, Cable], tickets: int
) -> None:
    deliveries = story(tickets)
    space.started_worker()
    space.publish([as_json(event) for delivery in deliveries for event in delivery])
    rough_space, pull_cable = rough
    worker = rough_space.started_worker()
    port = free_port()
    door = start_door(rough_space, port)
    waiting = queue_of(deliveries)
    clients = [threading.Thread(target=Client(port).deliver_all, args=[waiting]) for _ in range(4)]
    for client in clients:
        client.start()
    for part in (5, 4, 3, 2, 1):
        wait_until(lambda part=part: waiting.qsize() < tickets * part / 6, f"{6 - part} of 6 are accepted", 600)  # type: ignore[misc]
        if part % 2:
            door.kill()
            door = start_door(rough_space, port)
        else:
            pull_cable()
        if part == 3:
            worker.kill()
            rough_space.started_worker()
    for client in clients:
        client.join(600)
    assert waiting.empty()
    count = sum(map(len, deliveries))
    space.wait_for_events(count)
    rough_space.wait_for_events(count)
    assert rough_space.checksum() == space.checksum()
