"""Runs checks: look at one endpoint after the other, round after round, until each check passed.

One look may serve several checks (an NFT's four accounts come in one answer). `Line`s are looked at
side by side; within a line a look waits until the one before it is decided. The rounds of all of a
mint's checks draw on the budget of its record (NR-4).
"""

from __future__ import annotations

import asyncio
import random as _random
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any, Generic, TypeVar

from mint_events.catalogue import CheckOutcome
from mint_resilience.backoff import Backoff, retry
from mint_resilience.failures import Failure, Transient
from verifier.catalogue import Check
from verifier.decision import Attempt, Examined, decide
from verifier.looks import look_failed
from verifier.verdict import Verdict, soonest, undecided

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Generic[T]):
    """A look and the checks it serves.

    `look` asks one of `endpoints`, given in order of preference, and raises a `Failure` when that
    says nothing; `policy` says how often all of them are asked. A failed check counts once
    `denials` of them said so. `turns` bounds how many looks go on at once; waiting for a turn is
    not a part of the look.
    """

    endpoints: tuple[str, ...]
    look: Callable[[str], Awaitable[T]]
    judges: Mapping[Check, Callable[[T], Verdict]]
    policy: Backoff
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
        """Look until every check of the probe passed, or its rounds are used up."""
        tried: dict[Check, list[Attempt]] = {check: [] for check in probe.judges}
        try:
            await retry(
                lambda: self._round(probe, tried),
                probe.policy,
                sleep=self._sleep,
                random=self._random,
            )
        except Failure as failure:  # no round is left: what was seen decides, if anything was
            ended = self._ended(", ".join(probe.endpoints), self._clock(), failure=failure)
            tried = {check: done or [ended] for check, done in tried.items()}
        return [decide(check, done, denials=probe.denials) for check, done in tried.items()]

    async def _round(self, probe: Probe[T], tried: Mapping[Check, list[Attempt]]) -> None:
        """Ask one endpoint after the other until every check has passed.

        Raises the failure after which another round has a chance first.
        """
        for endpoint in probe.endpoints:
            for check, attempt in (await self._attempt(probe, endpoint)).items():
                tried[check].append(attempt)
            if all(map(_passed, tried.values())):
                return
        missing = (done for done in tried.values() if not _passed(done))
        raise _reason(chain.from_iterable(done[-len(probe.endpoints) :] for done in missing))

    async def _attempt(self, probe: Probe[T], endpoint: str) -> dict[Check, Attempt]:
        async with probe.turns or nullcontext():
            return await self._look(probe, endpoint)

    async def _look(self, probe: Probe[T], endpoint: str) -> dict[Check, Attempt]:
        started = self._clock()
        try:
            seen = await probe.look(endpoint)
        except Failure as failure:
            look_failed(failure, endpoint=endpoint, checks=list(probe.judges))
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


def _reason(attempts: Iterable[Attempt]) -> Failure:
    """Why there is to be another round; a failed check, too, is looked at again (VE-5)."""
    reasons = (a.trouble or Transient(f"{a.endpoint}: {a.outcome}") for a in attempts)
    return soonest(reasons) or Transient("no endpoint is set")


def _postponed(probe: Probe[T], waits_for: Examined) -> list[Examined]:
    """Checks that could not be looked at, since what they rest on is undecided."""
    verdict = undecided(waits_for=waits_for.check)
    attempt = Attempt(endpoint=waits_for.endpoint, at=waits_for.at, latency=0.0, verdict=verdict)
    return [decide(check, [attempt], denials=probe.denials) for check in probe.judges]
