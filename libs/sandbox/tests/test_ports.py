"""Ports that are free, different, and out of the way of outgoing connections."""

from __future__ import annotations

import socket
from pathlib import Path

from mint_sandbox.ports import LOOPBACK, consecutive_free_ports, free_ports, is_listening

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_no_port_is_handed_out_twice() -> None:
    ports = [*free_ports(50), *free_ports(50), *consecutive_free_ports(5)]

    assert len(set(ports)) == len(ports)


def test_consecutive_ports_follow_each_other() -> None:
    ports = consecutive_free_ports(4)

    assert ports == list(range(ports[0], ports[0] + 4))


def test_a_free_port_can_be_listened_on() -> None:
    [port] = free_ports(1)
    assert not is_listening(port)

    with socket.create_server((LOOPBACK, port)):
        assert is_listening(port)


def test_ports_lie_below_those_that_clients_get() -> None:
    start = int(EPHEMERAL.read_text().split()[0]) if EPHEMERAL.exists() else 32_768

    assert max(free_ports(50)) < start
