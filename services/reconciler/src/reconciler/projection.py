"""The rows that others read, as a pure function of a mint's state (RE-2).

Every time in a row is the time of an event, so live projection and replay give the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mint_content.cid import Cid
from mint_events.catalogue import AssetsPinned
from mint_events.envelope import Envelope
from mint_events.state import (
    ConsistencyRow,
    MintState,
    Status,
    consistency_rows,
    holds_lock,
    holds_user_back,
    status_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MintRow:
    """A row of `mint_record`; `holds_user_back` while the user's next mint has to wait for it."""

    mint_id: str
    user_id: str
    wallet: str
    name: str
    symbol: str
    level: int
    is_mutable: bool
    status: str
    arrival: int | None
    holds_user_back: bool
    fencing_token: int | None
    authority: str | None
    mint_address: str | None
    signature: str | None
    slot: int | None
    image_cid: str | None
    animation_cid: str | None
    metadata_cid: str | None
    uri: str | None
    detail: str | None
    requested_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRow:
    """A row of `user_lock`: who owns the user's lock, under which token, since when."""

    user_id: str
    mint_id: str
    fencing_token: int
    acquired_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRow:
    """A row of `ipfs_reference`: this mint needs the content of this CID or SHA-256."""

    reference: str
    mint_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """All rows of one mint."""

    mints: tuple[MintRow, ...]
    consistency: tuple[ConsistencyRow, ...]
    locks: tuple[LockRow, ...]
    references: tuple[ReferenceRow, ...]


def rows_of(state: MintState) -> Rows:
    """The rows of a mint; none of a mint that nobody has asked for yet."""
    if state.terms is None or state.updated_at is None:
        return Rows(mints=(), consistency=(), locks=(), references=())
    return Rows(
        mints=(_mint_row(state, state.updated_at),),
        consistency=consistency_rows(state),
        locks=_lock_rows(state),
        references=_reference_rows(state),
    )


def document_in(envelope: Envelope, before: MintState) -> bytes | None:
    """The metadata JSON that this event gives to a mint in the state `before`, if it does."""
    event = envelope.event
    if isinstance(event, AssetsPinned) and before.pinning is None:
        return event.metadata_json
    return None


def references_of(state: MintState) -> frozenset[str]:
    """What the mint needs on IPFS: CIDs, and SHA-256 of media while their CIDs are not known."""
    if state.acceptance is None or status_of(state) is Status.FAILED:
        return frozenset()
    if state.pinning:
        return frozenset(asset.cid for asset in state.pinning.assets)
    return _requested_media(state)


def _requested_media(state: MintState) -> frozenset[str]:
    terms = state.terms
    if terms is None:
        return frozenset()
    uris = (terms.image_uri or "", terms.animation_uri or "")
    named = {str(Cid.from_uri(uri)) for uri in uris if uri.startswith("ipfs://")}
    inline = {digest for digest in (terms.image_sha256, terms.animation_sha256) if digest}
    return frozenset(named | inline)


def _mint_row(state: MintState, updated_at: datetime) -> MintRow:
    terms, prepared, confirmed = state.terms, state.preparation, state.confirmation
    assert terms is not None
    return MintRow(
        mint_id=state.mint_id,
        user_id=_storable(terms.user_id),
        wallet=_storable(terms.wallet),
        name=_storable(terms.name),
        symbol=_storable(terms.symbol),
        level=terms.level,
        is_mutable=terms.is_mutable,
        status=status_of(state),
        arrival=state.acceptance.arrival if state.acceptance else None,
        holds_user_back=holds_user_back(state),
        fencing_token=prepared.fencing_token if prepared else None,
        authority=prepared.authority if prepared else None,
        mint_address=prepared.mint_address if prepared else None,
        signature=confirmed.signature if confirmed else None,
        slot=confirmed.slot if confirmed else None,
        image_cid=state.pinning.image.cid if state.pinning else None,
        animation_cid=_animation_cid(state),
        metadata_cid=state.pinning.metadata.cid if state.pinning else None,
        uri=state.uri,
        detail=_detail(state),
        requested_at=state.origin.at if state.origin else None,
        completed_at=state.completion.at if state.completion else None,
        updated_at=updated_at,
    )


def _animation_cid(state: MintState) -> str | None:
    animation = state.pinning.animation if state.pinning else None
    return animation.cid if animation else None


def _storable(text: str) -> str:
    """A rejected request may hold the one character that PostgreSQL's text can not."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _detail(state: MintState) -> str | None:
    """Why the mint does not go on, where it does not."""
    match status_of(state):
        case Status.REJECTED:
            return state.rejection.detail if state.rejection else None
        case Status.FAILED:
            return state.failing.detail if state.failing else None
        case Status.INTERVENTION:
            return state.intervention.detail if state.intervention else None
        case _:
            return None


def _lock_rows(state: MintState) -> tuple[LockRow, ...]:
    if state.terms is None or state.preparation is None or not holds_lock(state):
        return ()
    return (
        LockRow(
            user_id=state.terms.user_id,
            mint_id=state.mint_id,
            fencing_token=state.preparation.fencing_token,
            acquired_at=state.preparation.at,
        ),
    )


def _reference_rows(state: MintState) -> tuple[ReferenceRow, ...]:
    return tuple(
        ReferenceRow(reference=reference, mint_id=state.mint_id)
        for reference in sorted(references_of(state))
    )
