"""A service process for the crash test: one output for each input, until it is killed.

Arguments: brokers, topic prefix; then, for the test of parking, the number of its life (which
says what fails in it) and a failpoint to die at. Prints its number for each input it begins,
between log lines.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from mint_events.bus import Cluster, Consumer, Handler, Limits, Output, Publish, Publisher, Wait
from mint_events.catalogue import InterventionRequired, MintFailed
from mint_events.codec import Codec
from mint_events.envelope import Received, caused_by
from mint_events.topics import Topic
from mint_resilience import failpoints
from mint_resilience.failures import Transient

INPUT = Topic(name="in", writer="test", events=(), retention=None)
OUTPUT = Topic(name="out", writer="test", events=(), retention=None)


async def handle(received: Received) -> Sequence[Output]:
    cause = received.envelope
    assert isinstance(cause.event, MintFailed)
    sys.stdout.write(f"{cause.event.detail}\n")
    sys.stdout.flush()
    answer = InterventionRequired(
        mint_id=cause.mint_id, user_id="user", reason=cause.event.detail, detail=""
    )
    made = caused_by(cause, answer, source="worker", time=datetime.now(UTC))
    return [Publish(made, OUTPUT)]


def flaky(handler: Handler, life: int) -> Handler:
    """The same handler, which fails once for some inputs: for each of them in two lives of 7."""
    failed: set[int] = set()

    async def fails_at_times(received: Received) -> Sequence[Output]:
        assert isinstance(received.envelope.event, MintFailed)
        number = int(received.envelope.event.detail)
        if number % 7 in (life, (life + 3) % 7) and number not in failed:
            failed.add(number)
            raise Transient("not in this life")
        return await handler(received)

    return fails_at_times


async def main(brokers: str, prefix: str, life: str = "", failpoint: str = "") -> None:
    if failpoint:
        failpoints.arm(failpoints.Failpoint.parse(failpoint))
    cluster, codec = Cluster(brokers=tuple(brokers.split(",")), prefix=prefix), Codec()
    async with Publisher(cluster, codec) as publisher:
        consumer = Consumer(
            cluster,
            topics=(INPUT,),
            group="worker",
            handler=flaky(handle, int(life)) if life else handle,
            publisher=publisher,
            codec=codec,
            parking=(Wait(0.2), Wait(0.4)) if life else (),
            limits=Limits(max_in_flight=20, commit_seconds=0.05, budget_attempts=1),
        )
        await consumer.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
