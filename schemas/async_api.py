"""Knows how the contract reads as an AsyncAPI 3.0 document: topics, keys, and who sends what."""

from collections.abc import Iterable
from inspect import cleandoc
from typing import Final

from schemas.codec import CONTENT_TYPE, ORDERS, TICKETS, Reason
from schemas.events import (
    CATALOGUE,
    DERIVED,
    Data,
    EventRetracted,
    OrderData,
    PolicyPublished,
    type_of,
)
from schemas.examples import example
from schemas.json_schema import Schema
from schemas.policy import SUBJECT

VERSION: Final = "1.0.0"
"""Of the contract. Additions raise the middle number; a changed meaning is a new event (`.v2`), never a new version."""

_DEAD_LETTERS: Final = "dead-letters"
_CHANNELS: Final = {
    TICKETS: "Everything about tickets, and whatever has no topic of its own. Key: the ticket's id.",
    ORDERS: "Orders. Key: the customer's id.",
    _DEAD_LETTERS: "Records that are no events, as they came. The table `dead_letters` keeps them too.",
}
_LETTER: Final = "dead-letter"
_LETTER_HEADERS: Final = {
    "letter": "Names the dead letter.",
    "reason": "The kind of fault.",
    "pointer": "RFC 6901 pointer to the faulty field; empty for the whole record.",
    "message": "One sentence for the producer.",
    "topic": "Where the record lay.",
    "partition": "Where the record lay.",
    "offset": "Where the record lay.",
}


def async_api() -> Schema:
    """Return the document, from the side of Service Pulse: it receives what producers send."""
    topics = {topic: [name for name, kind in CATALOGUE.items() if _topic_of(kind) == topic] for topic in _CHANNELS}
    sent_to_us = {topic: [name for name in names if name not in DERIVED] for topic, names in topics.items()}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:servicepulse",
        "info": {
            "title": "Service Pulse",
            "version": VERSION,
            "description": "Events about tickets and orders, as CloudEvents 1.0 on Kafka. A prefix may precede topics.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {"kafka": _server()},
        "channels": {topic: _channel(topic, topics[topic] or [_LETTER]) for topic in _CHANNELS},
        "operations": {
            "receive-tickets": _operation("receive", TICKETS, sent_to_us[TICKETS]),
            "receive-orders": _operation("receive", ORDERS, sent_to_us[ORDERS]),
            "derive": _operation("send", TICKETS, sorted(DERIVED)),
            "put-aside": _operation("send", _DEAD_LETTERS, [_LETTER]),
        },
        "components": {"messages": {name: _message(name) for name in CATALOGUE} | {_LETTER: _letter()}},
    }


def _topic_of(kind: type[Data]) -> str:
    return ORDERS if issubclass(kind, OrderData) else TICKETS


def _server() -> Schema:
    return {
        "host": "{brokers}",
        "protocol": "kafka",
        "description": "Your Kafka cluster; with TLS, the protocol is kafka-secure.",
        "variables": {"brokers": {"default": "localhost:9092", "description": "host:port[,host:port]"}},
    }


def _channel(topic: str, names: Iterable[str]) -> Schema:
    return {
        "address": topic,
        "description": _CHANNELS[topic],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": _kafka({"topic": topic}),
    }


def _operation(action: str, topic: str, names: Iterable[str]) -> Schema:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": [{"$ref": f"#/channels/{topic}/messages/{name}"} for name in names],
    }


def _message(name: str) -> Schema:
    kind = CATALOGUE[name]
    return {
        "name": type_of(name),
        "title": name,
        "summary": cleandoc(kind.__doc__ or "").splitlines()[0],
        "contentType": CONTENT_TYPE,
        "headers": {"type": "object", "properties": {"content-type": {"const": CONTENT_TYPE}}},
        "payload": {"$ref": f"./{name}.schema.json"},
        "bindings": _kafka({"key": _key(kind)}),
        "examples": [{"name": name, "payload": example(name)}],
    }


def _key(kind: type[Data]) -> Schema:
    if kind.subject_field:
        return {"type": "string", "description": f"`data.{kind.subject_field}`"}
    if kind is PolicyPublished:
        return {"type": "string", "const": SUBJECT}
    if kind is EventRetracted:
        return {"type": "string", "description": "`subject`: the ticket of the retracted event"}
    return {"type": ["string", "null"], "description": "`subject`, if there is one"}


def _letter() -> Schema:
    headers: Schema = {name: {"type": "string", "description": text} for name, text in _LETTER_HEADERS.items()}
    headers["reason"]["enum"] = [str(reason) for reason in Reason]
    return {
        "name": _LETTER,
        "title": "A record that is no event",
        "summary": "Key and value as they came. The headers say what is wrong and where the record lay.",
        "contentType": "application/octet-stream",
        "headers": {"type": "object", "properties": headers, "required": list(headers)},
        "payload": {"type": "string", "description": "The bytes as they came; none when they are over 256 KiB."},
    }


def _kafka(binding: Schema) -> Schema:
    return {"kafka": {**binding, "bindingVersion": "0.5.0"}}
