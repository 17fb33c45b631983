"""What to do next about an NFT, from what we signed and what the chain says. Pure.

A signed transaction may land until it is spent: failed in a finalized block, or expired. It has
expired only if the *finalized* block height has passed its last valid one, no status is found in
the history, and the NFT is not there, by the word of every endpoint that was asked (CH-3). Until
then the same bytes are sent again, and no other signature is made.

Sources: Solana's documentation on transaction confirmation and expiration; `getSignatureStatuses`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, IntEnum

from mint_events.catalogue import ChainOutcome


class Commitment(IntEnum):
    """How settled something is; each level includes the ones before it."""

    PROCESSED = 0
    CONFIRMED = 1
    FINALIZED = 2


class Found(Enum):
    """How much of the NFT is on chain."""

    ABSENT = "absent"
    PART = "part"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The newest transaction that was signed for the mint; `attempt` counts from 1."""

    signature: str
    attempt: int
    last_valid_block_height: int
    signed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A transaction in a block; `error` is why it failed there, None if it succeeded."""

    commitment: Commitment
    slot: int
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What is asked often: the node's recent status of the signature, and the finalized height."""

    status: Status | None
    finalized_height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one endpoint says when it is asked thoroughly: its history, its height, the NFT."""

    endpoint: str
    status: Status | None
    finalized_height: int
    found: Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """The statement of one endpoint, or, when `everywhere`, of every healthy one."""

    statements: tuple[Statement, ...]
    everywhere: bool


Evidence = Glance | Hearing


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """The NFT is whole. `slot` is that of our transaction, None if it is not known who made it."""

    slot: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebroadcast:
    """Send the same bytes once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """Sign a transaction for what is missing of the NFT: all of it, or what completes it."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Ask thoroughly: one endpoint at commitment confirmed, or everywhere, finalized."""

    everywhere: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing can be done or known yet; glance again in a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Park:
    """Make no more signatures; a person has to look."""

    outcome: ChainOutcome
    detail: str


Decision = Confirm | Rebroadcast | Sign | Look | Wait | Park


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How often and how long: `resend` between sendings of the same bytes; `patience` until a
    landed transaction whose NFT nobody sees is called unknown."""

    max_signatures: int
    resend: timedelta
    patience: timedelta


def decide(
    signed: Signed | None,
    sent_at: datetime | None,
    evidence: Evidence,
    now: datetime,
    rules: Rules,
) -> Decision:
    """The next step. `sent_at` is when the bytes were last sent by this process, if ever."""
    if isinstance(evidence, Hearing):
        return _after_hearing(signed, evidence, now, rules)
    if signed is None:
        return Look(everywhere=False)
    due = sent_at is None or now - sent_at >= rules.resend
    return _after_glance(signed, evidence, Rebroadcast() if due else Wait())


def _after_glance(signed: Signed, seen: Glance, pending: Rebroadcast | Wait) -> Decision:
    status = seen.status
    if status is None or status.commitment is Commitment.PROCESSED:
        expired = seen.finalized_height > signed.last_valid_block_height
        return Look(everywhere=True) if expired else pending
    if status.error is None:
        return Look(everywhere=False)
    final = status.commitment is Commitment.FINALIZED
    return Look(everywhere=True) if final else Wait()


def _after_hearing(
    signed: Signed | None, hearing: Hearing, now: datetime, rules: Rules
) -> Decision:
    found = {statement.found for statement in hearing.statements}
    landed = [slot for each in hearing.statements if (slot := _landed(each.status)) is not None]
    if Found.WHOLE in found:
        return Confirm(slot=min(landed, default=None))
    if signed is None:
        return Sign(attempt=1)
    if landed:
        return _landed_but_not_whole(signed, hearing, now, rules)
    if hearing.everywhere and all(_spent(signed, each) for each in hearing.statements):
        return _next_signature(signed, found, rules)
    return Wait()


def _landed_but_not_whole(
    signed: Signed, hearing: Hearing, now: datetime, rules: Rules
) -> Decision:
    """It landed. Either it was not all there was to do, or the reader lags behind."""
    if all(_finally_incomplete(statement) for statement in hearing.statements):
        return Sign(attempt=1)
    if now - signed.signed_at <= rules.patience:
        return Wait()
    return Park(
        outcome=ChainOutcome.UNKNOWN,
        detail=f"transaction {signed.signature} has landed, but its NFT is not seen at"
        f" {_names(hearing)}: look at both through another endpoint",
    )


def _next_signature(signed: Signed, found: set[Found], rules: Rules) -> Sign | Park:
    """The signature is spent: it can never land any more."""
    if signed.attempt < rules.max_signatures:
        return Sign(attempt=signed.attempt + 1)
    if found == {Found.ABSENT}:
        return Park(
            outcome=ChainOutcome.ABSENT,
            detail=f"{signed.attempt} transactions failed or expired and the NFT is not on chain,"
            " finally: see why, then let the mint go on",
        )
    return Park(
        outcome=ChainOutcome.UNKNOWN,
        detail=f"{signed.attempt} transactions failed or expired and the NFT is on chain in part:"
        " complete it",
    )


def _landed(status: Status | None) -> int | None:
    """The slot in which it succeeded, once confirmed."""
    if status is None or status.error is not None or status.commitment < Commitment.CONFIRMED:
        return None
    return status.slot


def _finally_incomplete(statement: Statement) -> bool:
    status = statement.status
    return (
        statement.found is Found.PART
        and status is not None
        and status.commitment is Commitment.FINALIZED
        and status.error is None
    )


def _spent(signed: Signed, statement: Statement) -> bool:
    status = statement.status
    if status is None:
        return statement.finalized_height > signed.last_valid_block_height
    return status.error is not None and status.commitment is Commitment.FINALIZED


def _names(hearing: Hearing) -> str:
    return ", ".join(statement.endpoint for statement in hearing.statements)
