"""A new data folder for PostgreSQL."""

from __future__ import annotations

import os
from pathlib import Path

from mint_sandbox.postgres.binaries import Binaries, PostgresUnavailable


def initialize(binaries: Binaries, data: Path, superuser: str) -> None:
    """Make `data` a data folder that trusts every local client; its parent must exist.

    Raises `PostgresUnavailable` when it can not be made.
    """
    account = binaries.account
    if account:
        os.chown(data.parent, account.uid, account.gid)
    options = ["--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
    done = binaries.run("initdb", "-D", str(data), "-U", superuser, *options)
    if done.returncode:
        who = f"user id {account.uid}, as which it runs," if account else "you"
        raise PostgresUnavailable(
            f"initdb could not make {data}: {done.stderr.strip()}. The folder and all above it "
            f"must be open to {who}: keep the data elsewhere, or set TMPDIR"
        )
