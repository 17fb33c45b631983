"""Waiting for something, or for the word to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def unless(stop: asyncio.Event, action: Awaitable[T]) -> T | None:
    """Await the action, but give it up and return None as soon as `stop` is set."""
    acting = asyncio.ensure_future(action)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({acting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return acting.result() if acting.done() else None
    finally:
        stopping.cancel()
        acting.cancel()
