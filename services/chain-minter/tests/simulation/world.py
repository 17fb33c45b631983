"""One run of the simulation: processes of the real minter, the model around them, the invariants.

The real code that runs here is `service`, `flight`, `inflight` and `confirmation`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from uuid import NAMESPACE_OID, uuid5

from chain_minter.confirmation import Rules
from chain_minter.flight import Tools
from chain_minter.inflight import Inflight
from chain_minter.service import Minter
from mint_events.bus import Output, Publish
from mint_events.catalogue import MintConfirmed, MintParked, MintSubmitted
from mint_events.envelope import Envelope, root
from mint_resilience.failures import Failure

from .invariants import MAX_SIGNATURES, Invariants, Violation, short
from .ledger import Ledger, Transaction
from .nodes import Node
from .plan import Plan, plan
from .ports import (
    WITNESSES,
    Chain,
    Clock,
    Publishing,
    Signer,
    received,
)
from .stepping import Steps, Task, paused
from .subject import EPOCH, MINT_ID, prepared_of

PATIENCE_SECONDS = 90.0
TOLD_SECONDS = 30.0
"""After the faults, until whatever was begun under them is over."""
END_SECONDS = 1500.0
"""After the faults: three expiries of 150 blocks in slots of which 3 of 10 stay empty (90 s each,
finalized 13 s later), patience, restarts of 90 s, and pauses of the runtime, several times over."""
_CAUSE = root(prepared_of(MINT_ID), id=uuid5(NAMESPACE_OID, MINT_ID), source="test", time=EPOCH)
AGAIN_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What is tried: the product, or a mutant of it in one port."""

    chain: Callable[[World], Chain] = Chain
    signer: Callable[[World, Chain], Signer] = Signer
    max_signatures: int = MAX_SIGNATURES


@dataclass(slots=True, eq=False)
class Instance:
    """A process of the service: what it knows, and whether the partition is still its own."""

    name: str
    known: set[str] = field(default_factory=set)
    replaced: bool = False
    task: Task | None = None


