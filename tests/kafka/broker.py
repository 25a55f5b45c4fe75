"""Apache Kafka itself on loopback, to be started, stopped, killed and held by tests.

    kafka = Kafka(folder)                      # `nodes=3` for three brokers; topics are made by whoever needs them
    kafka.start()                              # kafka.plain, kafka.sasl, kafka.tls: addresses; kafka.ca_file: PEM
    kafka.nodes[0].kill(); kafka.start()       # start() starts what does not run, on the ports and data of before

Whoever comes over the plain listener may do everything. Who logs in over `sasl` (no encryption) or `tls` (SASL over
TLS) may do what ACLs grant, which are set over the plain one; `USERS` are known, by PLAIN and by SCRAM.
"""

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError as AioKafkaError
from aiokafka.protocol.metadata import MetadataRequest
from kafka.admin import KafkaAdminClient

from tests.kafka.artifact import jars, tool

HOST: Final = "127.0.0.1"
USERS: Final = {"pulse": "pulse-secret", "stranger": "stranger-secret"}
LISTENERS: Final = ("PLAIN", "SASL", "TLS", "CONTROLLER")
START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 60.0

_CLUSTER: Final = "c2VydmljZXB1bHNlLXRlc3Q"
_STORE_PASSWORD: Final = "of a test"
_KERNEL_SIGNAL_WITH_PARENT: Final = 1
_JVM: Final = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_LOG: Final = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)


