"""Addresses that lead inside are known in every disguise."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_content.public_address import is_public

INSIDE_V4 = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1",
    "127.255.255.254", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
)  # fmt: skip
INSIDE_V6 = (
    "::", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "100::1", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd00:ec2::254", "fe80::1",
    "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::", "fec0::1", "ff02::1", "ff0e::1",
    "2001::1",
)  # fmt: skip
OUTSIDE = ("1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "2a00:1450::1")


@pytest.mark.requirement("IP-6")
@pytest.mark.parametrize("text", [*INSIDE_V4, *INSIDE_V6])
def test_an_address_inside_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.requirement("IP-6")
@pytest.mark.parametrize("text", OUTSIDE)
def test_an_address_outside_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.requirement("IP-6")
@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "64:ff9b::{}", "::{}", "::ffff:0:{}"]))
def test_no_address_is_public_inside_another_one(inner: object, disguise: str) -> None:
    assert not is_public(ip_address(disguise.format(inner)))
