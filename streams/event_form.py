"""What a producer says becomes an event of the contract, checked before it leaves."""

import time as clock
from collections.abc import Mapping
from datetime import datetime
from itertools import count
from typing import Any
from uuid import uuid4

import msgspec

from schemas.codec import Event, InvalidEventError, Reason, accept, decode, encode, subject_named_by
from schemas.events import NAME_OF, Data


class EventForm:
    """Writes and checks the events of one producer.

    Attributes:
        source: CloudEvents source of what it writes.
        derived: Whether it lets events through that only Service Pulse derives.
    """

    def __init__(self, source: str | None, *, derived: bool = False) -> None:
        self.source = source
        self.derived = derived
        self._run = str(uuid4())
        self._ids = count(1)

    def written(
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
    ) -> bytes:
        """Return an event as structured JSON, not checked yet. Without an id it gets one that nobody else has.

        Raises:
            ValueError: When `time` has no time zone, or there is no source.
        """
        if self.source is None:
            raise ValueError("give the publisher a source, such as Publisher(..., source='urn:shop:helpdesk')")
        if time.utcoffset() is None:
            raise ValueError(f"time {time.isoformat()} has no time zone; write datetime(..., tzinfo=ZoneInfo('...'))")
        return encode(
            content,
            source=self.source,
            id=id if id is not None else f"{self._run}-{next(self._ids)}",
            time=time,
            name=NAME_OF[type(content)],
            subject=subject_named_by(content) or subject,
            subjectseq=subjectseq,
            replay=replay or None,
            correlationid=correlationid,
            causationid=causationid,
        )

    def read(self, event: Mapping[str, Any] | bytes | str) -> Event:
        """Return a whole CloudEvent, given as a mapping or as JSON.

        Raises:
            InvalidEventError: When it is no event of the contract, or one that only Service Pulse derives.
        """
        read = decode if self.derived else accept
        return read(_as_json(event), now_ms=clock.time_ns() // 1_000_000)


def _as_json(event: Mapping[str, Any] | bytes | str) -> bytes:
    if isinstance(event, bytes):
        return event
    try:
        return event.encode() if isinstance(event, str) else msgspec.json.encode(event)
    except (TypeError, ValueError) as error:
        raise InvalidEventError(Reason.NOT_JSON, "", f"cannot be written as JSON: {error}") from None
