"""Calls to the control port of a sandbox server."""

from __future__ import annotations

from typing import Any

import aiohttp

Calls = dict[str, dict[str, int]]
"""How often each endpoint was asked for each operation."""


async def calls(control_url: str) -> Calls:
    """What the endpoints were asked since the start, or since `reset_calls`."""
    answer: Calls = await _call("GET", f"{control_url}/sandbox/calls")
    return answer


async def reset_calls(control_url: str) -> None:
    """Begin to count from zero."""
    await _call("POST", f"{control_url}/sandbox/calls/reset")


async def _call(method: str, url: str) -> Any:
    async with aiohttp.ClientSession() as session, session.request(method, url) as response:
        response.raise_for_status()
        return await response.json()
