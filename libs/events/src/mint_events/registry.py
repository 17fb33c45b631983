"""A schema registry that speaks Confluent's API (Confluent's own, Apicurio's ccompat, Karapace).

Source: Confluent Schema Registry API reference. A schema's subject is its full name
(RecordNameStrategy), since a topic carries several types.
"""

from __future__ import annotations

import json
from typing import Any

import httpx

from mint_events.schema.derive import NAMESPACE
from mint_events.schema.history import SchemaVersion
from mint_resilience.hosts import host_of
from mint_resilience.http import http_failures, raise_for_status

COMPATIBILITY = "FULL_TRANSITIVE"

_NOT_FOUND = httpx.codes.NOT_FOUND
_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


class SchemaRegistry:
    """Registers the schemas that are written and looks up those that were.

    All calls raise the classified failure of the exchange (`mint_resilience.failures`).
    """

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        """Use the registry at `url` (with user and password, if it wants them); seconds a call."""
        self.url = url.rstrip("/")
        self._host = host_of(url)
        self._client = httpx.AsyncClient(
            timeout=timeout, headers={"accept": _MEDIA_TYPE, "content-type": _MEDIA_TYPE}
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def register(self, version: SchemaVersion) -> int:
        """Its id in the registry, which is asked to refuse incompatible successors.

        A schema that is registered already keeps its id.
        """
        subject = f"{NAMESPACE}.{version.event.__name__}"
        await self._call("PUT", f"/config/{subject}", {"compatibility": COMPATIBILITY})
        schema = {"schemaType": "AVRO", "schema": json.dumps(version.definition)}
        answer = await self._call("POST", f"/subjects/{subject}/versions", schema)
        return int(answer["id"])

    async def definition(self, schema_id: int) -> str | None:
        """The text of the schema with this id; None when the registry has none."""
        answer = await self._call("GET", f"/schemas/ids/{schema_id}", none_for=_NOT_FOUND)
        return None if answer is None else str(answer["schema"])

    async def _call(
        self, method: str, path: str, body: object = None, *, none_for: int | None = None
    ) -> Any:
        """The JSON answer; None for the status `none_for`."""
        with http_failures(self._host):
            response = await self._client.request(method, self.url + path, json=body)
        if response.status_code == none_for:
            return None
        raise_for_status(response, self._host)
        return response.json()
