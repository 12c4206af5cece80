"""Turn scenes into picture planes: light by the time of day, and figures that move."""

from datetime import datetime
from functools import lru_cache
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from ..footage import Incident
from .profile import Camera
from .scenes import Canvas, scene_of

type Plane = NDArray[np.uint8]
type Planes = tuple[Plane, Plane, Plane]
type Rgb = NDArray[np.float32]

_LIGHT_STEPS = 24
_SUNRISE, _SUNSET, _TWILIGHT = 7.25, 18.75, 0.75
_GRAIN = 4.0


def daylight(wall: datetime) -> float:
    """Return how light it is, 0 to 1, by the clock on the wall."""
    hour = wall.hour + wall.minute / 60
    rise = (hour - _SUNRISE) / _TWILIGHT
    fall = (_SUNSET - hour) / _TWILIGHT
    return max(0.0, min(1.0, (min(rise, fall) + 1) / 2))


def to_planes(rgb: Rgb) -> Planes:
    """Return RGB (0 to 255, even sizes) as limited-range BT.601 planes, colour at half size."""
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    y = 16 + 0.257 * red + 0.504 * green + 0.098 * blue
    half = rgb.reshape(rgb.shape[0] // 2, 2, rgb.shape[1] // 2, 2, 3).mean(axis=(1, 3))
    red, green, blue = half[..., 0], half[..., 1], half[..., 2]
    u = 128 - 0.148 * red - 0.291 * green + 0.439 * blue
    v = 128 + 0.439 * red - 0.368 * green - 0.071 * blue
    planes = [np.clip(np.round(plane), 0, 255).astype(np.uint8) for plane in (y, u, v)]
    return planes[0], planes[1], planes[2]


@lru_cache(maxsize=32)
def _drawn(name: str | None, channel: int, width: int, height: int) -> tuple[Rgb, Rgb, Rgb]:
    """Return a scene's colours, its cover (0 where the sky shows) and what glows by night."""
    scene, mirrored = scene_of(name, channel)
    canvas = Canvas(width * 2, height * 2)
    scene.draw(canvas)
    image, glow = canvas.image, canvas.glow
    if mirrored:
        flip = Image.Transpose.FLIP_LEFT_RIGHT
        image, glow = image.transpose(flip), glow.transpose(flip)
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BOX)).astype(np.float32)
    light = glow.resize((width, height), Image.Resampling.BOX)
    halo = light.filter(ImageFilter.GaussianBlur(height / 18))
    shine: Rgb = (np.maximum(np.asarray(light), np.asarray(halo))[..., None] / 255).astype(np.float32)
    cover: Rgb = (pixels[..., 3:] / 255).astype(np.float32)
    noise = np.random.default_rng(channel).normal(128, _GRAIN * 4, (height // 3, width // 3)).clip(0, 255)
    blotches = Image.fromarray(noise.astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    grain = (np.asarray(blotches).astype(np.float32)[..., None] - 128) * np.float32(0.25)
    colours: Rgb = np.clip(pixels[..., :3] / np.maximum(cover, 1 / 255) + grain, 0, 255).astype(np.float32)
    return colours, cover, shine


def _sky(width: int, height: int, light: float) -> Rgb:
    """Return a gradient from zenith to horizon, reddish in the twilight."""
    dusk = 1 - abs(light * 2 - 1)
    zenith = np.array([14, 18, 34]) + (np.array([92, 142, 204]) - np.array([14, 18, 34])) * light
    horizon = np.array([28, 32, 48]) + (np.array([204, 220, 236]) - np.array([28, 32, 48])) * light
    horizon = horizon + (np.array([236, 150, 96]) - horizon) * dusk * 0.7
    ramp = np.clip(np.arange(height, dtype=np.float32) / (height * 0.5), 0, 1)[:, None, None]
    sky = zenith.astype(np.float32) * (1 - ramp) + horizon.astype(np.float32) * ramp
    return np.broadcast_to(sky, (height, width, 3)).astype(np.float32)


def _infrared(rgb: Rgb, height: int, width: int) -> Rgb:
    """Return colours as a camera's own infrared lamp shows them: gray, bright in the middle."""
    gray = (rgb @ np.array([0.4, 0.4, 0.2], dtype=np.float32))[..., None]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    lamp = np.clip(1.0 - 0.45 * (x**2 + (y - 0.2) ** 2), 0.25, 1)[..., None]
    return np.broadcast_to(gray * lamp * 0.72, rgb.shape).astype(np.float32)


@lru_cache(maxsize=48)
def _lit(name: str | None, channel: int, width: int, height: int, step: int) -> Planes:
    scene, _ = scene_of(name, channel)
    light = step / _LIGHT_STEPS
    colours, cover, shine = _drawn(name, channel, width, height)
    if scene.indoor:
        rgb = colours * (0.75 + 0.25 * light)
        night = light == 0
    else:
        rgb = colours * (0.3 + 0.7 * light) * cover + _sky(width, height, light) * (1 - cover)
        night = light < 0.15
    if night:
        rgb = _infrared(colours * cover + _sky(width, height, 0.1) * (1 - cover), height, width)
    rgb = rgb + (np.array([255, 236, 200], dtype=np.float32) - rgb) * shine * 0.85 * (1 - light)
    return to_planes(np.clip(rgb, 0, 255).astype(np.float32))


def background(camera: Camera, width: int, height: int, wall: datetime) -> Planes:
    """Return the planes of a camera's still scene as lit at a wall time; not to be written to."""
    step = round(daylight(wall) * _LIGHT_STEPS)
    return _lit(camera.scene, camera.number, width, height, step)


def _person(draw: ImageDraw.ImageDraw, w: float, h: float, phase: int, variant: int) -> None:
    shirts = ((196, 60, 56), (56, 96, 176), (232, 196, 72), (72, 140, 92), (240, 240, 240), (120, 72, 150))
    shirt, skin, trousers = shirts[variant % len(shirts)], (222, 178, 148), (52, 58, 78)
    swing = (0.14, 0.0, -0.14, 0.0)[phase] * w
    for side in (swing, -swing):
        draw.line([w * 0.5, h * 0.55, w * 0.5 + side * 1.6, h * 0.97], fill=trousers, width=max(2, int(w * 0.17)))
        draw.line([w * 0.5, h * 0.26, w * 0.5 - side * 1.5, h * 0.52], fill=shirt, width=max(2, int(w * 0.13)))
    draw.rounded_rectangle([w * 0.34, h * 0.2, w * 0.66, h * 0.58], radius=w * 0.12, fill=shirt)
    draw.ellipse([w * 0.37, h * 0.02, w * 0.63, h * 0.19], fill=skin)
    draw.pieslice([w * 0.35, h * 0.0, w * 0.65, h * 0.18], 180, 360, fill=(70, 50, 36))


def _car(draw: ImageDraw.ImageDraw, w: float, h: float, phase: int, variant: int) -> None:
    color = ((176, 44, 44), (44, 84, 160), (220, 220, 224), (40, 44, 48), (60, 120, 90))[variant % 5]
    body = [(0.02, 0.8), (0.04, 0.48), (0.22, 0.42), (0.34, 0.1), (0.68, 0.1), (0.82, 0.42), (0.97, 0.5), (0.99, 0.8)]
    draw.polygon([(x * w, y * h) for x, y in body], fill=color)
    glass = [(0.27, 0.42), (0.37, 0.16), (0.65, 0.16), (0.76, 0.42)]
    draw.polygon([(x * w, y * h) for x, y in glass], fill=(132, 160, 184))
    draw.ellipse([w * 0.94, h * 0.52, w * 0.99, h * 0.64], fill=(255, 244, 190))
    for x in (0.23, 0.78):
        draw.ellipse([(x - 0.09) * w, h * 0.62, (x + 0.09) * w, h], fill=(28, 28, 30))
        turn = phase * math.pi / 4
        dx, dy = math.cos(turn) * w * 0.05, math.sin(turn) * h * 0.1
        draw.line(
            [x * w - dx, h * 0.81 - dy, x * w + dx, h * 0.81 + dy], fill=(190, 190, 194), width=max(1, int(w / 60))
        )


def _animal(draw: ImageDraw.ImageDraw, w: float, h: float, phase: int, variant: int) -> None:
    color = ((120, 84, 52), (60, 56, 54), (206, 178, 132))[variant % 3]
    draw.rounded_rectangle([w * 0.2, h * 0.3, w * 0.78, h * 0.66], radius=h * 0.16, fill=color)
    draw.ellipse([w * 0.7, h * 0.12, w * 0.98, h * 0.48], fill=color)
    draw.line([w * 0.22, h * 0.36, w * 0.04, h * 0.12], fill=color, width=max(2, int(w * 0.06)))
    step = (0.06, 0.0, -0.06, 0.0)[phase] * w
    for x, sign in ((0.28, 1), (0.38, -1), (0.62, 1), (0.72, -1)):
        draw.line([x * w, h * 0.6, x * w + sign * step, h * 0.97], fill=color, width=max(2, int(w * 0.07)))


_DRAWN = {"person": (_person, 0.5, 1.0, 9.0), "car": (_car, 2.3, 0.75, 6.0), "animal": (_animal, 1.5, 0.38, 7.0)}


@lru_cache(maxsize=256)
def _sprite(subject: str, variant: int, phase: int, height: int, *, flip: bool, night: bool) -> tuple[Planes, Plane]:
    """Return the planes of a figure and how much it covers (0 to 255)."""
    painter, aspect, _, _ = _DRAWN[subject]
    width = max(4, round(height * aspect / 2) * 2)
    image = Image.new("RGBA", (width * 3, height * 3), (90, 90, 90, 0))
    painter(ImageDraw.Draw(image), width * 3.0, height * 3.0, phase, variant)
    image = image.resize((width, height), Image.Resampling.BOX)
    if flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = np.asarray(image).astype(np.float32)
    rgb = pixels[..., :3]
    if night:
        rgb = np.broadcast_to(rgb.mean(axis=2, keepdims=True) * 0.6 + 50, rgb.shape).astype(np.float32)
    return to_planes(rgb), pixels[..., 3].astype(np.uint8)


def draw_subject(planes: Planes, camera: Camera, incident: Incident, elapsed: float, wall: datetime) -> None:
    """Draw what moves through the picture, `elapsed` seconds after it began, in place."""
    scene, mirrored = scene_of(camera.scene, camera.number)
    subject = incident.subject if incident.subject in _DRAWN else "person"
    if (scene.indoor and subject != "person") or (subject == "car" and not scene.cars):
        subject = "person"
    _, _, size, seconds = _DRAWN[subject]
    way = elapsed / seconds
    back = int(way) % 2 == 1
    part = 1 - way % 1 if back else way % 1
    if incident.variant % 2:
        part, back = 1 - part, not back
    (x0, y0), (x1, y1) = scene.path
    x, y = x0 + (x1 - x0) * part, y0 + (y1 - y0) * part
    tall = (scene.heights[0] + (scene.heights[1] - scene.heights[0]) * part) * size
    if mirrored:
        x = 1 - x
    right = ((x1 > x0) != back) != mirrored
    height, width = planes[0].shape
    pixels = max(8, round(tall * height / 2) * 2)
    sprite, alpha = _sprite(
        subject, incident.variant, int(elapsed * 6) % 4, pixels, flip=not right, night=daylight(wall) < 0.15
    )  # fmt: skip
    left = round((x * width - sprite[0].shape[1] / 2) / 2) * 2
    top = round((y * height - pixels) / 2) * 2
    _blend(planes[0], sprite[0], alpha, left, top)
    for index in (1, 2):
        _blend(planes[index], sprite[index], alpha[::2, ::2], left // 2, top // 2)


def _blend(target: Plane, sprite: Plane, alpha: Plane, left: int, top: int) -> None:
    """Put a figure over a plane; what lies outside is cut off."""
    height, width = target.shape
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(width, left + sprite.shape[1]), min(height, top + sprite.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    cut = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    cover = alpha[cut].astype(np.uint16)
    under = target[y0:y1, x0:x1]
    under[:] = ((sprite[cut] * cover + under * (255 - cover)) // 255).astype(np.uint8)
