"""A broker in memory: partitions, and a group whose members all stop reading whenever it is dealt anew."""

import asyncio
from collections.abc import Iterable

from kafka.partitioner.default import murmur2

from streams.ledger import Known
from streams.ports import Outgoing
from tests.records import ReceivedRecord

TOPIC = "tickets"


class Log:
    """The partitions of the topic `tickets`, and what went to other topics."""

    def __init__(self, partitions: int) -> None:
        self.partitions: list[list[ReceivedRecord]] = [[] for _ in range(partitions)]
        self.others: list[Outgoing] = []

    def append(self, key: bytes | None, value: bytes, *, partition: int | None = None) -> None:
        """Keep a record, in its key's partition unless another is given."""
        if partition is None:
            partition = (murmur2(key) & 0x7FFFFFFF) % len(self.partitions)
        records = self.partitions[partition]
        records.append(ReceivedRecord(TOPIC, partition, len(records), 0, key, value))

    def publish(self, records: Iterable[Outgoing]) -> None:
        """Keep records of workers."""
        for record in records:
            if record.topic == TOPIC:
                self.append(record.key, record.value)
            else:
                self.others.append(record)


class Group:
    """Who reads what, and how far that was done.

    A deal begins by everybody's leave and ends when everybody is back: until then a member that is held up holds all
    up, unless the broker takes it for dead.
    """

    def __init__(self, log: Log) -> None:
        self.log = log
        self.committed: dict[int, int] = {}
        self.members: set[int] = set()
        self.back: dict[int, asyncio.Future[set[int] | None]] = {}
        self.generation = 0
        self.is_dealing = False
        self._first = 0

    def known(self, partition: int) -> Known:
        """Return what the broker says of a partition."""
        return Known(self.committed.get(partition), 0, len(self.log.partitions[partition]))

    def commit(self, member: int, generation: int, offsets: dict[int, int]) -> bool:
        """Keep offsets, unless the member does not belong to the group as it stands."""
        if member not in self.members or generation != self.generation:
            return False
        self.committed.update(offsets)
        return True

    def join(self, member: int) -> None:
        """Let a member in; the group is dealt anew."""
        self.members.add(member)
        self.is_dealing = True

    def leave(self, member: int) -> None:
        """Let a member go, by its will or because it is taken for dead; the group is dealt anew."""
        self.members.discard(member)
        part = self.back.pop(member, None)
        if part and not part.done():
            part.set_result(None)
        self.is_dealing = True
        self.deal()

    def returned(self, member: int) -> "asyncio.Future[set[int] | None]":
        """Return what will be the part of a member that has let everything go; None when it is taken for dead."""
        part: asyncio.Future[set[int] | None] = asyncio.get_running_loop().create_future()
        self.back[member] = part
        self.deal()
        return part

    def deal(self) -> None:
        """End the deal once everybody is back; each time it begins with another member."""
        if not self.is_dealing or not self.members or not self.members <= self.back.keys():
            return
        self.generation += 1
        self.is_dealing = False
        self._first += 1
        order = sorted(self.members)
        parts: dict[int, set[int]] = {member: set() for member in order}
        for partition in range(len(self.log.partitions)):
            parts[order[(partition + self._first) % len(order)]].add(partition)
        back, self.back = self.back, {}
        for member, part in back.items():
            if member in parts and not part.done():
                part.set_result(parts[member])
