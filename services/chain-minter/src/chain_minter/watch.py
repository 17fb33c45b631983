"""How the chain is doing, as every endpoint shows it: asked regularly, whatever is being minted.

A look is no call of the work: it passes the breakers by and tells them nothing, so it can see that
a dead endpoint is back. It then lets the breaker's next probe be made at once, by the work that
waits, instead of up to a probe interval later; whether the endpoint works is for the probes to say.
So that an endpoint which looks well and works badly is not probed with every look, this is done
once after its breaker has opened, and once more whenever a look has failed in between. Only a probe
that nobody else makes is made by a look: an endpoint that nobody calls would stay out for ever.

MF-3: the layer is not well when no endpoint is, when the chain stands still, or when no authority
can pay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf

import structlog
from prometheus_client import Gauge
from solders.pubkey import Pubkey

from chain_minter import queries
from chain_minter.endpoints import Endpoints
from chain_minter.queries import Read
from chain_minter.rpc import Endpoint
from mint_resilience.breaker import Clock, State
from mint_resilience.endpoint import GuardedEndpoint
from mint_resilience.failures import AllUnavailable, Degraded, Failure

LAMPORTS = Gauge("trimint_authority_lamports", "What an authority holds.", ["authority"])
SLOT = Gauge("trimint_solana_slot", "The slot that an endpoint was last seen at.", ["endpoint"])
SLOT_AGE = Gauge(
    "trimint_solana_slot_age_seconds", "Seconds since the highest slot of all endpoints has grown."
)
WELL = Gauge("trimint_solana_well", "1 when mints can be made, as far as the chain goes; else 0.")

LOOK_SECONDS = 3.0
"""How long an endpoint that is looked at has to answer."""
_PROBED = (State.OPEN, State.HALF_OPEN)
_MOMENT = 10.0  # seconds; who wants no calls for longer is no endpoint to begin mints with

log = structlog.stdlib.get_logger(__name__)

Gate = Callable[[], None]
Tell = Callable[[str | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When the layer is well; times in seconds. Looked is every `seconds`, and sooner while it is
    down: that is when a look decides how long everything waits.

    `looks_until_down` looks in a row have to find it not to be before work is held up (MF-3).
    """

    seconds: float = 3.0
    seconds_while_down: float = 1.0
    look_seconds: float = LOOK_SECONDS
    most_slot_age: float = 60.0
    least_lamports: int = 30_000_000
    looks_until_down: int = 3


@dataclass(slots=True)
class _Sight:
    """What was seen of one endpoint; `dead`: the last look failed; `suspect`: the next good one
    hastens its breaker's probe; `was_due`: that could have been made at the last look already."""

    fault: str | None = "not yet asked"
    was_closed: bool = True
    was_due: bool = False
    suspect: bool = False
    dead: bool = False


@dataclass(frozen=True, slots=True)
class _Seen:
    """What an endpoint said the authorities hold, at its slot."""

    endpoint: str
    read: Read[list[int]]


@dataclass(slots=True)
class _Tip:
    """The highest slot, and when it was first seen."""

    slot: int = -1
    since: float = field(default=-inf)


