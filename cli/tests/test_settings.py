"""Settings come from the environment or an env file; a fault in them is told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mint_runtime.settings import ServiceSettings
from trimint.__main__ import app
from trimint.failing import Exit, Failed
from trimint.settings import read_env_file, settings_of


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment as it is, put back afterwards, without settings of Trimint."""
    for name in ("KAFKA_BROKERS", "KAFKA_TOPIC_PREFIX", "ENV_FILE", "DATABASE_READ_URL"):
        monkeypatch.setenv(f"TRIMINT_{name}", "")
        monkeypatch.delenv(f"TRIMINT_{name}")
    return monkeypatch


def test_an_env_file_is_read_as_a_shell_would(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("# ours\nA=1\nexport B='two words'\n\nC=\n")

    assert read_env_file(file) == {"A": "1", "B": "two words", "C": ""}


def test_a_line_that_is_no_setting_is_told_by_its_number(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("A=1\nnonsense\n")

    with pytest.raises(Failed, match="env:2: expected NAME=value"):
        read_env_file(file)


def test_the_file_that_is_named_in_the_environment_is_read(
    tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "env"
    file.write_text("TRIMINT_KAFKA_BROKERS=one:1,two:2\nTRIMINT_KAFKA_TOPIC_PREFIX=x.\n")
    environment.setenv("TRIMINT_ENV_FILE", str(file))

    cluster = settings_of(ServiceSettings, None).cluster

    assert (cluster.brokers, cluster.prefix) == (("one:1", "two:2"), "x.")


@pytest.mark.requirement("CF-1")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["mint"], "say what to mint"),
        (["mint", "--user", "u", "--file", "mints.csv"], "--file and --user exclude each other"),
        (["status"], "name a mint"),
        (["status", "m-1"], "TRIMINT_KAFKA_BROKERS"),
        (["topics"], "TRIMINT_KAFKA_BROKERS: expected host:port"),
        (["topics", "--env-file", "none"], "none: not a readable env file"),
    ],
)
def test_a_command_that_can_not_run_says_in_one_line_what_to_do(
    arguments: list[str], told: str
) -> None:
    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == Exit.USAGE
    assert result.stderr.startswith("trimint: ")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
