"""The migrations of the database: numbered SQL files, never edited after release, every statement safe to run twice."""

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from importlib.resources import files
from itertools import groupby
from string import Template
from typing import Final

from msgspec import Struct

_NAME: Final = re.compile(r"(\d{4})_(\w+)\.sql")
_COMMENT: Final = re.compile(r"^\s*--.*$", re.MULTILINE)
_ALTER: Final = re.compile(r"ALTER TABLE \w+ ")
_VIEW: Final = re.compile(r"(CREATE|DROP) (?:MATERIALIZED )?VIEW IF (?:NOT )?EXISTS (\w+)")


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
        """Return the statements to run, for one server or for replicas: a row of changes to one table is one of them.

        ClickHouse looks at all columns of a table for every statement that changes it.
        """
        sql = Template(_COMMENT.sub("", self.sql)).substitute(replicated="Replicated" if replicated else "")
        return list(_joined(statement.strip() for statement in sql.split(";\n") if statement.strip()))


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


def for_new(every: Iterable[Migration], *, replicated: bool) -> list[str]:
    """Return the statements that bring a database without tables to what all migrations, in order, come to.

    They are fewer than half: no view is made that a later migration drops, nothing is filled from what is not there
    yet, and as no view is in the way, all changes to a table are one statement.
    """
    lasting = (one for one in _lasting(every, replicated=replicated) if not _is_drop(one))
    return list(_joined(sorted(lasting, key=_stage)))


def drops(every: Iterable[Migration]) -> list[str]:
    """Return the statements that drop what all migrations, in order, leave no trace of."""
    return [one for one in _lasting(every, replicated=False) if _is_drop(one)]


def _lasting(every: Iterable[Migration], *, replicated: bool) -> list[str]:
    """Return the statements of migrations without fillings, and of each view only the last word."""
    lasting: dict[str, str] = {}
    for statement in (one for migration in every for one in migration.statements(replicated=replicated)):
        view = _VIEW.match(statement)
        if not statement.startswith("INSERT"):
            name = view[2] if view else statement
            lasting.pop(name, None)  # what stands anew stands last
            lasting[name] = statement
    return list(lasting.values())


def _is_drop(statement: str) -> bool:
    view = _VIEW.match(statement)
    return view is not None and view[1] == "DROP"


def _stage(statement: str) -> tuple[int, str]:
    """Return by what statements for a new database are sorted: tables, then changes table by table, then views."""
    if altered := _altered(statement):
        return 1, altered
    return (2 if _VIEW.match(statement) else 0), ""


def _joined(statements: Iterable[str]) -> Iterator[str]:
    for begin, neighbours in groupby(statements, _altered):
        if begin is None:
            yield from neighbours
        else:
            yield begin + ",\n".join(one.removeprefix(begin) for one in neighbours)


def _altered(statement: str) -> str | None:
    """Return how a statement begins that changes a table, up to what it changes; None for any other statement."""
    found = _ALTER.match(statement)
    return found[0] if found else None


def _read() -> Iterator[Migration]:
    for file in (files("schemas") / "clickhouse").iterdir():
        if file.name.endswith(".sql"):
            match = _NAME.fullmatch(file.name)
            if match is None:
                raise ValueError(f"{file.name}: a migration is named like 0002_what_it_brings.sql")
            yield Migration(int(match[1]), match[2], file.read_text())
