"""The Token Metadata program's ELF: from a file, the cache, a crate, or a Solana RPC endpoint.

It may be redistributed but is not ours, so it is no part of the source tree: it is fetched once,
checked against its SHA-256 and kept in the user's cache. Sources, in this order:

1. the file that `TRIMINT_PROGRAM_FILE` names;
2. the cache, `${XDG_CACHE_HOME:-~/.cache}/trimint/`;
3. the crate spl-stake-pool 2.2.0, whose test fixtures hold it, where `cargo` is on the PATH;
4. a dump from the Solana RPC endpoint in `TRIMINT_PROGRAM_RPC_URL` (default: public mainnet).

`TRIMINT_PROGRAM_SHA256` accepts another build than the one pinned here.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from solders.pubkey import Pubkey

TOKEN_METADATA = Pubkey.from_string("metaqbxxUerdq28cj1RbAWkYQm3ybzjb6a8bt518x1s")
"""The address of the program, the same on every cluster."""

PINNED_SHA256 = "31f0a627dba051a938de650464e55cc5397a4be0fd496929c1f9cf02fe5e9011"
"""The build in spl-stake-pool 2.2.0, 793 991 bytes."""

_CRATE, _CRATE_VERSION = "spl-stake-pool", "2.2.0"
_FIXTURE = "tests/fixtures/mpl_token_metadata.so"
_MAINNET = "https://api.mainnet-beta.solana.com"
_TIMEOUT = 120.0
_PROGRAM_DATA_HEADER = 45  # of the upgradeable loader: tag, slot, optional authority


class ProgramUnavailableError(RuntimeError):
    """No source gave the program; the message says what each one said and what to do."""


class _SourceError(Exception):
    """One source did not give the program, and why."""


def token_metadata_program(environ: Mapping[str, str]) -> bytes:
    """The checked ELF, fetched and cached if need be.

    Raises ProgramUnavailableError when no source has it.
    """
    expected = environ.get("TRIMINT_PROGRAM_SHA256", PINNED_SHA256)
    if named := environ.get("TRIMINT_PROGRAM_FILE"):
        return _only(_checked(lambda: _read(Path(named)), expected, named))
    cached = cache_file(environ, expected)
    if cached.is_file() and _digest(elf := cached.read_bytes()) == expected:
        return elf
    elf = _fetched(environ, expected)
    _write_atomically(cached, elf)
    return elf


def cache_file(environ: Mapping[str, str], digest: str) -> Path:
    """Where the build with this SHA-256 is kept."""
    base = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "trimint" / f"token-metadata-{digest[:16]}.so"


def _fetched(environ: Mapping[str, str], expected: str) -> bytes:
    rpc = environ.get("TRIMINT_PROGRAM_RPC_URL", _MAINNET)
    sources: dict[str, Callable[[], bytes]] = {
        "cargo": lambda: _from_crate(environ),
        f"RPC {rpc}": lambda: _from_rpc(rpc),
    }
    refusals: list[str] = []
    for name, source in sources.items():
        found = _checked(source, expected, name)
        if isinstance(found, bytes):
            return found
        refusals.append(found)
    raise _unavailable(refusals)


def _checked(source: Callable[[], bytes], expected: str, name: str) -> bytes | str:
    """What the source gives, or in words why that is nothing usable."""
    try:
        elf = source()
    except (_SourceError, OSError, subprocess.SubprocessError) as error:
        return f"{name}: {error}"
    digest = _digest(elf)
    if digest == expected:
        return elf
    accept = f"to accept it, set TRIMINT_PROGRAM_SHA256={digest}"
    return f"{name}: its SHA-256 is {digest}, expected {expected}; {accept}"


def _only(found: bytes | str) -> bytes:
    if isinstance(found, str):
        raise _unavailable([found])
    return found


def _unavailable(refusals: list[str]) -> ProgramUnavailableError:
    listed = "".join(f"\n  - {refusal}" for refusal in refusals)
    return ProgramUnavailableError(
        f"The Token Metadata program could not be had:{listed}\n"
        "Install cargo, or set TRIMINT_PROGRAM_RPC_URL to a Solana RPC endpoint that you can "
        "reach, or TRIMINT_PROGRAM_FILE to a copy of the program (solana program dump "
        f"{TOKEN_METADATA} FILE)."
    )


def _from_crate(environ: Mapping[str, str]) -> bytes:
    home = Path(environ.get("CARGO_HOME") or Path.home() / ".cargo")
    unpacked = f"registry/src/*/{_CRATE}-{_CRATE_VERSION}/{_FIXTURE}"
    found = next(home.glob(unpacked), None)
    if found is None:
        _unpack_crate(environ)
        found = next(home.glob(unpacked), None)
    if found is None:
        raise _SourceError(f"no {_FIXTURE} in the crate under {home}")
    return found.read_bytes()


def _unpack_crate(environ: Mapping[str, str]) -> None:
    """`cargo info` downloads and unpacks just this crate, and builds nothing."""
    cargo = shutil.which("cargo", path=environ.get("PATH"))
    if cargo is None:
        raise _SourceError("not found on the PATH")
    command = [cargo, "info", f"{_CRATE}@{_CRATE_VERSION}"]
    with tempfile.TemporaryDirectory() as outside_any_package:
        done = subprocess.run(  # noqa: S603 - the arguments are constants
            command,
            cwd=outside_any_package,
            env=dict(environ),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    if done.returncode != 0:
        raise _SourceError(done.stderr.strip() or f"exit code {done.returncode}")


def _from_rpc(url: str) -> bytes:
    """Program account, then its program-data account, then the ELF behind the header."""
    if not url.startswith(("http://", "https://")):
        raise _SourceError("is no http(s) URL")
    program = _account_data(url, TOKEN_METADATA)
    address = Pubkey.from_bytes(program[4:36])
    return _account_data(url, address)[_PROGRAM_DATA_HEADER:]


def _account_data(url: str, key: Pubkey) -> bytes:
    params = [str(key), {"encoding": "base64", "commitment": "finalized"}]
    body = {"jsonrpc": "2.0", "id": 1, "method": "getAccountInfo", "params": params}
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310 - as above
        return _decoded(json.load(response), key)


def _decoded(answer: Any, key: Pubkey) -> bytes:
    value = (answer.get("result") or {}).get("value")
    if value is None:
        raise _SourceError(f"no account {key}: {answer.get('error', 'it does not exist')}")
    return base64.b64decode(value["data"][0])


def _read(path: Path) -> bytes:
    return path.expanduser().read_bytes()


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _write_atomically(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(temporary).replace(path)
