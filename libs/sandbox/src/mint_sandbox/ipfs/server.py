"""The sandbox's IPFS network: two providers and several gateways, each on its own port.

Pinata and Kubo keep separate stores, as two companies would; the gateways find what either holds.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from mint_sandbox.control import Control
from mint_sandbox.control.app import control_app
from mint_sandbox.ipfs import gateway, kubo, pinata
from mint_sandbox.ipfs.blockstore import BlockStore, Network
from mint_sandbox.ipfs.pinata_account import Account
from mint_sandbox.ipfs.pinata_files import PinataFiles
from mint_sandbox.ipfs.ratelimit import RequestWindow, rate_limit
from mint_sandbox.ports import LOOPBACK

Around = Callable[[str], Sequence[Middleware]]
"""Gives each endpoint, by name, the middlewares around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IpfsOptions:
    """How the network is set up.

    `port` is the first of consecutive ones (the last is for control), 0 means any free ones.
    `state` is a folder for what is to outlive the process; without it all is in memory.
    `requests_per_minute` is Pinata's limit.
    """

    port: int = 0
    gateways: int = 3
    jwt: str = "sandbox"
    requests_per_minute: int = 100_000
    state: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IpfsEndpoints:
    """Where the network can be reached."""

    pinata_api: str
    pinata_upload: str
    pinata_jwt: str
    kubo_rpc: str
    gateways: tuple[str, ...]
    control: str

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))


def _nothing_around(_: str) -> Sequence[Middleware]:
    return ()


@asynccontextmanager
async def running(
    options: IpfsOptions | None = None, around: Around = _nothing_around
) -> AsyncIterator[IpfsEndpoints]:
    """Run the network inside this process until the block ends; yields when all ports listen.

    Its endpoints are named `pinata`, `kubo`, `gateway-1` …
    """
    options = options or IpfsOptions()
    control = Control()

    def all_around(name: str) -> Sequence[Middleware]:
        return (*control.endpoint(name, _operation).middlewares, *around(name))

    async with AsyncExitStack() as stack:
        applications = [*_applications(options, all_around, stack), control_app(control)]
        ports = [options.port + n if options.port else 0 for n in range(len(applications))]
        urls = [
            await _listen(app, port, stack) for app, port in zip(applications, ports, strict=True)
        ]
        yield IpfsEndpoints(
            pinata_api=urls[0],
            pinata_upload=urls[0],
            pinata_jwt=options.jwt,
            kubo_rpc=urls[1],
            gateways=tuple(urls[2:-1]),
            control=urls[-1],
        )


def _applications(
    options: IpfsOptions, around: Around, stack: AsyncExitStack
) -> list[web.Application]:
    """Pinata, Kubo, and the gateways, in this order."""
    public = _store(options.state, "pinata-public", stack)
    private = _store(options.state, "pinata-private", stack)
    kubo_store = _store(options.state, "kubo", stack)
    files = PinataFiles(_file(options.state, "pinata-files"))
    stack.callback(files.close)
    network = Network(public, kubo_store)
    account = Account({"public": public, "private": private}, files, network)
    limit = rate_limit(RequestWindow(options.requests_per_minute, time.monotonic))
    names = [f"gateway-{number}" for number in range(1, options.gateways + 1)]
    return [
        pinata.application(account, options.jwt, *around("pinata"), limit),
        kubo.application(kubo_store, network, *around("kubo")),
        *(gateway.application(network, *around(name)) for name in names),
    ]


async def _operation(request: web.Request) -> tuple[str, ...]:
    """The name of the function that answers."""
    return (request.match_info.handler.__name__.removeprefix("_"),)


def _store(state: Path | None, name: str, stack: AsyncExitStack) -> BlockStore:
    store = BlockStore(_file(state, name))
    stack.callback(store.close)
    return store


def _file(state: Path | None, name: str) -> Path | None:
    if state is None:
        return None
    state.mkdir(parents=True, exist_ok=True)
    return state / f"{name}.sqlite"


async def _listen(app: web.Application, port: int, stack: AsyncExitStack) -> str:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, LOOPBACK, port).start()
    host, bound = runner.addresses[0][:2]
    return f"http://{host}:{bound}"
