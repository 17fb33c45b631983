"""Which kind of image some bytes are, told by the bytes alone.

Source: the signatures of the WHATWG MIME Sniffing standard (mimesniff.spec.whatwg.org, 6.1).
"""

from __future__ import annotations


def image_type(data: bytes) -> str | None:
    """Name the media type of a PNG, JPEG, GIF or WebP image; None for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:14] == b"WEBPVP":
        return "image/webp"
    return None
