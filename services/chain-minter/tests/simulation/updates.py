"""Runs of updates: an NFT that is whole is to name one URI after the other, the first again, too.

The processes, the chain, the endpoints and their faults are those of a mint's runs. A request may
be given up on in the middle of its work (a dead letter): then its transaction is in flight for the
next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from itertools import pairwise
from random import Random
from uuid import NAMESPACE_OID, UUID, uuid5

from chain_minter.inflight import Inflight
from chain_minter.service import Minter
from mint_events.bus import Output, Publish
from mint_events.catalogue import (
    MetadataUriUpdated,
    MintSubmitted,
    UriUpdateFailed,
    UriUpdateRequested,
)
from mint_events.envelope import Envelope, root
from mint_resilience.failures import Failure

from .invariants import MAX_SIGNATURES, Invariants, Violation, short
from .ledger import FINALIZED_SLOTS, FIRST_SLOT, Ledger
from .nodes import Fault, Spell
from .plan import Plan, plan
from .ports import Publishing, received
from .stepping import Task
from .subject import EPOCH, FIRST_URI, MINT_ID, WHOLE, prepared_of
from .world import AGAIN_SECONDS, END_SECONDS, Instance, Product, World, for_ever

ADDRESS = prepared_of(MINT_ID).mint_address
WANTED = ("ipfs://a", FIRST_URI, "ipfs://b", FIRST_URI)
MADE_AT = FIRST_SLOT - 300
GIVEN_UP_ON = 0.5
"""How often a request whose process ends is not worked on any more."""
End = MetadataUriUpdated | UriUpdateFailed


def plan_of_updates(random: Random) -> Plan:
    """As for a mint, with more who are behind: they show an older URI.

    Accounts are as of the slot that is told with them: nobody shows metadata late.
    """
    drawn = plan(random)
    dropping = [Spell(Fault.DROPPING, 0.0, drawn.calm)] if random.random() < 0.1 else []
    shown = ([spell for spell in each if spell.fault is not Fault.HIDING] for each in drawn.spells)
    spells = [(*each, *dropping, *_behind(random, drawn)) for each in shown]
    return replace(drawn, spells=tuple(spells), splits=False)


def _behind(random: Random, drawn: Plan) -> list[Spell]:
    start = random.choice((0.0, random.uniform(0.0, drawn.calm)))
    spell = Spell(Fault.SPLIT, start, drawn.calm, random.choice((20, 60, 150)))
    return [spell] if random.random() < 0.7 else []


class UpdateInvariants(Invariants):
    """Judges what happens to the URI; every method raises `Violation`."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.request: UUID | None = None
        self._of_request: dict[str, UUID | None] = {}

    def every_step(self) -> None:
        """Nothing is ever made."""
        if self._ledger.tokens[MINT_ID]:
            raise Violation("an update has minted")

    def recorded(self, event: MintSubmitted, known: Set[str]) -> None:
        """A submission for `request` has become durable."""
        if event.signature in self._recorded:
            return
        self._recorded.append(event.signature)
        for signature, other in self._older(event, known):
            if self._ledger.may_land(other):
                raise Violation(f"a new signature while {short(signature)} may still land")
        self._check_attempt(event)
        if self.alone and self.calm and self._settled_uri() == event.uri:
            raise Violation("a new signature for a URI that is set, finally")

    def _check_attempt(self, event: MintSubmitted) -> None:
        """Attempts are counted for each request, since the last one that landed."""
        mine = [each for each, request in self._of_request.items() if request == self.request]
        self._of_request[event.signature] = self.request
        failed, tried = self._failed(mine), self._failed(mine, tried=True)
        if event.attempt > MAX_SIGNATURES or (self.alone and tried >= MAX_SIGNATURES):
            raise Violation("more than 3 signatures")
        if self.alone and not tried + 1 <= event.attempt <= failed + 1:
            raise Violation(f"attempt {event.attempt} after {tried} to {failed} that failed")

    def _settled_uri(self) -> str:
        """The URI, once it is final."""
        since, uri = self._ledger.uris[ADDRESS][-1]
        return uri if since < self._ledger.slot - FINALIZED_SLOTS else ""

    def told(self, event: End, known: Set[str]) -> None:
        """What is called updated is so, and nothing is on its way that could undo it."""
        if isinstance(event, UriUpdateFailed):
            if "expired" in event.detail and not event.signatures:
                raise Violation("given up for what was signed for something else")
            return
        if event.signature is not None:
            made = self._ledger.transactions[event.signature]
            if (made.landed, made.sets, made.error) != (event.slot, event.uri, None):
                raise Violation("updated by a transaction that has not done it")
        self._check_uri(event, "said to be updated, but names another URI")
        for signature, other in self._ledger.transactions.items():
            relevant = self.alone or signature in known
            if relevant and other.sets != event.uri and self._ledger.may_land(other):
                raise Violation(f"said to be updated while {short(signature)} may undo it")

    def stays(self, event: End) -> None:
        """Nothing can land any more."""
        if isinstance(event, MetadataUriUpdated):
            self._check_uri(event, "said to be updated, and undone afterwards")

    def _check_uri(self, event: MetadataUriUpdated, otherwise: str) -> None:
        if self.alone and self._ledger.uris[ADDRESS][-1][1] != event.uri:
            raise Violation(otherwise)


