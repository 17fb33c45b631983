"""How fast content is named, by one core: `python benchmarks/cids.py`.

Beside ours, IPFS's importer for JavaScript names the same bytes, where node and npm are there. Its
CIDs must be ours. Seconds are those of the processor, of each process alone.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import process_time

from mint_content.unixfs import cid_of
from mint_sandbox.node_packages import NodeUnavailableError, node_with_packages

SECONDS = 3
SIZES: Mapping[str, int] = {"JSON of 1 KiB": 1024, "image of 1 MiB": 1024**2}
IMPORTER = Path(__file__).parent / "unixfs_importer"


@dataclass(frozen=True, slots=True)
class Figures:
    """The CIDs of two files, and how often a second the first one was named."""

    cids: tuple[str, str]
    per_second: float


def file(number: int, size: int) -> bytes:
    """The n-th file: zeros, and its number at the end."""
    return bytes(size - 8) + number.to_bytes(8, "big")


def ours(size: int) -> Figures:
    """What `mint_content` does."""
    first, second = file(0, size), file(1, size)
    start, named = process_time(), 0
    while process_time() - start < SECONDS:
        cid_of(first)
        named += 1
    per_second = named / (process_time() - start)
    return Figures((str(cid_of(first)), str(cid_of(second))), per_second)


def theirs(node: str, size: int) -> Figures:
    """What `ipfs-unixfs-importer` does."""
    command = [node, "importer.mjs", str(size), str(SECONDS)]
    answer = json.loads(subprocess.check_output(command, cwd=IMPORTER))
    first, second = answer["cids"]
    return Figures((first, second), answer["perSecond"])


def find_node() -> str | None:
    """Node with the importer; None, and why, when there is none."""
    try:
        return node_with_packages(IMPORTER)
    except NodeUnavailableError as missing:
        print(f"ipfs-unixfs-importer is not measured: {missing}")
        return None


def main() -> None:
    """Measure each size; fail when names differ."""
    node = find_node()
    print(f"{'CIDs per second':<18}{'ours':>12}{'ipfs-unixfs-importer':>24}")
    for name, size in SIZES.items():
        mine, other = ours(size), theirs(node, size) if node else None
        if other and other.cids != mine.cids:
            raise SystemExit(f"{name}: ours are {mine.cids}, theirs {other.cids}")
        print(f"{name:<18}{mine.per_second:>12,.0f}{_figure(other):>24}")


def _figure(figures: Figures | None) -> str:
    return f"{figures.per_second:,.0f}" if figures else "-"


if __name__ == "__main__":
    main()
