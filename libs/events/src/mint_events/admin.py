"""Making the topics as they should be; doing it again changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from aiokafka.admin import NewPartitions, NewTopic
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code

from mint_events.bus.brokers import Admin, connected_admin, partition_counts
from mint_events.bus.cluster import Cluster
from mint_events.bus.publisher import MAX_REQUEST_BYTES
from mint_events.topics import TOPICS, Topic
from mint_resilience.failures import Permanent, Transient

DEFAULT_PARTITIONS = 8
MOST_REPLICAS = 3
_KNOWN_TIMEOUT_SECONDS = 30.0  # a broker on a busy machine takes longer than it should
_POLL_SECONDS = 0.05


def topic_settings(topic: Topic) -> dict[str, str]:
    """Kafka's settings of a topic, by their names in "Topic Configs" of Kafka's documentation."""
    settings = {
        "max.message.bytes": str(MAX_REQUEST_BYTES),
        "cleanup.policy": ",".join(topic.cleanup),
    }
    times = {"retention.ms": topic.retention, "segment.ms": topic.segment}
    return settings | {
        name: str(time // timedelta(milliseconds=1)) for name, time in times.items() if time
    }


async def ensure_topics(
    cluster: Cluster,
    topics: Sequence[Topic] = TOPICS,
    *,
    partitions: int = DEFAULT_PARTITIONS,
    replication: int | None = None,
) -> list[str]:
    """Create the topics that are not there yet; returns their names, without prefix.

    `replication` None means three replicas, or as many as there are brokers. A topic that is there
    is left as it is. Raises `Outage` when no broker answers, `Permanent` when a topic can not be
    made, `Transient` when the brokers do not learn of it in time.
    """
    async with connected_admin(cluster) as admin:
        return await _ensure(admin, cluster, topics, partitions, replication)


async def require_alike(cluster: Cluster, topics: Sequence[Topic]) -> None:
    """See that a key lies on the same number of each of these topics.

    Raises `Permanent` when they have different numbers of partitions, else as `ensure_topics`.
    """
    async with connected_admin(cluster) as admin:
        counts = await partition_counts(admin)
    told = {topic.name: counts.get(cluster.prefixed(topic.name), 0) for topic in topics}
    if len({*told.values()}) > 1:
        parts = ", ".join(f"{name} has {count}" for name, count in told.items())
        raise Permanent(
            f"topics of different numbers of partitions: {parts}; a key has to lie on the same of"
            " each: give all of them the larger number while nothing is in flight"
        )


async def ensure_delays(cluster: Cluster, delays: Sequence[Topic], inputs: Sequence[Topic]) -> None:
    """See that every delay topic is there, with at least as many partitions as each of the inputs.

    A record is parked on the partition of the number that it came from, so an input that has grown
    lets its delay topics grow, too. Raises as `ensure_topics`.
    """
    async with connected_admin(cluster) as admin:
        counts = await partition_counts(admin)
        most = max((counts.get(cluster.prefixed(topic.name), 0) for topic in inputs), default=0)
        await _ensure(admin, cluster, delays, most or DEFAULT_PARTITIONS)
        names = [cluster.prefixed(topic.name) for topic in delays]
        if small := [name for name in names if counts.get(name, most) < most]:
            await admin.create_partitions({name: NewPartitions(most) for name in small})


async def _ensure(
    admin: Admin,
    cluster: Cluster,
    topics: Sequence[Topic],
    partitions: int,
    replication: int | None = None,
) -> list[str]:
    there = set(await admin.list_topics())
    missing = [topic for topic in topics if cluster.prefixed(topic.name) not in there]
    if not missing:
        return []
    replicas = replication or await _replicas(admin)
    new = [_new_topic(cluster, topic, partitions, replicas) for topic in missing]
    created = _created(await admin.create_topics(new))
    await _known(admin, created)
    return [cluster.unprefixed(name) for name in created]


async def _replicas(admin: Admin) -> int:
    return min(MOST_REPLICAS, len((await admin.describe_cluster())["brokers"]))


def _new_topic(cluster: Cluster, topic: Topic, partitions: int, replicas: int) -> NewTopic:
    # with three replicas, what is acknowledged survives the loss of one
    settings = {**topic_settings(topic), "min.insync.replicas": str(max(1, replicas - 1))}
    return NewTopic(cluster.prefixed(topic.name), partitions, replicas, topic_configs=settings)


def _created(answer: Any) -> list[str]:
    created = []
    for name, code, *message in answer.topic_errors:
        error = for_code(code)
        if error is NoError:
            created.append(name)
        elif error is not TopicAlreadyExistsError:
            raise Permanent(
                f"topic {name} can not be created: {error.__name__} {message}; check the rights of "
                "this client and that the replication is not above the number of brokers"
            )
    return created


async def _known(admin: Admin, names: Sequence[str]) -> None:
    """Wait until the brokers know the topics: they learn of them a moment later."""
    try:
        async with asyncio.timeout(_KNOWN_TIMEOUT_SECONDS):
            while not set(names) <= set(await admin.list_topics()):  # noqa: ASYNC110 - it is remote
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError as error:
        raise Transient(f"the brokers do not know {', '.join(names)} yet; try again") from error
