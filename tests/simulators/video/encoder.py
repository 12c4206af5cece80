"""Encode one group of pictures, from nothing but the camera, its stream and the group's begin."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import av

from .bitstream import is_parameter_set, split_annexb
from .profile import TICKS, VideoCodec, VideoProfile

type Painter = Callable[[av.VideoFrame, int], None]

_ENCODERS: dict[VideoCodec, str] = {"h264": "libx264", "h265": "libx265"}


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One picture: when it is shown, its place in decoding order (ticks), and its NAL units."""

    pts: int
    dts: int
    key: bool
    nals: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Gop:
    """A closed group of pictures [start, end) in decoding order; `parameter_sets` also when not repeated in band."""

    start: int
    end: int
    width: int
    height: int
    units: tuple[AccessUnit, ...]
    parameter_sets: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes of all NAL units."""
        return sum(len(nal) for unit in self.units for nal in unit.nals)


def _options(profile: VideoProfile, count: int) -> dict[str, str]:
    rate = profile.bit_rate // 1000
    if profile.codec == "h264":
        params = (
            f"keyint={count + 1}:min-keyint={count}:scenecut=0:bframes={profile.b_frames}:b-adapt=0:rc-lookahead=0"
            f":sync-lookahead=0:threads=1:vbv-maxrate={rate}:vbv-bufsize={rate * 2}:mbtree=0:level=4.1"
        )
        return {"preset": "ultrafast", "crf": "29", "x264-params": params}
    params = (
        f"keyint={count + 1}:min-keyint={count}:scenecut=0:bframes={profile.b_frames}:b-adapt=0:pools=none"
        f":frame-threads=1:wpp=0:vbv-maxrate={rate}:vbv-bufsize={rate * 2}:log-level=none:repeat-headers=1:info=0"
        f":rc-lookahead={max(profile.b_frames + 1, 1)}:lookahead-slices=0"
    )
    return {"preset": "ultrafast", "crf": "29", "x265-params": params}


def _context(profile: VideoProfile, width: int, height: int, count: int) -> av.VideoCodecContext:
    context = av.CodecContext.create(_ENCODERS[profile.codec], "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base = Fraction(1, TICKS)
    context.framerate = Fraction(TICKS, profile.frame_ticks)
    context.thread_count = 1
    context.options = _options(profile, count)
    return context


def encode_gop(profile: VideoProfile, start: int, end: int, paint: Painter) -> Gop:
    """Encode the pictures from `start` (ticks, a frame time) up to `end`; the first one is a key frame."""
    step = profile.frame_ticks
    width, height = profile.size_at(start)
    context = _context(profile, width, height, max(1, (end - start) // step))
    packets = []
    for ticks in range(start, end, step):
        frame = av.VideoFrame(width, height, "yuv420p")
        paint(frame, ticks)
        frame.pts = ticks - start
        frame.time_base = context.time_base
        packets += context.encode(frame)
    packets += context.encode(None)
    sets: tuple[bytes, ...] = ()
    units = []
    for index, packet in enumerate(packets):
        nals = split_annexb(profile.codec, bytes(packet))
        if index == 0:
            sets = tuple(nal for nal in nals if is_parameter_set(profile.codec, nal))
        if not profile.repeat_headers:
            nals = [nal for nal in nals if not is_parameter_set(profile.codec, nal)]
        pts, dts = packet.pts, packet.dts
        assert pts is not None
        assert dts is not None
        units.append(AccessUnit(start + pts, start + dts, index == 0, tuple(nals)))
    return Gop(start, end, width, height, tuple(units), sets)
