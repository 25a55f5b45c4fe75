"""Knows tokens: how they look, how they are kept, and for whom each may speak.

A token holds 256 random bits, so that a plain SHA-256 tells nothing of it: slow hashes are for what people choose.
"""

import tomllib
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from schemas.events import Id
from streams.core.toml import quoted

PREFIX: Final = "sp_"
"""Whoever finds one in a log or a repository knows what it is."""
RANDOM_BYTES: Final = 32
_HEAD: Final = """\
# Who may send events to the door. Written by `servicepulse tokens`; the door sees changes within a second.
# No token can be had from its hash: one that is lost is revoked, and another one made.
"""


class Token(Struct, frozen=True, forbid_unknown_fields=True):
    """A token as it is kept.

    Attributes:
        name: What people call it; logs name it.
        source: The CloudEvents source for which it speaks.
        sha256: Of the token, in hexadecimal digits.
        created: The day, for people.
    """

    name: Id
    source: Id
    sha256: str
    created: str = ""


class TokensError(Exception):
    """A file of tokens cannot be read. The message says what is wrong with it."""


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    token: list[Token] = []


class Tokens:
    """All tokens, found by what somebody shows."""

    def __init__(self, tokens: Sequence[Token] = ()) -> None:
        self._by_digest = {token.sha256.lower(): token for token in tokens}

    def __len__(self) -> int:
        return len(self._by_digest)

    def shown(self, secret: str) -> Token | None:
        """Return the token that somebody shows, None when it is none.

        Found by its hash: how long that takes tells nothing that leads to a token.
        """
        return self._by_digest.get(digest_of(secret))


def digest_of(secret: str) -> str:
    """Return what is kept of a token."""
    return sha256(secret.encode(errors="surrogateescape")).hexdigest()


def tokens_in(text: str) -> list[Token]:
    """Return the tokens that a file keeps, in its order.

    Raises:
        TokensError: When it is no such file; the message says where.
    """
    try:
        found = msgspec.convert(tomllib.loads(text), _File).token
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise TokensError(str(error)) from error
    names = [token.name for token in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise TokensError(f"two tokens are named {twice[0]}")
    return found


def file_of(tokens: Sequence[Token]) -> str:
    """Return the file that keeps tokens."""
    return _HEAD + "".join(
        "\n[[token]]\n" + "".join(f"{name} = {quoted(text)}\n" for name, text in msgspec.structs.asdict(token).items())
        for token in tokens
    )
