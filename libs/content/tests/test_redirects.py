"""A gateway sends us deeper into itself or out on the public Internet, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import httpx
import pytest

from mint_content.public_address import Address
from mint_content.redirects import may_follow

KNOWN = {"public.example": ["93.184.216.34"], "half.example": ["93.184.216.34", "10.0.0.1"]}


async def resolve(host: str) -> Sequence[Address]:
    return [ip_address(address) for address in KNOWN.get(host, [])]


@pytest.mark.parametrize(
    ("gateway", "target", "followed"),
    [
        ("https://dweb.link", "https://dweb.link/ipfs/x", True),
        ("https://dweb.link", "https://x.ipfs.dweb.link/", True),
        ("http://localhost:8080", "http://x.ipfs.localhost:8080/", True),
        ("https://dweb.link", "http://dweb.link/ipfs/x", False),
        ("https://dweb.link", "https://dweb.link:8443/ipfs/x", False),
        ("https://dweb.link", "https://evil-dweb.link/ipfs/x", False),
        ("http://127.0.0.1:8080", "http://127.0.0.1:5001/api/v0/id", False),
        ("https://dweb.link", "https://public.example/ipfs/x", True),
        ("https://dweb.link", "http://public.example/ipfs/x", False),
        ("https://dweb.link", "https://public.example:22/", False),
        ("https://dweb.link", "https://half.example/ipfs/x", False),
        ("https://dweb.link", "https://unknown.example/", False),
        ("https://dweb.link", "https://10.0.0.1/", False),
        ("https://dweb.link", "https://[::1]/", False),
        ("https://dweb.link", "http://169.254.169.254/latest/meta-data/", False),
        ("https://dweb.link", "https://93.184.216.34/ipfs/x", True),
        ("https://dweb.link", "ftp://public.example/", False),
    ],
)
@pytest.mark.requirement("IP-4")
async def test_a_redirect_is_followed_or_not(gateway: str, target: str, followed: bool) -> None:
    assert await may_follow(httpx.URL(gateway), httpx.URL(target), resolve) is followed
