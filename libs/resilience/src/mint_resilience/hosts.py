"""What people are shown of a URL: its host. All else of it may be a key or a password."""

from __future__ import annotations

from urllib.parse import urlsplit


def host_of(url: str) -> str:
    """The host, and the port where it is given; `?` of what is no URL with a host."""
    return urlsplit(url).netloc.rpartition("@")[2] or "?"
