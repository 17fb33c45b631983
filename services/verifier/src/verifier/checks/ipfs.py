"""IPFS: does the content come back, from enough places, and is it what was asked for?

Bytes reach these functions only after their hash was compared with the CID.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from mint_content import metadata
from mint_resilience.failures import Failure, Permanent
from verifier.expectation import Expectation
from verifier.verdict import Verdict, compare, failed, passed, soonest, undecided


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """What one gateway did for one CID: verified bytes, or the failure that came instead."""

    endpoint: str
    content: bytes | None
    failure: Failure | None = None

    @property
    def denied(self) -> bool:
        """Whether the gateway was there and said that it has no such content."""
        return isinstance(self.failure, Permanent)


def metadata_retrievable(expected: Expectation, seen: GatewayAnswer) -> Verdict:
    """The metadata JSON can be had under its CID."""
    if seen.content is None:
        return failed(cid=expected.metadata_cid, answer=seen.failure)
    return passed(cid=expected.metadata_cid, bytes=len(seen.content))


def metadata_level(expected: Expectation, seen: GatewayAnswer) -> Verdict:
    """The metadata JSON is well formed and proves the requested level with the right media."""
    if seen.content is None:
        return undecided(cid=expected.metadata_cid, waits_for="metadata_retrievable")
    return level_of_document(expected, seen.content)


def level_of_document(expected: Expectation, document: bytes) -> Verdict:
    """Judge a metadata JSON by itself, whoever fetched it."""
    try:
        found = metadata.parse(document)
    except Permanent as fault:
        return failed(document=fault)
    animation = expected.animation_cid.uri if expected.animation_cid else None
    return compare(
        {
            "level": expected.level,
            "name": expected.name,
            "image": expected.image_cid.uri,
            "animation_url": animation,
        },
        {
            "level": found.level,
            "name": found.name,
            "image": found.image,
            "animation_url": found.animation_url,
        },
    )


def metadata_available(
    expected: Expectation, answers: Sequence[GatewayAnswer], *, required: int
) -> Verdict:
    """The metadata JSON can be had from at least `required` gateways."""
    del expected  # the gateways' bytes were compared with its CID already
    return _available(answers, required)


def image_available(
    expected: Expectation, answers: Sequence[GatewayAnswer], *, required: int
) -> Verdict:
    """The image can be had from at least `required` gateways, with the requested bytes' hash."""
    return _unaltered(expected.image_sha256, answers) or _available(answers, required)


def animation_available(
    expected: Expectation, answers: Sequence[GatewayAnswer], *, required: int
) -> Verdict:
    """The same of the animation; for a mint that has one."""
    return _unaltered(expected.animation_sha256, answers) or _available(answers, required)


def _unaltered(wanted: str | None, answers: Sequence[GatewayAnswer]) -> Verdict | None:
    """A failure when any gateway's bytes have another SHA-256 than was pinned."""
    hashes = {sha256(a.content).hexdigest() for a in answers if a.content is not None}
    if hashes <= {wanted}:
        return None
    return failed(sha256=f"expected {wanted}, saw {', '.join(sorted(hashes))}")


def _available(answers: Sequence[GatewayAnswer], required: int) -> Verdict:
    """Enough is enough; too few only if those who might still have it would not make it enough."""
    evidence = {a.endpoint: "ok" if a.content is not None else _told(a.failure) for a in answers}
    good = sum(a.content is not None for a in answers)
    silent = sum(a.content is None and not a.denied for a in answers)
    evidence["retrieved"] = f"{good} of {len(answers)}, {required} required"
    if good >= required:
        return passed(**evidence)
    if good + silent < required:
        return failed(**evidence)
    why = soonest(a.failure for a in answers if a.failure and not a.denied)
    return replace(undecided(**evidence), failure=why)


def _told(failure: Failure | None) -> str:
    return f"{failure.kind}: {failure}" if failure else "no answer"
