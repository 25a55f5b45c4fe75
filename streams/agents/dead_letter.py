"""Dead letters as records: short enough for any broker, since the table has all of them."""

from typing import Final

from schemas.codec import MAX_EVENT_BYTES
from schemas.rows import DeadLetterRow
from streams.ports import Outgoing

_MOST_KEY_BYTES: Final = 1024
_MOST_HEADER_BYTES: Final = 4 * 1024
"""Of each: a pointer is as long as the names of fields are."""
_FEWEST_BYTES: Final = 200


def letter_record(topic: str, letter: DeadLetterRow) -> Outgoing:
    """Return what is published of a dead letter: less than 300 KiB, and in the worst case less than 2."""
    shortest = Outgoing(topic, None, b"", _headers(letter, _FEWEST_BYTES))
    value = letter.value if len(letter.value) <= MAX_EVENT_BYTES else b""
    return Outgoing(topic, letter.key[:_MOST_KEY_BYTES] or None, value, _headers(letter, _MOST_HEADER_BYTES), shortest)


def _headers(letter: DeadLetterRow, most_bytes: int) -> tuple[tuple[str, bytes], ...]:
    said = {
        "letter": letter.id,
        "reason": letter.reason,
        "pointer": letter.pointer,
        "message": letter.message,
        "topic": letter.topic,
        "partition": str(letter.partition),
        "offset": str(letter.offset),
    }
    return tuple((name, _cut(text, most_bytes)) for name, text in said.items())


def _cut(text: str, most_bytes: int) -> bytes:
    """Return the beginning of a text, cut between two characters."""
    return text.encode(errors="replace")[:most_bytes].decode(errors="ignore").encode()
