"""Knows how ClickHouse's HTTP interface spells a query: URL parameters, headers, forms and body."""

import re
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web

from deploy.embedded.encoding import Decoder

DEFAULT_FORMAT = "TabSeparated"
MAX_FIELD_BYTES = 128 * 1024
_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_EXTERNAL_SUFFIXES = ("_format", "_structure", "_types")

# Parameters that a server's HTTP interface keeps for itself; everything else in the URL is a setting.
_RESERVED = frozenset({
    "query", "database", "default_format", "query_id", "user", "password", "quota_key", "role", "stacktrace",
    "session_id", "session_timeout", "session_check", "close_session", "buffer_size", "wait_end_of_query",
    "compress", "decompress", "client_protocol_version",
})  # fmt: skip


class InvalidCallError(ValueError):
    """The request is not one that ClickHouse's HTTP interface knows: the client must change it."""


class FieldTooLongError(InvalidCallError):
    """A field of a form is longer than a server takes (`http_max_field_value_size`)."""


@dataclass(frozen=True)
class ExternalTable:
    """A temporary table that travels with its query: `structure` is a column list as in CREATE TABLE."""

    name: str
    structure: str
    format: str
    content: bytes


@dataclass(frozen=True)
class Call:
    """One request for a query, without its body."""

    query: bytes
    query_id: str
    database: str = ""
    default_format: str = DEFAULT_FORMAT
    wait_end_of_query: bool = False
    is_read_only: bool = False
    cancel_on_disconnect: bool = False
    revision: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[ExternalTable, ...] = ()


async def read_call(request: web.Request) -> tuple[Call, AsyncIterator[bytes]]:
    """Return what a request asks for and the plain pieces of its body, decompressed while they arrive.

    Raises:
        InvalidCallError: for a parameter that has no meaning here.
        FieldTooLongError: for one that a server would refuse in a form.
        UnknownEncodingError: for a body that is compressed in an unknown way.
    """
    values = dict(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True, errors="surrogateescape"))
    tables: tuple[ExternalTable, ...] = ()
    if request.content_type == "multipart/form-data":
        form, files = await _read_form(request)
        values |= form
        tables = tuple(_external_table(name, content, values) for name, content in files.items())
        body = _nothing()
    else:
        body = _plain_body(request)
    return _call_of(request, values, tables), body


def _call_of(request: web.Request, values: Mapping[str, str], tables: tuple[ExternalTable, ...]) -> Call:
    _refuse_block_compression(values)
    settings = {name: value for name, value in values.items() if _is_setting(name, tables)}
    for name in settings:
        if not _SETTING.match(name):
            raise InvalidCallError(f"{name!r} is not the name of a setting")
    return Call(
        query=values.get("query", "").encode(errors="surrogateescape"),
        query_id=values.get("query_id") or str(uuid.uuid4()),
        database=values.get("database") or request.headers.get("X-ClickHouse-Database") or "",
        default_format=values.get("default_format") or request.headers.get("X-ClickHouse-Format") or DEFAULT_FORMAT,
        wait_end_of_query=_is_on(values, "wait_end_of_query"),
        is_read_only=request.method == "GET",
        cancel_on_disconnect=_is_on(values, "cancel_http_readonly_queries_on_client_close"),
        revision=_revision(values.get("client_protocol_version") or "0"),
        settings=settings,
        parameters={name[6:]: value for name, value in values.items() if name.startswith("param_")},
        tables=tables,
    )


def _is_setting(name: str, tables: tuple[ExternalTable, ...]) -> bool:
    describes_table = any(name == table.name + suffix for table in tables for suffix in _EXTERNAL_SUFFIXES)
    return name not in _RESERVED and not name.startswith("param_") and not describes_table


def _revision(text: str) -> int:
    if not text.isdecimal():
        raise InvalidCallError(f"client_protocol_version is a number, not {text!r}")
    return int(text)


def _is_on(values: Mapping[str, str], name: str) -> bool:
    return values.get(name, "0") not in ("", "0", "false")


def _refuse_block_compression(values: Mapping[str, str]) -> None:
    for name in ("compress", "decompress"):
        if _is_on(values, name):
            raise InvalidCallError(f"{name}=1 is not supported here; use Content-Encoding and Accept-Encoding")


async def _read_form(request: web.Request) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return the text fields of a form and its files by field name."""
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or not part.name:
            continue
        content = bytes(await part.read(decode=True))
        if part.filename is None:
            if len(content) > MAX_FIELD_BYTES:
                raise FieldTooLongError("HTML Form Exception: Field value too long")
            fields[part.name] = content.decode(errors="surrogateescape")
        else:
            files[part.name] = content
    return fields, files


def _external_table(name: str, content: bytes, values: Mapping[str, str]) -> ExternalTable:
    structure = values.get(f"{name}_structure", "")
    if types := values.get(f"{name}_types"):
        structure = ", ".join(f"_{place} {kind}" for place, kind in enumerate(_top_level(types), start=1))
    if not structure:
        raise InvalidCallError(f"External table {name} needs {name}_structure or {name}_types")
    return ExternalTable(name, structure, values.get(f"{name}_format") or DEFAULT_FORMAT, content)


def _top_level(types: str) -> list[str]:
    """Split a list of types at the commas outside parentheses."""
    return re.split(r",\s*(?![^()]*\))", types)


async def _plain_body(request: web.Request) -> AsyncIterator[bytes]:
    decoder = Decoder(request.headers.get("Content-Encoding", ""))
    async for piece in request.content.iter_any():
        yield decoder.decode(piece)
    decoder.finish()


async def _nothing() -> AsyncIterator[bytes]:
    for piece in tuple[bytes, ...]():
        yield piece