class Watch:
    """Looks at all endpoints from time to time, and knows what the authorities hold."""

    def __init__(
        self, endpoints: Endpoints, authorities: Sequence[Pubkey], rules: Rules, *, clock: Clock
    ) -> None:
        self._endpoints = endpoints
        self._authorities = tuple(authorities)
        self._rules = rules
        self._clock = clock
        self._sights = {endpoint.name: _Sight() for endpoint in endpoints}
        self._lamports: dict[Pubkey, int] = {}
        self._poor_looks = dict.fromkeys(self._authorities, 0)
        self._tip = _Tip()
        self._seen_at = -inf
        self._bad_looks = 0
        self._looked = False

    async def run(self, *, hold: Gate, release: Gate, tell: Tell) -> None:
        """Look until cancelled; `hold` work while the layer is down, also before the first look.

        `tell` is told after every look why work is held, None while it is not.
        """
        hold()
        held = True
        while True:
            await self.look()
            if held is not self._is_down(held=held):
                held = not held
                log.warning("solana", held=held, fault=self.fault)
                (hold if held else release)()
            tell(self.fault if held else None)
            await asyncio.sleep(self._pause)

    async def look(self) -> None:
        """Look once at every endpoint at the same time."""
        looks = await asyncio.gather(*(self._look_at(endpoint) for endpoint in self._endpoints))
        # the furthest first: each is compared with those before it
        seen = sorted(filter(None, looks), key=lambda seen: seen.read.slot, reverse=True)
        for each in seen:
            self._endpoints.report_position(each.endpoint, each.read.slot)
            SLOT.labels(each.endpoint).set(each.read.slot)
        if seen:
            self._seen_at = self._clock()
            self._remember(seen[0].read)
        self._looked = True
        self._bad_looks = self._bad_looks + 1 if self.fault else 0
        SLOT_AGE.set(self._slot_age)
        WELL.set(self.fault is None)

    @property
    def fault(self) -> str | None:
        """None when mints can be made, else one line that says why not and what to do."""
        if not self._looked:
            return "the endpoints are being asked"
        if all(sight.fault for sight in self._sights.values()):
            return "; ".join(str(sight.fault) for sight in self._sights.values())
        if self._slot_age > self._rules.most_slot_age:
            return f"the chain stands still at slot {self._tip.slot} since {self._slot_age:.0f} s"
        if all(self._is_poor(authority) for authority in self._authorities):
            return "; ".join(map(self._poverty, self._authorities))
        return None

    @property
    def funded(self) -> tuple[str, ...]:
        """Addresses of the authorities that can pay for a mint."""
        most = self._rules.looks_until_down
        return tuple(str(key) for key in self._lamports if self._poor_looks[key] < most)

    async def readiness(self) -> str | None:
        """What `/readyz` asks."""
        return self.fault

    def require(self, authority: Pubkey) -> None:
        """Raises `AllUnavailable` while the authority holds too little to pay for a mint: it has to
        wait for an operator, as for an endpoint, and is not spent by that (NR-3)."""
        if self._is_poor(authority):
            raise AllUnavailable(self._poverty(authority), retry_after=self._rules.seconds)

    @property
    def _pause(self) -> float:
        rules = self._rules
        return min(rules.seconds, rules.seconds_while_down) if self.fault else rules.seconds

    @property
    def _slot_age(self) -> float:
        """As of the last look that was answered: nobody knows what has been since."""
        return max(0.0, self._seen_at - self._tip.since)

    def _is_down(self, *, held: bool) -> bool:
        return self._bad_looks >= (1 if held else self._rules.looks_until_down)

    async def _look_at(self, endpoint: GuardedEndpoint[Endpoint]) -> _Seen | None:
        sight = self._sights[endpoint.name]
        patience = endpoint.bucket.paused_for
        if patience > 0:
            sight.fault = (
                _impatience(endpoint.name, patience) if patience > _MOMENT else sight.fault
            )
            return None
        self._note_breaker(endpoint, sight)
        try:
            read = await self._probe_or_ask(endpoint, sight)
            await self._clear(endpoint, sight)
        except Failure as failure:
            sight.fault, sight.suspect, sight.dead = str(failure), True, True
            return None
        sight.fault = None
        return _Seen(endpoint.name, read)

    async def _clear(self, endpoint: GuardedEndpoint[Endpoint], sight: _Sight) -> None:
        """It looks well: let its breaker's probe be made, or, if it was dead, make them all."""
        was_suspect, sight.suspect = sight.suspect, False
        was_dead, sight.dead = sight.dead, False
        if was_suspect:
            endpoint.hasten()
        while was_dead and endpoint.breaker.state in _PROBED and (permit := endpoint.admit(0.0)):
            await endpoint.call(permit, self._ask)

    async def _probe_or_ask(
        self, endpoint: GuardedEndpoint[Endpoint], sight: _Sight
    ) -> Read[list[int]]:
        """Make the probe that nobody has made since the last look, else ask past the breaker."""
        due = endpoint.breaker.state in _PROBED and endpoint.wait(0.0) <= 0
        idle, sight.was_due = sight.was_due and due, due
        permit = endpoint.admit(0.0) if idle else None
        if permit is not None:
            return await endpoint.call(permit, self._ask)
        await endpoint.bucket.acquire()
        return await self._ask(endpoint.target)

    async def _ask(self, endpoint: Endpoint) -> Read[list[int]]:
        seconds = self._rules.look_seconds
        try:
            async with asyncio.timeout(seconds):
                await queries.health(endpoint)
                return await queries.lamports(endpoint, self._authorities)
        except TimeoutError:
            message = f"{endpoint.name}: no answer within {seconds:g} s"
            raise Degraded(message, endpoint=endpoint.name) from None

    def _note_breaker(self, endpoint: GuardedEndpoint[Endpoint], sight: _Sight) -> None:
        is_closed = endpoint.breaker.state is State.CLOSED
        sight.suspect = sight.suspect or (sight.was_closed and not is_closed)
        sight.was_closed = is_closed

    def _remember(self, newest: Read[list[int]]) -> None:
        if newest.slot > self._tip.slot:
            self._tip = _Tip(newest.slot, self._clock())
        for authority, lamports in zip(self._authorities, newest.value, strict=True):
            self._lamports[authority] = lamports
            poor = self._is_poor(authority)
            self._poor_looks[authority] = self._poor_looks[authority] + 1 if poor else 0
            LAMPORTS.labels(str(authority)).set(lamports)

    def _is_poor(self, authority: Pubkey) -> bool:
        return self._lamports.get(authority, inf) < self._rules.least_lamports

    def _poverty(self, authority: Pubkey) -> str:
        return (
            f"authority {authority} holds {self._lamports.get(authority)} lamports, a mint needs"
            f" {self._rules.least_lamports}: send it some"
        )


def _impatience(name: str, seconds: float) -> str:
    return f"{name} is at its rate limit for {seconds:.0f} s: raise the limit, or add an endpoint"
