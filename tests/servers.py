"""The servers of the integration tests: those that are given, and embedded ones for those that are not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from deploy.embedded.stack import Stack


class Servers(NamedTuple):
    """Addresses of a broker and of ClickHouse."""

    kafka: str
    clickhouse: str


@contextmanager
def servers_beside(kafka: str | None, clickhouse: str | None, folder: Path) -> Iterator[Servers]:
    """Return the servers that are given, with the embedded ones beside them where there is none."""
    missing = [name for name, given in (("broker", kafka), ("clickhouse", clickhouse)) if not given]
    if not missing:
        yield Servers(kafka or "", clickhouse or "")
        return
    stack = Stack(folder)
    started = {service.name: service.address or "" for service in stack.up(missing, attached=True)}
    try:
        yield Servers(kafka or started["broker"], clickhouse or started["clickhouse"])
    finally:
        stack.down(missing)
