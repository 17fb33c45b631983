"""Settings come from the environment; the defaults are the document's numbers."""

import pytest

from ipfs_uploader.settings import UploaderSettings
from mint_resilience.backoff import UPLOAD
from mint_runtime.settings import SettingsError, load

REQUIRED = {"TRIMINT_KAFKA_BROKERS": "localhost:9092", "TRIMINT_PINATA_JWT": "secret"}


def settings(monkeypatch: pytest.MonkeyPatch, **changes: str) -> UploaderSettings:
    for name, value in (REQUIRED | changes).items():
        monkeypatch.setenv(name, value)
    return load(UploaderSettings)


@pytest.mark.requirement("CF-1", "MF-4")
def test_the_defaults_are_the_documents_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = settings(monkeypatch)

    assert defaults.backoff == UPLOAD
    assert (UPLOAD.attempts, UPLOAD.base) == (5, 1.0)
    assert defaults.image_max_bytes == 10 * 1024 * 1024
    assert defaults.kubo_rpc_url == ()


def test_gateways_are_a_list_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = settings(monkeypatch, TRIMINT_IPFS_GATEWAYS="https://a.example, https://b.example")

    assert chosen.ipfs_gateways == ("https://a.example", "https://b.example")


def test_the_token_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "secret" not in repr(settings(monkeypatch))


@pytest.mark.requirement("CF-1")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRIMINT_PINATA_API_URL", "api.pinata.cloud"),
        ("TRIMINT_KUBO_RPC_URL", "ftp://node"),
        ("TRIMINT_IPFS_GATEWAYS", ""),
        ("TRIMINT_IMAGE_MAX_BYTES", "0"),
        ("TRIMINT_IPFS_ATTEMPTS", "none"),
    ],
)
def test_a_bad_value_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: expected [^\n]*$"):
        settings(monkeypatch, **{name: value})
