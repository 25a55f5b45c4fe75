"""How the door answers: JSON, and a sentence for whoever is refused."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

AGAIN_SOON_SECONDS: Final = 1
AGAIN_LATER_SECONDS: Final = 5
"""What refused clients are told to wait: for a place, for a server that is away."""
_HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class RefusedError(Exception):
    """A request is refused.

    Attributes:
        status: Of HTTP.
        message: One sentence for the client.
        headers: Of the answer.
        more: Of the answer's body, beside the sentence.
    """

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}
        self.more = more or {}


def crowded(message: str) -> RefusedError:
    """Return the refusal of somebody who may come again soon."""
    return RefusedError(429, message, {"Retry-After": str(AGAIN_SOON_SECONDS)})


def away(message: str) -> RefusedError:
    """Return the refusal for want of a server that is away: nothing was accepted."""
    return RefusedError(503, message, {"Retry-After": str(AGAIN_LATER_SECONDS)})


def json_answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an answer that bears JSON."""
    return web.Response(
        body=msgspec.json.encode(content),
        status=status,
        content_type="application/json",
        headers={**_HEADERS, **(headers or {})},
    )


def refusal(error: RefusedError) -> web.Response:
    """Return the answer to whoever is refused."""
    return json_answer({"error": error.message, **error.more}, error.status, error.headers)
