"""Where the Token Metadata program comes from, and that only the right one is taken."""

from __future__ import annotations

import asyncio
import os
from hashlib import sha256
from pathlib import Path

import pytest
from solders.account import Account
from solders.pubkey import Pubkey

from mint_sandbox.solana import ProgramUnavailableError, serve, token_metadata_program
from mint_sandbox.solana.ledger import Genesis
from mint_sandbox.solana.program import TOKEN_METADATA, cache_file

LOADER = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def without_cargo(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path), "PATH": "", "CARGO_HOME": str(tmp_path), **more}


def test_a_named_file_is_taken_when_its_hash_fits(tmp_path: Path) -> None:
    file = tmp_path / "program.so"
    file.write_bytes(b"elf")
    environ = {"TRIMINT_PROGRAM_FILE": str(file), "TRIMINT_PROGRAM_SHA256": digest(b"elf")}

    assert token_metadata_program(environ) == b"elf"


def test_a_file_with_another_hash_is_refused_and_its_hash_told(tmp_path: Path) -> None:
    file = tmp_path / "program.so"
    file.write_bytes(b"other")

    with pytest.raises(ProgramUnavailableError, match=digest(b"other")):
        token_metadata_program({"TRIMINT_PROGRAM_FILE": str(file)})


def test_a_spoilt_cache_is_fetched_again(tmp_path: Path) -> None:
    fixture = "registry/src/index/spl-stake-pool-2.2.0/tests/fixtures/mpl_token_metadata.so"
    crate = tmp_path / fixture
    crate.parent.mkdir(parents=True)
    crate.write_bytes(b"elf")
    environ = without_cargo(tmp_path, TRIMINT_PROGRAM_SHA256=digest(b"elf"))
    cached = cache_file(environ, digest(b"elf"))
    cached.parent.mkdir()
    cached.write_bytes(b"half of it")

    assert token_metadata_program(environ) == b"elf"
    assert cached.read_bytes() == b"elf"


async def test_without_cargo_the_program_is_dumped_from_an_rpc_endpoint(
    program: bytes, tmp_path: Path
) -> None:
    async with serve(program, genesis=Genesis(seed=7), slot_seconds=None) as chain:
        elf, data = b"another build", Pubkey.new_unique()
        put = chain.ledger.vm.put
        put(TOKEN_METADATA, Account(1, (2).to_bytes(4, "little") + bytes(data), LOADER))
        put(data, Account(1, bytes(45) + elf, LOADER))
        chain.pass_slots(1)
        environ = without_cargo(
            tmp_path, TRIMINT_PROGRAM_RPC_URL=chain.rpc, TRIMINT_PROGRAM_SHA256=digest(elf)
        )
        dumped = await asyncio.to_thread(token_metadata_program, environ)

    assert dumped == elf
    assert cache_file(environ, digest(elf)).read_bytes() == elf


def test_without_any_source_the_error_tells_what_each_said_and_what_to_do(tmp_path: Path) -> None:
    nobody = without_cargo(tmp_path, TRIMINT_PROGRAM_RPC_URL="http://127.0.0.1:1")

    with pytest.raises(ProgramUnavailableError) as error:
        token_metadata_program(nobody)

    message = str(error.value)
    assert "cargo: not found on the PATH" in message
    assert "127.0.0.1:1" in message
    assert "Install cargo, or set TRIMINT_PROGRAM_RPC_URL" in message


def test_the_pinned_build_is_what_this_machine_uses(program: bytes) -> None:
    if "TRIMINT_PROGRAM_SHA256" in os.environ:
        pytest.skip("another build was chosen by TRIMINT_PROGRAM_SHA256")
    assert program[:4] == b"\x7fELF"
    assert len(program) == 793_991
