"""Publishes requests and follows their mints to the end.

Followed are the topics themselves, from the offsets at which they ended before the requests were
published, folded by the same `evolve` that the services use. So nothing is missed, nothing but
Kafka is needed, and what is shown is what happened, not what a projection has caught up with.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from mint_events.bus import Cluster, Publisher
from mint_events.catalogue import MintRequested
from mint_events.envelope import Envelope, root
from mint_runtime.connection import codec_of
from trimint import SOURCE
from trimint.board import Board
from trimint.failing import Exit, Failed
from trimint.progress import Progress, advance, begin
from trimint.tail import Tail

_TOGETHER = 50
"""Requests that are handed to Kafka at once: each may carry an image."""


@dataclass(slots=True)
class Connection:
    """Kafka, as a command talks to it: the present end of the topics, and a publisher."""

    tail: Tail
    publisher: Publisher


@asynccontextmanager
async def connected(cluster: Cluster, registry_url: str | None) -> AsyncIterator[Connection]:
    """Connect; raises `Outage` when no broker answers."""
    async with (
        codec_of(registry_url) as codec,
        Tail(cluster, codec) as tail,
        Publisher(cluster, codec) as publisher,
    ):
        yield Connection(tail, publisher)


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
