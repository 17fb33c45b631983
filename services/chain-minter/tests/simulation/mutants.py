"""The product without one of its guards, each with the invariant that then fails.

A mutant is the product with one function or one port put in the place of another; the product
knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from solders.signature import Signature

from chain_minter import confirmation, flight
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
from chain_minter.inflight import Inflight
from chain_minter.rpc import Refused
from chain_minter.service import Minter
from mint_chain.nft import ABSENT, Nft
from mint_events.bus import Output, Tombstone
from mint_events.catalogue import ChainOutcome, MintPrepared
from mint_events.envelope import Envelope
from mint_events.topics import INFLIGHT

from .nodes import Heard, Node
from .ports import Chain, Signer
from .world import Product

Decide = Callable[[Signed | None, datetime | None, Evidence, datetime, Rules], Decision]
MAY_LAND = "may still land"
WHOLE = "for an NFT that is whole"
PRODUCT = Product()


@dataclass(frozen=True, slots=True)
class Mutant:
    """`guard` is what it lacks, `breaks` part of what the simulation then says."""

    guard: str
    breaks: str
    make: Callable[[pytest.MonkeyPatch], Product]


def without_function(module: object, name: str, instead: object) -> Callable[..., Product]:
    def make(patch: pytest.MonkeyPatch) -> Product:
        patch.setattr(module, name, instead)
        return PRODUCT

    return make


def deciding(instead: Decide) -> Callable[..., Product]:
    return without_function(flight, "decide", instead)


def with_product(product: Product) -> Callable[..., Product]:
    return lambda _: product


# Identity and record.


class AddressOfAttempt(Signer):
    """A new key for the mint account with every signature."""

    def address(self, nft: Nft, attempt: int) -> str:
        return f"{nft.mint} {len(self._world.ledger.transactions)}"


async def remember_only(self: Inflight, envelope: Envelope, partition: int) -> None:
    self._newest[envelope.mint_id] = envelope


async def load_nothing(self: Inflight, topic: str, partition: int) -> None:
    self._partitions[partition] = set()


async def give_up_unacknowledged(self: Inflight, envelope: Envelope, partition: int) -> None:
    """A submission that Kafka has not acknowledged is forgotten, and made anew."""
    await self._publisher.publish(envelope, topic=INFLIGHT)
    self._newest[envelope.mint_id] = envelope


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


def everybody(hearing: Hearing, rules: Rules) -> list[Statement]:
    return list(hearing.statements)


def highest(statements: Sequence[Statement]) -> int:
    return max(statement.finalized_height for statement in statements)


# What is there.


def blind_to_accounts(
    signed: Signed | None, sent: datetime | None, seen: Evidence, now: datetime, rules: Rules
) -> Decision:
    """Before a further signature it is not asked whether the NFT is there."""
    if isinstance(seen, Hearing) and seen.everywhere:
        statements = tuple(replace(each, found=Found.ABSENT) for each in seen.statements)
        seen = replace(seen, statements=statements)
    return decide(signed, sent, seen, now, rules)


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
        self._sent_at = self._tools.clock.now()
        self._sendings += 1
        try:
            await self._tools.chain.send(self._submitted.transaction, skip=self._sendings - 1)
        except Refused as error:
            if refusal in str(error) and self._submitted.attempt < 3:
                await self._sign(self._submitted.attempt + 1)
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


MUTANTS = (
    Mutant(
        "the address follows from the mint_id",
        "two tokens",
        with_product(Product(signer=AddressOfAttempt)),
    ),
    Mutant(
        "recorded before it is sent",
        "sent before",
        without_function(Inflight, "record", remember_only),
    ),
    Mutant(
        "a restarted process goes on with what is recorded",
        MAY_LAND,
        without_function(Inflight, "load", load_nothing),
    ),
    Mutant(
        "what Kafka did not acknowledge is recorded again, not signed again",
        MAY_LAND,
        without_function(Inflight, "record", give_up_unacknowledged),
    ),
    Mutant(
        "parked is not forgotten",
        "more than 3",
        without_function(Minter, "_parked", parked_and_forgotten),
    ),
    Mutant("the same bytes are sent again", MAY_LAND, deciding(new_bytes_each_time)),
    Mutant(
        "expiry goes by finalized heights, not processed ones",
        MAY_LAND,
        with_product(Product(chain=ProcessedHeights)),
    ),
    Mutant(
        "expiry goes by heights, not slots", MAY_LAND, with_product(Product(chain=SlotsForHeights))
    ),
    Mutant("expiry does not go by the wall clock", MAY_LAND, deciding(by_wall_clock)),
    Mutant("the history is searched", "that failed", with_product(Product(chain=NoHistory))),
    Mutant(
        "every endpoint has to agree",
        MAY_LAND,
        without_function(confirmation, "_is_spent", any_is_spent),
    ),
    Mutant(
        "no endpoint of several decides alone",
        "new signature",
        without_function(confirmation, "_are_enough", lambda _, __: True),
    ),
    Mutant(
        "who lags does not hold the others up",
        "no end",
        without_function(confirmation, "_witnesses", everybody),
    ),
    Mutant(
        "who lags is told by the majority, not by the highest",
        "no end",
        without_function(confirmation, "_majority_height", highest),
    ),
    Mutant(
        "what is not seen was looked for late enough",
        "that failed",
        without_function(confirmation, "_is_read_in_time", lambda _: True),
    ),
    Mutant(
        "a failure counts when it is finalized",
        MAY_LAND,
        deciding(errors_at_once),
    ),
    Mutant("the account is asked for before signing again", WHOLE, deciding(blind_to_accounts)),
    Mutant(
        "the account is asked for before signing first",
        WHOLE,
        without_function(Flight, "_look", first_without_looking),
    ),
    Mutant("a part is completed when everybody sees no more", WHOLE, deciding(complete_at_once)),
    Mutant(
        "a part is completed when it is final and read late enough",
        WHOLE,
        without_function(confirmation, "_finally_incomplete", incomplete_to_any_reader),
    ),
    Mutant(
        "AlreadyProcessed means look",
        "new signature",
        without_function(Flight, "_send", failing_on("already been processed")),
    ),
    Mutant(
        "in use means look",
        MAY_LAND,
        without_function(Flight, "_send", failing_on("already in use")),
    ),
    Mutant("absent is said when nothing can land any more", MAY_LAND, deciding(absent_when_unseen)),
    Mutant(
        "what is not decided is unknown, not absent",
        "said to be absent",
        deciding(undecided_is_absent),
    ),
    Mutant("three signatures and no more", "more than 3", with_product(Product(max_signatures=9))),
)
