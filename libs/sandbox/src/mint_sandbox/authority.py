"""The mint authority of a sandbox: a new key pair in a file, with play money on the chain."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp
from solders.keypair import Keypair

from mint_sandbox.process import POLL_INTERVAL

LAMPORTS_PER_SOL: Final = 1_000_000_000
_FUNDING: Final = 1_000 * LAMPORTS_PER_SOL  # a mint costs about 0.02
_PATIENCE: Final = 30.0  # seconds until the airdrop is confirmed: a slot or two


def write_key_file(keypair: Keypair, path: Path) -> None:
    """Write the 64 bytes as a JSON array, as solana-keygen does; only its owner may read it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(list(bytes(keypair)), file)


def read_key_file(path: Path) -> Keypair:
    """The key pair in a file that solana-keygen or `write_key_file` wrote."""
    return Keypair.from_bytes(bytes(json.loads(path.read_text())))


async def fund(address: str, rpc_url: str, *, lamports: int = _FUNDING) -> None:
    """Airdrop to `address` and wait until the balance is confirmed.

    Raises `TimeoutError` when it is not within half a minute, `RuntimeError` when it is refused.
    """
    async with aiohttp.ClientSession() as session, asyncio.timeout(_PATIENCE):
        await _call(session, rpc_url, "requestAirdrop", [address, lamports])
        while await _confirmed_balance(session, rpc_url, address) < lamports:  # noqa: ASYNC110
            await asyncio.sleep(POLL_INTERVAL)  # the other side can only be asked


async def _confirmed_balance(session: aiohttp.ClientSession, rpc_url: str, address: str) -> int:
    params = [address, {"commitment": "confirmed"}]
    return int((await _call(session, rpc_url, "getBalance", params))["value"])


async def _call(
    session: aiohttp.ClientSession, rpc_url: str, method: str, params: Sequence[object]
) -> Any:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    async with session.post(rpc_url, json=request) as response:
        answer = await response.json()
    if "error" in answer:
        raise RuntimeError(f"{rpc_url} refused {method}: {answer['error']}")
    return answer["result"]
