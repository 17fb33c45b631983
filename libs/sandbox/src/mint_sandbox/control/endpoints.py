"""The endpoints of one server process: what each was asked, and how it misbehaves at present."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from mint_sandbox.control.door import Door
from mint_sandbox.faults.downtime import is_down, next_change
from mint_sandbox.faults.effects import Effects, Strike
from mint_sandbox.faults.model import Kind
from mint_sandbox.faults.schedule import Call, Plan, Tally, decide, untouched


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for: JSON-RPC methods (several in a batch) or one operation; its CID."""

    operations: Sequence[str]
    cid: str | None = None


Understand = Callable[[web.Request], Awaitable[Asked]]
"""Reads a request without answering it."""


class Misconduct:
    """A plan that is being carried out, since it was set until it is `over`."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.tallies: tuple[Tally, ...] = untouched(plan)
        self.over = asyncio.Event()
        self._since = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the plan was set."""
        return time.monotonic() - self._since


class Controlled:
    """One endpoint, with the doors that lead to it and the effects that faults can have on it."""

    def __init__(self, understand: Understand, effects: Effects) -> None:
        self._understand = understand
        self._effects = effects
        self._doors: list[Door] = []
        self._doorkeeper: asyncio.Task[None] | None = None
        self.calls: Counter[str] = Counter()
        self.misconduct = Misconduct(Plan())

    @property
    def kinds(self) -> frozenset[Kind]:
        """What can be wrong with it."""
        return frozenset({*self._effects, Kind.FLAP})

    @property
    def middlewares(self) -> tuple[Middleware, ...]:
        """What goes around the endpoint's application, from the outside in."""

        @web.middleware
        async def controlled(request: web.Request, handler: Handler) -> web.StreamResponse:
            asked = await self._understand(request)
            self.calls.update(asked.operations)
            return await self._struck(asked, request, handler)

        return (controlled,)

    def add_door(self, door: Door) -> None:
        """Let faults shut that door too."""
        self._doors.append(door)

    async def misbehave(self, plan: Plan) -> None:
        """Carry out that plan in place of the present one; an empty one clears all faults.

        Raises ValueError for a fault that this endpoint can not have.
        """
        if impossible := {fault.kind for fault in plan.faults} - self.kinds:
            names = (", ".join(sorted(kinds)) for kinds in (impossible, self.kinds))
            raise ValueError("no such fault here: {}; there are {}".format(*names))
        self.misconduct.over.set()
        self.misconduct = Misconduct(plan)
        await self._end_doorkeeper()
        await self._mind_doors()
        self._doorkeeper = asyncio.create_task(self._keep_minding_doors())

    async def close(self) -> None:
        """Let go of requests that hang, and leave the doors as they are."""
        self.misconduct.over.set()
        await self._end_doorkeeper()

    async def _struck(
        self, asked: Asked, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        misconduct = self.misconduct
        call = Call(asked.operations, asked.cid, misconduct.elapsed)
        decision = decide(misconduct.plan, misconduct.tallies, call)
        misconduct.tallies = decision.tallies
        proceed = partial(handler, request)
        for fault in reversed(decision.faults):
            if fault.kind in self._effects:
                strike = Strike(fault, request, proceed, misconduct.over)
                proceed = partial(self._effects[fault.kind], strike)
        return await proceed()

    async def _mind_doors(self) -> None:
        faults = self.misconduct.plan.faults
        down = is_down(faults, self.misconduct.elapsed)
        for door in self._doors:
            await (door.shut() if down else door.open())

    async def _keep_minding_doors(self) -> None:
        faults = self.misconduct.plan.faults
        while (change := next_change(faults, self.misconduct.elapsed)) is not None:
            await asyncio.sleep(max(0.0, change - self.misconduct.elapsed))
            await self._mind_doors()

    async def _end_doorkeeper(self) -> None:
        if self._doorkeeper is not None:
            self._doorkeeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._doorkeeper


class Control:
    """All endpoints of a process, by name."""

    def __init__(self) -> None:
        self.endpoints: dict[str, Controlled] = {}

    def endpoint(self, name: str, understand: Understand, effects: Effects) -> Controlled:
        """Take a new endpoint under control."""
        endpoint = self.endpoints[name] = Controlled(understand, effects)
        return endpoint

    async def close(self) -> None:
        """Let go of requests that hang: the process ends."""
        for endpoint in self.endpoints.values():
            await endpoint.close()
