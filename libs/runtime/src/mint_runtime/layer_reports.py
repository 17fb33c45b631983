"""What the owner of a layer says of it on `mint.health`, where admission listens (MF-3).

Each instance speaks for itself, at every change and from time to time, so that its silence means
something: a report holds only for a while, and that from the look which it is of. Who no longer
looks has nothing to say, however well he found the layer last.
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
from mint_runtime.logs import told
from mint_runtime.settings import ServiceSettings

_RETRY_SECONDS = 1.0
_LAST_WORD_SECONDS = 2.0

log = structlog.stdlib.get_logger(__name__)


class ReportSettings(ServiceSettings):
    """How often a layer's health is reported, and how long a report holds."""

    health_report_seconds: float = Field(
        default=5.0,
        gt=0,
        description="seconds between two reports of the layer's health, above 0; there are none"
        " without a new look at it",
    )
    health_valid_seconds: float = Field(
        default=30.0,
        gt=0,
        description="seconds that a report holds after the look that it is of: no mint is begun on"
        " an older one's word",
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
        self._look: Envelope | None = None
        self._said: Envelope | None = None
        self._due = asyncio.Event()

    def tell(self, fault: str | None, authorities: Sequence[str] = ()) -> None:
        """A look has just found that mints can be begun (None), or what is wrong.

        To be told of every look, since what it found holds from now. Said at once if it is news.
        """
        report = LayerHealthReported(
            layer=self._speaker.layer,
            instance=self._speaker.instance,
            fault=fault,
            valid_seconds=self._settings.health_valid_seconds,
            authorities=tuple(authorities),
        )
        before, source = self._look, self._speaker.service
        self._look = root(report, id=uuid4(), source=source, time=self._now())
        if before is None or before.event != report or self._is_old(self._said):
            self._due.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Report until `stop` is set, or until cancelled."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                seconds = await self._say()
                due = asyncio.create_task(self._due.wait())
                awaited = {stopping, due}
                await asyncio.wait(awaited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                due.cancel()
        finally:
            stopping.cancel()
            await self._take_back()

    async def _say(self) -> float:
        """Publish the newest look, unless that is done; in how many seconds to see to it again."""
        self._due.clear()
        look = self._look
        if look is None or look is self._said:
            return self._settings.health_report_seconds
        try:
            await self._announcer.publish(look)
        except Failure as failure:
            log.warning("health not reported", layer=self._speaker.layer, **told(failure))
            return _RETRY_SECONDS
        self._said = look
        return self._settings.health_report_seconds

    def _is_old(self, said: Envelope | None) -> bool:
        """Whether it is time to say something newer."""
        if said is None:
            return True
        return (self._now() - said.time).total_seconds() >= self._settings.health_report_seconds

    async def _take_back(self) -> None:
        """A report of a process that is no more; where that fails, it lapses."""
        if self._look is None:
            return
        with suppress(Failure, TimeoutError):
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                await self._announcer.tombstone(HEALTH, self._look.subject)
