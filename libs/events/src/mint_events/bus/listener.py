"""What the group tells a member: partitions are taken away, partitions are given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from aiokafka import ConsumerRebalanceListener, TopicPartition


class RebalanceListener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Hands the group's decisions on; the group waits for the end of `revoked`."""

    def __init__(
        self,
        assigned: Callable[[Iterable[TopicPartition]], None],
        revoked: Callable[[], Awaitable[None]],
    ) -> None:
        self._assigned = assigned
        self._revoked = revoked

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Aiokafka's protocol is the eager one: all partitions are taken away at once."""
        del revoked
        await self._revoked()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Aiokafka awaits nothing here: what takes time goes on in tasks."""
        self._assigned(assigned)
