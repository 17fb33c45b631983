"""The signed transactions that may still land, as the topic `mint.chain.inflight` has them.

What is recorded here survives the process: whoever is assigned the partition next loads it before
the first mint is worked on, and goes on with the same bytes. A key has the same partition in
`mint.ledger` and here, so both topics must have the same number of partitions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import structlog

from chain_minter.submission import Submission
from mint_events.catalogue import MintSubmitted
from mint_events.envelope import Envelope, Received
from mint_events.topics import INFLIGHT, Topic
from mint_resilience.failpoints import Boundary, reach
from mint_resilience.failures import Poison

log = structlog.stdlib.get_logger(__name__)

ReadPartition = Callable[[int], Awaitable[Mapping[bytes, Received]]]
"""Reads a partition of the compacted topic to its end: the newest record of each key."""


class Publishing(Protocol):
    """As `mint_events.bus.Publisher` publishes."""

    async def publish(self, *envelopes: Envelope, topic: Topic | None = None) -> Any:
        """Returns when the brokers have acknowledged all of them."""
        ...


class Inflight:
    """What may still land, of the mints of the assigned partitions."""

    def __init__(self, read: ReadPartition, publisher: Publishing) -> None:
        self._read = read
        self._publisher = publisher
        self._newest: dict[str, Submission] = {}
        self._partitions: dict[int, set[str]] = {}
        self._unrecorded: set[str] = set()
        self._unannounced: set[str] = set()

    async def load(self, topic: str, partition: int) -> None:
        """Learn what an earlier owner of the partition has recorded (the consumer's hook)."""
        records = await self._read(partition)
        submissions = (_read_back(received.envelope) for received in records.values())
        loaded = {each.envelope.mint_id: each for each in submissions}
        self._newest.update(loaded)
        self._unannounced.update(loaded)
        self._partitions[partition] = set(loaded)
        log.info("in-flight loaded", topic=topic, partition=partition, mints=len(loaded))

    async def unload(self, topic: str, partition: int) -> None:
        """Forget a partition that is somebody else's now (the consumer's hook)."""
        del topic
        for mint_id in self._partitions.pop(partition, set()):
            self.forget(mint_id)

    async def newest(self, mint_id: str) -> Submission | None:
        """The newest submission of the mint, recorded and told if that was cut off."""
        submission = self._newest.get(mint_id)
        if submission is not None:
            await self._publish(submission.envelope)
        return submission

    async def record(self, envelope: Envelope, event: MintSubmitted, partition: int) -> Submission:
        """Make a submission durable, then tell it on `mint.chain`; after that it may be sent.

        It is kept also when Kafka does not acknowledge it: it may be durable all the same, and
        whoever has read it may send it, so no other one is made in its place.
        """
        submission = Submission(envelope, event, taken=False)
        self._newest[envelope.mint_id] = submission
        self._partitions.setdefault(partition, set()).add(envelope.mint_id)
        self._unrecorded.add(envelope.mint_id)
        self._unannounced.add(envelope.mint_id)
        await self._publish(envelope)
        return submission

    async def _publish(self, envelope: Envelope) -> None:
        if envelope.mint_id in self._unrecorded:
            await self._publisher.publish(envelope, topic=INFLIGHT)
            reach(Boundary.MINT_RECORDED)
            self._unrecorded.discard(envelope.mint_id)
        if envelope.mint_id in self._unannounced:
            await self._publisher.publish(envelope)
            self._unannounced.discard(envelope.mint_id)

    def forget(self, mint_id: str) -> None:
        """The mint is final."""
        self._newest.pop(mint_id, None)
        self._unrecorded.discard(mint_id)
        self._unannounced.discard(mint_id)


def _read_back(envelope: Envelope) -> Submission:
    """What an earlier owner has recorded, and may have sent."""
    event = envelope.event
    if not isinstance(event, MintSubmitted):
        raise Poison(
            f"{INFLIGHT.name} holds a {type(event).__name__}: only MintSubmitted belongs there"
        )
    return Submission(envelope, event, taken=True)
