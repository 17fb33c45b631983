"""A chain in the sandbox, and processes of the service on it that can end at any step."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import Transaction

from chain_minter.authority import Authority, by_address
from chain_minter.clock import WallClock
from chain_minter.confirmation import Rules
from chain_minter.endpoints import DEPENDENCY, Endpoints, Patience
from chain_minter.fees import Pricing
from chain_minter.flight import Tools
from chain_minter.inflight import Inflight
from chain_minter.rpc import Endpoint
from chain_minter.service import Minter
from chain_minter.signing import Signer, UnitLimits
from chain_minter.solana import Solana
from chain_minter.transport import Transport
from chain_minter.watch import Rules as WatchRules
from chain_minter.watch import Watch
from mint_chain.accounts import AccountState
from mint_chain.addresses import mint_address
from mint_chain.nft import OnChain, observe, parts_of
from mint_events.bus import Output, Publish, Tombstone
from mint_events.catalogue import (
    MintConfirmed,
    MintParked,
    MintPrepared,
    MintSubmitted,
    UriUpdateRequested,
)
from mint_events.envelope import Envelope, Received, root
from mint_events.topics import CHAIN, INFLIGHT, Topic
from mint_resilience.backoff import Backoff
from mint_resilience.breaker import BreakerPolicy
from mint_resilience.endpoint import Endpoint as PoolEndpoint
from mint_resilience.endpoints import EndpointPool
from mint_resilience.failures import Degraded, Outage, RateLimited, Transient
from mint_runtime.addresses import NAMES, Address
from mint_sandbox.solana import Running
from mint_sandbox.solana.chain import Commitment

RULES = Rules(
    max_signatures=3,
    resend=timedelta(seconds=0.2),
    patience=timedelta(minutes=1),
    witnesses=1,
    max_lag=50,
)
PARTITION = 0

PASSING = (Transient, RateLimited, Degraded, Outage)
"""What the runtime tries again without end."""

Point = Callable[[str], Awaitable[None]]
"""A point at which the process may end; it is told what comes next."""


def prepared(authority: Pubkey, mint_id: str) -> MintPrepared:
    return MintPrepared(
        mint_id=mint_id,
        user_id="user",
        fencing_token=1,
        authority=str(authority),
        mint_address=str(mint_address(authority, mint_id)),
        wallet=str(Keypair().pubkey()),
        name="Level 7",
        symbol="TRM",
        uri="ipfs://bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
        level=7,
        seller_fee_basis_points=500,
        creators=(),
        collection=None,
        is_mutable=True,
        image_cid="image",
        image_sha256="0",
        metadata_cid="metadata",
    )


async def go_on(_: str) -> None:
    return


class Journal:
    """Takes what is published as the brokers would, so that a later process can read it back."""

    def __init__(self) -> None:
        self.published: list[tuple[str, Envelope]] = []

    def submissions(self, topic: Topic = CHAIN) -> list[MintSubmitted]:
        events = [envelope.event for name, envelope in self.published if name == topic.name]
        return [event for event in events if isinstance(event, MintSubmitted)]

    def carry_out(self, outputs: Sequence[Output]) -> None:
        """As the runtime does with what a handler returns."""
        for output in outputs:
            if isinstance(output, Publish):
                self.published.append((CHAIN.name, output.envelope))
            elif isinstance(output, Tombstone):
                self.published = [
                    (topic, each)
                    for topic, each in self.published
                    if topic != INFLIGHT.name or each.mint_id != output.key
                ]

    async def read(self, partition: int) -> Mapping[bytes, Received]:
        return {
            envelope.mint_id.encode(): received(envelope)
            for topic, envelope in self.published
            if topic == INFLIGHT.name
        }


class Publishing:
    """One process's way to the journal."""

    def __init__(self, journal: Journal, point: Point) -> None:
        self._journal = journal
        self._point = point

    async def publish(self, *envelopes: Envelope, topic: Topic | None = None) -> None:
        for envelope in envelopes:
            name = (topic or CHAIN).name
            await self._point(f"publishing on {name}")
            self._journal.published.append((name, envelope))
            await self._point(f"published on {name}")


class Wire:
    """One process's way to the chain: counts its calls, and loses what it is told to lose."""

    def __init__(self, inner: Transport, point: Point) -> None:
        self._inner = inner
        self._point = point
        self.calls: Counter[str] = Counter()
        self.asked: Counter[tuple[str, str]] = Counter()
        self.priced: set[str] = set()
        self.sent: list[bytes] = []
        self.loses_transactions = False

    async def post(self, address: Address, body: str) -> str:
        request = json.loads(body)
        method = request["method"]
        self.calls[method] += 1
        self.asked[address.name, method] += 1
        await self._point(f"calling {method}")
        if method == "getRecentPrioritizationFees":
            self.priced.update(request["params"][0])
        if method == "sendTransaction":
            self.sent.append(b64decode(request["params"][0]))
        reply = await self._reply(address, body, method)
        await self._point(f"called {method}")
        return reply

    async def _reply(self, address: Address, body: str, method: str) -> str:
        if method == "sendTransaction" and self.loses_transactions:
            # a node does not tell that it has dropped it: it answers the signature
            signature = Transaction.from_bytes(self.sent[-1]).signatures[0]
            return json.dumps({"jsonrpc": "2.0", "id": 0, "result": str(signature)})
        return await self._inner.post(address, body)


