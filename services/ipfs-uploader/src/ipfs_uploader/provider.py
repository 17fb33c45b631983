"""What a pinning provider must be able to do, and how its HTTP answers are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from ipfs_uploader.assets import Content
from ipfs_uploader.folder import Folder
from mint_content.cid import Cid, Codec
from mint_resilience.failures import Conflict, Outage, Transient
from mint_resilience.http import raise_for_status

_SHUT_OUT = frozenset({401, 402, 403})

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes that an account uses and may use; None where the provider does not say."""

    used: int | None = None
    limit: int | None = None

    @property
    def full(self) -> bool:
        """Whether nothing more fits in."""
        return self.used is not None and self.limit is not None and self.used >= self.limit


class Provider(Protocol):
    """A company or node that keeps content on IPFS. Every method raises classified failures.

    One that does not take bytes keeps what it is told by CID: it can only be a further holder of
    what another one has.
    """

    @property
    def name(self) -> str:
        """What the records call it; unique among the providers."""

    @property
    def takes_bytes(self) -> bool:
        """Whether content can be given to it that nobody else has."""

    async def holds(self, cid: Cid) -> bool:
        """Whether it keeps this content for us."""

    async def keep(self, content: Content | Folder) -> None:
        """Let it keep the content; `Conflict` when it names the bytes otherwise than we do.

        A folder is kept by its root, with all that is in it; `Permanent` from who takes none.
        """

    async def adopt(self, cid: Cid, name: str) -> None:
        """Ask it to look for content and keep it; `holds` tells later whether it found it.

        Raises `Permanent` when it has given the search up; the next call begins a new one.
        """

    async def unpin(self, cid: Cid) -> None:
        """Let it no longer keep the content; nothing happens when it does not."""

    async def check(self) -> Usage:
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


def require_same_name(answered: str, content: Content | Folder, endpoint: str) -> None:
    """Raise `Conflict` unless the provider gave the bytes the CID that we computed (IP-2)."""
    if answered != str(content.cid):
        message = f"{endpoint}: answered CID {answered} for {content.name}, ours is {content.cid}"
        raise Conflict(message, endpoint=endpoint)


class Uploads:
    """Uploads to one provider, so that the CID is ours: as a file, else as an archive.

    A folder is always an archive: nothing else has its name.

    A file of several blocks is cut by the provider, perhaps otherwise than by us. Blocks of an
    archive are not cut again. A provider that was found to cut otherwise gets archives from then
    on. What it made of the bytes under another name is left to it: an answer that is wrong once is
    no reason to delete what it names.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._cuts_otherwise = False

    async def send(
        self,
        content: Content | Folder,
        *,
        as_file: Callable[[Content], Awaitable[str]],
        as_archive: Callable[[Content | Folder], Awaitable[str]],
    ) -> None:
        """Send the content; both ways answer with the CID that they led to.

        Raises `Conflict` when even an archive's root is said to be another, else as they do.
        """
        if isinstance(content, Folder):
            require_same_name(await as_archive(content), content, self._endpoint)
            return
        cut = content.cid.codec is Codec.DAG_PB
        if not (cut and self._cuts_otherwise):
            answered = await as_file(content)
            if answered == str(content.cid):
                return
            if not cut:
                require_same_name(answered, content, self._endpoint)
        require_same_name(await as_archive(content), content, self._endpoint)
        self._cuts_otherwise = True
