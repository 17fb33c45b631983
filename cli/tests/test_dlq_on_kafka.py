"""Given a real Kafka with dead letters, when an operator decides on them, then it is so."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mint_events.bus import Cluster, Publisher
from mint_events.bus.deadletter import dead_letter
from mint_events.bus.history import read_topic
from mint_events.bus.record import Consumed
from mint_events.catalogue import DeadLetterDiscarded, DeadLetterRedriven
from mint_events.codec import Codec
from mint_events.envelope import Envelope, Received
from mint_events.topics import CHAIN, DEADLETTER
from trimint.failing import Exit

from .conftest import BEGIN, Life, trimint


async def dead(services: Publisher, life: Life) -> Envelope:
    """The letter of a record of `mint.chain` that the verifier gave up."""
    sent = services.record(life.envelope(life.events[4]), CHAIN)
    sent = replace(sent, headers=(*sent.headers, ("x", b"1")))
    (position,) = await services.send(sent)
    record = Consumed(
        position=position, timestamp_ms=0, key=sent.key, value=sent.value, headers=sent.headers
    )
    letter = dead_letter(record, service="verifier", failure="bug", detail="oh \x1b[2J", time=BEGIN)
    await services.publish(letter)
    return letter


async def read(cluster: Cluster, topic: str) -> list[Received]:
    named = {"mint.chain": CHAIN, "mint.deadletter": DEADLETTER}[topic]
    records = [one async for one in read_topic(cluster, Codec(), named)]
    assert all(isinstance(one, Received) for one in records)
    return [one for one in records if isinstance(one, Received)]


@pytest.mark.requirement("NR-6")
async def test_a_letter_is_listed_shown_and_redriven_once(
    env: dict[str, str], cluster: Cluster, services: Publisher, life: Life
) -> None:
    nothing = await trimint("dlq", "list", env=env)
    assert (nothing.code, nothing.out) == (Exit.OK, "no dead letters of this kind\n")
    letter = await dead(services, life)
    short = str(letter.id)[:8]

    listed = await trimint("dlq", "list", "--service", "verifier", env=env)
    assert short in listed.out
    assert "\x1b" not in listed.out
    shown = json.loads((await trimint("dlq", "show", short, "--json", env=env)).out)
    assert (shown["event"], shown["headers"]["x"], shown["state"]) == ("MintConfirmed", "1", "open")

    command = ("dlq", "redrive", short, "--reason", "the bug is mended", "--by", "anne")
    first, second = await trimint(*command, env=env), await trimint(*command, env=env)
    assert (first.code, second.code) == (Exit.OK, Exit.OK)
    assert "before" in second.out

    before, again = await read(cluster, "mint.chain")
    assert (again.value, again.key, again.partition) == (before.value, before.key, before.partition)
    assert dict(again.headers)["trimint_redriven_for"] == b"verifier"
    events = [received.envelope.event for received in await read(cluster, "mint.deadletter")]
    (decision,) = [event for event in events if isinstance(event, DeadLetterRedriven)]
    assert (decision.by, decision.reason) == ("anne", "the bug is mended")
    assert decision.position == f"mint.chain/{again.partition}/{again.offset}"
    left = json.loads((await trimint("dlq", "list", "--json", env=env)).out)
    assert left == []


@pytest.mark.requirement("NR-6")
async def test_all_open_letters_of_a_kind_are_discarded_and_stay_to_be_seen(
    env: dict[str, str], cluster: Cluster, services: Publisher, life: Life
) -> None:
    await dead(services, life)
    await dead(services, life)

    other = await trimint(
        "dlq", "discard", "--all", "--failure", "poison", "--reason", "none", env=env
    )
    assert other.out == "no open dead letters of this kind\n"
    done = await trimint("dlq", "discard", "--all", "--reason", "a test", "--json", env=env)
    assert [one["done"] for one in json.loads(done.out)] == [True, True]

    events = [received.envelope.event for received in await read(cluster, "mint.deadletter")]
    assert sum(isinstance(event, DeadLetterDiscarded) for event in events) == 2
    assert len(await read(cluster, "mint.chain")) == 2, "nothing went back"
    seen = json.loads((await trimint("dlq", "list", "--state", "all", "--json", env=env)).out)
    assert [one["state"] for one in seen] == ["discarded", "discarded"]
    redrive = await trimint("dlq", "redrive", seen[0]["letter"], "--reason", "late", env=env)
    assert redrive.code == Exit.INCOMPLETE
    assert "was discarded by" in redrive.out


@pytest.mark.requirement("NR-6")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("redrive", "--reason", "r"), "name letters"),
        (("redrive", "abc", "--all", "--reason", "r"), "name letters"),
        (("discard", "--all", "--reason", " "), "--reason: say why"),
        (("list", "--state", "lost"), "--state 'lost': expected open"),
        (("show", "abc"), "no dead letter 'abc'"),
    ],
)
async def test_what_can_not_be_done_is_told_in_one_line(
    env: dict[str, str], topics: None, arguments: tuple[str, ...], message: str
) -> None:
    ran = await trimint("dlq", *arguments, env=env)
    assert ran.code in (Exit.USAGE, Exit.NOT_FOUND)
    assert message in ran.err
    assert ran.err.count("\n") == 1
