"""What to do next about an NFT, from what we signed and what the chain says. Pure.

A signed transaction may land until it is spent: failed in a finalized block, or expired. It has
expired only if the *finalized* block height has passed its last valid one, its blockhash is no
longer good there, no status is found in the history, and the NFT is not there, by the word of every
endpoint that was asked (CH-3). Until then the same bytes are sent again, and no other signature is
made.

Whoever has seen something is believed, whoever has seen nothing only if there are enough witnesses
and all agree, without those that lag behind most others. So one endpoint that lags, or whose
heights are wrong, does not decide, neither by its word nor by its silence.

Sources: Solana's documentation on transaction confirmation and expiration; `getSignatureStatuses`.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, IntEnum
from typing import Final

from mint_events.catalogue import ChainOutcome

MOST_BLOCKS_AHEAD: Final = 600
"""Blocks above a finalized one for which a recent blockhash may be good: 150, or the 300 that are
proposed, from a block that is 32 above it if nobody lags, and twice the lag (50) if both do."""


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
    """The newest transaction that was signed for the mint; `attempt` counts from 1, and is 0 of one
    that was signed for something else.

    `taken`: an endpoint has it, or may have. What nobody can have sent on is no attempt (NR-3).
    `blockhash_slot` is the slot of the block whose blockhash it has; `last_valid_block_height` is
    what one endpoint told of that, so it may be wrong.
    """

    signature: str
    attempt: int
    taken: bool
    blockhash_slot: int
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
    """What one endpoint says when it is asked thoroughly: its history, its height, the NFT.

    `finalized_height` is that of `finalized_slot`; status and NFT were read at `read_slot` or
    later: behind one endpoint may be many nodes, one of which told the height, another the rest.
    `blockhash_gone`: the signature's blockhash was no longer good at `finalized_slot` or later.
    """

    endpoint: str
    status: Status | None
    finalized_height: int
    finalized_slot: int
    read_slot: int
    blockhash_gone: bool
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
    """Make no more signatures; a person has to look. `failure` is the class of what ended it, None
    if that was the chain's own word."""

    outcome: ChainOutcome
    detail: str
    failure: str | None = None


Pending = Rebroadcast | Wait
"""What is done about a transaction that may still land: its bytes are sent again when it is time,
also while somebody says that it has expired."""

Decision = Confirm | Rebroadcast | Sign | Look | Wait | Park


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How often, how long, and whose word counts.

    `resend` is between sendings of the same bytes; `patience` until a landed transaction whose NFT
    nobody sees is called unknown. `witnesses` endpoints at least must say that something is not
    there, and who lags by more than `max_lag` blocks behind most of them is none.
    """

    max_signatures: int
    resend: timedelta
    patience: timedelta
    witnesses: int
    max_lag: int


def decide(
    signed: Signed | None,
    sent_at: datetime | None,
    evidence: Evidence,
    now: datetime,
    rules: Rules,
) -> Decision:
    """The next step. `sent_at` is when the bytes were last sent by this process, if ever."""
    due = sent_at is None or now - sent_at >= rules.resend
    pending = Rebroadcast() if due else Wait()
    if isinstance(evidence, Hearing):
        return _after_hearing(signed, evidence, pending, now, rules)
    return Look(everywhere=False) if signed is None else _after_glance(signed, evidence, pending)


def _after_glance(signed: Signed, seen: Glance, pending: Pending) -> Decision:
    status = seen.status
    if status is None or status.commitment is Commitment.PROCESSED:
        return Look(everywhere=True) if _is_expired(signed, seen) else pending
    if status.error is None:
        return Look(everywhere=False)
    final = status.commitment is Commitment.FINALIZED
    return Look(everywhere=True) if final else Wait()


def _after_hearing(
    signed: Signed | None, hearing: Hearing, pending: Pending, now: datetime, rules: Rules
) -> Decision:
    found = {statement.found for statement in hearing.statements}
    landed = [slot for each in hearing.statements if (slot := _landed(each.status)) is not None]
    if Found.WHOLE in found:
        return Confirm(slot=min(landed, default=None))
    if signed is None:
        return _first_signature(hearing, found, rules)
    if landed:
        return _landed_but_not_whole(signed, hearing, max(landed), now, rules)
    if hearing.everywhere and _is_spent(signed, hearing, rules):
        return _next_signature(signed, found, rules)
    return pending if hearing.everywhere else Wait()


def _first_signature(hearing: Hearing, found: set[Found], rules: Rules) -> Sign | Look | Wait:
    """A part may be the whole, seen by a reader that lags: nothing is added on one's word."""
    if Found.PART not in found:
        return Sign(attempt=1)
    if not hearing.everywhere:
        return Look(everywhere=True)
    return Sign(attempt=1) if _are_enough(_witnesses(hearing, rules), rules) else Wait()


