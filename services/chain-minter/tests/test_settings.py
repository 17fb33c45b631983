"""Settings by which the minter could not do its work stop its start with one line each."""

from __future__ import annotations

import pytest
from solders.keypair import Keypair

from chain_minter.settings import MinterSettings
from mint_runtime.settings import SettingsError, load

USABLE = {
    "KAFKA_BROKERS": "localhost:9092",
    "SOLANA_RPC_URLS": "https://rpc.example/secret",
    "SOLANA_AUTHORITY_KEY": Keypair().to_json(),
}


@pytest.mark.requirement("CF-1")
@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"SOLANA_LOOK_SECONDS": "27"},
            "TRIMINT_SOLANA_LOOK_SECONDS: expected less than 27, for a look may take 3",
        ),
        (
            {"SOLANA_RPC_RATES": "10,20"},
            "TRIMINT_SOLANA_RPC_RATES: 2 rates for 1 endpoints",
        ),
        (
            {"SOLANA_RPC_URLS": "a=https://rpc.example/secret,a=https://rpc.example/other"},
            "TRIMINT_SOLANA_RPC_URLS: two endpoints have the same name: a",
        ),
        (
            {"SOLANA_AUTHORITY_KEY": "[1,2,3]"},
            "TRIMINT_SOLANA_AUTHORITY_KEY holds no key",
        ),
    ],
)
def test_a_bad_setting_is_one_line_that_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], line: str
) -> None:
    for name, value in (USABLE | changes).items():
        monkeypatch.setenv(f"TRIMINT_{name}", value)

    with pytest.raises(SettingsError) as failed:
        load(MinterSettings)

    assert line in str(failed.value)
    assert len(str(failed.value).splitlines()) == 1
    assert "secret" not in str(failed.value)
