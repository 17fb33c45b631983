"""What the owners of layers say on `mint.health`, and operators on `mint.control`, for the gate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

import structlog

from mint_events.bus import Cluster, CompactedTopic
from mint_events.catalogue import LayerHealthReported, MaintenanceBegun
from mint_events.codec import Codec
from mint_events.envelope import Envelope
from mint_events.gate import maintenance_of, report_of
from mint_events.topics import CONTROL, HEALTH
from mint_resilience.failures import Failure
from mint_runtime.logs import told
from reconciler.gate import Gate

_SECONDS = 0.2
"""Between two looks at the topics' ends."""

_SECONDS_AFTER_A_FAILURE = 1.0

log = structlog.stdlib.get_logger(__name__)


class Announcements:
    """Tells the gate what is announced; while Kafka is away, what was heard lapses."""

    def __init__(
        self, cluster: Cluster, codec: Codec, gate: Gate, now: Callable[[], datetime]
    ) -> None:
        self._health = CompactedTopic(cluster, codec, HEALTH)
        self._control = CompactedTopic(cluster, codec, CONTROL)
        self._gate = gate
        self._now = now
        self._first_seen: dict[UUID, datetime] = {}

    async def run(self) -> None:
        """Listen until cancelled. Raises `Outage` when no broker answers at the start."""
        async with self._health, self._control:
            while True:  # noqa: ASYNC110 - the brokers can only be asked
                await asyncio.sleep(await self._listen())

    async def _listen(self) -> float:
        """Read what is new; in how many seconds to do so again."""
        try:
            health, control = await self._health.present(), await self._control.present()
        except Failure as failure:
            log.warning("announcements can not be read", **told(failure))
            return _SECONDS_AFTER_A_FAILURE
        self._hear(
            [received.envelope for received in health.values()],
            [received.envelope for received in control.values()],
        )
        return _SECONDS

    def _hear(self, health: Iterable[Envelope], control: Iterable[Envelope]) -> None:
        now, health = self._now(), tuple(health)
        self._first_seen = {each.id: self._first_seen.get(each.id, now) for each in health}
        self._gate.hear(
            [
                report_of(each.event, self._said(each))
                for each in health
                if isinstance(each.event, LayerHealthReported)
            ],
            [
                maintenance_of(each.event, each.time)
                for each in control
                if isinstance(each.event, MaintenanceBegun)
            ],
        )

    def _said(self, report: Envelope) -> datetime:
        """By its sender's clock, but not after it was seen: a clock ahead prolongs no report."""
        return min(report.time, self._first_seen[report.id])
