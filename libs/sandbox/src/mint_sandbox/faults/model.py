"""What can be wrong with an endpoint. Pure data, to and from JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Final

MAX_LAG: Final = 300
"""Slots that an endpoint can lag behind: twice the life of a blockhash."""


class Kind(StrEnum):
    """What goes wrong. In brackets: the parameters of `Fault` that matter."""

    REFUSE = "refuse"
    """Nobody listens; with methods, CID, probability or count: those requests are reset."""
    FLAP = "flap"
    """Nobody listens for `seconds`, then all is well for as long, and so on."""
    HANG = "hang"
    """The request is read and never answered; the connection is reset when the fault is cleared."""
    SLOW = "slow"
    """The request is worked on only after `seconds`."""
    TRICKLE = "trickle"
    """The answer's body takes `seconds` to arrive, bit by bit."""
    RATE_LIMITED = "rate-limited"
    """HTTP 429, with `Retry-After` when `seconds` is given."""
    SERVER_ERROR = "server-error"
    """HTTP `status`, 503 unless given; nothing is done."""
    LOST_REPLY = "lost-reply"
    """What was asked for is done, and the connection is reset in place of an answer."""
    CUT_OFF = "cut-off"
    """The connection ends in the middle of the answer's body."""
    TRUNCATED = "truncated"
    """Half of the answer's body, presented as all of it."""
    GARBAGE = "garbage"
    """HTTP 200 with bytes that are neither JSON nor text."""
    HTML = "html"
    """HTTP 200 with a web page."""

    RPC_ERROR = "rpc-error"
    """HTTP 200 with a JSON-RPC error of `code`: 429 unless given, -32005 for a node behind."""
    DROP = "drop"
    """A sent transaction is checked and answered with its signature, and never lands."""
    LATE = "late"
    """A sent transaction lands `blocks` later, but no later than in its last valid block; there, if
    `blocks` is not given."""
    LAG = "lag"
    """Every read comes from `blocks` slots ago, at most `MAX_LAG`."""
    HEIGHT = "height"
    """Block heights are told `blocks` too high (or too low, when negative)."""

    WRONG_BYTES = "wrong-bytes"
    """The content with one bit changed."""
    OTHER_FILE = "other-file"
    """The content of another CID."""
    ENDLESS = "endless"
    """The content, followed by bytes without end."""
    REDIRECT = "redirect"
    """HTTP 302 to `location`, an address of this machine unless given."""

    UNAUTHORIZED = "unauthorized"
    """HTTP 401."""
    OVER_QUOTA = "over-quota"
    """HTTP `status`, 403 unless given: the plan allows no more."""
    WRONG_CID = "wrong-cid"
    """The request is carried out, and the answer names another CID."""


_IN_SECONDS = frozenset({Kind.FLAP, Kind.SLOW, Kind.TRICKLE})
_IN_BLOCKS = frozenset({Kind.LAG, Kind.HEIGHT})


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Which requests a fault strikes: those that meet every condition.

    `methods` are JSON-RPC methods or operations of an IPFS server (none: all); a batch is struck
    when any of its methods is meant. `cid` is the content asked for. `after` and `until` are
    seconds since the fault was set. Of those requests, each is struck with `probability`, and no
    more than `count` of them.
    """

    methods: tuple[str, ...] = ()
    cid: str | None = None
    after: float = 0.0
    until: float | None = None
    probability: float = 1.0
    count: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.probability <= 1:
            raise ValueError(f"probability {self.probability} is not above 0 and up to 1")
        if self.count is not None and self.count < 1:
            raise ValueError(f"count {self.count} is not at least 1")
        if self.until is not None and not self.after < self.until:
            raise ValueError(f"the fault ends ({self.until} s) before it begins ({self.after} s)")

    def is_time(self, elapsed: float) -> bool:
        """Whether the fault is on, so many seconds after it was set."""
        return self.after <= elapsed and (self.until is None or elapsed < self.until)

    @property
    def is_any_request(self) -> bool:
        """Whether every request within the time is struck."""
        return self == When(after=self.after, until=self.until)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; what the parameters mean is said at its `Kind`.

    Raises ValueError when one that its kind needs is missing or out of range.
    """

    kind: Kind
    when: When = When()
    seconds: float | None = None
    blocks: int | None = None
    status: int | None = None
    code: int | None = None
    location: str | None = None

    def __post_init__(self) -> None:
        if self.kind in _IN_SECONDS and not (self.seconds and self.seconds > 0):
            raise ValueError(f"{self.kind} needs `seconds` above 0")
        if self.kind in _IN_BLOCKS and self.blocks is None:
            raise ValueError(f"{self.kind} needs `blocks`")
        if self.kind is Kind.LATE and self.blocks is not None and self.blocks < 1:
            raise ValueError(f"a transaction lands 1 block later or more, not {self.blocks}")
        if self.kind is Kind.LAG and not 0 < (self.blocks or 0) <= MAX_LAG:
            raise ValueError(f"an endpoint can lag by 1 to {MAX_LAG} slots, not by {self.blocks}")

    def to_json(self) -> dict[str, Any]:
        """What was given, without the defaults; conditions beside parameters."""
        flat = {**asdict(self), **asdict(self.when), "kind": self.kind.value}
        del flat["when"]
        defaults = {field.name: field.default for field in fields(When)}
        return {name: value for name, value in flat.items() if value != defaults.get(name)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Fault:
        """Read what `to_json` wrote; raises ValueError that says what is wrong."""
        rest = dict(values)
        names = {field.name for field in fields(When)}
        when = {name: rest.pop(name) for name in names & rest.keys()}
        try:
            kind = Kind(rest.pop("kind", None))
            return cls(kind, When(**{**when, "methods": tuple(when.get("methods", ()))}), **rest)
        except TypeError as error:
            raise ValueError(f"{dict(values)} is no fault: {error}") from error
