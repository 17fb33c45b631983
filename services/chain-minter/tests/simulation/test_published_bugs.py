"""Bugs that other minting tools were reported to have: what they do wrong, the product does not."""

from __future__ import annotations

import pytest

from mint_events.catalogue import MintConfirmed

from .mutants import PRODUCT
from .naive import (
    Desk,
    Tool,
    asks_any_node_whether_the_blockhash_is_valid,
    expires_by_the_wall_clock,
    mints_again_until_metadata_show,
    takes_a_new_key_on_every_retry,
    takes_already_processed_for_failure,
)
from .nodes import Fault, Spell
from .plan import FOR_EVER, Plan
from .subject import MINT_ID
from .world import END_SECONDS, Instance, World

SEEDS = range(20)


def quiet(*endpoints: tuple[Spell, ...]) -> Plan:
    """No crash and no fault but these."""
    return Plan(
        spells=endpoints,
        calm=0.0,
        crash=0.0,
        overlap=0.0,
        unacknowledged=0.0,
        skips=0.05,
        forks=0.0,
        splits=False,
        beat=1.0,
        late_start=0.0,
        delivered_again=False,
    )


def always(fault: Fault, amount: int = 0, *, until: float = FOR_EVER) -> Spell:
    return Spell(fault, 0.0, until, amount)


def with_tool(tool: Tool, the_plan: Plan, seed: int) -> tuple[bool, int]:
    """What the tool says, and how many tokens there are in the end."""
    world = World(seed, PRODUCT, the_plan)
    said: list[bool] = []

    async def work() -> None:
        world.act(Instance("the tool"))
        said.append(await tool(Desk(world)))

    world.steps.start(work())
    world.steps.run(END_SECONDS, lambda: bool(said))
    world.ledger.advance(world.steps.now + 120.0)
    return said == [True], len(world.ledger.tokens[MINT_ID])


def one_token_and_confirmed(the_plan: Plan, seed: int) -> bool:
    world = World(seed, PRODUCT, the_plan)
    world.run()
    return isinstance(world.ended, MintConfirmed) and len(world.ledger.tokens[MINT_ID]) == 1


@pytest.mark.requirement("CH-1", "CH-3")
@pytest.mark.parametrize(
    ("tool", "the_plan"),
    [
        pytest.param(
            mints_again_until_metadata_show,
            quiet((always(Fault.HIDING, 1000),), ()),
            id="minting again because metadata are not visible yet",
        ),
        pytest.param(
            takes_a_new_key_on_every_retry,
            quiet((always(Fault.LOSING, until=20.0),)),
            id="a new key on every retry",
        ),
        pytest.param(
            expires_by_the_wall_clock,
            quiet((always(Fault.KEEPING),)),
            id="expiry by the wall clock",
        ),
        pytest.param(
            asks_any_node_whether_the_blockhash_is_valid,
            quiet((always(Fault.KEEPING),), (always(Fault.LAGGING, 40),)),
            id="isBlockhashValid from a node that lags",
        ),
    ],
)
def test_where_a_tool_made_two_tokens_there_is_one(tool: Tool, the_plan: Plan) -> None:
    assert any(with_tool(tool, the_plan, seed)[1] > 1 for seed in SEEDS)
    assert all(one_token_and_confirmed(the_plan, seed) for seed in SEEDS)


@pytest.mark.requirement("CH-4")
def test_already_processed_is_not_taken_for_failure() -> None:
    nothing_wrong = quiet(())

    assert (False, 1) in {
        with_tool(takes_already_processed_for_failure, nothing_wrong, seed) for seed in SEEDS
    }
    assert all(one_token_and_confirmed(nothing_wrong, seed) for seed in SEEDS)
