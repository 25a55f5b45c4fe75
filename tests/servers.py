"""The servers of the integration tests: those that are given, and embedded ones for those that are not."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from deploy.embedded.probe import free_port
from deploy.embedded.stack import SERVICES, Stack
from deploy.embedded.state import Remembered, StateFile

PORTS = range(20_000, 30_000)
"""Where no service has its usual port, and no outgoing connection gets one by itself."""


class Servers(NamedTuple):
    """Addresses of a broker and of ClickHouse."""

    kafka: str
    clickhouse: str


def stack_of_its_own(folder: Path) -> Stack:
    """Return a stack whose ports are free and nobody else's, so that others may be up and down beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for service in SERVICES:
        StateFile(folder).write(service, Remembered(free_port(random.choice(PORTS))))
    return Stack(folder)


@contextmanager
def servers_beside(kafka: str | None, clickhouse: str | None, folder: Path) -> Iterator[Servers]:
    """Return the servers that are given, with the embedded ones beside them where there is none."""
    missing = [name for name, given in (("broker", kafka), ("clickhouse", clickhouse)) if not given]
    if not missing:
        yield Servers(kafka or "", clickhouse or "")
        return
    stack = stack_of_its_own(folder)
    started = {service.name: service.address or "" for service in stack.up(missing, attached=True)}
    try:
        yield Servers(kafka or started["broker"], clickhouse or started["clickhouse"])
    finally:
        stack.down(missing)
