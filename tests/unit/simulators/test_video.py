import asyncio
from datetime import UTC, datetime, timedelta
from io import BytesIO
import time

import av
import numpy as np
from PIL import Image
import pytest

from tests.simulators.clock import SimClock
from tests.simulators.footage import ChannelPlan, Footage, Incident, Kind
from tests.simulators.video.audio import audio_units
from tests.simulators.video.bitstream import is_parameter_set, join_annexb
from tests.simulators.video.encoder import Gop, encode_gop
from tests.simulators.video.painter import ScenePainter
from tests.simulators.video.profile import (
    TICKS,
    AudioCodec,
    AudioProfile,
    Camera,
    GopRule,
    SizeChange,
    VideoProfile,
    from_ticks,
    gop_bounds,
    to_ticks,
)
from tests.simulators.video.studio import Studio
from tests.simulators.video.timecode import read_timecode

NOON = datetime(2026, 7, 15, 12, tzinfo=UTC)
SMALL = VideoProfile(width=320, height=180, fps=12.5, bit_rate=64_000)


def painter(channel: int = 5, *incidents: Incident) -> ScenePainter:
    return ScenePainter(Camera(channel, "Yard"), incidents, SimClock().to_device)


def shown_times(gop: Gop, decoder: str) -> list[datetime]:
    """Decode a group with a stranger's decoder and read its pictures."""
    context = av.CodecContext.create(decoder, "r")
    assert isinstance(context, av.VideoCodecContext)
    frames = [
        frame
        for unit in [*gop.units, None]
        for frame in context.decode(av.Packet(join_annexb(unit.nals)) if unit else None)
    ]
    codes = [read_timecode(frame.to_ndarray(format="gray").astype(np.uint8, copy=False)) for frame in frames]
    assert all(code is not None and code.channel == 5 for code in codes)
    return [code.time for code in codes if code is not None]


@pytest.mark.parametrize(
    "profile",
    [
        SMALL,
        VideoProfile(width=320, height=180, bit_rate=64_000, b_frames=2),
        VideoProfile(width=320, height=180, bit_rate=64_000, codec="h265"),
        VideoProfile(width=320, height=180, bit_rate=24_000, fps=25),
    ],
)
def test_every_picture_tells_its_time_after_decoding(profile: VideoProfile) -> None:
    start = to_ticks(NOON)
    gop = encode_gop(profile, start, start + 2 * TICKS, painter())
    times = shown_times(gop, "hevc" if profile.codec == "h265" else "h264")
    assert times == [from_ticks(start + i * profile.frame_ticks) for i in range(round(2 * profile.fps))]
    assert gop.units[0].key
    assert [unit.dts for unit in gop.units] == sorted(unit.dts for unit in gop.units)
    assert (profile.b_frames > 0) is any(unit.pts != unit.dts for unit in gop.units)


def test_the_same_moment_is_always_the_same_bytes() -> None:
    start = to_ticks(NOON)
    assert encode_gop(SMALL, start, start + TICKS, painter()) == encode_gop(SMALL, start, start + TICKS, painter())


def test_parameter_sets_are_in_band_only_when_repeated() -> None:
    start = to_ticks(NOON)
    for repeat in (True, False):
        profile = VideoProfile(width=320, height=180, repeat_headers=repeat)
        gop = encode_gop(profile, start, start + TICKS, painter())
        assert len(gop.parameter_sets) == 2
        assert any(is_parameter_set("h264", nal) for nal in gop.units[0].nals) is repeat


def test_size_changes_at_its_time() -> None:
    profile = VideoProfile(width=320, height=180, changes=(SizeChange(NOON, 352, 288),))
    assert profile.size_at(to_ticks(NOON) - 1) == (320, 180)
    gop = encode_gop(profile, to_ticks(NOON), to_ticks(NOON) + TICKS, painter())
    assert (gop.width, gop.height) == (352, 288)


@pytest.mark.parametrize("rule", [GopRule(2.0), GopRule(10.0), GopRule(random=(1.0, 10.0))])
def test_groups_cover_time_without_seam(rule: GopRule) -> None:
    profile = VideoProfile(gop=rule)
    position = gop_bounds(profile, 1, to_ticks(NOON))[0]
    lengths = set()
    for _ in range(60):
        start, end = gop_bounds(profile, 1, position)
        assert start == position
        assert gop_bounds(profile, 1, end - 1) == (start, end)
        lengths.add((end - start) / TICKS)
        position = end
    if rule.random is None:
        assert lengths == {rule.seconds}
    else:
        assert len(lengths) > 10
        assert min(lengths) >= 0.9
        assert max(lengths) <= 11


