"""What an error of Postgres, or of its client asyncpg, means (NR-1, RE-9).

Source: appendix A of PostgreSQL's documentation, "PostgreSQL Error Codes".
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from mint_resilience.classification import nearest
from mint_resilience.failures import Conflict, Failure, Outage, Permanent, Transient

SQLSTATES: Mapping[str, type[Failure]] = {
    # The database itself says: do it again.
    "40": Transient,  # 40001 serialization failure, 40P01 deadlock
    "40002": Permanent,  # a constraint that is checked at commit
    "55006": Transient,  # object in use
    "55P03": Transient,  # lock not available, lock_timeout
    "57014": Transient,  # canceled, statement_timeout
    "25P03": Transient,  # idle_in_transaction_session_timeout
    "58": Transient,  # errors of its operating system
    "72": Transient,  # snapshot too old
    "XX": Transient,  # internal error
    # Nobody is there, or has room for us. A commit that was under way may have taken effect.
    "08": Outage,
    "08P01": Transient,  # protocol violation
    "53": Outage,  # no memory, disk or connection left
    "57": Outage,  # 57P01 shutdown, 57P02 crash, 57P03 starting up
    "25006": Outage,  # read only: a standby took the address
    # It is there and shuts us out: an operator can cure that, the work waits.
    "28": Outage,  # authentication
    "3D": Outage,  # no such database
    "57P04": Outage,  # database dropped
    # Somebody else's row is in the place.
    "23505": Conflict,  # unique violation
    "23P01": Conflict,  # exclusion violation
    # The answer will be the same: values, constraints, statements.
    "09": Permanent,
    "0A": Permanent,
    "10": Permanent,
    "21": Permanent,
    "22": Permanent,
    "23": Permanent,
    "24": Permanent,
    "25": Permanent,
    "26": Permanent,
    "2B": Permanent,
    "2D": Permanent,
    "2F": Permanent,
    "34": Permanent,
    "38": Permanent,
    "39": Permanent,
    "3B": Permanent,
    "3F": Permanent,
    "42": Permanent,
    "44": Permanent,
    "54": Permanent,
    "55": Permanent,
    "P0": Permanent,
}
"""By SQLSTATE, or by its first two characters for the rest of a class."""

EXCEPTIONS: Mapping[str, type[Failure]] = {
    "TimeoutError": Transient,  # command_timeout
    "OSError": Outage,  # refused, reset, no such host
    "InterfaceError": Outage,  # the connection, or the pool, is closed
    "InternalClientError": Outage,  # e.g. of a rollback on a connection that was cut off
    "DataError": Permanent,  # the client's own: a value that the statement can not be given
    "TargetServerAttributeNotMatched": Outage,  # no server of the wanted kind among the hosts
}
"""Errors without a SQLSTATE; all that is not named is `Transient`."""


def classify_postgres_error(error: Exception, endpoint: str) -> Failure:
    """Say what an error means; `endpoint` is host, port and database, without secrets.

    RE-9: `Transient` (deadlock, time-out) is tried again at once, `Outage` (connection) later.
    """
    state = getattr(error, "sqlstate", None)
    failure = sqlstate_class(state) if state else nearest(error, EXCEPTIONS, Transient)
    told = f"{type(error).__name__} {f'({state})' if state else ''}".rstrip()
    return failure(f"{endpoint}: {told}: {error}", endpoint=endpoint)


def endpoint_of(url: str) -> str:
    """What a `postgresql://` URL leads to, for people to read: hosts, ports and database.

    Raises `ValueError`, which shows nothing of it, when its login could be taken for a host.
    """
    address = urlsplit(url)
    if not address.scheme.startswith("postgres"):
        return "database"
    hosts = address.netloc.rpartition("@")[2]
    ports = [host.rpartition("]")[2].partition(":")[2] for host in hosts.split(",")]
    if "@" in address.path or not all(port.isdigit() or not port for port in ports):
        raise ValueError("expected a URL whose password has '/', '?', '#' and '@' percent-encoded")
    return f"{hosts or 'local'}{address.path}"


def sqlstate_class(state: str) -> type[Failure]:
    """The class of an error by its five characters."""
    return SQLSTATES.get(state) or SQLSTATES.get(state[:2], Transient)
