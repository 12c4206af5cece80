"""What footage really shows: the time painted into the pictures that a playback session or a download brings."""

from dataclasses import dataclass
from datetime import datetime, timedelta
import io
from typing import Any

import av
import numpy as np

from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.models import (
    Container,
    KeyFrame,
    PlaybackRequest,
    RecordingSegment,
    StreamRole,
    TimeSpan,
    VideoCodec,
)
from custom_components.nvr.media.cover import Sample
from custom_components.nvr.media.rtsp.session import RtspSession
from custom_components.nvr.media.ticks import to_datetime
from tests.simulators.footage import Footage
from tests.simulators.video.timecode import TimeCode, read_timecode

_FORMATS = {Container.MPEG_PS: "mpeg", Container.DHAV: "dhav", Container.MP4: "mp4"}
_DECODERS = {VideoCodec.H264: "h264", VideoCodec.H265: "hevc"}
GROUP = timedelta(seconds=2)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Shown:
    """A picture of a playback: what is painted into it, and when our reader dates it."""

    channel: int
    painted: datetime
    dated: datetime


async def played(driver: Driver, channel: int, span: TimeSpan, role: StreamRole = StreamRole.MAIN) -> Shown:
    """Play from the begin of a span and return the first picture."""
    assert driver.playback is not None
    return await first_picture(await driver.playback.request(channel, span, role=role), driver)


async def first_picture(request: PlaybackRequest, driver: Driver) -> Shown:
    """Return the first picture of an address, read as the engine does."""
    session = await RtspSession.open(request, driver.guard)
    try:
        samples = await session.read()
        key = next(sample for sample in samples if sample.key)
    finally:
        await session.close()
    code = read_timecode(_decoded(key))
    assert code is not None
    return Shown(code.channel, code.time, to_datetime(key.time))


def _decoded(sample: Sample) -> Any:
    """Return the grey picture of a key frame."""
    codec = av.CodecContext.create("h264", "r")
    assert isinstance(codec, av.VideoCodecContext)
    data, stream = sample.data, b""
    while data:
        size = int.from_bytes(data[:4])
        stream, data = stream + b"\0\0\0\1" + data[4 : 4 + size], data[4 + size :]
    (frame,) = [*codec.decode(av.Packet(stream)), *codec.decode(None)]
    return frame.to_ndarray(format="gray")


def painted(frame: KeyFrame) -> TimeCode:
    """Return what is painted into a single picture, as a stranger's decoder sees it."""
    codec = av.CodecContext.create(_DECODERS[frame.codec], "r")
    assert isinstance(codec, av.VideoCodecContext)
    (picture,) = [*codec.decode(av.Packet(frame.data)), *codec.decode(None)]
    code = read_timecode(picture.to_ndarray(format="gray").astype(np.uint8))
    assert code is not None
    return code


@dataclass(frozen=True)
class Fetched:
    """A download that came to its end."""

    data: bytes
    container: Container
    size: int | None

    def pictures(self) -> list[TimeCode]:
        """Return what is painted into each of its pictures, as a stranger's demuxer and decoder see them."""
        with av.open(io.BytesIO(self.data), "r", format=_FORMATS[self.container]) as container:
            pictures = (frame.to_ndarray(format="gray").astype(np.uint8) for frame in container.decode(video=0))
            codes = [read_timecode(picture) for picture in pictures]
        assert codes
        assert None not in codes
        return [code for code in codes if code is not None]


async def fetch(driver: Driver, segment: RecordingSegment) -> Fetched:
    """Download a segment."""
    assert driver.downloads is not None
    async with driver.downloads.open(segment) as download:
        data = b"".join([chunk async for chunk in download])
        return Fetched(data, download.container, download.size)


def recorded(footage: Footage, channel: int, span: TimeSpan) -> list[TimeSpan]:
    """Return the closed files of a span as the wire tells them, in whole seconds."""
    return [
        TimeSpan(file.start.replace(microsecond=0), file.end.replace(microsecond=0))
        for file in footage.files(channel, span.start, span.end)
        if not file.open
    ]


def is_true(shown: Shown, asked: datetime, channel: int, *, slack: timedelta = timedelta(0)) -> bool:
    """Tell whether a playback began at the key frame of the asked moment, and was dated as the picture itself says.

    `slack` is what a clock told in whole seconds may have been misread by.
    """
    dated = abs(shown.dated - shown.painted) <= timedelta(seconds=0.2) + slack
    return dated and shown.channel == channel and -slack <= asked - shown.painted <= GROUP + SECOND + slack
