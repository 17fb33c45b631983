"""Which network addresses are out on the Internet, and which only lead back inside. Pure.

Sources: the special-purpose registries of IANA (RFC 6890) as `ipaddress` has them, and what they
leave open. Of IPv6 only global unicast is out there (2000::/3, RFC 4291), without the addresses
that carry an IPv4 one to be reached through a gateway (RFC 3056, 4380). Clouds answer questions
about a machine's identity at addresses that are link-local or private, and at one that is not.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_INSIDE_ALL_THE_SAME = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments; Oracle's platform is among them
    IPv4Network("192.88.99.0/24"),  # 6to4 relays, deprecated
    IPv4Network("168.63.129.16/32"),  # Azure's platform
    IPv6Network("2001::/23"),  # protocol assignments; Teredo is among them
    IPv6Network("2002::/16"),  # 6to4
)


def is_public(address: Address) -> bool:
    """Tell whether nobody but the public Internet can be behind this address."""
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return not any(
        address.version == network.version and address in network
        for network in _INSIDE_ALL_THE_SAME
    )
