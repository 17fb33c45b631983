"""What the tests of the bus share: small topics, small events, and ways to watch them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from aiokafka import AIOKafkaConsumer, TopicPartition

from mint_events.admin import ensure_delays
from mint_events.bus import (
    Cluster,
    Consumer,
    Handler,
    Limits,
    Output,
    Publish,
    Publisher,
    Wait,
    parking_topic,
)
from mint_events.catalogue import InterventionRequired, MintFailed
from mint_events.codec import Codec
from mint_events.envelope import Envelope, Received, caused_by, root
from mint_events.ids import NAMESPACE
from mint_events.topics import Topic

PARTITIONS = 4
GROUP = "worker"
INPUT = Topic(name="in", writer="test", events=(MintFailed,), retention=timedelta(days=1))
OTHER = Topic(name="other", writer="test", events=(MintFailed,), retention=timedelta(days=1))
OUTPUT = Topic(
    name="out", writer="test", events=(InterventionRequired,), retention=timedelta(days=1)
)
STATE = Topic(name="state", writer="test", events=(MintFailed,), retention=None)
QUICK = Limits(commit_seconds=0.05, drain_seconds=5.0, retry_base=0.01, retry_ceiling=0.05)
WAITS = (Wait(0.2), Wait(0.4))
"""How long a record is parked, where a test lets records be parked."""
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Bus:
    """A deployment of its own on the shared broker."""

    cluster: Cluster
    codec: Codec
    publisher: Publisher

    def consumer(
        self,
        handler: Handler,
        *,
        topics: Sequence[Topic] = (INPUT,),
        limits: Limits = QUICK,
        **more: Any,
    ) -> Consumer:
        return Consumer(
            self.cluster,
            topics=topics,
            group=GROUP,
            handler=handler,
            publisher=self.publisher,
            codec=self.codec,
            limits=limits,
            **more,
        )

    async def committed(self, topic: Topic = INPUT) -> dict[int, int]:
        """The group's committed offset of each partition that has one."""
        name = self.cluster.prefixed(topic.name)
        client = AIOKafkaConsumer(
            **self.cluster.client_options(),
            group_id=self.cluster.prefixed(GROUP),
            enable_auto_commit=False,
        )
        await client.start()
        try:
            client.assign([TopicPartition(name, n) for n in range(PARTITIONS)])
            found = {n: await client.committed(TopicPartition(name, n)) for n in range(PARTITIONS)}
        finally:
            await client.stop()
        return {n: offset for n, offset in found.items() if offset is not None}

    async def read(self, topic: Topic) -> list[Any]:
        """All raw records of a topic, partition by partition."""
        client = AIOKafkaConsumer(**self.cluster.client_options())
        name = self.cluster.prefixed(topic.name)
        tps = [TopicPartition(name, n) for n in range(PARTITIONS)]
        records: list[Any] = []
        await client.start()
        try:
            client.assign(tps)
            await client.seek_to_beginning()
            ends = await client.end_offsets(tps)
            for tp in tps:
                while await client.position(tp) < ends[tp]:
                    records += (await client.getmany(tp, timeout_ms=200)).get(tp, [])
        finally:
            await client.stop()
        return records

    async def read_events(self, topic: Topic) -> list[Received]:
        """All records of a topic, decoded."""
        return [
            self.codec.decode(
                topic.name, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers
            )
            for r in await self.read(topic)
        ]


async def parking_topics(bus: Bus) -> None:
    """Make the topics that `WAITS` need."""
    await ensure_delays(bus.cluster, [parking_topic(GROUP, wait) for wait in WAITS], [INPUT])


def event(key: str, number: int) -> Envelope:
    """An input; `number` tells apart those of a key."""
    return root(
        MintFailed(mint_id=key, user_id="user", detail=str(number)),
        id=uuid5(NAMESPACE, f"{key}/{number}"),
        source="test",
        time=datetime.now(UTC),
    )


def number(received: Received) -> int:
    """The number that `event` was given."""
    assert isinstance(received.envelope.event, MintFailed)
    return int(received.envelope.event.detail)


def output(received: Received) -> list[Output]:
    """The one output of an input; its id follows from the input."""
    answer = InterventionRequired(
        mint_id=received.envelope.mint_id, user_id="user", reason=str(number(received)), detail=""
    )
    made = caused_by(received.envelope, answer, source="worker", time=datetime.now(UTC))
    return [Publish(made, OUTPUT)]


def output_ids(inputs: Sequence[Envelope]) -> set[UUID]:
    """The ids of the outputs that these inputs must have."""
    answer = InterventionRequired(mint_id="", user_id="", reason="", detail="")
    return {
        caused_by(
            cause,
            InterventionRequired(
                mint_id=cause.mint_id, user_id="", reason=answer.reason, detail=""
            ),
            source="worker",
            time=cause.time,
        ).id
        for cause in inputs
    }


async def eventually(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until the condition holds; fail when it does not within a minute."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not await _holds(condition):  # noqa: ASYNC110 - it may be a remote one
            await asyncio.sleep(0.01)


async def _holds(condition: Callable[[], bool | Awaitable[bool]]) -> bool:
    found = condition()
    return found if isinstance(found, bool) else await found


@asynccontextmanager
async def running(consumer: Consumer, *, once_ready: bool = True) -> AsyncIterator[Consumer]:
    """Run a consumer, from when it is ready until the end of the block; its crash is raised."""
    stop = asyncio.Event()
    task = asyncio.create_task(consumer.run(stop))
    try:

        async def ready() -> bool:
            return not once_ready or task.done() or await consumer.readiness() is None

        await eventually(ready)
        yield consumer
    finally:
        stop.set()
        await task
