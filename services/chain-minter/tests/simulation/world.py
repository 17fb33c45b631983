"""One run of the simulation: processes of the real minter, the model around them, the invariants.

The real code that runs here is `service`, `flight`, `inflight` and `confirmation`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from uuid import NAMESPACE_OID, uuid5

from chain_minter.confirmation import Rules
from chain_minter.flight import Tools
from chain_minter.inflight import Inflight
from chain_minter.service import Minter
from mint_events.bus import Output, Publish
from mint_events.catalogue import ChainOutcome, MintConfirmed, MintParked, MintSubmitted
from mint_events.envelope import Envelope, root
from mint_resilience.failures import Failure

from .ledger import FINALIZED_SLOTS, MINT, Ledger, Transaction
from .nodes import Node, Spell
from .plan import Plan, plan
from .ports import (
    EPOCH,
    WHOLE,
    Chain,
    Clock,
    Publishing,
    Signer,
    prepared_of,
    received,
)
from .stepping import Steps, Task, paused

MINT_ID = "mint-1"
MAX_SIGNATURES = 3
PATIENCE_SECONDS = 90.0
TOLD_SECONDS = 30.0
"""After the faults, until whatever was begun under them is over."""
END_SECONDS = 1500.0
"""After the faults: three expiries of 150 blocks in slots of which 3 of 10 stay empty (90 s each,
finalized 13 s later), patience, restarts of 90 s, and pauses of the runtime, several times over."""
_CAUSE = root(prepared_of(MINT_ID), id=uuid5(NAMESPACE_OID, MINT_ID), source="test", time=EPOCH)
_AGAIN_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)


class Violation(AssertionError):  # noqa: N818 - the term of the field
    """An invariant does not hold."""


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
        self.alone = True
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
        self.note(f"recorded {_short(event.signature)}, attempt {event.attempt}")
        self._inflight[envelope.mint_id.encode()] = envelope
        if event.signature not in self.submissions:
            self.submissions[event.signature] = event
            self._check_new_signature(event)
        self.actor.known.add(event.signature)

    def sending(self, transaction: Transaction) -> None:
        self.note(f"sends {_short(transaction.signature)}")
        if transaction.signature not in self.submissions:
            raise Violation("sent before it was recorded")

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
        instance.replaced, self.alone = True, False
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
                witnesses=min(2, len(self.nodes)),
                max_lag=50,
            ),
        )

    async def _handled(self, minter: Minter) -> Sequence[Output]:
        for seconds in _for_ever(_AGAIN_SECONDS):
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
            self._check_outcome(event)
            self.outcome = event
        else:
            self._inflight.pop(MINT_ID.encode(), None)
        await self.pause(0.005, "published an output")

    def _durable(self) -> set[str]:
        envelope = self._inflight.get(MINT_ID.encode())
        if envelope is None or not isinstance(envelope.event, MintSubmitted):
            return set()
        return {envelope.event.signature, *envelope.event.earlier}

    # The invariants.

    def check(self) -> None:
        """What holds at every step."""
        if len(self.ledger.tokens[MINT_ID]) > 1:
            raise Violation("two tokens for one mint_id")

    def _check_new_signature(self, event: MintSubmitted) -> None:
        for signature, other in self._older(event):
            if self.ledger.may_land(other):
                raise Violation(f"a new signature while {_short(signature)} may still land")
        self._check_attempt(event)
        if self.alone:
            self._check_need(event)

    def _check_need(self, event: MintSubmitted) -> None:
        """A process that was never overtaken knows what was made before it."""
        told = event.earlier or self.steps.now > self.plan.calm + TOLD_SECONDS
        if told and self._is_whole():
            raise Violation("a new signature for an NFT that is whole, finally")
        if self._failed(self.submissions) > MAX_SIGNATURES:
            raise Violation("more than 3 signatures")

    def _older(self, event: MintSubmitted) -> Iterator[tuple[str, Transaction]]:
        """What the process can know of; without an overlap that is all there is."""
        for signature, transaction in self.ledger.transactions.items():
            if signature != event.signature and (self.alone or signature in self.actor.known):
                yield signature, transaction

    def _check_attempt(self, event: MintSubmitted) -> None:
        failed = self._failed(event.earlier)
        if event.attempt > MAX_SIGNATURES:
            raise Violation("more than 3 signatures")
        if event.attempt != failed + 1:
            raise Violation(f"attempt {event.attempt} after {failed} that failed")

    def _failed(self, signatures: Iterable[str]) -> int:
        """How many have not succeeded since the last that did."""
        failed = 0
        for signature in signatures:
            transaction = self.ledger.transactions[signature]
            landed = transaction.landed is not None and transaction.error is None
            failed = 0 if landed else failed + 1
        return failed

    def _is_whole(self) -> bool:
        parts = self.ledger.accounts[prepared_of(MINT_ID).mint_address]
        settled = self.ledger.slot - FINALIZED_SLOTS
        return parts.keys() == WHOLE and max(parts.values()) < settled

    def _check_outcome(self, event: MintConfirmed | MintParked) -> None:
        there = self.ledger.accounts[event.mint_address].keys()
        if isinstance(event, MintConfirmed):
            if there != WHOLE:
                raise Violation("confirmed, but not whole")
            landed = self.ledger.transactions[event.signature]
            if landed.landed != event.slot or landed.error is not None:
                raise Violation("confirmed by a transaction that has not made it")
        elif event.outcome is ChainOutcome.ABSENT:
            self._check_absent(event, there=MINT in there)

    def _check_absent(self, event: MintParked, *, there: bool) -> None:
        if there and self.alone:
            raise Violation("said to be absent, but it is there")
        if len(event.signatures) < MAX_SIGNATURES:
            raise Violation(f"said to be absent after {len(event.signatures)} signatures")
        for signature, transaction in self.ledger.transactions.items():
            known = self.alone or signature in self.actor.known
            if known and self.ledger.may_land(transaction):
                raise Violation(f"said to be absent while {_short(signature)} may still land")

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
        self.check()
        if isinstance(self.ended, MintParked):
            self._check_outcome_in_the_end(self.ended)

    def _is_done(self) -> bool:
        self.check()
        return self.ended is not None

    def _check_outcome_in_the_end(self, event: MintParked) -> None:
        absent = event.outcome is ChainOutcome.ABSENT
        if absent and self.alone and self.ledger.tokens[MINT_ID]:
            raise Violation("said to be absent, and made afterwards")

    def note(self, what: str) -> None:
        if self.trace is not None:
            block = self.ledger.height(self.ledger.slot)
            who = self._acting.name if self._acting else ""
            self.trace.append(
                f"{self.steps.now:8.2f} s, slot {self.ledger.slot}, block {block}: {who} {what}"
            )


def violation(seed: int, product: Product, the_plan: Plan | None = None) -> str | None:
    """What does not hold in the run of this seed, None if everything does."""
    try:
        World(seed, product, the_plan).run()
    except Violation as found:
        return str(found)
    return None


def told(seed: int, product: Product, the_plan: Plan | None = None) -> str:
    """The run of this seed, told step by step."""
    world = World(seed, product, the_plan)
    world.trace = [f"seed {seed}: {_described(world.plan)}"]
    try:
        world.run()
    except Violation as found:
        world.note(f"VIOLATION: {found}")
    return "\n".join(world.trace)


def _described(the_plan: Plan) -> str:
    lines = [
        f"endpoint {number}: {_spell(spell)}"
        for number, spells in enumerate(the_plan.spells)
        for spell in spells
    ]
    return "\n".join([str(the_plan), *lines])


def _spell(spell: Spell) -> str:
    return f"{spell.fault.value} ({spell.amount}) from {spell.start:.1f} s to {spell.end:.1f} s"


def _short(signature: str) -> str:
    return f"signature {signature[-6:]}"


def _for_ever(seconds: Sequence[float]) -> Iterator[float]:
    yield from seconds
    while True:
        yield seconds[-1]
