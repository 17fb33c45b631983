"""The mints that one batch touches, in memory: fold an event, take the steps it makes due. Pure.

Every step is an event too; it is folded and decided upon in its turn, until nothing is due.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from mint_events.catalogue import Event
from mint_events.envelope import Envelope, caused_by
from mint_events.state import MintState, evolve, holds_user_back
from mint_events.tracing import child_span
from reconciler.projection import ReferenceRow, document_in, references_of
from reconciler.saga import Policy, View, decide

SOURCE = "reconciler"
"""CloudEvents' `source` of every event that the reconciler makes."""


class UnitOfWork:
    """States as they are while a batch is worked through.

    `states` must hold every mint that the batch's events are about, and of their users the mints
    that hold them back: of each user one more, in order of arrival, than the batch has mints of
    his, for no more than these can be released by it. `references` must hold what other mints need
    of the content that may be unpinned.
    """

    def __init__(
        self,
        states: Iterable[MintState],
        references: Iterable[ReferenceRow],
        policy: Policy,
        now: Callable[[], datetime],
    ) -> None:
        self._policy = policy
        self._now = now
        self._references = tuple(references)
        self._before = {state.mint_id: state for state in states}
        self._states = dict(self._before)
        self._mints_of_user: dict[str, set[str]] = defaultdict(set)
        self.documents: dict[str, bytes] = {}
        for state in self._states.values():
            self._remember_user(state)

    def absorb(self, envelope: Envelope, position: int) -> Iterator[Envelope]:
        """Fold an event in and yield the events that follow from it, causes before effects.

        `position` grows from event to event; arrivals and fencing tokens are taken from it.
        """
        view = self._view(self._fold(envelope), position)
        for event in decide(envelope.event, view, self._policy):
            effect = self._envelope(envelope, event)
            yield effect
            yield from self.absorb(effect, position)

    def changes(self) -> Iterator[tuple[MintState, MintState]]:
        """Each mint that is not as it was: before and after."""
        for mint_id, state in self._states.items():
            before = self._before.get(mint_id, MintState(mint_id=mint_id))
            if state != before:
                yield before, state

    def _fold(self, envelope: Envelope) -> MintState:
        mint_id = envelope.mint_id
        before = self._states.get(mint_id, MintState(mint_id=mint_id))
        state = evolve(before, envelope)
        document = document_in(envelope, before)
        if document is not None:
            self.documents[mint_id] = document
        self._states[mint_id] = state
        self._remember_user(state)
        return state

    def _remember_user(self, state: MintState) -> None:
        if state.terms:
            self._mints_of_user[state.terms.user_id].add(state.mint_id)

    def _view(self, state: MintState, position: int) -> View:
        return View(
            state=state, head=self._head(state), shared=self._shared(state), position=position
        )

    def _head(self, state: MintState) -> MintState | None:
        if state.terms is None:
            return None
        mints = (self._states[mint_id] for mint_id in self._mints_of_user[state.terms.user_id])
        waiting = (mint for mint in mints if holds_user_back(mint))
        return min(waiting, key=_arrival, default=None)

    def _shared(self, state: MintState) -> frozenset[str]:
        if state.pin_failure is None:
            return frozenset()
        needed = self._needed_by_others(state.mint_id)
        return frozenset(a.cid for a in state.assets if {a.cid, a.sha256} & needed)

    def _needed_by_others(self, mint_id: str) -> set[str]:
        stored = {row.reference for row in self._references if row.mint_id not in self._states}
        others = (state for state in self._states.values() if state.mint_id != mint_id)
        return stored.union(*(references_of(state) for state in others))

    def _envelope(self, cause: Envelope, event: Event) -> Envelope:
        effect = caused_by(cause, event, source=SOURCE, time=self._now())
        if effect.subject == cause.subject:
            return effect
        return self._in_own_trace(effect)

    def _in_own_trace(self, effect: Envelope) -> Envelope:
        """An effect on another mint is part of that mint's trace, not of its cause's."""
        origin = self._states[effect.mint_id].origin
        if origin is None:
            return effect
        return replace(
            effect,
            correlation_id=origin.correlation_id,
            traceparent=child_span(origin.traceparent, origin.event_id, effect.id),
        )


def _arrival(state: MintState) -> int:
    return state.acceptance.arrival if state.acceptance else 0
