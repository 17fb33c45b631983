"""A cache keeps what was used last, and never more than its limit."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_content.cache import ContentCache, FolderCache, LeastRecentlyUsed, MemoryCache
from mint_content.unixfs import cid_of

A, B, C = b"a" * 100, b"b" * 100, b"c" * 100
ROOM_FOR_TWO = 290


@pytest.fixture(params=["memory", "folder"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> ContentCache:
    if request.param == "memory":
        return MemoryCache(ROOM_FOR_TWO)
    return FolderCache(tmp_path / "cache", ROOM_FOR_TWO)


async def held(cache: ContentCache, *contents: bytes) -> list[bool]:
    return [await cache.get(cid_of(data)) == data for data in contents]


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


async def keep(cache: ContentCache, *contents: bytes) -> None:
    for data in contents:
        await cache.put(cid_of(data), data)


@pytest.mark.requirement("IP-5")
async def test_content_is_kept_under_its_name(cache: ContentCache) -> None:
    await keep(cache, A)

    assert await held(cache, A, B) == [True, False]


@pytest.mark.requirement("IP-5")
async def test_who_was_not_used_for_longest_makes_room(cache: ContentCache) -> None:
    await keep(cache, A, B)
    assert await held(cache, A) == [True]

    await keep(cache, C)

    assert await held(cache, A, B, C) == [True, False, True]


async def test_what_is_larger_than_the_cache_is_not_kept_and_drives_nobody_out(
    cache: ContentCache,
) -> None:
    await keep(cache, A, b"x" * (ROOM_FOR_TWO + 1))

    assert await held(cache, A, b"x" * (ROOM_FOR_TWO + 1)) == [True, False]


async def test_keeping_content_again_takes_no_further_room(cache: ContentCache) -> None:
    await keep(cache, A, B, B, B)

    assert await held(cache, A, B) == [True, True]


@pytest.mark.requirement("IP-5")
async def test_a_folder_outlives_its_process_with_the_order_of_use(tmp_path: Path) -> None:
    await keep(FolderCache(tmp_path, ROOM_FOR_TWO), A, B)
    assert await held(FolderCache(tmp_path, ROOM_FOR_TWO), A) == [True]

    later = FolderCache(tmp_path, ROOM_FOR_TWO)
    await keep(later, C)

    assert await held(later, A, B, C) == [True, False, True]
    assert names(tmp_path) == {str(cid_of(A)), str(cid_of(C))}


async def test_a_folder_that_has_become_too_large_is_cut_down(tmp_path: Path) -> None:
    await keep(FolderCache(tmp_path, ROOM_FOR_TWO), A, B)

    smaller = FolderCache(tmp_path, 150)

    assert await held(smaller, A, B) == [False, True]
    assert names(tmp_path) == {str(cid_of(B))}


async def test_a_damaged_file_is_missing_and_makes_room(tmp_path: Path) -> None:
    cache = FolderCache(tmp_path, ROOM_FOR_TWO)
    await keep(cache, A, B)
    (tmp_path / str(cid_of(A))).write_bytes(b"rotten")

    assert await held(cache, A, B) == [False, True]
    await keep(cache, C)
    assert await held(cache, B, C) == [True, True]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 12)), max_size=60))
def test_what_is_held_is_the_longest_recent_past_that_fits(uses: list[tuple[str, int]]) -> None:
    order, held_sizes = LeastRecentlyUsed(10), dict[str, int]()
    for name, size in uses:
        leaving = order.admit(name, size)
        if leaving is None:
            assert size > 10
            continue
        held_sizes.pop(name, None)
        held_sizes[name] = size
        expected = []
        while sum(held_sizes.values()) > 10:
            expected.append(next(iter(held_sizes)))
            del held_sizes[expected[-1]]
        assert list(leaving) == expected
