"""The chain-minter alone: mints per second without faults and with them, and after an outage.

`python benchmarks/chain_minter.py [--mints 1500] [--outage 60] [--slot-ms 400] [--json]` runs the
service as a process on a sandbox of its own: a Kafka, and a chain behind three endpoints. It
publishes prepared mints, all at once, and waits until all are confirmed: without faults; with a
fifth of all calls failing at every endpoint (15 % answer 503, 3 % lose their reply, 2 % hang); and
with every endpoint refusing for some seconds in the middle. Calls are counted by the endpoints.

After an outage three times are told, all from its end: until the first mint is confirmed; until as
many are confirmed as without faults (the first two seconds with nine tenths of them); until the
backlog is done, also without the mints whose blockhash expired in the outage. Those have to wait
until that is final (32 slots): the chain's time, not the service's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from uuid import uuid4

import aiohttp
from aiokafka import AIOKafkaConsumer
from solders.keypair import Keypair

from mint_chain.addresses import mint_address
from mint_events.admin import ensure_topics
from mint_events.bus import Cluster, Publisher
from mint_events.catalogue import MintConfirmed, MintPrepared, MintSubmitted
from mint_events.codec import Codec
from mint_events.envelope import root
from mint_sandbox.authority import fund, write_key_file
from mint_sandbox.faults import Fault, Kind
from mint_sandbox.faults.model import When
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.ports import consecutive_free_ports
from mint_sandbox.process import ChildProcess, Command
from mint_sandbox.python_servers import SolanaServer

ENDPOINTS = ("solana-1", "solana-2", "solana-3")
PATIENCE = 900.0
_WINDOW = 2.0
FIFTH = (
    Fault(Kind.SERVER_ERROR, When(probability=0.15)),
    Fault(Kind.LOST_REPLY, When(probability=0.03)),
    Fault(Kind.HANG, When(probability=0.02)),
)
REFUSED = (Fault(Kind.REFUSE),)


@dataclass(frozen=True, slots=True)
class Figures:
    """One run: mints per second, signatures per mint, calls per mint by method."""

    run: str
    mints: int
    seconds: float
    per_second: float
    per_second_of_99: float
    """Until 99 of 100 were confirmed: the rest has had several faults in a row."""
    signatures_per_mint: float
    calls_per_mint: dict[str, float]
    to_first: float | None = None
    """Seconds from the end of the outage to the first confirmed mint."""
    to_throughput: float | None = None
    """The same to the end of the first two seconds with 9/10 of the throughput without faults."""
    to_last: float | None = None
    """The same to the last one."""
    to_last_unexpired: float | None = None
    """The same to the last one that was signed once."""
    to_all_going: float | None = None
    """Seconds from the end of the outage until a breaker has closed and the service is ready."""


class Bench:
    """The service under measurement, its servers and what it has published."""

    def __init__(self, folder: Path, kafka: KafkaCluster, solana: SolanaServer) -> None:
        self.folder = folder
        self.solana = solana
        self.keypair = Keypair()
        self.prefix = f"bench-{uuid4().hex[:8]}."
        self.cluster = Cluster(brokers=tuple(kafka.brokers.split(",")), prefix=self.prefix)
        self.port = consecutive_free_ports(1)[0]
        self.confirmed: dict[str, float] = {}
        self.submitted = Counter[str]()
        self.changed = asyncio.Event()

    @property
    def env(self) -> dict[str, str]:
        """The service's environment."""
        return {
            "TRIMINT_KAFKA_BROKERS": ",".join(self.cluster.brokers),
            "TRIMINT_KAFKA_TOPIC_PREFIX": self.prefix,
            "TRIMINT_SOLANA_RPC_URLS": ",".join(self.solana.rpc_urls),
            "TRIMINT_SOLANA_AUTHORITY_KEY_FILE": str(self.folder / "authority.json"),
            "TRIMINT_HTTP_PORT": str(self.port),
        }

    def prepared(self, mint_id: str) -> MintPrepared:
        """A mint with all that the reconciler would have put into it."""
        authority = self.keypair.pubkey()
        return MintPrepared(
            mint_id=mint_id,
            user_id=mint_id,
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

    async def publish(self, run: str, mints: int) -> set[str]:
        """Ask for so many mints at once; their ids."""
        ids = {f"{run}-{number}" for number in range(mints)}
        async with Publisher(self.cluster, Codec()) as publisher:
            now = datetime.now(UTC)
            await publisher.publish(
                *(root(self.prepared(i), id=uuid4(), source="bench", time=now) for i in ids)
            )
        return ids

    async def until_confirmed(self, ids: set[str]) -> None:
        """Wait for all of them. Raises `TimeoutError`."""
        async with asyncio.timeout(PATIENCE):
            while not ids <= self.confirmed.keys():
                self.changed.clear()
                await self.changed.wait()

    async def follow(self) -> None:
        """Read what the service publishes."""
        consumer = AIOKafkaConsumer(
            self.cluster.prefixed("mint.chain"),
            bootstrap_servers=list(self.cluster.brokers),
            auto_offset_reset="earliest",
        )
        codec = Codec()
        await consumer.start()
        try:
            async for record in consumer:
                headers = tuple(record.headers)
                found = codec.decode("", 0, 0, 0, record.key, record.value, headers).envelope
                if isinstance(found.event, MintSubmitted):
                    self.submitted[found.mint_id] += 1
                if isinstance(found.event, MintConfirmed):
                    self.confirmed.setdefault(found.mint_id, time.monotonic())
                    self.changed.set()
        finally:
            await consumer.stop()

    async def misbehave(self, *faults: Fault) -> None:
        """Let every endpoint have these faults, each by its own seed."""
        for seed, endpoint in enumerate(ENDPOINTS):
            await self.solana.misbehave(endpoint, *faults, seed=seed)

    async def is_ready(self) -> bool:
        """Whether the service says so."""
        async with aiohttp.ClientSession() as http:
            try:
                async with http.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                    return answer.status == 200
            except aiohttp.ClientError:
                return False

    async def is_let_through(self) -> bool:
        """Whether some breaker lets calls through freely."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            lines = (await answer.text()).splitlines()
        states = [line.rsplit(" ", 1)[1] for line in lines if line.startswith("trimint_breaker_st")]
        return any(float(state) <= 0 for state in states)

    async def measured(self, run: str, mints: int) -> Figures:
        """Publish, wait, and say what it took."""
        await self.solana.reset_calls()
        started = time.monotonic()
        ids = await self.publish(run, mints)
        await self.until_confirmed(ids)
        return await self.figures(run, ids, started)

    async def figures(self, run: str, ids: set[str], started: float, **more: float) -> Figures:
        """What was counted for these mints, all confirmed by now."""
        times = sorted(self.confirmed[i] - started for i in ids)
        seconds, of_99 = times[-1], times[len(times) * 99 // 100 - 1]
        calls = Counter[str]()
        for endpoint in (await self.solana.calls()).values():
            calls.update(endpoint)
        calls["all"] = sum(calls.values())
        return Figures(
            run=run,
            mints=len(ids),
            seconds=seconds,
            per_second=len(ids) / seconds,
            per_second_of_99=0.99 * len(ids) / of_99,
            signatures_per_mint=sum(self.submitted[i] for i in ids) / len(ids),
            calls_per_mint={name: n / len(ids) for name, n in sorted(calls.items())},
            **more,
        )

    async def outage(self, mints: int, seconds: float, usual: float) -> Figures:
        """Let every endpoint refuse for so long, with mints in work and others not yet begun;
        `usual` is the throughput without faults."""
        await self.solana.reset_calls()
        started = time.monotonic()
        ids = await self.publish("outage", mints // 2)
        await asyncio.sleep(1)
        await self.misbehave(*REFUSED)
        ids |= await self.publish("outage-late", mints - len(ids))
        await asyncio.sleep(seconds)
        await self.misbehave()
        ended = time.monotonic()
        while not (await self.is_ready() and await self.is_let_through()):  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.1)
        going = time.monotonic() - ended
        await self.until_confirmed(ids)
        after = {i: at - ended for i in ids if (at := self.confirmed[i]) > ended}
        once = [at for i, at in after.items() if self.submitted[i] == 1]
        return await self.figures(
            "outage",
            ids,
            started,
            to_first=min(after.values()),
            to_throughput=back_at(sorted(after.values()), usual),
            to_all_going=going,
            to_last=max(after.values()),
            to_last_unexpired=max(once),
        )


def back_at(times: list[float], usual: float) -> float:
    """The end of the first two seconds in which 9/10 of the usual throughput were confirmed."""
    needed = int(0.9 * usual * _WINDOW)
    ends = (
        end
        for begin, end in zip(times, times[needed - 1 :], strict=False)
        if end - begin <= _WINDOW
    )
    return next(ends, inf)


@asynccontextmanager
async def bench(slot_ms: float) -> AsyncIterator[Bench]:
    """The servers and the service, ready."""
    folder = Path(tempfile.mkdtemp(prefix="trimint-bench-"))
    solana = SolanaServer(slot_ms=slot_ms, endpoints=len(ENDPOINTS))
    async with KafkaCluster() as kafka:
        await solana.start()
        try:
            one = Bench(folder, kafka, solana)
            await ensure_topics(one.cluster)
            write_key_file(one.keypair, folder / "authority.json")
            await fund(str(one.keypair.pubkey()), solana.rpc_url)
            command = Command([sys.executable, "-m", "chain_minter"], one.env)
            service = ChildProcess("chain-minter", command, folder)
            service.spawn()
            following = asyncio.create_task(one.follow())
            try:
                await service.until(one.is_ready, within=60, what="readiness")
                yield one
            finally:
                following.cancel()
                await service.stop()
        finally:
            await solana.stop()


async def measure(mints: int, outage: float, slot_ms: float) -> list[Figures]:
    """All runs, one after the other, in one process of the service."""
    async with bench(slot_ms) as one:
        await one.measured("warm-up", 20)
        runs = [await one.measured("no faults", mints)]
        await one.misbehave(*FIFTH)
        runs.append(await one.measured("a fifth fails", mints))
        await one.misbehave()
        runs.append(await one.outage(mints, outage, runs[0].per_second))
        return runs


def table(runs: list[Figures]) -> str:
    """The figures for people."""
    lines = []
    for run in runs:
        lines.append(
            f"{run.run}: {run.mints} mints in {run.seconds:.1f} s, {run.per_second:.1f} per second"
            f" ({run.per_second_of_99:.1f} until 99 % were confirmed),"
            f" {run.signatures_per_mint:.2f} signatures and {run.calls_per_mint['all']:.2f} calls"
            " per mint"
        )
        lines += [f"    {name} {calls:.2f}" for name, calls in run.calls_per_mint.items()]
        if run.to_first is not None:
            lines.append(
                f"    after the outage: a breaker closed after {run.to_all_going:.1f} s, the first"
                f" mint confirmed after {run.to_first:.1f} s, throughput back after"
                f" {run.to_throughput:.1f} s, the last confirmed after {run.to_last:.1f} s"
                f" ({run.to_last_unexpired:.1f} s where no blockhash had expired)"
            )
    usual, failing, *_ = runs
    lines.append(
        f"with faults: {failing.per_second / usual.per_second:.0%} of the throughput,"
        f" {failing.per_second_of_99 / usual.per_second_of_99:.0%} until 99 % were confirmed"
    )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mints", type=int, default=1500)
    parser.add_argument("--outage", type=float, default=60.0)
    parser.add_argument("--slot-ms", type=float, default=400.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    runs = asyncio.run(measure(arguments.mints, arguments.outage, arguments.slot_ms))
    print(json.dumps([asdict(run) for run in runs], indent=2) if arguments.json else table(runs))


if __name__ == "__main__":
    main()
