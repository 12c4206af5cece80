"""Coded pictures to JPEG: which one is shown, how large, and what cannot be decoded."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
import pytest

from custom_components.nvr.core.errors import NvrResponseError, NvrUnsupportedError
from custom_components.nvr.core.models import VideoCodec
from custom_components.nvr.media.bits import length_prefixed
from custom_components.nvr.media.thumbnails.picture import Coded, Jpeg, Pictures, annexb, jpeg_size, make_jpeg
from custom_components.nvr.media.ticks import RATE, from_datetime
from tests.simulators.clock import SimClock
from tests.simulators.video.encoder import encode_gop
from tests.simulators.video.painter import ScenePainter
from tests.simulators.video.profile import Camera, VideoProfile, from_ticks, to_ticks
from tests.simulators.video.timecode import read_timecode

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
FRAMES = 10


def coded(codec: str) -> Pictures:
    """Encode a second of footage."""
    profile = VideoProfile(width=640, height=360, fps=10, bit_rate=256_000, codec=codec)  # type: ignore[arg-type]
    start = to_ticks(AT)
    painter = ScenePainter(Camera(1, "Gate"), (), SimClock().to_device)
    gop = encode_gop(profile, start, start + FRAMES * profile.frame_ticks, painter)
    units = []
    for number, unit in enumerate(gop.units):
        nals = [*(gop.parameter_sets if number == 0 and unit.nals[0] not in gop.parameter_sets else ()), *unit.nals]
        moment = from_datetime(from_ticks(unit.pts))
        units.append(Coded(moment, annexb(length_prefixed(nals))))
    return Pictures(VideoCodec.H264 if codec == "h264" else VideoCodec.H265, units)


def painted(jpeg: Jpeg) -> datetime:
    with av.open(BytesIO(jpeg.data), mode="r", format="mjpeg") as container:
        frame = next(container.decode(video=0))
    code = read_timecode(np.asarray(frame.to_ndarray(format="gray"), dtype=np.uint8))
    assert code is not None
    return code.time


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_picture_is_the_last_one_at_or_before_the_moment(codec: str) -> None:
    pictures = coded(codec)
    for offset, shown in ((0.0, 0), (0.35, 3), (0.3, 3), (5.0, FRAMES - 1), (-1.0, 0)):
        moment = from_datetime(AT) + round(offset * RATE)
        made = make_jpeg(pictures, moment, 320)
        assert abs(painted(made) - AT - shown * timedelta(seconds=0.1)) <= timedelta(milliseconds=1)
        assert made.time == pictures.coded[shown].time
    assert make_jpeg(pictures, None, 320).time == pictures.coded[0].time


def test_what_cannot_be_decoded_is_told() -> None:
    with pytest.raises(NvrResponseError):
        make_jpeg(Pictures(VideoCodec.H264, [Coded(0, b"\0\0\0\1\x65 no picture")]), None, 320)
    with pytest.raises(NvrResponseError):
        make_jpeg(Pictures(VideoCodec.H265, []), None, 320)
    with pytest.raises(NvrUnsupportedError):
        make_jpeg(Pictures(VideoCodec.MPEG4, [Coded(0, b"x")]), None, 320)


@pytest.mark.parametrize(
    ("columns", "rows", "aspect", "width", "expected"),
    [
        (1920, 1080, Fraction(0), 320, (320, 180)),
        (1920, 1080, Fraction(1), 0, (1920, 1080)),
        (320, 180, Fraction(1), 640, (320, 180)),
        (960, 1080, Fraction(2), 320, (320, 180)),
        (704, 576, Fraction(12, 11), 320, (320, 240)),
        (2, 2000, Fraction(1), 320, (2, 2000)),
    ],
)
def test_size_is_what_a_screen_shows_and_never_larger(
    columns: int, rows: int, aspect: Fraction, width: int, expected: tuple[int, int]
) -> None:
    assert jpeg_size(columns, rows, aspect, width) == expected
