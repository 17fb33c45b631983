"""A service process starts, says where it listens, and stops cleanly when told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from typing import Any

import pytest

PROGRAM = """
import asyncio
from mint_runtime.service import Process, run
from mint_runtime.settings import ServiceSettings

async def serve(settings: ServiceSettings, process: Process) -> None:
    {body}

run("example", ServiceSettings, serve)
"""


def start(body: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(body=body)],
        env={**os.environ, "TRIMINT_KAFKA_BROKERS": "127.0.0.1:1", **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    read: dict[str, Any] = json.loads(process.stdout.readline())
    return read


def test_it_logs_its_address_serves_there_and_stops_with_code_0_on_sigterm() -> None:
    with start("await process.stop.wait()") as process:
        started = line(process)
        with urllib.request.urlopen(f"{started['http']}/livez") as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        assert [line(process)["event"], line(process)["event"]] == ["stopping", "stopped"]
        assert process.wait(10) == 0
    assert (started["event"], started["service"]) == ("started", "example")


def test_a_crash_is_logged_and_ends_with_code_1() -> None:
    with start("raise ValueError('no such thing')") as process:
        line(process)
        crashed = line(process)
        assert process.wait(10) == 1
    assert (crashed["event"], crashed["level"]) == ("crashed", "error")
    assert crashed["exception"][0]["exc_value"] == "no such thing"


def test_work_that_ignores_the_stop_is_cut_off_and_ends_with_code_1() -> None:
    ignoring = "await asyncio.Event().wait()"
    with start(ignoring, TRIMINT_SHUTDOWN_SECONDS="0.05") as process:
        line(process)
        process.send_signal(signal.SIGTERM)
        assert line(process)["event"] == "stopping"
        assert "did not stop within 0.05 s" in line(process)["exception"][0]["exc_value"]
        assert process.wait(10) == 1


@pytest.mark.requirement("NR-1", "OB-1")
def test_retries_inside_of_it_are_lines_of_its_log() -> None:
    body = (
        "from mint_resilience.backoff import DEADLOCK, retry\n"
        "    from mint_resilience.failures import Transient\n"
        "    async def ask(): raise Transient('not now')\n"
        "    await retry(ask, DEADLOCK)"
    )
    with start(body) as process:
        line(process)
        again = line(process)
        assert process.wait(10) == 1
    assert (again["event"], again["operation"]) == ("tried again", "serve")
    assert (again["failure"], again["attempt"], again["next_in"]) == ("transient", 1, 0.0)


def test_a_port_that_is_taken_ends_with_code_1_and_says_so() -> None:
    with start("await process.stop.wait()") as first:
        port = line(first)["http"].rsplit(":", 1)[1]
        with start("await process.stop.wait()", TRIMINT_HTTP_PORT=port) as second:
            assert line(second)["exception"][0]["exc_type"] == "OSError"
            assert second.wait(10) == 1
        first.terminate()


def test_armed_it_says_so_at_its_start_and_dies_as_by_kill_9_at_the_boundary() -> None:
    body = (
        "from mint_resilience.failpoints import Boundary, reach; reach(Boundary.MINT_SENT); "
        "reach(Boundary.MINT_SIGNED); reach(Boundary.MINT_SIGNED)"
    )
    with start(body, TRIMINT_FAILPOINT="chain-minter.signed:2") as process:
        warning = line(process)
        assert process.wait(10) == -signal.SIGKILL
    assert (warning["level"], warning["at"], warning["passing"]) == (
        "warning",
        "chain-minter.signed",
        2,
    )


def test_an_unknown_boundary_stops_the_start_with_a_line_that_names_it() -> None:
    with start("pass", TRIMINT_FAILPOINT="chain-minter.nowhere") as process:
        assert process.wait(10) == 2
