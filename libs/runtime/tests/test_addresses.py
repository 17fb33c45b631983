"""Endpoints have names, and nobody sees their URLs."""

from __future__ import annotations

import pytest

from mint_runtime.addresses import parse_addresses


@pytest.mark.requirement("CF-1")
def test_endpoints_are_named_by_their_place_unless_they_have_a_name() -> None:
    urls = ["http://a/?k=v", "mine=https://b/?api-key=1", *(f"http://{n}" for n in "cdef")]

    addresses = parse_addresses(urls)

    assert [address.name for address in addresses] == [
        "primary",
        "mine",
        "backup-2",
        "emergency-local",
        "endpoint-5",
        "endpoint-6",
    ]
    assert [address.url for address in addresses[:2]] == ["http://a/?k=v", "https://b/?api-key=1"]
    assert "api-key" not in repr(addresses)


@pytest.mark.requirement("CF-1")
@pytest.mark.parametrize("urls", [["a=http://x", "a=http://y"], ["secret"], ["a=secret"]])
def test_endpoints_that_can_not_be_told_apart_or_reached_are_refused(urls: list[str]) -> None:
    with pytest.raises(ValueError, match=r"same name|number 1 is neither") as refused:
        parse_addresses(urls)

    assert "secret" not in str(refused.value)
