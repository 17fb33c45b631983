"""Kafka ready to run on this machine: jars, a formatted data folder, and a trained JVM cache.

All of it is made once and kept in the cache folder under a name that follows from what it was made
of (jars, Java, flags). Processes that start at the same time wait for the one that makes it.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mint_sandbox.cache import cache_folder, exclusive
from mint_sandbox.kafka.configuration import (
    NodePorts,
    render_meta_properties,
    server_properties,
)
from mint_sandbox.kafka.identifiers import new_kafka_id
from mint_sandbox.kafka.jars import KAFKA_VERSION, LOCK_FILE, Jar, fetch, present, read_lock
from mint_sandbox.kafka.java import JAVA_VERSION, Runtime
from mint_sandbox.kafka.node import KafkaNode
from mint_sandbox.ports import free_ports

_META_PROPERTIES: Final = "meta.properties"


@dataclass(frozen=True, slots=True)
class Installation:
    """What a node needs to start: the Java runtime with Kafka's jars, and a formatted folder."""

    runtime: Runtime
    template: Path

    def format(self, folders: Sequence[Path]) -> None:
        """Make `folders` the formatted data folders of nodes 1, 2, … of one new cluster."""
        cluster_id = new_kafka_id()
        for node_id, data in enumerate(folders, start=1):
            shutil.copytree(self.template, data)
            meta = render_meta_properties(cluster_id, node_id, new_kafka_id())
            (data / _META_PROPERTIES).write_text(meta)


async def installed() -> Installation:
    """The installation in the cache folder; makes it first when it is not there (needs network).

    Raises `JarsUnavailable` when the jars can not be had.
    """
    return await asyncio.to_thread(_install_exclusively)


def _install_exclusively() -> Installation:
    home = cache_folder() / f"kafka-{KAFKA_VERSION}"
    home.mkdir(exist_ok=True)
    with exclusive(home / "lock"):
        return _install(home)


def _install(home: Path) -> Installation:
    jars = read_lock()
    if not present(jars, home / "jars"):
        fetch(jars, home / "jars")
    prepared = home / f"prepared-{_fingerprint()}"
    runtime = _runtime(jars, home)
    if not prepared.is_dir():
        with tempfile.TemporaryDirectory(dir=home, prefix="prepare-") as folder:
            _prepare(runtime, Path(folder))
            (Path(folder) / "result").rename(prepared)
    return Installation(
        Runtime(runtime.classpath, aot_cache=prepared / "kafka.aot"), prepared / "formatted"
    )


def _runtime(jars: tuple[Jar, ...], home: Path) -> Runtime:
    return Runtime([home / "jars" / jar.filename for jar in jars])


def _fingerprint() -> str:
    parts = (LOCK_FILE.read_text(), JAVA_VERSION, *Runtime([]).command(""))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _prepare(runtime: Runtime, folder: Path) -> None:
    """Format a folder, then start and stop a node on it so that the JVM writes its cache."""
    result, scratch = folder / "result", folder / "scratch"
    result.mkdir()
    node = _scratch_node(runtime, scratch, train_into=result / "kafka.aot")
    _run_format(runtime, node.properties_file)
    shutil.copytree(scratch / "data", result / "formatted")
    asyncio.run(_train(node))


def _scratch_node(runtime: Runtime, scratch: Path, *, train_into: Path) -> KafkaNode:
    ports = NodePorts(1, *free_ports(2))
    properties = server_properties(ports, [ports], scratch / "data")
    scratch.mkdir()
    return KafkaNode(ports, properties, runtime, scratch, train_into=train_into)


def _run_format(runtime: Runtime, properties_file: Path) -> None:
    command = runtime.command(
        "kafka.tools.StorageTool", "format", "-t", new_kafka_id(), "-c", str(properties_file)
    )
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own arguments


async def _train(node: KafkaNode) -> None:
    await node.start(expected_brokers=1)
    await node.stop(patience=120)  # the JVM assembles its cache at the end
