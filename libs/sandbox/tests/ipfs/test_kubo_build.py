"""A real Kubo is taken from the cache, or built by the version that the Go module pins."""

from __future__ import annotations

from pathlib import Path

import pytest

from mint_sandbox.ipfs.kubo_build import KuboUnavailableError, kubo_binary, required_version

GO_MOD = """module x

require (
	github.com/ipfs/boxo v0.1.0 // indirect
	github.com/ipfs/kubo v9.8.7 // indirect
)
"""

FAKE_GO = """#!/bin/sh
echo "$PWD $*" >> "$LOG"
[ "$FAILS" ] && { echo "no such module" >&2; exit 1; }
echo built > "$GOBIN/ipfs"
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module, an empty cache, and a `go` that only writes down how it was called."""
    folder, tools = tmp_path / "module", tmp_path / "bin"
    folder.mkdir()
    tools.mkdir()
    (folder / "go.mod").write_text(GO_MOD)
    (tools / "go").write_text(FAKE_GO)
    (tools / "go").chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    return folder


def test_the_version_is_that_of_the_module(module: Path) -> None:
    assert required_version(module) == "9.8.7"


def test_it_is_built_once_and_then_taken_from_the_cache(module: Path, tmp_path: Path) -> None:
    first, second = kubo_binary(module), kubo_binary(module)

    assert first == second == tmp_path / "cache" / "trimint" / "kubo-9.8.7" / "ipfs"
    assert first.read_text() == "built\n"
    [call] = (tmp_path / "log").read_text().splitlines()
    assert call.startswith(f"{module} install -mod=readonly")


def test_a_build_that_fails_says_why_and_leaves_nothing(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILS", "yes")

    with pytest.raises(KuboUnavailableError, match="no such module"):
        kubo_binary(module)

    left = [file.name for file in (tmp_path / "cache" / "trimint").iterdir()]
    assert left == ["kubo-9.8.7.lock"]


def test_without_go_and_without_a_binary_it_says_what_to_do(
    module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(KuboUnavailableError, match="put go on the PATH"):
        kubo_binary(module)


def test_a_module_without_kubo_is_refused(module: Path) -> None:
    (module / "go.mod").write_text("module x\n")

    with pytest.raises(KuboUnavailableError, match="does not require"):
        kubo_binary(module)
