"""A member of a consumer group: how it joins, and how soon it is missed."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from mint_events.bus.cluster import Cluster
from mint_events.bus.limits import Limits

SESSION_MS = 6_000
"""A process that died is noticed after this long; the least that brokers allow by default."""
HEARTBEAT_MS = 1_000
MAX_POLL_MS = 300_000
_MARGIN_MS = 5_000


def new_member(cluster: Cluster, group: str, limits: Limits) -> AIOKafkaConsumer:
    """A member that is not started yet, subscribed to nothing, and commits only when it is told."""
    rebalance_ms = int(limits.drain_seconds * 1000) + 2 * SESSION_MS
    # aiokafka has one limit for all requests: to join is answered when the slowest member is there
    options = cluster.client_options() | {"request_timeout_ms": rebalance_ms + _MARGIN_MS}
    return AIOKafkaConsumer(
        **options,
        group_id=cluster.prefixed(group),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        # the same numbers of all topics to the same member, so that a key's records meet there
        partition_assignment_strategy=(RangePartitionAssignor,),
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
        max_poll_interval_ms=MAX_POLL_MS,
        rebalance_timeout_ms=rebalance_ms,
    )
