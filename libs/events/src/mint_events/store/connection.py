"""What the store's functions run their SQL on: a connection of asyncpg, pooled or not."""

from __future__ import annotations

from typing import Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

# A text, because asyncpg's classes are generic for the type checker alone.
Connection: TypeAlias = "asyncpg.Connection[Any] | PoolConnectionProxy[Any]"
