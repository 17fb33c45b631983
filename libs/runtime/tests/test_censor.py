"""What is told to others shows neither URLs nor secrets, whoever's words it is."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from mint_runtime.censor import Censor
from mint_runtime.settings import CommaList, ServiceSettings


class Settings(ServiceSettings):
    rpc_urls: CommaList = ()
    tokens: SecretStr | None = None
    database_url: SecretStr | None = None


CENSOR = Censor.of(
    Settings(
        kafka_brokers=("nobody:1",),
        rpc_urls=(
            "primary=https://rpc.example/v2/k3y-of-path",
            "https://b.example/?api-key=k3y-of-query",
        ),
        tokens=SecretStr("k3y-one, k3y-two"),
        database_url=SecretStr("postgresql://mint:k3y-word@db/mint"),
    )
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ipfs.io: HTTP 503", "ipfs.io: HTTP 503"),
        ("see 'https://x.example:80/k3y?a=k3y#k3y'", "see 'x.example:80'"),
        ("xhttps://ann:k3y@x.example/k3y.", "x.example"),
        ("9HTTPS://x.example?k3y", "x.example"),
        ("invalid key k3y-of-path", "invalid key …"),
        ("invalid key k3y-of-query", "invalid key …"),
        ("token k3y-two of k3y-one, k3y-two", "token … of …"),
        ("at db: password k3y-word is wrong", "at db: password … is wrong"),
        ("primary: HTTP 429", "primary: HTTP 429"),
    ],
)
def test_of_a_url_the_host_is_left_and_of_a_secret_nothing(text: str, shown: str) -> None:
    assert CENSOR.censored(text) == shown


def test_text_is_cut_and_can_be_written_whatever_an_endpoint_says() -> None:
    told = CENSOR.censored("\ud800" + "a" * 1_000_000)
    assert told == "?" + "a" * 499 + "…"
    assert told.encode()


def test_what_is_secret_is_not_shown_by_the_censor_itself() -> None:
    assert "k3y" not in repr(CENSOR)
