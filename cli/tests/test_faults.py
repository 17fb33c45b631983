"""`trimint sandbox fault` as an operator uses it."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from mint_sandbox.python_servers import IpfsServer, SolanaServer
from mint_sandbox.tenant import CONTROL_URLS
from trimint.__main__ import app

SLOT = {"jsonrpc": "2.0", "id": 1, "method": "getSlot"}


def fault(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["sandbox", "fault", *arguments])
    return result.exit_code, result.output


@pytest.fixture
def env(solana: SolanaServer, ipfs: IpfsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONTROL_URLS, f"{solana.control_url},{ipfs.control_url}")


def faults_of(endpoint: str) -> list[dict[str, object]]:
    code, output = fault("list", "--json")
    assert code == 0
    faults: list[dict[str, object]] = json.loads(output)[endpoint]["faults"]
    return faults


@pytest.mark.usefixtures("env")
def test_a_fault_is_set_shown_and_cleared(solana: SolanaServer) -> None:
    url = solana.rpc_url

    assert fault("set", "solana-1", "server-error", "--method", "getSlot", "--status", "502") == (
        0,
        "",
    )
    assert httpx.post(url, json=SLOT).status_code == 502
    assert "server-error status=502 methods=['getSlot'] struck=1" in fault("list")[1]

    assert fault("clear", "solana-1") == (0, "")
    assert httpx.post(url, json=SLOT).status_code == 200
    assert faults_of("solana-1") == []


@pytest.mark.usefixtures("env")
def test_a_fault_replaces_the_present_ones_or_is_added() -> None:
    fault("set", "gateway-2", "html")
    fault("set", "gateway-2", "slow", "--seconds", "1", "--count", "3")
    fault("set", "gateway-2", "endless", "--cid", "bafy", "--probability", "0.5", "--add")

    assert faults_of("gateway-2") == [
        {"kind": "slow", "seconds": 1.0, "count": 3, "struck": 0},
        {"kind": "endless", "cid": "bafy", "probability": 0.5, "struck": 0},
    ]
    fault("clear")
    assert faults_of("gateway-2") == []


@pytest.mark.usefixtures("env")
@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("solana-1", "slow"), 2, "slow needs `seconds` above 0"),
        (("solana-1", "endless"), 2, "no such fault here: endless; there are cut-off, drop"),
        (("solana-9", "hang"), 4, "no endpoint 'solana-9'; there are solana-1, pinata"),
    ],
)
def test_what_can_not_be_is_refused_in_one_line(
    arguments: tuple[str, str], code: int, complaint: str
) -> None:
    exit_code, output = fault("set", *arguments)

    assert (exit_code, output.count("\n")) == (code, 1)
    assert complaint in output


def test_without_a_sandbox_it_says_where_one_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(CONTROL_URLS, raising=False)

    code, output = fault("list")

    assert code == 4
    assert "--env-file" in output


def test_a_sandbox_that_is_gone_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONTROL_URLS, "http://127.0.0.1:1")

    code, output = fault("list")

    assert (code, output.count("\n")) == (3, 1)
    assert "no sandbox answers at http://127.0.0.1:1" in output
