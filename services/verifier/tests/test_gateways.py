"""What a gateway answers is evidence: its own, of now, and believed only when it hashes right."""

from __future__ import annotations

import httpx
import pytest

from mint_content.unixfs import cid_of
from mint_resilience.breaker import BreakerPolicy
from mint_resilience.endpoint import Unobserved
from mint_resilience.failures import AllUnavailable, Failure, Outage, Permanent, Transient
from mint_runtime.addresses import Address
from verifier.endpoints import Guards
from verifier.gateways import Gateways

DOCUMENT = b'{"name": "Dragon"}'
CID = cid_of(DOCUMENT)
A, B, C, D = (f"{name}.example" for name in "abcd")


class Web:
    """Gateways by host: bytes, or a status; who is not named is down."""

    def __init__(self, answers: dict[str, bytes | int]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.query.decode())
        answer = self.answers.get(request.url.host)
        if answer is None:
            raise httpx.ConnectError("connection refused", request=request)
        if isinstance(answer, int):
            return httpx.Response(answer)
        return httpx.Response(200, content=answer)

    def gateways(self, *names: str, trustless: bool = True) -> Gateways:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
        addresses = [Address(name, f"https://{name}") for name in names]
        guards = Guards(policy=BreakerPolicy(minimum_calls=2), observer=Unobserved())
        return Gateways(client, addresses, guards, seconds=5.0, trustless=trustless)


@pytest.mark.requirement("VE-2", "IP-4")
async def test_every_gateway_answers_for_itself() -> None:
    web = Web({A: DOCUMENT, B: b"<html>", C: 404})

    answers = await web.gateways(A, B, C, D).answers(CID)

    assert [answer.content for answer in answers] == [DOCUMENT, None, None, None]
    failures = [type(answer.failure) for answer in answers]
    assert failures == [type(None), Transient, Permanent, Outage]
    assert [answer.denied for answer in answers] == [False, False, True, False]


@pytest.mark.requirement("VE-2", "IP-5")
async def test_what_was_retrieved_before_is_no_evidence_of_now() -> None:
    web = Web({A: DOCUMENT})
    gateways = web.gateways(A)
    assert (await gateways.answer(A, CID)).content == DOCUMENT

    web.answers[A] = 404

    assert (await gateways.answer(A, CID)).denied


@pytest.mark.requirement("VE-2")
@pytest.mark.parametrize(("trustless", "query"), [(True, "format=raw"), (False, "")])
async def test_a_partner_asks_as_a_wallet_does(trustless: bool, query: str) -> None:
    web = Web({A: DOCUMENT})

    await web.gateways(A, trustless=trustless).answer(A, CID)

    assert web.asked == [query]


@pytest.mark.requirement("VE-2")
@pytest.mark.parametrize("wrong", [b"<html>", 429, 503])
async def test_a_gateway_that_says_nothing_of_the_content_is_asked_again(
    wrong: bytes | int,
) -> None:
    with pytest.raises(Failure) as raised:
        await Web({A: wrong}).gateways(A).answer(A, CID)

    assert not isinstance(raised.value, Permanent)


@pytest.mark.requirement("NR-2", "NR-3", "VE-5")
async def test_a_gateway_whose_breaker_is_open_is_not_asked_and_denies_nothing() -> None:
    web = Web({A: 503, B: DOCUMENT})
    gateways = web.gateways(A, B)
    for _ in range(2):
        await gateways.answers(CID)
    web.asked.clear()

    failing, fine = await gateways.answers(CID)

    assert isinstance(failing.failure, AllUnavailable)
    assert not failing.denied
    assert fine.content == DOCUMENT
    assert len(web.asked) == 1


@pytest.mark.requirement("NR-1", "VE-5")
@pytest.mark.parametrize("status", [401, 402, 403, 407])
async def test_a_gateway_that_does_not_let_us_in_denies_nothing(status: int) -> None:
    with pytest.raises(Outage, match=str(status)):
        await Web({A: status}).gateways(A).answer(A, CID)
