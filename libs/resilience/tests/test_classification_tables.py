"""Every client's failures have a class (NR-1), and every name in the tables is the client's own."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from types import ModuleType

import aiohttp
import aiokafka.errors
import asyncpg
import httpx
import pytest
from asyncpg.exceptions import _base as client_exceptions
from solders import transaction_status

from mint_resilience import http, kafka, postgres, solana_rpc
from mint_resilience.failures import (
    Conflict,
    Failure,
    Outage,
    Permanent,
    RateLimited,
    Transient,
)

pytestmark = pytest.mark.requirement("NR-1")

BUILTINS = {"TimeoutError", "OSError"}


def exceptions_of(*modules: ModuleType) -> dict[str, type[Exception]]:
    found = (item for module in modules for item in vars(module).items())
    return {
        name: value
        for name, value in found
        if inspect.isclass(value) and issubclass(value, Exception)
    }


KAFKA = exceptions_of(aiokafka.errors)
POSTGRES = exceptions_of(asyncpg, asyncpg.exceptions)
HTTP = exceptions_of(httpx, aiohttp)


def made(error: type[Exception]) -> Exception:
    """An instance, whatever its constructor wants: only its class is looked at."""
    return error.__new__(error)


@pytest.mark.parametrize(
    ("table", "client"),
    [(http.EXCEPTIONS, HTTP), (kafka.EXCEPTIONS, KAFKA), (postgres.EXCEPTIONS, POSTGRES)],
)
def test_every_exception_that_a_table_names_is_one_of_the_client(
    table: Mapping[str, type[Failure]], client: Mapping[str, type[Exception]]
) -> None:
    assert table.keys() - BUILTINS <= client.keys()


def test_only_the_statuses_of_the_400s_that_nothing_can_cure_are_final() -> None:
    final = {status for status in range(100, 600) if http.status_class(status) is Permanent}
    assert final == set(range(400, 500)) - {408, 409, 425, 429}


@pytest.mark.parametrize(("status", "failure"), http.STATUSES.items())
def test_a_status_of_the_table_has_that_class(status: int, failure: type[Failure]) -> None:
    assert type(http.classify_http_status(httpx.Response(status), "x")) is failure


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (aiohttp.ClientConnectorDNSError, Outage),
        (aiohttp.ClientConnectorError, Outage),
        (aiohttp.ServerDisconnectedError, Transient),
        (aiohttp.SocketTimeoutError, Transient),
        (aiohttp.ConnectionTimeoutError, Transient),
        (aiohttp.ClientPayloadError, Transient),
        (aiohttp.InvalidURL, Permanent),
    ],
)
def test_aiohttps_exceptions_have_their_class(
    error: type[Exception], failure: type[Failure]
) -> None:
    class Named(error):  # type: ignore[misc, valid-type]  # its text wants a connection otherwise
        def __str__(self) -> str:
            return "told"

    assert type(http.classify_http_error(made(Named), "https://rpc.example")) is failure


@pytest.mark.parametrize(("code", "failure"), solana_rpc.CODES.items())
def test_an_rpc_code_of_the_table_has_that_class(code: int, failure: type[Failure]) -> None:
    result = solana_rpc.classify_rpc_error({"code": code, "message": "because"}, "https://rpc")
    assert isinstance(result, failure)
    assert result.endpoint == "https://rpc"
    assert "because" in str(result)


@pytest.mark.parametrize("error", [{"code": -32099}, {"code": "x"}, {}, "text", None, []])
def test_an_rpc_error_that_nobody_knows_says_nothing_about_the_effect(error: object) -> None:
    assert type(solana_rpc.classify_rpc_error(error, "x")) is Transient


def transaction_errors() -> Iterator[str]:
    prefix = "TransactionError"
    for name in dir(transaction_status.TransactionErrorFieldless):
        if name[0].isupper():
            yield name
    for name in dir(transaction_status):
        if name.startswith(prefix) and name not in (f"{prefix}Fieldless", f"{prefix}Type"):
            yield name.removeprefix(prefix)


def test_the_table_of_preflight_errors_names_all_transaction_errors_and_no_other() -> None:
    assert set(solana_rpc.PREFLIGHT) == set(transaction_errors())


@pytest.mark.parametrize(("name", "preflight"), solana_rpc.PREFLIGHT.items())
@pytest.mark.requirement("CH-4")
def test_a_preflight_error_means_look_and_says_what_it_is_about(
    name: str, preflight: solana_rpc.Preflight
) -> None:
    for error in (name, {name: [0, {"Custom": 0}]}):
        told = {"code": -32002, "message": "failed", "data": {"err": error, "logs": ["in use"]}}
        refused = solana_rpc.classify_rpc_error(told, "x")
        assert isinstance(refused, solana_rpc.Refused)
        assert refused.preflight is preflight
        assert "in use" in str(refused)


@pytest.mark.parametrize("data", [None, "text", {}, {"logs": None}, {"err": None, "logs": []}])
def test_a_preflight_error_without_details_means_look_all_the_same(data: object) -> None:
    refused = solana_rpc.classify_rpc_error({"code": -32002, "data": data}, "x")
    assert isinstance(refused, solana_rpc.Refused)


@pytest.mark.parametrize(
    "reply",
    [
        '{"jsonrpc":"2.0","result":5,"id":1}',
        '{"jsonrpc":"2.0","result":{"logs":["\\"error\\""]},"id":1}',
        '{"jsonrpc":"2.0","result":{"error":"of the program"},"id":1}',
    ],
)
def test_an_answer_is_no_failure(reply: str) -> None:
    assert solana_rpc.failure_in_reply(reply, "x") is None


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        ('{"jsonrpc":"2.0","error":{"code":-32005,"message":"limit"},"id":1}', Outage),
        ('{"jsonrpc":"2.0","error":{"code":429,"message":"slow down"},"id":1}', RateLimited),
        ("<html>sign in</html>", Transient),
        ('{"jsonrpc":"2.0","id":1}', Transient),
        ("[]", Transient),
        ('{"error"', Transient),
    ],
)
def test_an_error_in_a_reply_is_read_and_what_is_no_reply_says_nothing(
    reply: str, failure: type[Failure]
) -> None:
    assert type(solana_rpc.failure_in_reply(reply, "x")) is failure


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (401, Outage),
        (404, Outage),
        (409, Outage),
        (408, Transient),
        (429, RateLimited),
        (502, Transient),
    ],
)
def test_an_rpc_status_is_about_the_endpoint_and_never_final_for_the_mint(
    status: int, failure: type[Failure]
) -> None:
    result = solana_rpc.classify_rpc_status(status, "body", {"retry-after": "7"}, "x")
    assert type(result) is failure
    assert getattr(result, "retry_after", None) == (7.0 if failure is RateLimited else None)


@pytest.mark.requirement("RE-9")
@pytest.mark.parametrize(
    ("state", "failure"),
    [
        ("40P01", Transient),
        ("40001", Transient),
        ("55P03", Transient),
        ("57014", Transient),
        ("08001", Outage),
        ("08006", Outage),
        ("57P01", Outage),
        ("57P02", Outage),
        ("57P03", Outage),
        ("53300", Outage),
        ("23505", Conflict),
        ("23503", Permanent),
        ("22001", Permanent),
        ("42P01", Permanent),
        ("99999", Transient),
    ],
)
def test_a_postgres_error_has_the_class_of_its_sqlstate(state: str, failure: type[Failure]) -> None:
    error = asyncpg.PostgresError.new({"C": state, "M": "because"})
    result = postgres.classify_postgres_error(error, "db:5432/trimint")
    assert type(result) is failure
    assert state in str(result)


NEVER_RAISED_FOR_A_STATEMENT = {"00", "01", "02", "03", "0B", "0F", "0L", "0P", "0Z", "20", "27"}
FOREIGN_TABLES_AND_CONFIGURATION = {"HV", "F0"}


def test_every_error_class_of_postgres_is_in_the_table() -> None:
    states = {str(getattr(error, "sqlstate", None) or "00000")[:2] for error in POSTGRES.values()}
    unused = NEVER_RAISED_FOR_A_STATEMENT | FOREIGN_TABLES_AND_CONFIGURATION
    assert states - unused <= postgres.SQLSTATES.keys()


@pytest.mark.requirement("RE-9")
@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ConnectionRefusedError("refused"), Outage),
        (TimeoutError(), Transient),
        (asyncpg.InterfaceError("connection is closed"), Outage),
        (asyncpg.InternalClientError("no rollback"), Outage),
        (client_exceptions.DataError("no integer"), Permanent),
        (asyncpg.PostgresError("unheard of"), Transient),
    ],
)
def test_a_database_without_an_answer_has_its_class(
    error: Exception, failure: type[Failure]
) -> None:
    assert type(postgres.classify_postgres_error(error, "db")) is failure


@pytest.mark.parametrize("name", sorted(KAFKA.keys() - {"BrokerResponseError"}))
def test_every_kafka_error_has_a_class_and_what_kafka_calls_retriable_is_not_final(
    name: str,
) -> None:
    failure = kafka.classify_kafka_error(made(KAFKA[name]), "mint.chain")
    assert failure.endpoint == "mint.chain"
    if getattr(KAFKA[name], "retriable", False):
        assert isinstance(failure, Transient | Outage)


@pytest.mark.parametrize(("code", "failure"), kafka.CODES.items())
def test_a_kafka_code_of_the_table_has_that_class(code: int, failure: type[Failure]) -> None:
    error = aiokafka.errors.BrokerResponseError("because")
    error.errno = code
    assert type(kafka.classify_kafka_error(error, "x")) is failure


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (aiokafka.errors.KafkaConnectionError("refused"), Outage),
        (aiokafka.errors.KafkaTimeoutError(), Outage),
        (aiokafka.errors.LeaderNotAvailableError(), Outage),
        (aiokafka.errors.RequestTimedOutError(), Transient),
        (aiokafka.errors.NotLeaderForPartitionError(), Transient),
        (aiokafka.errors.MessageSizeTooLargeError(), Permanent),
        (aiokafka.errors.TopicAuthorizationFailedError(), Outage),
        (aiokafka.errors.ProducerFenced(), Conflict),
        (ConnectionResetError("reset"), Outage),
        (TimeoutError(), Transient),
    ],
)
def test_kafkas_errors_have_their_class(error: Exception, failure: type[Failure]) -> None:
    assert type(kafka.classify_kafka_error(error, "x")) is failure
