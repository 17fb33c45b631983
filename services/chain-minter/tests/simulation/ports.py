"""What one process of the minter has around it: endpoints, a signer, Kafka, a clock.

Each call is parted by pauses before its effect and after it, at which the process may end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

from chain_minter.chain import Landed, Report, Sent
from chain_minter.confirmation import Glance, Status
from chain_minter.goals import Goal, NewUri
from chain_minter.submission import Submission
from mint_chain.nft import Nft, OnChain
from mint_events.catalogue import MintPrepared, MintSubmitted, UriUpdateRequested
from mint_events.envelope import Envelope, Received
from mint_events.topics import INFLIGHT, Topic
from mint_resilience.failures import Outage, Transient
from mint_resilience.positions import MOST_BEHIND

from .ledger import EDITION, FINALIZED_SLOTS, METADATA, MINT, Ledger, Transaction
from .nodes import NEXT_MAY_ANSWER, Heard, Node, last_valid
from .subject import EPOCH, WHOLE, nft_of, on_chain

T = TypeVar("T")
WITNESSES = 2
"""Who have to agree that something is not there, where there are so many."""


class Surroundings(Protocol):
    """The world as the ports see it."""

    ledger: Ledger
    nodes: list[Node]
    splits: bool

    def now(self) -> float: ...

    async def pause(self, seconds: float, step: str) -> None: ...

    def latency(self) -> float: ...

    def loses(self) -> tuple[bool, bool]:
        """Whether Kafka does not acknowledge, and whether it keeps the record then."""
        ...

    def sending(self, transaction: Transaction) -> None: ...

    def recorded(self, envelope: Envelope) -> None: ...

    def inflight(self) -> Mapping[bytes, Envelope]: ...


class Clock:
    """A process's own clock, wrong by `skew` seconds."""

    def __init__(self, world: Surroundings, *, beat: float, skew: float) -> None:
        self._world = world
        self._beat = beat
        self._skew = timedelta(seconds=skew)

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._world.now()) + self._skew

    async def beat(self) -> None:
        await self._world.pause(self._beat, "a beat")


class Chain:
    """The product's port to the chain, over the model's endpoints."""

    def __init__(self, world: Surroundings) -> None:
        self._world = world

    async def glance(self, signature: Signature) -> Glance:
        status = await self.first("status", lambda node: self.status(node, signature))
        heard = await self.first("height", lambda node: self.finalized(node))
        return Glance(status=status[1], finalized_height=heard.height)

    async def look(self, mint: Pubkey, sent: Sent | None) -> Report:
        status = None
        if sent is not None:
            _, status = await self.first("status", lambda node: self.status(node, sent.signature))
        heard = await self.first("height", lambda node: self.finalized(node))
        slot, parts = await self.first("accounts", lambda node: node.parts(str(mint)))
        return _report("the first", status, heard, slot, parts)

    async def look_everywhere(self, mint: Pubkey, sent: Sent | None) -> list[Report]:
        reports = []
        failure: Exception | None = None
        for node in self._world.nodes:
            try:
                reports.append(await self._report(node, mint, sent))
            except Outage:
                continue
            except NEXT_MAY_ANSWER as error:
                failure = error
        if failure is not None and len(reports) < self.enough():
            raise failure
        if not reports:
            raise Outage("no endpoint answers")
        return reports

    def enough(self) -> int:
        """So many answers make up for one that can not be had."""
        return WITNESSES

    async def send(self, raw: bytes, *, skip: int, taken: Callable[[], None]) -> None:
        transaction = self._world.ledger.transactions[raw.decode()]
        self._world.sending(transaction)

        def send(node: Node) -> None:
            try:
                node.send(transaction)
            finally:
                if transaction.tried:
                    taken()

        await self.first("send", send, skip=skip)

    async def landed(self, mint: Pubkey, payer: Pubkey) -> Landed:
        signed = list(self._world.ledger.transactions.values())
        found = await self.first("history", lambda node: node.history(str(mint), signed))
        if not found:
            raise Transient("in no history yet")
        return Landed(Signature.from_string(found[-1].signature), found[-1].landed or 0)

    async def uri_set(self, mint: Pubkey, uri: str) -> Landed | None:
        signed = [each for each in self._world.ledger.transactions.values() if each.sets == uri]
        found = await self.first("history", lambda node: node.history(str(mint), signed))
        if not found:
            return None
        return Landed(Signature.from_string(found[-1].signature), found[-1].landed or 0)

    def status(self, node: Node, signature: Signature) -> tuple[int, Status | None]:
        """What the node remembers."""
        return node.status(str(signature), search=False)

    def searched(self, node: Node, signature: Signature) -> tuple[int, Status | None]:
        """What is in the node's history."""
        return node.status(str(signature), search=True)

    def finalized(self, node: Node) -> Heard:
        """The newest finalized block."""
        return node.finalized()

    def judged(self, node: Node, sent: Sent) -> tuple[int, bool]:
        """Whether the node says that the blockhash is good, and as of which finalized slot."""
        transaction = self._world.ledger.transactions[str(sent.signature)]
        return node.is_blockhash_valid(transaction, FINALIZED_SLOTS)

    async def _report(self, node: Node, mint: Pubkey, sent: Sent | None) -> Report:
        heard = await self._ask(node, "height", self.finalized)
        slot, parts = await self._ask(node, "accounts", lambda node: node.parts(str(mint)))
        if sent is None:
            return _report(node.name, None, heard, slot, parts)
        read, status = await self._ask(
            node, "history", lambda node: self.searched(node, sent.signature)
        )
        judged_at, is_good = await self._ask(
            node, "blockhash", lambda node: self.judged(node, sent)
        )
        gone = not is_good and judged_at >= heard.slot
        return _report(node.name, status, heard, min(slot, read), parts, blockhash_gone=gone)

    async def first(self, step: str, operation: Callable[[Node], T], *, skip: int = 0) -> T:
        nodes = self._in_step()
        start = skip % len(nodes)
        *others, last = (*nodes[start:], *nodes[:start])
        for node in others:
            try:
                return await self._ask(node, step, operation)
            except NEXT_MAY_ANSWER:
                continue
        return await self._ask(last, step, operation)

    def _in_step(self) -> list[Node]:
        """Without those that were seen to lag (CH-5)."""
        slots = [node.position(self._world.now()) for node in self._world.nodes]
        least = max(slots) - MOST_BEHIND
        pairs = zip(self._world.nodes, slots, strict=True)
        return [node for node, slot in pairs if slot >= least]

    async def _ask(self, node: Node, step: str, operation: Callable[[Node], T]) -> T:
        await self._world.pause(self._world.latency(), step)
        node.answer(self._world.now())
        answer = operation(node)
        if step == "send":
            await self._world.pause(self._world.latency(), "sent")
        node.reply()
        return answer