def test_something_moves_only_while_it_happens() -> None:
    incident = Incident(5, Kind.MOTION, NOON, NOON + timedelta(seconds=20), "person")

    def luma(paint: ScenePainter, moment: datetime) -> np.ndarray[tuple[int, int]]:
        frame = av.VideoFrame(320, 180, "yuv420p")
        paint(frame, to_ticks(moment))
        return frame.to_ndarray(format="gray")[20:150].astype(int)

    def difference(moment: datetime) -> int:
        return int(np.abs(luma(painter(5, incident), moment) - luma(painter(5), moment)).max())

    assert difference(NOON + timedelta(seconds=5)) > 30
    assert difference(NOON - timedelta(seconds=5)) == 0


def test_pictures_of_night_are_gray_and_dark() -> None:
    def colour(moment: datetime) -> tuple[float, float]:
        frame = av.VideoFrame(320, 180, "yuv420p")
        painter(2)(frame, to_ticks(moment))
        rgb = frame.to_ndarray(format="rgb24").astype(int)[30:150]
        return float(rgb.mean()), float((rgb.max(axis=2) - rgb.min(axis=2)).mean())

    day, night = colour(NOON), colour(NOON + timedelta(hours=12))
    assert night[0] < day[0] * 0.6
    assert night[1] < 12 < day[1]


@pytest.mark.parametrize(
    ("codec", "rate", "decoder"), [("pcmu", 8000, "pcm_mulaw"), ("pcma", 8000, "pcm_alaw"), ("aac", 16_000, None)]
)
def test_sound_is_a_tone_at_each_full_second(codec: AudioCodec, rate: int, decoder: str | None) -> None:
    start = to_ticks(NOON)
    units = audio_units(AudioProfile(codec, rate), 1, start, start + 3 * TICKS)
    assert [unit.pts for unit in units] == sorted({unit.pts for unit in units})
    assert all(start <= unit.pts < start + 3 * TICKS for unit in units)
    if decoder is None:
        assert all(len(unit.data) > 3 for unit in units)
        return
    context = av.CodecContext.create(decoder, "r")
    assert isinstance(context, av.AudioCodecContext)
    context.rate, context.layout = rate, "mono"
    loud = [
        int(np.abs(frame.to_ndarray()).max()) > 4000 for unit in units for frame in context.decode(av.Packet(unit.data))
    ]
    assert loud == [(unit.pts - start) % TICKS < 0.06 * TICKS for unit in units]


async def test_viewers_share_one_encode() -> None:
    async with Studio([Camera(1, "A", {"main": SMALL})], SimClock()) as studio:
        start = gop_bounds(SMALL, 1, to_ticks(NOON))[0]
        first, second = await asyncio.gather(studio.gop(1, SMALL, start), studio.gop(1, SMALL, start))
        assert first is second
        assert await studio.gop(1, SMALL, start) is first
        assert studio.encoded_frames == 25


async def test_the_cache_forgets_what_was_used_longest_ago() -> None:
    async with Studio([Camera(1, "A", {"main": SMALL})], SimClock(), cache_bytes=60_000) as studio:
        start = gop_bounds(SMALL, 1, to_ticks(NOON))[0]
        first = await studio.gop(1, SMALL, start)
        for index in range(1, 12):
            await studio.gop(1, SMALL, start + index * 2 * TICKS)
        assert await studio.gop(1, SMALL, start) is not first
        assert await studio.gop(1, SMALL, start) == first


async def test_a_still_is_a_jpeg_of_its_time() -> None:
    clock = SimClock(epoch=NOON.timestamp)
    plan = ChannelPlan()
    async with Studio([Camera(5, "Yard")], clock, Footage(clock, {5: plan})) as studio:
        data = await studio.jpeg(5, width=640, height=360)
        image = Image.open(BytesIO(data))
        assert image.format == "JPEG"
        code = read_timecode(np.asarray(image.convert("L")))
        assert code is not None
        assert code.channel == 5
        assert timedelta(0) <= NOON - code.time < timedelta(seconds=0.1)


@pytest.mark.slow
def test_painting_costs_less_than_encoding() -> None:
    """Both in the same run, for no machine is a stopwatch: one that draws anew per picture is far over it."""
    profile, paint, start = VideoProfile(), painter(), to_ticks(NOON)
    encode_gop(profile, start, start + profile.frame_ticks, paint)  # draws the scene
    before = time.thread_time()
    for index in range(50):
        paint(av.VideoFrame(960, 540, "yuv420p"), start + index * profile.frame_ticks)
    painted = time.thread_time() - before
    before = time.thread_time()
    encode_gop(profile, start, start + 50 * profile.frame_ticks, paint)
    assert painted < (time.thread_time() - before) * 0.5
