"""How faust gets into a secured Kafka: the same way as all other clients, in faust's own words."""

from __future__ import annotations

from faust.auth import SASLCredentials, SSLCredentials

from mint_events.bus import Cluster


def credentials(cluster: Cluster) -> SASLCredentials | SSLCredentials | None:
    """The `broker_credentials` of a faust app; None for a Kafka that asks for none."""
    security, context = cluster.security, cluster.client_options()["ssl_context"]
    if security.protocol == "PLAINTEXT":
        return None
    if security.protocol == "SSL":
        return SSLCredentials(context=context)
    return SASLCredentials(
        username=security.username,
        password=security.password,
        ssl_context=context,
        mechanism=security.mechanism,
    )
