from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from solders.keypair import Keypair

from chain_minter.authority import parse_authority, read_authority_file
from mint_resilience.failures import Permanent

KEY = Keypair.from_seed(bytes(range(32)))


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "authority.json"
    path.write_text(KEY.to_json())
    path.chmod(0o600)
    return path


@pytest.mark.requirement("CH-11")
def test_a_key_file_of_its_owner_alone_is_read(key_file: Path) -> None:
    assert read_authority_file(key_file).address == KEY.pubkey()


@pytest.mark.requirement("CH-11")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o777])
def test_a_key_file_that_others_may_use_is_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)

    with pytest.raises(Permanent, match=f"has mode {mode:o}.*chmod 600"):
        read_authority_file(key_file)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=r"nowhere\.json cannot be read"):
        read_authority_file(tmp_path / "nowhere.json")


@pytest.mark.requirement("CH-11")
@pytest.mark.parametrize("text", ["", "[1, 2]", KEY.to_json()[:-4], '["4711"]', "{}"])
def test_what_is_no_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(Permanent, match="origin holds no key") as refusal:
        parse_authority(text, origin="origin")

    assert refusal.value.__cause__ is None
    assert "4711" not in str(refusal.value)


@pytest.mark.requirement("CH-11")
def test_the_key_is_shown_by_no_representation() -> None:
    authority = parse_authority(KEY.to_json(), origin="origin")

    for shown in (repr(authority), str(authority), f"{authority}"):
        assert shown == f"Authority({KEY.pubkey()})"


@pytest.mark.requirement("CH-11", "CF-1")
@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("TRIMINT_SOLANA_AUTHORITY_KEY", "[1, 4711]", "holds no key"),
        ("TRIMINT_SOLANA_AUTHORITY_KEY_FILE", "/nowhere", "cannot be read"),
        ("TRIMINT_UNRELATED", "", "it is not set"),
    ],
)
def test_without_a_usable_key_the_start_stops_with_one_line(
    setting: str, value: str, said: str
) -> None:
    env = {
        **os.environ,
        "TRIMINT_KAFKA_BROKERS": "127.0.0.1:1",
        "TRIMINT_SOLANA_RPC_URLS": "http://127.0.0.1:1",
        setting: value,
    }

    ended = subprocess.run(
        [sys.executable, "-m", "chain_minter"], env=env, capture_output=True, text=True, timeout=60
    )

    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "TRIMINT_SOLANA_AUTHORITY_KEY" in line or "/nowhere" in line
    assert said in line
    assert "4711" not in ended.stderr + ended.stdout
