"""Coroutines in virtual time: one step after the other, in an order that follows the delays alone.

No event loop: a coroutine is resumed by hand where it awaits `Steps.pause`, the only thing that a
simulated port awaits. Between two pauses nothing else happens, so every boundary at which a real
process may end or be overtaken is one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from heapq import heappop, heappush
from types import coroutine
from typing import Any


@coroutine
def paused(seconds: float, step: str) -> Generator[tuple[float, str], None, None]:
    """Give the turn away for so many virtual seconds, before the step that is named."""
    yield seconds, step


class Task:
    """A coroutine under way; what it is about to do can be looked at, and it can be ended."""

    def __init__(self, steps: Steps, work: Coroutine[Any, Any, None]) -> None:
        self._steps = steps
        self._work = work
        self.ended = False
        self.before: Callable[[Task, str], float] = lambda _, __: 0.0

    def resume(self) -> None:
        if self.ended:
            return
        try:
            seconds, step = self._work.send(None)
        except StopIteration:
            self.ended = True
            return
        seconds += self.before(self, step)
        if not self.ended:
            self._steps.after(seconds, self.resume)

    def kill(self) -> None:
        """End it here, as kill -9 would: nothing of it runs any more."""
        self.ended = True
        self._work.close()


class Steps:
    """The virtual time in seconds, and what is to happen when."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self._count += 1
        heappush(self._due, (self.now + seconds, self._count, action))

    def start(self, work: Coroutine[Any, Any, None]) -> Task:
        task = Task(self, work)
        self.after(0.0, task.resume)
        return task

    def run(self, until: float, done: Callable[[], bool]) -> None:
        """Go on until it is done, nothing is due any more, or the time has come."""
        while self._due and not done() and self._due[0][0] <= until:
            self.now, _, action = heappop(self._due)
            action()
