"""Settings come from the environment and from files; a bad one is told in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from mint_runtime.settings import CommaList, ServiceSettings, SettingsError, load


class ExampleSettings(ServiceSettings):
    endpoints: CommaList = Field(default=(), description="URLs, comma separated")
    token: SecretStr = Field(
        default=SecretStr(""), max_length=12, description="at most 12 characters"
    )
    key_file: Path = Field(default=Path("key.json"), description="path of the key")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("TRIMINT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TRIMINT_KAFKA_BROKERS", "127.0.0.1:9092")


@pytest.mark.requirement("CF-1")
def test_a_list_is_comma_separated_and_keeps_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIMINT_ENDPOINTS", "http://b, http://a,")
    assert load(ExampleSettings).endpoints == ("http://b", "http://a")


@pytest.mark.requirement("CF-1")
def test_a_value_can_be_read_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    monkeypatch.setenv("TRIMINT_TOKEN_FILE", str(tmp_path / "token"))
    assert load(ExampleSettings).token.get_secret_value() == "s3cret"


def test_the_variable_itself_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("from-file")
    monkeypatch.setenv("TRIMINT_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("TRIMINT_TOKEN", "direct")
    assert load(ExampleSettings).token.get_secret_value() == "direct"


def test_a_setting_that_is_a_path_stays_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIMINT_KEY_FILE", "/nowhere/key.json")
    assert load(ExampleSettings).key_file == Path("/nowhere/key.json")


@pytest.mark.requirement("CF-1")
@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("TRIMINT_HTTP_PORT", "eighty", "port from 0 to 65535"),
        ("TRIMINT_HTTP_PORT", "70000", "port from 0 to 65535"),
        ("TRIMINT_LOG_LEVEL", "loud", "one of debug, info, warning, error"),
        ("TRIMINT_KAFKA_BROKERS", ",", "host:port"),
        ("TRIMINT_TOKEN_FILE", "/nowhere/token", "readable file"),
    ],
)
def test_a_bad_value_names_the_variable_and_what_is_expected(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load(ExampleSettings)
    line = str(caught.value)
    assert line.startswith(f"{variable}: expected")
    assert expected in line
    assert "\n" not in line


class Urls(ExampleSettings):
    kubo: str = Field(default="", pattern=r"^https://[a-z.]+$", description="URL of a node")


@pytest.mark.requirement("CF-1")
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("ftp://user:hunter2hunter2@host", "ftp://…@host"),
        ("ftp://hunter2hunter2@host", "ftp://…@host"),
        ("user:hunter2hunter2@host:5001", "…@host:5001"),
        ("wss://host/v2/hunter2hunter2", "wss://host/…"),
        ("primary=wss://host?key=hunter2hunter2,x", "primary=wss://host/…,x"),
        ("localhost:5001", "localhost:5001"),
    ],
)
def test_a_bad_url_is_shown_without_what_may_be_a_key(
    monkeypatch: pytest.MonkeyPatch, value: str, shown: str
) -> None:
    monkeypatch.setenv("TRIMINT_KUBO", value)
    with pytest.raises(SettingsError) as caught:
        load(Urls)
    assert f"got '{shown}'" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_cluster_is_known_by_its_brokers_prefix_and_login(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRIMINT_KAFKA_TOPIC_PREFIX", "blue.")
    monkeypatch.setenv("TRIMINT_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("TRIMINT_KAFKA_SASL_USERNAME", "minter")
    monkeypatch.setenv("TRIMINT_KAFKA_SASL_PASSWORD", "s3cret")
    cluster = load(ExampleSettings).cluster
    assert cluster.brokers == ("127.0.0.1:9092",)
    assert cluster.prefixed("mint.chain") == "blue.mint.chain"
    options = cluster.client_options()
    assert options["sasl_plain_password"] == "s3cret"
    assert options["ssl_context"] is not None


def test_a_bad_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIMINT_TOKEN", "much-too-long-a-secret")
    with pytest.raises(SettingsError) as caught:
        load(ExampleSettings)
    assert "TRIMINT_TOKEN" in str(caught.value)
    assert "much-too-long" not in str(caught.value)


def test_two_bad_values_are_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIMINT_HTTP_PORT", "x")
    monkeypatch.delenv("TRIMINT_KAFKA_BROKERS")
    with pytest.raises(SettingsError) as caught:
        load(ExampleSettings)
    assert "TRIMINT_HTTP_PORT: expected" in str(caught.value)
    assert "TRIMINT_KAFKA_BROKERS: expected" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.requirement("CF-1")
def test_a_process_with_a_missing_value_ends_with_code_2_and_one_line() -> None:
    program = "from mint_runtime.settings import *; load_or_exit(ServiceSettings)"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRIMINT_")}
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("TRIMINT_KAFKA_BROKERS: expected host:port")
    assert ended.stdout == ""
