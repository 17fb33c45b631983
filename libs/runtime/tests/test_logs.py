"""Log lines are JSON objects, whoever writes them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from mint_runtime import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    before = logging.root.handlers[:], logging.root.level
    stream = io.StringIO()
    logs.configure("example", "info", stream=stream)
    yield stream
    logging.root.handlers[:], logging.root.level = before
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_level_timestamp_service_and_event(stream: io.StringIO) -> None:
    structlog.stdlib.get_logger("x").info("pinned", cid="bafy")
    (line,) = lines(stream)
    assert line["timestamp"].endswith("Z")
    del line["timestamp"]
    assert line == {"level": "info", "service": "example", "event": "pinned", "cid": "bafy"}


@pytest.mark.requirement("OB-8")
def test_what_is_bound_in_the_context_is_in_every_line(stream: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(mint_id="m-1", trace_id="t-1"):
        structlog.stdlib.get_logger("x").info("ours")
        logging.getLogger("library").warning("theirs %s", "too")
    ours, theirs = lines(stream)
    assert (ours["mint_id"], ours["trace_id"]) == ("m-1", "t-1")
    assert (theirs["mint_id"], theirs["event"]) == ("m-1", "theirs too")


def test_an_exception_is_structured_and_shows_no_local_variable(stream: io.StringIO) -> None:
    def fail(secret: str) -> None:
        raise ValueError("what happened")

    try:
        fail("hunter2" + "x")
    except ValueError:
        structlog.stdlib.get_logger("x").exception("crashed")
    (line,) = lines(stream)
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert line["exception"][0]["frames"][-1]["name"] == "fail"
    assert "hunter2x" not in stream.getvalue()


def test_lines_below_the_level_are_not_written(stream: io.StringIO) -> None:
    structlog.stdlib.get_logger("x").debug("detail")
    assert lines(stream) == []


def test_what_the_kafka_client_copes_with_is_not_an_error(stream: io.StringIO) -> None:
    logging.getLogger("aiokafka.consumer.group_coordinator").error("rebalancing")
    assert lines(stream)[0]["level"] == "warning"
