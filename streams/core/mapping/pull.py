"""The `[pull]` table: how a system's API tells its history, page by page. What differs between systems stands here."""

import re
from collections.abc import Iterable
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from streams.core.mapping.part import STRICT, Name
from streams.core.mapping.path import PathError, pick_of

TIMES: Final = ("since", "until", "since_unix", "until_unix")
"""What a query can ask by: instants in ISO 8601, UTC, and in seconds since 1970."""
CREDENTIALS: Final = ("user", "token")
_PLACE: Final = re.compile(r"\{([^{}]*)\}")


def _is_path(text: str) -> str:
    try:
        pick_of(text)
    except PathError as error:
        raise ValueError(str(error)) from None
    return text


PathText = Annotated[str, Field(min_length=1), AfterValidator(_is_path)]
Texts = Annotated[list[str], BeforeValidator(lambda told: [told] if isinstance(told, str) else told)]
Status = Annotated[int, Field(ge=400, le=499)]


class Part(BaseModel):
    """A table of `[pull]`."""

    model_config = STRICT


class Next(Part):
    """Where the page behind a page is found: in one of these ways.

    Attributes:
        url: Path to its address in the page.
        link: Its relation in the header `Link`.
        number: The query parameter that numbers pages, from 1.
        query: Query parameters of the next page, each with the path to what it is in this one; the others stay. Where
            one of them is not there, this was the last page. By these two a page without records ends a list that
            does not say by `last` which page is the last.
    """

    url: PathText | None = None
    link: Annotated[str, Field(min_length=1)] | None = None
    number: Annotated[str, Field(min_length=1)] | None = None
    query: Annotated[dict[str, PathText], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("give one of `url`, `link`, `number` and `query`")
        return self


class Listing(Part):
    """A list that an API gives page by page.

    Attributes:
        path: Below the address of the API; of a part, `{path}` in braces picks from the record.
        query: Of the first page, templates of `TIMES`; what is empty is left out.
        records: Path to the records of a page.
        next: Where the next page is found; None where there is one page.
        last: Path to what is true on the last page.
    """

    path: Annotated[str, Field(pattern=r"^/")]
    query: dict[str, Texts] = {}
    records: PathText = "@"
    next: Next | None = None
    last: PathText | None = None

    @model_validator(mode="after")
    def _asks_what_is_known(self) -> Self:
        if unknown := _places(text for texts in self.query.values() for text in texts) - set(TIMES):
            raise ValueError(f"`query` knows {', '.join(TIMES)}, not {sorted(unknown)}")
        for place in sorted(_places([self.path])):
            _is_path(place)
        return self


class PullPart(Listing):
    """What is asked for each record, such as the messages of a conversation.

    Attributes:
        name: Under which it stands in the documents.
        each: Whether each of its elements is a document of its own, beside the record.
    """

    name: Name
    each: bool = False


class Pace(Part):
    """When to ask more slowly, before the API refuses.

    Attributes:
        header: How many calls are left (`17`), or how many of how many are made (`32/40`).
        keep: With fewer left, it is waited.
        wait_seconds: So long.
    """

    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
    keep: Annotated[int, Field(ge=1)] = 4
    wait_seconds: Annotated[float, Field(gt=0, le=600)] = 2.0


class Pull(Listing):
    """How `servicepulse pull` asks for history.

    Attributes:
        basic: Name and password of HTTP basic authentication, of `{user}` and `{token}`.
        headers: Sent with every request, of `{user}` and `{token}`.
        at: Path to the instant of a record, ISO 8601 or seconds since 1970: records outside of the asked time are
            left out.
        sorted: Whether records come in the order of `at`.
        expired: How the API answers to a page that it does not know any more; it is then begun again from the time
            that was reached.
        pace: When to ask more slowly.
        record: The name of a record in the documents; None: a record is a document as it stands.
        part: What is asked for each record.
        document: Path to what the mapping reads, from the document of record and parts.
        lookup: By the lookup's name, the list that stands for its file.
    """

    basic: str | None = None
    headers: dict[str, str] = {}
    at: PathText
    sorted: bool = False
    expired: list[Status] = []
    pace: Pace | None = None
    record: Name | None = None
    part: list[PullPart] = []
    document: PathText = "@"
    lookup: dict[str, Listing] = {}

    @property
    def needs(self) -> set[str]:
        """Which of `CREDENTIALS` are sent."""
        return _places([self.basic or "", *self.headers.values()])

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        if unknown := self.needs - set(CREDENTIALS):
            raise ValueError(f"`basic` and `headers` know {{user}} and {{token}}, not {sorted(unknown)}")
        if self.part and self.record is None:
            raise ValueError("with parts a record needs a name in the documents: `record`")
        return self


PULL_PARTS: Final = (Pull, PullPart, Next, Pace)


def _places(templates: Iterable[str]) -> set[str]:
    return {place for template in templates for place in _PLACE.findall(template)}
