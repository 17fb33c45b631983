"""Asking the brokers themselves: what topics there are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient

from mint_events.bus.cluster import Cluster
from mint_events.bus.failing import kafka_failures
from mint_events.bus.starting import start_client


class Admin(AIOKafkaAdminClient):  # type: ignore[misc]  # aiokafka has no types
    """Aiokafka's client, stopped by the name that its other clients are stopped by."""

    async def stop(self) -> None:
        """Disconnect."""
        await self.close()


@asynccontextmanager
async def connected_admin(cluster: Cluster) -> AsyncIterator[Admin]:
    """A client for administration.

    Raises `Outage` when no broker answers, and what goes wrong while it is used by its class.
    """
    admin = await start_client(lambda: Admin(**cluster.client_options()), cluster)
    try:
        with kafka_failures("administration", cluster):
            yield admin
    finally:
        await admin.stop()


async def partition_counts(admin: Admin) -> dict[str, int]:
    """How many partitions each topic has, by its name on the brokers.

    It asks for all topics, for to ask for one that is not there may make it.
    """
    return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
