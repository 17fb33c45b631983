"""What the owner of a layer says of it on `mint.health`, where admission listens (MF-3).

Each instance speaks for itself, at every change and from time to time, so that its silence means
something: a report holds only for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import uuid4

import structlog
from pydantic import Field, model_validator

from mint_events.bus import Position
from mint_events.catalogue import Layer, LayerHealthReported
from mint_events.envelope import Envelope, root
from mint_events.topics import HEALTH, Topic
from mint_resilience.failures import Failure
from mint_runtime.settings import ServiceSettings

_RETRY_SECONDS = 1.0
_LAST_WORD_SECONDS = 2.0

log = structlog.stdlib.get_logger(__name__)


class ReportSettings(ServiceSettings):
    """How often a layer's health is reported, and how long a report holds."""

    health_report_seconds: float = Field(
        default=5.0, gt=0, description="seconds between two reports of the layer's health, above 0"
    )
    health_valid_seconds: float = Field(
        default=30.0,
        gt=0,
        description="seconds that a report holds: no mint is begun on an older one's word",
    )

    @model_validator(mode="after")
    def _reports_overlap(self) -> ReportSettings:
        if self.health_valid_seconds <= self.health_report_seconds:
            raise ValueError(
                "TRIMINT_HEALTH_VALID_SECONDS: expected more than TRIMINT_HEALTH_REPORT_SECONDS"
                f" ({self.health_report_seconds:g}), got {self.health_valid_seconds:g}"
            )
        return self


class Announcer(Protocol):
    """Where reports are published."""

    async def publish(self, *envelopes: Envelope) -> Sequence[Position]:
        """Return when all are acknowledged; raise a `Failure` when they are not."""

    async def tombstone(self, topic: Topic, key: str) -> Position:
        """Delete what was said under a key; raise as `publish` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who says it of which layer: the service's name, and the process's among the others."""

    layer: Layer
    service: str
    instance: str


class LayerReports:
    """Says how this instance finds its layer, once it knows; takes it back when it ends."""

    def __init__(
        self,
        speaker: Speaker,
        announcer: Announcer,
        settings: ReportSettings,
        now: Callable[[], datetime],
    ) -> None:
        self._speaker = speaker
        self._announcer = announcer
        self._settings = settings
        self._now = now
        self._latest: LayerHealthReported | None = None
        self._changed = asyncio.Event()

    def tell(self, fault: str | None, authorities: Sequence[str] = ()) -> None:
        """Mints can be begun (None), or what is wrong. Said at once if it is news."""
        report = LayerHealthReported(
            layer=self._speaker.layer,
            instance=self._speaker.instance,
            fault=fault,
            valid_seconds=self._settings.health_valid_seconds,
            authorities=tuple(authorities),
        )
        if report != self._latest:
            self._latest = report
            self._changed.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Report until `stop` is set, or until cancelled."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                seconds = await self._say()
                changed = asyncio.create_task(self._changed.wait())
                awaited = {stopping, changed}
                await asyncio.wait(awaited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
        finally:
            stopping.cancel()
            await self._take_back()

    async def _say(self) -> float:
        """Publish what is known; in how many seconds to do so again."""
        self._changed.clear()
        if self._latest is None:
            return self._settings.health_report_seconds
        source, now = self._speaker.service, self._now()
        try:
            await self._announcer.publish(root(self._latest, id=uuid4(), source=source, time=now))
        except Failure as failure:
            log.warning("health not reported", layer=self._speaker.layer, why=str(failure))
            return _RETRY_SECONDS
        return self._settings.health_report_seconds

    async def _take_back(self) -> None:
        """A report of a process that is no more; where that fails, it lapses."""
        if self._latest is None:
            return
        with suppress(Failure, TimeoutError):
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                await self._announcer.tombstone(HEALTH, self._latest.subject)
