"""The mapping file: which keys it has, what each of them may be, and the shorthands."""

import re
import tomllib
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from streams.core.mapping.fault import Fault, MappingError, close_to
from streams.core.mapping.part import STRICT, Name
from streams.core.mapping.pull import PULL_PARTS, Pull

SOURCE: Final = r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$"
Scalar: TypeAlias = str | int | float | bool


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _words(value: object) -> object:
    """Numbers in a condition mean their text: cells are text."""
    one = isinstance(value, str | int) and not isinstance(value, bool)
    many = [value] if one else value
    if not isinstance(many, list):
        return many
    return [str(word) if isinstance(word, int) and not isinstance(word, bool) else word for word in many]


Templates: TypeAlias = Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)]
Words: TypeAlias = Annotated[list[str], BeforeValidator(_words), Field(min_length=1)]
Bound: TypeAlias = float | str


class Part(BaseModel):
    """A table of the mapping file: no keys but the named ones, no silent conversions."""

    model_config = STRICT


class Dialect(Part):
    """How a CSV file is written. Cells are stripped of surrounding blanks; those listed in `empty` count as empty."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    empty: list[str] = []
    preamble: Annotated[int, Field(ge=0, le=1000)] = 0
    trailing_delimiter: bool = False
    missing_cells: Literal["reject", "empty"] = "reject"

    @model_validator(mode="after")
    def _two_marks(self) -> Self:
        if self.thousands == self.decimal:
            raise ValueError(f"`thousands` and `decimal` are both {self.decimal!r}")
        return self


class Time(Part):
    """Where an instant stands and how it is written."""

    from_: Annotated[Templates, Field(alias="from")]
    format: str = "iso"
    zone: str | None = None
    zones: dict[str, str] = {}
    ambiguous: Literal["earlier", "later", "reject"] = "earlier"
    nonexistent: Literal["reject", "shift"] = "reject"
    hour_24: Literal["reject", "next_day"] = "reject"


class RuleTime(Part):
    """What a rule's time does differently from `[time]`; a text alone is another `from`."""

    from_: Annotated[Templates | None, Field(alias="from")] = None
    format: str | None = None
    zone: str | None = None
    zones: dict[str, str] | None = None
    ambiguous: Literal["earlier", "later", "reject"] | None = None
    nonexistent: Literal["reject", "shift"] | None = None
    hour_24: Literal["reject", "next_day"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: object) -> object:
        return {"from": value} if isinstance(value, str | list) else value


class Value(Part):
    """What a field of an event is made of: templates of which the first that is not empty counts, or a constant."""

    from_: Annotated[Templates | None, Field(alias="from")] = None
    constant: Scalar | None = None
    map: str | dict[str, Scalar] | None = None
    default: Scalar | None = None
    decimals: Annotated[int, Field(ge=0, le=4)] | Annotated[str, Field(min_length=1)] | None = None
    separator: Annotated[str, Field(min_length=1)] | None = None
    item: int | None = None
    clears: bool = False
    sign: Annotated[list[str], BeforeValidator(_listed)] = []

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: object) -> object:
        if isinstance(value, str):
            return {"from": value}
        return {"constant": value} if isinstance(value, bool | int | float) else value

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.from_ is None) == (self.constant is None):
            raise ValueError("give either `from` (a template, or several) or `constant`")
        if self.clears and (self.from_ is None or self.default is not None):
            raise ValueError("`clears` says what an empty cell means: it needs `from`, and no `default`")
        if self.item == 0:
            raise ValueError("`item` counts from 1; -1 is the last")
        return self


class Condition(Part):
    """What a cell must be; all that is given must hold. A text or a list alone is `one_of`.

    What a cell is compared with is a number, or a template of the same row: `{ above = "{Limit}" }`.
    """

    one_of: Words | None = None
    none_of: Words | None = None
    empty: bool | None = None
    equals: str | None = None
    differs: str | None = None
    above: Bound | None = None
    at_least: Bound | None = None
    below: Bound | None = None
    at_most: Bound | None = None
    after: str | None = None
    before: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: object) -> object:
        return {"one_of": value} if isinstance(value, str | int | list) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"an empty condition; give one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def templates(self) -> list[str]:
        """What other cells it looks at."""
        compared = (self.equals, self.differs, self.above, self.at_least, self.below, self.at_most)
        return [text for text in (*compared, self.after, self.before) if isinstance(text, str)]


