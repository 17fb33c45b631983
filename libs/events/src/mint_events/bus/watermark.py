"""Which offset of a partition may be committed: the one below which everything is done."""

from __future__ import annotations

from collections import deque


class Watermark:
    """Follows the records of one partition from being taken to being done, in any order.

    Offsets are taken in ascending order; there may be gaps between them (compaction, transaction
    markers), which count as done.
    """

    __slots__ = ("_in_work", "_next", "_taken")

    def __init__(self) -> None:
        self._taken: deque[int] = deque()
        self._in_work: set[int] = set()
        self._next: int | None = None

    def take(self, offset: int) -> None:
        """Begin work on a record. Raises `ValueError` when one at or above it was taken before."""
        if self._next is not None and offset < self._next:
            raise ValueError(f"offset {offset} was taken before: the next one is {self._next}")
        self._taken.append(offset)
        self._in_work.add(offset)
        self._next = offset + 1

    def finish(self, offset: int) -> None:
        """The record is done. Raises `ValueError` when it is not in work."""
        if offset not in self._in_work:
            raise ValueError(f"offset {offset} is not in work")
        self._in_work.remove(offset)
        while self._taken and self._taken[0] not in self._in_work:
            self._taken.popleft()

    @property
    def taken(self) -> int | None:
        """The offset of the next record to be taken; None before the first one."""
        return self._next

    @property
    def committable(self) -> int | None:
        """The offset to go on from after a restart; None before the first record."""
        return self._taken[0] if self._taken else self._next
