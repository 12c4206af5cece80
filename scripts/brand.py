"""Draw the brand images: `python scripts/brand.py` writes custom_components/nvr/brand/."""

from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

FOLDER: Final = Path(__file__).resolve().parents[1] / "custom_components" / "nvr" / "brand"
SIDE: Final = 256
# Everything is drawn this many times larger and scaled down: PIL draws no soft edges.
FINE: Final = 4
BLUE: Final = (14, 94, 168, 255)
DEEP: Final = (9, 58, 110, 255)
WHITE: Final = (255, 255, 255, 255)
LENS: Final = (122, 196, 255, 255)
RED: Final = (232, 62, 70, 255)
INK: Final = {"": (20, 42, 66, 255), "dark_": (240, 246, 252, 255)}


def icon(side: int) -> Image.Image:
    """Draw a camera looking out of four screens, with the dot of a running recording."""
    unit = side * FINE / 256
    image = Image.new("RGBA", (side * FINE, side * FINE))
    draw = ImageDraw.Draw(image)

    def box(*edges: float) -> tuple[float, ...]:
        return tuple(edge * unit for edge in edges)

    for left, top, colour in ((16, 16, BLUE), (132, 16, DEEP), (16, 132, DEEP), (132, 132, BLUE)):
        draw.rounded_rectangle(box(left, top, left + 108, top + 108), 22 * unit, fill=colour)
    draw.ellipse(box(58, 58, 198, 198), fill=WHITE)
    draw.ellipse(box(74, 74, 182, 182), fill=DEEP)
    draw.ellipse(box(94, 94, 162, 162), fill=LENS)
    draw.ellipse(box(112, 112, 144, 144), fill=DEEP)
    draw.ellipse(box(134, 100, 152, 118), fill=WHITE)
    draw.ellipse(box(198, 26, 230, 58), fill=RED)
    return image.resize((side, side), Image.Resampling.LANCZOS)


def logo(side: int, ink: tuple[int, int, int, int]) -> Image.Image:
    """Draw the icon with the name beside it."""
    font = ImageFont.load_default(side * 0.6)
    left, top, right, bottom = (round(edge) for edge in font.getbbox("NVR"))
    gap = side // 10
    image = Image.new("RGBA", (side + 2 * gap + right - left, side))
    image.paste(icon(side))
    ImageDraw.Draw(image).text((side + gap - left, (side - bottom - top) // 2), "NVR", font=font, fill=ink)
    return image


def main() -> None:
    """Write all sizes; the icon looks the same on dark themes, the name does not."""
    FOLDER.mkdir(exist_ok=True)
    for suffix, times in (("", 1), ("@2x", 2)):
        icon(SIDE * times).save(FOLDER / f"icon{suffix}.png", optimize=True)
        for prefix, ink in INK.items():
            logo(SIDE * times // 2, ink).save(FOLDER / f"{prefix}logo{suffix}.png", optimize=True)


if __name__ == "__main__":
    main()
