"""A real Kubo node on this machine: its RPC and its gateway on free ports of loopback.

Nodes know nobody but those whom they are told to connect to. Sources: docs.ipfs.tech (profiles,
`ipfs daemon`, the files `api` and `gateway` of a repository).
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any, Final

import aiohttp

from mint_sandbox.folders import SandboxFolder
from mint_sandbox.ports import LOOPBACK
from mint_sandbox.process import ChildProcess, Command, StartFailure

_START_TIMEOUT: Final = 30.0  # seconds; alone on a machine a start takes a quarter of one
_INIT: Final = ("init", "--profile=test")  # any ports of loopback, no peers, no discovery
_DAEMON: Final = ("daemon", "--routing=none")
_TCP: Final = "/tcp/"


class KuboNode:
    """One node with a repository of its own; `binary` is its `ipfs`.

    An `offline` node talks to no other one, and no other can get anything from it.
    """

    def __init__(self, binary: Path, *, offline: bool = True) -> None:
        self._binary = binary
        self._mode = ("--offline",) if offline else ()
        self._folder = SandboxFolder("kubo")
        self._process: ChildProcess | None = None
        self.rpc_url = ""
        self.gateway_url = ""

    async def start(self) -> None:
        """Make a repository and start; raises `StartFailure` with the end of the log."""
        try:
            await self._start(self._folder.make())
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End it cleanly and remove its repository."""
        if self._process is not None:
            await self._process.stop()
            self._process = None
        self._folder.remove()

    async def connect(self, other: KuboNode) -> None:
        """Open a connection to another node, over which blocks go in both directions."""
        address = (await other.ask("id"))["Addresses"][0]
        await self.ask(f"swarm/connect?arg={address}")

    async def ask(self, call: str) -> dict[str, Any]:
        """One call of the RPC; its JSON. Raises `aiohttp.ClientError`."""
        async with (
            aiohttp.ClientSession(raise_for_status=True) as session,
            session.post(f"{self.rpc_url}/api/v0/{call}") as response,
        ):
            answer: dict[str, Any] = await response.json()
        return answer

    async def __aenter__(self) -> KuboNode:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _start(self, folder: Path) -> None:
        repository = folder / "repository"
        env = {"IPFS_PATH": str(repository), "IPFS_TELEMETRY": "off"}
        await asyncio.to_thread(self._initialize, env)
        command = Command([str(self._binary), *_DAEMON, *self._mode], env=env)
        self._process = ChildProcess("kubo", command, folder)
        self._process.spawn()

        async def listens() -> bool:
            return self._read_addresses(repository) and await self._answers()

        await self._process.until(listens, within=_START_TIMEOUT, what="answer of its RPC")

    def _initialize(self, env: dict[str, str]) -> None:
        made = subprocess.run(  # noqa: S603 - every argument is ours, no shell
            [self._binary, *_INIT],
            env={**os.environ, **env},
            capture_output=True,
            timeout=_START_TIMEOUT,
        )
        if made.returncode:
            raise StartFailure(f"kubo: no repository: {made.stderr.decode(errors='replace')}")

    def _read_addresses(self, repository: Path) -> bool:
        """Take the addresses that the node has written; False while it has not."""
        api, gateway = _text(repository / "api"), _text(repository / "gateway")
        self.rpc_url, self.gateway_url = f"http://{LOOPBACK}:{api.rpartition(_TCP)[2]}", gateway
        return bool(api and gateway)

    async def _answers(self) -> bool:
        try:
            await self.ask("version")
        except aiohttp.ClientError:
            return False
        return True


def _text(file: Path) -> str:
    return file.read_text().strip() if file.exists() else ""
