"""Ten thousand runs with faults, crashes and overlaps: no invariant fails in any of them.

After a failure: `told(seed, PRODUCT)` tells that very run again, step by step.
"""

from __future__ import annotations

from collections import Counter

import pytest

from mint_events.catalogue import ChainOutcome, MintConfirmed, MintParked

from .mutants import PRODUCT
from .runs import told, violation
from .world import World

RUNS = 1_000


@pytest.mark.requirement("CH-1", "CH-2", "CH-3", "CH-4", "CH-5", "CH-7", "CH-8")
@pytest.mark.parametrize("first", range(0, 10 * RUNS, RUNS))
def test_no_invariant_fails_under_any_fault(first: int) -> None:
    for seed in range(first, first + RUNS):
        if violation(seed, PRODUCT):
            pytest.fail(told(seed, PRODUCT))


def test_the_same_seed_is_the_same_run() -> None:
    assert told(7, PRODUCT) == told(7, PRODUCT)
    assert told(7, PRODUCT) != told(8, PRODUCT)


def test_the_runs_meet_what_they_are_for() -> None:
    met: Counter[str] = Counter()
    for seed in range(2 * RUNS):
        world = World(seed, PRODUCT)
        world.run()
        met.update(sights(world))

    assert all(met[sight] >= 3 for sight in SIGHTS), met


SIGHTS = (
    "confirmed",
    "parked as absent",
    "parked as unknown",
    "a process ended in the middle",
    "two processes at once",
    "a second signature",
    "a signature that nobody took",
    "a transaction that failed on chain",
    "a transaction on a fork that was given up",
    "an NFT in two transactions",
)


def sights(world: World) -> set[str]:
    transactions = world.ledger.transactions.values()
    end = world.ended
    seen = {
        "confirmed": isinstance(end, MintConfirmed),
        "parked as absent": isinstance(end, MintParked) and end.outcome is ChainOutcome.ABSENT,
        "parked as unknown": isinstance(end, MintParked) and end.outcome is ChainOutcome.UNKNOWN,
        "a process ended in the middle": world.instances > 1 and world.invariants.alone,
        "two processes at once": not world.invariants.alone,
        "a second signature": any(each.attempt > 1 for each in world.submissions.values()),
        "a signature that nobody took": any(not each.tried for each in transactions),
        "a transaction that failed on chain": any(each.error for each in transactions),
        "a transaction on a fork that was given up": any(each.fork for each in transactions),
        "an NFT in two transactions": sum(
            each.landed is not None and each.error is None for each in transactions
        )
        == 2,
    }
    return {sight for sight, is_seen in seen.items() if is_seen}
