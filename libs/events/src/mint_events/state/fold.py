"""`evolve`: one more event, one state further. The same function runs live and in a replay.

A state is a join of facts. A fact of which there is one is kept as it was first read (its topic
is ordered per mint); a fact that may be renewed is kept by the greatest (time, event id), one that
the chain orders by its slot first. So it does not matter in which order topics are read, nor
whether an event is read again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce
from hashlib import sha256
from typing import assert_never

from mint_events import catalogue as c
from mint_events.envelope import Envelope
from mint_events.state import facts as f
from mint_events.state.facts import MintState
from mint_events.state.fingerprint import fingerprint


def fold(mint_id: str, envelopes: Iterable[Envelope]) -> MintState:
    """The state of a mint after these events."""
    return reduce(evolve, envelopes, MintState(mint_id=mint_id))


def evolve(state: MintState, envelope: Envelope) -> MintState:
    """The state after one more event of this mint. Total, and idempotent for redelivery.

    What only reports (`MintStateReported`, a rejection for `idempotency_conflict`, a repeated
    request) leaves the state as it is.
    """
    event = envelope.event
    match event:
        case c.MintRequested():
            return _requested(state, event, envelope)
        case c.MintAccepted():
            return _accepted(state, event, envelope)
        case c.MintRejected():
            return _rejected(state, event, envelope)
        case c.AssetsPinned():
            return replace(state, pinning=state.pinning or _pinning(event, envelope))
        case c.AssetPinFailed():
            return replace(state, pin_failure=state.pin_failure or _pin_failure(event, envelope))
        case c.UnpinRequested():
            asked = _with_cids(state.unpin_request, event.cids, envelope)
            return replace(state, unpin_request=asked)
        case c.AssetsUnpinned():
            return replace(state, unpinned=_with_cids(state.unpinned, event.cids, envelope))
        case c.MintPrepared():
            return replace(state, preparation=state.preparation or _preparation(event, envelope))
        case c.MintSubmitted(uri=None):
            return replace(state, submission=_newest_submission(state.submission, event, envelope))
        case c.MintConfirmed():
            return replace(state, confirmation=state.confirmation or _confirmed(event, envelope))
        case c.MintParked():
            return replace(state, parking=state.parking or _parked(event, envelope))
        case c.MetadataUriUpdated():
            return replace(state, uri_update=_newest_uri(state.uri_update, event, envelope))
        case c.UriUpdateFailed():
            return replace(state, uri_failure=_newest_failure(state.uri_failure, event, envelope))
        case c.CheckCompleted():
            return replace(state, checks=_with_check(state.checks, _check(event, envelope)))
        case c.PhaseCompleted():
            return replace(state, phases=_with_phase(state.phases, _phase(event, envelope)))
        case c.MintCompleted():
            return replace(state, completion=state.completion or f.Completion(at=envelope.time))
        case c.MintFailed():
            return replace(state, failing=state.failing or _failing(event, envelope))
        case c.InterventionRequired():
            return replace(state, intervention=state.intervention or _intervention(event, envelope))
        case (
            c.MintStateReported()
            | c.VerificationDue()
            | c.RecordDeadLettered()
            | c.DeadLetterRedriven()
            | c.DeadLetterDiscarded()
        ):
            return state
        case c.MintSubmitted() | c.UriUpdateRequested():
            return state  # of an update, only its end says anything of the mint
        case c.AssetsRepinned() | c.RepinDue():
            return state
        case c.AssetsClaimed() | c.UnpinBegun() | c.FolderBegun():
            return state
        case c.LayerHealthReported() | c.MaintenanceBegun() | c.MaintenanceEnded():
            return state
        case c.BreakerChanged():
            return state
        case _:
            assert_never(event)


def _requested(state: MintState, event: c.MintRequested, envelope: Envelope) -> MintState:
    terms = state.terms or _terms(event)
    if state.origin or (state.terms and fingerprint(event) != terms.fingerprint):
        return state
    origin = f.Origin(
        at=envelope.time,
        event_id=envelope.id,
        correlation_id=envelope.correlation_id,
        traceparent=envelope.traceparent,
    )
    return replace(state, terms=terms, origin=origin)


def _terms(request: c.MintRequested) -> f.Terms:
    return f.Terms(
        fingerprint=fingerprint(request),
        user_id=request.user_id,
        wallet=request.wallet,
        name=request.name,
        symbol=request.symbol,
        level=request.level,
        seller_fee_basis_points=request.seller_fee_basis_points,
        creators=request.creators,
        collection=request.collection,
        is_mutable=request.is_mutable,
        image_sha256=_sha256(request.image),
        image_uri=request.image_uri,
        animation_sha256=_sha256(request.animation),
        animation_uri=request.animation_uri,
    )


def _sha256(data: bytes | None) -> str | None:
    return None if data is None else sha256(data).hexdigest()


def _accepted(state: MintState, event: c.MintAccepted, envelope: Envelope) -> MintState:
    acceptance = state.acceptance or f.Acceptance(at=envelope.time, arrival=event.arrival)
    return replace(state, terms=state.terms or _terms(event.request), acceptance=acceptance)


def _rejected(state: MintState, event: c.MintRejected, envelope: Envelope) -> MintState:
    if event.reason is c.RejectionReason.IDEMPOTENCY_CONFLICT:
        return state
    rejection = f.Rejection(at=envelope.time, field=event.field, detail=event.detail)
    return replace(state, rejection=state.rejection or rejection)


def _pinning(event: c.AssetsPinned, envelope: Envelope) -> f.Pinning:
    return f.Pinning(
        at=envelope.time,
        image=_asset(event.image),
        metadata=_asset(event.metadata),
        uri=event.metadata.uri,
        animation=_asset(event.animation) if event.animation else None,
    )


def _pin_failure(event: c.AssetPinFailed, envelope: Envelope) -> f.PinFailure:
    return f.PinFailure(
        at=envelope.time,
        failure=event.failure,
        detail=event.detail,
        pinned=tuple(_asset(asset) for asset in event.pinned),
    )


def _asset(asset: c.PinnedAsset) -> f.Asset:
    return f.Asset(cid=asset.cid, sha256=asset.sha256)


def _with_cids(known: f.Unpinning | None, cids: tuple[str, ...], envelope: Envelope) -> f.Unpinning:
    at = max(known.at, envelope.time) if known else envelope.time
    return f.Unpinning(at=at, cids=tuple(sorted({*cids, *(known.cids if known else ())})))


def _preparation(event: c.MintPrepared, envelope: Envelope) -> f.Preparation:
    return f.Preparation(
        at=envelope.time,
        authority=event.authority,
        mint_address=event.mint_address,
        fencing_token=event.fencing_token,
        lock_held_until=event.lock_held_until,
    )


def _newest_submission(
    known: f.Submission | None, event: c.MintSubmitted, envelope: Envelope
) -> f.Submission:
    """An attempt may have several signatures: what no endpoint took is none."""
    earlier = len(event.earlier)
    if known and known.earlier >= earlier:
        return known
    return f.Submission(
        at=envelope.time, attempt=event.attempt, signature=event.signature, earlier=earlier
    )


def _confirmed(event: c.MintConfirmed, envelope: Envelope) -> f.Confirmation:
    return f.Confirmation(
        at=envelope.time,
        mint_address=event.mint_address,
        metadata_address=event.metadata_address,
        token_account=event.token_account,
        signature=event.signature,
        slot=event.slot,
    )


def _parked(event: c.MintParked, envelope: Envelope) -> f.Parking:
    return f.Parking(at=envelope.time, outcome=event.outcome, detail=event.detail)


def _newest_uri(
    known: f.UriUpdate | None, event: c.MetadataUriUpdated, envelope: Envelope
) -> f.UriUpdate:
    update = f.UriUpdate(
        at=envelope.time,
        event_id=envelope.id,
        uri=event.uri,
        slot=event.slot,
        signature=event.signature,
    )
    return max(known or update, update, key=lambda each: (each.slot, each.at, each.event_id))


def _newest_failure(
    known: f.UriFailure | None, event: c.UriUpdateFailed, envelope: Envelope
) -> f.UriFailure:
    failure = f.UriFailure(
        at=envelope.time,
        event_id=envelope.id,
        uri=event.uri,
        outcome=event.outcome,
        detail=event.detail,
    )
    return max(known or failure, failure, key=lambda each: (each.at, each.event_id))


def _failing(event: c.MintFailed, envelope: Envelope) -> f.Failing:
    return f.Failing(at=envelope.time, detail=event.detail)


def _intervention(event: c.InterventionRequired, envelope: Envelope) -> f.Intervention:
    return f.Intervention(at=envelope.time, reason=event.reason, detail=event.detail)


def _check(event: c.CheckCompleted, envelope: Envelope) -> f.Check:
    return f.Check(
        at=envelope.time,
        event_id=envelope.id,
        phase=event.phase,
        check=event.check,
        layer=event.layer,
        outcome=event.outcome,
    )


def _phase(event: c.PhaseCompleted, envelope: Envelope) -> f.Phase:
    return f.Phase(
        at=envelope.time,
        event_id=envelope.id,
        phase=event.phase,
        outcome=event.outcome,
        failed_checks=event.failed_checks,
        passed_at=envelope.time if event.outcome is c.CheckOutcome.PASSED else None,
    )


def _with_check(checks: tuple[f.Check, ...], new: f.Check) -> tuple[f.Check, ...]:
    known = {(check.phase, check.check): check for check in checks}
    old = known.get((new.phase, new.check), new)
    known[new.phase, new.check] = max(old, new, key=lambda check: (check.at, check.event_id))
    return tuple(known[key] for key in sorted(known))


def _with_phase(phases: tuple[f.Phase, ...], new: f.Phase) -> tuple[f.Phase, ...]:
    known = {phase.phase: phase for phase in phases}
    old = known.get(new.phase, new)
    newest = max(old, new, key=lambda phase: (phase.at, phase.event_id))
    passes = [phase.passed_at for phase in (old, new) if phase.passed_at]
    known[new.phase] = replace(newest, passed_at=min(passes, default=None))
    return tuple(known[number] for number in sorted(known))
