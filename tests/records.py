"""Kafka records as the intake hands them over, made by hand."""

from collections.abc import Sequence

from msgspec import Struct


class ReceivedRecord(Struct, frozen=True):
    """A record with everything that a batch reads of it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


def record_of(value: bytes | None, offset: int = 0, *, key: bytes | None = None) -> ReceivedRecord:
    """Return a record that carries some bytes."""
    return ReceivedRecord("tickets", 0, offset, 0, key, value)
