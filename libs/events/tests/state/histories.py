"""Events of one mint, as its topics carry them, for the tests of the state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from mint_events import catalogue as c
from mint_events.envelope import Envelope, root
from mint_events.ids import NAMESPACE

MINT = "mint-1"
USER = "user-1"
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ADDRESS = "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T"


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def sent(event: c.Event, second: float) -> Envelope:
    event_id: UUID = uuid5(NAMESPACE, f"{event!r}/{second}")
    return root(event, id=event_id, source="/test", time=at(second))


def request(**changes: object) -> c.MintRequested:
    fields: dict[str, object] = {
        "mint_id": MINT,
        "user_id": USER,
        "wallet": "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin",
        "name": "Level 3",
        "symbol": "LVL",
        "level": 3,
        "image": b"\x89PNG\r\n\x1a\n image",
    }
    return c.MintRequested(**{**fields, **changes})  # type: ignore[arg-type] # chosen by the test


def accepted(of: c.MintRequested, arrival: int = 7) -> c.MintAccepted:
    return c.MintAccepted(mint_id=MINT, request=of, arrival=arrival)


def rejected(reason: c.RejectionReason) -> c.MintRejected:
    return c.MintRejected(mint_id=MINT, user_id=USER, reason=reason, field="name", detail="long")


def asset(cid: str, sha256: str = "00") -> c.PinnedAsset:
    return c.PinnedAsset(
        cid=cid,
        uri=f"ipfs://{cid}",
        media_type="image/png",
        size=9,
        sha256=sha256,
        providers=("pinata",),
    )


def pinned() -> c.AssetsPinned:
    return c.AssetsPinned(
        mint_id=MINT, image=asset("bafyimage"), metadata=asset("bafymeta"), metadata_json=b"{}"
    )


def pin_failed(*assets: c.PinnedAsset) -> c.AssetPinFailed:
    return c.AssetPinFailed(mint_id=MINT, failure="permanent", detail="refused", pinned=assets)


def prepared(hold: c.LockHold = c.LockHold.VERIFIED) -> c.MintPrepared:
    return c.MintPrepared(
        mint_id=MINT,
        user_id=USER,
        fencing_token=11,
        authority="authority",
        mint_address=ADDRESS,
        wallet="wallet",
        name="Level 3",
        symbol="LVL",
        uri="ipfs://bafymeta",
        level=3,
        seller_fee_basis_points=0,
        creators=(),
        collection=None,
        is_mutable=True,
        image_cid="bafyimage",
        image_sha256="00",
        metadata_cid="bafymeta",
        lock_held_until=hold,
    )


def submitted(number: int = 1, *, attempt: int | None = None) -> c.MintSubmitted:
    """The signature of that number; each is an attempt of its own unless it is said."""
    return c.MintSubmitted(
        mint_id=MINT,
        mint_address=ADDRESS,
        attempt=attempt or number,
        signature=f"signature-{number}",
        earlier=tuple(f"signature-{earlier}" for earlier in range(1, number)),
        transaction=b"signed",
        blockhash="hash",
        last_valid_block_height=150,
        endpoint="http://rpc",
        priority_fee=0,
        compute_unit_limit=100_000,
    )


def confirmed(slot: int = 9) -> c.MintConfirmed:
    return c.MintConfirmed(
        mint_id=MINT,
        mint_address=ADDRESS,
        metadata_address="metadata",
        token_account="token",
        signature="signature-1",
        slot=slot,
        prepared=prepared(),
    )


def parked(outcome: c.ChainOutcome = c.ChainOutcome.ABSENT) -> c.MintParked:
    return c.MintParked(
        mint_id=MINT, mint_address=ADDRESS, outcome=outcome, signatures=("s",), detail="gave up"
    )


def update_requested(uri: str = "ipfs://bafynew") -> c.UriUpdateRequested:
    return c.UriUpdateRequested(mint_id=MINT, uri=uri, since_slot=9, prepared=prepared())


def update_submitted(uri: str = "ipfs://bafynew", attempt: int = 1) -> c.MintSubmitted:
    signature = f"{uri}-{attempt}"
    return replace(submitted(attempt), uri=uri, signature=signature)


def updated(uri: str = "ipfs://bafynew", slot: int = 20) -> c.MetadataUriUpdated:
    return c.MetadataUriUpdated(
        mint_id=MINT,
        mint_address=ADDRESS,
        metadata_address="metadata",
        uri=uri,
        signature=f"{uri}-1",
        slot=slot,
    )


def update_failed(uri: str = "ipfs://bafynew") -> c.UriUpdateFailed:
    return c.UriUpdateFailed(
        mint_id=MINT,
        user_id=USER,
        mint_address=ADDRESS,
        uri=uri,
        outcome=c.UriUpdateOutcome.GIVEN_UP,
        signatures=(f"{uri}-1",),
        detail="three transactions expired",
    )


def check(
    layer: str, phase: int = 1, outcome: c.CheckOutcome = c.CheckOutcome.PASSED
) -> c.CheckCompleted:
    return c.CheckCompleted(
        mint_id=MINT,
        phase=phase,
        check=f"{layer}-agrees",
        layer=layer,
        outcome=outcome,
        endpoint="http://x",
        latency_ms=1.5,
        attempts=1,
        evidence={"seen": "x"},
    )


def phase(number: int, outcome: c.CheckOutcome = c.CheckOutcome.PASSED) -> c.PhaseCompleted:
    failed = () if outcome is c.CheckOutcome.PASSED else ("solana-agrees",)
    return c.PhaseCompleted(mint_id=MINT, phase=number, outcome=outcome, failed_checks=failed)


def completed() -> c.MintCompleted:
    return c.MintCompleted(
        mint_id=MINT, user_id=USER, mint_address=ADDRESS, metadata_cid="bafymeta"
    )


def failed() -> c.MintFailed:
    return c.MintFailed(mint_id=MINT, user_id=USER, detail="refused")


def intervention() -> c.InterventionRequired:
    return c.InterventionRequired(mint_id=MINT, user_id=USER, reason="parked", detail="look")


def in_order(*events: c.Event) -> tuple[Envelope, ...]:
    return tuple(sent(event, second) for second, event in enumerate(events))


def whole_mint() -> dict[str, tuple[Envelope, ...]]:
    """A mint from request to completion, by topic, with a duplicate and a conflicting request."""
    return {
        "mint.requests": (
            sent(request(), 0),
            sent(request(), 1),
            sent(request(name="Other"), 2),
        ),
        "mint.ledger": (
            sent(accepted(request()), 0.5),
            sent(rejected(c.RejectionReason.IDEMPOTENCY_CONFLICT), 2.5),
            sent(prepared(), 4),
            sent(completed(), 12),
        ),
        "mint.ipfs": (sent(pinned(), 3),),
        "mint.chain": (sent(submitted(), 5), sent(submitted(2), 6), sent(confirmed(), 7)),
        "mint.verification": (
            sent(check("solana", 1, c.CheckOutcome.INCONCLUSIVE), 8),
            sent(check("solana"), 8.5),
            sent(check("ipfs"), 8.6),
            sent(check("database"), 8.7),
            sent(phase(1), 9),
            sent(check("ipfs", 2), 10),
            sent(phase(2), 11),
        ),
    }


def updated_mint() -> dict[str, tuple[Envelope, ...]]:
    """A completed mint whose URI was changed twice, and once not; a restart told one end again."""
    topics = whole_mint()
    calls = c.InterventionRequired(
        mint_id=MINT, user_id=USER, reason="uri_not_updated", detail="look"
    )
    requests = (update_requested("a"), update_requested("b"), update_requested("c"))
    ends = (update_submitted("a"), updated("a", 20), update_submitted("b", 2), update_failed("b"))
    late = (update_submitted("c"), updated("c", 40), updated("b", 30), updated("c", 40))
    topics["mint.ledger"] += (*sent_from(20, *requests), sent(calls, 30))
    topics["mint.chain"] += sent_from(21, *ends, *late)
    return topics


def sent_from(second: float, *events: c.Event) -> tuple[Envelope, ...]:
    return tuple(sent(event, second + number) for number, event in enumerate(events))


def failed_mint() -> dict[str, tuple[Envelope, ...]]:
    """A mint whose metadata could not be pinned, and which was compensated."""
    unpin = c.UnpinRequested(mint_id=MINT, cids=("bafyimage",))
    return {
        "mint.requests": (sent(request(), 0),),
        "mint.ledger": (sent(accepted(request()), 1), sent(failed(), 3), sent(unpin, 3)),
        "mint.ipfs": (
            sent(pin_failed(asset("bafyimage")), 2),
            sent(c.AssetsUnpinned(mint_id=MINT, cids=("bafyimage",)), 4),
        ),
    }


def parked_mint() -> dict[str, tuple[Envelope, ...]]:
    """A mint that was confirmed after the minter had given up: a person has to look."""
    return {
        "mint.requests": (sent(request(), 0),),
        "mint.ledger": (
            sent(accepted(request()), 1),
            sent(prepared(), 3),
            sent(intervention(), 6),
        ),
        "mint.ipfs": (sent(pinned(), 2),),
        "mint.chain": (sent(submitted(), 4), sent(parked(), 5), sent(confirmed(), 7)),
        "mint.verification": (
            sent(check("solana", 1, c.CheckOutcome.FAILED), 8),
            sent(phase(1, c.CheckOutcome.FAILED), 9),
            sent(phase(1), 10),
        ),
    }
