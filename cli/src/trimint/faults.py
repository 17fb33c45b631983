"""`trimint sandbox fault list|set|clear`: let the sandbox's endpoints misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import aiohttp
import typer
from pydantic import Field

from mint_sandbox.commands import DEFAULT_FOLDER
from mint_sandbox.control import client
from mint_sandbox.faults import Fault, Kind
from mint_sandbox.faults.model import When
from mint_sandbox.registration import Registration
from mint_sandbox.tenant import CONTROL_URLS
from trimint.failing import Exit, Failed, told_in_one_line
from trimint.mint import AsJson, EnvFile
