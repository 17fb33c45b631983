"""`trimint sandbox` as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def trimint(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "trimint", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, cwd=folder, check=False)


def test_up_prints_the_environment_and_down_ends_it(tmp_path: Path) -> None:
    up = trimint("sandbox", "up", "--detach", "--slot-ms", "50", folder=tmp_path)
    assert up.returncode == 0, up.stderr
    assert "TRIMINT_SOLANA_RPC_URLS=http://127.0.0.1:" in up.stdout

    status = trimint("sandbox", "status", folder=tmp_path)
    assert status.stdout.endswith(up.stdout)

    assert trimint("sandbox", "down", folder=tmp_path).returncode == 0
    assert not (tmp_path / ".sandbox").exists()


def test_status_without_a_sandbox_says_so(tmp_path: Path) -> None:
    status = trimint("sandbox", "status", folder=tmp_path)

    assert (status.returncode, status.stdout) == (3, "")
    assert "no sandbox runs" in status.stderr


def test_without_a_command_the_help_is_shown(tmp_path: Path) -> None:
    assert "sandbox" in trimint(folder=tmp_path).stdout
