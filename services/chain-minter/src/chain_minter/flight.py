"""One mint's way to the chain: what the core decides is done here, step by step.

Every step can be the last of this process: what was signed is recorded before it is sent, and
begun anew, a flight goes on from that record.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from chain_minter.chain import Chain, Report, Sent
from chain_minter.confirmation import (
    Confirm,
    Evidence,
    Found,
    Hearing,
    Look,
    Park,
    Rebroadcast,
    Rules,
    Sign,
    Statement,
    Wait,
    decide,
)
from chain_minter.rpc import Refused
from chain_minter.submission import Submission
from mint_chain.instructions import missing_steps
from mint_chain.nft import ABSENT, Nft, OnChain
from mint_events.catalogue import MintPrepared, MintSubmitted
from mint_resilience.budget import current_budget
from mint_resilience.failpoints import Boundary, reach

log = structlog.stdlib.get_logger(__name__)


class Clock(Protocol):
    """The time, and the common beat at which all flights look at the chain together."""

    def now(self) -> datetime:
        """The time in UTC."""
        ...

    async def beat(self) -> None:
        """Wait for the next beat."""
        ...


class Signing(Protocol):
    """Knows the NFT of a prepared mint, and signs for what is missing of it."""

    async def nft(self, prepared: MintPrepared) -> Nft:
        """The NFT that is to be made. Raises `Permanent` when it cannot be made with our key."""
        ...

    async def sign(
        self, nft: Nft, there: OnChain, *, attempt: int, last: Submission | None
    ) -> MintSubmitted:
        """Sign a transaction for what is missing, on a fresh blockhash, to follow the last one.
        Nothing is sent."""
        ...


Record = Callable[[MintSubmitted], Awaitable[Submission]]
"""Makes a submission durable; it must not be sent before."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What all flights share."""

    chain: Chain
    signer: Signing
    clock: Clock
    rules: Rules


class Flight:
    """Brings one NFT on chain; `submission` is what an earlier process has recorded of it."""

    def __init__(
        self, nft: Nft, tools: Tools, record: Record, submission: Submission | None
    ) -> None:
        self.submission = submission
        self._nft = nft
        self._tools = tools
        self._record = record
        self._there: OnChain = ABSENT
        self._sent_at: datetime | None = None
        self._sendings = 0
        self._refusal = ""

    async def run(self) -> Confirm | Park:
        """Go on until the NFT is whole, or a person has to look.

        Raises classified failures of the endpoints; begun anew, it goes on from where it was.
        """
        evidence = await self._first_look()
        while True:
            signed = self.submission.signed if self.submission else None
            now = self._tools.clock.now()
            match decide(signed, self._sent_at, evidence, now, self._tools.rules):
                case Confirm() as confirm:
                    return confirm
                case Park() as park:
                    return Park(outcome=park.outcome, detail=park.detail + self._refusal)
                case Sign(attempt=attempt):
                    await self._sign(attempt)
                    evidence = await self._send()
                case Rebroadcast():
                    evidence = await self._send()
                case Look(everywhere=False):
                    evidence = await self._look()
                case Look():
                    evidence = await self._look_everywhere()
                case Wait():
                    _require_time()
                    await self._tools.clock.beat()
                    evidence = await self._first_look()

    async def _sign(self, attempt: int) -> None:
        """Sign for what is missing and record it; only then it may be sent."""
        event = await self._tools.signer.sign(
            self._nft, self._there, attempt=attempt, last=self.submission
        )
        reach(Boundary.MINT_SIGNED)
        self.submission = await self._record(event)
        reach(Boundary.MINT_ANNOUNCED)
        self._sent_at = None
        log.info("submitted", signature=event.signature, attempt=attempt)

    async def _send(self) -> Evidence:
        """Send the recorded bytes, to another endpoint each time; a refusal means: look (CH-4)."""
        submission = self._submitted
        self._sent_at = self._tools.clock.now()
        self._sendings += 1
        try:
            await self._tools.chain.send(
                submission.event.transaction, skip=self._sendings - 1, taken=submission.take
            )
        except Refused as refusal:
            self._refusal = f" (last refusal: {refusal})"
            log.info("refused", signature=submission.event.signature, reason=str(refusal))
            return await self._look()
        reach(Boundary.MINT_SENT)
        await self._tools.clock.beat()
        return await self._glance()

    async def _first_look(self) -> Evidence:
        return await (self._glance() if self.submission else self._look())

    async def _glance(self) -> Evidence:
        return await self._tools.chain.glance(self._submitted.sent.signature)

    async def _look(self) -> Hearing:
        report = await self._tools.chain.look(self._nft.mint, self._sent)
        return self._heard([report], everywhere=False)

    async def _look_everywhere(self) -> Hearing:
        reports = await self._tools.chain.look_everywhere(self._nft.mint, self._sent)
        return self._heard(reports, everywhere=True)

    def _heard(self, reports: Sequence[Report], *, everywhere: bool) -> Hearing:
        self._there = max((report.there for report in reports), key=_progress)
        statements = (
            Statement(
                endpoint=report.endpoint,
                status=report.status,
                finalized_height=report.finalized_height,
                finalized_slot=report.finalized_slot,
                read_slot=report.read_slot,
                blockhash_gone=report.blockhash_gone,
                found=self._found(report.there),
            )
            for report in reports
        )
        return Hearing(statements=tuple(statements), everywhere=everywhere)

    def _found(self, there: OnChain) -> Found:
        if there.mint is None:
            return Found.ABSENT
        return Found.PART if missing_steps(self._nft, there, rent=0) else Found.WHOLE

    @property
    def _sent(self) -> Sent | None:
        return self.submission.sent if self.submission else None

    @property
    def _submitted(self) -> Submission:
        if self.submission is None:
            raise RuntimeError("nothing was signed yet")
        return self.submission


def _require_time() -> None:
    """Whoever waits in vain for too long goes on where waiting is durable (NR-4)."""
    budget = current_budget()
    if budget is not None:
        budget.require_time()


def _progress(there: OnChain) -> tuple[bool, bool, bool, int]:
    """How far an NFT has come, and else who has seen the most lamports."""
    made = (there.mint is not None, there.metadata is not None, there.edition is not None)
    return (*made, there.lamports)
