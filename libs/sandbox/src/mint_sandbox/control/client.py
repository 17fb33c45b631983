"""Calls to the control port of a sandbox server.

All raise `ControlRefused` when the server says no, and `ConnectionError` when it is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aiohttp

from mint_sandbox.faults.model import Fault

Calls = dict[str, dict[str, int]]
"""How often each endpoint was asked for each operation."""


class ControlRefused(Exception):  # noqa: N818 - the server's word, not a fault of the program
    """There is no such endpoint, or it can not have such a fault; the message says what can be."""


async def calls(control_url: str) -> Calls:
    """What the endpoints were asked since the start, or since `reset_calls`."""
    answer: Calls = await _call("GET", f"{control_url}/sandbox/calls")
    return answer


async def reset_calls(control_url: str) -> None:
    """Begin to count from zero."""
    await _call("POST", f"{control_url}/sandbox/calls/reset")


async def faults(control_url: str) -> dict[str, Any]:
    """By endpoint: `faults` (each with how many requests it has `struck`), `seed`, `kinds`."""
    answer: dict[str, Any] = await _call("GET", f"{control_url}/sandbox/faults")
    return answer


async def misbehave(
    control_url: str, endpoint: str, faults: Sequence[Fault], *, seed: int = 0
) -> None:
    """Give an endpoint these faults in place of the present ones, the first one outermost."""
    body = {"faults": [fault.to_json() for fault in faults], "seed": seed}
    await _call("PUT", f"{control_url}/sandbox/faults/{endpoint}", body)


async def behave(control_url: str, endpoint: str) -> None:
    """Clear the faults of an endpoint."""
    await _call("DELETE", f"{control_url}/sandbox/faults/{endpoint}")


async def _call(method: str, url: str, body: Any = None) -> Any:
    async with aiohttp.ClientSession() as session:
        try:
            async with session.request(method, url, json=body) as response:
                return await _answer(response)
        except aiohttp.ClientError as error:
            raise ConnectionError(f"no sandbox answers at {url}: {error}") from error


async def _answer(response: aiohttp.ClientResponse) -> Any:
    if response.status in (400, 404):
        raise ControlRefused(await response.text())
    response.raise_for_status()
    return await response.json()