class World:
    """Everything that is around the processes, and outlives them."""

    def __init__(self, seed: int, product: Product, the_plan: Plan | None = None) -> None:
        self.random = Random(seed)
        self.plan = the_plan or plan(self.random)
        self.steps = Steps()
        # blocks have their own dice: to ask for a height must change nothing
        self.ledger = Ledger(
            self.random, Random(seed), skips=self.plan.skips, forks=self.plan.forks
        )
        self.nodes = [
            Node(f"endpoint {number}", self.ledger, self.random, spells)
            for number, spells in enumerate(self.plan.spells)
        ]
        self.splits = self.plan.splits
        self.trace: list[str] | None = None
        self.outcome: MintConfirmed | MintParked | None = None
        self.ended: MintConfirmed | MintParked | None = None
        self.instances = 0
        self.invariants = Invariants(self.ledger)
        self.submissions: dict[str, MintSubmitted] = {}
        self._product = product
        self._inflight: dict[bytes, Envelope] = {}
        self._acting: Instance | None = None
        self._delivered_again = False

    # What the ports need.

    def now(self) -> float:
        return self.steps.now

    async def pause(self, seconds: float, step: str) -> None:
        actor = self._acting
        await paused(seconds, step)
        self._acting = actor
        self.ledger.advance(self.steps.now)

    def latency(self) -> float:
        return 0.05 + self.random.random() * 0.1

    def loses(self) -> tuple[bool, bool]:
        lost = self.is_rough and self.random.random() < self.plan.unacknowledged
        return lost, lost and self.random.random() < 0.5

    def inflight(self) -> Mapping[bytes, Envelope]:
        return self._inflight

    def recorded(self, envelope: Envelope) -> None:
        event = envelope.event
        assert isinstance(event, MintSubmitted)
        self.note(f"recorded {short(event.signature)}, attempt {event.attempt}")
        self._inflight[envelope.mint_id.encode()] = envelope
        self.invariants.calm = self.steps.now > self.plan.calm + TOLD_SECONDS
        self.invariants.recorded(event, self.actor.known)
        self.submissions[event.signature] = event
        self.actor.known.add(event.signature)

    def sending(self, transaction: Transaction) -> None:
        self.note(f"sends {short(transaction.signature)}")
        self.invariants.sending(transaction)

    # What happens to the processes.

    @property
    def is_rough(self) -> bool:
        """Whether faults may still begin."""
        return self.steps.now < self.plan.calm

    @property
    def actor(self) -> Instance:
        assert self._acting is not None
        return self._acting

    def act(self, instance: Instance) -> None:
        """What runs from here to the next pause is its work."""
        self._acting = instance

    def start(self) -> None:
        """Begin the work in a process of its own."""
        self.instances += 1
        self.invariants.unbroken = self.instances == 1
        instance = Instance(f"process {self.instances}")
        instance.task = self.steps.start(self._process(instance))
        instance.task.before = lambda task, step: self._befalls(instance, task, step)

    def _befalls(self, instance: Instance, task: Task, step: str) -> float:
        """Maybe a crash, or an overlap with the next process; seconds that it stands still."""
        if not self.is_rough:
            return 0.0
        luck = self.random.random()
        if luck < self.plan.crash:
            self.note(f"{instance.name} ends before: {step}")
            task.kill()
            if not instance.replaced:
                self.steps.after(self.random.choice((0.5, 10.0, 90.0)), self.start)
        elif luck < self.plan.crash + self.plan.overlap and not instance.replaced:
            return self._replace(instance, task, step)
        return 0.0

    def _replace(self, instance: Instance, task: Task, step: str) -> float:
        instance.replaced, self.invariants.alone = True, False
        stands = self.random.choice((0.0, 0.0, 5.0, 70.0))
        self.note(f"{instance.name} is replaced, and stands still for {stands} s before: {step}")
        self.start()
        self.steps.after(stands + self.random.choice((0.5, 10.0, 100.0)), task.kill)
        return stands

    async def _process(self, instance: Instance) -> None:
        self.act(instance)
        publishing = Publishing(self)
        inflight = Inflight(publishing.read, publishing)
        minter = Minter(self._tools(), inflight)
        await inflight.load("mint.ledger", 0)
        instance.known |= self._durable()
        self.note(f"{instance.name} begins, knowing {len(instance.known)} signatures")
        for output in await self._handled(minter):
            await self._carry_out(output)
        await self.pause(0.0, "commit")
        if not instance.replaced:
            self.note(f"{instance.name} is done")
            self._done()

    def _done(self) -> None:
        if self.plan.delivered_again and not self._delivered_again:
            self._delivered_again = True
            self.steps.after(self.random.choice((0.5, 100.0)), self.start)
        else:
            self.ended = self.outcome

    def _tools(self) -> Tools:
        chain = self._product.chain(self)
        skew = self.random.choice((0.0, 0.0, -120.0, 120.0))
        return Tools(
            chain=chain,
            signer=self._product.signer(self, chain),
            clock=Clock(self, beat=self.plan.beat, skew=skew),
            rules=Rules(
                max_signatures=self._product.max_signatures,
                resend=timedelta(seconds=2),
                patience=timedelta(seconds=PATIENCE_SECONDS),
                witnesses=min(WITNESSES, len(self.nodes)),
                max_lag=50,
            ),
        )

    async def _handled(self, minter: Minter) -> Sequence[Output]:
        for seconds in for_ever(AGAIN_SECONDS):
            try:
                return await minter.handle(received(_CAUSE))
            except Failure as failure:
                self.note(f"again in {seconds} s: {failure}")
                await self.pause(seconds, "handle again")
        raise AssertionError("unreachable")

    async def _carry_out(self, output: Output) -> None:
        await self.pause(0.005, "publish an output")
        if isinstance(output, Publish):
            event = output.envelope.event
            assert isinstance(event, MintConfirmed | MintParked)
            self.note(f"publishes {type(event).__name__} {getattr(event, 'outcome', '')}")
            self.invariants.published(event, self.actor.known)
            self.outcome = event
        else:
            self._inflight.pop(MINT_ID.encode(), None)
        await self.pause(0.005, "published an output")

    def _durable(self) -> set[str]:
        envelope = self._inflight.get(MINT_ID.encode())
        if envelope is None or not isinstance(envelope.event, MintSubmitted):
            return set()
        return {envelope.event.signature, *envelope.event.earlier}

    # The run.

    def run(self) -> None:
        """Until the mint is at its end, and nothing of it can land any more.

        Raises `Violation`.
        """
        end = self.plan.calm + END_SECONDS
        self.steps.after(self.plan.late_start, self.start)
        self.steps.run(end, self._is_done)
        if self.ended is None:
            raise Violation(f"no end {END_SECONDS} s after the faults")
        self.ledger.advance(self.steps.now + 120.0)
        self.invariants.every_step()
        self.invariants.ended(self.ended, quiet=self.plan.calm == 0 and len(self.nodes) > 1)

    def _is_done(self) -> bool:
        self.invariants.every_step()
        return self.ended is not None

    def note(self, what: str) -> None:
        if self.trace is not None:
            block = self.ledger.height(self.ledger.slot)
            who = self._acting.name if self._acting else ""
            self.trace.append(
                f"{self.steps.now:8.2f} s, slot {self.ledger.slot}, block {block}: {who} {what}"
            )


def for_ever(seconds: Sequence[float]) -> Iterator[float]:
    yield from seconds
    while True:
        yield seconds[-1]
