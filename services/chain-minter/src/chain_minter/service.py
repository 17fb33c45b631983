"""The shell: a prepared mint in, the chain's answer out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import structlog

from chain_minter.confirmation import Confirm, Park
from chain_minter.flight import Flight, Tools
from chain_minter.inflight import Inflight
from chain_minter.submission import Submission
from mint_chain.addresses import token_account_address
from mint_chain.nft import Nft
from mint_events.bus import Output, Publish, Tombstone
from mint_events.catalogue import (
    ChainOutcome,
    MintConfirmed,
    MintParked,
    MintPrepared,
    MintSubmitted,
)
from mint_events.envelope import Envelope, Received, caused_by
from mint_events.topics import INFLIGHT
from mint_resilience.failpoints import Boundary, reach
from mint_resilience.failures import Conflict, Permanent

SERVICE = "chain-minter"

log = structlog.stdlib.get_logger(__name__)


class Minter:
    """Mints what is prepared; the same mint again meets its own NFT on chain."""

    def __init__(self, tools: Tools, inflight: Inflight) -> None:
        self._tools = tools
        self._inflight = inflight

    async def handle(self, received: Received) -> Sequence[Output]:
        """Bring a prepared mint to its end; other events are none of ours.

        Raises classified failures of the endpoints and of Kafka: handled again, it goes on.
        """
        prepared = received.envelope.event
        if not isinstance(prepared, MintPrepared):
            return ()
        try:
            return await self._mint(received, prepared)
        except (Permanent, Conflict) as failure:
            park = Park(outcome=ChainOutcome.UNKNOWN, detail=str(failure))
            return await self._parked(received.envelope, prepared, park)

    async def _mint(self, received: Received, prepared: MintPrepared) -> Sequence[Output]:
        cause = received.envelope
        reach(Boundary.MINT_RECEIVED)
        nft = await self._tools.signer.nft(prepared)
        record = partial(self._record, cause, received.partition)
        flight = Flight(nft, self._tools, record, await self._inflight.newest(prepared.mint_id))
        match await flight.run():
            case Confirm(slot=slot):
                return await self._confirmed(cause, prepared, nft, flight.submission, slot)
            case Park() as park:
                return await self._parked(cause, prepared, park)

    async def _record(self, cause: Envelope, partition: int, event: MintSubmitted) -> Submission:
        """The signature tells one submission of a mint from another."""
        now = self._tools.clock.now()
        envelope = caused_by(cause, event, source=SERVICE, time=now, ordinal=event.signature)
        return await self._inflight.record(envelope, event, partition)

    async def _confirmed(
        self,
        cause: Envelope,
        prepared: MintPrepared,
        nft: Nft,
        submission: Submission | None,
        slot: int | None,
    ) -> Sequence[Output]:
        """The NFT is there; the in-flight record goes, nothing of it can land any more."""
        if submission is None or slot is None:
            landed = await self._tools.chain.landed(nft.mint, nft.authority)
            signature, slot = str(landed.signature), landed.slot
        else:
            signature = submission.event.signature
        event = MintConfirmed(
            mint_id=prepared.mint_id,
            mint_address=str(nft.mint),
            metadata_address=str(nft.metadata),
            token_account=str(token_account_address(nft.wallet, nft.mint)),
            signature=signature,
            slot=slot,
            prepared=prepared,
        )
        reach(Boundary.MINT_CONFIRMED)
        self._inflight.forget(prepared.mint_id)
        log.info("confirmed", signature=signature, slot=slot, mint_address=event.mint_address)
        return self._publish(cause, event), Tombstone(INFLIGHT, prepared.mint_id)

    async def _parked(
        self, cause: Envelope, prepared: MintPrepared, park: Park
    ) -> Sequence[Output]:
        """The in-flight record stays: parked is not final, its count of signatures must not go."""
        submission = await self._inflight.newest(prepared.mint_id)
        event = MintParked(
            mint_id=prepared.mint_id,
            mint_address=prepared.mint_address,
            outcome=park.outcome,
            signatures=submission.signatures if submission else (),
            detail=park.detail,
        )
        log.warning("parked", outcome=park.outcome.value, detail=park.detail)
        return (self._publish(cause, event),)

    def _publish(self, cause: Envelope, event: MintConfirmed | MintParked) -> Publish:
        now = self._tools.clock.now()
        return Publish(caused_by(cause, event, source=SERVICE, time=now))
