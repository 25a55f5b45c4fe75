"""The file of tokens: read, watched by a running door, and written whole or not at all."""

from collections.abc import Sequence
from pathlib import Path

from streams.core.door.token import Token, Tokens, TokensError, file_of, tokens_in
from streams.door.watched_file import WatchedFile
from streams.whole_file import PRIVATE, write_whole


def token_file(path: Path) -> WatchedFile[Tokens]:
    """Return the file of tokens as a running door goes by it."""
    return WatchedFile("tokens", path, lambda path: (Tokens(read_tokens(path)), ()), (TokensError,), before=Tokens())


def read_tokens(path: Path) -> list[Token]:
    """Return the tokens of a file.

    Raises:
        OSError: When it cannot be read.
        TokensError: When it is no file of tokens.
    """
    try:
        return tokens_in(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise TokensError(f"{path} is not UTF-8: {error.reason}") from error
    except TokensError as error:
        raise TokensError(f"{path}: {error}") from error


def write_tokens(path: Path, tokens: Sequence[Token]) -> None:
    """Write a file of tokens, whole or not at all, readable by its owner alone.

    Raises:
        OSError: When it cannot be written.
    """
    write_whole(path, file_of(tokens).encode(), mode=PRIVATE)
