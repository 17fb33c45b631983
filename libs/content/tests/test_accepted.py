"""Whether an image or an animation may be used follows from its bytes and the operator's limits."""

import pytest

from mint_content.accepted import AcceptedMedia

PNG = b"\x89PNG\r\n\x1a\n image"
JPEG, GIF, WEBP = b"\xff\xd8\xff image", b"GIF89a image", b"RIFF....WEBPVP8 image"
SVG = b"<svg/>"
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0\0\0\x08moov"

BY_DEFAULT = AcceptedMedia()
WITH_SVG = AcceptedMedia(svg=True)


@pytest.mark.requirement("MF-2")
@pytest.mark.parametrize("image", [PNG, JPEG, GIF, WEBP])
def test_the_usual_images_are_accepted(image: bytes) -> None:
    assert BY_DEFAULT.image_fault(image) is None


@pytest.mark.requirement("MF-2")
def test_an_svg_is_refused_with_the_setting_that_allows_it() -> None:
    fault = BY_DEFAULT.image_fault(SVG)

    assert fault is not None
    assert "TRIMINT_IMAGE_SVG=true" in fault
    assert WITH_SVG.image_fault(SVG) is None


@pytest.mark.requirement("MF-2")
def test_a_video_as_the_image_is_refused_with_what_to_send_instead() -> None:
    fault = WITH_SVG.image_fault(MP4)

    assert fault is not None
    assert "MP4 video: send that as the animation, and a still image" in fault
    assert BY_DEFAULT.animation_fault(MP4) is None


@pytest.mark.requirement("MF-2")
@pytest.mark.parametrize(
    ("data", "says"),
    [
        (PNG, "it is image/png: send an MP4 video"),
        (SVG, "it is image/svg"),
        (b"<html>", "no MP4 video"),
        (b"", "no MP4 video"),
    ],
)
def test_an_animation_is_an_mp4_and_nothing_else(data: bytes, says: str) -> None:
    fault = WITH_SVG.animation_fault(data)

    assert fault is not None
    assert says in fault


@pytest.mark.requirement("MF-2")
def test_at_the_limit_it_is_accepted_and_beyond_it_is_not() -> None:
    tight = AcceptedMedia(image_max_bytes=len(PNG), animation_max_bytes=len(MP4))

    assert (tight.image_fault(PNG), tight.animation_fault(MP4)) == (None, None)
    assert (
        tight.image_fault(PNG + b"!") == f"it has {len(PNG) + 1} bytes: at most {len(PNG)} are"
        " allowed"
    )
    assert tight.animation_fault(MP4 + b"!") is not None
