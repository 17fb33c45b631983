"""A Kafka cluster of one node or several on this machine, in a folder of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mint_sandbox.folders import SandboxFolder
from mint_sandbox.kafka.configuration import NodePorts, server_properties
from mint_sandbox.kafka.installation import Installation, installed
from mint_sandbox.kafka.node import KafkaNode, PortTaken
from mint_sandbox.ports import free_ports
from mint_sandbox.process import StartFailure

_ATTEMPTS: Final = 3
_PATIENCE_ALONE: Final = 15.0  # seconds for a clean stop, which takes a quarter of one
_PATIENCE_TOGETHER: Final = 2.0
# The last of several nodes waits in vain for a majority to let it go; what is acknowledged is safe.


class KafkaCluster:
    """Apache Kafka in KRaft mode; with three nodes, topics have three replicas, two in sync.

    `async with KafkaCluster() as kafka:` starts it and removes its data at the end. With `keep`
    the data lies in that folder and stays.
    """

    def __init__(self, nodes: int = 1, *, keep: Path | None = None) -> None:
        self._count = nodes
        self._folder = SandboxFolder("kafka", keep)
        self.nodes: Sequence[KafkaNode] = ()

    @property
    def brokers(self) -> str:
        """The bootstrap servers: `host:port`, comma separated."""
        return ",".join(node.address for node in self.nodes)

    @property
    def node(self) -> KafkaNode:
        """The first node, which is the only one unless more were asked for."""
        return self.nodes[0]

    async def start(self) -> None:
        """Start all nodes and wait until each knows all others.

        Raises `JarsUnavailable` when Kafka is not on this machine and can not be fetched, and
        `StartFailure` with the end of the log when a node does not come up.
        """
        installation = await installed()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._start_once(installation)
            except PortTaken:
                await self._abandon()
                if attempt == _ATTEMPTS:
                    raise
            except BaseException:
                await self._abandon()
                raise
            else:
                return

    async def stop(self) -> None:
        """End all nodes cleanly and remove the data, unless it was to be kept."""
        patience = _PATIENCE_ALONE if self._count == 1 else _PATIENCE_TOGETHER
        await asyncio.gather(*(node.stop(patience=patience) for node in self.nodes))
        self._folder.remove()

    async def kill(self, node_id: int = 1) -> None:
        """End one node as kill -9 does."""
        await self._by_id(node_id).kill()

    def pause(self, node_id: int = 1) -> None:
        """Stop one node where it is (SIGSTOP): its connections stay open and silent."""
        self._by_id(node_id).process.pause()

    def resume(self, node_id: int = 1) -> None:
        """Let a paused node go on."""
        self._by_id(node_id).process.resume()

    async def restart(self, node_id: int = 1) -> None:
        """Start a node that has ended, on its old port and data, and wait until it is ready."""
        await self._by_id(node_id).start()

    async def __aenter__(self) -> KafkaCluster:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _start_once(self, installation: Installation) -> None:
        folder = self._folder.make()
        self.nodes = _new_nodes(self._count, installation, folder)
        for node in self.nodes:
            node.spawn()
        await asyncio.gather(*(node.ready(expected_brokers=self._count) for node in self.nodes))

    async def _abandon(self) -> None:
        await asyncio.gather(*(node.kill() for node in self.nodes))
        self._folder.remove()

    def _by_id(self, node_id: int) -> KafkaNode:
        return self.nodes[node_id - 1]


def _new_nodes(count: int, installation: Installation, folder: Path) -> list[KafkaNode]:
    cluster = [NodePorts(node_id, *free_ports(2)) for node_id in range(1, count + 1)]
    folders = [folder / f"data-{ports.node_id}" for ports in cluster]
    if not _formatted(folders):
        installation.format(folders)
    return [
        KafkaNode(ports, server_properties(ports, cluster, data), installation.runtime, folder)
        for ports, data in zip(cluster, folders, strict=True)
    ]


def _formatted(folders: Sequence[Path]) -> bool:
    kept = set(folders[0].parent.glob("data-*"))
    if kept and kept != set(folders):
        raise StartFailure(
            f"{folders[0].parent} was kept by a cluster of {len(kept)} nodes, not of "
            f"{len(folders)}: start as many, or choose another folder"
        )
    return bool(kept)
