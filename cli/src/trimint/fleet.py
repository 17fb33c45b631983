"""The four services as processes on this machine: for the demo, and for tests that kill them.

```python
async with Fleet(stack.env, log_dir) as fleet:
    await fleet.ready()
    await fleet["chain-minter"].kill()
    fleet["chain-minter"].start()
```
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx

from mint_sandbox.process import ChildProcess, Command

MODULES: Final = {
    "reconciler": "reconciler",
    "ipfs-uploader": "ipfs_uploader",
    "chain-minter": "chain_minter",
    "verifier": "verifier",
}
"""The services by name, and the module that each is run from."""

READY_SECONDS: Final = 60.0
_PROBE_SECONDS: Final = 3.0


class ServiceProcess:
    """One service; it can be stopped or killed and started again, and logs into one file."""

    def __init__(self, name: str, env: Mapping[str, str], log_dir: Path) -> None:
        command = Command(
            [sys.executable, "-m", MODULES[name]], env={"TRIMINT_HTTP_PORT": "0", **env}
        )
        self.name = name
        self._command = command
        self._process = ChildProcess(name, command, log_dir)
        self._start_of_log = 0

    @property
    def log_file(self) -> Path:
        """Its log lines, JSON, one on each line."""
        return self._process.output_file

    @property
    def pid(self) -> int | None:
        """Its process id, None when it does not run."""
        return self._process.pid

    def start(self, env: Mapping[str, str] | None = None) -> None:
        """Start it, with `env` besides its own this time, and return at once.

        Raises `RuntimeError` when it runs already.
        """
        self._start_of_log = self.log_file.stat().st_size if self.log_file.exists() else 0
        self._process.command = replace(self._command, env={**self._command.env, **(env or {})})
        self._process.spawn()

    async def ready(self, within: float = READY_SECONDS) -> None:
        """Wait until `/readyz` is good.

        Raises `StartFailure`, with the end of its standard error, when it ends or takes too long.
        """
        async with httpx.AsyncClient(timeout=_PROBE_SECONDS) as client:
            await self._process.until(
                lambda: self._is_ready(client), within=within, what="readiness"
            )

    async def unready(self, within: float = READY_SECONDS) -> None:
        """Wait until `/readyz` is not good; raises `StartFailure` as `ready` does."""
        async with httpx.AsyncClient(timeout=_PROBE_SECONDS) as client:

            async def complains() -> bool:
                return not await self._is_ready(client)

            await self._process.until(complains, within=within, what="unreadiness")

    async def stop(self) -> None:
        """Ask for a clean end (SIGTERM) and wait for it."""
        await self._process.stop(patience=30.0)

    async def kill(self) -> None:
        """End it as kill -9 does, and wait until it is gone."""
        await self._process.kill()

    async def ended(self, within: float) -> int:
        """Wait until it has ended by itself; its exit status, negative for a signal's number.

        Raises `TimeoutError` when it still runs after so many seconds.
        """
        return await self._process.ended(within=within)

    def pause(self) -> None:
        """Stop it where it is (SIGSTOP)."""
        self._process.pause()

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self._process.resume()

    def address(self) -> str | None:
        """URL of its HTTP side, once it has said so in its log."""
        return next((line["http"] for line in self._lines() if "http" in line), None)

    def complaints(self) -> list[dict[str, Any]]:
        """The lines of its log, since its start, that are errors or worse."""
        return [line for line in self._lines() if line.get("level") in ("error", "critical")]

    async def _is_ready(self, client: httpx.AsyncClient) -> bool:
        address = self.address()
        if address is None:
            return False
        try:
            return (await client.get(f"{address}/readyz")).is_success
        except httpx.TransportError:
            return False

    def _lines(self) -> Iterator[dict[str, Any]]:
        """The whole lines of its log since its start, without those that are no JSON."""
        if not self.log_file.exists():
            return
        with self.log_file.open("rb") as log:
            log.seek(self._start_of_log)
            for raw in log:
                if raw.startswith(b"{") and raw.endswith(b"}\n"):
                    yield json.loads(raw)


class Fleet:
    """All four services, started together and stopped together."""

    def __init__(self, env: Mapping[str, str], log_dir: Path) -> None:
        log_dir.mkdir(parents=True, exist_ok=True)
        self.log_dir = log_dir
        self._services = {name: ServiceProcess(name, env, log_dir) for name in MODULES}

    def __getitem__(self, name: str) -> ServiceProcess:
        return self._services[name]

    def __iter__(self) -> Iterator[ServiceProcess]:
        return iter(self._services.values())

    def start(self) -> None:
        """Start all and return at once."""
        for service in self:
            service.start()

    async def ready(self, within: float = READY_SECONDS) -> None:
        """Wait until all are ready. Raises `StartFailure` of the first that is not."""
        await asyncio.gather(*(service.ready(within) for service in self))

    async def stop(self) -> None:
        """Stop all, cleanly and side by side."""
        await asyncio.gather(*(service.stop() for service in self))

    async def __aenter__(self) -> Fleet:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
