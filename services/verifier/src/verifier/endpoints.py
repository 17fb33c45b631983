"""The endpoints of a layer behind their guards, each asked by its name: every word is evidence.

- One that keeps failing is left alone until a probe of it succeeds (NR-2), one that lags behind the
  others is not read (CH-5), one that wants patience gets it (NR-1). Who was not asked has said
  nothing: `AllUnavailable`, which is no failure of any mint (NR-3).
- A failure names its endpoint, and shows nothing of the URL, which may carry a key.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Generic, TypeVar

from mint_resilience.breaker import BreakerPolicy, Clock
from mint_resilience.endpoint import Endpoint, Observer
from mint_resilience.endpoints import Answer, Answered, EndpointPool, Failed
from mint_resilience.failures import AllUnavailable, Failure
from mint_runtime.addresses import Address

E = TypeVar("E")
T = TypeVar("T")
F = TypeVar("F", bound=Failure)
Operation = Callable[[E], Awaitable[T]]

_KNOCK_SECONDS = 1.5
"""A readiness check has two seconds in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """What the endpoints of every layer have in common."""

    policy: BreakerPolicy
    observer: Observer
    clock: Clock = time.monotonic


@dataclass(frozen=True, slots=True)
class _Addressed(Generic[E]):
    address: Address
    target: E

    async def serve(self, operation: Operation[E, T]) -> T:
        """Run the operation inside the guards, so that they, too, see only what may be shown."""
        try:
            return await operation(self.target)
        except Failure as failure:
            raise shown(failure, self.address) from None  # a cause may show the URL


class Endpoints(Generic[E]):
    """Endpoints that can stand in for each other, the preferred one first.

    `target` makes of an address what operations are given; `seconds` is how long one call may take,
    None where the target has a limit of its own. Raises `ValueError` when two have the same name.
    """

    def __init__(
        self,
        dependency: str,
        addresses: Sequence[Address],
        target: Callable[[Address], E],
        guards: Guards,
        *,
        seconds: float | None = None,
    ) -> None:
        self.dependency = dependency
        self.names = tuple(address.name for address in addresses)
        self._pool = EndpointPool(
            dependency,
            [
                Endpoint(
                    name=address.name, target=_Addressed(address, target(address)), priority=place
                )
                for place, address in enumerate(addresses)
            ],
            clock=guards.clock,
            policy=guards.policy,
            observer=guards.observer,
            time_limit=seconds,
        )

    async def ask(self, name: str, operation: Operation[E, T]) -> T:
        """One endpoint's answer.

        Raises its `Failure`, and `AllUnavailable` when it may not be asked now.
        """
        answer = await self._pool.ask(name, lambda each: each.serve(operation), reading=True)
        return _value(answer)

    async def any(self, operation: Operation[E, T]) -> T:
        """The answer of the best endpoint that gives one.

        Raises the last one's `Failure`, and `AllUnavailable` when none may be asked now.
        """
        return await self._pool.call(lambda each: each.serve(operation), reading=True)

    async def each(self, operation: Operation[E, T]) -> list[T]:
        """The answers of all that give one, asked side by side.

        Raises the preferred one's `Failure` when none does.
        """
        heard = await self._pool.ask_each(lambda one: one.serve(operation), reading=True)
        answers = [answer.value for answer in heard if isinstance(answer, Answered)]
        return answers or [_value(answer) for answer in heard]

    async def readiness(self, operation: Operation[E, object]) -> str | None:
        """None if an endpoint answers, else what each did instead.

        A look past the breakers, which learn nothing of it: an answer to it does not say that an
        endpoint is up to its work.
        """
        faults = await asyncio.gather(*(self._fault(name, operation) for name in self.names))
        return "; ".join(filter(None, faults)) if all(faults) else None

    def report_position(self, name: str, position: int) -> None:
        """Say how far an endpoint has been seen to have come."""
        self._pool.report_position(name, position)

    async def _fault(self, name: str, operation: Operation[E, object]) -> str | None:
        endpoint = self._pool.endpoint(name)
        if (patience := endpoint.bucket.wait()) > 0:
            return f"{name}: wants to be left alone for {patience:.0f} s"
        try:
            async with asyncio.timeout(_KNOCK_SECONDS):
                await endpoint.target.serve(operation)
        except TimeoutError:
            return f"{name}: no answer within {_KNOCK_SECONDS:g} s"
        except Failure as failure:
            return str(failure)
        return None


def shown(failure: F, address: Address) -> F:
    """The same failure, naming the endpoint and showing nothing of its URL."""
    told = str(failure).replace(address.url, address.name)
    failure.args = (address.censored(told),)
    failure.endpoint = address.name
    return failure


def _value(answer: Answer[T]) -> T:
    match answer:
        case Answered(value=value):
            return value
        case Failed(failure=failure):
            raise failure
        case skipped:
            again = None if skipped.wait == inf else skipped.wait
            message = f"{skipped.endpoint} is not asked now: it keeps failing, lags or wants peace"
            raise AllUnavailable(message, endpoint=skipped.endpoint, retry_after=again)
