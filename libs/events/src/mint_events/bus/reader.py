"""A client that reads beside all groups, and the end of any client that reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from mint_events.bus.cluster import Cluster
from mint_events.bus.failing import kafka_failures
from mint_events.bus.starting import start_client

_STOP_SECONDS = 5.0

log = structlog.stdlib.get_logger(__name__)


@asynccontextmanager
async def connected_reader(
    cluster: Cluster, what: str, **options: Any
) -> AsyncIterator[AIOKafkaConsumer]:
    """A client that is a member of no group, to read `what`; `options` are aiokafka's.

    Raises `Outage` when no broker answers, and what goes wrong while it is used by its class.
    """
    reader = await start_client(
        lambda: AIOKafkaConsumer(**cluster.client_options(), **options), cluster
    )
    try:
        with kafka_failures(f"{what} can not be read", cluster):
            yield reader
    finally:
        await disconnect(reader)


async def disconnect(client: AIOKafkaConsumer) -> None:
    """Stop a client that reads, within 5 s; a member of a group leaves it.

    A member in the middle of a rebalance would wait for the slowest of them. And while a broker is
    away, a stop ends in the cancellation of a fetch of the client's own (aiokafka 0.14,
    `Fetcher.close`): that is not ours, and must not hide why we stop.
    """
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await client.stop()
    except (TimeoutError, KafkaError) as error:
        log.warning("kafka client not stopped cleanly", reason=repr(error))
    except asyncio.CancelledError:
        if _is_cancelled():
            raise
    else:
        return
    await client._client.close()  # noqa: SLF001 - its stop did not come to that


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
