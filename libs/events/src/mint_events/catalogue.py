"""Every event of Trimint: what happened, to what, with all that a consumer needs.

An event is a frozen dataclass; its Avro schema (`schemas/`) is made from it: the docstring is the
record's `doc`, the string in `Annotated` is the field's. A field that is added later has a default,
so that old records can still be read (the compatibility test holds that).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated


class RejectionReason(StrEnum):
    """Why a request was turned away before anything was spent."""

    INVALID_FIELD = "invalid_field"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"


class CheckOutcome(StrEnum):
    """What a check found; what cannot be decided is `inconclusive`, never passed."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class ChainOutcome(StrEnum):
    """What the chain says of a mint that is parked: is its NFT there or not?"""

    UNKNOWN = "unknown"
    ABSENT = "absent"


class UriUpdateOutcome(StrEnum):
    """How an update of the URI ended that was given up."""

    REFUSED = "refused"
    GIVEN_UP = "given_up"


class LockHold(StrEnum):
    """When a mint gives its user's lock back: after phase 1, or only when it is completed."""

    VERIFIED = "verified"
    COMPLETED = "completed"


class Layer(StrEnum):
    """The three that have to agree on a mint; each is owned by one service."""

    SOLANA = "solana"
    IPFS = "ipfs"
    DATABASE = "database"


class BreakerState(StrEnum):
    """What a circuit breaker does with calls; `mint_resilience.breaker` has the rules."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    FORCED_OPEN = "forced_open"
    FORCED_CLOSED = "forced_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Creator:
    """A creator of the NFT and its share of the royalties."""

    address: Annotated[str, "Solana address, base58."]
    share: Annotated[int, "Percent; the shares of all creators sum to 100."]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A trait in the metadata JSON beside the level."""

    trait_type: Annotated[str, "Name of the trait; `Level` is set by Trimint."]
    value: Annotated[str, "Value of the trait."]


