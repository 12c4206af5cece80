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


@lru_cache(maxsize=1024)
def _glyph(char: str, size: int) -> Luma:
    """Return one character on a cell of its own width: 0 edge, 255 face, 128 nothing. Stroking is slow: do it once."""
    font = ImageFont.load_default(size)
    edge = max(1, size // 12)
    ascent, descent = font.getmetrics() if isinstance(font, ImageFont.FreeTypeFont) else (size, 2)
    advance = font.getlength("0" if char.isdigit() else char)
    image = Image.new("L", (max(1, round(advance)) + 2 * edge, ascent + descent + 2 * edge), 128)
    ImageDraw.Draw(image).text((edge, edge), char, fill=255, font=font, stroke_width=edge, stroke_fill=0)
    return np.asarray(image)


@lru_cache(maxsize=64)
def _stamp(text: str, size: int) -> tuple[NDArray[np.bool_], Luma]:
    """Return where a text covers the picture and what it puts there."""
    edge = max(1, size // 12)
    glyphs = [_glyph(char, size) for char in text]
    width = sum(glyph.shape[1] - 2 * edge for glyph in glyphs) + 2 * edge
    pixels = np.full((glyphs[0].shape[0] if glyphs else 1, width), 128, np.uint8)
    x = 0
    for glyph in glyphs:  # edges of neighbours overlap: faces win over edges
        part = pixels[:, x : x + glyph.shape[1]]
        np.copyto(part, glyph, where=(part == 128) | (glyph > part))
        x += glyph.shape[1] - 2 * edge
    return pixels != 128, (pixels.astype(np.uint16) * (WHITE - BLACK) // 255 + BLACK).astype(np.uint8)


def draw_text(planes: tuple[Luma, Luma, Luma], text: str, size: int, place: Overlay) -> None:
    """Write a text into the planes of a picture, in place; what does not fit is cut off."""
    covered, pixels = _stamp(text, size)
    height, width = covered.shape
    x = max(0, place.x - width if place.right else place.x) & ~1
    y = max(0, place.y - height if place.bottom else place.y) & ~1
    target = planes[0][y : y + height, x : x + width]
    rows, columns = target.shape
    np.copyto(target, pixels[:rows, :columns], where=covered[:rows, :columns])
    for chroma in planes[1:]:
        part = chroma[y // 2 : (y + height) // 2, x // 2 : (x + width) // 2]
        part[covered[::2, ::2][: part.shape[0], : part.shape[1]]] = 128
