"""Pinata's own client for node, as a test calls it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from support.node import RunScript


@dataclass(frozen=True)
class Sdk:
    """The client, logged in to an account at this address; each call is a process of its own."""

    script: RunScript
    address: str
    jwt: str

    async def value(self, operation: str, **wanted: Any) -> Any:
        """What the operation gives."""
        return (await self._call(operation, wanted))["value"]

    async def refusal(self, operation: str, **wanted: Any) -> Any:
        """The name and the HTTP status of the error that the operation raises."""
        refused = (await self._call(operation, wanted))["refused"]
        return refused["name"], refused["statusCode"]

    async def _call(self, operation: str, wanted: dict[str, Any]) -> Any:
        text = json.dumps(wanted)
        return await self.script("call.mjs", self.address, self.jwt, operation, text)
