"""What an operator decides about dead letters is done, and kept in the audit trail."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping

import asyncpg
import pytest
from support.upstream import Upstream

from mint_events.catalogue import RecordDeadLettered
from mint_sandbox.tenant import Tenant
from trimint.fleet import Fleet

_TRAIL = """
    SELECT type, decoded::json->>'by' AS by, decoded::json->>'reason' AS reason
    FROM event_store WHERE topic = 'mint.deadletter' ORDER BY position
"""


async def _dlq(tenant: Tenant, *arguments: str) -> int | None:
    env: Mapping[str, str] = {**os.environ, **tenant.env}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "trimint", "dlq", *arguments, env=env
    )
    await process.communicate()
    return process.returncode


async def _trail(tenant: Tenant, events: int) -> list[tuple[str, str, str]]:
    """The events of the dead-letter topic in the event store, once there are so many."""
    connection = await asyncpg.connect(tenant.database.dsn())
    try:
        async with asyncio.timeout(60):
            while len(rows := await connection.fetch(_TRAIL)) < events:  # noqa: ASYNC110 - it is remote
                await asyncio.sleep(0.1)
    finally:
        await connection.close()
    return [tuple(row) for row in rows]


@pytest.mark.requirement("NR-6")
async def test_a_redriven_record_is_tried_again_and_each_decision_is_in_the_audit_trail(
    fleet: Fleet, shop: Upstream, tenant: Tenant
) -> None:
    """Given a record that nobody can read, when it is redriven, then it becomes a letter once more,
    which is discarded; all of it is in the event store, with who decided it and why."""
    await shop.send_raw(b"not avro at all")
    await shop.until(1, RecordDeadLettered, within=60)

    assert await _dlq(tenant, "redrive", "--all", "--by", "anne", "--reason", "mended") == 0
    await shop.until(2, RecordDeadLettered, within=60)
    assert await _dlq(tenant, "discard", "--all", "--by", "bob", "--reason", "not ours") == 0

    assert await _trail(tenant, 4) == [
        ("RecordDeadLettered", None, None),
        ("DeadLetterRedriven", "anne", "mended"),
        ("RecordDeadLettered", None, None),
        ("DeadLetterDiscarded", "bob", "not ours"),
    ]
    told = [line["event"] for service in fleet for line in service.complaints()]
    assert told == ["dead letter", "dead letter"]
