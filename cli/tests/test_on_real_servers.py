"""Given a real Kafka and PostgreSQL, when commands run, then they publish, follow and show."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from solders.keypair import Keypair

from mint_events import catalogue as c
from mint_events.bus import Cluster, Publisher
from mint_events.codec import Codec
from mint_events.store.append import append
from mint_events.store.events import own_event
from mint_events.store.migrate import migrate_store
from mint_events.topics import topic_of
from mint_sandbox.ports import free_ports
from mint_sandbox.postgres import Database
from trimint.board import Silence
from trimint.failing import Exit, Failed
from trimint.following import connected, follow, publish

from .conftest import Life, trimint

PROJECTION = Path(__file__).parents[2] / "services/reconciler/src/reconciler/migrations"
WALLET = str(Keypair.from_seed(b"w" * 32).pubkey())
PNG = b"\x89PNG\r\n\x1a\n rest"


async def test_mints_are_followed_from_their_request_to_their_end(
    cluster: Cluster, services: Publisher, life_of: Callable[[str], Life]
) -> None:
    lives = [life_of("m-1"), life_of("m-2")]
    async with connected(cluster, None) as connection:
        begun = await publish(connection, [life.request for life in lives])
        for life in lives:
            await services.publish(*(life.envelope(event) for event in life.events))

        done = await follow(connection, begun, Silence(), within=30.0)

    assert [progress.request.mint_id for progress in done] == ["m-1", "m-2"]
    assert all(progress.is_completed for progress in done)


async def test_what_was_before_the_request_is_not_taken_for_its_outcome(
    cluster: Cluster, services: Publisher, life: Life
) -> None:
    await services.publish(*(life.envelope(event) for event in life.events))
    async with connected(cluster, None) as connection:
        begun = await publish(connection, [life.request])

        with pytest.raises(Failed, match=r"1 mints are not over .*`trimint status m-1`"):
            await follow(connection, begun, Silence(), within=1.0)


async def test_without_topics_the_way_to_create_them_is_told(cluster: Cluster) -> None:
    with pytest.raises(Failed, match=r"no topic .*mint\.chain, .*`trimint topics`"):
        async with connected(cluster, None):
            pass


async def test_topics_are_created_once(env: dict[str, str]) -> None:
    first = await trimint("topics", "--json", "--replication", "1", env=env)
    second = await trimint("topics", "--json", "--replication", "1", env=env)

    assert (first.code, second.code) == (Exit.OK, Exit.OK)
    assert "mint.requests" in json.loads(first.out)["created"]
    assert json.loads(second.out)["created"] == []


@pytest.mark.requirement("MF-1")
async def test_mint_publishes_and_returns_at_once_if_it_is_not_to_wait(
    env: dict[str, str], topics: None, tmp_path: Path
) -> None:
    (tmp_path / "hero.png").write_bytes(PNG)
    (tmp_path / "mints.csv").write_text(
        f"mint_id,user,wallet,name,symbol,level,image\nm-1,alice,{WALLET},Hero,HERO,7,hero.png\n"
    )

    ran = await trimint(
        "mint", "--file", str(tmp_path / "mints.csv"), "--no-wait", "--json", env=env
    )

    assert ran.code == Exit.OK, ran.err
    (document,) = json.loads(ran.out)
    assert (document["mint_id"], document["status"]) == ("m-1", "requested")


@pytest.mark.requirement("MF-2")
async def test_a_rejected_mint_ends_the_command_with_its_field_and_a_code(
    env: dict[str, str], services: Publisher, tmp_path: Path
) -> None:
    (tmp_path / "hero.png").write_bytes(PNG)
    flags = ["--user", "alice", "--wallet", WALLET, "--name", "Hero", "--symbol", "HERO"]
    flags += ["--level", "1000", "--image", str(tmp_path / "hero.png"), "--mint-id", "m-1"]
    rejection = c.MintRejected(
        mint_id="m-1",
        user_id="alice",
        reason=c.RejectionReason.INVALID_FIELD,
        field="level",
        detail="1000 is not in 1 to 100",
    )
    running = asyncio.create_task(trimint("mint", "--json", *flags, env=env))
    while not running.done():
        await services.publish(Life(request=_any_request(), events=()).envelope(rejection))
        await asyncio.wait({running}, timeout=0.2)
    ran = await running

    assert ran.code == Exit.INCOMPLETE, ran.err
    (document,) = json.loads(ran.out)
    assert (document["status"], document["field"]) == ("rejected", "level")
    assert document["detail"] == "level: 1000 is not in 1 to 100"


def _any_request() -> c.MintRequested:
    return c.MintRequested(mint_id="m-1", user_id="u", wallet="w", name="n", symbol="s", level=1)


async def test_without_a_broker_the_setting_is_named(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "hero.png").write_bytes(PNG)
    nobody = {"TRIMINT_KAFKA_BROKERS": f"127.0.0.1:{free_ports(1)[0]}"}
    flags = ["--user", "alice", "--wallet", WALLET, "--name", "Hero", "--symbol", "HERO"]
    flags += ["--level", "7", "--image", str(tmp_path / "hero.png")]

    ran = await trimint("mint", *flags, env={**env, **nobody})

    assert ran.code == Exit.UNREACHABLE
    assert "TRIMINT_KAFKA_BROKERS" in ran.err.splitlines()[-1]


@pytest.fixture
async def recorded(database: Database, life: Life) -> Life:
    """A mint in the reconciler's tables, with its events in the event store."""
    codec = Codec()
    connection = await asyncpg.connect(database.dsn())
    await migrate_store(connection)
    for migration in sorted(PROJECTION.glob("*.sql")):
        await connection.execute(migration.read_text())
    await connection.execute(
        """insert into mint_record (mint_id, user_id, wallet, name, symbol, level, is_mutable,
               status, holds_user_back, mint_address, metadata_cid, updated_at)
           values ('m-1', 'alice', 'w', 'n', 's', 7, true, 'completed', false, 'address',
               'metadata', now())"""
    )
    await connection.execute(
        "insert into consistency values"
        " ('m-1', 'solana', 'address', 'address', 'consistent', now())"
    )
    envelopes = [life.envelope(e, n) for n, e in enumerate((life.request, *life.events))]
    async with connection.transaction():
        await append(
            connection,
            [own_event(e, codec.encode(e), topic_of(type(e.event)).name) for e in envelopes],
        )
    await connection.close()
    return replace(life)


