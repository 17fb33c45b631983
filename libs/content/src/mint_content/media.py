"""Which kind of media some bytes are, told by the bytes alone.

Sources: the signatures of the WHATWG MIME Sniffing standard (mimesniff.spec.whatwg.org, 6.1 and
6.2.1 for MP4) and the SVG 2 specification for its root element.
"""

from __future__ import annotations

import re

PNG, JPEG, GIF, WEBP = "image/png", "image/jpeg", "image/gif", "image/webp"
SVG = "image/svg+xml"
MP4 = "video/mp4"

IMAGE_TYPES = (PNG, JPEG, GIF, WEBP)
"""Images that can do nothing but be looked at; an SVG may carry scripts."""

_SVG_LOOKED_AT = 4096
_XML_BEFORE_ROOT = rb"(?:\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>)*"
_SVG_ROOT = re.compile(rb"(?:\xef\xbb\xbf)?" + _XML_BEFORE_ROOT + rb"<svg[\s>/]", re.DOTALL)
_SMALLEST_BOX = 12


def media_type(data: bytes) -> str | None:
    """Name the type of a PNG, JPEG, GIF, WebP, SVG or MP4; None for anything else."""
    return _raster_type(data) or (MP4 if _is_mp4(data) else SVG if _is_svg(data) else None)


def _raster_type(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if data.startswith(b"\xff\xd8\xff"):
        return JPEG
    if data.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    if data[:4] == b"RIFF" and data[8:14] == b"WEBPVP":
        return WEBP
    return None


def extension(kind: str) -> str:
    """The usual ending of a file's name, without a dot."""
    return kind.rpartition("/")[2].removesuffix("+xml")


def _is_svg(data: bytes) -> bool:
    return _SVG_ROOT.match(data[:_SVG_LOOKED_AT]) is not None


def _is_mp4(data: bytes) -> bool:
    """A file-type box comes first, and one of its brands is an MP4's."""
    size = int.from_bytes(data[:4], "big")
    if data[4:8] != b"ftyp" or size % 4 or not _SMALLEST_BOX <= size <= len(data):
        return False
    brands = [data[8:11], *(data[place : place + 3] for place in range(16, size, 4))]
    return any(brand in (b"mp4", b"iso", b"avc", b"M4V") for brand in brands)
