"""Faust's clients get into a secured Kafka exactly as our own do."""

from __future__ import annotations

import pytest
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from mint_events.bus import Cluster, Security
from reconciler.credentials import credentials

BROKERS = ("kafka:9092",)


@pytest.mark.requirement("CF-1")
@pytest.mark.parametrize(
    "security",
    [
        Security(protocol="SSL"),
        Security(
            protocol="SASL_SSL", mechanism="SCRAM-SHA-512", username="trimint", password="secret"
        ),
        Security(protocol="SASL_PLAINTEXT", username="trimint", password="secret"),
    ],
    ids=lambda security: security.protocol,
)
def test_what_faust_hands_to_its_client_is_what_our_own_clients_get(security: Security) -> None:
    cluster = Cluster(brokers=BROKERS, security=security)

    handed = dict(credentials_to_aiokafka_auth(credentials(cluster)))

    ours = cluster.client_options()
    assert handed.pop("ssl_context") is not None or security.protocol == "SASL_PLAINTEXT"
    assert handed == {name: ours[name] for name in handed}
    assert handed["security_protocol"] == security.protocol


def test_a_kafka_that_asks_for_nothing_is_given_nothing() -> None:
    assert credentials(Cluster(brokers=BROKERS)) is None