async def test_status_shows_a_mints_layers_and_the_time_of_each_event(
    env: dict[str, str], recorded: Life
) -> None:
    shown = await trimint("status", "m-1", env=env)
    as_json = json.loads((await trimint("status", "m-1", "--json", env=env)).out)

    assert shown.code == Exit.OK, shown.err
    for text in ("m-1 is completed", "consistent", "phase 1: mint_account passed", "10.00 s"):
        assert text in shown.out
    assert as_json["layers"][0]["verdict"] == "consistent"
    assert [event["seconds"] for event in as_json["events"]] == list(range(11))


async def test_status_of_a_user_lists_the_mints(env: dict[str, str], recorded: Life) -> None:
    ran = await trimint("status", "--user", "alice", "--json", env=env)

    assert [mint["mint_id"] for mint in json.loads(ran.out)] == ["m-1"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["m-9"], "no mint 'm-9'"), (["--user", "nobody"], "user 'nobody' has no mints")],
)
async def test_status_of_what_is_not_there_has_a_code_of_its_own(
    env: dict[str, str], recorded: Life, arguments: list[str], told: str
) -> None:
    ran = await trimint("status", *arguments, env=env)

    assert ran.code == Exit.NOT_FOUND
    assert told in ran.err


async def test_status_says_when_the_database_was_never_set_up(env: dict[str, str]) -> None:
    ran = await trimint("status", "m-1", env=env)

    assert ran.code == Exit.UNREACHABLE
    assert "the reconciler has not set up this database" in ran.err
