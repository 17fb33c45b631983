"""Dead letters as they are folded, named and shown; no Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from mint_events.bus.deadletter import dead_letter
from mint_events.bus.record import Consumed, Position
from mint_events.catalogue import DeadLetterDiscarded, DeadLetterRedriven
from mint_events.codec import Codec
from mint_events.envelope import Envelope, caused_by
from trimint.dlq.deciding import decide
from trimint.dlq.desk import Decision
from trimint.dlq.letters import Letter, State, Wanted, folded, named
from trimint.dlq.showing import document, printable, short_length
from trimint.failing import Failed

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
ANNE = Decision(by="anne", reason="mended")


def letter(offset: int, service: str = "verifier") -> Envelope:
    record = Consumed(
        position=Position(topic="mint.chain", partition=0, offset=offset),
        timestamp_ms=0,
        key=b"m-1",
        value=b"\x00",
        headers=(),
    )
    time = BEGIN + timedelta(seconds=offset)
    return dead_letter(record, service=service, failure="poison", detail="no", time=time)


def redriven(of: Envelope, seconds: float, by: str = "anne") -> Envelope:
    event = DeadLetterRedriven(
        mint_id="m-1",
        letter=str(of.id),
        service="verifier",
        position="mint.chain/0/9",
        by=by,
        reason="mended",
    )
    return caused_by(of, event, source="cli", time=BEGIN + timedelta(seconds=seconds))


def discarded(of: Envelope, seconds: float) -> Envelope:
    event = DeadLetterDiscarded(mint_id="m-1", letter=str(of.id), by="bob", reason="a test")
    return caused_by(of, event, source="cli", time=BEGIN + timedelta(seconds=seconds))


@dataclass
class Books:
    """A desk that writes down what it is asked for."""

    done: list[tuple[State, str]] = field(default_factory=list)

    async def redrive(self, letter: Letter, decision: Decision) -> Envelope:
        self.done.append((State.REDRIVEN, letter.id))
        return redriven(letter.envelope, 100, by=decision.by)

    async def discard(self, letter: Letter, decision: Decision) -> Envelope:
        del decision
        self.done.append((State.DISCARDED, letter.id))
        return discarded(letter.envelope, 100)


def states(envelopes: Sequence[Envelope]) -> list[State]:
    return [one.state for one in folded(envelopes)]


@pytest.mark.requirement("NR-6")
def test_a_letter_is_open_until_it_is_decided_on_and_the_first_decision_counts() -> None:
    first, second, third = letter(1), letter(2), letter(3)
    events = [
        third,
        discarded(second, 60),
        first,
        redriven(second, 50),
        second,
        discarded(third, 9),
    ]
    assert states(events) == [State.OPEN, State.REDRIVEN, State.DISCARDED]
    assert states([*events, *events]) == states(events), "an event that comes again is the same"


@pytest.mark.requirement("NR-6")
def test_letters_are_chosen_by_what_is_told_of_them() -> None:
    letters = folded([letter(1), letter(2, "reconciler"), letter(3), redriven(letter(3), 5)])
    chosen = [x.record.offset for x in letters if Wanted(service="verifier").chooses(x)]
    assert chosen == [1, 3]
    wanted = Wanted(service="verifier", state=State.OPEN)
    assert [x.record.offset for x in letters if wanted.chooses(x)] == [1]
    assert not any(Wanted(mint="m-2").chooses(x) for x in letters)


@pytest.mark.requirement("NR-6")
def test_a_letter_is_named_by_the_beginning_of_its_id_if_that_is_its_own() -> None:
    letters = folded([letter(n) for n in range(40)])
    assert named(letters, [letters[3].id, letters[3].id.upper()]) == [letters[3], letters[3]]
    with pytest.raises(Failed, match="no dead letter 'zz'"):
        named(letters, ["zz"])
    with pytest.raises(Failed, match="dead letters begin with ''"):
        named(letters, [""])


@pytest.mark.requirement("NR-6")
async def test_what_was_decided_before_is_not_done_again() -> None:
    open_, done, gone = letter(1), letter(2), letter(3)
    letters = folded([open_, done, gone, redriven(done, 5), discarded(gone, 5)])
    books = Books()
    outcomes = await decide(books, letters, State.REDRIVEN, ANNE)
    assert books.done == [(State.REDRIVEN, str(open_.id))]
    assert [one.done for one in outcomes] == [True, True, False]
    assert outcomes[0].detail == "redriven to mint.chain/0/9 by anne"
    assert outcomes[2].detail == "was discarded by bob before"


@pytest.mark.requirement("NR-6")
async def test_a_letter_whose_bytes_were_not_kept_is_told_and_the_others_are_redriven() -> None:
    class Refusing(Books):
        async def redrive(self, letter: Letter, decision: Decision) -> Envelope:
            if letter.record.offset == 1:
                raise ValueError("its bytes were not kept")
            return await super().redrive(letter, decision)

    books = Refusing()
    outcomes = await decide(books, folded([letter(1), letter(2)]), State.REDRIVEN, ANNE)
    assert [one.done for one in outcomes] == [False, True]
    assert outcomes[0].detail == "not redriven: its bytes were not kept"


def test_short_ids_are_long_enough_to_tell_the_letters_apart() -> None:
    one = folded([letter(1)])[0]
    alike = replace(one.envelope, id=uuid4())
    same = replace(alike, id=type(alike.id)(str(alike.id)[:-1] + "f"))
    other = replace(alike, id=type(alike.id)(str(alike.id)[:-1] + "e"))
    letters = [Letter(envelope, one.record) for envelope in (same, other)]
    assert short_length([one]) == 8
    assert short_length(letters) == 36


def test_a_letter_whose_record_can_not_be_decoded_is_shown_all_the_same() -> None:
    shown = document(folded([letter(1)])[0], Codec())
    assert (shown["event"], shown["value"], shown["key"]) == (None, "AA==", "m-1")
    assert shown["decision"] is None


def test_what_a_bad_record_holds_can_not_steer_the_terminal() -> None:
    assert printable("a\x1b[2Jb\n\x07") == "a�[2Jb\n�"
