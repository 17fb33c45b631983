"""Renew the jar lock: `python -m mint_sandbox.kafka.lock` resolves Kafka and writes the file.

The log binding is added by its own coordinates, not resolved together with Kafka: its parent POM
manages Kafka's dependencies too and would put an older kafka-clients beside the newer server.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import jgo

from mint_sandbox.kafka.jars import KAFKA_VERSION, LOCK_FILE, Jar, sha256_of

_LOG_BINDING: Final = "log4j-slf4j-impl"  # for the slf4j 1.7 that Kafka brings


def resolve() -> tuple[Jar, ...]:
    """Kafka's run-time jars and the log binding of the log4j version that Kafka brings."""
    kafka = _resolve(f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}")
    log4j = next(jar for jar in kafka if jar.artifact == "log4j-core")
    binding = _resolve(f"{log4j.group}:{_LOG_BINDING}:{log4j.version}")
    return (*kafka, *(jar for jar in binding if jar.artifact == _LOG_BINDING))


def render(jars: Iterable[Jar]) -> str:
    """The lock file's text."""
    head = "# Made by `python -m mint_sandbox.kafka.lock`. Classpath order.\n"
    return head + "".join(
        f'\n[[jar]]\ngroup = "{jar.group}"\nartifact = "{jar.artifact}"\n'
        f'version = "{jar.version}"\nsha256 = "{jar.sha256}"\n'
        for jar in jars
    )


def _resolve(endpoint: str) -> list[Jar]:
    return [
        Jar(found.groupId, found.artifactId, found.version, sha256_of(found.resolve()))
        for found in jgo.resolve(endpoint)
    ]


if __name__ == "__main__":
    LOCK_FILE.write_text(render(resolve()))
