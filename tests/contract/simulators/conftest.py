"""One recorder without a vendor: small pictures, a fixed zone, a handful of channels."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import av
import numpy as np
import pytest

from tests.simulators.clock import DstRule, SimClock, WireClock, make_zone
from tests.simulators.footage import Footage, plans_for
from tests.simulators.rtsp import LiveTarget, PlaybackTarget, Refusal, Request, RtspServer, Target, parse_clock
from tests.simulators.video.profile import AudioProfile, Camera, GopRule, VideoProfile
from tests.simulators.video.studio import Studio
from tests.simulators.video.timecode import Luma, TimeCode, read_timecode

PROFILES = {
    "main": VideoProfile(width=640, height=360, fps=25, audio=AudioProfile("pcmu"), bit_rate=200_000),
    "sub": VideoProfile(width=320, height=180, fps=25, bit_rate=100_000),
    "long": VideoProfile(width=320, height=180, fps=12.5, gop=GopRule(10), bit_rate=100_000),
    "h265": VideoProfile(codec="h265", width=320, height=180, fps=12.5, bit_rate=100_000),
    "aac": VideoProfile(width=320, height=180, fps=25, audio=AudioProfile("aac", 16_000), bit_rate=100_000),
    "reordered": VideoProfile(width=320, height=180, fps=25, b_frames=2, bit_rate=100_000),
}


@dataclass
class Recorder:
    clock: SimClock
    footage: Footage
    studio: Studio
    server: RtspServer
    wire: WireClock

    def url(self, path: str, password: str = "nvr-test-pass") -> str:
        return f"rtsp://admin:{password}@127.0.0.1:{self.server.port}{path}"

    def playback(self, role: str, start: datetime, end: datetime | None = None, channel: int = 1) -> str:
        """Return the path of footage."""
        text = f"/play/{channel}/{role}?starttime={self.wire.encode(start):%Y%m%dT%H%M%SZ}"
        return text if end is None else f"{text}&endtime={self.wire.encode(end):%Y%m%dT%H%M%SZ}"


@pytest.fixture(params=["local"])
async def recorder(request: pytest.FixtureRequest, socket_enabled: None) -> AsyncIterator[Recorder]:
    clock = SimClock(make_zone(timedelta(hours=1), DstRule()), skew=timedelta(seconds=7))
    wire = WireClock(clock, request.param)
    footage = Footage(clock, plans_for(range(1, 5)))

    def resolve(asked: Request) -> Target | Refusal:
        parts = asked.path.strip("/").split("/")
        if len(parts) != 3 or parts[2] not in PROFILES or parts[1] not in "1234":
            return Refusal(404)
        if parts[0] == "live":
            return LiveTarget(int(parts[1]), PROFILES[parts[2]], wire)
        start, end = (parse_clock(asked.query.get(name, "")) for name in ("starttime", "endtime"))
        if start is None:
            return Refusal(400)
        until = None if end is None else wire.decode(end)
        return PlaybackTarget(int(parts[1]), PROFILES[parts[2]], wire.decode(start), until, wire)

    cameras = [Camera(number, f"Camera {number}", PROFILES) for number in range(1, 5)]
    async with Studio(cameras, clock, footage) as studio, RtspServer(studio, footage, resolve) as server:
        yield Recorder(clock, footage, studio, server, wire)


def gray(frame: av.VideoFrame) -> Luma:
    """Return the luma of a picture."""
    return frame.to_ndarray(format="gray").astype(np.uint8, copy=False)


def painted(frame: av.VideoFrame) -> TimeCode:
    """Return what is painted into a picture."""
    code = read_timecode(gray(frame))
    assert code is not None
    return code


def next_pictures(container: av.container.InputContainer, count: int) -> list[TimeCode]:
    """Return what is painted into the next pictures, fewer than `count` where they end."""
    codes = []
    for frame in container.decode(video=0):
        assert isinstance(frame, av.VideoFrame)
        codes.append(painted(frame))
        if len(codes) == count:
            break
    return codes


def watch(url: str, count: int, *, transport: str = "tcp", seconds: float = 10) -> list[TimeCode]:
    """Open a stream with PyAV, for a worker thread, and return what its first pictures say."""
    options = {"rtsp_transport": transport, "analyzeduration": "100000", "fpsprobesize": "0"}
    with av.open(url, options=options, timeout=seconds) as container:
        return next_pictures(container, count)
