"""One Kafka node: a JVM that is broker and controller, on ports and a folder that stay the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from mint_sandbox.kafka.configuration import NodePorts, render_properties
from mint_sandbox.kafka.java import Runtime
from mint_sandbox.ports import LOOPBACK, is_listening
from mint_sandbox.process import ChildProcess, Command, StartFailure

_MAIN_CLASS: Final = "kafka.Kafka"
_START_TIMEOUT: Final = 60.0  # seconds; a start takes about one


class PortTaken(StartFailure):
    """Another process listens on the node's port."""


class KafkaNode:
    """One node; it can be killed and started again on the same ports and data."""

    def __init__(
        self,
        ports: NodePorts,
        properties: Mapping[str, str],
        runtime: Runtime,
        folder: Path,
        *,
        train_into: Path | None = None,
    ) -> None:
        self.node_id = ports.node_id
        self.port = ports.client
        self.address = f"{LOOPBACK}:{ports.client}"
        self.properties_file = folder / f"server-{ports.node_id}.properties"
        self.properties_file.write_text(render_properties(properties))
        argv = runtime.command(_MAIN_CLASS, str(self.properties_file), train_into=train_into)
        self.process = ChildProcess(f"kafka-{ports.node_id}", Command(argv), folder)

    def spawn(self) -> None:
        """Start the JVM and return at once."""
        self.process.spawn()

    async def ready(self, *, expected_brokers: int) -> None:
        """Wait until this node itself answers that so many brokers, it among them, are alive.

        Raises `PortTaken` or another `StartFailure`.
        """

        async def answers() -> bool:
            brokers = await self._known_brokers()
            return self.node_id in brokers and len(brokers) >= expected_brokers

        try:
            await self.process.until(answers, within=_START_TIMEOUT, what="metadata answer")
        except StartFailure as failure:
            if "Address already in use" in self.process.log_tail(20_000):
                raise PortTaken(str(failure)) from failure
            raise

    async def start(self, *, expected_brokers: int = 1) -> None:
        """Start and wait until ready; raises `StartFailure`."""
        self.spawn()
        await self.ready(expected_brokers=expected_brokers)

    async def stop(self, *, patience: float) -> None:
        """End it cleanly; after `patience` seconds kill it."""
        await self.process.stop(patience=patience)

    async def kill(self) -> None:
        """End it as kill -9 does."""
        await self.process.kill()

    async def _known_brokers(self) -> set[int]:
        if not is_listening(self.port):
            return set()
        client = AIOKafkaClient(bootstrap_servers=self.address, request_timeout_ms=2000)
        try:
            await client.bootstrap()
            return {broker.nodeId for broker in client.cluster.brokers()}
        except KafkaError:  # not yet: the caller asks again until its time is up
            return set()
        finally:
            await client.close()
