"""Content counts only when its bytes hash to its name, whichever gateway they come from."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

import httpx
import pytest

from mint_content.gateway import GatewayPool, NotRetrieved, gateway_name
from mint_content.public_address import Address
from mint_content.unixfs import cid_of
from mint_resilience.breaker import BreakerPolicy
from mint_resilience.failures import (
    AllUnavailable,
    Deferred,
    Degraded,
    Outage,
    Permanent,
    RateLimited,
    Transient,
)

CONTENT = b"dragon" * 1000
CID = cid_of(CONTENT)
A, B, C = "https://a.example", "https://b.example", "https://c.example"

Answer = Callable[[httpx.Request], httpx.Response]


def good(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=CONTENT)


def wrong_body(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=b"<html>Please sign in</html>")


def status(code: int, **headers: str) -> Answer:
    return lambda _: httpx.Response(code, headers=headers)


def refused(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused", request=request)


def pool(answers: Mapping[str, Answer], **limits: Any) -> GatewayPool:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == f"/ipfs/{CID}"
        return answers[f"https://{request.url.host}"](request)

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return GatewayPool(client, list(answers), **limits)


async def test_the_first_gateway_with_the_right_bytes_is_enough() -> None:
    retrieval = await pool({A: good, B: refused}).fetch(CID)

    assert retrieval.data == CONTENT
    assert [outcome.endpoint for outcome in retrieval.outcomes] == [A]


@pytest.mark.requirement("IP-4")
async def test_a_wrong_body_with_status_200_makes_the_next_gateway_answer() -> None:
    retrieval = await pool({A: wrong_body, B: good}).fetch(CID)

    assert retrieval.data == CONTENT
    bad, fine = retrieval.outcomes
    assert (bad.endpoint, bad.good, fine.endpoint, fine.good) == (A, False, B, True)
    assert str(CID) in str(bad.failure)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (wrong_body, Transient),
        (refused, Outage),
        (status(404), Permanent),
        (status(504), Transient),
        (status(429), RateLimited),
    ],
)
async def test_each_failure_is_classified_and_the_next_gateway_asked(
    answer: Answer, failure: type[Exception]
) -> None:
    retrieval = await pool({A: answer, B: good}).fetch(CID)

    assert isinstance(retrieval.outcomes[0].failure, failure)
    assert retrieval.data == CONTENT


async def test_when_no_gateway_has_it_the_failure_tells_what_each_did() -> None:
    with pytest.raises(NotRetrieved, match="HTTP 404") as raised:
        await pool({A: status(404), B: refused}).fetch(CID)

    assert [outcome.endpoint for outcome in raised.value.outcomes] == [A, B]
    assert isinstance(raised.value, Transient)


@pytest.mark.parametrize(
    ("answers", "final"),
    [
        ((status(404), status(410)), True),
        ((status(404), refused), False),
        ((status(404), status(504)), False),
        ((), False),
    ],
)
async def test_absence_is_final_only_when_every_gateway_says_so(
    answers: tuple[Answer, ...], final: bool
) -> None:
    with pytest.raises(NotRetrieved) as raised:
        await pool(dict(zip((A, B), answers, strict=False))).fetch(CID)

    assert raised.value.final is final


async def test_without_gateways_nothing_is_retrieved() -> None:
    with pytest.raises(NotRetrieved, match="no gateway is set"):
        await pool({}).fetch(CID)


async def test_a_body_beyond_the_size_limit_is_cut_off() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1000
            yield bytes(1000)

    with pytest.raises(NotRetrieved, match="longer than 5000 bytes"):
        await pool({A: lambda _: httpx.Response(200, content=endless())}, size_limit=5000).fetch(
            CID
        )
    assert sent <= 10_000


async def test_a_gateway_that_never_ends_is_left_for_the_next() -> None:
    async def silent() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    answers = {A: lambda _: httpx.Response(200, content=silent()), B: good}
    retrieval = await pool(answers, time_limit=0.01).fetch(CID)

    assert isinstance(retrieval.outcomes[0].failure, Degraded)
    assert retrieval.data == CONTENT


@pytest.mark.requirement("VE-2")
async def test_each_gateway_is_reported_when_all_are_asked() -> None:
    outcomes = await pool({A: good, B: wrong_body, C: good}).ask_each(CID)

    assert [(outcome.endpoint, outcome.good) for outcome in outcomes] == [
        (A, True),
        (B, False),
        (C, True),
    ]
    assert [outcome.size for outcome in outcomes] == [len(CONTENT), 0, len(CONTENT)]


async def test_latency_is_measured_by_the_given_clock() -> None:
    now = 10.0

    def slow(request: httpx.Request) -> httpx.Response:
        nonlocal now
        now += 2.5
        return good(request)

    retrieval = await pool({A: slow}, clock=lambda: now).fetch(CID)

    assert retrieval.outcomes[0].latency == 2.5


@pytest.mark.requirement("IP-4", "NR-2")
@pytest.mark.parametrize("bad", [wrong_body, refused, status(504)])
async def test_a_gateway_that_keeps_failing_is_passed_over_until_a_probe_succeeds(
    bad: Answer,
) -> None:
    now, answers = 0.0, {A: bad, B: good}
    gateways = pool(answers, clock=lambda: now, policy=BreakerPolicy(minimum_calls=2))
    for _ in range(2):
        await gateways.fetch(CID)
    assert [done.endpoint for done in (await gateways.fetch(CID)).outcomes] == [B]

    answers[A] = good
    now += 30
    assert [done.endpoint for done in (await gateways.fetch(CID)).outcomes] == [A]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://ipfs.io", "ipfs.io"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("https://gateway.example/k3y", "gateway.example~7a8969"),
        ("https://ann:k3y@gateway.example", "gateway.example~b76954"),
    ],
)
def test_a_gateway_is_called_by_its_host_and_what_may_be_a_key_is_not_in_its_name(
    url: str, name: str
) -> None:
    assert gateway_name(url) == name


@pytest.mark.requirement("IP-4")
async def test_gateways_of_one_host_are_told_apart() -> None:
    pair = (f"{A}/one", f"{A}/two")
    client = httpx.AsyncClient(transport=httpx.MockTransport(good))
    outcomes = await GatewayPool(client, pair).ask_each(CID)
    assert tuple(outcome.endpoint for outcome in outcomes) == pair


@pytest.mark.requirement("IP-4")
async def test_a_gateway_that_denies_the_content_has_answered() -> None:
    gateways = pool({A: status(404), B: good}, policy=BreakerPolicy(minimum_calls=1))
    for _ in range(3):
        retrieval = await gateways.fetch(CID)
        assert [done.endpoint for done in retrieval.outcomes] == [A, B]


@pytest.mark.requirement("IP-4")
async def test_absence_is_not_final_while_a_gateway_is_passed_over() -> None:
    answers = {A: refused, B: status(404)}
    gateways = pool(answers, policy=BreakerPolicy(minimum_calls=1))
    for _ in range(2):
        with pytest.raises(NotRetrieved) as raised:
            await gateways.fetch(CID)
        assert raised.value.final is False
    assert {done.endpoint for done in raised.value.outcomes} == {A, B}


@pytest.mark.requirement("NR-3")
async def test_when_all_gateways_are_passed_over_nothing_is_said_of_the_content() -> None:
    gateways = pool({A: refused}, policy=BreakerPolicy(minimum_calls=1))
    with pytest.raises(NotRetrieved):
        await gateways.fetch(CID)
    with pytest.raises(AllUnavailable):
        await gateways.fetch(CID)
    (outcome,) = await gateways.ask_each(CID)
    assert (outcome.good, type(outcome.failure)) == (False, Deferred)


async def test_a_redirect_to_another_public_address_is_followed() -> None:
    def redirect(_: httpx.Request) -> httpx.Response:
        return httpx.Response(301, headers={"location": f"{B}/ipfs/{CID}"})

    async def resolve(_: str) -> Sequence[Address]:
        return [ip_address("93.184.216.34")]

    retrieval = await pool({A: redirect, B: good}, resolve=resolve).fetch(CID)

    assert [outcome.endpoint for outcome in retrieval.outcomes] == [A]


@pytest.mark.requirement("VE-2")
async def test_no_more_than_so_many_contents_are_fetched_at_once_and_waiting_costs_no_time() -> (
    None
):
    open_now, most, go_on = 0, 0, asyncio.Event()

    async def held() -> AsyncIterator[bytes]:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        if open_now == 2:
            go_on.set()
        await go_on.wait()
        yield CONTENT
        open_now -= 1

    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1.0
        return now

    gateways = pool({A: lambda _: httpx.Response(200, content=held())}, at_once=2, clock=clock)
    async with asyncio.TaskGroup() as tasks:
        fetching = [tasks.create_task(gateways.fetch(CID)) for _ in range(20)]

    assert most == 2
    assert all(task.result().data == CONTENT for task in fetching)
