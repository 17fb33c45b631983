"""What a decision does to each of the letters that it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mint_events.catalogue import DeadLetterDiscarded, DeadLetterRedriven
from mint_events.envelope import Envelope
from trimint.dlq.desk import Decision
from trimint.dlq.letters import Letter, State


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the letter is now as was decided, and a line that says how."""

    letter: str
    done: bool
    detail: str


class Deciding(Protocol):
    """As `Desk` carries decisions out."""

    async def redrive(self, letter: Letter, decision: Decision) -> Envelope:
        """Put the record back. Raises `ValueError` when its bytes were not kept."""
        ...

    async def discard(self, letter: Letter, decision: Decision) -> Envelope:
        """Close the letter."""
        ...


async def decide(
    desk: Deciding, letters: Sequence[Letter], to: State, decision: Decision
) -> list[Outcome]:
    """Redrive or discard each letter, in their order; those that are so already are left alone."""
    return [await _decide(desk, letter, to, decision) for letter in letters]


async def _decide(desk: Deciding, letter: Letter, to: State, decision: Decision) -> Outcome:
    if letter.decision is not None:
        return Outcome(letter.id, letter.state is to, f"was {_told(letter.decision)} before")
    try:
        act = desk.redrive if to is State.REDRIVEN else desk.discard
        made = await act(letter, decision)
    except ValueError as error:
        return Outcome(letter.id, done=False, detail=f"not {to}: {error}")
    return Outcome(letter.id, done=True, detail=_told(made))


def _told(made: Envelope) -> str:
    match made.event:
        case DeadLetterRedriven(position=position, by=by):
            return f"redriven to {position} by {by}"
        case DeadLetterDiscarded(by=by):
            return f"discarded by {by}"
        case event:
            raise TypeError(f"{type(event).__name__} is not a decision on a dead letter")
