"""Door, pull and outbox on Apache Kafka: it is killed while events come in, and nothing that was accepted is lost."""

import http.client
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple

import pytest

from tests.doors import SECRET, as_json
from tests.integration.test_receive import BATCH, queue_of, start_door, story
from tests.kafka.broker import Kafka
from tests.outbox import AT, code_of, recipe_of
from tests.process import Process
from tests.servers import Servers
from tests.space import Space, free_port, new_space, wait_until
from tests.unit.test_pull import ENVIRONMENT, SINCE_MS, undisturbed, zendesk
from tests.vendors import standing

pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.chaos]

TICKETS: Final = 400
IMPATIENT_SECONDS: Final = 3.0


_RELAYING: Final = """
import sys
with Publisher(sys.argv[2], topic_prefix=sys.argv[3], patience_seconds=3) as publisher:
    database = sqlite3.connect(sys.argv[1], timeout=60)
    relay(database, publisher)
    sys.stdin.readline()
    relay(database, publisher)
"""
"""What a service runs, with a pause in which Kafka may go."""


class Answered(NamedTuple):
    """What a client heard."""

    status: int
    retry_after: str | None
    taken: int


@pytest.fixture
def own_space(own_kafka: Kafka, servers: Servers, tmp_path: Path) -> Iterator[Space]:
    """Return a space on it."""
    folder = tmp_path / "space"
    folder.mkdir()
    with new_space(own_kafka.plain, servers.clickhouse, folder) as space:
        yield space


def _deliver(port: int, waiting: SimpleQueue[list[dict[str, Any]]], heard: list[Answered]) -> None:
    """Deliver what waits, each until it is accepted; note each answer."""
    headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": BATCH}
    with suppress(Empty):
        while True:
            events = waiting.get_nowait()
            while not heard or heard[-1].status != 202 or heard[-1].taken != id(events):
                with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
                    connection.request("POST", "/v1/events", as_json(events), headers)
                    answer = connection.getresponse()
                    answer.read()
                heard.append(Answered(answer.status, answer.headers["Retry-After"], id(events)))


def test_while_kafka_is_gone_the_door_says_when_to_come_again_and_what_it_accepted_is_there(
    own_kafka: Kafka, own_space: Space
) -> None:
    deliveries = story(TICKETS)
    own_space.started_worker()
    port = free_port()
    door = start_door(own_space, port)
    waiting, heard = queue_of(deliveries), [list[Answered]() for _ in range(4)]
    clients = [threading.Thread(target=_deliver, args=(port, waiting, one)) for one in heard]
    for client in clients:
        client.start()
    wait_until(lambda: waiting.qsize() < 3 * TICKETS / 4, "a quarter is accepted")
    own_kafka.kill()
    wait_until(lambda: all(any(answer.status == 503 for answer in one) for one in heard), "each client heard of it")
    own_kafka.start()
    for client in clients:
        client.join(300)
    assert waiting.empty()
    answers = [answer for one in heard for answer in one]
    assert {answer.status for answer in answers} == {202, 503}
    assert {answer.retry_after for answer in answers if answer.status == 503} == {"5"}
    own_space.wait_for_events(sum(map(len, deliveries)))
    assert own_space.value("SELECT count() FROM dead_letters") == 0
    wait_until(lambda: door.health()["status"] == "ok", "the door is whole again")


def test_a_pull_that_kafka_leaves_goes_on_behind_its_last_page(own_kafka: Kafka, own_space: Space) -> None:
    own_space.started_worker()
    wanted = undisturbed(lambda: zendesk(page=1), "zendesk")
    kept = ("--checkpoint", str(own_space.folder / "zendesk.checkpoint"), "--patience", str(IMPATIENT_SECONDS))
    with standing(zendesk(page=1)) as stands:
        asked = ("pull", "zendesk", "--address", stands.address, "--since", "2025-01-01", *kept)
        stands.before = lambda number: own_kafka.kill() if number == 4 else None
        first = own_space.run(*asked, **ENVIRONMENT)
        assert first.returncode == 1, first.stderr
        assert b"to go on behind the last page" in first.stderr
        before, stands.before = len(stands.asked), lambda _: None
        own_kafka.start()
        second = own_space.run(*asked, **ENVIRONMENT)
        assert second.returncode == 0, second.stderr
        went_on = [int(one.one("start_time", "0")) for one in stands.asked[before:]]
    assert min(time for time in went_on if time) > SINCE_MS // 1000
    own_space.wait_for_events(len(wanted))
    assert {id for (id,) in own_space.query("SELECT id FROM events FINAL")} == wanted.keys()


def test_an_outbox_that_kafka_leaves_keeps_what_is_not_acknowledged(
    own_kafka: Kafka, own_space: Space, tmp_path: Path
) -> None:
    own_space.started_worker()
    site = tmp_path / "site"
    (recipe,) = recipe_of("outbox", site)
    (tmp_path / "relay.py").write_text(code_of("outbox") + _RELAYING)
    asked = ["relay.py", "desk.db", own_space.settings.kafka or "", own_space.settings.kafka_topic_prefix]
    with closing(sqlite3.connect(tmp_path / "desk.db")) as database:
        database.execute("CREATE TABLE tickets (id TEXT PRIMARY KEY)")
        database.execute(recipe["TABLE"])

        def left() -> int:
            return int(database.execute("SELECT count(*) FROM outbox").fetchone()[0])

        recipe["create_ticket"](database, "T-first", AT)
        environment = {**os.environ, "PYTHONPATH": str(site)}
        with Process([sys.executable, *asked], cwd=tmp_path, env=environment, stdin=subprocess.PIPE) as relay:
            wait_until(lambda: left() == 0, "the first event is relayed")
            for number in range(50):
                recipe["create_ticket"](database, f"T-{number}", AT)
            own_kafka.kill()
            relay.communicate(b"\n", timeout=120)
            assert relay.returncode not in (0, None)
        assert left() == 50
        own_kafka.start()
        subprocess.run([sys.executable, *asked], cwd=tmp_path, env=environment, input=b"\n", timeout=120, check=True)
        assert left() == 0
    own_space.wait_for_events(51)
