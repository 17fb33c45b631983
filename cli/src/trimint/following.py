"""Publishes requests and follows their mints to the end.

Followed are the topics themselves, from the offsets at which they ended before the requests were
published, folded by the same `evolve` that the services use. So nothing is missed, nothing but
Kafka is needed, and what is shown is what happened, not what a projection has caught up with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from uuid import uuid4

from mint_events.bus import Cluster, Publisher
from mint_events.catalogue import MintRequested
from mint_events.codec import Codec
from mint_events.envelope import Envelope, root
from mint_events.registry import SchemaRegistry
from trimint.board import Board
from trimint.failing import Exit, Failed
from trimint.progress import Progress, advance, begin
from trimint.tail import Tail

SOURCE = "trimint-cli"
_TOGETHER = 50
"""Requests that are handed to Kafka at once: each may carry an image."""


@dataclass(slots=True)
class Connection:
    """Kafka, as a command talks to it: the present end of the topics, and a publisher."""

    tail: Tail
    publisher: Publisher


class Connected:
    """`async with Connected(cluster, registry_url) as connection:`."""

    def __init__(self, cluster: Cluster, registry_url: str | None) -> None:
        self._cluster = cluster
        self._registry_url = registry_url
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Connection:
        async with AsyncExitStack() as stack:
            codec = Codec(self._registry(stack))
            tail = await stack.enter_async_context(Tail(self._cluster, codec))
            publisher = await stack.enter_async_context(Publisher(self._cluster, codec))
            self._stack = stack.pop_all()
        return Connection(tail, publisher)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, at)

    def _registry(self, stack: AsyncExitStack) -> SchemaRegistry | None:
        if self._registry_url is None:
            return None
        registry = SchemaRegistry(self._registry_url)
        stack.push_async_callback(registry.close)
        return registry


async def publish(connection: Connection, requests: Sequence[MintRequested]) -> list[Progress]:
    """Ask for the mints, in this order; returns when Kafka has them all."""
    begun: list[Progress] = []
    for start in range(0, len(requests), _TOGETHER):
        part = requests[start : start + _TOGETHER]
        envelopes = [_envelope(request) for request in part]
        await connection.publisher.publish(*envelopes)
        begun += [begin(e, request) for e, request in zip(envelopes, part, strict=True)]
    return begun


async def follow(
    connection: Connection, begun: Sequence[Progress], board: Board, *, within: float | None
) -> list[Progress]:
    """Follow until nothing more happens to any of them; returns where they stand, in their order.

    Raises `Failed` when that takes longer than `within` seconds.
    """
    followed = {progress.request.mint_id: progress for progress in begun}
    try:
        async with asyncio.timeout(within):
            await _until_over(connection.tail, followed, board)
    except TimeoutError as error:
        waiting = [p.request.mint_id for p in followed.values() if not p.is_over]
        raise Failed(
            f"{len(waiting)} mints are not over after {within:g} s; they go on without being"
            f" followed: `trimint status {waiting[0]}` says where they stand",
            Exit.INCOMPLETE,
        ) from error
    return list(followed.values())


async def _until_over(tail: Tail, followed: dict[str, Progress], board: Board) -> None:
    if all(progress.is_over for progress in followed.values()):
        return
    async for envelope in tail.events():
        known = followed.get(envelope.mint_id)
        if known is None:
            continue
        followed[envelope.mint_id] = advance(known, envelope)
        board.show(followed[envelope.mint_id], followed.values())
        if all(progress.is_over for progress in followed.values()):
            return


def _envelope(request: MintRequested) -> Envelope:
    return root(request, id=uuid4(), source=SOURCE, time=datetime.now(UTC))
