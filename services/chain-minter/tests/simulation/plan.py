"""What befalls a run, as its seed has it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from .nodes import ODD, ORDINARY, Fault, Spell

_AMOUNTS: dict[Fault, tuple[int, ...]] = {
    Fault.LAGGING: (5, 40, 120, 400),
    Fault.SPLIT: (5, 40, 200),
    Fault.LYING: (-100_000, -300, 60, 200, 100_000),
    Fault.MISDATING: (-100_000, -300, -100, 60, 200, 100_000),
    Fault.HIDING: (10, 200, 1000),
}
_COMMON = (Fault.DROPPING, Fault.DROPPING, Fault.KEEPING, Fault.DOWN, Fault.LOSING, Fault.SPLIT)
"""What may befall all endpoints at once."""
FOR_EVER = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The faults of one run; after `calm` seconds only what is in `spells` for ever goes on.

    `crash` is how likely a process ends at a step, `overlap` how likely it is replaced there while
    it goes on; `unacknowledged` how likely Kafka does not answer. `delivered_again`: the mint comes
    once more when it is done, because that was not committed.
    """

    spells: tuple[tuple[Spell, ...], ...]
    calm: float
    crash: float
    overlap: float
    unacknowledged: float
    skips: float
    forks: float
    splits: bool
    beat: float
    late_start: float
    delivered_again: bool


def plan(random: Random) -> Plan:
    """A plan; it heeds what the product assumes: one endpoint at most is odd, and not the only."""
    calm = random.choice((0.0, 20.0, 60.0, 150.0, 300.0, 500.0, 500.0))
    count = random.choice((1, 1, 2, 3, 3, 4))
    denying = random.random() < 0.3
    spells = [_ordinary(random, calm) for _ in range(count)]
    if denying:
        spells = [[*each, Spell(Fault.DENYING, 0.0, FOR_EVER)] for each in spells]
    for _ in range(random.choice((0, 0, 1, 2))):
        common = _spell(random, random.choice(_COMMON), calm)
        spells = [[*each, common] for each in spells]
    for faults in ((Fault.DROPPING,), (Fault.SPLIT, Fault.KEEPING)):
        if random.random() < 0.05:
            everywhere = [Spell(fault, 0.0, calm, _amount(random, fault)) for fault in faults]
            spells = [[*each, *everywhere] for each in spells]
    odd = random.randrange(count)
    if count > 1 and random.random() < 0.5:
        spells[odd] += _odd(random, calm, denying=denying)
        if random.random() < 0.3:
            _desert(random, spells, odd, calm)
    if count > 1 and random.random() < 0.05:
        spells[0].append(Spell(Fault.DROPPING, 0.0, FOR_EVER))
    if count > 2 and odd > 0 and random.random() < 0.4:
        spells[odd] += _lasting(random, calm, denying=denying)
    return Plan(
        spells=tuple(map(tuple, spells)),
        calm=calm,
        crash=random.choice((0.0, 0.0, 0.01, 0.05, 0.2)),
        overlap=random.choice((0.0, 0.0, 0.0, 0.02, 0.05)),
        unacknowledged=random.choice((0.0, 0.0, 0.1, 0.4)),
        skips=random.choice((0.0, 0.05, 0.3)),
        forks=random.choice((0.0, 0.0, 0.3, 0.8)),
        splits=random.random() < 0.4,
        beat=random.choice((1.0, 2.0, 4.0)),
        late_start=random.uniform(0.0, 5.0),
        delivered_again=random.random() < 0.3,
    )


def _ordinary(random: Random, calm: float) -> list[Spell]:
    return [_spell(random, random.choice(ORDINARY), calm) for _ in range(random.choice((0, 1, 2)))]


def _odd(random: Random, calm: float, *, denying: bool) -> list[Spell]:
    faults = random.sample(ODD, random.choice((1, 1, 2)))
    spells = [Spell(fault, 0.0, max(calm, 1.0), _amount(random, fault)) for fault in faults]
    return _with_blockhashes(random, spells, denying=denying)


def _with_blockhashes(random: Random, spells: list[Spell], *, denying: bool) -> list[Spell]:
    """Who tells wrong heights may tell them of blockhashes, too; nobody where all deny them."""
    also = [
        replace(each, fault=Fault.MISDATING)
        for each in spells
        if each.fault is Fault.LYING and random.random() < 0.5
    ]
    return [each for each in (*spells, *also) if not (denying and each.fault is Fault.MISDATING)]


def _desert(random: Random, spells: list[list[Spell]], odd: int, calm: float) -> None:
    """All others are down for a while."""
    down = _spell(random, Fault.DOWN, calm)
    for number, each in enumerate(spells):
        if number != odd:
            each.append(down)


def _lasting(random: Random, calm: float, *, denying: bool) -> list[Spell]:
    """The odd one of three or more may stay so for ever, if it is not the first."""
    fault = random.choice(
        (Fault.DOWN, Fault.STUCK, Fault.LAGGING, Fault.LYING, Fault.MISDATING, Fault.MUTE)
    )
    spells = [Spell(fault, random.uniform(0.0, calm), FOR_EVER, _amount(random, fault))]
    return _with_blockhashes(random, spells, denying=denying)


def _spell(random: Random, fault: Fault, calm: float) -> Spell:
    start = random.uniform(0.0, calm / 2)
    end = random.choice((random.uniform(start, calm), calm))
    return Spell(fault, start, end, _amount(random, fault))


def _amount(random: Random, fault: Fault) -> int:
    return random.choice(_AMOUNTS.get(fault, (0,)))
