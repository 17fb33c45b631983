"""One gateway's answer, believed only when it hashes to the name that was asked for.

A block is asked for as such, a tree as an archive of its blocks: they are verified one by one while
they arrive, so that a gateway that lies is left at its first wrong block. A gateway that offers
neither answers with the file, which is verified as a whole. Sources:
specs.ipfs.tech/http-gateways/trustless-gateway and path-gateway.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from mint_content import car
from mint_content.assembly import Assembly
from mint_content.cid import Cid, Codec
from mint_content.redirects import MOST_REDIRECTS, may_follow
from mint_content.unixfs import Block, verify
from mint_content.web import Resolve, system_resolve
from mint_resilience.failures import Degraded, Failure, Outage, Permanent, Transient
from mint_resilience.hosts import host_of
from mint_resilience.http import http_failures, raise_for_status

_RAW_TYPE: Final = "application/vnd.ipld.raw"
_CAR_TYPE: Final = f"{car.MEDIA_TYPE}; version=1; order=dfs; dups=n"
_NOT_OFFERED: Final = frozenset({400, 406, 415, 501})
"""What gateways answer that do not serve a format."""

_NOT_ADMITTED: Final = frozenset({401, 402, 403, 407})
"""What gateways answer to whom they do not serve: nothing of the content."""


class _NotOffered(Exception):  # noqa: N818 - an answer, not an error
    """The gateway does not serve this format."""


@dataclass(frozen=True, slots=True)
class Download:
    """Files from one gateway, by its base URL; at most so many seconds and bytes each.

    One that is not `trustless` asks as a browser or a wallet does.
    """

    client: httpx.AsyncClient
    url: str
    time_limit: float
    size_limit: int
    trustless: bool = True
    resolve: Resolve = system_resolve

    @property
    def host(self) -> str:
        """What it is called: the rest of its URL may be a key."""
        return host_of(self.url)

    async def file(self, cid: Cid) -> bytes:
        """A whole file, verified.

        Raises the gateway's failure. It is `Permanent` only when asking anybody again would not
        change it: the gateway says that there is no such content, or its verified blocks show that
        it is no file, or too long. What a gateway sends otherwise speaks of the gateway alone.
        """
        try:
            async with asyncio.timeout(self.time_limit):
                return await (self._verified(cid) if self.trustless else self._as_browser(cid))
        except TimeoutError as error:
            message = f"{self.host}: {cid} took longer than {self.time_limit:g} s"
            raise Degraded(message, endpoint=self.host) from error

    async def _verified(self, cid: Cid) -> bytes:
        if cid.codec is Codec.DAG_PB:
            return await self._tree(cid)
        return await self._block(cid, self.size_limit)

    async def _as_browser(self, cid: Cid) -> bytes:
        """The file as anybody gets it; blocks are looked at only where bytes tell no name."""
        data = await self._get(f"/ipfs/{cid}", self.size_limit)
        if verify(data, cid):
            return data
        if cid.codec is Codec.RAW or data != await self._from_blocks(cid):
            raise self._lied(f"{len(data)} bytes came that are not {cid}")
        return data

    async def _block(self, cid: Cid, limit: int) -> bytes:
        """A block; without the format, the file of a single raw block, which is the same bytes."""
        try:
            block = await self._get(f"/ipfs/{cid}?format=raw", limit, _RAW_TYPE)
        except _NotOffered:
            block = await self._get(f"/ipfs/{cid}", limit)
        if not cid.names(block):
            raise self._lied(f"{len(block)} bytes came that are not {cid}")
        return block

    async def _tree(self, root: Cid) -> bytes:
        try:
            async with self._opened(f"/ipfs/{root}?format=car", _CAR_TYPE) as response:
                if response.headers.get("content-type", "").startswith(car.MEDIA_TYPE):
                    return await self._from_archive(root, response)
                data = await self._read(response, self.size_limit)
        except _NotOffered:
            data = await self._get(f"/ipfs/{root}", self.size_limit)
        # Bytes tell the name only of a file that was cut as Kubo does: else blocks have to.
        return data if verify(data, root) else await self._from_blocks(root)

    async def _from_archive(self, root: Cid, response: httpx.Response) -> bytes:
        """The file as soon as it is whole, whatever may follow."""
        assembly, reader = Assembly(root, self.size_limit), car.CarReader()
        async for piece in response.aiter_bytes():
            for block in self._blocks(reader, piece):
                if not assembly.wants(block.cid):
                    raise self._lied(f"{block.cid} came, which is no part of {root}")
                if not assembly.holds(block.cid):  # some send a block in each of its places
                    self._add(assembly, block)
                if assembly.missing is None:
                    return assembly.data()
        raise self._lied(f"the archive of {root} has no {assembly.missing}")

    def _blocks(self, reader: car.CarReader, piece: bytes) -> Iterator[Block]:
        try:
            yield from reader.feed(piece)
        except Permanent as malformed:
            raise self._lied(str(malformed)) from malformed

    async def _from_blocks(self, root: Cid) -> bytes:
        assembly = Assembly(root, self.size_limit)
        while (cid := assembly.missing) is not None:
            self._add(assembly, Block(cid, await self._block(cid, car.LARGEST_SECTION)))
        return assembly.data()

    def _add(self, assembly: Assembly, block: Block) -> None:
        try:
            assembly.add(block)
        except Permanent as final:
            raise Permanent(f"{self.host}: {final}", endpoint=self.host) from final

    async def _get(self, path: str, limit: int, media_type: str | None = None) -> bytes:
        async with self._opened(path, media_type) as response:
            return await self._read(response, limit)

    @asynccontextmanager
    async def _opened(self, path: str, media_type: str | None) -> AsyncIterator[httpx.Response]:
        """The answer whose body is to be read, in this format or (None) in any.

        Raises `_NotOffered` for a format that the gateway does not serve, and classified failures.
        """
        headers = {"Accept": media_type or "*/*", "Accept-Encoding": "identity"}
        target = httpx.URL(self.url + path)
        with http_failures(self.host):
            for _ in range(MOST_REDIRECTS + 1):
                request = self.client.stream("GET", target, headers=headers, follow_redirects=False)
                async with request as response:
                    if not response.has_redirect_location:
                        self._require_body(response, media_type)
                        yield response
                        return
                    target = target.join(response.headers["location"])
                if not await may_follow(httpx.URL(self.url), target, self.resolve):
                    raise self._lied(
                        f"redirects to {host_of(str(target))}, which is not to be followed"
                    )
        raise self._lied(f"redirects more than {MOST_REDIRECTS} times")

    def _require_body(self, response: httpx.Response, media_type: str | None) -> None:
        if media_type and response.status_code in _NOT_OFFERED:
            raise _NotOffered
        if response.status_code in _NOT_ADMITTED:
            raise self._closed(response.status_code)
        raise_for_status(response, self.host)
        encoding = response.headers.get("content-encoding", "identity")
        if encoding != "identity":  # what is packed could be far larger than it looks
            raise self._lied(f"sends {encoding}, which was not asked for")

    async def _read(self, response: httpx.Response, limit: int) -> bytes:
        """The body, whose bytes nobody vouches for yet, up to so many of them."""
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > limit:
                raise self._lied(f"sends something longer than {limit} bytes")
        return bytes(body)

    def _closed(self, status: int) -> Failure:
        message = f"{self.host}: HTTP {status}; correct the gateway's URL or key"
        return Outage(message, endpoint=self.host)

    def _lied(self, what: str) -> Failure:
        return Transient(f"{self.host}: {what}", endpoint=self.host)
