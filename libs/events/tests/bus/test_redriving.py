"""A dead letter that is redriven is worked on again by who had given it up, and by nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mint_events.bus import Consumer, Output
from mint_events.bus.deadletter import dead_letter, redriven
from mint_events.bus.record import Consumed, Position, Record
from mint_events.catalogue import RecordDeadLettered
from mint_events.envelope import Envelope, Received
from mint_events.topics import DEADLETTER
from mint_resilience.failures import Permanent

from .support import GROUP, INPUT, QUICK, Bus, event, eventually, number, running

ANOTHER = "another"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Hands:
    """A handler that refuses what it is told to refuse."""

    def __init__(self) -> None:
        self.refuses = True
        self.done: list[tuple[int, dict[str, bytes]]] = []

    async def __call__(self, received: Received) -> Sequence[Output]:
        if self.refuses:
            raise Permanent("a setting is wrong")
        self.done.append((number(received), dict(received.headers)))
        return ()


def another(bus: Bus, hands: Hands) -> Consumer:
    return Consumer(
        bus.cluster,
        topics=(INPUT,),
        group=ANOTHER,
        handler=hands,
        publisher=bus.publisher,
        codec=bus.codec,
        limits=QUICK,
    )


async def letters(bus: Bus) -> list[Envelope]:
    return [received.envelope for received in await bus.read_events(DEADLETTER)]


@pytest.mark.requirement("NR-6")
async def test_only_who_gave_a_record_up_works_on_it_again(bus: Bus) -> None:
    """Given one of two services gave a record up and was mended since, when it is redriven and
    another record follows, then the one does both, the other only what is new."""
    mended, content = Hands(), Hands()
    content.refuses = False
    await bus.publisher.publish(event("key", 1), topic=INPUT)
    async with running(bus.consumer(mended)), running(another(bus, content)):

        async def is_given_up() -> bool:
            return len(await letters(bus)) == 1

        await eventually(is_given_up)
        await eventually(lambda: len(content.done) == 1)
        mended.refuses = False
        (letter,) = await letters(bus)
        await bus.publisher.send(redriven(letter))
        await bus.publisher.publish(event("key", 2), topic=INPUT)
        await eventually(lambda: len(mended.done) == 2 and len(content.done) == 2)
    assert [n for n, _ in mended.done] == [1, 2]
    assert [n for n, _ in content.done] == [1, 2]
    assert mended.done[0][1]["trimint_redriven"] == str(letter.id).encode()


@pytest.mark.requirement("NR-6")
async def test_a_record_that_is_given_up_again_is_another_letter_that_can_be_redriven_too(
    bus: Bus,
) -> None:
    hands = Hands()
    await bus.publisher.publish(event("key", 1), topic=INPUT)
    async with running(bus.consumer(hands)):
        for times in (1, 2, 3):

            async def has_come(times: int = times) -> bool:
                return len(await letters(bus)) == times

            await eventually(has_come)
            await bus.publisher.send(redriven((await letters(bus))[-1]))
    ids = {letter.id for letter in await letters(bus)}
    assert len(ids) >= 3


def letter(record: Consumed) -> Envelope:
    return dead_letter(record, service=GROUP, failure="poison", detail="no", time=NOW)


RECORD = Consumed(
    position=Position(topic="in", partition=3, offset=7),
    timestamp_ms=0,
    key=b"\xff",
    value=b"\x00raw",
    headers=(("x", b"\xfe"),),
)


@pytest.mark.requirement("NR-6")
def test_a_record_goes_back_byte_for_byte_to_the_partition_that_it_came_from() -> None:
    again = redriven(letter(RECORD))
    assert isinstance(again, Record)
    assert (again.topic, again.partition, again.key, again.value) == ("in", 3, b"\xff", b"\x00raw")
    headers = dict(again.headers)
    assert headers.pop("trimint_redriven_for") == GROUP.encode()
    assert headers.pop("trimint_redriven") == str(letter(RECORD).id).encode()
    assert headers == {"x": b"\xfe"}


@pytest.mark.requirement("NR-6")
def test_a_letter_whose_bytes_were_not_kept_can_not_be_redriven() -> None:
    kept = letter(RECORD)
    assert isinstance(kept.event, RecordDeadLettered)
    with pytest.raises(ValueError, match="its bytes were not kept"):
        redriven(replace(kept, event=replace(kept.event, value=b"")))
