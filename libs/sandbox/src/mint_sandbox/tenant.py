"""One Trimint's place on shared servers: its topics, its database and its mint authority.

Several tenants on the same servers do not see each other: topics have a prefix, each has a database
of its own and an authority of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from solders.keypair import Keypair

from mint_events.admin import ensure_topics
from mint_events.bus.cluster import Cluster
from mint_sandbox.authority import fund, read_key_file, write_key_file
from mint_sandbox.postgres import OWNER, Database, PostgresServer
from mint_sandbox.servers import Servers

CONTROL_URLS: Final = "TRIMINT_SANDBOX_CONTROL_URLS"
"""Where the sandbox is told to misbehave: for tests and operators, no service reads it."""

READER: Final = "trimint_reader"
"""The role of those who may read every table and change none: verifier, command line, console."""

_READER_ROLE: Final = f"""
DO $$ BEGIN
  CREATE ROLE {READER} LOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
ALTER ROLE {READER} SET default_transaction_read_only = on;
"""
_READER_RIGHTS: Final = f"""
GRANT USAGE ON SCHEMA public TO {READER};
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT SELECT ON TABLES TO {READER};
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT USAGE ON SCHEMAS TO {READER};
"""


@dataclass(frozen=True, slots=True)
class Tenant:
    """What the services of one Trimint need to know of the servers."""

    servers: Servers
    topic_prefix: str
    database: Database
    authority: str
    authority_key_file: Path

    @property
    def env(self) -> dict[str, str]:
        """The environment that points services at this tenant."""
        ipfs = self.servers.ipfs
        return {
            "TRIMINT_KAFKA_BROKERS": self.servers.kafka.brokers,
            "TRIMINT_KAFKA_TOPIC_PREFIX": self.topic_prefix,
            "TRIMINT_DATABASE_URL": self.database.dsn(),
            "TRIMINT_DATABASE_READ_URL": self.database.dsn(READER),
            "TRIMINT_SOLANA_RPC_URLS": ",".join(self.servers.solana.rpc_urls),
            "TRIMINT_SOLANA_AUTHORITY": self.authority,
            "TRIMINT_SOLANA_AUTHORITY_KEY_FILE": str(self.authority_key_file),
            "TRIMINT_PINATA_API_URL": ipfs.pinata_api_url,
            "TRIMINT_PINATA_UPLOAD_URL": ipfs.pinata_upload_url,
            "TRIMINT_PINATA_JWT": ipfs.pinata_jwt,
            "TRIMINT_KUBO_RPC_URL": ipfs.kubo_rpc_url,
            "TRIMINT_IPFS_GATEWAYS": ",".join(ipfs.gateways),
            CONTROL_URLS: f"{self.servers.solana.control_url},{ipfs.control_url}",
        }


async def provide(
    servers: Servers,
    folder: Path,
    *,
    database: Database,
    topic_prefix: str = "",
) -> Tenant:
    """Make a tenant in `database`: topics, the reader's rights, and a funded authority.

    The authority's key lies in `folder`; one that lies there already is used again.
    """
    await ensure_topics(_cluster(servers, topic_prefix))
    await _admit_reader(servers.postgres, database)
    key_file = folder / "authority.json"
    authority = _authority(key_file)
    await fund(authority, servers.solana.rpc_url)
    return Tenant(servers, topic_prefix, database, authority, key_file)


def _cluster(servers: Servers, prefix: str) -> Cluster:
    return Cluster(brokers=tuple(servers.kafka.brokers.split(",")), prefix=prefix)


async def _admit_reader(postgres: PostgresServer, database: Database) -> None:
    await postgres.administer(_READER_ROLE)
    await postgres.administer(_READER_RIGHTS, database.name)


def _authority(key_file: Path) -> str:
    if not key_file.exists():
        write_key_file(Keypair(), key_file)
    return str(read_key_file(key_file).pubkey())
