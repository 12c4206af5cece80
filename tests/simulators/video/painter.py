"""Put one picture together: the scene, what moves in it, the burnt-in texts and the time code."""

from collections.abc import Callable, Sequence
from datetime import datetime

import av
import numpy as np

from ..footage import Incident
from .osd import Overlay, draw_text
from .profile import Camera, from_ticks
from .stage import Plane, Planes, background, draw_subject
from .timecode import ROWS, paint_timecode, strip_rows


def plane(frame: av.VideoFrame, index: int) -> Plane:
    """Return a plane of a frame as an array that shares its memory."""
    part = frame.planes[index]
    return np.frombuffer(part, np.uint8).reshape(part.height, part.line_size)[:, : part.width]


class ScenePainter:
    """Paints the pictures of one group; made per group because what happens is looked up once."""

    def __init__(self, camera: Camera, incidents: Sequence[Incident], wall: Callable[[datetime], datetime]) -> None:
        self._camera = camera
        self._incidents = incidents
        self._wall = wall
        code = camera.time_code_channel
        self._code = camera.number if code is None else code

    def __call__(self, frame: av.VideoFrame, ticks: int) -> None:
        """Paint the picture of a moment into a yuv420p frame."""
        moment = from_ticks(ticks)
        wall = self._wall(moment)
        planes = (plane(frame, 0), plane(frame, 1), plane(frame, 2))
        for target, source in zip(planes, background(self._camera, frame.width, frame.height, wall), strict=True):
            target[:] = source
        for incident in self._incidents:
            if incident.start <= moment < incident.end:
                draw_subject(planes, self._camera, incident, (moment - incident.start).total_seconds(), wall)
        self._texts(planes, wall)
        luma = planes[0]
        strip = ROWS * strip_rows(frame.height)
        for chroma in planes[1:]:
            chroma[chroma.shape[0] - strip // 2 :, :] = 128
        paint_timecode(luma, self._code, round(ticks / 90))

    def _texts(self, planes: Planes, wall: datetime) -> None:
        height, width = planes[0].shape
        size = max(10, height // 22)
        margin = max(4, height // 45)
        draw_text(planes, f"{wall:%d-%m-%Y %a %H:%M:%S}", size, Overlay(margin, margin))
        bottom = height - ROWS * strip_rows(height) - margin
        draw_text(planes, self._camera.name, size, Overlay(width - margin, bottom, right=True, bottom=True))
