"""What an endpoint is asked when it is heard thoroughly, over real HTTP to one that counts."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from aiohttp import web
from solders.hash import Hash
from solders.keypair import Keypair
from solders.signature import Signature

from chain_minter.chain import Report, Sent
from chain_minter.hearing import Question, statements
from chain_minter.rpc import Endpoint
from chain_minter.transport import HttpTransport
from mint_runtime.addresses import Address

SLOT = 1000
CONTEXT = {"slot": SLOT, "apiVersion": "4.0.0"}
LANDED = {"slot": 9, "confirmations": None, "status": {"Ok": None}, "err": None}


class Node:
    """Knows no account; `landed` of the signatures it is asked about have landed."""

    def __init__(self, *, together: int, landed: int = 0) -> None:
        self.asked: Counter[str] = Counter()
        self._landed = landed
        self._together = together
        self._all_there = asyncio.Event()

    async def respond(self, request: web.Request) -> web.Response:
        asked = json.loads(await request.text())
        self.asked[asked["method"]] += 1
        result = await getattr(self, asked["method"])(*asked["params"])
        return web.json_response({"jsonrpc": "2.0", "id": 0, "result": result})

    async def getEpochInfo(self, _: Any) -> Any:  # noqa: N802 - the method's name
        return {
            "absoluteSlot": SLOT,
            "blockHeight": SLOT,
            "epoch": 1,
            "slotIndex": 1,
            "slotsInEpoch": 432000,
            "transactionCount": None,
        }

    async def getMultipleAccounts(self, keys: list[str], _: Any) -> Any:  # noqa: N802
        return {"context": CONTEXT, "value": [None] * len(keys)}

    async def getSignatureStatuses(self, signatures: list[str], _: Any) -> Any:  # noqa: N802
        landed = [LANDED] * self._landed
        return {"context": CONTEXT, "value": [*landed, *[None] * (len(signatures) - len(landed))]}

    async def isBlockhashValid(self, *_: Any) -> Any:  # noqa: N802
        """Answers when all are asked for."""
        if self.asked["isBlockhashValid"] == self._together:
            self._all_there.set()
        await asyncio.wait_for(self._all_there.wait(), 5)
        return {"context": CONTEXT, "value": False}


async def heard(node: Node, questions: list[Question]) -> list[Report]:
    app = web.Application()
    app.router.add_post("/", node.respond)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with HttpTransport(seconds=10, connections=32) as transport:
            said = await statements(Endpoint(Address("one", url), transport), questions)
    finally:
        await runner.cleanup()
    return [each for each in said if isinstance(each, Report)]


def sent(number: int) -> Question:
    blockhash = Hash(number.to_bytes(32, "big"))
    return Keypair().pubkey(), Sent(Signature(number.to_bytes(64, "big")), blockhash)


@pytest.mark.requirement("CH-3", "CH-5")
async def test_many_blockhashes_are_asked_for_at_once() -> None:
    questions = [sent(number) for number in range(1, 31)]
    node = Node(together=len(questions))

    said = await heard(node, questions)

    assert all(report.blockhash_gone for report in said)
    assert node.asked.total() == 3 + len(questions)


@pytest.mark.requirement("CH-3")
async def test_nobody_asks_for_the_blockhash_of_what_was_seen() -> None:
    questions = [sent(1), sent(2), (Keypair().pubkey(), None)]
    node = Node(together=1, landed=1)

    said = await heard(node, questions)

    assert [report.blockhash_gone for report in said] == [False, True, False]
    assert node.asked["isBlockhashValid"] == 1
