"""What the AsyncAPI 3.0 document says: topics, keys, headers, payloads, framing."""

from __future__ import annotations

import inspect
from typing import Any

from mint_events.asyncapi.example import example
from mint_events.catalogue import EndpointEvent, Event, LayerEvent, MintRequested
from mint_events.framing import single_object_header
from mint_events.headers import CONTENT_TYPE
from mint_events.schema.history import History, load_history
from mint_events.topics import MAX_RECORD_BYTES, REQUESTS, TOPICS, Topic

_DESCRIPTION = """\
Trimint mints NFTs such that Solana, IPFS and the database agree. To have one minted, publish a
`MintRequested` on `mint.requests`; what becomes of it is on the other topics. All topics may have
a prefix that the operator sets.

**Key.** The record's key is the event's subject in UTF-8: its `mint_id`, or, of the few events that
are about a layer, `layer/` and its name, or about an endpoint, `endpoint/`, the dependency, `/` and
its name. A record with another key is refused.

**Value, without a schema registry: Avro single-object encoding.**
1. the two bytes `c3 01`,
2. the schema's CRC-64-AVRO fingerprint, 8 bytes, little-endian,
3. the Avro binary encoding of the event with that schema.

The first 10 bytes are the same for every event of a type: `x-value-prefix-hex` of its message.
`x-example-record` of `MintRequested` is its example as it is sent.

**Value, with a schema registry: Confluent wire format.** The byte `00`, the id that the registry
gave the schema (4 bytes, big-endian), the Avro binary encoding. The subject is the schema's full
name (`trimint.MintRequested`, RecordNameStrategy), its compatibility FULL_TRANSITIVE.

Consumers read both.

**Headers** follow the CloudEvents Kafka binding in binary mode. A producer may leave all of them
out; with `ce_id` a request that is published again is known as the same.

**Evolution.** Every version of a schema reads every other: fields are added and removed with
defaults only. A version's file never changes."""

_HEADERS = {
    "type": "object",
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "description": "The event's id, a UUID; unique."},
        "ce_type": {"type": "string", "description": "The message's name, e.g. MintRequested."},
        "ce_source": {"type": "string", "description": "Who says it, a URI reference."},
        "ce_time": {"type": "string", "format": "date-time", "description": "When, RFC 3339."},
        "ce_subject": {"type": "string", "description": "The same as the key."},
        "content-type": {"type": "string", "const": CONTENT_TYPE},
        "correlationid": {
            "type": "string",
            "description": "The same from the request to the end; by default the request's ce_id.",
        },
        "causationid": {
            "type": "string",
            "description": "The ce_id of the event that this one follows from.",
        },
        "traceparent": {"type": "string", "description": "W3C Trace Context."},
    },
}


def document() -> dict[str, Any]:
    """The whole document as plain data."""
    history = load_history()
    events = dict.fromkeys(event for topic in TOPICS for event in topic.events)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Trimint events", "version": "1.0.0", "description": _DESCRIPTION},
        "defaultContentType": CONTENT_TYPE,
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {topic.name: _operation(topic) for topic in TOPICS},
        "components": {
            "schemas": {"Headers": _HEADERS},
            "messages": {event.__name__: _message(event, history) for event in events},
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": f"Written by {topic.writer}.",
        "messages": {
            event.__name__: {"$ref": f"#/components/messages/{event.__name__}"}
            for event in topic.events
        },
        "bindings": {
            "kafka": {
                "topicConfiguration": _configuration(topic),
                "bindingVersion": "0.5.0",
            }
        },
    }


def _configuration(topic: Topic) -> dict[str, Any]:
    configuration: dict[str, Any] = {"cleanup.policy": list(topic.cleanup)}
    if topic.retention is not None:
        configuration["retention.ms"] = int(topic.retention.total_seconds() * 1000)
    return {**configuration, "max.message.bytes": MAX_RECORD_BYTES}


def _operation(topic: Topic) -> dict[str, Any]:
    return {
        "action": "receive" if topic is REQUESTS else "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
    }


def _key(event: type[Event]) -> str:
    """What the key of such an event's record is."""
    if issubclass(event, LayerEvent):
        return "subject, a layer"
    return "subject, an endpoint" if issubclass(event, EndpointEvent) else "mint_id"


def _message(event: type[Event], history: History) -> dict[str, Any]:
    version = history.current(event)
    message = {
        "name": event.__name__,
        "summary": " ".join((inspect.getdoc(event) or "").split()),
        "contentType": CONTENT_TYPE,
        "headers": {"$ref": "#/components/schemas/Headers"},
        "payload": {
            "schemaFormat": "application/vnd.apache.avro+json;version=1.9.0",
            "schema": {"$ref": f"./{event.__name__}.v{version.number}.avsc"},
        },
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"The event's {_key(event)}."},
                "bindingVersion": "0.5.0",
            }
        },
        "x-value-prefix-hex": single_object_header(version.fingerprint).hex(),
    }
    return message | (example() if event is MintRequested else {})
