"""Which requests a list of faults strikes: by seed, never by the clock's or the network's chance.

Pure: the same plan and the same requests give the same faults. Each fault draws for itself, and
only for requests that it means, so others in between change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mint_sandbox.faults.model import Fault, When


@dataclass(frozen=True, slots=True)
class Plan:
    """Faults, the first one outermost, and the seed of their draws."""

    faults: tuple[Fault, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """How many requests a fault was meant for, and how many it struck."""

    meant: int = 0
    struck: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One request: what it asks for, `elapsed` seconds after the plan was set."""

    operations: Sequence[str]
    cid: str | None
    elapsed: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The faults that strike a request, and the tallies after it."""

    faults: tuple[Fault, ...]
    tallies: tuple[Tally, ...]


def untouched(plan: Plan) -> tuple[Tally, ...]:
    """The tallies before the first request."""
    return (Tally(),) * len(plan.faults)


def decide(plan: Plan, tallies: Sequence[Tally], call: Call) -> Decision:
    """Which faults of the plan strike this request."""
    struck: list[Fault] = []
    after: list[Tally] = []
    for index, (fault, tally) in enumerate(zip(plan.faults, tallies, strict=True)):
        if _is_meant(fault.when, call):
            draw = Random(f"{plan.seed}/{index}/{tally.meant}").random()  # noqa: S311 - no secret
            strikes = _strikes(fault.when, tally, draw)
            tally = Tally(tally.meant + 1, tally.struck + strikes)
            struck += [fault] * strikes
        after.append(tally)
    return Decision(tuple(struck), tuple(after))


def _is_meant(when: When, call: Call) -> bool:
    return (
        when.is_time(call.elapsed)
        and when.cid in (None, call.cid)
        and (not when.methods or not set(when.methods).isdisjoint(call.operations))
    )


def _strikes(when: When, tally: Tally, draw: float) -> bool:
    left = when.count is None or tally.struck < when.count
    return left and draw < when.probability