class World:
    """A chain, an authority with lamports, and a journal that outlives the processes."""

    def __init__(self, chain: Running, transport: Transport) -> None:
        self.chain = chain
        self.transport = transport
        self.authority = Authority(Keypair())
        self.others: list[Authority] = []
        self.journal = Journal()
        chain.ledger.airdrop(self.authority.address, 10**12)

    @property
    def authorities(self) -> list[Authority]:
        """Those whose keys the service holds."""
        return [self.authority, *self.others]

    @property
    def urls(self) -> list[str]:
        return [endpoint.rpc for endpoint in self.chain.endpoints]

    async def process(self, point: Point = go_on, rules: Rules = RULES) -> Process:
        """A freshly started service."""
        process = Process(self, point, rules)
        await process.inflight.load("mint.ledger", PARTITION)
        return process

    def prepared(self, mint_id: str = "mint-1", **changes: Any) -> MintPrepared:
        return replace(prepared(self.authority.address, mint_id), **changes)

    def address(self, mint_id: str) -> Pubkey:
        return mint_address(self.authority.address, mint_id)

    def account(self, key: Pubkey) -> AccountState | None:
        found = self.chain.ledger.account(key, Commitment.PROCESSED)
        return AccountState(found.lamports, found.owner, found.data) if found else None

    def there(self, mint_id: str = "mint-1") -> OnChain:
        return observe(*map(self.account, parts_of(self.address(mint_id))))

    def is_whole(self, mint_id: str = "mint-1") -> bool:
        there = self.there(mint_id)
        return bool(there.mint and there.mint.supply == 1 and there.metadata and there.edition)

    def pass_blocks(self, count: int) -> None:
        height = self.chain.ledger.chain.tip.height + count
        while self.chain.ledger.chain.tip.height < height:
            self.chain.ledger.tick(datetime.now(UTC).timestamp())


BREAKER = BreakerPolicy(minimum_calls=4, probe_interval=0.5)
"""Opens soon, and asks again soon: nothing is shown by waiting for half a minute."""
QUICK = Backoff(attempts=3, base=0.01)


class Process:
    """What a process of the service holds; it ends by being cancelled."""

    def __init__(self, world: World, point: Point, rules: Rules = RULES) -> None:
        self.wire = Wire(world.transport, point)
        self.inflight = Inflight(world.journal.read, Publishing(world.journal, point))
        self.pool = EndpointPool(
            DEPENDENCY,
            [
                PoolEndpoint(
                    name=name, target=Endpoint(Address(name, url), self.wire), priority=place
                )
                for place, (name, url) in enumerate(zip(NAMES, world.urls, strict=False))
            ],
            clock=monotonic,
            policy=BREAKER,
            time_limit=5.0,
        )
        endpoints = Endpoints(self.pool, Patience(read_seconds=5.0, policy=QUICK, hearing=QUICK))
        authorities = by_address(world.authorities)
        payers = [authority.address for authority in authorities.values()]
        self.watch = Watch(endpoints, payers, WatchRules(look_seconds=1.0), clock=monotonic)
        chain = Solana(endpoints, witnesses=rules.witnesses, sendings_per_endpoint=2)
        limits = UnitLimits(chain, margin=0.5, fallback=250_000)
        pricing = Pricing(percentile=75, floor=1_000, cap=1_000_000)
        signer = Signer(authorities, chain, pricing, limits, self.watch)
        tools = Tools(chain=chain, signer=signer, clock=WallClock(0.02), rules=rules)
        self.minter = Minter(tools, self.inflight)
        self.put_off = 0

    async def mint(self, prepared: MintPrepared) -> MintConfirmed | MintParked:
        """Handle the event as the runtime would, and return what is published in the end."""
        publish, *_ = await self.handle(received(happened(prepared)))
        assert isinstance(publish, Publish)
        event = publish.envelope.event
        assert isinstance(event, MintConfirmed | MintParked)
        return event

    async def handle(self, record: Received) -> Sequence[Output]:
        """Again and again, as long as that may help."""
        while True:
            try:
                return await self.minter.handle(record)
            except PASSING:
                self.put_off += 1
                await asyncio.sleep(0.05)


def happened(event: MintPrepared | UriUpdateRequested, times: str = "") -> Envelope:
    """The event as it was published; said other `times`, it is another event."""
    cause = uuid5(NAMESPACE_OID, f"{event.mint_id}{times}")
    return root(event, id=cause, source="test", time=datetime.now(UTC))


def received(envelope: Envelope) -> Received:
    return Received(
        envelope=envelope,
        topic="mint.ledger",
        partition=PARTITION,
        offset=0,
        key=envelope.mint_id.encode(),
        value=b"",
        headers=(),
    )
