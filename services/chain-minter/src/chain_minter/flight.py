"""One mint's way to the chain: what the core decides is done here, step by step.

Every step can be the last of this process: what was signed is recorded before it is sent, and
begun anew, a flight goes on from that record.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
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
    Signed,
    Statement,
    Wait,
    decide,
)
from chain_minter.goals import Goal, NewUri
from chain_minter.reading import found_by_each, recent, settled_slot
from chain_minter.rpc import Refused
from chain_minter.submission import Submission
from mint_chain.nft import ABSENT, Nft, OnChain
from mint_events.catalogue import MintPrepared, MintSubmitted, UriUpdateRequested
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
    """Knows what is asked for, and signs for what is missing of it."""

    async def nft(self, prepared: MintPrepared) -> Nft:
        """The NFT that is to be made. Raises `Permanent` when it cannot be made with our key."""
        ...

    def update(self, asked: UriUpdateRequested) -> NewUri:
        """What is to be on chain. Raises `Permanent` when it cannot be done with our key."""
        ...

    async def sign(
        self, goal: Goal, there: OnChain, *, attempt: int, last: Submission | None
    ) -> MintSubmitted:
        """Sign a transaction for what is missing, on a fresh blockhash, to follow the last one.

        Nothing is sent. Raises `Permanent` when the goal can not be reached from what is there.
        """
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
    """Brings one goal about; `submission` is what an earlier process has recorded of it.

    `older` is what the mint's record holds in its place: a transaction for something else, which
    may still land. It is brought to its end before anything is believed or signed; until then no
    reading tells whether the goal is reached, for it may be undone. `read_slot` is where the newest
    of those had read who were heard last.
    """

    def __init__(
        self,
        goal: Goal,
        tools: Tools,
        record: Record,
        submission: Submission | None,
        *,
        older: Submission | None = None,
    ) -> None:
        self.submission = submission
        self.read_slot = 0
        self._older = older
        self._since = goal.since_slot
        self._settled = 0
        self._last = submission or older
        self._goal = goal
        self._tools = tools
        self._record = record
        self._began = tools.clock.now()
        self._there: OnChain = ABSENT
        self._sent_at: datetime | None = None
        self._sendings = 0
        self._refusal = ""

    async def run(self) -> Confirm | Park:
        """Go on until the goal is reached, or a person has to look.

        Raises classified failures of the endpoints, and `Permanent` when the goal can not be
        reached; begun anew, it goes on from where it was.
        """
        evidence = await self._first_look()
        while True:
            now = self._tools.clock.now()
            match decide(self._signed, self._sent_at, evidence, now, self._tools.rules):
                case Confirm() as confirm:
                    return confirm
                case Park() as park:
                    return replace(park, detail=park.detail + self._refusal)
                case Sign() if self._older:
                    evidence = await self._begin_after(self._older)
                case Sign(attempt=attempt):
                    await self._sign(attempt)
                    evidence = await self._send()
                case Rebroadcast():
                    _require_time()
                    evidence = await self._send()
                case Look(everywhere=False):
                    evidence = await self._look()
                case Look():
                    evidence = await self._look_everywhere()
                case Wait():
                    _require_time()
                    await self._tools.clock.beat()
                    evidence = await self._first_look()

    @property
    def is_on_record(self) -> bool:
        """Whether what the mint's record holds, if anything, was signed for this goal."""
        return self._last is self.submission

    async def _begin_after(self, older: Submission) -> Hearing:
        """The older transaction has landed, or never will: what is read from there on counts."""
        log.info("older one is over", signature=older.event.signature)
        self._older = None
        self._since = max(self._since, self._settled)
        self._refusal = ""
        return await self._look()

    async def _sign(self, attempt: int) -> None:
        """Sign for what is missing and record it; only then it may be sent."""
        event = await self._tools.signer.sign(
            self._goal, self._there, attempt=attempt, last=self._last
        )
        reach(Boundary.MINT_SIGNED)
        self._last = self.submission = await self._record(event)
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
        return await (self._glance() if self._pending else self._look())

    async def _glance(self) -> Evidence:
        return await self._tools.chain.glance(self._submitted.sent.signature)

    async def _look(self) -> Hearing:
        report = await self._tools.chain.look(self._goal.mint, self._sent)
        return self._heard([report], everywhere=False)

    async def _look_everywhere(self) -> Hearing:
        reports = await self._tools.chain.look_everywhere(self._goal.mint, self._sent)
        return self._heard(reports, everywhere=True)

    def _heard(self, reports: Sequence[Report], *, everywhere: bool) -> Hearing:
        heard = recent(reports, self._goal.mint, self._since)
        self._there = max(heard, key=_progress).there
        self.read_slot = max(report.read_slot for report in heard)
        self._settled = settled_slot(heard)
        statements = (
            Statement(
                endpoint=report.endpoint,
                status=report.status,
                finalized_height=report.finalized_height,
                finalized_slot=report.finalized_slot,
                read_slot=report.read_slot,
                blockhash_gone=report.blockhash_gone,
                found=found,
            )
            for report, found in zip(heard, self._found(heard, everywhere), strict=True)
        )
        return Hearing(statements=tuple(statements), everywhere=everywhere)

    def _found(self, heard: Sequence[Report], everywhere: bool) -> list[Found]:
        if self._older:
            return [Found.PART] * len(heard)
        return found_by_each(self._goal, heard, self.submission, everywhere=everywhere)

    @property
    def _signed(self) -> Signed | None:
        if self._older:
            return self._older.signed_for_another(self._began)
        return self.submission.signed if self.submission else None

    @property
    def _sent(self) -> Sent | None:
        return self._pending.sent if self._pending else None

    @property
    def _pending(self) -> Submission | None:
        """What may still land, as far as is known."""
        return self._older or self.submission

    @property
    def _submitted(self) -> Submission:
        if self._pending is None:
            raise RuntimeError("nothing was signed yet")
        return self._pending


def _require_time() -> None:
    """Whoever waits in vain for too long goes on where waiting is durable (NR-4)."""
    budget = current_budget()
    if budget is not None:
        budget.require_time()


def _progress(report: Report) -> tuple[bool, bool, bool, int, int]:
    """How far an NFT has come; else who has seen the most lamports, or has read it last."""
    there = report.there
    made = (there.mint is not None, there.metadata is not None, there.edition is not None)
    return (*made, 0 if there.mint else there.lamports, report.read_slot)
