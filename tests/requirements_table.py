"""Write `docs/requirements.md`: each requirement, what it means, and the tests that show it.

`python tests/requirements_table.py` writes it, `--check` only says whether it is up to date. The
texts come from `docs/requirements.toml`, the tests from their `requirement` markers.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
TEXTS: Final = ROOT / "docs" / "requirements.toml"
TABLE: Final = ROOT / "docs" / "requirements.md"
HEAD: Final = """\
# Requirements and the tests that show them

Made by `make docs` from [requirements.toml](requirements.toml) and the `requirement` markers of the
tests. A requirement without a test is not claimed yet.
"""

Shown = Mapping[str, frozenset[str]]
"""By requirement id, the tests that show it, as `path::name`."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """One group of requirements: its short name, its title, and the meaning of each id."""

    title: str
    meanings: Mapping[str, str]


class Markers:
    """A pytest plugin that notes the markers of what was collected, and what was not."""

    def __init__(self) -> None:
        self.shown: defaultdict[str, set[str]] = defaultdict(set)
        self.failures: list[str] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for marker in item.iter_markers("requirement"):
                for requirement in marker.args:
                    self.shown[requirement].add(item.nodeid.partition("[")[0])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failures.append(f"{report.nodeid}: {report.longrepr}")


def collect() -> Shown:
    """Collect all tests; exits when one can not be collected."""
    markers = Markers()
    pytest.main(["--collect-only", "-p", "no:terminal", str(ROOT)], plugins=[markers])
    if markers.failures:
        sys.exit("\n".join(markers.failures))
    return {requirement: frozenset(tests) for requirement, tests in markers.shown.items()}


def read_texts(toml: str) -> dict[str, Chapter]:
    """The chapters by their prefix: `MF`, `CH`, …"""
    return {
        prefix: Chapter(
            chapter["title"],
            {f"{prefix}-{key}": text for key, text in chapter.items() if key != "title"},
        )
        for prefix, chapter in tomllib.loads(toml).items()
    }


def unknown(chapters: Mapping[str, Chapter], shown: Shown) -> set[str]:
    """Ids that a test names and no text explains."""
    return set(shown) - {name for chapter in chapters.values() for name in chapter.meanings}


def render(chapters: Mapping[str, Chapter], shown: Shown) -> str:
    """The Markdown page."""
    return HEAD + "".join(line + "\n" for line in _lines(chapters, shown))


def _lines(chapters: Mapping[str, Chapter], shown: Shown) -> Iterator[str]:
    for prefix, chapter in chapters.items():
        yield from (
            "",
            f"## {prefix}: {chapter.title}",
            "",
            "| id | meaning | tests |",
            "|---|---|---|",
        )
        for requirement, meaning in chapter.meanings.items():
            tests = " · ".join(map(_link, sorted(shown.get(requirement, ()))))
            yield f"| {requirement} | {meaning} | {tests} |"


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[{name.rpartition('::')[2].removeprefix('test_').replace('_', ' ')}](../{path})"


def main() -> int:
    """Write or check; the exit code is 1 when the page is stale or a marker is unknown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    chapters, shown = read_texts(TEXTS.read_text()), collect()
    if strangers := unknown(chapters, shown):
        sys.exit(f"tests name requirements that {TEXTS.name} does not explain: {sorted(strangers)}")
    page = render(chapters, shown)
    if not check:
        TABLE.write_text(page)
    elif not TABLE.exists() or TABLE.read_text() != page:
        sys.exit(f"{TABLE.relative_to(ROOT)} is out of date: run `make docs`")
    return 0


if __name__ == "__main__":
    sys.exit(main())
