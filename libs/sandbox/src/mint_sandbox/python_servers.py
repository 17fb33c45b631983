"""The sandbox's own servers, Solana and IPFS, as child processes that keep their ports."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from mint_sandbox.control import client
from mint_sandbox.faults import Fault
from mint_sandbox.folders import SandboxFolder
from mint_sandbox.ports import consecutive_free_ports
from mint_sandbox.process import ChildProcess, Command, StartFailure

_ATTEMPTS: Final = 3
_STATE_FOLDER: Final = "state"


class PythonServer:
    """`python -m MODULE --port P …`, which says in one line of JSON where it listens.

    A server that was killed starts again on the ports it had.
    """

    def __init__(self, module: str, options: Sequence[str], folder: SandboxFolder) -> None:
        self._argv = [sys.executable, "-m", module, *options]
        self._folder = folder
        self._process: ChildProcess | None = None
        self._ports_needed = 1
        self._announced: dict[str, Any] = {}

    @property
    def control_url(self) -> str:
        """The control port."""
        return str(self._announced["control"])

    async def calls(self) -> client.Calls:
        """How often each endpoint was asked for each operation."""
        return await client.calls(self.control_url)

    async def reset_calls(self) -> None:
        """Begin to count from zero."""
        await client.reset_calls(self.control_url)

    async def misbehave(self, endpoint: str, *faults: Fault, seed: int = 0) -> None:
        """Give an endpoint these faults in place of the present ones, the first one outermost.

        They are gone when the process ends. Raises `ControlRefused`.
        """
        await client.misbehave(self.control_url, endpoint, faults, seed=seed)

    async def behave(self, endpoint: str | None = None) -> None:
        """Clear the faults of an endpoint, or of all."""
        for name in [endpoint] if endpoint else await client.faults(self.control_url):
            await client.behave(self.control_url, name)

    async def struck(self, endpoint: str) -> list[int]:
        """How many requests each of the endpoint's faults has struck, in their order.

        Closed ports (`refuse`, `flap`) are not counted: nobody sees who was refused.
        """
        faults = (await client.faults(self.control_url))[endpoint]["faults"]
        return [int(fault["struck"]) for fault in faults]

    @property
    def process(self) -> ChildProcess:
        """The server's process; raises `RuntimeError` before the first start."""
        if self._process is None:
            raise RuntimeError(f"{self._argv[2]} has not been started")
        return self._process

    async def start(self) -> None:
        """Start and wait for its line; raises `StartFailure` with the end of its log."""
        if self._process is not None:
            await self._run(self._process)
            return
        try:
            await self._first_start()
        except BaseException:
            self._folder.remove()
            raise

    async def kill(self) -> None:
        """End it as kill -9 does."""
        await self.process.kill()

    async def stop(self) -> None:
        """End it cleanly and remove what it wrote, unless that was to be kept."""
        if self._process is not None:
            await self._process.stop()
            self._process = None
        self._folder.remove()

    async def _first_start(self) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            process = self._new_process()
            try:
                await self._run(process)
            except StartFailure as failure:
                if attempt == _ATTEMPTS or "address already in use" not in str(failure).lower():
                    raise
            else:
                self._process = process
                return

    def _new_process(self) -> ChildProcess:
        port = consecutive_free_ports(self._ports_needed)[0]
        name = self._argv[2].rpartition(".")[2]
        return ChildProcess(name, Command([*self._argv, "--port", str(port)]), self._folder.make())

    async def _run(self, process: ChildProcess) -> None:
        process.spawn()
        try:
            self._announced = await process.ready_line()
        except BaseException:
            await process.kill()
            raise


class SolanaServer(PythonServer):
    """A Solana cluster behind one or several endpoints; its chain lives as long as its process.

    `slot_ms` is the length of a slot in milliseconds; 400 is what the real cluster aims at. The
    endpoints are named `solana-1` …
    """

    def __init__(self, *, slot_ms: float = 400.0, endpoints: int = 1) -> None:
        options = ["--slot-ms", str(slot_ms), "--endpoints", str(endpoints)]
        super().__init__("mint_sandbox.solana", options, SandboxFolder("solana"))
        self._ports_needed = 2 * endpoints + 1

    @property
    def rpc_url(self) -> str:
        """The first JSON-RPC endpoint."""
        return str(self._announced["rpc"])

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        """All JSON-RPC endpoints, in order of priority."""
        return tuple(endpoint["rpc"] for endpoint in self._announced["endpoints"])

    @property
    def ws_url(self) -> str:
        """The first endpoint's subscriptions."""
        return str(self._announced["ws"])


class IpfsServer(PythonServer):
    """Pinata, a Kubo node, a pinning service and gateways; with `keep` the content stays there.

    The endpoints are named `pinata`, `kubo`, `psa`, `gateway-1` …
    """

    def __init__(self, *, keep: Path | None = None) -> None:
        folder = SandboxFolder("ipfs", keep)
        options = ["--state", str(folder.make() / _STATE_FOLDER)] if keep else []
        super().__init__("mint_sandbox.ipfs", options, folder)
        self._ports_needed = 7

    @property
    def pinata_api_url(self) -> str:
        """Pinata's API."""
        return str(self._announced["pinata_api"])

    @property
    def pinata_upload_url(self) -> str:
        """Pinata's upload API."""
        return str(self._announced["pinata_upload"])

    @property
    def pinata_jwt(self) -> str:
        """The token that Pinata accepts."""
        return str(self._announced["pinata_jwt"])

    @property
    def kubo_rpc_url(self) -> str:
        """Kubo's RPC."""
        return str(self._announced["kubo_rpc"])

    @property
    def pinning_service_url(self) -> str:
        """The pinning service; it takes the token that Pinata accepts."""
        return str(self._announced["pinning_service"])

    @property
    def gateways(self) -> tuple[str, ...]:
        """Base URLs of the gateways; content lies at `{base}/ipfs/{cid}`."""
        return tuple(self._announced["gateways"])
