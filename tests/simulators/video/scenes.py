"""The places that simulated cameras look at, drawn in fractions of the picture."""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw

type Color = tuple[int, int, int]
type Point = tuple[float, float]

GRASS, ASPHALT, STONE, WOOD, WHITE = (92, 124, 62), (104, 106, 110), (168, 162, 150), (122, 88, 56), (226, 224, 216)
BRICK, ROOF, GLASS, LEAF, DARK = (158, 92, 70), (92, 62, 56), (128, 156, 178), (58, 92, 44), (44, 46, 50)
_CAR_BODY = (
    (-0.5, 0.12),
    (-0.48, 0.34),
    (-0.3, 0.38),
    (-0.2, 0.62),
    (0.2, 0.62),
    (0.34, 0.38),
    (0.5, 0.32),
    (0.5, 0.12),
)
_CAR_GLASS = ((-0.25, 0.39), (-0.17, 0.57), (0.17, 0.57), (0.27, 0.39))
PLASTER, CONCRETE, METAL, LIGHT = (206, 196, 176), (140, 138, 132), (150, 154, 160), (255, 214, 130)


class Canvas:
    """A picture to draw on; what glows by night is drawn a second time on `glow`."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGBA", (width, height), (0, 0, 0, 0))
        self.glow = Image.new("L", (width, height), 0)
        self._draw = ImageDraw.Draw(self.image)
        self._glow = ImageDraw.Draw(self.glow)
        self._size = (width, height)

    def _at(self, *points: Point) -> list[tuple[float, float]]:
        return [(x * self._size[0], y * self._size[1]) for x, y in points]

    def area(self, color: Color, *points: Point) -> None:
        """Fill a polygon."""
        self._draw.polygon(self._at(*points), fill=(*color, 255))

    def box(self, color: Color, x0: float, y0: float, x1: float, y1: float) -> None:
        """Fill a rectangle."""
        self.area(color, (x0, y0), (x1, y0), (x1, y1), (x0, y1))

    def line(self, color: Color, start: Point, end: Point, width: float = 0.003) -> None:
        """Draw a line; its width is a fraction of the picture's width."""
        self._draw.line(self._at(start, end), fill=(*color, 255), width=max(1, round(width * self._size[0])))

    def disc(self, color: Color, x: float, y: float, rx: float, *, ry: float | None = None) -> None:
        """Fill an ellipse."""
        ry = rx * 1.6 if ry is None else ry
        self._draw.ellipse([*self._at((x - rx, y - ry))[0], *self._at((x + rx, y + ry))[0]], fill=(*color, 255))

    def window(self, x0: float, y0: float, x1: float, y1: float, *, lit: bool = True) -> None:
        """Draw a window with its frame, that glows by night."""
        self.box(WHITE, x0 - 0.006, y0 - 0.01, x1 + 0.006, y1 + 0.01)
        self.box(GLASS, x0, y0, x1, y1)
        self.line(WHITE, ((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1))
        if lit:
            self._glow.rectangle([*self._at((x0, y0))[0], *self._at((x1, y1))[0]], fill=220)

    def lamp(self, x: float, y: float, radius: float = 0.012) -> None:
        """Draw a lamp that glows by night."""
        self.disc(LIGHT, x, y, radius)
        self._glow.ellipse(
            [*self._at((x - radius * 2, y - radius * 3))[0], *self._at((x + radius * 2, y + radius * 3))[0]], fill=255
        )

    def tree(self, x: float, y: float, size: float) -> None:
        """Draw a tree that stands at a point."""
        self.box(WOOD, x - size * 0.05, y - size * 0.6, x + size * 0.05, y)
        for dx, dy, r in ((0, -1.0, 0.3), (-0.2, -0.8, 0.26), (0.2, -0.78, 0.27), (0.03, -0.62, 0.28)):
            shade = (LEAF[0] + int(dx * 40), LEAF[1] + int(dx * 40) + 8, LEAF[2])
            self.disc(shade, x + dx * size, y + dy * size, r * size)

    def car(self, x: float, y: float, size: float, color: Color) -> None:
        """Draw a parked car from the side; `x`, `y` is the ground under its middle."""
        self.area(color, *((x + size * dx, y - size * dy) for dx, dy in _CAR_BODY))
        self.area(GLASS, *((x + size * dx, y - size * dy) for dx, dy in _CAR_GLASS))
        self.line(color, (x, y - size * 0.6), (x, y - size * 0.38), 0.006)
        for wheel in (-0.3, 0.3):
            self.disc(DARK, x + wheel * size, y - size * 0.11, size * 0.085)
            self.disc(METAL, x + wheel * size, y - size * 0.11, size * 0.04)


def _house(c: Canvas, x0: float, x1: float, top: float, bottom: float, *, wall: Color = PLASTER) -> None:
    peak = top - (x1 - x0) * 0.32
    c.box(wall, x0, top, x1, bottom)
    c.area(ROOF, (x0 - 0.02, top), ((x0 + x1) / 2, peak), (x1 + 0.02, top))


def _driveway(c: Canvas) -> None:
    c.box((104, 132, 84), 0, 0.36, 1, 0.46)
    for x in (0.62, 0.74, 0.88, 0.97):
        c.tree(x, 0.46, 0.14)
    c.box(GRASS, 0, 0.44, 1, 1)
    c.area(ASPHALT, (0.24, 0.52), (0.46, 0.52), (0.86, 1), (0.16, 1))
    c.line(STONE, (0.46, 0.52), (0.86, 1), 0.01)
    _house(c, -0.05, 0.42, 0.2, 0.56, wall=BRICK)
    c.box(WHITE, 0.2, 0.32, 0.4, 0.55)
    for row in range(1, 4):
        c.line(STONE, (0.2, 0.32 + row * 0.057), (0.4, 0.32 + row * 0.057))
    c.window(0.03, 0.29, 0.12, 0.42)
    c.lamp(0.17, 0.33)
    c.car(0.42, 0.8, 0.3, (64, 88, 128))
    c.box(LEAF, 0.86, 0.56, 1, 0.66)


def _garden(c: Canvas) -> None:
    c.box(WOOD, 0, 0.34, 1, 0.5)
    for post in range(26):
        c.line((96, 68, 44), (post / 25, 0.33), (post / 25, 0.5))
    c.box(GRASS, 0, 0.48, 1, 1)
    for stripe in range(5):
        c.area(
            (100, 134, 68),
            (0.1 + stripe * 0.2, 0.48),
            (0.16 + stripe * 0.2, 0.48),
            (stripe * 0.32 - 0.12, 1),
            (stripe * 0.32 - 0.3, 1),
        )
    c.tree(0.16, 0.62, 0.3)
    c.tree(0.86, 0.56, 0.22)
    c.area((110, 78, 54), (0.62, 0.56), (0.98, 0.6), (1, 0.7), (0.6, 0.64))
    for flower in range(14):
        c.disc(
            ((208, 74, 84), (232, 196, 80), (190, 120, 200))[flower % 3],
            0.63 + flower * 0.026,
            0.6 + (flower % 4) * 0.02,
            0.008,
        )
    c.box(WHITE, 0.4, 0.6, 0.56, 0.62)
    c.box(WHITE, 0.42, 0.62, 0.43, 0.69)
    c.box(WHITE, 0.53, 0.62, 0.54, 0.69)
    c.lamp(0.98, 0.4)


def _front_door(c: Canvas) -> None:
    c.box(BRICK, 0, 0, 1, 0.74)
    for row in range(26):
        c.line((132, 76, 60), (0, row * 0.029), (1, row * 0.029), 0.0015)
        for column in range(15):
            x = column / 14 + (row % 2) * 0.035
            c.line((132, 76, 60), (x, row * 0.029), (x, (row + 1) * 0.029), 0.0015)
    c.box(STONE, 0, 0.72, 1, 1)
    for tile in range(9):
        c.line((140, 134, 124), (0.5 + (tile - 4) * 0.1, 0.72), (0.5 + (tile - 4) * 0.28, 1))
    c.box(WHITE, 0.33, 0.12, 0.58, 0.75)
    c.box((36, 74, 66), 0.35, 0.15, 0.56, 0.75)
    for panel in (0.2, 0.48):
        c.box((44, 88, 78), 0.375, panel, 0.445, panel + 0.22)
        c.box((44, 88, 78), 0.465, panel, 0.535, panel + 0.22)
    c.disc((210, 180, 90), 0.54, 0.46, 0.008)
    c.area((92, 60, 44), (0.34, 0.8), (0.57, 0.8), (0.6, 0.9), (0.31, 0.9))
    c.window(0.72, 0.18, 0.92, 0.5)
    c.lamp(0.63, 0.22, 0.016)
    for x in (0.24, 0.66):
        c.area((150, 88, 62), (x - 0.03, 0.7), (x + 0.03, 0.7), (x + 0.022, 0.8), (x - 0.022, 0.8))
        c.disc(LEAF, x, 0.62, 0.045)


def _garage(c: Canvas) -> None:
    c.box(CONCRETE, 0, 0, 1, 1)
    c.area((120, 118, 112), (0, 1), (0.2, 0.62), (0.8, 0.62), (1, 1))
    c.area((168, 166, 158), (0, 0), (0.2, 0.12), (0.2, 0.62), (0, 1))
    c.area((160, 158, 150), (1, 0), (0.8, 0.12), (0.8, 0.62), (1, 1))
    c.box((186, 184, 176), 0.2, 0.12, 0.8, 0.62)
    for row in range(5):
        c.line(STONE, (0.3, 0.18 + row * 0.09), (0.7, 0.18 + row * 0.09))
    for shelf in range(3):
        y = 0.3 + shelf * 0.16
        c.area(WOOD, (0.82, y), (0.98, y + shelf * 0.03 - 0.02), (0.98, y + shelf * 0.03), (0.82, y + 0.02))
        for item in range(3):
            c.box(
                ((170, 70, 60), (70, 110, 150), (200, 170, 80))[(item + shelf) % 3],
                0.83 + item * 0.05,
                y - 0.08,
                0.865 + item * 0.05,
                y,
            )
    c.line((60, 62, 66), (0.07, 0.2), (0.07, 0.6), 0.012)
    c.car(0.42, 0.86, 0.4, (132, 40, 44))
    c.lamp(0.5, 0.06, 0.02)


def _street(c: Canvas) -> None:
    for index, wall in enumerate((PLASTER, BRICK, (180, 176, 186), (198, 172, 138))):
        _house(c, index * 0.26 - 0.02, index * 0.26 + 0.2, 0.26, 0.5, wall=wall)
        c.window(index * 0.26 + 0.02, 0.31, index * 0.26 + 0.07, 0.39, lit=index != 1)
        c.window(index * 0.26 + 0.12, 0.31, index * 0.26 + 0.17, 0.39, lit=index % 2 == 0)
        c.box(WOOD, index * 0.26 + 0.085, 0.4, index * 0.26 + 0.115, 0.5)
    c.box(GRASS, 0, 0.49, 1, 0.54)
    c.box(STONE, 0, 0.53, 1, 0.58)
    c.box(ASPHALT, 0, 0.58, 1, 0.88)
    for dash in range(8):
        c.area(
            WHITE,
            (dash * 0.14, 0.715),
            (dash * 0.14 + 0.07, 0.715),
            (dash * 0.14 + 0.066, 0.73),
            (dash * 0.14 - 0.004, 0.73),
        )
    c.box(STONE, 0, 0.88, 1, 1)
    c.box(DARK, 0.3, 0.1, 0.306, 0.56)
    c.lamp(0.31, 0.1, 0.014)
    c.car(0.72, 0.645, 0.17, (188, 190, 194))
    c.tree(0.5, 0.55, 0.16)


def _pool(c: Canvas) -> None:
    c.box(LEAF, 0, 0.34, 1, 0.5)
    for bush in range(18):
        c.disc((62, 98 + bush % 3 * 6, 48), bush / 17, 0.36, 0.04, ry=0.05)
    c.box((196, 184, 162), 0, 0.48, 1, 1)
    c.area((226, 216, 196), (0.22, 0.56), (0.9, 0.56), (1, 0.86), (0.08, 0.86))
    c.area((64, 152, 186), (0.25, 0.58), (0.87, 0.58), (0.95, 0.83), (0.13, 0.83))
    for wave in range(6):
        c.line((96, 178, 206), (0.25 + wave * 0.1, 0.62 + wave * 0.03), (0.38 + wave * 0.1, 0.63 + wave * 0.03))
    for x in (0.04, 0.9):
        c.area(WHITE, (x, 0.52), (x + 0.09, 0.52), (x + 0.09, 0.55), (x, 0.55))
        c.line(WHITE, (x + 0.09, 0.55), (x + 0.1, 0.45), 0.006)
    c.area((206, 92, 70), (0.06, 0.3), (0.14, 0.22), (0.22, 0.3))
    c.line(METAL, (0.14, 0.24), (0.14, 0.54), 0.004)
    c.lamp(0.97, 0.44)


def _gate(c: Canvas) -> None:
    c.box(GRASS, 0, 0.5, 1, 1)
    c.tree(0.42, 0.5, 0.2)
    c.tree(0.6, 0.5, 0.16)
    c.area(STONE, (0.42, 0.5), (0.58, 0.5), (0.9, 1), (0.1, 1))
    for step in range(7):
        y = 0.53 + step * step * 0.0105
        c.line((140, 134, 124), (0.5 - (y - 0.34) * 0.6, y), (0.5 + (y - 0.34) * 0.6, y))
    for side in (-1, 1):
        for post in range(12):
            depth = post / 11
            x, y = 0.5 + side * (0.1 + 0.44 * depth**1.6), 0.5 + 0.42 * depth**1.6
            c.line(WOOD, (x, y), (x, y - 0.16 - 0.3 * depth**1.6), 0.006 + 0.02 * depth)
        c.line(WOOD, (0.5 + side * 0.1, 0.38), (0.5 + side * 0.54, 0.62), 0.01)
    c.box(METAL, 0.41, 0.35, 0.42, 0.53)
    c.box(METAL, 0.58, 0.35, 0.59, 0.53)
    for bar in range(8):
        c.line(DARK, (0.425 + bar * 0.022, 0.37), (0.425 + bar * 0.022, 0.52))
    c.lamp(0.415, 0.33)


def _hall(c: Canvas) -> None:
    c.box((214, 206, 190), 0, 0, 1, 1)
    c.area((156, 116, 78), (0, 1), (0.24, 0.66), (0.76, 0.66), (1, 1))
    for board in range(11):
        c.line((136, 98, 64), (0.24 + board * 0.052, 0.66), (board * 0.1, 1), 0.002)
    c.area((226, 220, 206), (0, 0), (0.24, 0.1), (0.24, 0.66), (0, 1))
    c.area((200, 192, 176), (1, 0), (0.76, 0.1), (0.76, 0.66), (1, 1))
    c.box(WHITE, 0.42, 0.2, 0.6, 0.66)
    c.box((108, 76, 52), 0.435, 0.22, 0.585, 0.66)
    c.disc((210, 180, 90), 0.57, 0.46, 0.006)
    for step in range(7):
        c.box((176 - step * 4, 150 - step * 4, 118), 0.78 + step * 0.03, 0.74 - step * 0.07, 1, 0.8 - step * 0.07)
    for x, color in ((0.28, (70, 110, 150)), (0.34, (170, 110, 80)), (0.66, (96, 130, 84))):
        c.box(DARK, x, 0.26, x + 0.045, 0.36)
        c.box(color, x + 0.005, 0.27, x + 0.04, 0.35)
    c.area((140, 56, 52), (0.36, 0.74), (0.64, 0.74), (0.72, 0.92), (0.28, 0.92))
    c.window(0.06, 0.24, 0.15, 0.56)
    c.lamp(0.5, 0.08, 0.018)


def _workshop(c: Canvas) -> None:
    c.box((196, 190, 178), 0, 0, 1, 0.7)
    c.box(CONCRETE, 0, 0.66, 1, 1)
    for joint in range(5):
        c.line((122, 120, 114), (0.5 + (joint - 2) * 0.2, 0.66), (0.5 + (joint - 2) * 0.42, 1), 0.002)
    c.box(WOOD, 0.3, 0.14, 0.78, 0.42)
    for tool in range(7):
        x = 0.34 + tool * 0.062
        c.line(METAL, (x, 0.18), (x, 0.3), 0.006)
        c.box(((176, 56, 48), (52, 96, 150), (216, 172, 64))[tool % 3], x - 0.008, 0.28, x + 0.008, 0.38)
    c.box((150, 112, 74), 0.26, 0.5, 0.82, 0.55)
    for leg in (0.29, 0.52, 0.77):
        c.box((108, 78, 50), leg, 0.55, leg + 0.025, 0.78)
    c.box((70, 110, 150), 0.32, 0.43, 0.4, 0.5)
    c.box(DARK, 0.62, 0.45, 0.68, 0.5)
    c.line(METAL, (0.65, 0.38), (0.65, 0.46), 0.014)
    c.window(0.06, 0.16, 0.22, 0.44)
    for shelf in range(3):
        y = 0.3 + shelf * 0.16
        c.box(WOOD, 0.86, y, 1, y + 0.016)
        for tin in range(3):
            color = ((170, 70, 60), (90, 130, 80), (200, 170, 80))[(tin + shelf) % 3]
            c.box(color, 0.875 + tin * 0.042, y - 0.07, 0.905 + tin * 0.042, y)
    c.area((60, 84, 70), (0.05, 0.78), (0.2, 0.78), (0.2, 0.9), (0.05, 0.9))
    c.lamp(0.5, 0.05, 0.018)


@dataclass(frozen=True, slots=True)
class Scene:
    """A place: how it is drawn, where things move in it (feet, from and to), and how tall a person there is."""

    draw: Callable[[Canvas], None]
    path: tuple[Point, Point]
    heights: tuple[float, float]
    horizon: float = 0.5
    indoor: bool = False
    cars: bool = False


SCENES: dict[str, Scene] = {
    "driveway": Scene(_driveway, ((0.58, 0.56), (0.7, 0.9)), (0.16, 0.36), cars=True),
    "garden": Scene(_garden, ((0.08, 0.72), (0.92, 0.8)), (0.3, 0.36)),
    "front door": Scene(_front_door, ((0.96, 0.92), (0.5, 0.84)), (0.66, 0.58)),
    "garage": Scene(_garage, ((0.22, 0.72), (0.78, 0.9)), (0.42, 0.54), indoor=True),
    "street": Scene(_street, ((-0.05, 0.82), (1.05, 0.82)), (0.2, 0.2), cars=True),
    "pool": Scene(_pool, ((0.02, 0.9), (0.98, 0.9)), (0.4, 0.4)),
    "gate": Scene(_gate, ((0.5, 0.56), (0.46, 0.93)), (0.2, 0.5)),
    "hall": Scene(_hall, ((0.5, 0.68), (0.3, 0.92)), (0.4, 0.62), indoor=True),
    "workshop": Scene(_workshop, ((0.12, 0.94), (0.9, 0.94)), (0.56, 0.56), indoor=True),
}
# What a name says of the place; the first word found counts.
_WORDS = {
    "driveway": "driveway",
    "yard": "pool",
    "pool": "pool",
    "terrace": "pool",
    "garden": "garden",
    "garage": "garage",
    "workshop": "workshop",
    "cellar": "workshop",
    "hall": "hall",
    "gate": "gate",
    "street": "street",
    "door": "front door",
}


def scene_named(name: str) -> str | None:
    """Return the scene that a camera of that name looks at; None when the name does not tell."""
    return next((scene for word, scene in _WORDS.items() if word in name.lower()), None)


def scene_of(name: str | None, channel: int) -> tuple[Scene, bool]:
    """Return the scene of a channel and whether it is seen in a mirror, so that more than eight differ."""
    names = list(SCENES)
    mirrored = (channel - 1) // len(names) % 2 == 1
    return SCENES[name or names[(channel - 1) % len(names)]], mirrored
