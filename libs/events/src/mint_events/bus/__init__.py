"""Kafka as Trimint uses it: publishing, and the consuming runtime of all services."""

from mint_events.bus.assignment import PartitionHook
from mint_events.bus.cluster import Cluster, Security
from mint_events.bus.compacted import CompactedTopic
from mint_events.bus.consumer import Consumer
from mint_events.bus.delay import Wait, delay_topic, parking_topic
from mint_events.bus.limits import Limits
from mint_events.bus.outcome import Delay, Handler, Output, Publish, Tombstone
from mint_events.bus.publisher import Publisher
from mint_events.bus.record import Position, Record
from mint_events.bus.recovery import Recovery
from mint_events.bus.snapshot import latest_by_key

__all__ = [
    "Cluster",
    "CompactedTopic",
    "Consumer",
    "Delay",
    "Handler",
    "Limits",
    "Output",
    "PartitionHook",
    "Position",
    "Publish",
    "Publisher",
    "Record",
    "Recovery",
    "Security",
    "Tombstone",
    "Wait",
    "delay_topic",
    "latest_by_key",
    "parking_topic",
]
