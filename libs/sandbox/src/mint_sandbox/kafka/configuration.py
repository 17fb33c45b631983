"""The server properties of a sandbox node: pure text, from numbers and a folder.

Names and meanings: Apache Kafka 4.3, "Broker Configs".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mint_sandbox.ports import LOOPBACK

MESSAGE_LIMIT: Final = 13 * 1024 * 1024
"""Bytes of the largest record batch: a 12 MiB image and what is wrapped around it."""


@dataclass(frozen=True, slots=True)
class NodePorts:
    """Where one node listens: for clients, and for the controllers among themselves."""

    node_id: int
    client: int
    controller: int


def server_properties(node: NodePorts, cluster: Sequence[NodePorts], data: Path) -> dict[str, str]:
    """The properties of `node`, a broker and controller in one, among the nodes of `cluster`."""
    return {
        **_addresses(node, cluster),
        **_replication(len(cluster)),
        **_LIMITS,
        **_QUICK_REACTIONS,
        "log.dirs": str(data),
    }


def render_properties(properties: Mapping[str, str]) -> str:
    """A Java properties file."""
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def render_meta_properties(cluster_id: str, node_id: int, directory_id: str) -> str:
    """The file that marks a data folder as formatted for a node of a cluster (version 1, KRaft)."""
    return render_properties(
        {
            "version": "1",
            "cluster.id": cluster_id,
            "node.id": str(node_id),
            "directory.id": directory_id,
        }
    )


def _addresses(node: NodePorts, cluster: Sequence[NodePorts]) -> dict[str, str]:
    voters = ",".join(f"{peer.node_id}@{LOOPBACK}:{peer.controller}" for peer in cluster)
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.node_id),
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "listeners": (
            f"PLAINTEXT://{LOOPBACK}:{node.client},CONTROLLER://{LOOPBACK}:{node.controller}"
        ),
    }


def _replication(nodes: int) -> dict[str, str]:
    factor, in_sync = (3, 2) if nodes >= 3 else (1, 1)
    return {
        "default.replication.factor": str(factor),
        "min.insync.replicas": str(in_sync),
        "offsets.topic.replication.factor": str(factor),
        "transaction.state.log.replication.factor": str(factor),
        "transaction.state.log.min.isr": str(in_sync),
        "share.coordinator.state.topic.replication.factor": str(factor),
        "share.coordinator.state.topic.min.isr": str(in_sync),
    }


_LIMITS: Final = {
    "auto.create.topics.enable": "false",
    "message.max.bytes": str(MESSAGE_LIMIT),
    "replica.fetch.max.bytes": str(MESSAGE_LIMIT),
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "log.cleaner.dedupe.buffer.size": "4194304",  # halves the memory of a node
}

_QUICK_REACTIONS: Final = {
    "group.initial.rebalance.delay.ms": "0",
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.fetch.timeout.ms": "1000",
}
