"""What was said before by one rule about one row, and what of it stands: a first event, and the corrections of it.

Corrections bear the id of the first event with `~2`, `~3`, ... behind it, a retraction `~3x1`: whoever knows them in
whatever order knows what the last of them left standing.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

_CORRECTION: Final = re.compile(r"(.*?)(?:~([1-9][0-9]*)(?:x[0-9]+)?)?", re.DOTALL)
RETRACTED: Final = "event.retracted"
REVISED: Final = "rating.revised"
UPDATED: Final = "ticket.updated"


class Said(NamedTuple):
    """A stored event of the source.

    Attributes:
        subject: Whom it is about.
        id: Its id within the source.
        name: Short name of the event.
        at_ms: When it happened, in milliseconds since 1970.
        sequence: Its place within the instant.
        raw: The event as structured JSON.
    """

    subject: str
    id: str
    name: str
    at_ms: int
    sequence: int
    raw: bytes


class Standing(NamedTuple):
    """What stands of an event.

    Attributes:
        ids: The events that say it: the statement, then what changed it.
        name: Short name of the statement.
        subject: Whom it is about.
        at_ms: When it happened.
        sequence: Its place within the instant.
        data: What it says, with all changes.
    """

    ids: tuple[str, ...]
    name: str
    subject: str
    at_ms: int
    sequence: int
    data: Mapping[str, Any]


class _Sent(Struct):
    data: dict[str, Any]


_decoder: Final = msgspec.json.Decoder(_Sent)


class Slot(Struct):
    """All that was said by one rule about one row.

    Attributes:
        id: Of the first event.
        said: The events, in the order in which they were read.
    """

    id: str
    said: list[Said]

    @property
    def last(self) -> int:
        """The number of the last correction; 1 where there was none."""
        return max(number_of(one.id)[1] for one in self.said)

    def standing(self) -> Standing | None:
        """Return what stands; None when it was taken back."""
        if len(self.said) == 1 and self.said[0].id == self.id:
            return _stated(self.said[0])
        standing: Standing | None = None
        gone: set[str] = set()
        for one in sorted(self.said, key=_order):
            data = data_of(one.raw)
            if one.name == RETRACTED:
                gone.add(data["target_id"])
            elif one.name in (REVISED, UPDATED) and one.id != self.id:
                standing = standing and _changed(standing, one, data)
            else:
                standing = _stated(one)
            if standing and standing.ids[0] in gone:
                standing = None
        return standing


def number_of(id: str) -> tuple[str, int]:
    """Return the id of the first event of a slot, and the number of the correction; 1 for the first event itself."""
    if "~" not in id:
        return id, 1
    found = _CORRECTION.fullmatch(id)
    assert found, "the pattern fits every text"
    return found[1], int(found[2] or 1)


def slots_of(said: Iterable[Said]) -> dict[str, Slot]:
    """Return all that was said by slot; an event that is stored twice was said once."""
    slots: dict[str, Slot] = {}
    known = set()
    for one in said:
        if one.id not in known:
            known.add(one.id)
            first = number_of(one.id)[0]
            slots.setdefault(first, Slot(first, [])).said.append(one)
    return slots


def data_of(raw: bytes) -> dict[str, Any]:
    """Return what an event says; null says the same as nothing but where it clears."""
    return _decoder.decode(raw).data


def _order(one: Said) -> tuple[int, bool]:
    return number_of(one.id)[1], one.name != RETRACTED


def _stated(one: Said) -> Standing:
    return Standing((one.id,), one.name, one.subject, one.at_ms, one.sequence, data_of(one.raw))


def _changed(standing: Standing, one: Said, data: Mapping[str, Any]) -> Standing:
    changed = {**standing.data, **data}
    kept = {name: word for name, word in changed.items() if word is not None}
    return standing._replace(ids=(*standing.ids, one.id), data=kept)
