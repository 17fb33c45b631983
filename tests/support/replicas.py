"""Whether all brokers have everything: asked of the brokers."""

from __future__ import annotations

import asyncio

from aiokafka.admin import AIOKafkaAdminClient

from mint_events.bus import Cluster

_POLL_SECONDS = 0.2


async def until_in_sync(cluster: Cluster, *, replicas: int, within: float) -> None:
    """Wait until every partition of our topics has so many replicas in sync.

    Raises `TimeoutError`.
    """
    admin = AIOKafkaAdminClient(**cluster.client_options())
    await admin.start()
    try:
        async with asyncio.timeout(within):
            while min(await _in_sync(admin, cluster)) < replicas:  # noqa: ASYNC110 - remote
                await asyncio.sleep(_POLL_SECONDS)
    finally:
        await admin.close()


async def _in_sync(admin: AIOKafkaAdminClient, cluster: Cluster) -> list[int]:
    names = [name for name in await admin.list_topics() if name.startswith(cluster.prefix)]
    topics = await admin.describe_topics(names)
    return [len(partition["isr"]) for topic in topics for partition in topic["partitions"]]
