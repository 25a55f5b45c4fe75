"""What an upstream service on asyncio imports to publish events: what returns has arrived."""

import asyncio
import ssl
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

from schemas.codec import CONTENT_TYPE, ORDERS, TICKETS, Event, partition_key, topic_of
from schemas.events import Data
from streams.courier import BrokerAwayError, Courier
from streams.event_form import EventForm
from streams.outgoing import Outgoing, RecordRefusedError
from streams.publisher import BrokerUnavailableError, Identity, Login, client_options

PATIENCE_SECONDS: Final = 30.0
"""How long an event may be under way, a broker that is away and comes back included."""

_HEADERS: Final = (("content-type", CONTENT_TYPE.encode()),)


class AsyncPublisher:
    """Publishes events of the contract to Kafka; tasks may share one. Needs aiokafka: `servicepulse-events[async]`.

    What returns has been acknowledged by all replicas. The same `(source, id)` published again changes nothing
    downstream, so after any error publishing again is safe.

    ```python
    async with AsyncPublisher("localhost:19092", source="urn:shop:helpdesk") as publisher:
        await publisher.publish(TicketCreated(ticket_id="T-1", channel="web", created_by=Party.CUSTOMER), time=now)
    ```
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        source: str | None = None,
        topic_prefix: str = "",
        tls: ssl.SSLContext | bool = False,
        login: Login | None = None,
        timeout_seconds: float = 10.0,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Take note of where to; the `async with` block connects.

        Args:
            bootstrap: `host:port[,host:port]`.
            source: CloudEvents source of what `publish` sends, a URI such as `urn:shop:helpdesk`.
            topic_prefix: Put before every topic name.
            tls: True for the system's certificate authorities, or a context of your own.
            login: Name and password for SASL.
            timeout_seconds: How long to wait for a broker that is still starting.
            patience_seconds: How long an event may be under way before it counts as not arrived.

        Raises:
            ValueError: When an address is not host:port.
        """
        self._bootstrap = bootstrap
        self._topic_prefix = topic_prefix
        self._timeout_seconds = timeout_seconds
        self._patience_seconds = patience_seconds
        self._form = EventForm(source)
        self._why: BaseException | None = None
        topics = [f"{topic_prefix}{topic}" for topic in (TICKETS, ORDERS)]
        options = client_options(bootstrap, tls, login)
        self._courier = Courier(options, topics, patience_seconds=patience_seconds, on_away=self._note)
        self._running: asyncio.Task[None] | None = None

    async def publish(
        self,
        content: Data,
        *,
        time: datetime,
        id: str | None = None,
        subject: str | None = None,
        subjectseq: int | None = None,
        replay: bool = False,
        correlationid: str | None = None,
        causationid: str | None = None,
    ) -> Identity:
        """Publish one event and return its identity once it has arrived. `Publisher.publish` explains the arguments.

        Raises:
            ValueError: When `time` has no time zone, or the publisher has no source.
            InvalidEventError: When a field does not keep the contract; the pointer names it.
            BrokerUnavailableError: When it has not arrived in time; publish it again under the same id.
        """
        value = self._form.written(
            content,
            time=time,
            id=id,
            subject=subject,
            subjectseq=subjectseq,
            replay=replay,
            correlationid=correlationid,
            causationid=causationid,
        )
        return (await self.publish_events([value]))[0]

    async def publish_events(self, events: Iterable[Mapping[str, Any] | bytes | str]) -> list[Identity]:
        """Publish whole CloudEvents and return their identities once all have arrived. A wrong one keeps all here.

        Raises:
            InvalidEventError: When one is no event of the contract, or one that only Service Pulse derives.
            BrokerUnavailableError: When some have not arrived in time; publish all of them again.
        """
        read = [self._form.read(event) for event in events]
        await self._carry([self._record_of(event) for event in read])
        return [Identity(event.source, event.id) for event in read]

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            BrokerUnavailableError: When no broker answers in time.
        """
        self._running = asyncio.get_running_loop().create_task(self._courier.run())
        try:
            await asyncio.wait_for(self._courier.connected.wait(), self._timeout_seconds)
        except TimeoutError:
            await self._leave()
            raise self._unavailable() from self._why
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go of the connection; what was published has arrived."""
        await self._leave()

    async def _carry(self, records: Sequence[Outgoing]) -> None:
        if self._running is None:
            raise ValueError("this publisher is not open: publish within `async with`")
        if not records:
            return
        try:
            await asyncio.wait_for(self._courier.connected.wait(), self._patience_seconds)
            await self._courier.carry(records)
        except (TimeoutError, BrokerAwayError, RecordRefusedError) as error:
            raise self._unavailable() from error

    async def _leave(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.wait({running})  # awaiting it would hide that whoever leaves is cancelled, too

    def _record_of(self, event: Event) -> Outgoing:
        return Outgoing(f"{self._topic_prefix}{topic_of(event)}", partition_key(event), event.raw, _HEADERS)

    def _note(self, why: BaseException) -> None:
        self._why = why

    def _unavailable(self) -> BrokerUnavailableError:
        told = f" ({self._why})" if self._why else ""
        return BrokerUnavailableError(f"no broker at {self._bootstrap} has taken it{told}")
