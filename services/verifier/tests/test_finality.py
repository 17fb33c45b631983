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
    """An RPC that knows which signatures are final; endpoints in `down` refuse."""

    def __init__(self, urls: Sequence[str] = ("a",)) -> None:
        self.urls = tuple(urls)
        self.finalized: set[str] = set()
        self.down: set[str] = set()
        self.calls: list[tuple[str, int]] = []
        self.asked = asyncio.Event()

    async def transactions(self, url: str, signatures: Sequence[str]) -> dict[str, TransactionSeen]:
        self.calls.append((url, len(signatures)))
        self.asked.set()
        if url in self.down:
            raise Outage(f"{url} refused")
        return {
            s: TransactionSeen(endpoint=url, latest=9, slot=5, finalized=s in self.finalized)
            for s in signatures
        }


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def watch(chain: Chain) -> FinalityWatch:
    return FinalityWatch(chain, interval=0.0)


async def waiting(watch: FinalityWatch, *signatures: str) -> list[asyncio.Task[TransactionSeen]]:
    tasks = [asyncio.create_task(watch.seen(s, within=FOREVER)) for s in signatures]
    await asyncio.sleep(0)
    return tasks


@pytest.mark.requirement("VE-1")
async def test_all_that_wait_are_asked_for_in_one_call(chain: Chain, watch: FinalityWatch) -> None:
    chain.finalized = {"x", "y", "z"}
    tasks = await waiting(watch, "x", "y", "z")

    await watch.poll()

    assert [(await task).finalized for task in tasks] == [True] * 3
    assert chain.calls == [("a", 3)]


async def test_more_than_a_call_takes_are_asked_for_in_several(
    chain: Chain, watch: FinalityWatch
) -> None:
    chain.finalized = {str(n) for n in range(300)}
    tasks = await waiting(watch, *chain.finalized)

    await watch.poll()

    await asyncio.gather(*tasks)
    assert chain.calls == [("a", 256), ("a", 44)]


async def test_one_that_is_not_final_waits_on_while_others_are_told(
    chain: Chain, watch: FinalityWatch
) -> None:
    chain.finalized = {"x"}
    done, pending = await waiting(watch, "x", "y")

    await watch.poll()
    assert (await done).finalized
    assert not pending.done()

    chain.finalized = {"y"}
    await watch.poll()
    assert (await pending).finalized


async def test_nobody_is_asked_while_nobody_waits(chain: Chain, watch: FinalityWatch) -> None:
    await watch.poll()

    assert chain.calls == []


async def test_the_next_endpoint_is_asked_when_one_is_down() -> None:
    chain = Chain(["a", "b"])
    chain.finalized, chain.down = {"x"}, {"a"}
    watch = FinalityWatch(chain, interval=0.0)
    (task,) = await waiting(watch, "x")

    await watch.poll()

    assert (await task).endpoint == "b"


async def test_after_the_time_limit_the_last_that_was_seen_is_told(
    chain: Chain, watch: FinalityWatch
) -> None:
    task = asyncio.create_task(watch.seen("x", within=0.05))
    await asyncio.sleep(0)
    await watch.poll()

    assert not (await task).finalized


async def test_without_any_answer_the_failure_is_raised(chain: Chain, watch: FinalityWatch) -> None:
    chain.down = {"a"}
    task = asyncio.create_task(watch.seen("x", within=0.05))
    await asyncio.sleep(0)
    await watch.poll()

    with pytest.raises(Failure, match="a refused"):
        await task


async def test_two_that_wait_for_the_same_are_both_told(chain: Chain, watch: FinalityWatch) -> None:
    chain.finalized = {"x"}
    tasks = await waiting(watch, "x", "x")

    await watch.poll()

    assert [(await task).finalized for task in tasks] == [True] * 2
    assert chain.calls == [("a", 1)]


async def test_a_running_watch_polls_until_all_are_told(chain: Chain, watch: FinalityWatch) -> None:
    running = asyncio.create_task(watch.run())
    (task,) = await waiting(watch, "x")
    await chain.asked.wait()
    chain.finalized = {"x"}

    assert (await task).finalized
    running.cancel()
