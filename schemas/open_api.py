"""Knows how the door reads as an OpenAPI 3.1 document: what may be asked, with what, and what is answered."""

from collections.abc import Mapping
from typing import Any, Final

from schemas.async_api import VERSION
from schemas.codec import Reason
from schemas.events import CATALOGUE, DERIVED
from schemas.examples import example
from schemas.json_schema import Schema, event_schema, required_attributes

_EVENT: Final = {"$ref": "#/components/schemas/Event"}
_SOURCE: Final = "CloudEvents source, written with percent signs: `urn%3Ashop%3Ahelpdesk`."


def open_api() -> Schema:
    """Return the document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Service Pulse: the door",
            "version": VERSION,
            "description": "Events about tickets and orders, as CloudEvents 1.0 over HTTP. What is answered 202 is in "
            "Kafka. After any other answer, and after none, send it again: an event that arrives twice counts once.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": {
            "/v1/events": {"post": _take()},
            "/v1/events/{source}/{id}": {"get": _look()},
            "/health": {"get": _health()},
            "/openapi.json": {"get": _description()},
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
            "responses": _refusals(),
        },
    }


def _take() -> Schema:
    batch = {"type": "array", "items": _EVENT, "minItems": 1, "maxItems": 10_000}
    text = {"type": "string", "minLength": 1, "description": "One event a line."}
    named = {"shown": {"value": example("ticket.created")}}
    content: Mapping[str, Any] = {
        "application/cloudevents+json": {"schema": _EVENT, "examples": named},
        "application/cloudevents-batch+json": {"schema": batch},
        "application/x-ndjson": {"schema": text},
        "application/jsonl": {"schema": text},
        "application/json": {
            "schema": {"description": "One event; with `ce-` headers, that bear its attributes, its data alone."}
        },
    }
    return {
        "operationId": "takeEvents",
        "summary": "Take events in, and answer once Kafka has them.",
        "description": "One event, a batch, lines, or the binary form of CloudEvents. Bodies may be packed by gzip or "
        "deflate, and have 1 MiB at most, packed and unpacked.",
        "requestBody": {"required": True, "content": content},
        "responses": {
            "202": _answer("Kafka has all of them.", "Accepted"),
            "422": _answer("Some are no events of the contract. Kafka has the others.", "Refused"),
            "403": _answer("None was taken: the token speaks for another source.", "Refused"),
            **_common("400", "401", "408", "413", "415", "429", "503"),
        },
    }


def _look() -> Schema:
    names = {"source": _SOURCE, "id": "CloudEvents id, written with percent signs."}
    return {
        "operationId": "lookAtEvent",
        "summary": "Tell what became of an event.",
        "parameters": [
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": text,
                "schema": {"type": "string", "minLength": 1, "maxLength": 512},
            }
            for name, text in names.items()
        ],
        "responses": {
            "200": _answer("What became of it.", "Fate"),
            "403": _answer("The token speaks for another source.", "Error"),
            # Anything that the path says may be longer than a request line, or lead elsewhere.
            **_common("400", "401", "404", "429", "503"),
        },
    }


def _health() -> Schema:
    return {
        "operationId": "health",
        "summary": "Tell whether events are taken.",
        "security": [],
        "responses": {
            "200": _answer("They are.", "Health"),
            "503": _answer("They are not: no broker answers.", "Health"),
        },
    }


def _description() -> Schema:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "description",
        "summary": "This document.",
        "security": [],
        "responses": {"200": {"description": "This document.", "content": content}},
    }


def _answer(description: str, schema: str) -> Schema:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}


def _common(*statuses: str) -> Schema:
    return {status: {"$ref": f"#/components/responses/{status}"} for status in statuses}


def _refusals() -> Schema:
    retry = {"Retry-After": {"required": True, "description": "Seconds.", "schema": {"type": "string"}}}
    challenge = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
    said: Mapping[str, tuple[str, Schema]] = {
        "400": ("The body is not what its headers say.", {}),
        "401": ("No token, or none that is known.", challenge),
        "404": ("There is nothing here.", {}),
        "408": ("The body took too long.", {}),
        "413": ("The body is too large, packed or unpacked.", {}),
        "415": ("No form of events that is known.", {}),
        "429": ("Too many requests are in hand: come again.", retry),
        "503": ("A server behind the door is away: nothing was accepted for good, send it again.", retry),
    }
    return {
        status: _answer(text, "Error") | ({"headers": head} if head else {}) for status, (text, head) in said.items()
    }


def _schemas() -> Schema:
    sent = [name for name in CATALOGUE if name not in DERIVED]
    schemas: Schema = {}
    for name in sent:
        schema = event_schema(name)
        schemas |= _moved(schema.pop("$defs", {}))
        schemas[name] = _moved({key: part for key, part in schema.items() if key not in {"$schema", "$id"}})
    of_ours = [{"$ref": f"#/components/schemas/{name}"} for name in sent]
    foreign = {"type": "object", "required": required_attributes(CATALOGUE["ticket.created"])}
    count, text = {"type": "integer", "minimum": 0}, {"type": "string"}
    fault = _object(index=count, pointer=text, reason={"enum": [*map(str, Reason), "foreign-source"]}, message=text)
    letter = _object(letter=text, reason=text, pointer=text, message=text, received_at_ms={"type": "integer"})
    stored = _object(name=text, subject=text, at_ms={"type": "integer"}, stored_at_ms={"type": "integer"})
    return schemas | {
        "Event": {"anyOf": [*of_ours, foreign]},
        "Accepted": _object(accepted=count),
        "Refused": _object(
            error=text,
            accepted=count,
            taken={"type": "array", "items": count},
            faults={"type": "array", "items": fault},
        ),
        "Error": _object(error=text),
        "Fate": {
            "type": "object",
            "required": ["state"],
            "properties": {
                "state": {"enum": ["stored", "dead-letter", "unseen"]},
                "stored": {"anyOf": [stored, {"type": "null"}]},
                "dead_letters": {"type": "array", "items": letter},
            },
        },
        "Health": _object(status=text, in_flight=count, tokens=count),
    }


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _moved(schema: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """Return a part of an event's schema as it reads among the components."""
    if isinstance(schema, list):
        return [_moved(part) for part in schema]
    if isinstance(schema, dict):
        return {key: _moved(part) for key, part in schema.items()}
    return schema.replace("#/$defs/", "#/components/schemas/") if isinstance(schema, str) else schema
