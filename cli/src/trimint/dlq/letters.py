"""Dead letters and what became of them, folded from the events of `mint.deadletter`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mint_events.catalogue import DeadLetterDiscarded, DeadLetterRedriven, RecordDeadLettered
from mint_events.envelope import Envelope
from trimint.failing import Exit, Failed


class State(StrEnum):
    """What became of a letter."""

    OPEN = "open"
    REDRIVEN = "redriven"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter; `decision` is the event that closed it, if one did."""

    envelope: Envelope
    record: RecordDeadLettered
    decision: Envelope | None = None

    @property
    def id(self) -> str:
        """The id of its event."""
        return str(self.envelope.id)

    @property
    def state(self) -> State:
        """What became of it."""
        match self.decision and self.decision.event:
            case DeadLetterRedriven():
                return State.REDRIVEN
            case DeadLetterDiscarded():
                return State.DISCARDED
            case _:
                return State.OPEN

    @property
    def place(self) -> str:
        """Where its record lay: topic/partition/offset."""
        return f"{self.record.topic}/{self.record.partition}/{self.record.offset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which letters are meant; what is None or empty does not choose."""

    service: str | None = None
    topic: str | None = None
    failure: str | None = None
    mint: str | None = None
    state: State | None = None

    def chooses(self, letter: Letter) -> bool:
        """Whether the letter is one of them."""
        record = letter.record
        pairs = (
            (self.service, record.service),
            (self.topic, record.topic),
            (self.failure, record.failure),
            (self.mint, record.mint_id),
            (self.state, letter.state),
        )
        return all(want is None or want == have for want, have in pairs)


def folded(envelopes: Iterable[Envelope]) -> list[Letter]:
    """The letters in the order of their time, the newest last, each once, with its decision.

    Of several decisions on one letter the first counts.
    """
    letters: dict[str, Letter] = {}
    decisions: dict[str, Envelope] = {}
    for envelope in sorted(envelopes, key=lambda one: one.time):
        match envelope.event:
            case RecordDeadLettered() as record:
                letters.setdefault(str(envelope.id), Letter(envelope, record))
            case DeadLetterRedriven(letter=of) | DeadLetterDiscarded(letter=of):
                decisions.setdefault(of, envelope)
            case _:
                pass
    return [
        Letter(letter.envelope, letter.record, decisions.get(identity))
        for identity, letter in letters.items()
    ]


def named(letters: Sequence[Letter], names: Iterable[str]) -> list[Letter]:
    """The letters of these ids, or of ids that begin so.

    Raises `Failed` for a name that none has, or several have.
    """
    return [_named(letters, name) for name in dict.fromkeys(names)]


def _named(letters: Sequence[Letter], name: str) -> Letter:
    found = [letter for letter in letters if letter.id.startswith(name.lower())]
    if not found:
        message = f"no dead letter {name!r}: see `trimint dlq list --state all`"
        raise Failed(message, Exit.NOT_FOUND)
    if len(found) > 1:
        raise Failed(f"{len(found)} dead letters begin with {name!r}: give more of the id")
    return found[0]
