"""One thing that can disagree: how it is found, what it costs the numbers, and what to do about it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

Row: TypeAlias = Mapping[str, Any]
"""What a statement returns, by column: `what` it is about, how many (`n`), `examples`, and what its texts name."""


def each(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the rows as they are: each is a finding."""
    yield from rows


class Number(int):
    """A number that can be written with its word: `{n:~order}` gives `1 order`, `1,204 orders`."""

    def __format__(self, spec: str) -> str:
        if not spec.startswith("~"):
            return super().__format__(spec)
        return f"{int(self):,} {spec[1:]}{'' if self == 1 else 's'}"


class Check(Struct, frozen=True):
    """A row of the table of checks.

    Attributes:
        name: How it is asked for.
        title: What disagrees, a few words.
        sql: One SELECT whose rows are findings. Its parameters are `since`, from when on events count, and `newest`,
            when the newest event happened.
        costs: What it costs the numbers, with the columns of a row in braces; whole ones are a `Number`.
        advice: What to do about it.
        find: Makes findings of the rows, where SQL alone does not.
    """

    name: str
    title: str
    sql: str
    costs: str
    advice: str
    find: Callable[[Sequence[Row]], Iterator[Row]] = each

    def findings(self, rows: Sequence[Row]) -> "list[Finding]":
        """Return what rows of its statement amount to."""
        return [
            Finding(
                check=self.name,
                title=self.title,
                what=str(row["what"]),
                n=int(row["n"]),
                costs=self.costs.format(**_numbered(row)),
                advice=self.advice.format(**row),
                examples=[str(one) for one in row.get("examples", ())],
            )
            for row in self.find(rows)
            if row["n"]
        ]


class Finding(Struct, frozen=True):
    """Something that disagrees.

    Attributes:
        check: Name of the check that found it.
        title: What disagrees, a few words.
        what: Which source, team, channel it is about; "" when it is about everything.
        n: How many tickets, events or customers are concerned.
        costs: What it costs the numbers.
        advice: What to do about it.
        examples: Ids of a few of them.
    """

    check: str
    title: str
    what: str
    n: int
    costs: str
    advice: str
    examples: list[str]


def _numbered(row: Row) -> Row:
    return {name: Number(value) if isinstance(value, int) else value for name, value in row.items()}
