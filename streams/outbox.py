"""What agents publish, through the producer of a Faust app."""

import asyncio
from collections.abc import Awaitable, Iterable

from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

from streams.intake import BatchApp
from streams.ports import Outgoing, RecordRefusedError


class FaustOutbox:
    """Publishes through the producer of a Faust app."""

    def __init__(self, app: BatchApp) -> None:
        self._app = app

    def partitions_of(self, topic: str) -> int | None:
        """Return how many partitions a topic has; None while it is unknown."""
        return self._app.partitions_of(topic)

    async def publish(self, records: Iterable[Outgoing]) -> None:
        """Publish records and return when the broker has all of them.

        Raises:
            RecordRefusedError: When it has all but those that it refuses for their size.
        """
        records = list(records)
        answers = await asyncio.gather(*[await self._sent(record) for record in records], return_exceptions=True)
        refused = []
        for record, answer in zip(records, answers, strict=True):
            if isinstance(answer, MessageSizeTooLargeError | RecordListTooLargeError):
                refused.append(record)
            elif isinstance(answer, BaseException):
                raise answer
        if shorter := [record.shortest for record in refused if record.shortest]:
            await self.publish(shorter)
        if lost := [record for record in refused if not record.shortest]:
            raise RecordRefusedError(lost)

    async def _sent(self, record: Outgoing) -> Awaitable[object]:
        headers = dict(record.headers) or None
        return await self._app.producer.send(record.topic, record.key, record.value, None, None, headers)
