"""What the bus tells Prometheus, named by its conventions: base units, `_total` for counters."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

HANDLER_SECONDS_BUCKETS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
)  # fmt: skip

CONSUMED = Counter("trimint_records_consumed_total", "Records read.", ["topic"])
PUBLISHED = Counter("trimint_records_published_total", "Records acknowledged.", ["topic"])
HANDLER_SECONDS = Histogram(
    "trimint_handler_seconds",
    "Duration of one attempt of the handler.",
    ["event", "outcome"],
    buckets=HANDLER_SECONDS_BUCKETS,
)
RETRIES = Counter(
    "trimint_record_retries_total",
    "Attempts at a record that are made again; waiting for a dependency is none.",
    ["failure"],
)
RETRY_OUTCOMES = Counter(
    "trimint_record_retry_outcomes_total",
    "Steps of a record that were tried more than once: helped, or failed (parked or given up).",
    ["outcome"],
)
DEAD_LETTERS = Counter("trimint_dead_letters_total", "Records given up on.", ["topic", "failure"])
IN_FLIGHT = Gauge("trimint_in_flight_records", "Records read and not done.", ["group"])
IN_FLIGHT_BYTES = Gauge(
    "trimint_in_flight_bytes", "Bytes of the records read and not done.", ["group"]
)
IN_FLIGHT_LIMIT = Gauge(
    "trimint_in_flight_limit_records", "Records that may be in flight.", ["group"]
)
IN_FLIGHT_BYTES_LIMIT = Gauge(
    "trimint_in_flight_limit_bytes", "Bytes of records that may be in flight.", ["group"]
)
WAITING = Gauge("trimint_records_awaiting_retry", "Records whose next attempt is waited for.")
UNAVAILABLE = Gauge(
    "trimint_records_awaiting_dependency", "Records that wait for a dependency to be there again."
)
PARKED = Gauge(
    "trimint_parked_records", "Records of this instance's partitions that are parked.", ["group"]
)
PARKINGS = Counter(
    "trimint_record_parkings_total",
    "Records handed to a delay topic; `follows`: behind another record of their key.",
    ["topic", "failure"],
)
FULL = Gauge(
    "trimint_consumption_full", "1 while no more is read, for what is in flight.", ["group"]
)
LAG = Gauge(
    "trimint_consumer_lag_records",
    "Records in Kafka that are not done, also while their consumption is paused.",
    ["group", "topic", "partition"],
)
OLDEST_OPEN = Gauge(
    "trimint_oldest_open_seconds",
    "Age of the oldest record that is not done, read or not (of a delayed one since it was due), "
    "0 if there is none.",
    ["group", "topic"],
)
OLDEST_SECONDS = Gauge(
    "trimint_oldest_in_flight_seconds",
    "Age of the oldest record in flight, 0 if there is none.",
    ["group"],
)
HELD = Gauge("trimint_topic_held", "1 while consumption of the topic is paused.", ["topic"])
