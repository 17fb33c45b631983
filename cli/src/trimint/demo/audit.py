"""The demo's own look at what is there, apart from what any service says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection as Several
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import httpx

from mint_chain.addresses import TOKEN_PROGRAM
from mint_events.state import Status
from mint_resilience.failures import Transient
from trimint.demo.collection import INVALID_FIELD, Collection
from trimint.progress import Progress

_VERDICTS = "select mint_id, verdict from consistency"
_EVENTS = "select type, count(*) from event_store group by type order by min(position)"
LAYERS = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """What lies on the chain and in the database.

    `tokens` are the mint addresses of all tokens in the users' wallets, `consistent` says of how
    many layers of a mint the database holds that they agree, `events` counts them by type.
    """

    tokens: tuple[str, ...]
    consistent: dict[str, int]
    events: dict[str, int]


async def look(collection: Collection, rpc_url: str, database_url: str) -> Seen:
    """Ask the chain for the wallets' tokens, and the database for what it holds.

    Raises `Transient` when the chain gives no answer.
    """
    tokens = await wallet_tokens(rpc_url, collection.wallets)
    connection = await asyncpg.connect(database_url)
    try:
        verdicts = await connection.fetch(_VERDICTS)
        events = await connection.fetch(_EVENTS)
    finally:
        await connection.close()
    consistent = Counter(row["mint_id"] for row in verdicts if row["verdict"] == "consistent")
    return Seen(tuple(tokens), dict(consistent), {row["type"]: row["count"] for row in events})


async def wallet_tokens(rpc_url: str, wallets: Sequence[str]) -> list[str]:
    """The mint addresses of all tokens in these wallets, as `getTokenAccountsByOwner` has them."""
    tokens: list[str] = []
    async with httpx.AsyncClient(timeout=30.0) as client:
        for wallet in wallets:
            tokens += await _tokens_of(client, rpc_url, wallet)
    return tokens


async def _tokens_of(client: httpx.AsyncClient, rpc_url: str, wallet: str) -> list[str]:
    options = {"encoding": "jsonParsed", "commitment": "confirmed"}
    params = [wallet, {"programId": str(TOKEN_PROGRAM)}, options]
    request = {"jsonrpc": "2.0", "id": 1, "method": "getTokenAccountsByOwner", "params": params}
    answer = (await client.post(rpc_url, json=request)).json()
    if "result" not in answer:
        raise Transient(f"{rpc_url}: {answer}", endpoint=rpc_url)
    held = [each["account"]["data"]["parsed"]["info"] for each in answer["result"]["value"]]
    return [info["mint"] for info in held if info["tokenAmount"]["amount"] == "1"]


def faults(collection: Collection, done: Several[Progress], seen: Seen) -> list[str]:
    """Everything that is not as it should be, in words; empty when the layers agree."""
    by_id = {progress.request.mint_id: progress for progress in done}
    valid = [by_id[request.mint_id] for request in collection.valid]
    return [
        *_not_completed(valid),
        *_not_rejected(by_id[collection.invalid.mint_id]),
        *_not_on_chain(valid, seen.tokens),
        *_not_consistent(valid, seen.consistent),
    ]


def _not_completed(valid: Sequence[Progress]) -> list[str]:
    return [
        f"{progress.request.mint_id} is {progress.status}: {progress.trouble or progress.doing}"
        for progress in valid
        if not progress.is_completed
    ]


def _not_rejected(invalid: Progress) -> list[str]:
    at_fault = invalid.rejection.field if invalid.rejection else None
    if (invalid.status, at_fault) == (Status.REJECTED, INVALID_FIELD):
        return []
    return [f"{invalid.request.mint_id} is {invalid.status}, expected rejected for its wallet"]


def _not_on_chain(valid: Sequence[Progress], tokens: Sequence[str]) -> list[str]:
    wanted = Counter(p.mint_address for p in valid if p.is_completed and p.mint_address)
    there = Counter(tokens)
    missing = [f"the token {address} is not on chain" for address in wanted - there]
    return missing + [f"there is one token {address} too many" for address in there - wanted]


def _not_consistent(valid: Sequence[Progress], consistent: dict[str, int]) -> list[str]:
    return [
        f"{mint_id}: {consistent.get(mint_id, 0)} of {LAYERS} layers are consistent"
        for mint_id in (progress.request.mint_id for progress in valid)
        if consistent.get(mint_id, 0) != LAYERS
    ]
