"""The endpoints in their order of priority: who is asked first, and who next.

An endpoint is healthy here if somebody answers at its address; breakers are not yet part of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from chain_minter.rpc import Endpoint
from mint_resilience.failures import Degraded, Outage, RateLimited, Transient

T = TypeVar("T")
Operation = Callable[[Endpoint], Awaitable[T]]

_NEXT_MAY_ANSWER = (Outage, Transient, RateLimited, Degraded)


class Endpoints:
    """One or more endpoints, the preferred one first."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._endpoints = tuple(endpoints)

    async def first(self, operation: Operation[T], *, skip: int = 0) -> T:
        """The first answer, beginning with the endpoint `skip` places down (and around).

        Raises what the last endpoint raised when none answers; an answer that is final
        (`Permanent`, `Conflict`) is raised at once.
        """
        *others, last = self._from(skip)
        for endpoint in others:
            try:
                return await operation(endpoint)
            except _NEXT_MAY_ANSWER:
                continue
        return await operation(last)

    async def every(self, operation: Operation[T]) -> list[T]:
        """The answers of all healthy endpoints.

        Raises `Outage` when there is none, and what an endpoint raised that is there but did not
        answer: it may know better than the others.
        """
        answers = await asyncio.gather(
            *(operation(endpoint) for endpoint in self._endpoints), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, Outage):
                raise answer
        healthy = [answer for answer in answers if not isinstance(answer, BaseException)]
        if not healthy:
            urls = ", ".join(endpoint.url for endpoint in self._endpoints)
            raise Outage(f"no Solana endpoint answers: {urls}")
        return healthy

    def _from(self, skip: int) -> tuple[Endpoint, ...]:
        start = skip % len(self._endpoints)
        return self._endpoints[start:] + self._endpoints[:start]