Conditions: TypeAlias = dict[str, Condition]
"""By column; all of them must hold."""


class Selection(Part):
    """Which rows: conditions on their own cells, and on other rows of their group."""

    when: Conditions = {}
    first: bool | None = None
    last: bool | None = None
    previous: Conditions | None = None
    next: Conditions | None = None
    earlier: Conditions | None = None
    unless_earlier: Conditions | None = None
    later: Conditions | None = None
    unless_later: Conditions | None = None

    @property
    def needs_context(self) -> bool:
        """Whether other rows of the same group decide."""
        before = (self.first, self.previous, self.earlier, self.unless_earlier)
        return any(part is not None for part in (*before, self.last, self.next, self.later, self.unless_later))


class Skip(Selection):
    """Rows that give no events on purpose."""

    reason: Annotated[str, Field(min_length=1)]


class Rule(Selection):
    """One event for every selected row, or for every element of a list in it."""

    name: Name
    event: str
    id: Templates | None = None
    for_each: Annotated[str | None, Field(min_length=1)] = None
    order: Annotated[int | None, Field(ge=0, le=999)] = None
    time: RuleTime | None = None
    data: dict[str, Value] = {}


class Lookup(Part):
    """A second file whose rows add columns, named `<name>.<column>`, to each row of the first."""

    name: Name
    file: Annotated[str, Field(min_length=1)]
    format: Literal["csv", "json"] = "csv"
    for_each: Templates | None = None
    key: str
    on: str
    columns: list[str] = []
    sum: list[str] = []
    count: bool = False
    missing: Literal["reject", "empty"] = "reject"
    repeated: Literal["reject", "first", "last"] = "reject"
    csv: Dialect | None = None

    @model_validator(mode="after")
    def _of_documents_alone(self) -> Self:
        if self.for_each and self.format == "csv":
            raise ValueError('`for_each` is for documents: say `format = "json"`')
        return self


class Thread(Part):
    """How rows hang together: each names itself, and the one that it answers."""

    id: str
    parent: str


class Signature(Part):
    """How a vendor signs what it delivers. The secret is no part of it: whoever runs the hook knows that.

    Attributes:
        scheme: `hmac-sha256` or `hmac-sha1` of `signed` under the secret; `token`: the header holds the secret itself.
        header: Where the signature stands; names of headers are matched whatever their case.
        encoding: How its bytes are written.
        prefix: What stands before it in the header, `sha256=`.
        signed: What is signed: a template of `{body}` (the bytes as they came), `{timestamp}` (the text of
            `timestamp_header`), `{method}` and `{url}` (as the vendor calls it, with scheme, host and query).
        timestamp_header: Where the time of the delivery stands; a delivery without it is refused.
        timestamp_format: How it is written there.
        tolerance_seconds: How far from now, either way, that time may lie.
    """

    scheme: Literal["hmac-sha256", "hmac-sha1", "token"]
    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    signed: str = "{body}"
    timestamp_header: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9-]+$")] = None
    timestamp_format: Literal["unix", "unix_ms", "iso"] = "unix"
    tolerance_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300

    @model_validator(mode="after")
    def _can_be_checked(self) -> Self:
        named = set(re.findall(r"\{([^{}]*)\}", self.signed))
        if unknown := named - {"body", "timestamp", "method", "url"}:
            raise ValueError(f"`signed` knows {{body}}, {{timestamp}}, {{method}} and {{url}}, not {sorted(unknown)}")
        if "body" not in named:
            raise ValueError("what does not sign the {body} proves nothing of it")
        if "timestamp" in named and self.timestamp_header is None:
            raise ValueError("{timestamp} is signed: name its `timestamp_header`")
        return self


