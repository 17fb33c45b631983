"""Where a mint stands as its events come in, told for a person: pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mint_events import catalogue as c
from mint_events.envelope import Envelope
from mint_events.state import FINAL, MintState, Status, evolve, status_of

OVER = FINAL | {Status.INTERVENTION}
"""Statuses after which nothing more happens by itself."""


@dataclass(frozen=True, slots=True)
class Step:
    """A status, and when it was reached (UTC)."""

    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CheckSeen:
    """A check's event, and when it came (UTC)."""

    event: c.CheckCompleted
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One mint that is followed; `steps` are the statuses it went through, the oldest first."""

    request: c.MintRequested
    state: MintState
    doing: str
    steps: tuple[Step, ...]
    checks: tuple[CheckSeen, ...] = ()
    rejection: c.MintRejected | None = None
    reported: c.MintStateReported | None = None
    events: int = 1
    trouble: str | None = None

    @property
    def status(self) -> str:
        """The mint's status; that of the request, where it was turned away."""
        return self.steps[-1].status

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.status in OVER

    @property
    def is_completed(self) -> bool:
        """Whether the three layers agree."""
        return self.status == Status.COMPLETED

    @property
    def mint_address(self) -> str | None:
        """The NFT's address, once it is fixed."""
        if self.state.preparation:
            return self.state.preparation.mint_address
        return self.reported.mint_address if self.reported else None

    @property
    def metadata_cid(self) -> str | None:
        """The CID of the metadata JSON, once it is pinned."""
        return self.state.pinning.metadata.cid if self.state.pinning else None

    @property
    def seconds(self) -> float:
        """From the request to the newest status."""
        return (self.steps[-1].at - self.steps[0].at).total_seconds()


def begin(envelope: Envelope, request: c.MintRequested) -> Progress:
    """A mint that has just been asked for."""
    return Progress(
        request=request,
        state=evolve(MintState(mint_id=request.mint_id), envelope),
        doing="waits for the request to be judged",
        steps=(Step(Status.REQUESTED, envelope.time),),
    )


def advance(progress: Progress, envelope: Envelope) -> Progress:
    """The progress after one more event of this mint."""
    known = replace(
        progress,
        state=evolve(progress.state, envelope),
        doing=doing(envelope.event) or progress.doing,
        events=progress.events + 1,
        trouble=trouble(envelope.event) or progress.trouble,
    )
    return _stepped(_noted(known, envelope), envelope.time)


def _noted(progress: Progress, envelope: Envelope) -> Progress:
    match envelope.event:
        case c.MintRejected() as rejection:
            return replace(progress, rejection=rejection)
        case c.MintStateReported() as reported:
            return replace(progress, reported=reported)
        case c.CheckCompleted() as check:
            seen = CheckSeen(check, envelope.time)
            return replace(progress, checks=(*progress.checks, seen))
        case _:
            return progress


def _stepped(progress: Progress, at: datetime) -> Progress:
    status = _status(progress)
    if status == progress.status:
        return progress
    return replace(progress, steps=(*progress.steps, Step(status, at)))


def _status(progress: Progress) -> str:
    """What the events say; of a mint from before, what was reported until something new comes."""
    if progress.rejection is not None:
        return Status.REJECTED
    known = status_of(progress.state)
    if progress.reported is not None and known is Status.REQUESTED:
        return progress.reported.status
    return known


def trouble(event: c.Event) -> str | None:
    """What a person has to know about an event that is not good news, in one line."""
    match event:
        case c.MintRejected(field=at_fault, reason=reason, detail=detail):
            named = at_fault or reason
            return detail if detail.startswith(named) else f"{named}: {detail}"
        case c.AssetPinFailed(detail=detail) | c.MintFailed(detail=detail):
            return detail
        case c.MintParked(detail=detail) | c.UriUpdateFailed(detail=detail):
            return detail
        case c.InterventionRequired(reason=reason, detail=detail):
            return f"{reason}: {detail}"
        case c.CheckCompleted(outcome=c.CheckOutcome.FAILED, check=check, evidence=evidence):
            return f"check {check} failed: {evidence}"
        case _:
            return None


def doing(event: c.Event) -> str | None:
    """What goes on after an event, in a person's words; None where it changes nothing."""
    match event:
        case c.CheckCompleted(phase=phase, check=check, outcome=outcome):
            return f"checks, phase {phase}: {check} {outcome}"
        case c.PhaseCompleted(phase=1, outcome=c.CheckOutcome.PASSED):
            return "all layers agree; waits to look again (phase 2)"
        case c.PhaseCompleted(phase=phase, outcome=outcome):
            return f"phase {phase} {outcome}"
        case c.MintSubmitted(uri=str()):
            return "waits for Solana to confirm its new URI"
        case _:
            return _DOING.get(type(event))


_DOING: dict[type[c.Event], str] = {
    c.MintAccepted: "puts image and metadata on IPFS",
    c.MintRejected: "was turned away",
    c.MintStateReported: "was asked for before",
    c.AssetsPinned: "waits for its user's turn",
    c.AssetPinFailed: "could not be put on IPFS",
    c.MintPrepared: "signs the transaction",
    c.MintSubmitted: "waits for Solana to confirm",
    c.MintConfirmed: "checks all layers (phase 1)",
    c.MintParked: "stopped signing",
    c.UriUpdateRequested: "is to name another URI",
    c.MetadataUriUpdated: "names its new URI",
    c.UriUpdateFailed: "could not be given its new URI",
    c.MintCompleted: "all three layers agree",
    c.MintFailed: "ended without an NFT",
    c.InterventionRequired: "waits for a person",
}


def as_json(progress: Progress) -> dict[str, Any]:
    """All that is known of the mint, for machines."""
    rejection, confirmation = progress.rejection, progress.state.confirmation
    pinning = progress.state.pinning
    return {
        "mint_id": progress.request.mint_id,
        "user_id": progress.request.user_id,
        "level": progress.request.level,
        "status": progress.status,
        "mint_address": progress.mint_address,
        "metadata_cid": progress.metadata_cid,
        "image_cid": pinning.image.cid if pinning else None,
        "animation_cid": pinning.animation.cid if pinning and pinning.animation else None,
        "signature": confirmation.signature if confirmation else None,
        "reason": rejection.reason if rejection else None,
        "field": rejection.field if rejection else None,
        "detail": progress.trouble,
        "steps": {step.status: step.at.isoformat() for step in progress.steps},
        "checks": [_check_as_json(seen) for seen in progress.checks],
        "seconds": round(progress.seconds, 3),
    }


def _check_as_json(seen: CheckSeen) -> dict[str, Any]:
    return {
        "phase": seen.event.phase,
        "check": seen.event.check,
        "layer": seen.event.layer,
        "outcome": seen.event.outcome,
        "at": seen.at.isoformat(),
        "evidence": seen.event.evidence,
    }
