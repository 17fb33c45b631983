"""Addresses of RPC endpoints as settings have them: `name=url`, or a URL named by its place.

A URL may carry a provider's key, so it is for the network alone; people and metrics see the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

NAMES = ("primary", "backup-1", "backup-2", "emergency-local")
"""What endpoints are called that are given no name, in order of priority (CH-5)."""

_NAMED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)=(?P<url>https?://.+)")
_LEAST_SECRET = 4
_LEAST_KEY = 8


@dataclass(frozen=True, slots=True)
class Address:
    """Where an endpoint is: its name for people, its URL for the network alone."""

    name: str
    url: str = field(repr=False)

    def censored(self, text: str) -> str:
        """The text without what of the URL may be a key: its path, its query, its login."""
        for secret in secrets_in(self.url):
            text = text.replace(secret, "…")
        return text


def secrets_in(url: str) -> Iterator[str]:
    """What of a URL may be a key, the whole before its parts."""
    address = urlsplit(url)
    path, login = address.path.strip("/"), (address.username or "", address.password or "")
    for secret in (url, path, address.query, login[1]):
        if len(secret) >= _LEAST_SECRET:
            yield secret
    for part in (*path.split("/"), *(value for _, value in parse_qsl(address.query)), *login):
        if len(part) >= _LEAST_KEY:
            yield part


def parse_addresses(values: Sequence[str]) -> tuple[Address, ...]:
    """Read `name=url` or `url`, the preferred one first.

    Raises `ValueError` when one is no URL or two have the same name; it shows no URL.
    """
    addresses = tuple(_address(place, value) for place, value in enumerate(values))
    names = [address.name for address in addresses]
    if len({*names}) < len(names):
        raise ValueError(f"two endpoints have the same name: {', '.join(names)}")
    return addresses


def _address(place: int, value: str) -> Address:
    if named := _NAMED.fullmatch(value):
        return Address(named["name"], named["url"])
    if not value.startswith(("http://", "https://")):
        raise ValueError(
            f"number {place + 1} is neither url nor name=url, with http:// or https://"
        )
    return Address(NAMES[place] if place < len(NAMES) else f"endpoint-{place + 1}", value)
