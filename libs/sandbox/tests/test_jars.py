"""Kafka's jars are fetched by lock: the right bytes, or an error that says what to do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from mint_sandbox.kafka.jars import KAFKA_VERSION, Jar, JarsUnavailable, fetch, present, read_lock

BYTES = b"the bytes of a jar"
JAR = Jar("org.example", "broker", "1.2.3", hashlib.sha256(BYTES).hexdigest())
PATH_IN_REPOSITORY = "org/example/broker/1.2.3/broker-1.2.3.jar"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing: the tests' output is for the tests."""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a Maven repository on this machine, in the place of the public one."""
    folder = tmp_path / "repository"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    settings = tmp_path / "jgo.conf"
    settings.write_text(f"[repositories]\ncentral = http://127.0.0.1:{server.server_port}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
    yield folder
    server.shutdown()
    server.server_close()


def publish(repository: Path, content: bytes) -> None:
    path = repository / PATH_IN_REPOSITORY
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def test_a_missing_jar_is_fetched_and_then_present(repository: Path, tmp_path: Path) -> None:
    publish(repository, BYTES)
    jars = tmp_path / "cache" / "jars"
    assert not present([JAR], jars)

    fetch([JAR], jars)

    assert present([JAR], jars)
    assert [path.name for path in jars.parent.iterdir()] == ["jars"]


def test_a_damaged_jar_is_fetched_again(repository: Path, tmp_path: Path) -> None:
    publish(repository, BYTES)
    jars = tmp_path / "cache" / "jars"
    fetch([JAR], jars)
    (jars / JAR.filename).write_bytes(BYTES[:5])
    assert not present([JAR], jars)

    fetch([JAR], jars)

    assert (jars / JAR.filename).read_bytes() == BYTES


def test_other_bytes_than_the_locked_ones_are_refused(repository: Path, tmp_path: Path) -> None:
    publish(repository, b"not what was locked")
    jars = tmp_path / "cache" / "jars"

    with pytest.raises(JarsUnavailable, match=f"locked is {JAR.sha256}"):
        fetch([JAR], jars)

    assert not (jars / JAR.filename).exists()


@pytest.mark.usefixtures("repository")
def test_a_jar_that_can_not_be_had_is_named_with_what_to_do(tmp_path: Path) -> None:
    jars = tmp_path / "cache" / "jars"

    with pytest.raises(JarsUnavailable) as failure:
        fetch([JAR], jars)

    assert "org.example:broker:1.2.3" in str(failure.value)
    assert "mirror under [repositories]" in str(failure.value)
    assert f"put the file into {jars}" in str(failure.value)


def test_the_lock_names_one_version_of_kafka_and_its_client() -> None:
    versions = {jar.version for jar in read_lock() if jar.group == "org.apache.kafka"}

    assert versions == {KAFKA_VERSION}
