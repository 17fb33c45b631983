"""Work whose dependency is away waits: it is not spent, it is bounded, and nothing is dropped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest
from prometheus_client import REGISTRY

from mint_events.bus import Limits, Output, Recovery, parking_topic
from mint_events.envelope import Received
from mint_events.topics import DEADLETTER
from mint_resilience.breaker import Breaker, BreakerPolicy, Outcome, Permit, State
from mint_resilience.failures import AllUnavailable, Transient

from .support import (
    GROUP,
    INPUT,
    WAITS,
    Bus,
    event,
    eventually,
    number,
    parking_topics,
    running,
)

IMPATIENT = Limits(
    max_in_flight=5,
    commit_seconds=0.05,
    retry_base=0.01,
    retry_ceiling=0.05,
    budget_attempts=2,
    budget_seconds=60.0,
)


def gauge(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Dependency:
    """Something that is asked through a breaker, and that times out while it is `away`."""

    def __init__(self, recovery: Recovery) -> None:
        policy = BreakerPolicy(minimum_calls=3, probe_interval=3600.0, successes_to_close=1)
        self.breaker = Breaker(policy, clock=time.monotonic)
        self.away = True
        self._recovery = recovery

    async def ask(self) -> None:
        """Raises `AllUnavailable` while the breaker is open, `Transient` while it is away."""
        permit = self.breaker.acquire()
        if permit is None:
            raise AllUnavailable("the breaker is open", retry_after=self.breaker.wait())
        self._answer(permit)

    def come_back(self) -> None:
        self.away = False
        self.breaker.force_closed("the operator knows better")
        self._recovery.announce()

    def _answer(self, permit: Permit) -> None:
        self.breaker.report(permit, Outcome.FAILURE if self.away else Outcome.SUCCESS)
        if self.away:
            raise Transient("no answer")


@pytest.mark.requirement("NR-3", "NR-5")
async def test_an_open_breaker_spends_no_record_and_stops_the_reading_until_it_closes(
    bus: Bus,
) -> None:
    """Given room for 5 in flight and 40 records, when the breaker opens, then 5 wait for it in
    memory and 35 in Kafka; when it closes, all are done at once, though the next probe was to be
    in an hour, and none is parked or given up."""
    await parking_topics(bus)
    recovery = Recovery()
    dependency = Dependency(recovery)
    done: set[int] = set()
    most = 0

    async def handle(received: Received) -> Sequence[Output]:
        nonlocal most
        most = max(most, consumer.in_flight)
        await dependency.ask()
        done.add(number(received))
        return ()

    consumer = bus.consumer(handle, limits=IMPATIENT, parking=WAITS, recovery=recovery)
    async with running(consumer):
        await bus.publisher.publish(*(event(f"k{n}", n) for n in range(40)), topic=INPUT)
        await eventually(lambda: gauge("trimint_records_awaiting_dependency") == 5)
        await eventually(lambda: gauge("trimint_in_flight_records", group=GROUP) == 5)
        assert dependency.breaker.state is State.OPEN
        assert gauge("trimint_in_flight_limit_records", group=GROUP) == 5
        await eventually(lambda: gauge("trimint_consumption_full", group=GROUP) == 1)
        assert gauge("trimint_oldest_in_flight_seconds", group=GROUP) > 0
        assert done == set()
        dependency.come_back()
        await eventually(lambda: len(done) == 40 and consumer.in_flight == 0)
        await eventually(lambda: gauge("trimint_consumption_full", group=GROUP) == 0)
    assert most == 5
    assert sum((await bus.committed()).values()) == 40
    assert await bus.read(parking_topic(GROUP, WAITS[0])) == []
    assert await bus.read(DEADLETTER) == []


@pytest.mark.requirement("NR-3")
async def test_what_waits_for_a_breaker_is_let_go_at_once_when_the_service_stops(bus: Bus) -> None:
    await bus.publisher.publish(event("key", 0), topic=INPUT)
    asked = asyncio.Event()

    async def handle(_: Received) -> Sequence[Output]:
        asked.set()
        raise AllUnavailable("for an hour", retry_after=3600.0)

    async with running(bus.consumer(handle)):
        await asked.wait()
    assert sum((await bus.committed()).values()) == 0, "it comes again"
