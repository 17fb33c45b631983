"""A real PNG for each hero: a shield whose colour and rings tell its number and level."""

from __future__ import annotations

import io
from colorsys import hsv_to_rgb

from PIL import Image, ImageDraw

SIZE = 256
_GOLDEN_ANGLE = 0.381966
_RINGS = 8


def picture(number: int, level: int) -> bytes:
    """The PNG's bytes; the same number and level give the same ones."""
    image = Image.new("RGB", (SIZE, SIZE), _colour(number, 0.35, 0.18))
    draw = ImageDraw.Draw(image)
    for ring in range(_RINGS):
        inset = ring * SIZE // (3 * _RINGS)
        bright = 0.3 + 0.7 * ring / _RINGS
        draw.ellipse((inset, inset, SIZE - inset, SIZE - inset), fill=_colour(number, 0.6, bright))
    draw.arc((8, 8, SIZE - 8, SIZE - 8), -90, -90 + 360 * level // 100, fill="white", width=8)
    draw.text((SIZE / 2, SIZE / 2), f"#{number}", fill="white", anchor="mm", font_size=44)
    draw.text((SIZE / 2, SIZE * 0.68), f"level {level}", fill="white", anchor="mm", font_size=20)
    return _png(image)


def _colour(number: int, saturation: float, value: float) -> tuple[int, int, int]:
    """Neighbours in number are far apart in hue."""
    red, green, blue = hsv_to_rgb(number * _GOLDEN_ANGLE % 1.0, saturation, value)
    return int(red * 255), int(green * 255), int(blue * 255)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, format="PNG", optimize=True)
    return file.getvalue()
