"""Given mints that wait for finalization, when the watch polls, then all are served by one call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from mint_resilience.failures import Failure, Outage
from verifier.checks.solana import TransactionSeen
from verifier.finality import FinalityWatch

FOREVER = 60.0


class Chain:
    """Endpoints that know which signatures are final, and which failed; all may be `down`."""

    def __init__(self) -> None:
        self.finalized: set[str] = set()
        self.failed: set[str] = set()
        self.unknown: set[str] = set()
        self.down = False
        self.calls: list[int] = []
        self.asked = asyncio.Event()

    async def transactions(self, signatures: Sequence[str]) -> dict[str, TransactionSeen]:
        self.calls.append(len(signatures))
        self.asked.set()
        if self.down:
            raise Outage("a refused")
        return {signature: self.word("a", signature) for signature in signatures}

    async def every_word(self, signature: str) -> tuple[TransactionSeen, ...]:
        return self.word("a", signature), self.word("b", signature)

    def word(self, endpoint: str, signature: str) -> TransactionSeen:
        return TransactionSeen(
            endpoint=endpoint,
            latest=9,
            slot=None if signature in self.unknown else 5,
            finalized=signature in self.finalized,
            error="Custom(0)" if signature in self.failed else None,
        )


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def watch(chain: Chain) -> FinalityWatch:
    return FinalityWatch(chain, interval=0.0)


async def waiting(
    watch: FinalityWatch, *signatures: str
) -> list[asyncio.Task[tuple[TransactionSeen, ...]]]:
    tasks = [asyncio.create_task(watch.seen(s, within=FOREVER)) for s in signatures]
    await asyncio.sleep(0)
    return tasks


def is_final(seen: tuple[TransactionSeen, ...]) -> bool:
    """By the word of one endpoint."""
    (only,) = seen
    return only.finalized


@pytest.mark.requirement("VE-1")
async def test_all_that_wait_are_asked_for_in_one_call(chain: Chain, watch: FinalityWatch) -> None:
    chain.finalized = {"x", "y", "z"}
    tasks = await waiting(watch, "x", "y", "z")

    await watch.poll()

    assert [is_final(await task) for task in tasks] == [True] * 3
    assert chain.calls == [3]


async def test_more_than_a_call_takes_are_asked_for_in_several(
    chain: Chain, watch: FinalityWatch
) -> None:
    chain.finalized = {str(n) for n in range(300)}
    tasks = await waiting(watch, *chain.finalized)

    await watch.poll()

    await asyncio.gather(*tasks)
    assert chain.calls == [256, 44]


async def test_one_that_is_not_final_waits_on_while_others_are_told(
    chain: Chain, watch: FinalityWatch
) -> None:
    chain.finalized = {"x"}
    done, pending = await waiting(watch, "x", "y")

    await watch.poll()
    assert is_final(await done)
    assert not pending.done()

    chain.finalized = {"y"}
    await watch.poll()
    assert is_final(await pending)


async def test_nobody_is_asked_while_nobody_waits(chain: Chain, watch: FinalityWatch) -> None:
    await watch.poll()

    assert chain.calls == []


async def test_after_the_time_limit_the_last_that_was_seen_is_told(
    chain: Chain, watch: FinalityWatch
) -> None:
    task = asyncio.create_task(watch.seen("x", within=0.05))
    await asyncio.sleep(0)
    await watch.poll()

    assert not is_final(await task)


@pytest.mark.requirement("VE-5")
async def test_that_it_failed_is_for_every_endpoint_to_say(
    chain: Chain, watch: FinalityWatch
) -> None:
    chain.finalized, chain.failed = {"x"}, {"x"}
    (task,) = await waiting(watch, "x")

    await watch.poll()

    assert [seen.endpoint for seen in await task] == ["a", "b"]


@pytest.mark.requirement("VE-5")
async def test_so_is_that_nobody_knows_it(chain: Chain, watch: FinalityWatch) -> None:
    chain.unknown = {"x"}
    task = asyncio.create_task(watch.seen("x", within=0.05))
    await asyncio.sleep(0)

    await watch.poll()

    assert [seen.endpoint for seen in await task] == ["a", "b"]


async def test_without_any_answer_the_failure_is_raised(chain: Chain, watch: FinalityWatch) -> None:
    chain.down = True
    task = asyncio.create_task(watch.seen("x", within=0.05))
    await asyncio.sleep(0)
    await watch.poll()

    with pytest.raises(Failure, match="a refused"):
        await task


async def test_two_that_wait_for_the_same_are_both_told(chain: Chain, watch: FinalityWatch) -> None:
    chain.finalized = {"x"}
    tasks = await waiting(watch, "x", "x")

    await watch.poll()

    assert [is_final(await task) for task in tasks] == [True] * 2
    assert chain.calls == [1]


async def test_a_running_watch_polls_until_all_are_told(chain: Chain, watch: FinalityWatch) -> None:
    running = asyncio.create_task(watch.run())
    (task,) = await waiting(watch, "x")
    await chain.asked.wait()
    chain.finalized = {"x"}

    assert is_final(await task)
    running.cancel()
