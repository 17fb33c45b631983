"""A setting that can not be met stops the start with one line that names it."""

from __future__ import annotations

import pytest
from solders.keypair import Keypair

from mint_resilience.breaker import BreakerPolicy
from mint_resilience.failures import Outage
from mint_runtime.settings import SettingsError, load
from verifier.phase import Waits
from verifier.settings import VerifierSettings

RIGHT = {
    "KAFKA_BROKERS": "127.0.0.1:9092",
    "SOLANA_RPC_URLS": "http://one,http://two",
    "SOLANA_AUTHORITY": str(Keypair.from_seed(b"a" * 32).pubkey()),
    "IPFS_GATEWAYS": "http://a,http://b,http://c",
    "DATABASE_READ_URL": "postgresql://reader@127.0.0.1/trimint",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in RIGHT.items():
        monkeypatch.setenv(f"TRIMINT_{name}", value)
    return monkeypatch


def test_the_defaults_are_those_of_the_requirements() -> None:
    settings = load(VerifierSettings)

    rules = settings.rules
    assert (rules.ipfs.attempts, rules.partner.attempts, rules.database.attempts) == (3, 2, 2)
    assert (rules.solana.base, rules.ipfs.base, rules.database.base) == (2.0, 1.0, 0.5)
    assert {each.rate_limited_attempts for each in (rules.solana, rules.ipfs, rules.partner)} == {5}
    assert rules.database.attempts_for(Outage("refused")) == 2
    assert settings.breaker_policy == BreakerPolicy()
    assert rules.gateways_required == 2
    assert settings.waits == Waits(phase_2=300.0, retries=(30.0, 120.0, 600.0))
    assert [wait.seconds for wait in settings.delays] == [30.0, 120.0, 300.0, 600.0]


@pytest.mark.requirement("CF-1")
def test_rpc_endpoints_may_have_names(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TRIMINT_SOLANA_RPC_URLS", "mine=http://one/?key=1,http://two")

    addresses = load(VerifierSettings).addresses

    assert [(each.name, each.url) for each in addresses] == [
        ("mine", "http://one/?key=1"),
        ("backup-1", "http://two"),
    ]


@pytest.mark.requirement("CF-1")
@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("GATEWAYS_REQUIRED", "4", "TRIMINT_GATEWAYS_REQUIRED: expected at most 3"),
        ("SOLANA_AUTHORITY", "abc", "TRIMINT_SOLANA_AUTHORITY: 'abc' is not a Solana address"),
        ("SOLANA_RPC_URLS", "a=http://x,a=http://y", "TRIMINT_SOLANA_RPC_URLS: two endpoints have"),
        ("RECHECK_WAITS", "30,soon", "TRIMINT_RECHECK_WAITS: expected whole seconds above 0"),
        ("VERIFY_DELAY", "0", "TRIMINT_VERIFY_DELAY: expected seconds"),
        ("DATABASE_CHECK_ATTEMPTS", "1", "TRIMINT_DATABASE_CHECK_ATTEMPTS: expected attempts"),
        ("PARTNER_URL", "p?key=k3y", "TRIMINT_PARTNER_URL: expected a URL that begins with http"),
        ("IPFS_GATEWAYS", "a.b/k3y", "TRIMINT_IPFS_GATEWAYS: expected a URL that begins with"),
        ("DATABASE_READ_URL", "postgresql://a:k3y/@h/db", "TRIMINT_DATABASE_READ_URL: expected a"),
        ("DATABASE_READ_URL", "postgresql://a:k3y?@h/db", "TRIMINT_DATABASE_READ_URL: expected a"),
    ],
)
def test_a_bad_setting_is_named_with_what_it_should_be(
    environment: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    environment.setenv(f"TRIMINT_{name}", value)

    with pytest.raises(SettingsError) as error:
        load(VerifierSettings)

    assert str(error.value).startswith(told)
    assert "\n" not in str(error.value)
    assert "k3y" not in str(error.value)


@pytest.mark.requirement("CH-11")
@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://ann:k3y@db.example:5432/trimint?sslmode=require", "db.example:5432/trimint"),
        ("postgresql://ann:k3y@one:5432,two:5433/trimint", "one:5432,two:5433/trimint"),
        ("postgresql://ann:k3y@[::1]:5432/trimint", "[::1]:5432/trimint"),
        ("postgresql:///trimint?host=/run/postgresql", "local/trimint"),
    ],
)
def test_a_database_is_called_by_its_hosts_and_its_name(
    environment: pytest.MonkeyPatch, url: str, name: str
) -> None:
    environment.setenv("TRIMINT_DATABASE_READ_URL", url)

    assert load(VerifierSettings).database.name == name


def test_a_gateway_that_is_given_twice_is_one(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TRIMINT_IPFS_GATEWAYS", "http://a,http://a/,http://b")

    assert [address.name for address in load(VerifierSettings).gateways] == ["a", "b"]
