"""Given endpoints who say whatever they like, what is heard of them names them and hides the rest;
and readiness looks past their breakers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from mint_resilience.breaker import BreakerPolicy
from mint_resilience.endpoint import Unobserved
from mint_resilience.failures import AllUnavailable, Failure, RateLimited, Transient
from mint_runtime.addresses import Address
from verifier.endpoints import Endpoints, Guards

NAME, KEY = "primary", "k3y-of-the-provider"
ADDRESS = Address(NAME, f"https://rpc.example/{KEY}")


class Server:
    """Answers, or fails with a text that repeats its URL."""

    def __init__(self, address: Address) -> None:
        self.url = address.url
        self.failure: type[Failure] | None = None

    async def ask(self) -> str:
        if self.failure is not None:
            raise self.failure(f"{self.url} is broken; see {self.url}/help", endpoint=self.url)
        return "fine"


@pytest.fixture
def server() -> Server:
    return Server(ADDRESS)


@pytest.fixture
def endpoints(server: Server) -> Endpoints[Server]:
    guards = Guards(policy=BreakerPolicy(minimum_calls=1), observer=Unobserved(), clock=lambda: 0.0)
    return Endpoints("example", [ADDRESS], lambda _: server, guards)


WAYS: dict[str, Callable[[Endpoints[Server]], Awaitable[object]]] = {
    "ask": lambda endpoints: endpoints.ask(NAME, Server.ask),
    "any": lambda endpoints: endpoints.any(Server.ask),
    "each": lambda endpoints: endpoints.each(Server.ask),
}


@pytest.mark.requirement("CH-11", "NR-1")
@pytest.mark.parametrize("way", WAYS)
async def test_a_failure_names_its_endpoint_and_shows_no_url(
    server: Server, endpoints: Endpoints[Server], way: str
) -> None:
    server.failure = RateLimited

    with pytest.raises(RateLimited) as raised:
        await WAYS[way](endpoints)

    assert str(raised.value).startswith(NAME)
    assert KEY not in repr(raised.value)
    assert raised.value.endpoint == NAME
    assert raised.value.__cause__ is None


@pytest.mark.requirement("CH-11")
async def test_readiness_says_what_is_wrong_and_shows_no_url(
    server: Server, endpoints: Endpoints[Server]
) -> None:
    assert await endpoints.readiness(Server.ask) is None

    server.failure = Transient

    told = await endpoints.readiness(Server.ask)
    assert told is not None
    assert told.startswith(f"{NAME} is broken")
    assert KEY not in told


@pytest.mark.requirement("NR-2")
async def test_readiness_looks_past_the_breakers_and_tells_them_nothing(
    server: Server, endpoints: Endpoints[Server]
) -> None:
    server.failure = Transient
    await endpoints.readiness(Server.ask)
    with pytest.raises(Transient, match="is broken"):
        await endpoints.ask(NAME, Server.ask)
    server.failure = None

    assert await endpoints.readiness(Server.ask) is None
    with pytest.raises(AllUnavailable) as raised:
        await endpoints.ask(NAME, Server.ask)
    assert raised.value.retry_after == BreakerPolicy().probe_interval


@pytest.mark.requirement("NR-1")
async def test_who_wants_patience_is_not_disturbed_for_readiness(
    server: Server, endpoints: Endpoints[Server]
) -> None:
    server.failure = RateLimited
    with pytest.raises(RateLimited):
        await endpoints.ask(NAME, Server.ask)
    server.failure = None

    told = await endpoints.readiness(Server.ask)

    assert told == f"{NAME}: wants to be left alone for 2 s"
