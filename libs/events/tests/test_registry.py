from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from uuid import UUID

import fastavro
import pytest
import pytest_asyncio
from aiohttp import web

from mint_events.catalogue import MintFailed
from mint_events.codec import Codec
from mint_events.envelope import Received, root
from mint_events.registry import SchemaRegistry
from mint_events.schema.derive import record_schema
from mint_events.schema.history import EVENT_TYPES
from mint_resilience.failures import Outage, Poison, Transient

ENVELOPE = root(
    MintFailed(mint_id="m-1", user_id="u-1", detail="no"),
    id=UUID(int=7),
    source="reconciler",
    time=datetime(2026, 5, 4, tzinfo=UTC),
)


class RegistryServer:
    """Speaks the part of Confluent's API that producers and consumers use."""

    def __init__(self) -> None:
        self.schemas: list[str] = []
        self.subjects: dict[str, int] = {}
        self.compatibility: dict[str, str] = {}
        self.lookups: list[int] = []
        self.status = 200
        self.url = ""

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.put("/config/{subject}", self.configure),
                web.post("/subjects/{subject}/versions", self.register),
                web.get("/schemas/ids/{id}", self.schema),
            ]
        )
        return app

    def add(self, schema: str) -> int:
        """Register a schema as another producer would; its id."""
        if schema not in self.schemas:
            self.schemas.append(schema)
        return self.schemas.index(schema) + 1

    async def configure(self, request: web.Request) -> web.Response:
        self.compatibility[request.match_info["subject"]] = (await request.json())["compatibility"]
        return web.json_response({}, status=self.status)

    async def register(self, request: web.Request) -> web.Response:
        schema_id = self.add((await request.json())["schema"])
        self.subjects[request.match_info["subject"]] = schema_id
        return web.json_response({"id": schema_id}, status=self.status)

    async def schema(self, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        self.lookups.append(number)
        if not 1 <= number <= len(self.schemas):
            return web.json_response({"error_code": 40403}, status=404)
        return web.json_response({"schema": self.schemas[number - 1]}, status=self.status)


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[RegistryServer]:
    registry = RegistryServer()
    runner = web.AppRunner(registry.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    registry.url = f"http://{host}:{port}"
    yield registry
    await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="session")
async def client(server: RegistryServer) -> AsyncIterator[SchemaRegistry]:
    registry = SchemaRegistry(f"{server.url}/")
    yield registry
    await registry.close()


def decode(codec: Codec, value: bytes) -> Received:
    return codec.decode("mint.ledger", 0, 0, 0, b"m-1", value, ())


async def prepared(codec: Codec, value: bytes) -> Received:
    await codec.prepare([value])
    return decode(codec, value)


@pytest.mark.requirement("DE-3")
async def test_with_a_registry_values_are_in_confluents_wire_format(
    server: RegistryServer, client: SchemaRegistry
) -> None:
    codec = Codec(client)
    await codec.prepare()
    value = codec.encode(ENVELOPE).value
    schema_id = server.subjects["trimint.MintFailed"]
    assert value[:5] == b"\x00" + schema_id.to_bytes(4, "big")
    assert decode(codec, value).envelope.event == ENVELOPE.event
    assert json.loads(server.schemas[schema_id - 1]) == record_schema(MintFailed)


async def test_every_type_is_registered_and_protected(
    server: RegistryServer, client: SchemaRegistry
) -> None:
    await Codec(client).prepare()
    names = {f"trimint.{event.__name__}" for event in EVENT_TYPES}
    assert server.subjects.keys() == names
    assert server.compatibility == dict.fromkeys(names, "FULL_TRANSITIVE")


async def test_both_framings_are_read_with_a_registry(client: SchemaRegistry) -> None:
    assert (await prepared(Codec(client), Codec().encode(ENVELOPE).value)).envelope.event == (
        ENVELOPE.event
    )


async def test_nothing_is_written_before_the_ids_are_known(client: SchemaRegistry) -> None:
    with pytest.raises(RuntimeError, match="prepare"):
        Codec(client).encode(ENVELOPE)


def foreign_value(schema_id: int, schema: dict[str, Any], **fields: object) -> bytes:
    value = BytesIO()
    fastavro.schemaless_writer(value, schema, {"mint_id": "m-1", "user_id": "u-1", **fields})
    return b"\x00" + schema_id.to_bytes(4, "big") + value.getvalue()


@pytest.mark.requirement("DE-3")
async def test_a_producers_own_compatible_schema_is_resolved(
    server: RegistryServer, client: SchemaRegistry
) -> None:
    schema = record_schema(MintFailed)
    newer = {**schema, "fields": [*schema["fields"], {"name": "x", "type": "int", "default": 0}]}
    value = foreign_value(server.add(json.dumps(newer)), newer, detail="no", x=5)
    assert (await prepared(Codec(client), value)).envelope.event == ENVELOPE.event


async def test_an_id_is_asked_for_once(server: RegistryServer, client: SchemaRegistry) -> None:
    schema = record_schema(MintFailed)
    schema_id = server.add(json.dumps(schema))
    value = foreign_value(schema_id, schema, detail="no")
    codec = Codec(client)
    await codec.prepare()
    server.schemas.append("{}")
    unknown = b"\x00" + len(server.schemas).to_bytes(4, "big")
    for _ in range(3):
        await codec.prepare([value, unknown, value, None, b"rubbish"])
    assert server.lookups == [len(server.schemas)]


@pytest.mark.requirement("MF-2")
@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        (None, "the registry has no schema 900"),
        ("no json", "is no use"),
        ('"string"', "not an event"),
        ('{"type": "record", "name": "Foreign", "fields": []}', "not an event of the catalogue"),
        ('{"type": "record", "name": "trimint.MintFailed", "fields": []}', "mint_id"),
        ('{"type": "mystery"}', "is no use"),
    ],
)
async def test_a_schema_that_is_missing_or_no_use_makes_its_records_poison(
    server: RegistryServer, client: SchemaRegistry, schema: str | None, complaint: str
) -> None:
    schema_id = 900 if schema is None else server.add(schema)
    codec = Codec(client)
    with pytest.raises(Poison, match=complaint):
        await prepared(codec, b"\x00" + schema_id.to_bytes(4, "big") + b"rest")


async def test_a_registry_that_fails_is_a_failure_to_wait_out_and_not_poison(
    server: RegistryServer, client: SchemaRegistry
) -> None:
    codec = Codec(client)
    server.status = 503
    with pytest.raises(Transient):
        await codec.prepare()
    server.status = 200
    await codec.prepare()
    assert codec.encode(replace(ENVELOPE, source="x")).value.startswith(b"\x00")


async def test_a_registry_that_is_not_there_is_an_outage(unused_tcp_port: int) -> None:
    registry = SchemaRegistry(f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(Outage):
        await Codec(registry).prepare()
    await registry.close()


@pytest.mark.requirement("NR-1", "CF-1")
async def test_a_failure_of_the_registry_names_its_host_and_shows_no_password() -> None:
    registry = SchemaRegistry("http://user:hunter2@127.0.0.1:1")
    with pytest.raises(Outage) as caught:
        await registry.definition(1)
    await registry.close()
    assert "hunter2" not in f"{caught.value} {caught.value.endpoint}"
    assert caught.value.endpoint == "127.0.0.1:1"
