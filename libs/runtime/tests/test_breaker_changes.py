"""What breakers do is published in its order, and nobody who observes them waits for that."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr
from structlog.testing import capture_logs

from mint_events.admin import ensure_topics
from mint_events.bus import Cluster
from mint_events.bus.history import read_topic
from mint_events.catalogue import BreakerChanged, BreakerState
from mint_events.codec import Codec
from mint_events.envelope import Envelope, Received
from mint_events.topics import BREAKERS
from mint_resilience.breaker import BreakerPolicy, State, Transition
from mint_resilience.endpoint import Endpoint
from mint_resilience.endpoints import EndpointPool
from mint_resilience.failures import Outage, Transient
from mint_runtime import breaker_changes
from mint_runtime.breaker_changes import BreakerChanges
from mint_runtime.censor import Censor
from mint_runtime.connection import Connection, connected
from mint_runtime.settings import ServiceSettings
from mint_sandbox.kafka import KafkaCluster

START = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
SERVICE = "example"
FOR_EVER = 3600.0
PASSWORD = "p4ssword-of-the-settings"
KEY = "k3y-of-the-endpoint"


class Time:
    """A time that goes on by a second with every look."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class Topic:
    """Takes what is published, unless it is told to hold it or to fail."""

    def __init__(self, *failures: Exception) -> None:
        self.taken: list[Envelope] = []
        self.asked: list[Envelope] = []
        self.open = asyncio.Event()
        self.open.set()
        self._failures = list(failures)
        self._news = asyncio.Event()

    async def publish(self, change: Envelope) -> None:
        self.asked.append(change)
        self._news.set()
        await self.open.wait()
        if self._failures:
            raise self._failures.pop(0)
        self.taken.append(change)

    async def until_asked(self) -> None:
        async with asyncio.timeout(10):
            await self._news.wait()

    def reasons(self) -> list[str]:
        return [changed(change).reason for change in self.taken]


def changed(change: Envelope) -> BreakerChanged:
    assert isinstance(change.event, BreakerChanged)
    return change.event


def changes(most_waiting: int = 100) -> BreakerChanges:
    return BreakerChanges(
        service=SERVICE, instance="one", censor=Censor(), now=Time(), most_waiting=most_waiting
    )


def transition(reason: str) -> Transition:
    return Transition(7.0, State.CLOSED, State.OPEN, reason, "outage")


def tell(told: BreakerChanges, *reasons: object) -> None:
    for reason in reasons:
        told.tell("solana", "primary", transition(str(reason)))


def lost() -> float:
    return REGISTRY.get_sample_value("trimint_breaker_changes_lost_total") or 0.0


@pytest.mark.requirement("NR-2")
async def test_what_is_told_is_published_in_its_order_with_the_time_it_happened_at() -> None:
    told, topic = changes(), Topic()
    topic.open.clear()
    async with told.published(topic.publish):
        tell(told, 1, 2, 3)
        await topic.until_asked()
        assert topic.taken == []
        topic.open.set()
    assert topic.reasons() == ["1", "2", "3"]
    assert [change.time for change in topic.taken] == [
        START + timedelta(seconds=seconds) for seconds in (1, 2, 3)
    ]


@pytest.mark.requirement("NR-2", "NR-1")
async def test_it_names_who_changed_from_what_to_what_and_why() -> None:
    told, topic = changes(), Topic()
    async with told.published(topic.publish):
        tell(told, "refused")
    (change,) = topic.taken
    assert change.event == BreakerChanged(
        dependency="solana",
        endpoint="primary",
        service=SERVICE,
        instance="one",
        before=BreakerState.CLOSED,
        after=BreakerState.OPEN,
        reason="refused",
        failure="outage",
    )
    assert (change.source, change.subject) == (SERVICE, "endpoint/solana/primary")


@pytest.mark.requirement("NR-2")
async def test_what_was_not_acknowledged_is_sent_again_as_the_same_event_before_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(breaker_changes, "_RETRY_SECONDS", 0.0)
    told, topic = changes(), Topic(Transient("no broker answers"), Outage("nobody there"))
    async with told.published(topic.publish):
        tell(told, 1, 2)
    assert topic.reasons() == ["1", "2"]
    assert topic.asked == [topic.taken[0]] * 3 + [topic.taken[1]]


@pytest.mark.requirement("NR-2")
async def test_when_too_many_wait_the_oldest_is_dropped_counted_and_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(breaker_changes, "_LAST_WORDS_SECONDS", FOR_EVER)
    told, topic, before = changes(most_waiting=2), Topic(), lost()
    topic.open.clear()
    with capture_logs() as lines:
        async with told.published(topic.publish):
            tell(told, 0)
            await topic.until_asked()
            tell(told, 1, 2, 3, 4)
            topic.open.set()
    assert topic.reasons() == ["0", "3", "4"]
    assert lost() - before == 2
    dropped = [line for line in lines if line["event"] == "breaker change lost"]
    assert {line["log_level"] for line in dropped} == {"error"}
    assert [line["why"] for line in dropped] == ["too many wait for Kafka"] * 2