class UpdateWorld(World):
    """The NFT is there from the beginning; the requests come one after another."""

    def __init__(self, seed: int, product: Product) -> None:
        super().__init__(seed, product, plan_of_updates(Random(seed)))
        self.ledger.accounts[ADDRESS] = dict.fromkeys(WHOLE, MADE_AT)
        self.ledger.uris[ADDRESS].append((MADE_AT, FIRST_URI))
        self.judge = UpdateInvariants(self.ledger)
        self.invariants = self.judge
        self.ends: list[End | None] = []
        """Of each request that is over, None if it was given up on."""
        self._since = MADE_AT
        self._request = self._asked_for()
        self._told_again = False

    @property
    def is_over(self) -> bool:
        """Whether all requests are."""
        return len(self.ends) == len(WANTED)

    def _asked_for(self) -> Envelope:
        """The next request, by somebody who knows what was answered before."""
        number = len(self.ends)
        event = UriUpdateRequested(
            mint_id=MINT_ID,
            uri=WANTED[number],
            since_slot=self._since,
            prepared=prepared_of(MINT_ID),
        )
        return root(event, id=uuid5(NAMESPACE_OID, f"{number}"), source="test", time=EPOCH)

    def recorded(self, envelope: Envelope) -> None:
        self.judge.request = envelope.causation_id
        super().recorded(envelope)

    def _befalls(self, instance: Instance, task: Task, step: str) -> float:
        seconds = super()._befalls(instance, task, step)
        last = len(self.ends) == len(WANTED) - 1
        lost = task.ended and not instance.replaced and not last
        if lost and self.random.random() < GIVEN_UP_ON:
            self.note("the request is given up on")
            self._end(None)
        return seconds

    async def _process(self, instance: Instance) -> None:
        self.act(instance)
        publishing = Publishing(self)
        inflight = Inflight(publishing.read, publishing)
        minter = Minter(self._tools(), inflight)
        await inflight.load("mint.ledger", 0)
        instance.known |= self._durable()
        self.note(f"{instance.name} begins, knowing {len(instance.known)} signatures")
        while not self.is_over and not instance.replaced:
            await self._work(minter, instance)

    async def _work(self, minter: Minter, instance: Instance) -> None:
        request = self._request
        end = await self._carried_out(await self._answered(minter, request))
        await self.pause(0.0, "commit")
        if instance.replaced or request is not self._request:
            return
        if self.plan.delivered_again and not self._told_again:
            self._told_again = True
        else:
            self._end(end)

    async def _answered(self, minter: Minter, request: Envelope) -> Sequence[Output]:
        for seconds in for_ever(AGAIN_SECONDS):
            try:
                return await minter.handle(received(request))
            except Failure as failure:
                self.note(f"again in {seconds} s: {failure}")
                await self.pause(seconds, "handle again")
        raise AssertionError("unreachable")

    async def _carried_out(self, outputs: Sequence[Output]) -> End:
        told: End | None = None
        for output in outputs:
            await self.pause(0.005, "publish an output")
            if isinstance(output, Publish):
                event = output.envelope.event
                assert isinstance(event, MetadataUriUpdated | UriUpdateFailed)
                self.note(f"publishes {event}")
                self.judge.told(event, self.actor.known)
                self._since = max(self._since, getattr(event, "slot", 0))
                told = event
            else:
                self._inflight.pop(MINT_ID.encode(), None)
            await self.pause(0.005, "published an output")
        assert told is not None
        return told

    def _end(self, end: End | None) -> None:
        self.note(f"request {len(self.ends)} is over")
        self.ends.append(end)
        if not self.is_over:
            self._request = self._asked_for()

    def run(self) -> None:
        """Until the last request is at its end, and nothing of it can land any more."""
        limit = self.plan.calm + len(WANTED) * END_SECONDS
        self.steps.after(self.plan.late_start, self.start)
        self.steps.run(limit, self._is_done)
        if not self.is_over:
            raise Violation(f"no end {limit} s after the beginning")
        self.ledger.advance(self.steps.now + 120.0)
        self.judge.every_step()
        if (last := self.ends[-1]) is not None:
            self.judge.stays(last)

    def _is_done(self) -> bool:
        self.judge.every_step()
        return self.is_over

    def follows(self) -> Iterator[tuple[MintSubmitted, MintSubmitted]]:
        """Each submission with the one that was made after it."""
        return pairwise(self.submissions.values())


def violation_of_updates(seed: int, product: Product) -> str | None:
    """What does not hold in the run of this seed, None if everything does."""
    try:
        UpdateWorld(seed, product).run()
    except Violation as found:
        return str(found)
    return None


def told_updates(seed: int, product: Product) -> str:
    """The run of this seed, told step by step."""
    world = UpdateWorld(seed, product)
    world.trace = [f"seed {seed}: {world.plan}"]
    try:
        world.run()
    except Violation as found:
        world.note(f"VIOLATION: {found}")
    return "\n".join(world.trace)
