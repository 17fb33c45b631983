"""The saga of a mint: what follows from an event, given what is known. Pure.

A step is due when the facts call for it and the event that would record it is not among them; so it
does not matter which of the facts came last, and a step that was taken is never due again.
"""

from __future__ import annotations

from dataclasses import dataclass

from mint_chain.addresses import mint_address, parse_address
from mint_events import catalogue as c
from mint_events.state import (
    FINAL,
    MintState,
    Pinning,
    Status,
    Terms,
    fingerprint,
    is_verified,
    status_of,
)
from reconciler.validation import Limits, first_fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the operator has set; `authority` is the mint authority's address in base58."""

    authority: str
    limits: Limits
    lock_held_until: c.LockHold


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is known when an event has been folded in.

    `head` is the user's mint that came first of those which still hold him back; `shared` are those
    CIDs of this mint that another mint refers to; `position` is the event's in the event store.
    """

    state: MintState
    head: MintState | None
    shared: frozenset[str]
    position: int


def decide(event: c.Event, view: View, policy: Policy) -> tuple[c.Event, ...]:
    """The events that follow; each is to be folded and decided upon in its turn."""
    if isinstance(event, c.MintRequested):
        return (_judge(event, view, policy),)
    if isinstance(event, c.UriUpdateFailed):
        return (_call_about_the_uri(event),)
    due = _due_for_the_mint(view) or _due_for_the_user(view, policy)
    return () if due is None else (due,)


def _judge(request: c.MintRequested, view: View, policy: Policy) -> c.Event:
    state = view.state
    if state.acceptance is None and state.rejection is None:
        return _admit(request, view.position, policy.limits)
    if state.terms and state.terms.fingerprint == fingerprint(request):
        return _report(state)
    return c.MintRejected(
        mint_id=request.mint_id,
        user_id=request.user_id,
        reason=c.RejectionReason.IDEMPOTENCY_CONFLICT,
        field=None,
        detail=f"mint_id {request.mint_id!r} is taken by a mint with another body, which stands at"
        f" {status_of(state)}: it goes on; ask for another mint under a mint_id of its own",
    )


def _admit(request: c.MintRequested, position: int, limits: Limits) -> c.Event:
    fault = first_fault(request, limits)
    if fault is None:
        return c.MintAccepted(mint_id=request.mint_id, request=request, arrival=position)
    return c.MintRejected(
        mint_id=request.mint_id,
        user_id=request.user_id,
        reason=c.RejectionReason.INVALID_FIELD,
        field=fault.field,
        detail=f"{fault.field}: {fault.detail}",
    )


def _report(state: MintState) -> c.MintStateReported:
    prepared = state.preparation
    return c.MintStateReported(
        mint_id=state.mint_id,
        status=status_of(state),
        mint_address=prepared.mint_address if prepared else None,
    )


def _due_for_the_mint(view: View) -> c.Event | None:
    state = view.state
    if state.terms is None or state.acceptance is None:
        return None
    user_id, status = state.terms.user_id, status_of(state)
    if status is Status.FAILED:
        return _unpin(state, view.shared)
    if status in FINAL or status is Status.INTERVENTION:
        return None
    return _fail(state, user_id) or _call_for_a_person(state, user_id) or _complete(state, user_id)


def _fail(state: MintState, user_id: str) -> c.MintFailed | None:
    if state.pin_failure is None or state.pinning is not None:
        return None
    detail = f"content could not be put on IPFS: {state.pin_failure.detail}"
    return c.MintFailed(mint_id=state.mint_id, user_id=user_id, detail=detail)


def _unpin(state: MintState, shared: frozenset[str]) -> c.UnpinRequested | None:
    asked = set(state.unpin_request.cids if state.unpin_request else ())
    cids = {asset.cid for asset in state.assets} - asked - shared
    return c.UnpinRequested(mint_id=state.mint_id, cids=tuple(sorted(cids))) if cids else None


def _call_for_a_person(state: MintState, user_id: str) -> c.InterventionRequired | None:
    trouble = _trouble(state)
    if trouble is None:
        return None
    reason, detail = trouble
    return c.InterventionRequired(
        mint_id=state.mint_id, user_id=user_id, reason=reason, detail=detail
    )


def _call_about_the_uri(event: c.UriUpdateFailed) -> c.InterventionRequired:
    """Each update that fails calls a person, whatever the mint's state: it may be final."""
    return c.InterventionRequired(
        mint_id=event.mint_id,
        user_id=event.user_id,
        reason="uri_not_updated",
        detail=f"{event.mint_address} does not name {event.uri}: {event.detail}",
    )


def _trouble(state: MintState) -> tuple[str, str] | None:
    """Reason and detail of what only a person can decide."""
    if state.parking and not state.confirmation:
        return f"chain_{state.parking.outcome}", state.parking.detail
    for phase in state.phases:
        if phase.outcome is c.CheckOutcome.FAILED:
            return f"phase_{phase.phase}_failed", _advice(phase.failed_checks)
    return None


def _advice(failed_checks: tuple[str, ...]) -> str:
    return (
        f"these checks failed: {', '.join(failed_checks)}; compare the mint's three layers, repair"
        " the one that differs, verify again"
    )


def _complete(state: MintState, user_id: str) -> c.MintCompleted | None:
    if not (state.preparation and state.confirmation and state.pinning):
        return None
    if not (is_verified(state) and state.has_passed(2)):
        return None
    return c.MintCompleted(
        mint_id=state.mint_id,
        user_id=user_id,
        mint_address=state.confirmation.mint_address,
        metadata_cid=state.pinning.metadata.cid,
    )


def _due_for_the_user(view: View, policy: Policy) -> c.MintPrepared | None:
    """The user's lock goes to the mint that came first, once its content is on IPFS."""
    head = view.head
    if head is None or head.terms is None or head.pinning is None:
        return None
    if head.preparation or status_of(head) in (*FINAL, Status.INTERVENTION):
        return None
    return _prepared(head.mint_id, head.terms, head.pinning, view.position, policy)


def _prepared(
    mint_id: str, terms: Terms, pinning: Pinning, position: int, policy: Policy
) -> c.MintPrepared:
    address = mint_address(parse_address(policy.authority), mint_id)
    return c.MintPrepared(
        mint_id=mint_id,
        user_id=terms.user_id,
        fencing_token=position,
        authority=policy.authority,
        mint_address=str(address),
        wallet=terms.wallet,
        name=terms.name,
        symbol=terms.symbol,
        uri=pinning.uri,
        level=terms.level,
        seller_fee_basis_points=terms.seller_fee_basis_points,
        creators=terms.creators,
        collection=terms.collection,
        is_mutable=terms.is_mutable,
        image_cid=pinning.image.cid,
        image_sha256=pinning.image.sha256,
        metadata_cid=pinning.metadata.cid,
        lock_held_until=policy.lock_held_until,
        animation_cid=pinning.animation.cid if pinning.animation else None,
        animation_sha256=pinning.animation.sha256 if pinning.animation else None,
    )
