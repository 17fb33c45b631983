"""Which Kafka a process talks to, how it gets in, and what its topics are called there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aiokafka.helpers import create_ssl_context

REQUEST_SECONDS = 10.0
"""A request without an answer is given up after so long, and so is a broker that fell silent.

Longer than the brokers take to notice one of them that did (`broker.session.timeout.ms`, 9 s by
default): until then nobody else leads its partitions, and what waits for its copy waits. It is also
enough for the largest record at 10 Mbit/s. The idempotent producer repeats what was given up.
"""

METADATA_MAX_AGE_MS = 5_000
"""A topic that is made while we run, or a leader that moved, is known after this long at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """How to authenticate and encrypt; the default is neither. `ca_file` None: the system's CAs."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A Kafka cluster by its brokers (`host:port`).

    `prefix` is put before the name of every topic and group, so that several deployments can share
    a cluster; nothing above this package ever sees it. `request_seconds` is how long a client waits
    for an answer.
    """

    brokers: tuple[str, ...]
    prefix: str = ""
    security: Security = Security()
    request_seconds: float = REQUEST_SECONDS

    def prefixed(self, name: str) -> str:
        """What a topic or group is called on the brokers."""
        return self.prefix + name

    def unprefixed(self, name: str) -> str:
        """What a topic of the brokers is called by us."""
        return name.removeprefix(self.prefix)

    def client_options(self) -> dict[str, Any]:
        """Arguments that every aiokafka client takes."""
        security = self.security
        encrypted = security.protocol.endswith("SSL")
        ca_file = str(security.ca_file) if security.ca_file else None
        return {
            "bootstrap_servers": list(self.brokers),
            "request_timeout_ms": int(self.request_seconds * 1000),
            "metadata_max_age_ms": METADATA_MAX_AGE_MS,
            "security_protocol": security.protocol,
            "sasl_mechanism": security.mechanism,
            "sasl_plain_username": security.username,
            "sasl_plain_password": security.password,
            "ssl_context": create_ssl_context(cafile=ca_file) if encrypted else None,
        }
