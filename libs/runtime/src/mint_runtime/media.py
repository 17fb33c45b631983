"""Settings of which images and animations a mint may have, for all who judge them."""

from __future__ import annotations

from pydantic import Field

from mint_content.accepted import LARGEST_BYTES, AcceptedMedia
from mint_runtime.settings import ServiceSettings

_DEFAULTS = AcceptedMedia()


class MediaSettings(ServiceSettings):
    """What may be minted; to be set alike for the reconciler, the uploader and the CLI."""

    image_max_bytes: int = Field(
        default=_DEFAULTS.image_max_bytes,
        ge=1,
        le=LARGEST_BYTES,
        description=f"largest image accepted, in bytes, from 1 to {LARGEST_BYTES}",
    )
    image_svg: bool = Field(
        default=_DEFAULTS.svg, description="true or false: whether SVG images are accepted"
    )
    animation_max_bytes: int = Field(
        default=_DEFAULTS.animation_max_bytes,
        ge=1,
        le=LARGEST_BYTES,
        description=f"largest animation (MP4) accepted, in bytes, from 1 to {LARGEST_BYTES}",
    )

    @property
    def accepted_media(self) -> AcceptedMedia:
        """The rule that these settings describe."""
        return AcceptedMedia(
            image_max_bytes=self.image_max_bytes,
            animation_max_bytes=self.animation_max_bytes,
            svg=self.image_svg,
        )
