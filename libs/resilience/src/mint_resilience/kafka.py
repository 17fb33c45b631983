"""What an error of Kafka, or of its client aiokafka, means (NR-1).

Source: "Error Codes" in the Kafka protocol guide; what it calls retriable is `Transient` here.
"""

from __future__ import annotations

from collections.abc import Mapping

from mint_resilience.classification import nearest
from mint_resilience.failures import (
    Conflict,
    Failure,
    Outage,
    Permanent,
    RateLimited,
    Transient,
)

CODES: Mapping[int, type[Failure]] = {
    1: Permanent,  # OFFSET_OUT_OF_RANGE: what was there is deleted
    4: Permanent,  # INVALID_FETCH_SIZE
    5: Outage,  # LEADER_NOT_AVAILABLE: nobody leads the partition
    8: Outage,  # BROKER_NOT_AVAILABLE
    10: Permanent,  # MESSAGE_TOO_LARGE
    12: Permanent,  # OFFSET_METADATA_TOO_LARGE
    15: Outage,  # COORDINATOR_NOT_AVAILABLE
    17: Permanent,  # INVALID_TOPIC_EXCEPTION
    18: Permanent,  # RECORD_LIST_TOO_LARGE
    21: Permanent,  # INVALID_REQUIRED_ACKS
    24: Permanent,  # INVALID_GROUP_ID
    28: Permanent,  # INVALID_COMMIT_OFFSET_SIZE
    32: Permanent,  # INVALID_TIMESTAMP
    35: Permanent,  # UNSUPPORTED_VERSION
    36: Conflict,  # TOPIC_ALREADY_EXISTS
    37: Permanent,  # INVALID_PARTITIONS
    38: Permanent,  # INVALID_REPLICATION_FACTOR
    39: Permanent,  # INVALID_REPLICA_ASSIGNMENT
    40: Permanent,  # INVALID_CONFIG
    42: Permanent,  # INVALID_REQUEST
    43: Permanent,  # UNSUPPORTED_FOR_MESSAGE_FORMAT
    44: Permanent,  # POLICY_VIOLATION
    46: Conflict,  # DUPLICATE_SEQUENCE_NUMBER: the record is there
    47: Conflict,  # INVALID_PRODUCER_EPOCH: another one took over
    50: Permanent,  # INVALID_TRANSACTION_TIMEOUT
    52: Conflict,  # TRANSACTION_COORDINATOR_FENCED
    68: Conflict,  # NON_EMPTY_GROUP
    69: Permanent,  # GROUP_ID_NOT_FOUND
    89: RateLimited,  # THROTTLING_QUOTA_EXCEEDED
    90: Conflict,  # PRODUCER_FENCED
    # It is there and shuts us out: an operator can cure that, the work waits.
    29: Outage,  # TOPIC_AUTHORIZATION_FAILED
    30: Outage,  # GROUP_AUTHORIZATION_FAILED
    31: Outage,  # CLUSTER_AUTHORIZATION_FAILED
    33: Outage,  # UNSUPPORTED_SASL_MECHANISM
    34: Outage,  # ILLEGAL_SASL_STATE
    53: Outage,  # TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    54: Outage,  # SECURITY_DISABLED
    58: Outage,  # SASL_AUTHENTICATION_FAILED
}
"""By the protocol's code; all that is not named may pass by itself: `Transient`."""

EXCEPTIONS: Mapping[str, type[Failure]] = {
    "KafkaConnectionError": Outage,
    "KafkaTimeoutError": Outage,  # the client could not send in all its time: nobody took it
    "KafkaUnavailableError": Outage,
    "NoBrokersAvailable": Outage,
    "NodeNotReadyError": Outage,
    "AuthenticationFailedError": Outage,
    "AuthenticationMethodNotSupported": Outage,
    "QuotaViolationError": RateLimited,
    "ProducerFenced": Conflict,
    "IllegalArgumentError": Permanent,
    "IllegalStateError": Permanent,
    "IncompatibleBrokerVersion": Permanent,
    "KafkaConfigurationError": Permanent,
    "NoOffsetForPartitionError": Permanent,
    "RecordTooLargeError": Permanent,
    "UnrecognizedBrokerVersion": Permanent,
    "UnsupportedCodecError": Permanent,
    "TimeoutError": Transient,
    "OSError": Outage,
}
"""The client's own errors; all that is not named is `Transient`."""


def classify_kafka_error(error: Exception, what: str, *, endpoint: str | None = None) -> Failure:
    """Say what an error means; `what` is what could not be done, or the topic it is about."""
    failure = _class(error)
    told = f"{what}: {type(error).__name__} {error}".rstrip()
    return failure(told, endpoint=what if endpoint is None else endpoint)


def _class(error: Exception) -> type[Failure]:
    code = None if isinstance(error, OSError) else getattr(error, "errno", None)
    return CODES.get(code, Transient) if code is not None else nearest(error, EXCEPTIONS, Transient)
