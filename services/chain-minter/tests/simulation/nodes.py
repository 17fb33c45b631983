"""A model of the RPC endpoints: what each says of the chain, rightly or wrongly, if it answers.

A fault lasts from one time to another. Lag, refusal and loss may befall every endpoint; wrong
heights, a history that is silent and metadata that do not show only one of them. All may deny that
blockhashes are good, but not where one tells wrongly how long they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from chain_minter.confirmation import Status
from chain_minter.rpc import Preflight, Refused
from mint_resilience.failures import Failure, Outage, RateLimited, Transient

from .ledger import (
    BLOCKHASH_BLOCKS,
    CONFIRMED_SLOTS,
    FINALIZED_SLOTS,
    FIRST_SLOT,
    MINT,
    SLOT_SECONDS,
    Ledger,
    Transaction,
)

STATUS_CACHE_SLOTS = 150


class Fault(Enum):
    """What an endpoint does wrong; how much is the fault's `amount`."""

    DOWN = "refuses connections"
    FLAPPING = "refuses every other moment"
    LIMITED = "answers 429"
    LOSING = "answers nothing, having done it or not"
    LAGGING = "is so many slots behind"
    STUCK = "stands still"
    SPLIT = "is many nodes, some of which are so many slots behind"
    DROPPING = "passes transactions on to nobody"
    KEEPING = "passes transactions on as late as they may land"
    LYING = "tells heights that are wrong by so many blocks"
    MISDATING = "tells of blockhashes that they are good for so many blocks more than they are"
    DENYING = "says of every blockhash that it is not good"
    SILENT = "knows no history"
    MUTE = "does not answer when its history is searched"
    HIDING = "shows metadata so many slots late"


ODD = (Fault.LYING, Fault.MISDATING, Fault.SILENT, Fault.MUTE, Fault.HIDING)
ORDINARY = tuple(fault for fault in Fault if fault not in (*ODD, Fault.DENYING))


