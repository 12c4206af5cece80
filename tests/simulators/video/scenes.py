"""Draw what a camera sees: one scene per channel, by day and by night."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from ..footage import Incident
from .profile import Camera

type Plane = NDArray[np.uint8]
type Planes = tuple[Plane, Plane, Plane]


def background(camera: Camera, width: int, height: int, wall: datetime) -> Planes:
    """Return the planes of the still scene."""
    y = np.linspace(60, 180, height, dtype=np.float32).astype(np.uint8)[:, None].repeat(width, 1)
    c = np.full((height // 2, width // 2), 128, np.uint8)
    return y, c, c


def draw_subject(planes: Planes, camera: Camera, incident: Incident, elapsed: float, wall: datetime) -> None:
    """Draw what moves, in place."""
