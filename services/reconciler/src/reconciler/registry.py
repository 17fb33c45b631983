"""The codec, with a schema registry where one is configured."""

from __future__ import annotations

from contextlib import AsyncExitStack

from mint_events.codec import Codec
from mint_events.registry import SchemaRegistry


async def open_codec(registry_url: str | None, stack: AsyncExitStack) -> Codec:
    """A codec; what it needs to connect to is closed with `stack`."""
    if registry_url is None:
        return Codec()
    registry = SchemaRegistry(registry_url)
    stack.push_async_callback(registry.close)
    return Codec(registry)
