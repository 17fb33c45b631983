"""Runs by their seed: what does not hold in one, and how it came to it."""

from __future__ import annotations

from .invariants import Violation
from .nodes import Spell
from .plan import Plan
from .world import Product, World


def violation(seed: int, product: Product, the_plan: Plan | None = None) -> str | None:
    """What does not hold in the run of this seed, None if everything does."""
    try:
        World(seed, product, the_plan).run()
    except Violation as found:
        return str(found)
    return None


def told(seed: int, product: Product, the_plan: Plan | None = None) -> str:
    """The run of this seed, told step by step."""
    world = World(seed, product, the_plan)
    world.trace = [f"seed {seed}: {_described(world.plan)}"]
    try:
        world.run()
    except Violation as found:
        world.note(f"VIOLATION: {found}")
    return "\n".join(world.trace)


def _described(the_plan: Plan) -> str:
    lines = [
        f"endpoint {number}: {_spell(spell)}"
        for number, spells in enumerate(the_plan.spells)
        for spell in spells
    ]
    return "\n".join([str(the_plan), *lines])


def _spell(spell: Spell) -> str:
    return f"{spell.fault.value} ({spell.amount}) from {spell.start:.1f} s to {spell.end:.1f} s"
