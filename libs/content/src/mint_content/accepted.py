"""Which images and animations a mint may have: the one place that decides it (MF-2).

The reconciler asks about what a request carries, the uploader about what it has fetched, the
command line before anything is sent. Only the bytes count; names and HTTP headers are not believed.
"""

from __future__ import annotations

from dataclasses import dataclass

from mint_content.media import IMAGE_TYPES, MP4, SVG, media_type

LARGEST_BYTES = 32 * 1024 * 1024
"""What is larger is not read back from any gateway, so no limit may be set above it."""

_IMAGES = "PNG, JPEG, GIF or WebP"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedMedia:
    """What the operator allows; sizes in bytes, `svg` for images that are SVGs."""

    image_max_bytes: int = 10 * 1024 * 1024
    animation_max_bytes: int = LARGEST_BYTES
    svg: bool = False

    def image_fault(self, data: bytes) -> str | None:
        """What is wrong with an image and what would be right; None when it may be used."""
        return _too_large(data, self.image_max_bytes) or self._no_image(media_type(data))

    def animation_fault(self, data: bytes) -> str | None:
        """What is wrong with an animation and what would be right; None when it may be used."""
        return _too_large(data, self.animation_max_bytes) or _no_animation(media_type(data))

    def _no_image(self, kind: str | None) -> str | None:
        if kind in IMAGE_TYPES or (kind == SVG and self.svg):
            return None
        if kind == SVG:
            return (
                f"it is an SVG, which may carry scripts: send {_IMAGES},"
                " or let the operator set TRIMINT_IMAGE_SVG=true"
            )
        if kind == MP4:
            return (
                f"it is an MP4 video: send that as the animation, and a still image ({_IMAGES})"
                " as the image, for wallets show the image where they play no video"
            )
        return f"its bytes are no {_IMAGES} image"


def _too_large(data: bytes, most: int) -> str | None:
    return f"it has {len(data)} bytes: at most {most} are allowed" if len(data) > most else None


def _no_animation(kind: str | None) -> str | None:
    if kind == MP4:
        return None
    if kind in (*IMAGE_TYPES, SVG):
        return f"it is {kind}: send an MP4 video, or leave the animation out and send an image"
    return "its bytes are no MP4 video"
