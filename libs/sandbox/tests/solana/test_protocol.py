"""JSON-RPC itself: batches, and the error codes that real nodes use."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from solders.pubkey import Pubkey

from mint_sandbox.solana import Running


async def post(chain: Running, body: object) -> Any:
    async with aiohttp.ClientSession() as session:
        data = body if isinstance(body, str) else None
        async with session.post(chain.rpc, data=data, json=None if data else body) as response:
            assert response.status == 200
            return await response.json()


def request(method: str, *params: object, number: int = 1) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}


async def code_of(chain: Running, method: str, *params: object) -> int:
    code: int = (await post(chain, request(method, *params)))["error"]["code"]
    return code


async def test_a_batch_is_answered_in_order_with_errors_in_their_place(chain: Running) -> None:
    answers = await post(
        chain, [request("getHealth", number=1), request("nonsense", number=2), {"id": 3}]
    )

    assert [answer.get("result") for answer in answers] == ["ok", None, None]
    assert [answer.get("error", {}).get("code") for answer in answers] == [None, -32601, -32600]
    assert [answer["id"] for answer in answers] == [1, 2, None]


async def test_what_is_no_json_is_a_parse_error(chain: Running) -> None:
    assert (await post(chain, "{oops"))["error"]["code"] == -32700


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("getAccountInfo", []),
        ("getAccountInfo", ["not an address"]),
        ("getAccountInfo", [5]),
        ("getBalance", [str(Pubkey.default()), {"commitment": "maybe"}]),
        ("getBalance", [str(Pubkey.default()), 5]),
        ("getMinimumBalanceForRentExemption", [-1]),
        ("getMultipleAccounts", [[str(Pubkey.default())] * 101]),
        ("getSignatureStatuses", [["abc"]]),
        ("getSignaturesForAddress", [str(Pubkey.default()), {"commitment": "processed"}]),
        ("getTokenAccountsByOwner", [str(Pubkey.default()), {}]),
        ("requestAirdrop", [str(Pubkey.default()), 2**64]),
        ("getSignaturesForAddress", [str(Pubkey.default()), {"limit": 0}]),
        ("getAccountInfo", [str(Pubkey.default()), {"encoding": "base64", "dataSlice": {}}]),
        ("sendTransaction", ["0OIl"]),
        ("sendTransaction", ["AAAA", {"encoding": "base64"}]),
        ("simulateTransaction", ["AAAA", {"encoding": "hex"}]),
        ("simulateTransaction", ["AAAA", {"innerInstructions": True}]),
    ],
)
async def test_wrong_parameters_are_named_invalid(
    chain: Running, method: str, params: list[object]
) -> None:
    assert await code_of(chain, method, *params) == -32602


async def test_a_block_to_come_a_skipped_one_and_a_slot_to_wait_for_have_their_codes(
    chain: Running,
) -> None:
    tip = chain.ledger.chain.tip.slot

    assert await code_of(chain, "getBlockTime", tip + 1) == -32004
    assert await code_of(chain, "getBlockTime", 5) == -32001
    assert await code_of(chain, "getSlot", {"minContextSlot": tip + 1}) == -32016


async def test_a_blockhash_is_valid_until_it_is_too_old(chain: Running) -> None:
    latest = await post(chain, request("getLatestBlockhash", {"commitment": "confirmed"}))
    blockhash = latest["result"]["value"]["blockhash"]
    ask = request("isBlockhashValid", blockhash, {"commitment": "confirmed"})

    young = await post(chain, ask)
    chain.pass_slots(150)
    last = await post(chain, ask)
    chain.pass_slots(1)
    old = await post(chain, ask)

    assert [answer["result"]["value"] for answer in (young, last, old)] == [True, True, False]


async def test_account_data_too_long_for_base58_is_refused(chain: Running) -> None:
    rent = "SysvarS1otHashes111111111111111111111111111"
    assert await code_of(chain, "getAccountInfo", rent, {"encoding": "base58"}) == -32600
    sliced = {"encoding": "base64", "dataSlice": {"offset": 0, "length": 4}}
    shown = await post(chain, request("getAccountInfo", rent, sliced))
    assert len(shown["result"]["value"]["data"][0]) == 8