@dataclass(frozen=True, slots=True)
class Spell:
    """A fault from `start` to `end`, in seconds."""

    fault: Fault
    start: float
    end: float
    amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a node says of the newest finalized block."""

    slot: int
    height: int


@dataclass(slots=True)
class Node:
    """One endpoint."""

    name: str
    ledger: Ledger
    random: Random
    spells: Sequence[Spell] = ()
    _active: dict[Fault, Spell] = field(default_factory=dict)

    def position(self, now: float) -> int:
        """The slot that it shows to whoever watches it; that of one which is down is not known."""
        self._be_at(now)
        return self.ledger.slot if Fault.DOWN in self._active else self._slot()

    def _be_at(self, now: float) -> None:
        self._active = {each.fault: each for each in self.spells if each.start <= now < each.end}

    def answer(self, now: float) -> None:
        """Raises what a call to it meets now."""
        self._be_at(now)
        if Fault.DOWN in self._active or (Fault.FLAPPING in self._active and int(now / 3) % 2):
            raise Outage(f"{self.name} refuses")
        if Fault.LIMITED in self._active and self.random.random() < 0.7:
            raise RateLimited(f"{self.name} answers 429")

    def reply(self) -> None:
        """Raises when the reply is lost, whatever was done."""
        if Fault.LOSING in self._active and self.random.random() < 0.6:
            raise Transient(f"{self.name} did not reply")

    def finalized(self) -> Heard:
        slot = self._slot() - FINALIZED_SLOTS
        lie = self._amount(Fault.LYING)
        return Heard(slot=slot, height=max(0, self.ledger.height(slot) + lie))

    def processed(self) -> Heard:
        """The newest block it has seen, maybe on a fork whose blocks will not have been."""
        slot = self._slot()
        lost = self.random.randrange(FINALIZED_SLOTS) if self.ledger.forks else 0
        return Heard(slot=slot, height=self.ledger.height(slot) + lost)

    def status(self, signature: str, *, search: bool) -> tuple[int, Status | None]:
        """With the slot at which it was read."""
        if search and Fault.MUTE in self._active:
            raise Transient(f"{self.name} can not reach its long-term storage")
        slot = self._any_slot()
        found = self.ledger.status(self.ledger.transactions[signature], slot)
        if found is None:
            return slot, None
        commitment, landed, error = found
        search = search and Fault.SILENT not in self._active
        if not search and slot - landed > STATUS_CACHE_SLOTS:
            return slot, None
        return slot, Status(commitment=commitment, slot=landed, error=error)

    def parts(self, address: str) -> tuple[int, frozenset[str]]:
        """The accounts at commitment confirmed, with the slot at which they were read."""
        slot = self._read_slot() - CONFIRMED_SLOTS
        found = self.ledger.created(address, slot)
        if Fault.HIDING in self._active:
            older = self.ledger.created(address, slot - self._amount(Fault.HIDING))
            found = older | (found & {MINT})
        return slot, found

    def blockhash(self) -> tuple[int, int]:
        """The newest confirmed block's slot, and the last height at which it is said to be good."""
        slot = self._slot() - CONFIRMED_SLOTS
        lie = self._amount(Fault.MISDATING)
        return slot, max(0, last_valid(self.ledger, slot) + lie)

    def is_blockhash_valid(self, transaction: Transaction, depth: int = 0) -> tuple[int, bool]:
        """Whether it knows the transaction's blockhash, and that it has not expired, as of a block
        so deep; with the slot of that."""
        slot = self._any_slot() - depth
        known = transaction.blockhash_slot <= slot and Fault.DENYING not in self._active
        return slot, known and self.ledger.height(slot) <= transaction.last_valid

    def history(self, address: str, signatures: Sequence[Transaction]) -> list[Transaction]:
        """Who succeeded at the address, as far as it knows, the newest last."""
        if Fault.SILENT in self._active:
            return []
        slot = self._read_slot() - CONFIRMED_SLOTS
        return sorted(
            (
                each
                for each in signatures
                if each.address == address and each.error is None and (each.landed or slot) < slot
            ),
            key=lambda each: each.landed or 0,
        )

    def send(self, transaction: Transaction) -> None:
        """Simulate it, and if that succeeds pass it on. Raises `Refused` as preflight does."""
        self._require_blockhash(transaction)
        transaction.tried = True
        self._preflight(transaction)
        transaction.sent = True
        if Fault.DROPPING in self._active:
            return
        left = self.ledger.slots_left(transaction)
        late = Fault.KEEPING in self._active
        slots = left - self.random.randrange(4) if late else self.random.choice((1, 1, 2, 3, 8, 40))
        self.ledger.submit(transaction, slots)

    def _require_blockhash(self, transaction: Transaction) -> None:
        slot = self._read_slot() - CONFIRMED_SLOTS
        if slot < transaction.blockhash_slot or self.ledger.height(slot) > transaction.last_valid:
            raise Refused("Blockhash not found", preflight=Preflight.BLOCKHASH)

    def _preflight(self, transaction: Transaction) -> None:
        slot = self._read_slot() - CONFIRMED_SLOTS
        if self.ledger.status(transaction, self._read_slot()) is not None:
            raise Refused("This transaction has already been processed")
        if self.ledger.created(transaction.address, slot) & transaction.creates:
            raise Refused("account already in use")

    def _slot(self) -> int:
        stuck = self._active.get(Fault.STUCK)
        slot = self.ledger.slot - self._amount(Fault.LAGGING)
        return min(slot, FIRST_SLOT + int(stuck.start / SLOT_SECONDS)) if stuck else slot

    def _any_slot(self) -> int:
        """Of the newest or of the oldest of many nodes."""
        return self._slot() if self.random.random() < 0.5 else self._read_slot()

    def _read_slot(self) -> int:
        return self._slot() - self._amount(Fault.SPLIT)

    def _amount(self, fault: Fault) -> int:
        spell = self._active.get(fault)
        return spell.amount if spell else 0


def last_valid(ledger: Ledger, slot: int) -> int:
    """The last height at which the blockhash of that slot is good."""
    return ledger.height(slot) + BLOCKHASH_BLOCKS


NEXT_MAY_ANSWER: tuple[type[Failure], ...] = (Outage, Transient, RateLimited)
