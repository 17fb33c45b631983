"""A look that gave no answer, as a log line: its class and who was asked; the mint is bound."""

from __future__ import annotations

import structlog

from mint_resilience.failures import Deferred, Failure

log = structlog.stdlib.get_logger(__name__)


def look_failed(failure: Failure, *, endpoint: str, **about: object) -> None:
    """Tell of a failed look; of one that was not even made, more quietly."""
    tell = log.info if isinstance(failure, Deferred) else log.warning
    tell(
        "look failed",
        failure=failure.kind,
        endpoint=failure.endpoint or endpoint,
        detail=str(failure),
        **about,
    )
