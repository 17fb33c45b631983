"""The kind of some media follows from its bytes."""

import pytest

from mint_content.media import extension, media_type

MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0\0\0\x08moov"


@pytest.mark.requirement("IP-6")
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"GIF87a\1\0", "image/gif"),
        (b"GIF89a\1\0", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x -->\n<svg>", "image/svg+xml"),
        (b"<!DOCTYPE svg PUBLIC 'a' 'b' [<!ENTITY x 'y'>]>\n<svg\n>", "image/svg+xml"),
        (MP4, "video/mp4"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0isom", "video/mp4"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", None),
        (b"\0\0\xff\x18ftypmp42\0\0\0\0mp42isom", None),
        (b"\0\0\0\x04ftypmp42", None),
        (b"RIFF\x10\0\0\0WAVEfmt ", None),
        (b"<html><svg></svg></html>", None),
        (b"<svgx/>", None),
        (b"\x89PNG", None),
        (b"", None),
    ],
)
def test_media_are_known_by_their_signature(data: bytes, expected: str | None) -> None:
    assert media_type(data) == expected


@pytest.mark.parametrize(
    ("kind", "ending"), [("image/png", "png"), ("image/svg+xml", "svg"), ("video/mp4", "mp4")]
)
def test_a_type_has_a_usual_ending(kind: str, ending: str) -> None:
    assert extension(kind) == ending
