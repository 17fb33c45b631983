"""The topics of Trimint: who writes what where, and how long Kafka keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from mint_events import catalogue as c

MAX_RECORD_BYTES = 12 * 1024 * 1024
"""Room for an image of the default limit (10 MiB) and the event around it."""

MAX_INLINE_BYTES = MAX_RECORD_BYTES - 1024 * 1024
"""What a request's image and animation may have together, inline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic: its only writer, the events in it, and how long Kafka keeps them.

    `retention` None means compacted: the newest record of each key stays. A topic may be both,
    `compacted` and forgotten after a while. `segment` is the longest time until Kafka begins to
    clean up what was written (by its default a week); worth setting where much is written anew.
    """

    name: str
    writer: str
    events: tuple[type[c.Event], ...]
    retention: timedelta | None
    compacted: bool = False
    segment: timedelta | None = None

    @property
    def cleanup(self) -> tuple[str, ...]:
        """Kafka's `cleanup.policy`, of which there may be two."""
        compact = ("compact",) if self.compacted or self.retention is None else ()
        return compact if self.retention is None else (*compact, "delete")


REQUESTS = Topic(
    name="mint.requests",
    writer="upstream",
    events=(c.MintRequested,),
    retention=timedelta(days=30),
)
LEDGER = Topic(
    name="mint.ledger",
    writer="reconciler",
    events=(
        c.MintAccepted,
        c.MintRejected,
        c.MintStateReported,
        c.MintPrepared,
        c.UriUpdateRequested,
        c.UnpinRequested,
        c.MintCompleted,
        c.MintFailed,
        c.InterventionRequired,
    ),
    retention=timedelta(days=30),
)
IPFS = Topic(
    name="mint.ipfs",
    writer="ipfs-uploader",
    events=(c.AssetsPinned, c.AssetPinFailed, c.AssetsUnpinned, c.AssetsRepinned),
    retention=timedelta(days=30),
)
CLAIMS = Topic(
    name="mint.ipfs.claims", writer="ipfs-uploader", events=(c.AssetsClaimed,), retention=None
)
UNPINS = Topic(
    name="mint.ipfs.unpins", writer="ipfs-uploader", events=(c.UnpinBegun,), retention=None
)
FOLDERS = Topic(
    name="mint.ipfs.folders", writer="ipfs-uploader", events=(c.FolderBegun,), retention=None
)
CHAIN = Topic(
    name="mint.chain",
    writer="chain-minter",
    events=(
        c.MintSubmitted,
        c.MintConfirmed,
        c.MintParked,
        c.MetadataUriUpdated,
        c.UriUpdateFailed,
    ),
    retention=timedelta(days=30),
)
INFLIGHT = Topic(
    name="mint.chain.inflight", writer="chain-minter", events=(c.MintSubmitted,), retention=None
)
VERIFICATION = Topic(
    name="mint.verification",
    writer="verifier",
    events=(c.CheckCompleted, c.PhaseCompleted),
    retention=timedelta(days=30),
)
DEADLETTER = Topic(
    name="mint.deadletter",
    writer="any service",
    events=(c.RecordDeadLettered, c.DeadLetterRedriven, c.DeadLetterDiscarded),
    retention=timedelta(days=90),
)
HEALTH = Topic(
    name="mint.health",
    writer="each service that owns a layer",
    events=(c.LayerHealthReported,),
    retention=timedelta(days=1),  # an instance that is no more is forgotten
    compacted=True,
    segment=timedelta(minutes=10),
)
BREAKERS = Topic(
    name="mint.breakers",
    writer="each service that has endpoints to choose from",
    events=(c.BreakerChanged,),
    retention=timedelta(days=30),
)
CONTROL = Topic(
    name="mint.control",
    writer="operators, by the command line",
    events=(c.MaintenanceBegun, c.MaintenanceEnded),
    retention=None,
)

TOPICS = (
    REQUESTS,
    LEDGER,
    IPFS,
    CLAIMS,
    UNPINS,
    FOLDERS,
    CHAIN,
    INFLIGHT,
    VERIFICATION,
    DEADLETTER,
    HEALTH,
    BREAKERS,
    CONTROL,
)


def topic_of(event: type[c.Event]) -> Topic:
    """The topic that an event type is published on (the first that lists it).

    Raises `KeyError` for a type that no topic lists.
    """
    for topic in TOPICS:
        if event in topic.events:
            return topic
    raise KeyError(f"no topic carries {event.__name__}: add it to mint_events.topics")
