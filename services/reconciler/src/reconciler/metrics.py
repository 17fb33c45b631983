"""What the reconciler counts; scraped at `/metrics`."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECEIVED = Counter("trimint_reconciler_events_total", "Events stored, by type.", ["type"])
DECIDED = Counter("trimint_reconciler_decisions_total", "Events decided, by type.", ["type"])
BATCH_SECONDS = Histogram("trimint_reconciler_batch_seconds", "Seconds to write a batch.")
BATCH_RECORDS = Histogram(
    "trimint_reconciler_batch_records",
    "Records in a batch.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
GAPS = Counter("trimint_reconciler_gaps_total", "Gaps that were read again from Kafka.")
VANISHED = Counter(
    "trimint_reconciler_vanished_offsets_total", "Offsets that Kafka holds no record at."
)
RETRIES = Counter(
    "trimint_reconciler_retries_total", "Tries after the database or Kafka failed.", ["failure"]
)
DEAD_LETTERS = Counter(
    "trimint_reconciler_dead_letters_total", "Records given up on.", ["topic", "failure"]
)
PUBLISHED = Counter("trimint_reconciler_published_total", "Events that the outbox relay published.")
GATE_OPEN = Gauge("trimint_gate_open", "1 while the layer lets new mints begin.", ["layer"])
GATE_CLOSED = Gauge(
    "trimint_gate_closed",
    "1 while the layer keeps new mints for this reason: down, unknown or maintenance.",
    ["layer", "reason"],
)
REQUESTS_WAITING = Gauge("trimint_requests_waiting", "Mint requests that are not admitted yet.")
OLDEST_REQUEST_SECONDS = Gauge(
    "trimint_oldest_request_waiting_seconds",
    "Age of the oldest mint request that is not admitted yet, 0 if there is none.",
)
