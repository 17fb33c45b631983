"""Every guard is needed: without it the simulation finds a run in which an invariant fails."""

from __future__ import annotations

import pytest

from .mutants import MUTANTS, Mutant
from .runs import violation

SEEDS = 10_000


@pytest.mark.requirement("CH-1", "CH-2", "CH-3", "CH-4", "CH-5", "CH-7", "CH-8")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.guard)
def test_without_its_guard_an_invariant_fails(
    mutant: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = mutant.make(monkeypatch)

    found = (violation(seed, product) or "" for seed in range(SEEDS))

    assert any(mutant.breaks in each for each in found)
