"""The network as a process of its own."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from mint_content.unixfs import cid_of

CID = cid_of(b"dragon")


@contextmanager
def process(*arguments: str) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "mint_sandbox.ipfs", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout
            yield json.loads(child.stdout.readline())
        finally:
            child.send_signal(signal.SIGTERM)
            assert child.wait(timeout=20) == 0


def upload(endpoints: dict[str, Any]) -> None:
    httpx.post(
        f"{endpoints['pinata_upload']}/v3/files",
        headers={"Authorization": f"Bearer {endpoints['pinata_jwt']}"},
        data={"network": "public"},
        files={"file": b"dragon"},
    ).raise_for_status()


def test_one_line_tells_where_everything_is_and_sigterm_ends_it() -> None:
    with process("--gateways", "2", "--jwt", "secret") as endpoints:
        upload(endpoints)
        assert endpoints["pinata_jwt"] == "secret"
        assert len(endpoints["gateways"]) == 2
        for gateway in endpoints["gateways"]:
            assert httpx.get(f"{gateway}/ipfs/{CID}").content == b"dragon"
        kubo = httpx.post(f"{endpoints['kubo_rpc']}/api/v0/version")
        assert kubo.status_code == 200


def test_with_a_state_folder_content_outlives_the_process(tmp_path: Path) -> None:
    with process("--state", str(tmp_path / "ipfs")) as endpoints:
        upload(endpoints)

    with process("--state", str(tmp_path / "ipfs")) as endpoints:
        assert httpx.get(f"{endpoints['gateways'][0]}/ipfs/{CID}").content == b"dragon"
