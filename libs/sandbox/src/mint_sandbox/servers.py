"""The four servers of a sandbox, started and stopped together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.postgres import PostgresServer
from mint_sandbox.process import ChildProcess
from mint_sandbox.python_servers import IpfsServer, SolanaServer


@dataclass(frozen=True, slots=True)
class Servers:
    """Kafka, PostgreSQL, Solana and IPFS on this machine."""

    kafka: KafkaCluster
    postgres: PostgresServer
    solana: SolanaServer
    ipfs: IpfsServer

    @property
    def processes(self) -> tuple[ChildProcess, ...]:
        """The processes of all servers, after their start."""
        nodes = tuple(node.process for node in self.kafka.nodes)
        return (*nodes, self.postgres.process, self.solana.process, self.ipfs.process)

    async def start(self) -> None:
        """Start all at the same time; when one fails, stop the others and raise its failure."""
        try:
            await self._start_all()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop all at the same time."""
        await asyncio.gather(*(server.stop() for server in self._all()))

    async def _start_all(self) -> None:
        starts = (server.start() for server in self._all())
        for outcome in await asyncio.gather(*starts, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    def _all(self) -> tuple[KafkaCluster | PostgresServer | SolanaServer | IpfsServer, ...]:
        return (self.kafka, self.postgres, self.solana, self.ipfs)


def new_servers(
    *, brokers: int = 1, slot_ms: float = 400.0, endpoints: int = 1, keep: Path | None = None
) -> Servers:
    """Servers that are not started yet; with `keep`, their state stays in that folder."""
    return Servers(
        KafkaCluster(brokers, keep=keep),
        PostgresServer(keep=keep),
        SolanaServer(slot_ms=slot_ms, endpoints=endpoints),
        IpfsServer(keep=keep),
    )
