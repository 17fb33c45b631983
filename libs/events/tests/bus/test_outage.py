"""That Kafka is away is told by all that uses it as an outage, which costs no record anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition, errors
from structlog.testing import capture_logs

from mint_events.admin import ensure_topics
from mint_events.bus import Cluster, CompactedTopic, Output, Publisher, Recovery, latest_by_key
from mint_events.bus.brokers import connected_admin
from mint_events.bus.history import read_topic
from mint_events.bus.limits import Limits
from mint_events.bus.membership import new_member
from mint_events.bus.reader import connected_reader
from mint_events.bus.record import Record
from mint_events.bus.trying import Trying
from mint_events.codec import Codec
from mint_events.envelope import Received
from mint_resilience.backoff import Backoff
from mint_resilience.budget import current_budget
from mint_resilience.failures import Failure, Outage, Permanent
from mint_sandbox.kafka import KafkaCluster

from .support import INPUT, STATE, Bus, event, running

pytestmark = pytest.mark.requirement("NR-1")

PARTITIONS = 6


def at(kafka: KafkaCluster) -> Cluster:
    """A cluster whose clients soon give up."""
    return Cluster(brokers=tuple(kafka.brokers.split(",")), request_seconds=1.0)


@pytest_asyncio.fixture(loop_scope="session")
async def one_of_three_away() -> AsyncIterator[tuple[Cluster, Publisher, int]]:
    """Three brokers, each the only one to have its partitions of a topic; one is killed.

    Gives the cluster, a publisher, and a partition that nobody leads.
    """
    async with KafkaCluster(3) as kafka:
        cluster = at(kafka)
        await ensure_topics(cluster, (INPUT,), partitions=PARTITIONS, replication=1)
        async with connected_admin(cluster) as admin:
            (topic,) = await admin.describe_topics([INPUT.name])
        leads = {part["leader"]: part["partition"] for part in topic["partitions"]}
        async with Publisher(cluster, Codec()) as publisher:
            await publisher.send(*(to(number) for number in range(PARTITIONS)))
            await kafka.kill(2)
            yield cluster, publisher, leads[2]


def to(partition: int) -> Record:
    return Record(topic=INPUT.name, key=b"key", value=b"value", partition=partition)


@pytest.mark.requirement("NR-3")
async def test_a_partition_that_nobody_leads_is_an_outage_and_costs_a_record_nothing(
    one_of_three_away: tuple[Cluster, Publisher, int],
) -> None:
    """Given a handler that publishes to it, however often, then its budget is whole."""
    _, publisher, orphan = one_of_three_away
    with pytest.raises(Outage, match="publishing to in is not acknowledged"):
        await publisher.send(to(orphan))
    left: list[int] = []

    async def step() -> None:
        budget = current_budget()
        assert budget is not None
        left.append(budget.attempts_left)
        if len(left) < 4:
            await publisher.send(to(orphan))

    async def at_once(seconds: float, woken: asyncio.Event | None = None) -> None:
        del seconds, woken

    await Trying(Limits(budget_attempts=2), at_once, Recovery()).within_budget(step)
    assert left == [2] * 4


async def ends(cluster: Cluster, kafka: KafkaCluster) -> None:
    async with connected_reader(cluster, INPUT.name) as reader:
        await kafka.kill()
        await reader.end_offsets([TopicPartition(INPUT.name, 0)])


async def names(cluster: Cluster, kafka: KafkaCluster) -> None:
    async with connected_admin(cluster) as admin:
        await kafka.kill()
        await admin.list_topics()


@pytest_asyncio.fixture(loop_scope="session")
async def kafka_of_ones_own() -> AsyncIterator[KafkaCluster]:
    async with KafkaCluster() as kafka:
        await ensure_topics(at(kafka), (INPUT, STATE), partitions=2)
        yield kafka


async def test_whatever_reads_says_that_nobody_is_there(
    kafka_of_ones_own: KafkaCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mint_events.bus.starting.START", Backoff(attempts=1, base=0.0))
    cluster, codec = at(kafka_of_ones_own), Codec()
    async with CompactedTopic(cluster, codec, STATE) as table:
        async with Publisher(cluster, codec) as publisher:
            await publisher.publish(event("key", 1), topic=STATE)
        assert len(await table.present()) == 1
        await kafka_of_ones_own.kill()
        with pytest.raises(Outage, match="state can not be read"):
            await table.present()
    with pytest.raises(Outage, match="can not be used"):
        await latest_by_key(cluster, codec, STATE, 0)
    with pytest.raises(Outage, match="can not be used"):
        await ensure_topics(cluster, (INPUT,))
    with pytest.raises(Outage, match="can not be used"):
        async for _ in read_topic(cluster, codec, STATE):
            pass


@pytest.mark.parametrize("use", [ends, names])
async def test_what_breaks_off_while_it_is_used_is_told_by_its_class_too(
    kafka_of_ones_own: KafkaCluster, use: Callable[[Cluster, KafkaCluster], Awaitable[None]]
) -> None:
    with pytest.raises(Outage) as raised:
        await use(at(kafka_of_ones_own), kafka_of_ones_own)
    assert raised.value.endpoint == kafka_of_ones_own.brokers


async def test_a_member_waits_longer_for_an_answer_than_a_rebalance_may_take() -> None:
    """Its request to join is answered when the slowest member has finished what it does."""
    limits = Limits(drain_seconds=60.0)
    member = new_member(Cluster(brokers=("127.0.0.1:1",)), "group", limits)
    assert isinstance(member, AIOKafkaConsumer)
    assert member._request_timeout_ms > member._rebalance_timeout_ms > 60_000


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (errors.TopicAuthorizationFailedError, Outage),
        (errors.UnsupportedVersionError, Permanent),
    ],
)
async def test_a_group_that_can_not_go_on_ends_by_the_class_of_the_reason(
    bus: Bus,
    monkeypatch: pytest.MonkeyPatch,
    error: type[errors.KafkaError],
    failure: type[Failure],
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise error

    async def handle(_: Received) -> Sequence[Output]:
        return ()

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", refuse)
    with pytest.raises(BaseExceptionGroup) as raised:
        await bus.consumer(handle).run(asyncio.Event())
    (ended,) = raised.value.exceptions
    assert type(ended) is failure


async def test_a_poll_that_may_succeed_later_is_made_again_and_has_its_class(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bus.publisher.publish(event("key", 0), topic=INPUT)
    done = asyncio.Event()
    getmany = AIOKafkaConsumer.getmany
    refusals = [errors.NotCoordinatorForGroupError, errors.KafkaConnectionError]

    async def refuse_twice(*args: object, **more: object) -> object:
        if refusals:
            raise refusals.pop()
        return await getmany(*args, **more)

    async def handle(_: Received) -> Sequence[Output]:
        done.set()
        return ()

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", refuse_twice)
    with capture_logs() as lines:
        async with running(bus.consumer(handle)):
            await done.wait()
    told = [line["failure"] for line in lines if line["event"] == "poll failed"]
    assert told == ["outage", "transient"]
