"""Events and states for given / when / then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from solders.keypair import Keypair

from mint_content.accepted import AcceptedMedia
from mint_events import catalogue as c
from mint_events.envelope import Envelope, root
from mint_events.ids import NAMESPACE
from reconciler.saga import Policy
from reconciler.validation import Limits

PNG = b"\x89PNG\r\n\x1a\n" + b"image"
AUTHORITY = str(Keypair.from_seed(b"a" * 32).pubkey())
WALLET = str(Keypair.from_seed(b"w" * 32).pubkey())
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MEDIA = AcceptedMedia(image_max_bytes=1024, animation_max_bytes=2048)
LIMITS = Limits(level_min=1, level_max=100, media=MEDIA)
POLICY = Policy(authority=AUTHORITY, limits=LIMITS, lock_held_until=c.LockHold.VERIFIED)
UNTIL_COMPLETED = replace(POLICY, lock_held_until=c.LockHold.COMPLETED)
METADATA = b'{"name":"Level 3"}'


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def sent(event: c.Event, second: float = 0, *, salt: object = "") -> Envelope:
    event_id: UUID = uuid5(NAMESPACE, f"{event!r}/{salt}")
    return root(event, id=event_id, source="/test", time=at(second))


def request(mint_id: str = "mint-1", **changes: object) -> c.MintRequested:
    fields: dict[str, object] = {
        "mint_id": mint_id,
        "user_id": "user-1",
        "wallet": WALLET,
        "name": "Level 3",
        "symbol": "LVL",
        "level": 3,
        "image": PNG,
    }
    return c.MintRequested(**{**fields, **changes})  # type: ignore[arg-type] # chosen by the test


def asset(cid: str, sha256: str = "00") -> c.PinnedAsset:
    return c.PinnedAsset(
        cid=cid,
        uri=f"ipfs://{cid}",
        media_type="image/png",
        size=9,
        sha256=sha256,
        providers=("pinata",),
    )


def pinned(mint_id: str = "mint-1", image: str = "bafyimage") -> c.AssetsPinned:
    return c.AssetsPinned(
        mint_id=mint_id,
        image=asset(image),
        metadata=asset(f"bafymeta-{mint_id}"),
        metadata_json=METADATA,
    )


def pin_failed(mint_id: str = "mint-1", *assets: c.PinnedAsset) -> c.AssetPinFailed:
    return c.AssetPinFailed(
        mint_id=mint_id, failure="permanent", detail="the provider refused", pinned=assets
    )


def prepared(mint_id: str = "mint-1", position: int = 1) -> c.MintPrepared:
    return c.MintPrepared(
        mint_id=mint_id,
        user_id="user-1",
        fencing_token=position,
        authority=AUTHORITY,
        mint_address=f"address-{mint_id}",
        wallet=WALLET,
        name="Level 3",
        symbol="LVL",
        uri=f"ipfs://bafymeta-{mint_id}",
        level=3,
        seller_fee_basis_points=0,
        creators=(),
        collection=None,
        is_mutable=True,
        image_cid="bafyimage",
        image_sha256="00",
        metadata_cid=f"bafymeta-{mint_id}",
    )


def confirmed(mint_id: str = "mint-1") -> c.MintConfirmed:
    return c.MintConfirmed(
        mint_id=mint_id,
        mint_address=f"address-{mint_id}",
        metadata_address="metadata",
        token_account="token",
        signature="signature",
        slot=9,
        prepared=prepared(mint_id),
    )


def parked(outcome: c.ChainOutcome, mint_id: str = "mint-1") -> c.MintParked:
    return c.MintParked(
        mint_id=mint_id,
        mint_address=f"address-{mint_id}",
        outcome=outcome,
        signatures=("s",),
        detail="three signatures expired",
    )


def uri_failed(mint_id: str = "mint-1", uri: str = "ipfs://bafynew") -> c.UriUpdateFailed:
    return c.UriUpdateFailed(
        mint_id=mint_id,
        user_id="user-1",
        mint_address=f"address-{mint_id}",
        uri=uri,
        outcome=c.UriUpdateOutcome.REFUSED,
        signatures=(),
        detail="its metadata account is immutable",
    )


def uri_updated(mint_id: str = "mint-1", uri: str = "ipfs://bafynew") -> c.MetadataUriUpdated:
    return c.MetadataUriUpdated(
        mint_id=mint_id,
        mint_address=f"address-{mint_id}",
        metadata_address="metadata",
        uri=uri,
        signature="signature",
        slot=20,
    )


def phase(
    number: int, outcome: c.CheckOutcome = c.CheckOutcome.PASSED, mint_id: str = "mint-1"
) -> c.PhaseCompleted:
    failed = ("metadata_account",) if outcome is c.CheckOutcome.FAILED else ()
    return c.PhaseCompleted(mint_id=mint_id, phase=number, outcome=outcome, failed_checks=failed)
