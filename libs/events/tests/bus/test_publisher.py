"""Publishing returns when it is on the brokers, and outlives their restart."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import errors

from mint_events.admin import ensure_topics
from mint_events.bus import Cluster, Position, Publisher
from mint_events.bus.record import Record
from mint_events.codec import Codec
from mint_events.topics import MAX_RECORD_BYTES
from mint_resilience.backoff import Backoff
from mint_resilience.failures import Failure, Outage, Permanent, RateLimited, Transient
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.ports import free_ports

from .support import INPUT, STATE, Bus, event, number


async def test_events_are_acknowledged_with_their_positions_and_keep_their_order(bus: Bus) -> None:
    positions = await bus.publisher.publish(*(event("key", n) for n in range(50)), topic=INPUT)
    assert [position.offset for position in positions] == list(range(50))
    assert {position.topic for position in positions} == {"in"}
    assert [number(received) for received in await bus.read_events(INPUT)] == list(range(50))


async def test_a_tombstone_has_the_key_and_no_value(bus: Bus) -> None:
    position = await bus.publisher.tombstone(STATE, "key")
    (record,) = await bus.read(STATE)
    assert (record.key, record.value) == (b"key", None)
    assert position == Position(topic="state", partition=record.partition, offset=0)


async def test_a_record_of_the_largest_size_is_taken_a_larger_one_is_a_final_failure(
    bus: Bus,
) -> None:
    largest = Record(topic="in", key=b"k", value=b"\x00" * MAX_RECORD_BYTES)
    await bus.publisher.send(largest)
    larger = Record(topic="in", key=b"k", value=b"\x00" * (MAX_RECORD_BYTES * 2))
    with pytest.raises(Permanent, match="too large"):
        await bus.publisher.send(larger)


async def test_while_the_broker_is_away_publishing_waits_and_then_writes_once() -> None:
    async with KafkaCluster() as kafka:
        cluster = Cluster(brokers=tuple(kafka.brokers.split(",")))
        await ensure_topics(cluster, [INPUT], partitions=4)
        async with Publisher(cluster, Codec()) as publisher:
            bus = Bus(cluster, Codec(), publisher)
            await publisher.publish(event("key", 0), topic=INPUT)
            await kafka.kill()
            publishing = asyncio.create_task(publisher.publish(event("key", 1), topic=INPUT))
            await asyncio.sleep(0)
            assert not publishing.done()
            await kafka.restart()
            await asyncio.wait_for(publishing, 60)
            assert [number(received) for received in await bus.read_events(INPUT)] == [0, 1]


@pytest.mark.requirement("NR-1")
@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (errors.KafkaTimeoutError, Outage),
        (errors.KafkaConnectionError, Outage),
        (errors.TopicAuthorizationFailedError, Outage),
        (errors.RequestTimedOutError, Transient),
        (errors.QuotaViolationError, RateLimited),
        (errors.InvalidTopicError, Permanent),
        (errors.ProducerFenced, Transient),
        (errors.OutOfOrderSequenceNumber, Transient),
    ],
)
async def test_what_the_brokers_or_the_client_say_has_its_class(
    bus: Bus,
    monkeypatch: pytest.MonkeyPatch,
    error: type[errors.KafkaError],
    failure: type[Failure],
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(bus.publisher._producer, "send", refuse)
    with pytest.raises(Failure, match="publishing to in is not acknowledged") as raised:
        await bus.publisher.publish(event("key", 0), topic=INPUT)
    assert type(raised.value) is failure


async def test_without_a_broker_the_start_ends_with_an_outage_that_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (port,) = free_ports(1)
    monkeypatch.setattr("mint_events.bus.starting.START", Backoff(attempts=1, base=0.0))
    with pytest.raises(Outage, match=f"127.0.0.1:{port}"):
        await Publisher(Cluster(brokers=(f"127.0.0.1:{port}",)), Codec()).start()
