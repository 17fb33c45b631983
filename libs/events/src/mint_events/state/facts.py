"""What is known of one mint: a set of facts, each written once or superseded by a later one.

No fact holds an image or a metadata JSON, so a state stays small. `at` is the time of the event
that a fact comes from, in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from mint_events.catalogue import (
    ChainOutcome,
    CheckOutcome,
    Creator,
    LockHold,
    UriUpdateOutcome,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was asked for; image and animation by their hashes, or by their URIs."""

    fingerprint: str
    user_id: str
    wallet: str
    name: str
    symbol: str
    level: int
    seller_fee_basis_points: int
    creators: tuple[Creator, ...] = ()
    collection: str | None = None
    is_mutable: bool = True
    image_sha256: str | None = None
    image_uri: str | None = None
    animation_sha256: str | None = None
    animation_uri: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The request as an event: when it was made, and the trace that every later event joins."""

    at: datetime
    event_id: UUID
    correlation_id: str
    traceparent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The mint has begun; `arrival` is its place among all mints."""

    at: datetime
    arrival: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """The request was invalid; nothing was begun."""

    at: datetime
    field: str | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """Content on IPFS: its CID, and SHA-256 of its bytes as lower-case hex."""

    cid: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinning:
    """All content is on IPFS; `uri` names the metadata JSON."""

    at: datetime
    image: Asset
    metadata: Asset
    uri: str
    animation: Asset | None = None

    @property
    def assets(self) -> tuple[Asset, ...]:
        """All that was pinned."""
        return (self.image, self.metadata, *((self.animation,) if self.animation else ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PinFailure:
    """Some content could not be put on IPFS; `pinned` is what had been."""

    at: datetime
    failure: str
    detail: str
    pinned: tuple[Asset, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """The user's lock is taken under `fencing_token`, and the NFT's address is fixed."""

    at: datetime
    authority: str
    mint_address: str
    fencing_token: int
    lock_held_until: LockHold


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """The newest transaction that was signed to make the NFT, and how many were before it."""

    at: datetime
    attempt: int
    signature: str
    earlier: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """The NFT is on chain."""

    at: datetime
    mint_address: str
    metadata_address: str
    token_account: str
    signature: str
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parking:
    """The minter gave up; `outcome` is what the chain says of the NFT."""

    at: datetime
    outcome: ChainOutcome
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UriUpdate:
    """The URI that was set on chain after the mint, by the greatest slot."""

    at: datetime
    event_id: UUID
    uri: str
    slot: int
    signature: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UriFailure:
    """The newest update of the URI that was given up."""

    at: datetime
    event_id: UUID
    uri: str
    outcome: UriUpdateOutcome
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The newest result of one check in one phase."""

    at: datetime
    event_id: UUID
    phase: int
    check: str
    layer: str
    outcome: CheckOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """The newest outcome of a phase; `passed_at` is when it first passed, and is never undone."""

    at: datetime
    event_id: UUID
    phase: int
    outcome: CheckOutcome
    failed_checks: tuple[str, ...] = ()
    passed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """The three layers agree."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """The mint ended without an NFT."""

    at: datetime
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """The mint waits for a person."""

    at: datetime
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpinning:
    """CIDs whose pins were asked to be given up, or are; sorted."""

    at: datetime
    cids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MintState:
    """All that is known of one mint, as a join of facts; `status_of` says where it stands."""

    mint_id: str
    terms: Terms | None = None
    origin: Origin | None = None
    acceptance: Acceptance | None = None
    rejection: Rejection | None = None
    pinning: Pinning | None = None
    pin_failure: PinFailure | None = None
    preparation: Preparation | None = None
    submission: Submission | None = None
    confirmation: Confirmation | None = None
    parking: Parking | None = None
    uri_update: UriUpdate | None = None
    uri_failure: UriFailure | None = None
    checks: tuple[Check, ...] = ()
    phases: tuple[Phase, ...] = ()
    completion: Completion | None = None
    failing: Failing | None = None
    intervention: Intervention | None = None
    unpin_request: Unpinning | None = None
    unpinned: Unpinning | None = None

    @property
    def uri(self) -> str | None:
        """The URI that the chain names, or is to name; None while it is not known."""
        if self.uri_update:
            return self.uri_update.uri
        return self.pinning.uri if self.pinning else None

    @property
    def updated_at(self) -> datetime | None:
        """Time of the newest fact; None while nothing is known."""
        facts = (*_single_facts(self), *self.checks, *self.phases)
        return max((fact.at for fact in facts if fact is not None), default=None)

    @property
    def assets(self) -> tuple[Asset, ...]:
        """All that is known to have been pinned for this mint."""
        pinned = self.pinning.assets if self.pinning else ()
        return (*pinned, *(self.pin_failure.pinned if self.pin_failure else ()))

    def phase(self, number: int) -> Phase | None:
        """The newest outcome of phase `number`, if it was reported."""
        return next((phase for phase in self.phases if phase.phase == number), None)

    def has_passed(self, number: int) -> bool:
        """Whether phase `number` has passed at any time."""
        phase = self.phase(number)
        return phase is not None and phase.passed_at is not None


_single_facts = attrgetter(
    "origin",
    "acceptance",
    "rejection",
    "pinning",
    "pin_failure",
    "preparation",
    "submission",
    "confirmation",
    "parking",
    "uri_update",
    "uri_failure",
    "completion",
    "failing",
    "intervention",
    "unpin_request",
    "unpinned",
)
