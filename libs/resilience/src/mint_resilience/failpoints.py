"""Dying at a step boundary, on request: an aid for tests of what a crash leaves behind.

Armed with a boundary and a number, the process sends itself SIGKILL when it passes that boundary
for the n-th time: nothing is flushed and nothing is closed. Unarmed, which is the case unless the
setting `TRIMINT_FAILPOINT` is given, passing a boundary does nothing.

It lies in the lowest library because the consuming runtime has boundaries, too.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from enum import StrEnum


class Boundary(StrEnum):
    """Every place where a process can be told to die; the part before the dot says in which."""

    CONSUMER_HANDLED = "consumer.handled"
    """The handler has answered; nothing of its answer is published."""
    CONSUMER_PUBLISHED = "consumer.published"
    """The answer is acknowledged by the brokers; the record does not count as done."""
    CONSUMER_COMMITTED = "consumer.committed"
    """Kafka has the offset of what is done; this process does not know yet."""

    PINNING_BEGUN = "ipfs-uploader.begun"
    """An image or a document is to be pinned; nobody was asked for anything."""
    PINNING_KEPT = "ipfs-uploader.kept"
    """Providers keep it; it was not read back."""
    PINNING_READ_BACK = "ipfs-uploader.read-back"
    """It came back as it was given; the mint's other asset may be at any point."""

    MINT_RECEIVED = "chain-minter.received"
    """A prepared mint, or an update of its URI, is to be worked on; the chain was not asked."""
    MINT_SIGNED = "chain-minter.signed"
    """A transaction is signed, and only this process has it."""
    MINT_RECORDED = "chain-minter.recorded"
    """The signed transaction is in `mint.chain.inflight`; nobody else was told."""
    MINT_ANNOUNCED = "chain-minter.announced"
    """It was told on `mint.chain`, too; it was not sent."""
    MINT_SENT = "chain-minter.sent"
    """An endpoint has answered to the sending."""
    MINT_CONFIRMED = "chain-minter.confirmed"
    """It is on chain; its in-flight record was neither forgotten nor deleted."""

    CHECKS_BEGUN = "verifier.begun"
    """A round of checks is due; none was made."""
    CHECKS_MADE = "verifier.made"
    """All checks of a round are made; what follows from them was not decided."""

    BATCH_SIFTED = "reconciler.sifted"
    """Records are decoded and found to be new; no transaction was begun."""
    BATCH_WRITTEN = "reconciler.written"
    """Events, effects, projection and offsets are written; the transaction is not committed."""
    BATCH_COMMITTED = "reconciler.committed"
    """The transaction is committed; its effects are not published."""
    RELAY_BEGUN = "reconciler.relaying"
    """Pending events are read from the outbox; they are not published."""
    RELAY_PUBLISHED = "reconciler.relayed"
    """They are acknowledged by the brokers; they are not marked as published."""


@dataclass(frozen=True, slots=True)
class Failpoint:
    """A boundary, and at which of its passings to die."""

    boundary: Boundary
    passing: int = 1

    @classmethod
    def parse(cls, text: str) -> Failpoint:
        """Read `name` or `name:n`. Raises ValueError for an unknown name or an n below 1."""
        name, _, number = text.partition(":")
        passing = int(number or 1)
        if passing < 1:
            raise ValueError(f"a boundary is passed for the first time or later, not {passing}")
        return cls(Boundary(name), passing)


_armed: Failpoint | None = None
_passed = 0


def arm(failpoint: Failpoint | None) -> None:
    """Die at this point (None: at none), counted from now on."""
    global _armed, _passed
    _armed, _passed = failpoint, 0


def reach(boundary: Boundary) -> None:
    """The process is at this boundary; it may not return."""
    global _passed
    if _armed is None or _armed.boundary is not boundary:
        return
    _passed += 1
    if _passed == _armed.passing:
        os.kill(os.getpid(), signal.SIGKILL)
