"""One gateway's answer, believed only when it hashes to the name that was asked for.

Sources: specs.ipfs.tech/http-gateways/path-gateway and trustless-gateway (`?format=raw`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx

from mint_content.cid import Cid, Codec
from mint_content.dagpb import decode_file
from mint_content.unixfs import verify
from mint_resilience.failures import Degraded, Permanent, Transient
from mint_resilience.http import http_failures, raise_for_status


@dataclass(frozen=True, slots=True)
class Download:
    """Files from one gateway, by its base URL; at most so many seconds and bytes each."""

    client: httpx.AsyncClient
    url: str
    time_limit: float
    size_limit: int

    async def file(self, cid: Cid) -> bytes:
        """A whole file, verified.

        Its bytes are asked for first. A tree that was not cut by Kubo's default can not be
        recognised by them, so when they do not fit it is put together from its blocks.
        Raises the gateway's failure; `Permanent` for one that asking again would not change.
        """
        try:
            async with asyncio.timeout(self.time_limit):
                data = await self._get(f"/ipfs/{cid}")
                return data if verify(data, cid) else await self._from_blocks(cid)
        except TimeoutError as error:
            message = f"{self.url}: {cid} took longer than {self.time_limit:g} s"
            raise Degraded(message, endpoint=self.url) from error

    async def _from_blocks(self, root: Cid) -> bytes:
        body = bytearray()
        waiting = [root]
        while waiting:
            cid = waiting.pop()
            data, children = _content(cid, await self._block(cid))
            body += data
            waiting += reversed(children)
            self._require_within_limit(len(body))
        return bytes(body)

    async def _block(self, cid: Cid) -> bytes:
        block = await self._get(f"/ipfs/{cid}?format=raw")
        if not cid.names(block):
            message = f"{self.url}: {len(block)} bytes came that are not {cid}"
            raise Transient(message, endpoint=self.url)
        return block

    async def _get(self, path: str) -> bytes:
        with http_failures(self.url):
            request = self.client.stream("GET", self.url + path, follow_redirects=True)
            async with request as response:
                raise_for_status(response, self.url)
                return await self._read(response)

    async def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            self._require_within_limit(len(body))
        return bytes(body)

    def _require_within_limit(self, size: int) -> None:
        if size > self.size_limit:
            message = f"{self.url}: the content is longer than {self.size_limit} bytes"
            raise Permanent(message, endpoint=self.url)


def _content(cid: Cid, block: bytes) -> tuple[bytes, tuple[Cid, ...]]:
    """What a block adds to the file, and the blocks that follow it."""
    if cid.codec is Codec.RAW:
        return block, ()
    node = decode_file(block)
    return node.data, node.children