class Document(Part):
    """A whole mapping file."""

    format: Literal["csv", "json"] = "csv"
    for_each: Templates | None = None
    signature: Signature | None = None
    pull: Pull | None = None
    source: Annotated[str, Field(pattern=SOURCE, max_length=512)]
    id: str | None = None
    ticket: Templates | None = None
    customer: Templates | None = None
    group_by: Templates | None = None
    order_by: str | None = None
    thread: Thread | None = None
    unmatched: Literal["reject", "skip"] = "reject"
    snapshot: bool = False
    replay: bool = True
    row_numbers: bool = True
    csv: Dialect = Dialect()
    time: Time | None = None
    map: dict[str, dict[str, Scalar]] = {}
    lookup: list[Lookup] = []
    skip: list[Skip] = []
    rule: Annotated[list[Rule], Field(min_length=1, max_length=1000)]

    @property
    def reads_documents(self) -> bool:
        """Whether columns are paths into JSON documents."""
        return self.format == "json"

    @model_validator(mode="after")
    def _of_documents_alone(self) -> Self:
        each = self.for_each or any(rule.for_each for rule in self.rule)
        if each and not self.reads_documents:
            raise ValueError('`for_each` is for documents: say `format = "json"`')
        if self.pull and not self.reads_documents:
            raise ValueError('[pull] is for documents: say `format = "json"`')
        if any(rule.order is not None for rule in self.rule) and not self.reads_documents:
            raise ValueError("`order` is for documents: rows of a file have the order of the file")
        return self


class Draft(NamedTuple):
    """A mapping file as far as it could be read, with what was wrong so far."""

    document: Document
    faults: tuple[Fault, ...]


def draft_of(text: str) -> Draft:
    """Return the mapping that a file's text describes; unknown keys are put aside, so that the rest can be checked too.

    Raises:
        MappingError: When the text is no TOML, or too much is wrong to check anything further.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError([Fault("", f"the file is no TOML: {error}")]) from None
    try:
        return Draft(Document.model_validate(table), ())
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        faults = tuple(_fault(_place(table, item["loc"]), item["loc"], item["type"], item["msg"]) for item in details)
        unknown = [item["loc"] for item in details if item["type"] == "extra_forbidden"]
        return _without(table, unknown, faults)


def _without(table: dict[str, Any], unknown: Sequence[tuple[int | str, ...]], faults: tuple[Fault, ...]) -> Draft:
    for path in unknown:
        _remove(table, path)
    try:
        return Draft(Document.model_validate(table), faults)
    except ValidationError:
        raise MappingError(faults) from None


def _remove(table: Any, path: Sequence[int | str]) -> None:  # noqa: ANN401 - whatever TOML holds
    for step in path[:-1]:
        table = table[step]
    del table[path[-1]]


_KEYS: Final = frozenset(
    field.alias or name
    for part in (Document, Dialect, Time, Value, Condition, Skip, Rule, Lookup, Thread, Signature, *PULL_PARTS)
    for name, field in part.model_fields.items()
)


def place_of(section: str, index: int, name: str = "", *inside: int | str) -> str:
    """Return where something stands, as text: `rule[2] (taken).data.raw`. Tables count from 1, as people do."""
    return f"{section}[{index + 1}]" + (f" ({name})" if name else "") + _path(inside)


def _fault(place: str, path: tuple[int | str, ...], kind: str, message: str) -> Fault:
    if kind == "extra_forbidden":
        message = f"unknown key{close_to(str(path[-1]), _KEYS)}"
    elif kind == "missing":
        message = "required, but missing"
    return Fault(place, message.removeprefix("Value error, "))


def _place(table: dict[str, Any], path: tuple[int | str, ...]) -> str:
    match path:
        case (str() as section, int() as index, *inside):
            name = table[section][index].get("name", "") if isinstance(table[section][index], dict) else ""
            return place_of(section, index, str(name), *inside)
    return _path(path).removeprefix(".")


def _path(steps: Sequence[int | str]) -> str:
    return "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in steps)
