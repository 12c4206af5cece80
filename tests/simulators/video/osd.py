"""Texts burnt into the picture, white with a black edge, as recorders do."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .timecode import BLACK, WHITE, Luma


@dataclass(frozen=True, slots=True)
class Overlay:
    """Where a text stands: the corner given by `x`, `y` is the upper left unless said otherwise."""

    x: int
    y: int
    right: bool = False
    bottom: bool = False


@lru_cache(maxsize=512)
def _stamp(text: str, size: int) -> tuple[NDArray[np.bool_], Luma]:
    """Return where a text covers the picture and what it puts there."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = (int(value) for value in font.getbbox(text, stroke_width=1))
    image = Image.new("L", (right - left + 2, bottom - top + 2), 128)
    draw = ImageDraw.Draw(image)
    draw.text((1 - left, 1 - top), text, fill=255, font=font, stroke_width=max(1, size // 16), stroke_fill=0)
    pixels = np.asarray(image)
    covered = pixels != 128  # noqa: PLR2004
    return covered, (pixels.astype(np.uint16) * (WHITE - BLACK) // 255 + BLACK).astype(np.uint8)


def draw_text(luma: Luma, text: str, size: int, place: Overlay) -> None:
    """Write a text into a luma plane, in place; what does not fit is cut off."""
    covered, pixels = _stamp(text, size)
    height, width = covered.shape
    x = max(0, place.x - width if place.right else place.x)
    y = max(0, place.y - height if place.bottom else place.y)
    target = luma[y : y + height, x : x + width]
    rows, columns = target.shape
    np.copyto(target, pixels[:rows, :columns], where=covered[:rows, :columns])
