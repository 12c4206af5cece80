"""Eyes for single pictures: what the JPEG says of itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from aiohttp.test_utils import TestClient
import av
import numpy as np

from tests.simulators.dahua import DahuaSimulator
from tests.simulators.video.timecode import TimeCode, read_timecode

from .recorders import Recorder

GROUP = timedelta(seconds=2)
FRAME = timedelta(seconds=0.1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture as a browser gets it: its size, what is painted into it, and when the answer dates it."""

    width: int
    height: int
    code: TimeCode
    recorded_at: datetime | None = None
    tag: str = ""


def look(jpeg: bytes) -> Seen:
    """Decode a JPEG and read the time painted into it."""
    assert jpeg.startswith(b"\xff\xd8\xff")
    with av.open(BytesIO(jpeg), mode="r", format="mjpeg") as container:
        frame = next(container.decode(video=0))
    code = read_timecode(np.asarray(frame.to_ndarray(format="gray"), dtype=np.uint8))
    assert code is not None, "a picture without its time"
    return Seen(frame.width, frame.height, code)


async def fetch(client: TestClient[Any, Any], path: str) -> Seen:
    """Fetch a picture as a tile of the media browser does."""
    async with client.get(path) as response:
        assert response.status == 200, (path, response.status, await response.text())
        assert response.content_type == "image/jpeg"
        seen = look(await response.read())
        told = datetime.fromisoformat(response.headers["X-NVR-Recorded-At"])
        return Seen(seen.width, seen.height, seen.code, told, response.headers["ETag"])


async def refused(client: TestClient[Any, Any], path: str) -> tuple[int, str]:
    """Fetch what there is no picture of: the status, and the sentence that says why."""
    async with client.get(path) as response:
        assert response.status != 200, path
        return response.status, (await response.json())["message"]


def asked(nvr: Recorder) -> int:
    """Return how often the recorder was asked for footage of any kind: sessions opened and single pictures."""
    opened = nvr.rtsp.counters.sessions_opened["playback"] if nvr.rtsp else 0
    single = nvr.counters.by_call["/RPC3_Loadfile"] if isinstance(nvr, DahuaSimulator) else 0
    return opened + single
