"""What each layer should hold of a mint, what was seen there, and since when that is known (RE-2).

| layer    | expected                          | seen                              |
|----------|-----------------------------------|-----------------------------------|
| solana   | the address fixed at preparation  | the address that was confirmed    |
| ipfs     | the metadata's CID                | the same, once fetched back       |
| database | the address that is on chain      | the address in the record         |

A failed or rejected mint expects nothing anywhere; a pin that is still there is then seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from mint_events.catalogue import CheckOutcome
from mint_events.state.facts import Check, MintState
from mint_events.state.status import Status, status_of

LAYERS = ("solana", "ipfs", "database")


class Verdict(StrEnum):
    """Whether a layer holds what it should."""

    PENDING = "pending"
    CONSISTENT = "consistent"
    INCONSISTENT = "inconsistent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyRow:
    """One layer of one mint; `since` is the time of the oldest evidence that the verdict needs."""

    mint_id: str
    layer: str
    expected: str | None
    seen: str | None
    verdict: Verdict
    since: datetime


class _Sight(NamedTuple):
    expected: str | None
    seen: str | None


def consistency_rows(state: MintState) -> tuple[ConsistencyRow, ...]:
    """One row per layer; none while nothing is known of the mint."""
    if state.updated_at is None:
        return ()
    return tuple(_row(state, layer, state.updated_at) for layer in LAYERS)


def _row(state: MintState, layer: str, newest: datetime) -> ConsistencyRow:
    sight = _sight(state, layer)
    evidence = _newest_per_name([check for check in state.checks if check.layer == layer])
    verdict = _verdict(state, sight, evidence)
    return ConsistencyRow(
        mint_id=state.mint_id,
        layer=layer,
        expected=sight.expected,
        seen=sight.seen,
        verdict=verdict,
        since=_since(state, verdict, evidence, newest),
    )


def _sight(state: MintState, layer: str) -> _Sight:
    if status_of(state) in (Status.FAILED, Status.REJECTED):
        return _Sight(None, _still_pinned(state) if layer == "ipfs" else None)
    prepared = state.preparation.mint_address if state.preparation else None
    confirmed = state.confirmation.mint_address if state.confirmation else None
    metadata = state.pinning.metadata.cid if state.pinning else None
    return {
        "solana": _Sight(prepared, confirmed),
        "ipfs": _Sight(metadata, metadata),
        "database": _Sight(confirmed, prepared),
    }[layer]


def _still_pinned(state: MintState) -> str | None:
    gone = state.unpinned.cids if state.unpinned else ()
    return ",".join(sorted({asset.cid for asset in state.assets} - set(gone))) or None


def _newest_per_name(checks: Sequence[Check]) -> list[Check]:
    """A check that runs in both phases counts by its newer result."""
    ordered = sorted(checks, key=lambda check: (check.at, check.event_id))
    return list({check.check: check for check in ordered}.values())


def _verdict(state: MintState, sight: _Sight, evidence: Sequence[Check]) -> Verdict:
    if status_of(state) in (Status.FAILED, Status.REJECTED):
        return Verdict.CONSISTENT if sight.seen is None else Verdict.PENDING
    outcomes = {check.outcome for check in evidence}
    if CheckOutcome.FAILED in outcomes:
        return Verdict.INCONSISTENT
    if CheckOutcome.INCONCLUSIVE in outcomes:
        return Verdict.UNKNOWN
    agrees = sight.expected is not None and sight.expected == sight.seen
    return Verdict.CONSISTENT if agrees and outcomes else Verdict.PENDING


_DECIDES = {
    Verdict.INCONSISTENT: CheckOutcome.FAILED,
    Verdict.UNKNOWN: CheckOutcome.INCONCLUSIVE,
    Verdict.CONSISTENT: CheckOutcome.PASSED,
}


def _since(
    state: MintState, verdict: Verdict, evidence: Sequence[Check], newest: datetime
) -> datetime:
    deciding = _DECIDES.get(verdict)
    times = [check.at for check in evidence if check.outcome is deciding]
    return min(times, default=_began(state) or newest)


def _began(state: MintState) -> datetime | None:
    for fact in (state.failing, state.rejection, state.origin, state.acceptance):
        if fact is not None:
            return fact.at
    return None
