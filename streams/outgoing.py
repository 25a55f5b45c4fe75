"""Records on their way to Kafka, and the refusal of those that are too large."""

from collections.abc import Sequence

from msgspec import Struct


class Outgoing(Struct, frozen=True):
    """A record to publish.

    Attributes:
        shortest: What to publish instead when the broker refuses it for its size.
    """

    topic: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    shortest: "Outgoing | None" = None


class RecordRefusedError(Exception):
    """A broker takes no records of this size. Trying again gives the same; all others of the call were published.

    Attributes:
        records: Those that it refused.
    """

    def __init__(self, records: Sequence[Outgoing]) -> None:
        super().__init__(
            "the broker refuses records for their size, raise max.message.bytes of the topic to 1 MiB: "
            + ", ".join(f"{len(record.value):,} bytes for {record.topic}" for record in records)
        )
        self.records = records
