"""The door itself: who asks, what for, whether there is room, and what is answered."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol
from urllib.parse import unquote

import structlog
from aiohttp import web
from msgspec import structs

from schemas.codec import CONTENT_TYPE, MAX_DERIVED_BYTES, TICKETS, Event, Reason, accept, partition_key, topic_of
from streams.core.door.admission import FOREIGN_SOURCE, Admission, admit
from streams.core.door.body import MAX_BODY_BYTES, UnreadableBodyError, pieces, unpacked
from streams.core.door.hook import Hook
from streams.core.door.signature import Delivery, UnsignedError
from streams.core.door.token import Token, Tokens
from streams.core.mapping import Reading
from streams.courier import BrokerAwayError
from streams.door.answer import RefusedError, away, crowded, json_answer, refusal
from streams.door.meters import DoorMeters
from streams.ports import Clock, Outgoing, RecordRefusedError
from streams.sinks.fate import Fate
from streams.store_error import StoreOverloadedError, StoreRejectedError, StoreUnavailableError

log = structlog.get_logger()

BODY_SECONDS: Final = 10.0
"""How long a body may take to come in."""
MOST_BYTES_IN_HAND: Final = 64 * 1024 * 1024
_EVENT_HEADERS: Final = (("content-type", CONTENT_TYPE.encode()),)
_QUIET: Final = frozenset({"/health", "/openapi.json"})
"""What machines ask every few seconds."""

Route = Callable[[web.BaseRequest, "Visit"], Awaitable[web.Response]]


class Carrier(Protocol):
    """Who takes records to Kafka."""

    @property
    def connected(self) -> asyncio.Event:
        """Say whether a broker is there."""

    async def carry(self, records: Sequence[Outgoing]) -> None:
        """Return once all replicas have all of the records.

        Raises:
            BrokerAwayError: When no broker answers, or not in time.
            RecordRefusedError: When the broker takes no records of this size.
        """


class Visit:
    """One request, as the log and the meters tell of it: never its body, its query or its token."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.route = "other"
        self.sender = ""
        self.accepted = 0
        self.refused = 0


