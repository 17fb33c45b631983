"""A service process for the crash test: one output for each input, until it is killed.

Arguments: brokers, topic prefix. Prints its number for each input it begins, between log lines.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from mint_events.bus import Cluster, Consumer, Limits, Output, Publish, Publisher
from mint_events.catalogue import InterventionRequired, MintFailed
from mint_events.codec import Codec
from mint_events.envelope import Received, caused_by
from mint_events.topics import Topic

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


async def main(brokers: str, prefix: str) -> None:
    cluster, codec = Cluster(brokers=tuple(brokers.split(",")), prefix=prefix), Codec()
    async with Publisher(cluster, codec) as publisher:
        consumer = Consumer(
            cluster,
            topics=(INPUT,),
            group="worker",
            handler=handle,
            publisher=publisher,
            codec=codec,
            limits=Limits(max_in_flight=20, commit_seconds=0.05),
        )
        await consumer.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
