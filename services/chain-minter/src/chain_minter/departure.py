"""How a flight begins: from what is on record of its mint, and recording what it signs."""

from __future__ import annotations

from functools import partial

from chain_minter.flight import Flight, Tools
from chain_minter.goals import Goal
from chain_minter.inflight import Inflight
from chain_minter.submission import Submission
from mint_events.catalogue import MintSubmitted
from mint_events.envelope import Received, caused_by

SERVICE = "chain-minter"


async def departing(goal: Goal, tools: Tools, inflight: Inflight, received: Received) -> Flight:
    """A flight for what the record asks for.

    What is in flight was signed for the same, or for something else that the mint was asked for
    before: then it has to be over first.
    """
    record = partial(_record, tools, inflight, received)
    newest = await inflight.newest(goal.mint_id)
    if newest is None or newest.is_for(goal.uri, received.envelope):
        return Flight(goal, tools, record, newest)
    return Flight(goal, tools, record, None, older=newest)


async def _record(
    tools: Tools, inflight: Inflight, received: Received, event: MintSubmitted
) -> Submission:
    """The signature tells one submission of a mint from another."""
    cause, now = received.envelope, tools.clock.now()
    envelope = caused_by(cause, event, source=SERVICE, time=now, ordinal=event.signature)
    return await inflight.record(envelope, event, received.partition)
