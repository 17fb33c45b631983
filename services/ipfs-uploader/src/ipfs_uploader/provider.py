"""What a pinning provider must be able to do, and how its HTTP answers are read."""

from __future__ import annotations

from typing import Protocol, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from ipfs_uploader.assets import Content
from mint_content.cid import Cid
from mint_resilience.failures import Conflict, Outage, Transient
from mint_resilience.http import raise_for_status

_SHUT_OUT = frozenset({401, 402, 403})

A = TypeVar("A", bound=BaseModel)


class Provider(Protocol):
    """A company or node that keeps content on IPFS. Every method raises classified failures."""

    @property
    def name(self) -> str:
        """What the records call it."""

    async def holds(self, cid: Cid) -> bool:
        """Whether it keeps this content for us."""

    async def upload(self, content: Content) -> None:
        """Give it the bytes to keep; `Conflict` when it names them otherwise than we do."""

    async def unpin(self, cid: Cid) -> None:
        """Let it no longer keep the content; nothing happens when it does not."""

    async def check(self) -> None:
        """Return when it is there and lets us in."""


def accept(response: httpx.Response, endpoint: str) -> None:
    """Raise the classified failure of an answer that is no success.

    A provider that shuts us out (credentials, payment) is an `Outage` of that provider: it says
    nothing about the content, and another provider may take it.
    """
    if response.status_code in _SHUT_OUT:
        message = f"{endpoint}: HTTP {response.status_code}; check its credentials and plan"
        raise Outage(message, endpoint=endpoint)
    raise_for_status(response, endpoint)


def read_answer(model: type[A], response: httpx.Response, endpoint: str) -> A:
    """Read a successful answer's JSON; one that is not as documented is a `Transient` failure."""
    accept(response, endpoint)
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        message = f"{endpoint}: not a {model.__name__.strip('_')}: {response.text[:200]!r}"
        raise Transient(message, endpoint=endpoint) from error


def require_same_name(answered: str, content: Content, endpoint: str) -> None:
    """Raise `Conflict` unless the provider gave the bytes the CID that we computed (IP-2)."""
    if answered != str(content.cid):
        message = f"{endpoint}: answered CID {answered} for {content.name}, ours is {content.cid}"
        raise Conflict(message, endpoint=endpoint)
