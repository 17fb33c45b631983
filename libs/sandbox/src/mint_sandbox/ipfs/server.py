"""The sandbox's IPFS network: three providers and several gateways, each on its own port.

Pinata, Kubo and the pinning service keep separate stores, as three companies would; the gateways
find what any of them holds.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from mint_content.unixfs import CHUNK_SIZE
from mint_sandbox.control import Asked, Control, Controlled
from mint_sandbox.control.app import control_app
from mint_sandbox.control.door import bound, door
from mint_sandbox.faults.effects import Effects
from mint_sandbox.ipfs import gateway, kubo, pinata, pinning_service
from mint_sandbox.ipfs.blockstore import BlockStore, Network
from mint_sandbox.ipfs.faults import PROVIDER_EFFECTS, gateway_effects
from mint_sandbox.ipfs.pin_requests import PinRequests
from mint_sandbox.ipfs.pinata_account import Account
from mint_sandbox.ipfs.pinata_files import PinataFiles
from mint_sandbox.ipfs.ratelimit import RequestWindow, rate_limit
from mint_sandbox.ports import LOOPBACK

Around = Callable[[str], Sequence[Middleware]]
"""Gives each endpoint, by name, further middlewares around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IpfsOptions:
    """How the network is set up.

    `port` is the first of consecutive ones (the last is for control), 0 means any free ones.
    `state` is a folder for what is to outlive the process; without it all is in memory.
    `requests_per_minute` is Pinata's limit, `pinata_chunk_size` the bytes by which it cuts files.
    """

    port: int = 0
    gateways: int = 3
    jwt: str = "sandbox"
    requests_per_minute: int = 100_000
    pinata_chunk_size: int = CHUNK_SIZE
    state: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IpfsEndpoints:
    """Where the network can be reached."""

    pinata_api: str
    pinata_upload: str
    pinata_jwt: str
    kubo_rpc: str
    pinning_service: str
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

    Its endpoints are named `pinata`, `kubo`, `psa` (the pinning service), `gateway-1` …
    """
    options = options or IpfsOptions()
    control = Control()
    async with AsyncExitStack() as stack:
        sites = [*_sites(options, control, around, stack), (None, control_app(control))]
        ports = [options.port + n if options.port else 0 for n in range(len(sites))]
        urls = [await _listen(*site, port, stack) for site, port in zip(sites, ports, strict=True)]
        stack.push_async_callback(control.close)
        yield IpfsEndpoints(
            pinata_api=urls[0],
            pinata_upload=urls[0],
            pinata_jwt=options.jwt,
            kubo_rpc=urls[1],
            pinning_service=urls[2],
            gateways=tuple(urls[3:-1]),
            control=urls[-1],
        )


def _sites(
    options: IpfsOptions, control: Control, around: Around, stack: AsyncExitStack
) -> list[tuple[Controlled, web.Application]]:
    """Pinata, Kubo, the pinning service, and the gateways, in this order."""
    public = _store(options.state, "pinata-public", stack)
    private = _store(options.state, "pinata-private", stack)
    kubo_store = _store(options.state, "kubo", stack)
    pins_store = _store(options.state, "pinning-service", stack)
    files = PinataFiles(_file(options.state, "pinata-files"))
    stack.callback(files.close)
    requests = PinRequests(_file(options.state, "pin-requests"))
    stack.callback(requests.close)
    network = Network(public, kubo_store, pins_store)
    stores = {"public": public, "private": private}
    account = Account(stores, files, network, options.pinata_chunk_size)
    limit = rate_limit(RequestWindow(options.requests_per_minute, time.monotonic))

    def site(
        name: str, effects: Effects, application: Callable[..., web.Application]
    ) -> tuple[Controlled, web.Application]:
        controlled = control.endpoint(name, _asked, effects)
        return controlled, application(*controlled.middlewares, *around(name))

    names = [f"gateway-{number}" for number in range(1, options.gateways + 1)]
    gateway_here = partial(gateway.application, network)
    pins_here = partial(pinning_service.application, requests, pins_store, network, options.jwt)
    return [
        site("pinata", PROVIDER_EFFECTS, partial(pinata.application, account, options.jwt, limit)),
        site("kubo", PROVIDER_EFFECTS, partial(kubo.application, kubo_store, network)),
        site("psa", PROVIDER_EFFECTS, pins_here),
        *(site(name, gateway_effects(network), gateway_here) for name in names),
    ]


async def _asked(request: web.Request) -> Asked:
    """The name of the function that answers, and the CID in the path or the query."""
    place, query = request.match_info, request.query
    if place.http_exception is not None:
        return Asked(())
    cid = place.get("cid") or query.get("cid") or query.get("arg")
    return Asked((place.handler.__name__.removeprefix("_"),), cid)


def _store(state: Path | None, name: str, stack: AsyncExitStack) -> BlockStore:
    store = BlockStore(_file(state, name))
    stack.callback(store.close)
    return store


def _file(state: Path | None, name: str) -> Path | None:
    if state is None:
        return None
    state.mkdir(parents=True, exist_ok=True)
    return state / f"{name}.sqlite"


async def _listen(
    controlled: Controlled | None, app: web.Application, port: int, stack: AsyncExitStack
) -> str:
    entrance = await stack.enter_async_context(door(app, bound(LOOPBACK, port)))
    if controlled is not None:
        controlled.add_door(entrance)
    return f"http://{LOOPBACK}:{entrance.port}"
