"""What holds at every step of every run, written independently of the product's own rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from mint_events.catalogue import ChainOutcome, MintConfirmed, MintParked, MintSubmitted

from .ledger import FINALIZED_SLOTS, MINT, Ledger, Transaction
from .subject import MINT_ID, WHOLE, prepared_of

MAX_SIGNATURES = 3


class Violation(AssertionError):  # noqa: N818 - the term of the field
    """An invariant does not hold."""


class Invariants:
    """Judges what happens; every method raises `Violation`.

    `alone` as long as no process was overtaken by another: only then it knows all that was signed.
    `unbroken` as long as it is the first process, and knows all that was sent, too. `calm` once the
    faults are over, and what was begun under them.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.alone = True
        self.unbroken = True
        self.calm = False
        self._ledger = ledger
        self._recorded: list[str] = []

    def every_step(self) -> None:
        """At most one token."""
        if len(self._ledger.tokens[MINT_ID]) > 1:
            raise Violation("two tokens for one mint_id")

    def sending(self, transaction: Transaction) -> None:
        """It is about to be sent."""
        if transaction.signature not in self._recorded:
            raise Violation("sent before it was recorded")

    def recorded(self, event: MintSubmitted, known: Set[str]) -> None:
        """A submission has become durable; `known` are the signatures its process knows of."""
        if event.signature in self._recorded:
            return
        self._recorded.append(event.signature)
        for signature, other in self._older(event, known):
            if self._ledger.may_land(other):
                raise Violation(f"a new signature while {short(signature)} may still land")
        self._check_attempt(event)
        if self.alone:
            self._check_need(event)

    def _check_need(self, event: MintSubmitted) -> None:
        """A process that was never overtaken knows what was made before it."""
        creates = self._ledger.transactions[event.signature].creates
        told = event.earlier or self.calm or MINT not in creates
        if told and creates & self._settled():
            raise Violation("a new signature for what is there, finally")
        if self._failed(self._recorded[:-1], tried=True) >= MAX_SIGNATURES:
            raise Violation("more than 3 signatures")

    def _older(self, event: MintSubmitted, known: Set[str]) -> Iterator[tuple[str, Transaction]]:
        """What the process can know of; without an overlap that is all there is."""
        for signature, transaction in self._ledger.transactions.items():
            if signature != event.signature and (self.alone or signature in known):
                yield signature, transaction

    def _check_attempt(self, event: MintSubmitted) -> None:
        """What nobody tried is no attempt; who did not send it itself has to assume that it was,
        and who was overtaken does not know that it was."""
        failed, tried = self._failed(event.earlier), self._failed(event.earlier, tried=True)
        if event.attempt > MAX_SIGNATURES:
            raise Violation("more than 3 signatures")
        least = tried + 1 if self.alone else 1
        most = (tried if self.unbroken else failed) + 1
        if not least <= event.attempt <= most:
            raise Violation(f"attempt {event.attempt} after {tried} to {failed} that failed")

    def _failed(self, signatures: Iterable[str], *, tried: bool = False) -> int:
        """How many have not succeeded since the last that did, or only those that were tried."""
        failed = 0
        for signature in signatures:
            transaction = self._ledger.transactions[signature]
            if transaction.landed is not None and transaction.error is None:
                failed = 0
            elif transaction.tried or not tried:
                failed += 1
        return failed

    def _settled(self) -> frozenset[str]:
        """The parts that are finally there."""
        address = prepared_of(MINT_ID).mint_address
        return self._ledger.created(address, self._ledger.slot - FINALIZED_SLOTS - 1)

    def published(self, event: MintConfirmed | MintParked, known: Set[str]) -> None:
        """The outcome is told by a process that knows of these signatures."""
        there = self._ledger.accounts[event.mint_address].keys()
        if isinstance(event, MintConfirmed):
            if there != WHOLE:
                raise Violation("confirmed, but not whole")
            landed = self._ledger.transactions[event.signature]
            if landed.landed != event.slot or landed.error is not None:
                raise Violation("confirmed by a transaction that has not made it")
        elif event.outcome is ChainOutcome.ABSENT:
            self._check_absent(event, known, there=MINT in there)

    def _check_absent(self, event: MintParked, known: Set[str], *, there: bool) -> None:
        if there and self.alone:
            raise Violation("said to be absent, but it is there")
        if len(event.signatures) < MAX_SIGNATURES:
            raise Violation(f"said to be absent after {len(event.signatures)} signatures")
        for signature, transaction in self._ledger.transactions.items():
            relevant = self.alone or signature in known
            if relevant and self._ledger.may_land(transaction):
                raise Violation(f"said to be absent while {short(signature)} may still land")

    def ended(self, event: MintConfirmed | MintParked, *, quiet: bool) -> None:
        """Nothing can land any more; `quiet`: there was no fault but of one endpoint."""
        if quiet and not isinstance(event, MintConfirmed):
            raise Violation("parked, though an endpoint would have taken it")
        absent = isinstance(event, MintParked) and event.outcome is ChainOutcome.ABSENT
        if absent and self.alone and self._ledger.tokens[MINT_ID]:
            raise Violation("said to be absent, and made afterwards")


def short(signature: str) -> str:
    """Its last characters, which tell signatures of the model apart."""
    return f"signature {signature[-6:]}"
