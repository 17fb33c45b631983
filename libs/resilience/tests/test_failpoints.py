"""A process dies at the boundary that it was told to, and at no other."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from mint_resilience.failpoints import Boundary, Failpoint

PROGRAM = """
from mint_resilience.failpoints import Boundary, Failpoint, arm, reach
arm({failpoint})
for number in range(3):
    reach(Boundary.MINT_SIGNED)
    print("signed", number, flush=True)
    reach(Boundary.MINT_SENT)
    print("sent", number, flush=True)
"""


def run(failpoint: str) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(failpoint=failpoint)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


def test_it_dies_by_sigkill_when_it_passes_the_boundary_for_the_nth_time() -> None:
    died = run("Failpoint.parse('chain-minter.sent:2')")

    assert died.returncode == -signal.SIGKILL
    assert died.stdout.split("\n") == ["signed 0", "sent 0", "signed 1", ""]


@pytest.mark.parametrize("failpoint", ["None", "Failpoint.parse('verifier.made')"])
def test_it_passes_every_other_boundary(failpoint: str) -> None:
    assert run(failpoint).returncode == 0


def test_without_a_number_the_first_passing_is_meant() -> None:
    assert Failpoint.parse("chain-minter.signed") == Failpoint(Boundary.MINT_SIGNED, 1)


@pytest.mark.parametrize("text", ["chain-minter.nowhere", "chain-minter.signed:0", "signed:x", ""])
def test_what_is_no_failpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Failpoint.parse(text)