class Door:
    """Answers requests. What is answered 202 is in Kafka; what is not may be sent again."""

    def __init__(
        self,
        carrier: Carrier,
        tokens: Callable[[], Tokens],
        hooks: Callable[[], Mapping[str, Hook]],
        fate: Callable[[str, str], Fate],
        clock: Clock,
        meters: DoorMeters,
        description: bytes,
        *,
        topic_prefix: str = "",
        most_in_flight: int = 256,
        logs_requests: bool = True,
    ) -> None:
        """Take in what the door works with.

        Args:
            carrier: Takes records to Kafka.
            tokens: Returns the tokens of now.
            hooks: Returns the hooks of now, by name.
            fate: Tells what became of an event; blocks, and raises as a store does.
            clock: Tells the time.
            meters: Of the door.
            description: What `/openapi.json` answers.
            topic_prefix: Put before every topic name.
            most_in_flight: Requests in hand at most.
            logs_requests: Whether each request gets a line in the log.
        """
        self._carrier = carrier
        self._tokens = tokens
        self._hooks = hooks
        self._fate = fate
        self._clock = clock
        self._meters = meters
        self._description = description
        self._topic_prefix = topic_prefix
        self._most_in_flight = most_in_flight
        self._logs_requests = logs_requests
        self._in_flight = 0
        self._bytes_in_hand = 0

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer one request."""
        visit = Visit(request.method)
        began_at = time.perf_counter()
        try:
            response = await self._routed(request, visit)
        except RefusedError as error:
            response = refusal(error)
        self._tell(visit, response.status, time.perf_counter() - began_at)
        return response

    def health(self) -> dict[str, Any]:
        """Return how the door is."""
        is_connected = self._carrier.connected.is_set()
        return {
            "status": "ok" if is_connected else "no broker answers",
            "in_flight": self._in_flight,
            "tokens": len(self._tokens()),
            "hooks": len(self._hooks()),
        }

    async def _routed(self, request: web.BaseRequest, visit: Visit) -> web.Response:
        parts = request.rel_url.raw_path.split("/")[1:]
        match parts:
            case ["v1", "events"]:
                visit.route = "/v1/events"
                return await self._in_turn("POST", self._take, request, visit)
            case ["v1", "events", source, id]:
                visit.route = "/v1/events/{source}/{id}"
                return await self._in_turn("GET", self._looker(unquote(source), unquote(id)), request, visit)
            case ["v1", "hooks", name]:
                visit.route = "/v1/hooks/{name}"
                return await self._in_turn("POST", self._deliverer(unquote(name)), request, visit)
            case ["openapi.json"]:
                visit.route = "/openapi.json"
                _allow(request, "GET")
                return web.Response(body=self._description, content_type="application/json")
            case ["health"]:
                visit.route = "/health"
                _allow(request, "GET")
                return json_answer(told := self.health(), 200 if told["status"] == "ok" else 503)
        raise RefusedError(404, "there is nothing here: /openapi.json describes what there is")

    async def _in_turn(self, method: str, route: Route, request: web.BaseRequest, visit: Visit) -> web.Response:
        _allow(request, method)
        if self._in_flight >= self._most_in_flight:
            raise crowded(f"{self._in_flight} requests are in hand: come again")
        self._in_flight += 1
        self._meters.in_flight.set(self._in_flight)
        try:
            return await route(request, visit)
        finally:
            self._in_flight -= 1
            self._meters.in_flight.set(self._in_flight)

    async def _take(self, request: web.BaseRequest, visit: Visit) -> web.Response:
        token = self._token_of(request, visit)
        body = await self._body_of(request)
        with _told_as_refusal():
            body = unpacked(body, request.headers.get("Content-Encoding", ""))
            found = pieces(body, request.headers.get("Content-Type", ""), request.headers.items())
        admission = admit(found, token.source, self._clock.now_ms())
        self._note(admission, visit)
        if admission.events:
            await self._carry([self._record_of(event) for event in admission.events])
            visit.accepted = len(admission.events)
            self._meters.accepted.labels(visit.sender).inc(visit.accepted)
        return _told(admission)

    def _looker(self, source: str, id: str) -> Route:
        async def look(request: web.BaseRequest, visit: Visit) -> web.Response:
            token = self._token_of(request, visit)
            if source != token.source:
                raise RefusedError(403, f"this token speaks for {token.source} only")
            try:
                fate = await asyncio.to_thread(self._fate, source, id)
            except StoreOverloadedError:
                raise away("ClickHouse has too much to do to look for an event") from None
            except (StoreUnavailableError, StoreRejectedError) as error:
                log.warning("ClickHouse cannot be asked for an event", error=str(error))
                raise away("ClickHouse does not answer: what became of the event is not known now") from None
            return json_answer(fate)

        return look

    def _deliverer(self, name: str) -> Route:
        async def deliver(request: web.BaseRequest, visit: Visit) -> web.Response:
            hook = self._hooks().get(name)
            if hook is None:
                raise RefusedError(404, "there is no hook of this name")
            visit.sender = hook.name
            delivery = await self._verified(request, hook)
            now_ms = self._clock.now_ms()
            reading = hook.read(delivery, now_ms)
            events = [accept(event.raw, now_ms=now_ms) for event in reading.events]
            records = [self._record_of(event) for event in events]
            if reading.faults:
                records.append(self._kept(hook, delivery, reading))
                self._meters.refused.labels(hook.name, Reason.NOT_MAPPED.value).inc()
            if records:
                await self._carry(records)
            visit.accepted, visit.refused = len(events), int(bool(reading.faults))
            self._meters.accepted.labels(hook.name).inc(len(events))
            return json_answer({"accepted": len(events), "kept": bool(reading.faults)}, 202)

        return deliver

    async def _verified(self, request: web.BaseRequest, hook: Hook) -> Delivery:
        """Return a delivery, unpacked, once it is known to be the vendor's."""
        body = await self._body_of(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        delivery = Delivery(body, headers, request.query.get("key", ""), request.method)
        try:
            hook.verify(delivery, self._clock.now_ms())
        except UnsignedError as error:
            self._meters.refused.labels(hook.name, "unsigned").inc()
            raise RefusedError(401, str(error), {"WWW-Authenticate": "Signature"}) from None
        with _told_as_refusal():
            return structs.replace(delivery, body=unpacked(body, headers.get("content-encoding", "")))

    def _kept(self, hook: Hook, delivery: Delivery, reading: Reading) -> Outgoing:
        """Return the record that keeps a delivery: a worker makes a dead letter of it, for a newer mapping to read."""
        value, headers = hook.kept(delivery, reading)
        if len(value) > MAX_DERIVED_BYTES:
            raise RefusedError(413, "no rule reads it, and it is too large to be kept")
        return Outgoing(f"{self._topic_prefix}{TICKETS}", None, value, headers)

    def _token_of(self, request: web.BaseRequest, visit: Visit) -> Token:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        token = self._tokens().shown(secret.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            challenge = {"WWW-Authenticate": 'Bearer realm="servicepulse"'}
            message = "show a token: `Authorization: Bearer ...`; `servicepulse tokens create` makes one"
            raise RefusedError(401, message, challenge)
        visit.sender = token.name
        return token

    async def _body_of(self, request: web.BaseRequest) -> bytes:
        """Return the body as it was sent, within bounds of size, time, and of what all together hold in memory."""
        size = MAX_BODY_BYTES if request.content_length is None else request.content_length
        if size > MAX_BODY_BYTES:
            raise _too_large()
        if self._bytes_in_hand + size > MOST_BYTES_IN_HAND:
            raise crowded("too many large bodies are in hand: come again")
        self._bytes_in_hand += size
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise _too_large() from None
        except TimeoutError:
            raise RefusedError(408, f"the body took longer than {BODY_SECONDS:g} s", {"Connection": "close"}) from None
        except web.RequestPayloadError:
            raise RefusedError(400, "the body is broken off, or is not what its headers say") from None
        finally:
            self._bytes_in_hand -= size

    async def _carry(self, records: Sequence[Outgoing]) -> None:
        try:
            await self._carrier.carry(records)
        except BrokerAwayError as error:
            raise away(f"{error}: send it again, an event that arrives twice counts once") from None
        except RecordRefusedError as error:
            raise RefusedError(413, str(error)) from None

    def _record_of(self, event: Event) -> Outgoing:
        return Outgoing(f"{self._topic_prefix}{topic_of(event)}", partition_key(event), event.raw, _EVENT_HEADERS)

    def _note(self, admission: Admission, visit: Visit) -> None:
        visit.refused = len(admission.faults)
        for fault in admission.faults:
            self._meters.refused.labels(visit.sender, fault.reason).inc()

    def _tell(self, visit: Visit, status: int, seconds: float) -> None:
        self._meters.requests.labels(visit.route, str(status)).inc()
        self._meters.seconds.labels(visit.route).observe(seconds)
        if self._logs_requests and visit.route not in _QUIET:
            log.info(
                "request",
                method=visit.method,
                route=visit.route,
                status=status,
                sender=visit.sender,
                accepted=visit.accepted,
                refused=visit.refused,
                ms=round(1000 * seconds, 1),
            )


@contextmanager
def _told_as_refusal() -> Iterator[None]:
    try:
        yield
    except UnreadableBodyError as error:
        raise RefusedError(error.status, error.message) from None


def _allow(request: web.BaseRequest, method: str) -> None:
    if request.method != method:
        raise RefusedError(405, f"only {method} is for here", {"Allow": method})


def _too_large() -> RefusedError:
    message = f"a body has at most {MAX_BODY_BYTES // 1024} KiB: send fewer events at once"
    return RefusedError(413, message, {"Connection": "close"})


def _told(admission: Admission) -> web.Response:
    """Return the answer to a body: with any fault it is no success, though the others are taken."""
    accepted = len(admission.events)
    if not admission.faults:
        return json_answer({"accepted": accepted}, 202)
    first = admission.faults[0]
    raise RefusedError(
        403 if not accepted and all(fault.reason == FOREIGN_SOURCE for fault in admission.faults) else 422,
        f"event {first.index}: {first.pointer or '(event)'}: {first.message}",
        more={"accepted": accepted, "taken": admission.indexes, "faults": admission.faults},
    )
