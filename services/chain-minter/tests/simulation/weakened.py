"""What stands in the place of a guard: functions and ports that do without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta

from solders.signature import Signature

from chain_minter import confirmation
from chain_minter.chain import Report
from chain_minter.confirmation import (
    Commitment,
    Decision,
    Evidence,
    Found,
    Glance,
    Hearing,
    Park,
    Rebroadcast,
    Rules,
    Sign,
    Signed,
    Statement,
    Status,
    decide,
)
from chain_minter.flight import Flight
from chain_minter.goals import Goal
from chain_minter.inflight import Inflight
from chain_minter.rpc import Refused
from chain_minter.service import Minter
from chain_minter.submission import Submission
from mint_chain.nft import ABSENT
from mint_events.bus import Output, Tombstone
from mint_events.catalogue import ChainOutcome, MintPrepared, MintSubmitted
from mint_events.envelope import Envelope
from mint_events.topics import INFLIGHT

from .nodes import Heard, Node
from .ports import Chain, Signer

Decide = Callable[[Signed | None, datetime | None, Evidence, datetime, Rules], Decision]


# Identity and record.


class AddressOfAttempt(Signer):
    """A new key for the mint account with every signature."""

    def address(self, goal: Goal, attempt: int) -> str:
        return f"{goal.mint} {len(self._world.ledger.transactions)}"


async def remember_only(
    self: Inflight, envelope: Envelope, event: MintSubmitted, partition: int
) -> Submission:
    self._newest[envelope.mint_id] = Submission(envelope, event, taken=False)
    return self._newest[envelope.mint_id]


async def load_nothing(self: Inflight, topic: str, partition: int) -> None:
    self._partitions[partition] = set()


async def give_up_unacknowledged(
    self: Inflight, envelope: Envelope, event: MintSubmitted, partition: int
) -> Submission:
    """A submission that Kafka has not acknowledged is forgotten, and made anew."""
    await self._publisher.publish(envelope, topic=INFLIGHT)
    self._newest[envelope.mint_id] = Submission(envelope, event, taken=False)
    return self._newest[envelope.mint_id]


_parked = Minter._parked


async def parked_and_forgotten(
    self: Minter, cause: Envelope, prepared: MintPrepared, park: Park
) -> Sequence[Output]:
    outputs = await _parked(self, cause, prepared, park)
    self._inflight.forget(prepared.mint_id)
    return *outputs, Tombstone(INFLIGHT, prepared.mint_id)


# Expiry.


class ProcessedHeights(Chain):
    """The newest block height, of a block that may be on a fork."""

    def finalized(self, node: Node) -> Heard:
        return replace(node.finalized(), height=node.processed().height)


class SlotsForHeights(Chain):
    """Slots, of which there are more than blocks."""

    def finalized(self, node: Node) -> Heard:
        heard = node.finalized()
        return replace(heard, height=heard.slot)


class NoHistory(Chain):
    """Only what the node has in its cache."""

    def searched(self, node: Node, signature: Signature) -> tuple[int, Status | None]:
        return self.status(node, signature)


class HearsEverybody(Chain):
    """Nothing is decided while one endpoint does not answer."""

    def enough(self) -> int:
        return len(self._world.nodes)


def by_wall_clock(
    signed: Signed | None, sent: datetime | None, seen: Evidence, now: datetime, rules: Rules
) -> Decision:
    """A minute after it was signed it counts as expired."""
    if signed and now - signed.signed_at > timedelta(seconds=60):
        seen = with_heights(seen, signed.last_valid_block_height + 1)
    return decide(signed, sent, seen, now, rules)


def with_heights(seen: Evidence, height: int) -> Evidence:
    if isinstance(seen, Glance):
        return replace(seen, finalized_height=height)
    statements = tuple(replace(each, finalized_height=height) for each in seen.statements)
    return replace(seen, statements=statements)


def new_bytes_each_time(
    signed: Signed | None, sent: datetime | None, seen: Evidence, now: datetime, rules: Rules
) -> Decision:
    decision = decide(signed, sent, seen, now, rules)
    if isinstance(decision, Rebroadcast) and sent is not None and signed is not None:
        return Sign(attempt=signed.attempt)
    return decision


def any_is_spent(signed: Signed, hearing: Hearing, rules: Rules) -> bool:
    return any(confirmation._spent(signed, each) for each in hearing.statements)


def errors_at_once(
    signed: Signed | None, sent: datetime | None, seen: Evidence, now: datetime, rules: Rules
) -> Decision:
    """A failure in any block counts, also in one that may be on a fork."""
    if isinstance(seen, Glance):
        seen = replace(seen, status=settled(seen.status))
    else:
        statements = (replace(each, status=settled(each.status)) for each in seen.statements)
        seen = replace(seen, statements=tuple(statements))
    return decide(signed, sent, seen, now, rules)


def settled(status: Status | None) -> Status | None:
    if status is None or status.error is None:
        return status
    return replace(status, commitment=Commitment.FINALIZED)


def unknown_is_gone(signed: Signed, statement: Statement) -> bool:
    """A blockhash that is not good is gone, also where its block is not known yet."""
    return statement.blockhash_gone


def everybody(hearing: Hearing, rules: Rules) -> list[Statement]:
    return list(hearing.statements)


def highest(statements: Sequence[Statement]) -> int:
    return max(statement.finalized_height for statement in statements)


_next_signature = confirmation._next_signature


def counted_in_any_case(signed: Signed, found: Set[Found], rules: Rules) -> Sign | Park:
    """A signature is an attempt also when nobody has taken it."""
    return _next_signature(replace(signed, taken=True), found, rules)


class AlwaysTheFirst(Chain):
    """The bytes go to the first endpoint that takes them, each time."""

    async def send(self, raw: bytes, *, skip: int, taken: Callable[[], None]) -> None:
        await super().send(raw, skip=0, taken=taken)


# What is there.


def blind_to_accounts(
    signed: Signed | None, sent: datetime | None, seen: Evidence, now: datetime, rules: Rules
) -> Decision:
    """Before a further signature it is not asked whether the NFT is there."""
    if isinstance(seen, Hearing) and seen.everywhere:
        statements = tuple(replace(each, found=Found.ABSENT) for each in seen.statements)
        seen = replace(seen, statements=statements)
    return decide(signed, sent, seen, now, rules)


def landed_when_processed(status: Status | None) -> int | None:
    """In a block that may be on a fork."""
    return None if status is None or status.error is not None else status.slot


def signed_on_one_word(hearing: Hearing, found: Set[Found], rules: Rules) -> Sign:
    return Sign(attempt=1)


_heard = Flight._heard


def missing_to_the_first(self: Flight, reports: Sequence[Report], *, everywhere: bool) -> Hearing:
    hearing = _heard(self, reports, everywhere=everywhere)
    self._there = reports[0].there
    return hearing


_look = Flight._look


async def first_without_looking(self: Flight) -> Hearing:
    hearing = await _look(self)
    if self.submission is None:
        self._there = ABSENT
        statements = tuple(replace(each, found=Found.ABSENT) for each in hearing.statements)
        return replace(hearing, statements=statements)
    return hearing


def complete_at_once(
    signed: Signed | None, sent: datetime | None, seen: Evidence, now: datetime, rules: Rules
) -> Decision:
    """Metadata that one reader does not show are made again."""
    if isinstance(seen, Hearing) and signed is not None:
        found = [(each.found, each.status and each.status.error) for each in seen.statements]
        if found == [(Found.PART, None)] and seen.statements[0].status is not None:
            return Sign(attempt=1)
    return decide(signed, sent, seen, now, rules)


def incomplete_to_any_reader(statement: Statement, landed: int) -> bool:
    return statement.found is Found.PART


def failing_on(refusal: str) -> Callable[[Flight], object]:
    """A refusal counts as a failed transaction, which another one has to follow."""

    async def send(self: Flight) -> Evidence:
        submission = self._submitted
        self._sent_at = self._tools.clock.now()
        self._sendings += 1
        try:
            await self._tools.chain.send(
                submission.event.transaction, skip=self._sendings - 1, taken=submission.take
            )
        except Refused as error:
            if refusal in str(error) and submission.event.attempt < 3:
                await self._sign(submission.event.attempt + 1)
            return await self._look()
        await self._tools.clock.beat()
        return await self._glance()

    return send


# Giving up.


def absent_when_unseen(
    signed: Signed | None, sent: datetime | None, seen: Evidence, now: datetime, rules: Rules
) -> Decision:
    """The third signature that is not seen is the end, whether or not it may land."""
    decision = decide(signed, sent, seen, now, rules)
    last = signed is not None and signed.attempt == rules.max_signatures
    if last and sent is not None and isinstance(decision, Rebroadcast):
        return Park(outcome=ChainOutcome.ABSENT, detail="not seen")
    return decision


def undecided_is_absent(
    signed: Signed | None, sent: datetime | None, seen: Evidence, now: datetime, rules: Rules
) -> Decision:
    decision = decide(signed, sent, seen, now, rules)
    if isinstance(decision, Park):
        return replace(decision, outcome=ChainOutcome.ABSENT)
    return decision
