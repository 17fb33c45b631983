"""A PostgreSQL server on this machine, in a folder of its own, by TCP and by Unix socket."""

from __future__ import annotations

import asyncio
import signal
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import asyncpg

from mint_sandbox.folders import SandboxFolder
from mint_sandbox.ports import LOOPBACK, free_ports
from mint_sandbox.postgres.binaries import Binaries, find_binaries
from mint_sandbox.postgres.data_folder import initialize
from mint_sandbox.process import ChildProcess, Command, StartFailure

SUPERUSER: Final = "postgres"
OWNER: Final = "trimint"
"""The role that owns every database made here; it has no rights beyond them."""
_MAINTENANCE: Final = "postgres"  # the database that every server has
_START_TIMEOUT: Final = 60.0  # seconds; a start takes a quarter of one, a recovery a few
_ATTEMPTS: Final = 3
_PORT_TAKEN: Final = "could not create any TCP/IP sockets"
_NOT_DURABLE: Final = ("fsync=off", "full_page_writes=off")
# Not synchronous_commit=off: it would lose acknowledged rows when only the process dies.
_NOT_READY: Final = (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError)


@dataclass(frozen=True, slots=True)
class Database:
    """One database of a server, with its addresses."""

    name: str
    port: int
    socket_folder: Path

    def dsn(self, user: str = OWNER) -> str:
        """The address by TCP."""
        return f"postgresql://{user}@{LOOPBACK}:{self.port}/{self.name}"

    def socket_dsn(self, user: str = OWNER) -> str:
        """The address by Unix socket: several times faster per query."""
        folder = quote(str(self.socket_folder), safe="")
        return f"postgresql://{user}@/{self.name}?host={folder}&port={self.port}"


class PostgresServer:
    """A real PostgreSQL; killed and started again it recovers as a real one does.

    `durable=False` gives up safety against a crash of the *machine* for speed; what was committed
    still survives the end of the process. With `keep` the data lies in that folder and stays.
    """

    def __init__(self, *, durable: bool = False, keep: Path | None = None) -> None:
        self._durable = durable
        self._folder = SandboxFolder("postgres", keep)
        self._process: ChildProcess | None = None
        self.port = 0

    @property
    def process(self) -> ChildProcess:
        """The server's process; raises `RuntimeError` before the first start."""
        if self._process is None:
            raise RuntimeError("PostgreSQL has not been started")
        return self._process

    def database(self, name: str = OWNER) -> Database:
        """The addresses of a database of this server."""
        return Database(name, self.port, self._folder.make())

    async def start(self) -> None:
        """Start the server, on new data or, after `kill()` or `stop()`, on what it left.

        Raises `PostgresUnavailable`, or `StartFailure` with the end of the log.
        """
        if self._process is not None:
            await self._run(self._process)
            return
        try:
            await self._first_start()
        except BaseException:
            self._folder.remove()
            raise

    async def kill(self) -> None:
        """End the server and all its workers as kill -9 does; the data stays."""
        await self.process.kill()

    def pause(self) -> None:
        """Stop the server and its workers where they are (SIGSTOP): nobody is answered."""
        self.process.pause()

    def resume(self) -> None:
        """Let a paused server go on."""
        self.process.resume()

    async def stop(self) -> None:
        """End it cleanly and remove the data, unless it was to be kept."""
        if self._process is not None:
            await self._process.stop(patience=30)
            self._process = None
        self._folder.remove()

    async def create_database(
        self, name: str | None = None, *, template: str = "template1"
    ) -> Database:
        """A new database of `OWNER`, a copy of `template`, named `name` or as nothing else is."""
        name = name or f"test_{uuid.uuid4().hex[:12]}"
        await self.administer(f'CREATE DATABASE "{name}" OWNER {OWNER} TEMPLATE "{template}"')
        return self.database(name)

    async def drop_database(self, database: Database) -> None:
        """Remove a database, ending its connections."""
        await self.administer(f'DROP DATABASE IF EXISTS "{database.name}" WITH (FORCE)')

    async def administer(self, statement: str, database: str = _MAINTENANCE) -> None:
        """Run one statement, or several, as the superuser."""
        dsn = self.database(database).socket_dsn(SUPERUSER)
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def __aenter__(self) -> PostgresServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _first_start(self) -> None:
        binaries = await asyncio.to_thread(find_binaries)
        data = self._folder.make() / "data"
        fresh = not data.exists()
        if fresh:
            await asyncio.to_thread(initialize, binaries, data, SUPERUSER)
        self._process = await self._run_on_a_free_port(binaries, data)
        if fresh:
            await self.administer(f"CREATE ROLE {OWNER} LOGIN")
            await self.create_database(OWNER)

    async def _run_on_a_free_port(self, binaries: Binaries, data: Path) -> ChildProcess:
        for attempt in range(1, _ATTEMPTS + 1):
            [self.port] = free_ports(1)
            process = ChildProcess("postgres", self._command(binaries, data), data.parent)
            try:
                await self._run(process)
            except StartFailure:
                if attempt == _ATTEMPTS or _PORT_TAKEN not in process.log_tail():
                    raise
            else:
                return process
        raise AssertionError("the last attempt returns or raises")

    async def _run(self, process: ChildProcess) -> None:
        process.spawn()
        try:
            await process.until(self._answers, within=_START_TIMEOUT, what="its first answer")
        except BaseException:
            await process.kill()
            raise

    async def _answers(self) -> bool:
        try:
            dsn = self.database(_MAINTENANCE).dsn(SUPERUSER)
            connection = await asyncpg.connect(dsn, timeout=5)
        except _NOT_READY:
            return False
        await connection.close()
        return True

    def _command(self, binaries: Binaries, data: Path) -> Command:
        settings = [
            f"listen_addresses={LOOPBACK}",
            f"port={self.port}",
            f"unix_socket_directories={data.parent}",
            "max_connections=200",
            *(() if self._durable else _NOT_DURABLE),
        ]
        arguments = [part for setting in settings for part in ("-c", setting)]
        return Command(
            [binaries.program("postgres"), "-D", str(data), *arguments],
            cwd=data.parent,
            account=binaries.account,
            stop_signal=signal.SIGINT,  # "fast": ends the clients, then itself, cleanly
            orphan_signal=signal.SIGQUIT,  # "immediate": at once, and nothing of it remains
        )