class Node:
    """One broker, which is also a controller."""

    def __init__(self, number: int, folder: Path, ports: Mapping[str, int]) -> None:
        self.number = number
        self.folder = folder
        self.ports = dict(ports)
        self.log_path = folder / "broker.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process lives; it may not answer yet."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process and return at once; one that runs is left alone."""
        if self.is_running:
            return
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()
        with self.log_path.open("ab") as lines:
            self.process = subprocess.Popen(
                _java("kafka.Kafka", str(self.folder / "server.properties")),
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )

    def stop(self) -> None:
        """Have it hand over what it leads and end."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def hold(self) -> None:
        """Let it stand still until `go_on`, its connections open."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again after `hold`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def address(self, listener: str) -> str:
        """Return `host:port` of a listener."""
        return f"{HOST}:{self.ports[listener]}"

    def _format(self) -> None:
        scram = [
            part
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for name, password in USERS.items()
            for part in ("--add-scram", f"{mechanism}=[name={name},password={password}]")
        ]
        settings = str(self.folder / "server.properties")
        command = _java("kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", settings, *scram)
        with self.log_path.open("ab") as lines:
            subprocess.run(command, stdout=lines, stderr=lines, check=True, timeout=START_SECONDS)


class Kafka:
    """A cluster of one broker or several, in a folder."""

    def __init__(self, folder: Path, *, nodes: int = 1, properties: Mapping[str, str] | None = None) -> None:
        """Choose the ports and write the configuration; nothing runs yet.

        Args:
            folder: Of this cluster alone.
            nodes: How many brokers.
            properties: Further lines of `server.properties`, or others instead of ours.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self.ca_file = self.folder / "ca.pem"
        ports = iter(_free_ports(nodes * len(LISTENERS)))
        self.nodes = [
            Node(number, self.folder / f"node-{number}", {listener: next(ports) for listener in LISTENERS})
            for number in range(1, nodes + 1)
        ]
        self._make_certificate()
        for node in self.nodes:
            node.folder.mkdir(exist_ok=True)
            lines = self._properties(node) | dict(properties or {})
            text = "".join(f"{name}={value}\n" for name, value in lines.items())
            (node.folder / "server.properties").write_text(text)

    @property
    def plain(self) -> str:
        """Addresses without login, where everything is allowed."""
        return self._addresses("PLAIN")

    @property
    def sasl(self) -> str:
        """Addresses with login, unencrypted."""
        return self._addresses("SASL")

    @property
    def tls(self) -> str:
        """Addresses with login over TLS."""
        return self._addresses("TLS")

    def start(self) -> None:
        """Start what does not run, and return once the cluster answers.

        Raises:
            AssertionError: When it does not in time; with the end of a log.
        """
        for node in self.nodes:
            node.start()
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            ended = [node for node in self.nodes if not node.is_running]
            if ended or time.monotonic() > end:
                told = (ended or self.nodes)[0].log_path.read_text(errors="replace")[-3000:]
                raise AssertionError(f"Kafka does not start; its log ends:\n{told}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End all brokers, those that started last first."""
        for node in reversed(self.nodes):
            node.stop()

    def kill(self) -> None:
        """End all brokers without notice."""
        for node in self.nodes:
            node.kill()

    def admin(self) -> KafkaAdminClient:
        """Return a client that may do everything."""
        return KafkaAdminClient(bootstrap_servers=self.plain.split(","))

    def tool(self, main: str, *arguments: str) -> str:
        """Run one of Kafka's own command line tools by its class and return what it prints."""
        done = subprocess.run(_java(main, *arguments), capture_output=True, timeout=START_SECONDS, check=True)
        return done.stdout.decode()

    def _addresses(self, listener: str) -> str:
        return ",".join(node.address(listener) for node in self.nodes)

    def _answers(self) -> bool:
        """Tell whether every broker takes connections and knows all others."""
        with suppress(OSError, AioKafkaError):
            return all(asyncio.run(_brokers_known(node.ports["PLAIN"])) == len(self.nodes) for node in self.nodes)
        return False

    def _properties(self, node: Node) -> dict[str, str]:
        mechanisms = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
        lines = {
            "process.roles": "broker,controller",
            "node.id": str(node.number),
            "controller.quorum.voters": ",".join(f"{node.number}@{node.address('CONTROLLER')}" for node in self.nodes),
            "listeners": ",".join(f"{name}://{node.address(name)}" for name in LISTENERS),
            "advertised.listeners": ",".join(f"{name}://{node.address(name)}" for name in LISTENERS[:-1]),
            "listener.security.protocol.map": ("PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SASL_SSL,CONTROLLER:PLAINTEXT"),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAIN",
            "sasl.enabled.mechanisms": mechanisms,
            "ssl.keystore.location": str(self.folder / "broker.p12"),
            "ssl.keystore.type": "PKCS12",
            "ssl.keystore.password": _STORE_PASSWORD,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "auto.create.topics.enable": "false",
            "log.dirs": str(node.folder / "data"),
            "offsets.topic.replication.factor": str(min(3, len(self.nodes))),
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": str(min(3, len(self.nodes))),
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "group.initial.rebalance.delay.ms": "0",
            "broker.session.timeout.ms": "3000",  # else one that was killed waits for its own to end when it comes back
            "broker.heartbeat.interval.ms": "500",
            "group.min.session.timeout.ms": "1000",
        }
        for listener in ("sasl", "tls"):
            for mechanism in mechanisms.lower().split(","):
                lines[f"listener.name.{listener}.{mechanism}.sasl.jaas.config"] = _login_module(mechanism)
        return lines

    def _make_certificate(self) -> None:
        store = self.folder / "broker.p12"
        if store.exists():
            return
        where = ["-keystore", str(store), "-storepass", _STORE_PASSWORD, "-alias", "broker"]
        made = ["-genkeypair", "-storetype", "PKCS12", "-keyalg", "EC", "-dname", "CN=localhost", "-validity", "30"]
        names = ["-ext", f"san=dns:localhost,ip:{HOST}", "-ext", "bc:c"]
        for arguments in ([*made, *names, *where], ["-exportcert", "-rfc", "-file", str(self.ca_file), *where]):
            subprocess.run([tool("keytool"), *arguments], check=True, capture_output=True, timeout=START_SECONDS)


async def _brokers_known(port: int) -> int:
    connection = await create_conn(HOST, port, request_timeout_ms=5_000)
    try:
        return len((await connection.send(MetadataRequest([]))).brokers)
    finally:
        connection.close()


def _login_module(mechanism: str) -> str:
    if mechanism != "plain":
        return "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    users = " ".join(f'user_{name}="{password}"' for name, password in USERS.items())
    return f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"


def _java(main: str, *arguments: str) -> list[str]:
    return [tool("java"), *_JVM, *_LOG, "-cp", f"{jars()}{os.sep}*", main, *arguments]


def _end_with_parent() -> None:
    """Let the kernel end the broker with the tests, even when those are killed with -9."""
    ctypes.CDLL(None).prctl(_KERNEL_SIGNAL_WITH_PARENT, signal.SIGKILL)


def _free_ports(count: int) -> Sequence[int]:
    probes = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
