"""Every bad setting of the providers, gateways and media stops the start with one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipfs_uploader.settings import UploaderSettings
from mint_runtime.settings import SettingsError, load

REQUIRED = {"KAFKA_BROKERS": "localhost:9092", "PINATA_JWT": "secret"}


def fault(monkeypatch: pytest.MonkeyPatch, **changes: str | None) -> str:
    """The line that these settings lead to."""
    for name, value in (REQUIRED | changes).items():
        if value is None:
            monkeypatch.delenv(f"TRIMINT_{name}", raising=False)
        else:
            monkeypatch.setenv(f"TRIMINT_{name}", value)
    with pytest.raises(SettingsError) as failed:
        load(UploaderSettings)
    return str(failed.value)


@pytest.mark.requirement("CF-1")
@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"IPFS_PROVIDERS": "pinata,kubo"},
            "TRIMINT_IPFS_PROVIDERS: expected some of pinata, pinata-v2, got kubo",
        ),
        (
            {"IPFS_PROVIDERS": "pinata,pinata"},
            "TRIMINT_IPFS_PROVIDERS: expected each name once",
        ),
        (
            {"PINATA_JWT": None},
            "TRIMINT_PINATA_JWT: expected a token of Pinata, but it is not set",
        ),
        (
            {"DATABASE_READ_URL": "postgresql://reader:pa/ss@db/trimint"},
            (
                "TRIMINT_DATABASE_READ_URL: expected a URL whose password has '/', '?', '#' and '@'"
                " percent-encoded"
            ),
        ),
        (
            {"IPFS_REPLICAS": "2"},
            "TRIMINT_IPFS_REPLICAS: expected 1 to 1, the number of providers",
        ),
        (
            {"PINNING_SERVICE_URL": "https://psa.example"},
            "TRIMINT_PINNING_SERVICE_TOKEN: expected as many tokens as there are services",
        ),
        (
            {
                "IPFS_PROVIDERS": "psa",
                "PINNING_SERVICE_URL": "https://psa.example",
                "PINNING_SERVICE_TOKEN": "t",
            },
            "TRIMINT_IPFS_PROVIDERS: expected one that takes bytes; a psa only takes CIDs",
        ),
    ],
)
def test_providers_that_do_not_fit_together_are_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str | None], line: str
) -> None:
    assert fault(monkeypatch, **changes) == line


@pytest.mark.requirement("CF-1")
@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("IPFS_REPLICAS", "0", "providers that are to hold everything, from 1 to all"),
        ("PINATA_API_URL", "api.pinata.cloud", "URL of Pinata's API"),
        ("PINATA_UPLOAD_URL", "ftp://pinata", "URL of Pinata's uploads"),
        ("PINATA_STORAGE_BYTES", "1 GB", "bytes that the plan at Pinata holds, above 0"),
        ("KUBO_RPC_URL", "localhost:5001", "URLs of the RPC of Kubo nodes"),
        ("PINNING_SERVICE_URL", "psa.example", "URLs of pinning services"),
        ("IPFS_GATEWAYS", "https://ipfs.io,dweb.link", "base URLs of gateways"),
        ("IPFS_GATEWAYS", "", "base URLs of gateways"),
        ("BREAKER_MINIMUM_CALLS", "0", "calls in the window before a breaker may open"),
        ("BREAKER_FAILURE_RATE", "2", "share of failed calls that opens a breaker"),
        ("IMAGE_MAX_BYTES", "99999999999", "largest image accepted, in bytes, from 1 to 33554432"),
        ("ANIMATION_MAX_BYTES", "0", "largest animation (MP4) accepted"),
        ("IMAGE_SVG", "perhaps", "true or false: whether SVG images are accepted"),
        ("IMAGE_URL_SCHEMES", "ftp", "https, or https,http"),
        ("IMAGE_URL_ALLOWED_HOSTS", "https://cdn.example", "hosts (host or host:port)"),
        ("IMAGE_URL_ALLOWED_HOSTS", "cdn.example/a", "hosts (host or host:port)"),
        ("IMAGE_URL_RETRY_SECONDS", "0", "seconds until an image or animation is fetched again"),
        ("IMAGE_URL_CA_PATH", "/nowhere.pem", "path of CA certificates (PEM)"),
        ("REPIN_SECONDS", "60,soon", "seconds until content is put where it is missing"),
        ("REPIN_SECONDS", "60,0", "seconds until content is put where it is missing"),
        ("READINESS_SECONDS", "0", "seconds between two looks at the providers, above 0"),
    ],
)
def test_a_bad_value_is_told_with_its_name_what_was_expected_and_what_was_found(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    line = fault(monkeypatch, **{name: value})

    assert line.startswith(f"TRIMINT_{name}: expected {expected}")
    assert f", got {value!r}: " in line
    assert "\n" not in line


@pytest.mark.requirement("MF-3", "CF-1")
def test_a_look_has_to_be_told_before_the_one_before_it_lapses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = fault(monkeypatch, READINESS_SECONDS="20", READINESS_LOOK_SECONDS="10")

    assert line == (
        "TRIMINT_READINESS_SECONDS: expected that and TRIMINT_READINESS_LOOK_SECONDS to be less"
        " than TRIMINT_HEALTH_VALID_SECONDS (30) together, got 30"
    )


@pytest.mark.requirement("CF-1")
def test_a_file_without_certificates_is_no_ca(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")

    line = fault(monkeypatch, IMAGE_URL_CA_PATH=str(tmp_path / "ca.pem"))

    assert line.startswith("TRIMINT_IMAGE_URL_CA_PATH: expected path of CA certificates (PEM)")
    assert "no certificates in PEM" in line


@pytest.mark.requirement("CF-1")
def test_a_bad_token_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    line = fault(
        monkeypatch,
        PINNING_SERVICE_URL="https://a.example",
        PINNING_SERVICE_TOKEN="hush-1,hush-2",
    )

    assert line == "TRIMINT_PINNING_SERVICE_TOKEN: expected as many tokens as there are services"


@pytest.mark.requirement("CF-1")
def test_several_bad_settings_are_told_in_the_same_line(monkeypatch: pytest.MonkeyPatch) -> None:
    line = fault(monkeypatch, IPFS_REPLICAS="0", KUBO_RPC_URL="localhost")

    assert "TRIMINT_IPFS_REPLICAS: " in line
    assert "TRIMINT_KUBO_RPC_URL: " in line
    assert "\n" not in line
