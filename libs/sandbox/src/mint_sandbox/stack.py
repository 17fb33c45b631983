"""A whole sandbox for one Trimint: the servers, and on them topics, database and authority."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mint_sandbox.folders import SandboxFolder
from mint_sandbox.servers import new_servers
from mint_sandbox.tenant import Tenant, provide


@dataclass(frozen=True, slots=True)
class StackOptions:
    """How large, how fast, and whether the state stays.

    `brokers` is 1, or 3 for replicated topics; `slot_ms` is the length of a Solana slot; `keep` is
    a folder for state that outlives the stack (all but the chain, which lives in memory);
    `endpoints` is how many RPC endpoints the chain has.
    """

    brokers: int = 1
    slot_ms: float = 400.0
    keep: Path | None = None
    endpoints: int = 3


class Stack:
    """`async with Stack() as stack:`: everything runs, and nothing of it remains afterwards."""

    def __init__(self, options: StackOptions | None = None) -> None:
        options = options or StackOptions()
        self._folder = SandboxFolder("authority", options.keep)
        self.servers = new_servers(
            brokers=options.brokers,
            slot_ms=options.slot_ms,
            endpoints=options.endpoints,
            keep=options.keep,
        )
        self._tenant: Tenant | None = None

    @property
    def tenant(self) -> Tenant:
        """What was made on the servers; raises `RuntimeError` before the start."""
        if self._tenant is None:
            raise RuntimeError("the sandbox has not been started")
        return self._tenant

    @property
    def env(self) -> dict[str, str]:
        """The environment that points services at this stack."""
        return self.tenant.env

    async def start(self) -> None:
        """Start everything; when a part fails, stop the rest and raise its failure."""
        await self.servers.start()
        try:
            self._tenant = await provide(
                self.servers,
                self._folder.make(),
                database=self.servers.postgres.database(),
            )
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything and remove its state, unless it was to be kept."""
        await self.servers.stop()
        self._folder.remove()

    async def __aenter__(self) -> Stack:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
