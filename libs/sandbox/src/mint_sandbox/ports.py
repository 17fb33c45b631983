"""Free TCP ports of the loopback address that stay ours while a server restarts.

They are taken from below the kernel's range for outgoing connections: inside it a client that
retries against a dead server's port can be given that very port as its own, which either
connects it to itself or keeps the server from coming back.
"""

from __future__ import annotations

import random
import socket
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_LOWEST: Final = 10_000
_EPHEMERAL_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL_EPHEMERAL_START: Final = 32_768  # Linux's default; macOS and others start at 49 152
_reserved: set[int] = set()


def free_ports(count: int) -> list[int]:
    """`count` different ports that nobody listens on, never handed out twice by this process.

    Another process may still take one before it is used, so a server that finds its port taken
    must be given another.
    """
    return [_free_port() for _ in range(count)]


def consecutive_free_ports(count: int) -> list[int]:
    """Like `free_ports`, but each port is the next after the one before."""
    while True:
        first = _free_port()
        ports = list(range(first, first + count))
        if all(port not in _reserved and _can_bind(port) for port in ports[1:]):
            _reserved.update(ports)
            return ports


def is_listening(port: int) -> bool:
    """Whether a connection to `port` on the loopback address is accepted."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _free_port() -> int:
    candidates = range(_LOWEST, max(_ephemeral_start(), _LOWEST + 1_000))
    while True:
        port = random.SystemRandom().choice(candidates)
        if port not in _reserved and _can_bind(port):
            _reserved.add(port)
            return port


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _ephemeral_start() -> int:
    if _EPHEMERAL_RANGE.exists():
        return int(_EPHEMERAL_RANGE.read_text().split()[0])
    return _USUAL_EPHEMERAL_START
