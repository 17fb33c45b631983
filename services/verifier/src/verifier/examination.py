"""Runs checks: look at one endpoint after the other, within limits, until each check is decided.

One look may serve several checks (an NFT's four accounts come in one answer). `Line`s are looked at
side by side; within a line a look waits until the one before it is decided.
"""

from __future__ import annotations

import asyncio
import random as _random
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import cycle, islice
from typing import Any, Generic, TypeVar

from mint_events.catalogue import CheckOutcome
from mint_resilience.backoff import wait
from mint_resilience.failures import Degraded, Failure
from verifier.catalogue import Check
from verifier.decision import Attempt, Examined, decide
from verifier.verdict import Verdict, undecided

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How often to look, the seconds one look may take, and the base of the waits in between."""

    attempts: int
    timeout: float
    backoff: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Generic[T]):
    """A look and the checks it serves.

    `look` asks one of `endpoints`, given in order of preference, and raises a `Failure` when that
    says nothing. A failed check counts once `denials` of them said so. `turns` bounds how many
    looks go on at once, where they are large; waiting for a turn is not a part of the look.
    """

    endpoints: tuple[str, ...]
    look: Callable[[str], Awaitable[T]]
    judges: Mapping[Check, Callable[[T], Verdict]]
    limits: Limits
    denials: int = 1
    turns: asyncio.Semaphore | None = None

    def only(self, checks: Collection[str]) -> Probe[T]:
        """The same look, serving none but these checks."""
        return replace(self, judges={c: judge for c, judge in self.judges.items() if c in checks})


Line = tuple[Probe[Any], ...]


class Examiner:
    """Examines probes; `now` gives the time in UTC, `clock` counts seconds."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self._now = now
        self._clock = clock
        self._sleep = sleep
        self._random = random

    async def examine(self, lines: Sequence[Line]) -> tuple[Examined, ...]:
        """Every check of every line, in their order."""
        done = await asyncio.gather(*(self._examine_line(line) for line in lines))
        return tuple(examined for line in done for examined in line)

    async def _examine_line(self, line: Line) -> list[Examined]:
        done: list[Examined] = []
        for probe in line:
            waits_for = next((e for e in done if e.outcome is CheckOutcome.INCONCLUSIVE), None)
            done += _postponed(probe, waits_for) if waits_for else await self.examine_probe(probe)
        return done

    async def examine_probe(self, probe: Probe[T]) -> list[Examined]:
        """Look until every check of the probe passed, or its attempts are used up."""
        tried: dict[Check, list[Attempt]] = {check: [] for check in probe.judges}
        for number, endpoint in enumerate(_round_robin(probe)):
            await self._pause(probe, number)
            for check, attempt in (await self._attempt(probe, endpoint)).items():
                tried[check].append(attempt)
            if all(map(_passed, tried.values())):
                break
        return [decide(check, done, denials=probe.denials) for check, done in tried.items()]

    async def _pause(self, probe: Probe[T], number: int) -> None:
        """Wait only before an endpoint that was asked before: another one is asked at once."""
        repeats = number // len(probe.endpoints)
        if repeats:
            await self._sleep(wait(repeats, probe.limits.backoff, self._random))

    async def _attempt(self, probe: Probe[T], endpoint: str) -> dict[Check, Attempt]:
        async with probe.turns or nullcontext():
            return await self._look(probe, endpoint)

    async def _look(self, probe: Probe[T], endpoint: str) -> dict[Check, Attempt]:
        started = self._clock()
        try:
            seen = await _within(probe.limits.timeout, probe.look(endpoint), endpoint)
        except Failure as failure:
            return dict.fromkeys(probe.judges, self._ended(endpoint, started, failure=failure))
        looked = self._ended(endpoint, started)
        return {
            check: replace(looked, verdict=judge(seen)) for check, judge in probe.judges.items()
        }

    def _ended(self, endpoint: str, started: float, failure: Failure | None = None) -> Attempt:
        latency = self._clock() - started
        return Attempt(endpoint=endpoint, at=self._now(), latency=latency, failure=failure)


def _passed(attempts: Sequence[Attempt]) -> bool:
    return any(attempt.outcome is CheckOutcome.PASSED for attempt in attempts)


def _round_robin(probe: Probe[T]) -> Sequence[str]:
    """The endpoints of all attempts: each is asked at least once."""
    attempts = max(probe.limits.attempts, len(probe.endpoints))
    return tuple(islice(cycle(probe.endpoints), attempts))


async def _within(seconds: float, looking: Awaitable[T], endpoint: str) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await looking
    except TimeoutError as error:
        message = f"{endpoint}: no answer within {seconds:g} s"
        raise Degraded(message, endpoint=endpoint) from error


def _postponed(probe: Probe[T], waits_for: Examined) -> list[Examined]:
    """Checks that could not be looked at, since what they rest on is undecided."""
    verdict = undecided(waits_for=waits_for.check)
    attempt = Attempt(endpoint=waits_for.endpoint, at=waits_for.at, latency=0.0, verdict=verdict)
    return [decide(check, [attempt], denials=probe.denials) for check in probe.judges]
