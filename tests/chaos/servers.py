"""The brokers and the engine of a run, each behind a wire."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from deploy.embedded.probe import HOST, free_port, is_broker_healthy
from tests.chaos.loop import LoopThread
from tests.chaos.proxy import StoreWire, Wire
from tests.kafka.broker import Kafka
from tests.servers import stack_of_its_own
from tests.space import ROOT, wait_until


class Broker(Protocol):
    """A broker that can be ended and started again."""

    address: str
    wire: Wire | None
    """What stands before it; None where nothing can: it sends its clients to an address of its own."""
    is_durable: bool
    """It comes back with what it knew."""

    def kill(self) -> None:
        """End it as a power cut would."""

    def start(self) -> None:
        """Start it again, and return once it answers."""


class EmbeddedBroker:
    """The broker of the embedded stack behind a wire. Its log is in memory: it is never ended."""

    is_durable = False

    def __init__(self, wire: Wire, log_path: Path) -> None:
        self.wire: Wire | None = wire
        self.address = f"{HOST}:{wire.port}"
        command = [sys.executable, "-m", "deploy.embedded.broker", "--port", str(wire.target)]
        command += ["--advertised-port", str(wire.port), "--owner-pid", str(os.getpid())]
        with log_path.open("ab") as lines:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=lines, stderr=lines)
        pid = self._process.pid
        wait_until(lambda: is_broker_healthy(wire.target, pid), "the broker answers")

    def kill(self) -> None:
        self._process.terminate()
        self._process.wait()

    def start(self) -> None:
        raise AssertionError("it would have forgotten everything")


class RealBroker:
    """Apache Kafka behind a wire."""

    is_durable = True

    def __init__(self, wire: Wire, folder: Path) -> None:
        self.wire: Wire | None = wire
        self.address = f"{HOST}:{wire.port}"
        self._kafka = Kafka(folder, properties={"advertised.listeners": f"PLAIN://{self.address}"})
        wire.target = self._kafka.nodes[0].ports["PLAIN"]
        self._kafka.start()

    def kill(self) -> None:
        self._kafka.kill()

    def start(self) -> None:
        self._kafka.start()


class GivenBroker:
    """Brokers of somebody else, which are left alone."""

    is_durable = False

    def __init__(self, address: str) -> None:
        self.wire: Wire | None = None
        self.address = address

    def kill(self) -> None:
        raise AssertionError("it is not ours")

    def start(self) -> None:
        raise AssertionError("it is not ours")


class Servers:
    """Addresses of a run, and the wires before them."""

    def __init__(self, broker: Broker, store: StoreWire, loop: LoopThread) -> None:
        self.broker = broker
        self.store = store
        self.run = loop.call

    @property
    def clickhouse(self) -> str:
        """Where workers find ClickHouse."""
        return f"http://{HOST}:{self.store.port}"


@contextmanager
def servers_of(kafka: str, clickhouse: str | None, folder: Path) -> Iterator[Servers]:
    """Start what a run needs.

    Args:
        kafka: `embedded`, `apache`, or the addresses of brokers that are there.
        clickhouse: The URL of one that is there; None starts the embedded engine.
        folder: Of this run alone.
    """
    with ExitStack() as ends:
        loop = ends.enter_context(LoopThread())
        if clickhouse is None:
            stack = stack_of_its_own(folder / "stack")
            ends.callback(stack.down)
            clickhouse = stack.up(["clickhouse"], attached=True)[0].address or ""
        store = StoreWire(clickhouse)
        loop.run(store.start())
        ends.callback(lambda: loop.run(store.stop()))
        yield Servers(_broker(kafka, folder, loop, ends), store, loop)


def _broker(kafka: str, folder: Path, loop: LoopThread, ends: ExitStack) -> Broker:
    if kafka not in ("embedded", "apache"):
        return GivenBroker(kafka)
    wire = Wire(free_port(0))
    loop.run(wire.start())
    ends.callback(lambda: loop.run(wire.stop()))
    broker: EmbeddedBroker | RealBroker = (
        EmbeddedBroker(wire, folder / "broker.log") if kafka == "embedded" else RealBroker(wire, folder / "kafka")
    )
    ends.callback(broker.kill)
    return broker
