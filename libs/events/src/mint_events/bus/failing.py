"""Errors of Kafka and its client, as failures with a class."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaError

from mint_events.bus.cluster import Cluster
from mint_resilience.kafka import classify_kafka_error


@contextmanager
def kafka_failures(what: str, cluster: Cluster) -> Iterator[None]:
    """Raise what goes wrong inside by its class (NR-1); the message says `what` could not be."""
    try:
        yield
    except (KafkaError, OSError) as error:  # a TimeoutError is one of the latter
        raise classify_kafka_error(error, what, endpoint=",".join(cluster.brokers)) from error