def _landed_but_not_whole(
    signed: Signed, hearing: Hearing, landed: int, now: datetime, rules: Rules
) -> Decision:
    """It landed. Either it was not all there was to do, or the readers lag behind."""
    witnesses = _witnesses(hearing, rules)
    if all(_finally_incomplete(witness, landed) for witness in witnesses):
        if not hearing.everywhere:
            return Look(everywhere=True)
        if _are_enough(witnesses, rules):
            return Sign(attempt=1)
    if now - signed.signed_at <= rules.patience:
        return Wait()
    return Park(
        outcome=ChainOutcome.UNKNOWN,
        detail=f"transaction {signed.signature} has landed, but what it was to do is not seen at"
        f" {_names(hearing)}: look at both through another endpoint",
    )


def _next_signature(signed: Signed, found: Set[Found], rules: Rules) -> Sign | Park:
    """The signature is spent: it can never land any more."""
    attempts = signed.attempt if signed.taken else signed.attempt - 1
    if attempts < rules.max_signatures:
        return Sign(attempt=attempts + 1)
    if found == {Found.ABSENT}:
        return Park(
            outcome=ChainOutcome.ABSENT,
            detail=f"{attempts} transactions failed or expired and the NFT is not on chain,"
            " finally: see why, then let the mint go on",
        )
    return Park(
        outcome=ChainOutcome.UNKNOWN,
        detail=f"{attempts} transactions failed or expired and not all that they were for is on"
        " chain: see why, then let the mint go on",
    )


def _landed(status: Status | None) -> int | None:
    """The slot in which it succeeded, once confirmed."""
    if status is None or status.error is not None or status.commitment < Commitment.CONFIRMED:
        return None
    return status.slot


def _finally_incomplete(statement: Statement, landed: int) -> bool:
    """Part of the NFT is seen, finally, by a reader that has got to the slot where it landed."""
    status = statement.status
    return (
        statement.found is Found.PART
        and statement.read_slot >= landed
        and status is not None
        and status.commitment is Commitment.FINALIZED
        and status.error is None
    )


def _is_spent(signed: Signed, hearing: Hearing, rules: Rules) -> bool:
    """Whether all witnesses say, and enough of them, that it can not land any more."""
    witnesses = _witnesses(hearing, rules)
    return _are_enough(witnesses, rules) and all(_spent(signed, each) for each in witnesses)


def _witnesses(hearing: Hearing, rules: Rules) -> list[Statement]:
    """The statements without those of endpoints that lag."""
    least = _majority_height(hearing.statements) - rules.max_lag
    return [each for each in hearing.statements if each.finalized_height >= least]


def _majority_height(statements: Sequence[Statement]) -> int:
    """What more than half of them have reached: no single wrong height moves it beyond the truth
    where two or more are heard."""
    heights = sorted(statement.finalized_height for statement in statements)
    return heights[(len(heights) - 1) // 2]


def _are_enough(witnesses: Sequence[Statement], rules: Rules) -> bool:
    return len(witnesses) >= rules.witnesses


def _spent(signed: Signed, statement: Statement) -> bool:
    status = statement.status
    if status is None:
        is_over = _is_expired(signed, statement) and _is_blockhash_gone(signed, statement)
        return is_over and _is_read_in_time(statement)
    return status.error is not None and status.commitment is Commitment.FINALIZED


def _is_expired(signed: Signed, seen: Glance | Statement) -> bool:
    """No block that is still to come can hold it, if what was told of its blockhash is right; what
    is further ahead than any blockhash is good for can not be, and says nothing."""
    ahead = signed.last_valid_block_height - seen.finalized_height
    return ahead < 0 or ahead > MOST_BLOCKS_AHEAD


def _is_blockhash_gone(signed: Signed, statement: Statement) -> bool:
    """It was good once, and no longer is: a reader that lags does not know it yet."""
    return statement.blockhash_gone and statement.finalized_slot >= signed.blockhash_slot


def _is_read_in_time(statement: Statement) -> bool:
    """What was not seen was looked for where the height was told, not further back."""
    return statement.read_slot >= statement.finalized_slot


def _names(hearing: Hearing) -> str:
    return ", ".join(statement.endpoint for statement in hearing.statements)
