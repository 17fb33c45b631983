"""Apache Kafka (KRaft), its jars fetched by lock, on a Java runtime from a wheel."""

from mint_sandbox.kafka.cluster import KafkaCluster
from mint_sandbox.kafka.jars import JarsUnavailable
from mint_sandbox.kafka.node import KafkaNode

__all__ = ["JarsUnavailable", "KafkaCluster", "KafkaNode"]
