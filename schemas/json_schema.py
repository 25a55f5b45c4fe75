"""Knows how an event class reads as JSON Schema 2020-12: the whole CloudEvent, envelope and data, in one document."""

from collections.abc import Iterator, Mapping, Sequence
from inspect import cleandoc
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import inspect

from schemas.codec import Envelope
from schemas.events import ATTRIBUTES as ATTRIBUTES_OF_TICKETS
from schemas.events import CATALOGUE, Data, EventRetracted, Id, type_of
from schemas.examples import example

Schema: TypeAlias = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ATTRIBUTES: Final = {
    "specversion": "Version of CloudEvents.",
    "id": "Unique within `source`. The same pair is the same event: sent again, it counts once.",
    "source": "The system that says so, a URI such as `urn:shop:helpdesk`.",
    "type": "What happened.",
    "time": "When it happened; RFC 3339 with an offset, at most 5 minutes ahead of now.",
    "data": "What there is to say about it.",
    "subject": "Whom it is about. Only a retraction needs it: there it names the ticket of the retracted event.",
    "datacontenttype": "`application/json`, or left out.",
    "partitionkey": "The record key, for bridges that set the key from it. Read as `subject` when that is left out.",
    "recordedtime": "When the source recorded it, if later than it happened.",
    "subjectseq": "Order within the subject, for events that share an instant.",
    "causationid": "The event that caused this one.",
    "correlationid": "What belongs together across systems.",
    "replay": "True for history that is filled in: it counts, but pages nobody.",
}
"""What each attribute of the envelope means."""

_WITH_OFFSET: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"
_SOMETHING_SAID: Final[Mapping[str, Sequence[str]]] = {
    "ticket.assigned": ("team", "agent_id"),
    "ticket.updated": ATTRIBUTES_OF_TICKETS,
}
"""Of which fields an event names one at least."""
_SEQUENCE: Final = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 10**15 - 1},
        {"type": "string", "pattern": "^[0-9]{1,15}$", "maxLength": 15},
        {"type": "null"},
    ]
}


def event_schema(name: str) -> Schema:
    """Return the JSON Schema of one whole event. It refers to nothing outside itself."""
    kind = CATALOGUE[name]
    _, definitions = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    data = _polished(definitions.pop(kind.__name__))
    description = data.pop("description")
    parts = {title: _definition(title, definitions[title], kind) for title in sorted(definitions)}
    return {
        "$schema": DIALECT,
        "$id": f"urn:servicepulse:schema:{name}:v1",
        "title": type_of(name),
        "description": description,
        "type": "object",
        "properties": _attributes(name, data),
        "required": required_attributes(kind),
        "additionalProperties": True,
        "examples": [example(name)],
        **({"$defs": parts} if parts else {}),
    }


def required_attributes(kind: type[Data]) -> list[str]:
    """Return the attributes of the envelope that an event of this class must have."""
    required = [field.encode_name for field in msgspec.structs.fields(Envelope) if field.required]
    return [*required, "subject"] if kind is EventRetracted else required


def fields_of(kind: type[Data]) -> Sequence[inspect.Field]:
    """Return the fields of an event class, in the order of their declaration, base classes first."""
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    return described.fields


def values_of(field: inspect.Field) -> list[str]:
    """Return the values of a field that is an enumeration, in the order of their declaration; [] for any other."""
    return [str(member) for enumeration in _enumerations(field) for member in enumeration]


def _attributes(name: str, data: Schema) -> Schema:
    _, definitions = msgspec.json.schema_components([Envelope], ref_template="#/$defs/{name}")
    properties = _polished(definitions["Envelope"])["properties"] | {
        "specversion": {"const": "1.0"},
        "type": {"const": type_of(name)},
        "subjectseq": _SEQUENCE,
    }
    if name == "event.retracted":
        properties["subject"] = msgspec.json.schema(Id)
    if name in _SOMETHING_SAID:
        data["anyOf"] = [{"required": [field]} for field in _SOMETHING_SAID[name]]
    described = {attribute: properties[attribute] | {"description": text} for attribute, text in ATTRIBUTES.items()}
    return described | {"data": data | {"additionalProperties": True}}


def _polished(schema: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """Return a part of a schema without msgspec's noise, and with offsets required."""
    if isinstance(schema, list):
        return [_polished(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    polished = {key: _polished(part) for key, part in schema.items() if (key, part) != ("default", None)}
    if isinstance(polished.get("title"), str):
        del polished["title"]
    if isinstance(polished.get("description"), str):
        polished["description"] = cleandoc(polished["description"])
    if polished.get("format") == "date-time":
        polished.setdefault("pattern", _WITH_OFFSET)
    return polished


def _definition(title: str, definition: Schema, kind: type[Data]) -> Schema:
    return _polished(definition) if "properties" in definition else _enumeration(title, kind)


def _enumeration(title: str, kind: type[Data]) -> Schema:
    found = {part.__name__: part for field in fields_of(kind) for part in _enumerations(field)}[title]
    return {
        "description": f"{cleandoc(found.__doc__ or '')} A value that is not listed reads as `other`.",
        "type": "string",
        "enum": [str(member) for member in found],
    }


def _enumerations(field: inspect.Field) -> Iterator[Any]:
    kinds = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
    yield from (kind.cls for kind in kinds if isinstance(kind, inspect.EnumType))
