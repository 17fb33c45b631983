"""What breakers do, as events on `mint.breakers`: what an incident's timeline is made of.

Who observes a breaker must neither wait nor raise, and Kafka may be away just then. So changes wait
here, in memory and not too many, for one task that publishes them in their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from uuid import uuid4

import structlog
from prometheus_client import Counter

from mint_events.catalogue import BreakerChanged, BreakerState
from mint_events.envelope import Envelope, root
from mint_resilience.breaker import Transition
from mint_resilience.failures import Failure
from mint_runtime.censor import Censor

MOST_WAITING = 1000
"""Changes that wait for Kafka: about an hour of four endpoints that are probed every 30 s."""

CHANGES_LOST = Counter(
    "trimint_breaker_changes_lost_total",
    "Changes of a breaker's state that may be missing on mint.breakers.",
)

_RETRY_SECONDS = 1.0
_LAST_WORDS_SECONDS = 2.0

log = structlog.stdlib.get_logger(__name__)

Publish = Callable[[Envelope], Awaitable[object]]
"""Returns when the event is acknowledged; raises a `Failure` when it is not."""


class BreakerChanges:
    """Takes in what the breakers of this process do, and publishes it."""

    def __init__(
        self,
        *,
        service: str,
        instance: str,
        censor: Censor,
        now: Callable[[], datetime],
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._service = service
        self._instance = instance
        self._censor = censor
        self._now = now
        self._waiting: asyncio.Queue[Envelope] = asyncio.Queue(most_waiting)

    def tell(self, dependency: str, endpoint: str, transition: Transition) -> None:
        """A breaker has just changed its state. Returns at once, whatever Kafka does."""
        event = self._event(dependency, endpoint, transition)
        # A new id: nothing that is made again leads to it. It stays the same however often the
        # event is sent.
        change = root(event, id=uuid4(), source=self._service, time=self._now())
        log.warning(
            "breaker changed",
            event_id=str(change.id),
            dependency=dependency,
            endpoint=endpoint,
            before=event.before,
            after=event.after,
            reason=event.reason,
            failure=event.failure,
        )
        if self._waiting.full():
            self._drop_oldest("too many wait for Kafka")
        self._waiting.put_nowait(change)

    @asynccontextmanager
    async def published(self, publish: Publish) -> AsyncIterator[None]:
        """Publish while the block runs; after it what still waits, for a moment at most."""
        publishing = asyncio.create_task(self._publish_all(publish))
        try:
            yield
        finally:
            try:
                await self._last_words()
            finally:
                publishing.cancel()
                await asyncio.wait([publishing])
                while not self._waiting.empty():
                    self._drop_oldest("the process ends")

    def _event(self, dependency: str, endpoint: str, transition: Transition) -> BreakerChanged:
        return BreakerChanged(
            dependency=dependency,
            endpoint=endpoint,
            service=self._service,
            instance=self._instance,
            before=BreakerState(transition.before.value),
            after=BreakerState(transition.after.value),
            reason=self._censor.censored(transition.reason),
            failure=transition.failure,
        )

    async def _publish_all(self, publish: Publish) -> None:
        while True:
            change = await self._waiting.get()
            try:
                await _publish(publish, change)
            except asyncio.CancelledError:
                _lose(change, "the process ends")
                raise
            except Exception:
                log.exception("breaker change can not be published", event_id=str(change.id))
                _lose(change, "it can not be published")
            self._waiting.task_done()

    async def _last_words(self) -> None:
        with suppress(TimeoutError):  # what is left is counted and logged as lost
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await self._waiting.join()

    def _drop_oldest(self, why: str) -> None:
        _lose(self._waiting.get_nowait(), why)
        self._waiting.task_done()


async def _publish(publish: Publish, change: Envelope) -> None:
    """Try until it is acknowledged: those after it wait for it, so that they stay in order."""
    while True:
        try:
            await publish(change)
        except Failure as failure:
            log.warning("breaker change not published", event_id=str(change.id), why=str(failure))
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return


def _lose(change: Envelope, why: str) -> None:
    CHANGES_LOST.inc()
    log.error("breaker change lost", event_id=str(change.id), subject=change.subject, why=why)
