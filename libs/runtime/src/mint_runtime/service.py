"""The life of a service process: settings, logs, health, then its work until told to stop.

```python
async def serve(settings: MinterSettings, process: Process) -> None:
    process.health.add_check("kafka", consumer.readiness)
    await consumer.run(process.stop)

if __name__ == "__main__":
    run("chain-minter", MinterSettings, serve)
```
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn

import structlog
import uvloop

from mint_resilience import failpoints
from mint_resilience.failpoints import Failpoint
from mint_resilience.retrying import observe_retries
from mint_runtime import logs
from mint_runtime.health import HealthServer
from mint_runtime.retry_metrics import RetryMetrics
from mint_runtime.settings import S, load_or_exit

CRASH_EXIT_CODE = 1
_CANCEL_SECONDS = 5.0

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Process:
    """What the process hands to the service's work: when to stop, and where to report health."""

    stop: asyncio.Event
    health: HealthServer


Work = Callable[[S, Process], Awaitable[None]]
"""A service's work; it returns soon after `Process.stop` is set."""


def run(name: str, settings_type: type[S], work: Work[S]) -> NoReturn:
    """Run a service until SIGTERM or SIGINT, then exit.

    Exit code 0 after a clean stop; 1 after a crash or a stop that took longer than
    `shutdown_seconds`, both logged; 2 for a bad setting, told in one line on stderr.
    """
    settings = load_or_exit(settings_type)
    logs.configure(name, settings.log_level)
    observe_retries(RetryMetrics())
    _arm(settings.failpoint)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(_supervise(settings, work)))


async def _supervise(settings: S, work: Work[S]) -> int:
    process = Process(_stop_on_signal(), HealthServer(settings.http_host, settings.http_port))
    try:
        await process.health.start()
        log.info("started", http=process.health.address, instance=settings.service_instance)
        await _until_stopped(work(settings, process), process.stop, settings.shutdown_seconds)
    except Exception:
        log.exception("crashed")
        return CRASH_EXIT_CODE
    finally:
        await process.health.stop()
    log.info("stopped")
    return 0


def _arm(failpoint: Failpoint | None) -> None:
    failpoints.arm(failpoint)
    if failpoint is not None:
        log.warning("will die on purpose", at=failpoint.boundary, passing=failpoint.passing)


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _until_stopped(work: Awaitable[None], stop: asyncio.Event, seconds: float) -> None:
    """Wait for the work; once `stop` is set give it `seconds` more. Raises `TimeoutError`."""
    running = asyncio.ensure_future(work)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stop.is_set():
        log.info("stopping", within_seconds=seconds)
        await asyncio.wait({running}, timeout=seconds)
    if not running.done():
        running.cancel()
        await asyncio.wait({running}, timeout=_CANCEL_SECONDS)
        raise TimeoutError(f"the service did not stop within {seconds} s and was cut off")
    await running
