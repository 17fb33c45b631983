"""The database's copy of every metadata document, read when no gateway serves (IP-5)."""

from __future__ import annotations

import asyncpg

from mint_content.cid import Cid
from mint_resilience.postgres import classify_postgres_error, endpoint_of

DOCUMENT_QUERY = """
    SELECT metadata_json FROM mint_record JOIN mint_document USING (mint_id)
    WHERE metadata_cid = $1 LIMIT 1
"""
"""Finds the copy of a metadata document, `$1` being its CID."""


_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)


class RecordedDocuments:
    """Documents by the CID that their mints are recorded with; needs nothing but SELECT.

    The pool is the caller's, who also closes it; `url` is what it connects to.
    """

    def __init__(self, pool: asyncpg.Pool, url: str) -> None:
        self._pool = pool
        self._endpoint = endpoint_of(url)

    async def document(self, cid: Cid) -> bytes | None:
        """The document that was recorded under this CID, if any; raises classified failures."""
        try:
            copy: bytes | None = await self._pool.fetchval(DOCUMENT_QUERY, str(cid))
        except _ERRORS as error:
            raise classify_postgres_error(error, self._endpoint) from error
        return copy
