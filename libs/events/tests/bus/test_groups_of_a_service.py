"""Several groups of one service, whose waits are set so that they could meet on a topic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import uuid5

import pytest

from mint_events.admin import ensure_delays
from mint_events.bus import (
    Consumer,
    Delay,
    Handler,
    Limits,
    Output,
    Wait,
    delay_topic,
    parking_topic,
)
from mint_events.catalogue import MintFailed
from mint_events.envelope import Envelope, Received, root
from mint_events.ids import NAMESPACE
from mint_events.topics import Topic
from mint_resilience.failures import Transient

from .support import INPUT, OTHER, Bus, event, eventually, number, running

SERVICE = "up"
SAME = Wait(0.2)
ROUNDS = 4
IMPATIENT = Limits(
    commit_seconds=0.05, retry_base=0.001, retry_ceiling=0.002, budget_attempts=2, drain_seconds=5.0
)

Seen = list[tuple[str, int]]


def group(
    bus: Bus, name: str, handler: Handler, topics: Sequence[Topic], delays: Sequence[Wait] = ()
) -> Consumer:
    return Consumer(
        bus.cluster,
        topics=topics,
        group=name,
        handler=handler,
        publisher=bus.publisher,
        codec=bus.codec,
        delays=delays,
        parking=(SAME,),
        service=SERVICE,
        limits=IMPATIENT,
    )


async def made(bus: Bus, consumers: Iterable[Consumer]) -> None:
    for consumer in consumers:
        await ensure_delays(bus.cluster, consumer.delay_topics, (INPUT,))


def next_round(received: Received) -> Envelope:
    """The next of the rounds that a handler puts off."""
    again = number(received) + 1
    return root(
        MintFailed(mint_id=received.envelope.mint_id, user_id="u", detail=str(again)),
        id=uuid5(NAMESPACE, f"round {again}"),
        source=SERVICE,
        time=datetime.now(UTC),
    )


@pytest.mark.requirement("NR-6")
async def test_what_one_group_delays_is_not_worked_on_by_another_that_parks_as_long(
    bus: Bus,
) -> None:
    """Given a group that parks for as long as the other one delays, then each round is worked on
    once, however many there are."""
    seen: Seen = []

    def handler(name: str) -> Handler:
        async def handle(received: Received) -> Sequence[Output]:
            seen.append((name, number(received)))
            return [Delay(next_round(received), SAME)] if number(received) < ROUNDS else []

        return handle

    mints = group(bus, SERVICE, handler("mints"), (INPUT,))
    later = group(bus, f"{SERVICE}.later", handler("later"), (), delays=(SAME,))
    await made(bus, (mints, later))
    async with running(mints), running(later):
        await bus.publisher.publish(event("key", 0), topic=INPUT)
        await eventually(lambda: ("later", ROUNDS) in seen)
        await eventually(lambda: mints.in_flight == later.in_flight == 0)
    assert Counter(seen) == Counter([("mints", 0), *(("later", n + 1) for n in range(ROUNDS))])
    assert len(await bus.read(delay_topic(SERVICE, SAME))) == ROUNDS


@pytest.mark.requirement("NR-6")
async def test_what_one_group_parks_is_worked_on_by_that_group_alone(bus: Bus) -> None:
    """Given a record that fails until it is parked, then the group that parked it does it."""
    seen: Seen = []

    def handler(name: str) -> Handler:
        async def handle(received: Received) -> Sequence[Output]:
            seen.append((name, number(received)))
            if name == "mints" and seen.count((name, 0)) <= IMPATIENT.budget_attempts:
                raise Transient("not now")
            return []

        return handle

    mints = group(bus, SERVICE, handler("mints"), (INPUT,))
    later = group(bus, f"{SERVICE}.later", handler("later"), (OTHER,), delays=(SAME,))
    await made(bus, (mints, later))
    async with running(mints), running(later):
        await bus.publisher.publish(event("key", 0), topic=INPUT)
        await eventually(lambda: seen.count(("mints", 0)) == 3)
        # what the other group had read by then would be done before this
        await bus.publisher.publish(event("key", 1), topic=OTHER)
        await eventually(lambda: ("later", 1) in seen)
    assert Counter(seen) == {("mints", 0): 3, ("later", 1): 1}
    assert len(await bus.read(parking_topic(SERVICE, SAME))) == 1


def test_no_two_groups_and_no_delayed_work_share_a_topic() -> None:
    topics = [
        delay_topic(SERVICE, SAME),
        parking_topic(SERVICE, SAME),
        parking_topic(f"{SERVICE}.later", SAME),
    ]
    assert len({topic.name for topic in topics}) == 3
