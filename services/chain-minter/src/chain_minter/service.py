"""The shell: a prepared mint, or an update of its URI, in; the chain's answer out."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from chain_minter.confirmation import Confirm, Park
from chain_minter.departure import SERVICE, departing
from chain_minter.flight import Flight, Tools
from chain_minter.goals import WholeNft
from chain_minter.inflight import Inflight
from chain_minter.updating import Updater
from mint_chain.addresses import token_account_address
from mint_chain.nft import Nft
from mint_events.bus import Output, Publish, Tombstone
from mint_events.catalogue import (
    ChainOutcome,
    MintConfirmed,
    MintParked,
    MintPrepared,
    UriUpdateRequested,
)
from mint_events.envelope import Envelope, Received, caused_by
from mint_events.topics import INFLIGHT
from mint_resilience.failpoints import Boundary, reach
from mint_resilience.failures import Conflict, Permanent

log = structlog.stdlib.get_logger(__name__)


class Minter:
    """Mints what is prepared; the same mint again meets its own NFT on chain."""

    def __init__(self, tools: Tools, inflight: Inflight) -> None:
        self._tools = tools
        self._inflight = inflight
        self._updater = Updater(tools, inflight)

    async def handle(self, received: Received) -> Sequence[Output]:
        """Bring a prepared mint, or an update, to its end; other events are none of ours.

        Raises classified failures of the endpoints and of Kafka: handled again, it goes on.
        """
        match received.envelope.event:
            case MintPrepared() as prepared:
                return await self._minted_or_parked(received, prepared)
            case UriUpdateRequested() as asked:
                return await self._updater.update(received, asked)
            case _:
                return ()

    async def _minted_or_parked(
        self, received: Received, prepared: MintPrepared
    ) -> Sequence[Output]:
        try:
            return await self._mint(received, prepared)
        except (Permanent, Conflict) as failure:
            park = Park(outcome=ChainOutcome.UNKNOWN, detail=str(failure), failure=failure.kind)
            return await self._parked(received.envelope, prepared, park)

    async def _mint(self, received: Received, prepared: MintPrepared) -> Sequence[Output]:
        cause = received.envelope
        reach(Boundary.MINT_RECEIVED)
        nft = await self._tools.signer.nft(prepared)
        flight = await departing(WholeNft(nft), self._tools, self._inflight, received)
        match await flight.run():
            case Confirm(slot=slot):
                return await self._confirmed(cause, prepared, nft, flight, slot)
            case Park() as park:
                return await self._parked(cause, prepared, park)

    async def _confirmed(
        self,
        cause: Envelope,
        prepared: MintPrepared,
        nft: Nft,
        flight: Flight,
        slot: int | None,
    ) -> Sequence[Output]:
        """The NFT is there; its in-flight record goes, nothing of it can land any more."""
        if flight.submission is None or slot is None:
            landed = await self._tools.chain.landed(nft.mint, nft.authority)
            signature, slot = str(landed.signature), landed.slot
        else:
            signature = flight.submission.event.signature
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
        log.info("confirmed", signature=signature, slot=slot, mint_address=event.mint_address)
        if not flight.is_on_record:
            return (self._publish(cause, event),)
        self._inflight.forget(prepared.mint_id)
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
            failure=park.failure,
        )
        log.warning("parked", outcome=park.outcome.value, failure=park.failure, detail=park.detail)
        return (self._publish(cause, event),)

    def _publish(self, cause: Envelope, event: MintConfirmed | MintParked) -> Publish:
        now = self._tools.clock.now()
        return Publish(caused_by(cause, event, source=SERVICE, time=now))
