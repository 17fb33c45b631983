"""Where a gateway may send us: deeper into itself, or to another place on the public Internet.

Gateways that give each content an origin of its own redirect to a host below their own
(specs.ipfs.tech/http-gateways/subdomain-gateway). A gateway that was taken over could redirect to
what only we can reach: other machines of ours, or the cloud's metadata. Another host is therefore
followed by TLS only, whose certificate holds even if the name means another address a moment later.
"""

from __future__ import annotations

from ipaddress import ip_address

import httpx

from mint_content.public_address import Address, is_public
from mint_content.web import Resolve

MOST_REDIRECTS = 3


async def may_follow(gateway: httpx.URL, target: httpx.URL, resolve: Resolve) -> bool:
    """Tell whether a gateway (by its base URL) may send us to the target.

    Raises what `resolve` does.
    """
    if _is_within(gateway, target):
        return True
    if target.scheme != "https" or target.port is not None:
        return False
    addresses = await _addresses(target.host, resolve)
    return bool(addresses) and all(map(is_public, addresses))


def _is_within(gateway: httpx.URL, target: httpx.URL) -> bool:
    """Whether the target is the gateway itself, or a host below it that is as safe to talk to."""
    same_door = (gateway.scheme, gateway.port) == (target.scheme, target.port)
    return same_door and f".{target.host}".endswith(f".{gateway.host}")


async def _addresses(host: str, resolve: Resolve) -> list[Address]:
    try:
        return [ip_address(host)]
    except ValueError:
        return list(await resolve(host))
