"""A member of a consumer group: how it joins, how soon it is missed, and how it leaves."""

from __future__ import annotations

import asyncio

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from mint_events.bus.cluster import Cluster
from mint_events.bus.limits import Limits

SESSION_MS = 6_000
"""A process that died is noticed after this long; the least that brokers allow by default."""
HEARTBEAT_MS = 1_000
MAX_POLL_MS = 300_000
_LEAVE_SECONDS = 5.0

log = structlog.stdlib.get_logger(__name__)


def new_member(cluster: Cluster, group: str, limits: Limits) -> AIOKafkaConsumer:
    """A member that is not started yet, subscribed to nothing, and commits only when it is told."""
    return AIOKafkaConsumer(
        **cluster.client_options(),
        group_id=cluster.prefixed(group),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        # the same numbers of all topics to the same member, so that a key's records meet there
        partition_assignment_strategy=(RangePartitionAssignor,),
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
        max_poll_interval_ms=MAX_POLL_MS,
        rebalance_timeout_ms=int(limits.drain_seconds * 1000) + 2 * SESSION_MS,
    )


async def leave(member: AIOKafkaConsumer) -> None:
    """Leave the group; in the middle of a rebalance that could take as long as the slowest."""
    try:
        async with asyncio.timeout(_LEAVE_SECONDS):
            await member.stop()
    except TimeoutError:
        log.warning("did not leave the group in time: it notices by itself")
