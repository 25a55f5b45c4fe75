"""The migrations of the database: numbered SQL files, never edited after release, every statement safe to run twice."""

import re
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from string import Template
from typing import Final

from msgspec import Struct

_NAME: Final = re.compile(r"(\d{4})_(\w+)\.sql")
_COMMENT: Final = re.compile(r"^\s*--.*$", re.MULTILINE)


class Migration(Struct, frozen=True):
    """One step of the database's history.

    Attributes:
        number: Its place, from 1 without gaps.
        name: What it brings.
        sql: The file's text; `${replicated}` stands before the name of every table engine.
    """

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Changes when the file was edited."""
        return sha256(self.sql.encode()).hexdigest()[:16]

    def statements(self, *, replicated: bool) -> list[str]:
        """Return the statements to run, for one server or for replicas."""
        sql = Template(_COMMENT.sub("", self.sql)).substitute(replicated="Replicated" if replicated else "")
        return [statement.strip() for statement in sql.split(";\n") if statement.strip()]


def migrations() -> list[Migration]:
    """Return all migrations, in order.

    Raises:
        ValueError: When a file's name or number is out of line.
    """
    found = sorted(_read(), key=lambda migration: migration.number)
    numbers = [migration.number for migration in found]
    if numbers != list(range(1, len(found) + 1)):
        raise ValueError(f"migrations must be numbered from 0001 without gaps, found {numbers}")
    return found


def _read() -> Iterator[Migration]:
    for file in (files("schemas") / "clickhouse").iterdir():
        if file.name.endswith(".sql"):
            match = _NAME.fullmatch(file.name)
            if match is None:
                raise ValueError(f"{file.name}: a migration is named like 0002_what_it_brings.sql")
            yield Migration(int(match[1]), match[2], file.read_text())
