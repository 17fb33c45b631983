"""Apache Kafka 4.3.1 (KRaft) from Maven's jars on a Java runtime from a wheel: nothing to install."""

from mint_sandbox.kafka.cluster import KafkaCluster
from mint_sandbox.kafka.jars import JarsUnavailable
from mint_sandbox.kafka.node import KafkaNode

__all__ = ["JarsUnavailable", "KafkaCluster", "KafkaNode"]
