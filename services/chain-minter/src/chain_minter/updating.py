"""An update of the URI of an NFT: what was asked for in, the chain's answer out."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from chain_minter.confirmation import Confirm, Park
from chain_minter.departure import SERVICE, departing
from chain_minter.flight import Flight, Tools
from chain_minter.goals import NewUri
from chain_minter.inflight import Inflight
from mint_events.bus import Output, Publish, Tombstone
from mint_events.catalogue import (
    MetadataUriUpdated,
    UriUpdateFailed,
    UriUpdateOutcome,
    UriUpdateRequested,
)
from mint_events.envelope import Envelope, Received, caused_by
from mint_events.topics import INFLIGHT
from mint_resilience.failpoints import Boundary, reach
from mint_resilience.failures import Conflict, Permanent

log = structlog.stdlib.get_logger(__name__)


class Updater:
    """Sets URIs; the same update again meets its own URI on chain."""

    def __init__(self, tools: Tools, inflight: Inflight) -> None:
        self._tools = tools
        self._inflight = inflight

    async def update(self, received: Received, asked: UriUpdateRequested) -> Sequence[Output]:
        """Bring an update to its end.

        Raises classified failures of the endpoints and of Kafka: begun anew, it goes on.
        """
        try:
            return await self._update(received, asked)
        except (Permanent, Conflict) as failure:
            return await self._failed(received.envelope, asked, str(failure))

    async def _update(self, received: Received, asked: UriUpdateRequested) -> Sequence[Output]:
        cause = received.envelope
        reach(Boundary.MINT_RECEIVED)
        goal = self._tools.signer.update(asked)
        flight = await departing(goal, self._tools, self._inflight, received)
        match await flight.run():
            case Confirm(slot=slot):
                return await self._updated(cause, goal, flight, slot)
            case Park(detail=detail):
                return await self._failed(cause, asked, detail)

    async def _updated(
        self, cause: Envelope, goal: NewUri, flight: Flight, landed_at: int | None
    ) -> Sequence[Output]:
        """Made again by another transaction it is another event: that is what the chain says then,
        where an update is read again after a newer one, and the newer one after it."""
        signature, slot = await self._who_set_it(goal, flight, landed_at)
        event = MetadataUriUpdated(
            mint_id=goal.mint_id,
            mint_address=str(goal.mint),
            metadata_address=str(goal.metadata),
            uri=goal.uri,
            signature=signature,
            slot=slot,
        )
        reach(Boundary.MINT_CONFIRMED)
        log.info("uri updated", signature=signature, slot=slot, uri=goal.uri)
        publish = self._publish(cause, event, ordinal=signature or "0")
        if not flight.is_on_record or (flight.submission and landed_at is None):
            return (publish,)  # what is on record is not known to have landed
        self._inflight.forget(goal.mint_id)
        return publish, Tombstone(INFLIGHT, goal.mint_id)

    async def _who_set_it(
        self, goal: NewUri, flight: Flight, landed_at: int | None
    ) -> tuple[str | None, int]:
        """Signature and slot of the transaction; if no history tells it, where the URI was seen."""
        if flight.submission is not None and landed_at is not None:
            return flight.submission.event.signature, landed_at
        landed = await self._tools.chain.uri_set(goal.mint, goal.uri)
        if landed is None or landed.slot < goal.since_slot:  # it has named another one since
            return None, flight.read_slot
        return str(landed.signature), landed.slot

    async def _failed(
        self, cause: Envelope, asked: UriUpdateRequested, detail: str
    ) -> Sequence[Output]:
        """The in-flight record stays: what is in it may still land, and its count must not go."""
        newest = await self._inflight.newest(asked.mint_id)
        signed = newest if newest and newest.is_for(asked.uri, cause) else None
        event = UriUpdateFailed(
            mint_id=asked.mint_id,
            user_id=asked.prepared.user_id,
            mint_address=asked.prepared.mint_address,
            uri=asked.uri,
            outcome=UriUpdateOutcome.GIVEN_UP if signed else UriUpdateOutcome.REFUSED,
            signatures=signed.signatures if signed else (),
            detail=detail,
        )
        log.warning("uri not updated", outcome=event.outcome.value, detail=detail)
        return (self._publish(cause, event),)

    def _publish(
        self, cause: Envelope, event: MetadataUriUpdated | UriUpdateFailed, *, ordinal: str = "0"
    ) -> Publish:
        now = self._tools.clock.now()
        return Publish(caused_by(cause, event, source=SERVICE, time=now, ordinal=ordinal))
