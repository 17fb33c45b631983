"""The figures of the consuming runtime."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a consumer takes on, and how long it tries.

    `max_in_flight` and `max_in_flight_bytes` bound what was read and is not done (a poll may pass
    the bytes once). `commit_seconds` is between commits, `depth_seconds` between questions to the
    brokers how much waits. `drain_seconds` is what work in progress
    gets to finish when partitions are taken away or the service stops. Waits between attempts begin
    at `retry_base` seconds and double up to `retry_ceiling`; `bug_attempts` is how often a record
    is tried whose handler raises what is not a retriable failure. `budget_attempts` and
    `budget_seconds` are what the retries of one record, nested ones too, may cost before it is
    parked.
    """

    max_in_flight: int = 256
    max_in_flight_bytes: int = 64 * 1024 * 1024
    commit_seconds: float = 0.5
    depth_seconds: float = 5.0
    drain_seconds: float = 10.0
    retry_base: float = 1.0
    retry_ceiling: float = 60.0
    bug_attempts: int = 6
    budget_attempts: int = 20
    budget_seconds: float = 120.0
