"""Updates under every fault: what is called updated is so and stays so; and each guard is needed.

After a failure: `told_updates(seed, PRODUCT)` tells that very run again, step by step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
from solders.pubkey import Pubkey

from chain_minter import departure, flight, updating
from chain_minter.chain import Report
from chain_minter.confirmation import Found
from chain_minter.flight import Flight, Tools
from chain_minter.goals import Goal
from chain_minter.inflight import Inflight
from chain_minter.reading import found_by_each
from chain_minter.submission import Submission
from mint_events.catalogue import MetadataUriUpdated, UriUpdateFailed
from mint_events.envelope import Received

from .mutants import PRODUCT, without_function
from .updates import UpdateWorld, told_updates, violation_of_updates
from .weakened import load_nothing, new_bytes_each_time, remember_only

RUNS = 1_000
SEEDS = 10_000
MAY_LAND = "may still land"
ANOTHER = "names another URI"


@pytest.mark.requirement("CH-2", "CH-3", "CH-5", "CH-7", "CH-8", "CH-10")
@pytest.mark.parametrize("first", range(0, 3 * RUNS, RUNS))
def test_no_invariant_of_an_update_fails_under_any_fault(first: int) -> None:
    for seed in range(first, first + RUNS):
        if violation_of_updates(seed, PRODUCT):
            pytest.fail(told_updates(seed, PRODUCT))


def test_the_runs_meet_what_they_are_for() -> None:
    met: Counter[str] = Counter()
    for seed in range(RUNS):
        world = UpdateWorld(seed, PRODUCT)
        world.run()
        met.update(sights(world))

    assert all(met[sight] >= 3 for sight in SIGHTS), met


SIGHTS = (
    "updated",
    "given up after three signatures",
    "an older one in flight, which landed",
    "an older one in flight, which expired",
    "a process ended in the middle",
    "two processes at once",
)


def sights(world: UpdateWorld) -> set[str]:
    transactions = world.ledger.transactions
    followed = [
        transactions[before.signature].landed is not None
        for before, after in world.follows()
        if before.uri != after.uri
    ]
    seen = {
        "updated": any(isinstance(end, MetadataUriUpdated) for end in world.ends),
        "given up after three signatures": any(
            isinstance(end, UriUpdateFailed) and len(end.signatures) >= 3 for end in world.ends
        ),
        "an older one in flight, which landed": True in followed,
        "an older one in flight, which expired": False in followed,
        "a process ended in the middle": world.instances > 1 and world.invariants.alone,
        "two processes at once": not world.invariants.alone,
    }
    return {sight for sight, is_seen in seen.items() if is_seen}


@dataclass(frozen=True, slots=True)
class Without:
    """`guard` is what the product lacks, `breaks` part of what the simulation then says."""

    guard: str
    breaks: str
    take_away: Callable[[pytest.MonkeyPatch], object]


def attribute(owner: object, name: str, instead: object) -> Callable[[pytest.MonkeyPatch], object]:
    return without_function(owner, name, instead)


async def departing_over_what_is_there(
    goal: Goal, tools: Tools, inflight: Inflight, received: Received
) -> Flight:
    """What is in flight for something else is signed over."""
    whole = await departing(goal, tools, inflight, received)
    return Flight(goal, tools, whole._record, whole.submission)


async def departing_with_it(
    goal: Goal, tools: Tools, inflight: Inflight, received: Received
) -> Flight:
    """What is in flight counts as signed for this, whatever it is for."""
    newest = await inflight.newest(goal.mint_id)
    whole = await departing(goal, tools, inflight, received)
    return Flight(goal, tools, whole._record, newest)


departing = departure.departing


def believed_at_once(self: Flight, heard: Sequence[Report], everywhere: bool) -> list[Found]:
    """What is read counts while an older transaction may still undo it."""
    return found_by_each(self._goal, heard, None, everywhere=everywhere)


def everybody(reports: Sequence[Report], mint: Pubkey, since: int) -> list[Report]:
    return list(reports)


def counted(self: Submission, since: object) -> object:
    """An attempt for something else is one of this, too."""
    return replace(self.signed, taken=True)


WITHOUT = (
    Without(
        "what is in flight for something else is over first",
        MAY_LAND,
        attribute(updating, "departing", departing_over_what_is_there),
    ),
    Without(
        "what is in flight for something else is no attempt of this",
        "attempt",
        attribute(updating, "departing", departing_with_it),
    ),
    Without(
        "an attempt for something else is none",
        "given up for what",
        attribute(Submission, "signed_for_another", counted),
    ),
    Without(
        "nothing is believed while it may be undone",
        "may undo it",
        attribute(Flight, "_found", believed_at_once),
    ),
    Without(
        "who has not got to the newest change is not heard",
        ANOTHER,
        attribute(flight, "recent", everybody),
    ),
    Without(
        "who has not got to where the older one was over is not heard",
        ANOTHER,
        attribute(flight, "settled_slot", lambda _: 0),
    ),
    Without(
        "recorded before it is sent", "sent before", attribute(Inflight, "record", remember_only)
    ),
    Without(
        "a restarted process goes on with what is recorded",
        MAY_LAND,
        attribute(Inflight, "load", load_nothing),
    ),
    Without(
        "the same bytes are sent again", MAY_LAND, attribute(flight, "decide", new_bytes_each_time)
    ),
)


@pytest.mark.requirement("CH-2", "CH-3", "CH-5", "CH-8", "CH-10")
@pytest.mark.parametrize("without", WITHOUT, ids=lambda without: without.guard)
def test_without_its_guard_an_invariant_of_an_update_fails(
    without: Without, monkeypatch: pytest.MonkeyPatch
) -> None:
    without.take_away(monkeypatch)

    found = (violation_of_updates(seed, PRODUCT) or "" for seed in range(SEEDS))

    assert any(without.breaks in each for each in found)