class Signer:
    """Signs in the model: what a transaction creates is written beside its signature."""

    def __init__(self, world: Surroundings, chain: Chain) -> None:
        self._world = world
        self._chain = chain

    async def nft(self, prepared: MintPrepared) -> Nft:
        return nft_of(prepared.mint_id)

    def update(self, asked: UriUpdateRequested) -> NewUri:
        nft = nft_of(asked.mint_id)
        return NewUri(
            mint_id=nft.mint_id,
            mint=nft.mint,
            authority=nft.authority,
            uri=asked.uri,
            since_slot=asked.since_slot,
        )

    def address(self, goal: Goal, attempt: int) -> str:
        """Where the NFT is to be made: follows from the mint_id alone."""
        return str(goal.mint)

    async def sign(
        self, goal: Goal, there: OnChain, *, attempt: int, last: Submission | None
    ) -> MintSubmitted:
        goal.missing(there, rent=0)  # raises where nothing can be signed
        slot, told = await self._chain.first("blockhash", Node.blockhash)
        ledger = self._world.ledger
        signature = str(Signature(len(ledger.transactions).to_bytes(64, "big")))
        transaction = Transaction(
            signature=signature,
            mint_id=goal.mint_id,
            address=self.address(goal, attempt),
            creates=self._missing(there) if goal.uri is None else frozenset(),
            sets=goal.uri,
            blockhash_slot=slot,
            last_valid=last_valid(ledger, slot),
        )
        ledger.add(transaction)
        await self._world.pause(0.0, "signed")
        return MintSubmitted(
            mint_id=goal.mint_id,
            mint_address=transaction.address,
            attempt=attempt,
            signature=signature,
            transaction=signature.encode(),
            blockhash=str(Hash(slot.to_bytes(32, "big"))),
            blockhash_slot=slot,
            last_valid_block_height=told,
            endpoint="model",
            priority_fee=0,
            compute_unit_limit=0,
            earlier=last.signatures if last else (),
            uri=goal.uri,
        )

    def _missing(self, there: OnChain) -> frozenset[str]:
        if there.mint is None:
            return frozenset({MINT}) if self._world.splits else WHOLE
        found = {METADATA: there.metadata, EDITION: there.edition}
        return frozenset(part for part, account in found.items() if account is None)


class Publishing:
    """One process's way to Kafka."""

    def __init__(self, world: Surroundings) -> None:
        self._world = world

    async def publish(self, *envelopes: Envelope, topic: Topic | None = None) -> None:
        for envelope in envelopes:
            await self._world.pause(0.005, "publish")
            lost, kept = self._world.loses()
            if (not lost or kept) and topic is INFLIGHT:
                self._world.recorded(envelope)
            await self._world.pause(0.005, "published")
            if lost:
                raise Transient("the broker did not acknowledge")

    async def read(self, partition: int) -> Mapping[bytes, Received]:
        await self._world.pause(0.01, "read in-flight")
        return {key: received(each) for key, each in self._world.inflight().items()}


def received(envelope: Envelope) -> Received:
    return Received(
        envelope=envelope,
        topic="mint.ledger",
        partition=0,
        offset=0,
        key=envelope.mint_id.encode(),
        value=b"",
        headers=(),
    )


def _report(
    endpoint: str,
    status: Status | None,
    heard: Heard,
    slot: int,
    parts: frozenset[str],
    *,
    blockhash_gone: bool = False,
) -> Report:
    return Report(
        endpoint=endpoint,
        status=status,
        finalized_height=heard.height,
        finalized_slot=heard.slot,
        read_slot=slot,
        there=on_chain(parts),
        blockhash_gone=blockhash_gone,
    )