@dataclass(frozen=True, slots=True, kw_only=True)
class MintRequested:
    """Upstream asks for one NFT. `mint_id` is the idempotency key and never expires."""

    mint_id: Annotated[
        str, "Idempotency key, 1 to 128 printable ASCII characters, also the record's key."
    ]
    user_id: Annotated[
        str, "The user of the backend who receives the NFT; one mint in work per user."
    ]
    wallet: Annotated[str, "The user's Solana wallet, base58, on curve: the owner of the token."]
    name: Annotated[str, "Name on chain, at most 32 bytes of UTF-8."]
    symbol: Annotated[str, "Symbol on chain, at most 10 bytes of UTF-8."]
    level: Annotated[int, "The level that the NFT proves, an attribute of its metadata JSON."]
    description: Annotated[str, "Free text in the metadata JSON."] = ""
    image: Annotated[bytes | None, "The image itself; either this or `image_uri`."] = None
    image_uri: Annotated[str | None, "`ipfs://CID` or `https://` URL of an image."] = None
    animation: Annotated[
        bytes | None, "An MP4 video beside the image, itself; this, `animation_uri`, or neither."
    ] = None
    animation_uri: Annotated[
        str | None, "`ipfs://CID` or `https://` URL of an MP4 video beside the image."
    ] = None
    seller_fee_basis_points: Annotated[int, "Royalty in 1/100 percent, 0 to 10 000."] = 0
    creators: Annotated[tuple[Creator, ...], "At most five; empty means the authority alone."] = ()
    attributes: Annotated[tuple[Attribute, ...], "Further traits of the metadata JSON."] = ()
    external_url: Annotated[str | None, "Page about the NFT, in the metadata JSON."] = None
    collection: Annotated[str | None, "Mint address of the collection the NFT belongs to."] = None
    is_mutable: Annotated[bool, "Whether the metadata account can be changed after the mint."] = (
        True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MintAccepted:
    """The request is valid and the mint has begun; its assets are to be pinned."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    request: Annotated[MintRequested, "The request as it was validated."]
    arrival: Annotated[int, "Place in the order of arrival; a user's mints are worked on in it."]


@dataclass(frozen=True, slots=True, kw_only=True)
class MintRejected:
    """The request was turned away; nothing was spent. A mint already begun under its id goes on."""

    mint_id: Annotated[str, "Idempotency key of the request."]
    user_id: Annotated[str, "The user it was asked for."]
    reason: Annotated[RejectionReason, "`invalid_field` or `idempotency_conflict`."]
    field: Annotated[str | None, "The field at fault, for `invalid_field`."]
    detail: Annotated[str, "What is wrong and what would be right."]


@dataclass(frozen=True, slots=True, kw_only=True)
class MintStateReported:
    """The same request came again: nothing was done, and this is where its mint stands."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    status: Annotated[str, "The mint's state when the request came again."]
    mint_address: Annotated[str | None, "Address of the NFT's mint account, once prepared."]


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedAsset:
    """Content on IPFS, named by its CID, fetched back and compared by hash."""

    cid: Annotated[str, "CIDv1, base32."]
    uri: Annotated[str, "`ipfs://CID`."]
    media_type: Annotated[str, "By the bytes, e.g. `image/png`."]
    size: Annotated[int, "Bytes."]
    sha256: Annotated[str, "Of the whole content, lower-case hex."]
    providers: Annotated[tuple[str, ...], "Names of the providers that hold a pin."]
    folder: Annotated[
        str | None, "CID of the folder that is pinned in its place, where it has no pin of its own."
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetsPinned:
    """All content of the mint is on IPFS and came back with the right hash."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    image: Annotated[PinnedAsset, "The image."]
    metadata: Annotated[PinnedAsset, "The metadata JSON."]
    metadata_json: Annotated[bytes, "The metadata JSON itself, kept in the database as local copy."]
    animation: Annotated[PinnedAsset | None, "The animation, where there is one."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPinFailed:
    """Some content of the mint could not be put on IPFS, finally."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    failure: Annotated[str, "Class of the failure, e.g. `permanent`."]
    detail: Annotated[str, "What happened, to what, and what to do."]
    pinned: Annotated[tuple[PinnedAsset, ...], "What had been pinned before it failed."] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MintPrepared:
    """The pending record is written and the user's lock is taken: the NFT is to be made."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    user_id: Annotated[str, "The user whose lock this mint holds."]
    fencing_token: Annotated[int, "Grows with every lock that is taken; an older one is void."]
    authority: Annotated[str, "Mint and update authority, base58; fixed from here on."]
    mint_address: Annotated[
        str, "Derived from the authority and the mint_id: the NFT's only place."
    ]
    wallet: Annotated[str, "Owner of the token."]
    name: Annotated[str, "Name on chain."]
    symbol: Annotated[str, "Symbol on chain."]
    uri: Annotated[str, "URI on chain, of the metadata JSON."]
    level: Annotated[int, "The requested level."]
    seller_fee_basis_points: Annotated[int, "Royalty in 1/100 percent."]
    creators: Annotated[tuple[Creator, ...], "Creators on chain."]
    collection: Annotated[str | None, "Mint address of the collection."]
    is_mutable: Annotated[bool, "Whether the metadata account can be changed."]
    image_cid: Annotated[str, "CID of the image."]
    image_sha256: Annotated[str, "Of the image's bytes, lower-case hex."]
    metadata_cid: Annotated[str, "CID of the metadata JSON."]
    lock_held_until: Annotated[
        LockHold, "`verified` or `completed`: when the user's lock is released; fixed from here on."
    ] = LockHold.VERIFIED
    animation_cid: Annotated[str | None, "CID of the animation, where there is one."] = None
    animation_sha256: Annotated[str | None, "Of the animation's bytes, lower-case hex."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MintSubmitted:
    """A transaction was signed and is about to be sent; from here on it may land."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    mint_address: Annotated[str, "Address of the NFT's mint account."]
    attempt: Annotated[
        int, "Number of the attempt, from 1; anew once one has landed. What nobody took is none."
    ]
    signature: Annotated[str, "Signature of the transaction, base58."]
    transaction: Annotated[bytes, "The signed transaction: these very bytes are sent, and re-sent."]
    blockhash: Annotated[str, "Recent blockhash in it, base58."]
    last_valid_block_height: Annotated[int, "The transaction cannot land above this block height."]
    endpoint: Annotated[str, "RPC endpoint that gave the blockhash."]
    priority_fee: Annotated[int, "Micro-lamports per compute unit."]
    compute_unit_limit: Annotated[int, "Compute units it may use."]
    earlier: Annotated[tuple[str, ...], "Signatures made for the mint before, oldest first."] = ()
    blockhash_slot: Annotated[
        int, "Slot of the block whose blockhash it is; 0 in records of before this was kept."
    ] = 0
    uri: Annotated[str | None, "The URI that it sets; null: it makes the NFT."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MintConfirmed:
    """The NFT is on chain with its metadata account, at commitment `confirmed`."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    mint_address: Annotated[str, "Address of the NFT's mint account."]
    metadata_address: Annotated[str, "Address of its metadata account."]
    token_account: Annotated[str, "The wallet's token account that holds it."]
    signature: Annotated[str, "Signature of the transaction that made it, base58."]
    slot: Annotated[int, "Slot of that transaction."]
    prepared: Annotated[MintPrepared, "What was to be made: the verifier's expectation."]


@dataclass(frozen=True, slots=True, kw_only=True)
class MintParked:
    """The minter gave up making new signatures: a person has to look."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    mint_address: Annotated[str, "Address where the NFT would be."]
    outcome: Annotated[ChainOutcome, "`absent` if the chain says finally that it is not there."]
    signatures: Annotated[tuple[str, ...], "Every signature that was made."]
    detail: Annotated[str, "What happened and what to do."]
    failure: Annotated[
        str | None, "Class of the failure that ended it; null: the chain's own word did."
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UriUpdateRequested:
    """The NFT's metadata account is to name another URI, that of a JSON which was put up anew."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    uri: Annotated[str, "The wanted URI, at most 200 bytes of UTF-8."]
    since_slot: Annotated[
        int, "Slot of the newest known change of the account: who has not got there says nothing."
    ]
    prepared: Annotated[MintPrepared, "What the NFT was made from."]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataUriUpdated:
    """The metadata account names the wanted URI, at commitment `confirmed`."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    mint_address: Annotated[str, "Address of the NFT's mint account."]
    metadata_address: Annotated[str, "Address of its metadata account."]
    uri: Annotated[str, "The URI that it names."]
    signature: Annotated[
        str | None, "Signature of the transaction that set it, base58; null if nobody knows it."
    ]
    slot: Annotated[int, "Slot of that transaction, or else one at which the URI was seen."]


@dataclass(frozen=True, slots=True, kw_only=True)
class UriUpdateFailed:
    """The minter gave up setting the URI: a person has to look. Nothing else was touched."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    user_id: Annotated[str, "The user it is for."]
    mint_address: Annotated[str, "Address of the NFT's mint account."]
    uri: Annotated[str, "The URI that was wanted."]
    outcome: Annotated[
        UriUpdateOutcome,
        "`refused`: nothing was signed; `given_up`: not seen after all signatures.",
    ]
    signatures: Annotated[tuple[str, ...], "Every signature that was made for it."]
    detail: Annotated[str, "What happened and what to do."]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckCompleted:
    """One check of the verifier, as evidence."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    phase: Annotated[int, "1: at once; 2: after the delay."]
    check: Annotated[str, "Name of the check."]
    layer: Annotated[str, "`solana`, `ipfs`, `database` or `partner`."]
    outcome: Annotated[CheckOutcome, "passed, failed or inconclusive."]
    endpoint: Annotated[str, "Who was asked."]
    latency_ms: Annotated[float, "Milliseconds of the deciding attempt."]
    attempts: Annotated[int, "How often it was tried."]
    evidence: Annotated[dict[str, str], "What was seen, by name."]
    failure: Annotated[str | None, "Class of the failure, where there was one."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseCompleted:
    """All checks of a phase have decided; `inconclusive` ones were tried again before."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    phase: Annotated[int, "1 or 2."]
    outcome: Annotated[CheckOutcome, "passed only if every check passed."]
    failed_checks: Annotated[tuple[str, ...], "Names of those that failed."]
    finalized_slot: Annotated[int | None, "Slot of the finalized transaction, if seen."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationDue:
    """Checks to be run later, or once more; only on the verifier's delay topics."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    phase: Annotated[int, "1 or 2."]
    round: Annotated[int, "How often the phase was tried before, from 0."]
    checks: Annotated[tuple[str, ...], "Names of the checks that are still to be decided."]
    finalized_slot: Annotated[int | None, "Slot of the finalized transaction, if seen."]
    confirmed: Annotated[MintConfirmed, "What is to be verified."]


@dataclass(frozen=True, slots=True, kw_only=True)
class MintCompleted:
    """Every check of both phases has passed: the three layers agree."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    user_id: Annotated[str, "The user who has the NFT."]
    mint_address: Annotated[str, "Address of the NFT's mint account."]
    metadata_cid: Annotated[str, "CID of the metadata JSON."]


@dataclass(frozen=True, slots=True, kw_only=True)
class MintFailed:
    """The mint ended without an NFT; lock, record and pins are compensated."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    user_id: Annotated[str, "The user it was for."]
    detail: Annotated[str, "What happened."]


@dataclass(frozen=True, slots=True, kw_only=True)
class InterventionRequired:
    """The mint waits for a person."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    user_id: Annotated[str, "The user it is for."]
    reason: Annotated[str, "What could not be decided or repaired automatically."]
    detail: Annotated[str, "What was seen and what to do."]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpinRequested:
    """A failed mint's content, that no other mint refers to, is to be unpinned."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    cids: Annotated[tuple[str, ...], "CIDs to unpin."]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetsUnpinned:
    """The mint's hold on the content is given up; what no other mint needs is unpinned."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    cids: Annotated[tuple[str, ...], "CIDs that are no longer pinned for this mint."]
    kept: Annotated[tuple[str, ...], "Those of them that stay pinned, for other mints."] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetsRepinned:
    """Content that was missing on a preferred provider is there now."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    image: Annotated[PinnedAsset, "The image, with those who hold it now."]
    metadata: Annotated[PinnedAsset, "The metadata JSON, with those who hold it now."]
    animation: Annotated[
        PinnedAsset | None, "The animation, where there is one, with those who hold it now."
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepinDue:
    """Content is to be put on providers where it is missing; only on the uploader's delay topics.

    What was pinned is compared with what is to hold it when the time has come.
    """

    mint_id: Annotated[str, "Idempotency key of the mint."]
    image: Annotated[PinnedAsset, "The image, with those who hold it."]
    metadata: Annotated[PinnedAsset, "The metadata JSON, with those who hold it."]
    round: Annotated[int, "How often it was tried before, from 0."]
    animation: Annotated[
        PinnedAsset | None, "The animation, where there is one, with those who hold it."
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetsClaimed:
    """A mint relies on this content from here on: it is not to be unpinned for another one."""

    mint_id: Annotated[str, "Idempotency key of the mint."]
    cids: Annotated[tuple[str, ...], "CIDs that the mint needs."]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpinBegun:
    """Content of a failed mint is being unpinned: who needs it, too, waits until that is over."""

    mint_id: Annotated[str, "Idempotency key of the failed mint."]
    cids: Annotated[tuple[str, ...], "CIDs that are being unpinned."]


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderBegun:
    """Content of several mints is about to be pinned under one root; it may be there already."""

    mint_id: Annotated[str, "CID of the root, for it is of no single mint; also the record's key."]
    cids: Annotated[tuple[str, ...], "CIDs of what is in it."]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDeadLettered:
    """A record could not be worked on; its raw bytes wait for an operator."""

    mint_id: Annotated[str, "Key of the record as text, or empty."]
    topic: Annotated[str, "Where it came from."]
    partition: Annotated[int, "Its partition."]
    offset: Annotated[int, "Its offset."]
    service: Annotated[str, "Who could not work on it."]
    failure: Annotated[str, "Class of the failure."]
    detail: Annotated[str, "What was wrong and what to do."]
    value: Annotated[bytes, "The record's value, byte for byte."]
    headers: Annotated[dict[str, bytes], "The record's headers."]
    key: Annotated[bytes | None, "The record's key, byte for byte."] = None
    attempts: Annotated[int, "How often it was tried; 0 in records of before this was kept."] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterRedriven:
    """An operator had a dead letter worked on again: its record went back to where it came from."""

    mint_id: Annotated[str, "That of the dead letter."]
    letter: Annotated[str, "Id of the event RecordDeadLettered."]
    service: Annotated[str, "Who is to work on it again."]
    position: Annotated[str, "Where its record is now: topic/partition/offset."]
    by: Annotated[str, "Who decided it."]
    reason: Annotated[str, "Why."]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterDiscarded:
    """An operator decided that nothing more is to be done for a dead letter."""

    mint_id: Annotated[str, "That of the dead letter."]
    letter: Annotated[str, "Id of the event RecordDeadLettered."]
    by: Annotated[str, "Who decided it."]
    reason: Annotated[str, "Why."]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerHealthReported:
    """How an instance of the service that owns a layer finds it: can mints be begun there?

    It says so at every change and from time to time. What is older than `valid_seconds` says
    nothing any more.
    """

    layer: Annotated[Layer, "`solana`, `ipfs` or `database`."]
    instance: Annotated[str, "Which process of the service says so."]
    fault: Annotated[str | None, "Null when mints can be begun, else what is wrong."]
    valid_seconds: Annotated[float, "How long it holds, from the event's time on."]
    authorities: Annotated[
        tuple[str, ...], "Solana: addresses of those that can pay for a mint, base58."
    ] = ()

    @property
    def subject(self) -> str:
        """What the event is about: an instance's view of a layer."""
        return f"{layer_subject(self.layer)}/{self.instance}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceBegun:
    """An operator has closed a layer for new mints; those in progress are finished."""

    layer: Annotated[Layer, "`solana`, `ipfs` or `database`."]
    by: Annotated[str, "Who."]
    reason: Annotated[str, "Why."]

    @property
    def subject(self) -> str:
        """What the event is about: the layer."""
        return layer_subject(self.layer)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceEnded:
    """An operator has opened a layer again for new mints."""

    layer: Annotated[Layer, "`solana`, `ipfs` or `database`."]
    by: Annotated[str, "Who."]
    reason: Annotated[str, "Why."]

    @property
    def subject(self) -> str:
        """What the event is about: the layer."""
        return layer_subject(self.layer)


def layer_subject(layer: Layer) -> str:
    """The subject of events about a layer."""
    return f"layer/{layer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerChanged:
    """A circuit breaker changed its state: how one process treats one endpoint from then on.

    The event's time is that of the change. Each process has breakers of its own, closed at first;
    they end with it, which no event says.
    """

    dependency: Annotated[str, "What the endpoint is one of, e.g. `solana` or `ipfs-provider`."]
    endpoint: Annotated[str, "Its name, never its URL."]
    service: Annotated[str, "The service whose process it is."]
    instance: Annotated[str, "Which process of the service."]
    before: Annotated[BreakerState, "`closed`, `open`, `half_open`, `forced_open`, …"]
    after: Annotated[BreakerState, "The same, from then on."]
    reason: Annotated[str, "What led to it; it holds neither URLs nor secrets."]
    failure: Annotated[
        str | None, "Class of the failure that the deciding call ended in, e.g. `outage`."
    ] = None

    @property
    def subject(self) -> str:
        """What the event is about: the endpoint, whichever process it is asked by."""
        return f"endpoint/{self.dependency}/{self.endpoint}"


MintEvent = (
    MintRequested
    | MintAccepted
    | MintRejected
    | MintStateReported
    | AssetsPinned
    | AssetPinFailed
    | AssetsUnpinned
    | AssetsRepinned
    | RepinDue
    | AssetsClaimed
    | UnpinBegun
    | FolderBegun
    | MintPrepared
    | MintSubmitted
    | MintConfirmed
    | MintParked
    | UriUpdateRequested
    | MetadataUriUpdated
    | UriUpdateFailed
    | CheckCompleted
    | PhaseCompleted
    | VerificationDue
    | MintCompleted
    | MintFailed
    | InterventionRequired
    | UnpinRequested
    | RecordDeadLettered
    | DeadLetterRedriven
    | DeadLetterDiscarded
)
"""Events about one mint."""

LayerEvent = LayerHealthReported | MaintenanceBegun | MaintenanceEnded
"""Events about a layer as a whole, and so about no mint."""

EndpointEvent = BreakerChanged
"""Events about an endpoint, and so about no mint."""

SystemEvent = LayerEvent | EndpointEvent
"""Events about no mint."""

Event = MintEvent | SystemEvent


def subject_of(event: Event) -> str:
    """What the event is about, also its record's key: its mint_id, a layer's or endpoint's name."""
    return event.subject if isinstance(event, SystemEvent) else event.mint_id