@pytest.mark.requirement("NR-2")
async def test_a_process_ends_although_kafka_is_away_and_says_what_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(breaker_changes, "_LAST_WORDS_SECONDS", 0.05)
    told, topic, before = changes(), Topic(), lost()
    topic.open.clear()
    with capture_logs() as lines:
        async with told.published(topic.publish):
            tell(told, 1, 2)
    ids = [line["event_id"] for line in lines if line["event"] == "breaker changed"]
    assert [line["event_id"] for line in lines if line["event"] == "breaker change lost"] == ids
    assert lost() - before == 2


async def test_a_bug_in_publishing_costs_one_change_and_ends_nothing() -> None:
    told, topic, before = changes(), Topic(ValueError("a bug")), lost()
    async with told.published(topic.publish):
        tell(told, 1, 2)
    assert topic.reasons() == ["2"]
    assert lost() - before == 1


async def test_what_ends_the_work_is_raised_as_it_is_and_what_was_told_is_published() -> None:
    told, topic = changes(), Topic()

    async def fail() -> None:
        async with told.published(topic.publish):
            tell(told, 1)
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert topic.reasons() == ["1"]


def test_the_events_know_every_state_of_a_breaker() -> None:
    assert {state.value for state in State} == {state.value for state in BreakerState}


def settings(kafka: KafkaCluster, prefix: str) -> ServiceSettings:
    return ServiceSettings(
        kafka_brokers=tuple(kafka.brokers.split(",")),
        kafka_topic_prefix=prefix,
        service_instance="one",
        kafka_sasl_password=SecretStr(PASSWORD),
    )


def pool(connection: Connection) -> EndpointPool[str]:
    """The first endpoint is out, and says more than it should."""
    endpoints = [
        Endpoint(name=name, target=name, priority=place)
        for place, name in enumerate(("first", "second"))
    ]
    return EndpointPool(
        "solana",
        endpoints,
        clock=lambda: 0.0,
        policy=BreakerPolicy(minimum_calls=1),
        observer=connection.observer,
    )


async def first_is_out(endpoint: str) -> str:
    if endpoint == "first":
        raise Outage(f"first: {PASSWORD} refused at https://x.example/{KEY} \ud800")
    return endpoint


async def published(cluster: Cluster) -> list[Received]:
    """What lies on the topic."""
    found = [each async for each in read_topic(cluster, Codec(), BREAKERS)]
    assert all(isinstance(each, Received) for each in found)
    return [each for each in found if isinstance(each, Received)]


@pytest.mark.requirement("NR-2", "OB-8")
async def test_a_pool_whose_endpoint_fails_leads_to_an_event_on_kafka_without_url_or_secret(
    kafka: KafkaCluster, topic_prefix: str
) -> None:
    own = settings(kafka, topic_prefix)
    async with connected(own, SERVICE) as connection:
        assert await pool(connection).call(first_is_out) == "second"
    (received,) = await published(own.cluster)
    change = received.envelope
    assert received.key == b"endpoint/solana/first"
    assert (
        changed(change).reason == "1 of 1 calls failed within 60 s: first: … refused at x.example ?"
    )
    assert (changed(change).instance, changed(change).failure) == ("one", "outage")
    assert change.traceparent
    assert KEY.encode() not in received.value
    assert PASSWORD.encode() not in received.value


@pytest.mark.requirement("NR-2")
async def test_work_goes_on_while_kafka_is_away_and_the_event_comes_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with KafkaCluster() as kafka:
        own = settings(kafka, "")
        async with connected(own, SERVICE) as connection:
            await kafka.kill()
            with capture_logs() as lines:
                assert await pool(connection).call(first_is_out) == "second"
                away_until = datetime.now(UTC)
                await kafka.restart()
                async with asyncio.timeout(60):
                    await until_published(own.cluster)
        (told,) = (line["event_id"] for line in lines if line["event"] == "breaker changed")
        (received,) = await published(own.cluster)
        assert str(received.envelope.id) == told
        assert received.envelope.time <= away_until


async def until_published(cluster: Cluster) -> None:
    while True:
        try:
            if await published(cluster):
                return
        except Transient:  # there is no such topic yet
            await asyncio.sleep(0.05)


@pytest.mark.requirement("RE-1")
async def test_an_event_whose_acknowledgement_was_lost_is_on_kafka_twice_as_the_same(
    kafka: KafkaCluster, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker_changes, "_RETRY_SECONDS", 0.0)
    own, told, replies = settings(kafka, topic_prefix), changes(), [Transient("no reply")]
    await ensure_topics(own.cluster, [BREAKERS])
    async with connected(own, SERVICE) as connection:

        async def publish(change: Envelope) -> None:
            await connection.publisher.publish(change)
            if replies:
                raise replies.pop()

        async with told.published(publish):
            tell(told, "refused")
    twice = await published(own.cluster)
    assert len(twice) == 2
    assert len({(each.envelope.id, each.value, each.headers) for each in twice}) == 1
