"""Footage out of files: of recorders and of our own, from any moment on, closed whatever happens."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from custom_components.nvr.core.credentials import LoginGuard
from custom_components.nvr.core.errors import NvrBusyError, NvrNotFoundError, NvrResponseError, NvrUnsupportedError
from custom_components.nvr.core.models import (
    Container,
    RecordingKind,
    RecordingSegment,
    StreamRole,
    TimeSpan,
    VideoCodec,
)
from custom_components.nvr.media.cover import Sample
from custom_components.nvr.media.exports.export import ExportFootage
from custom_components.nvr.media.exports.reading import Part
from custom_components.nvr.media.pool import WorkPool
from custom_components.nvr.media.sources import opener
from custom_components.nvr.media.sources.base import FrameSource
from custom_components.nvr.media.sources.choice import SourceMemory
from custom_components.nvr.media.sources.local import Mp4Footage, open_file, spooled
from custom_components.nvr.media.ticks import RATE, from_datetime

from . import test_dhav, test_program_stream

BEGIN = datetime(2026, 11, 21, 12, tzinfo=UTC)
STEP = 3600


@pytest.fixture
async def pool() -> AsyncGenerator[WorkPool]:
    pool = WorkPool()
    yield pool
    await pool.aclose()


def clip(path: Path, seconds: int = 8) -> None:
    """Write an MP4 as a stranger does: index at the end, sound, key frames every two seconds, reordered frames."""
    with av.open(path, "w", format="mp4") as target:
        video = target.add_stream("libx264", rate=Fraction(25))
        video.width, video.height, video.pix_fmt, video.options = 160, 96, "yuv420p", {"g": "50", "bf": "2"}
        sound = target.add_stream("aac", rate=16_000, layout="mono")
        for number in range(25 * seconds):
            frame = av.VideoFrame.from_ndarray(np.full((96, 160), number % 250, np.uint8), "gray")
            frame.pts = number
            target.mux(video.encode(frame.reformat(format="yuv420p")))
        for number in range(16 * seconds):
            tone = av.AudioFrame.from_ndarray(np.zeros((1, 1000), np.int16), "s16", "mono")
            tone.sample_rate, tone.pts = 16_000, 1000 * number
            target.mux(sound.encode(tone))
        target.mux(video.encode(None))
        target.mux(sound.encode(None))


async def drain(source: FrameSource) -> list[Sample]:
    samples: list[Sample] = []
    while fresh := await source.read():
        samples += fresh
    return samples


async def test_clip_of_our_own_kind_from_its_beginning_and_from_the_middle(tmp_path: Path, pool: WorkPool) -> None:
    clip(tmp_path / "clip.mp4")
    source = await open_file(tmp_path / "clip.mp4", BEGIN, pool)
    try:
        samples = await drain(source)
        heard = source.take_audio()[1]
        assert source.codec is VideoCodec.H264
        assert source.sets is not None
        assert source.sets.info.width == 160
        assert source.audio is not None
        assert (source.audio.decoder, source.audio.rate) == ("aac", 16_000)
        assert len(heard) >= 120
    finally:
        await source.close()
    assert sorted(s.time for s in samples) == [from_datetime(BEGIN) + n * STEP for n in range(200)]
    assert samples[0].data[4] & 0x1F == 7  # parameter sets stand before the key frame
    late = await open_file(tmp_path / "clip.mp4", BEGIN, pool, BEGIN + timedelta(seconds=5))
    try:
        first = (await late.read())[0]
        assert first.key
        asked = from_datetime(BEGIN) + 5 * RATE
        assert first.time == max(sample.time for sample in samples if sample.key and sample.time <= asked)
    finally:
        await late.close()


@pytest.mark.parametrize(
    ("data", "decoder"),
    [
        (test_program_stream.stream(60), "pcm_alaw"),
        (test_dhav.stream(60, junk=b"DHII".ljust(1024, b"\0")), "pcm_mulaw"),
    ],
    ids=["program stream", "dhav"],
)
async def test_originals_of_recorders(tmp_path: Path, pool: WorkPool, data: bytes, decoder: str) -> None:
    (tmp_path / "original").write_bytes(data)
    source = await open_file(tmp_path / "original", BEGIN, pool)
    try:
        assert source.audio is not None
        assert source.audio.decoder == decoder
        assert len(await drain(source)) == 60
    finally:
        await source.close()


async def test_read_that_was_given_up_loses_nothing(tmp_path: Path, pool: WorkPool) -> None:
    clip(tmp_path / "clip.mp4", 4)
    source = await open_file(tmp_path / "clip.mp4", BEGIN, pool)
    samples: list[Sample] = []
    for _ in range(40):
        task = asyncio.create_task(source.read())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        samples += await source.read()
    await source.close()
    assert len(samples) == 100


async def test_what_is_no_footage_is_said(tmp_path: Path, pool: WorkPool) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "broken.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(100))
    for name in ("text", "broken.mp4"):
        with pytest.raises(NvrUnsupportedError):
            await open_file(tmp_path / name, BEGIN, pool)
    with pytest.raises(NvrNotFoundError):
        await open_file(tmp_path / "none", BEGIN, pool)


class Answer:
    """A download of an MP4 as a recorder sends it."""

    container = Container.MP4
    start = BEGIN
    wanted = False

    def __init__(self, data: bytes, size: int | None = None) -> None:
        self.data = data
        self.size = size
        self.held = asyncio.Event()
        self.held.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.data
        await self.held.wait()

    def lent(self) -> AsyncIterator[bytes | memoryview]:
        raise AssertionError


async def test_mp4_of_a_recorder_is_kept_within_limits(tmp_path: Path, pool: WorkPool) -> None:
    clip(tmp_path / "clip.mp4", 2)
    data = (tmp_path / "clip.mp4").read_bytes()
    with pytest.raises(NvrResponseError, match="too large"):
        await spooled(Answer(data, 1 << 50), BEGIN, pool, BEGIN)
    slow = [Answer(data) for _ in range(2)]
    for answer in slow:
        answer.held.clear()
    tasks = [asyncio.create_task(spooled(answer, BEGIN, pool, BEGIN)) for answer in slow]
    await asyncio.sleep(0)
    with pytest.raises(NvrBusyError):
        await spooled(Answer(data), BEGIN, pool, BEGIN)
    for answer in slow:
        answer.held.set()
    for source in [*await asyncio.gather(*tasks), await spooled(Answer(data), BEGIN, pool, BEGIN)]:
        assert len(await drain(source)) == 50
        await source.close()


class Slow(Answer):
    """One that takes longer than a download may take to begin."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        half = len(self.data) // 2
        yield self.data[:half]
        await asyncio.sleep(0.3)
        yield self.data[half:]


class Files:
    """Gives out one file."""

    piece = None

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    @asynccontextmanager
    async def open(self, _: RecordingSegment) -> AsyncIterator[Answer]:
        yield self.answer

    async def begins(self, segment: RecordingSegment) -> datetime:
        return segment.span.start


async def test_mp4_that_takes_long_is_waited_for_where_there_is_no_other_way(
    tmp_path: Path, pool: WorkPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opener, "_LONGEST_WAIT", 0.1)
    clip(tmp_path / "clip.mp4", 2)
    span = TimeSpan(BEGIN, BEGIN + timedelta(seconds=2))
    files = [RecordingSegment(1, span, RecordingKind.CONTINUOUS)]
    downloads = Files(Slow((tmp_path / "clip.mp4").read_bytes()))
    footage = ExportFootage(None, LoginGuard(), 1, span, StreamRole.MAIN, downloads, files)
    begin = from_datetime(BEGIN)
    opened = await footage.opener_of(SourceMemory(), pool)(
        Part(begin, begin + 2 * RATE, (begin, begin + 2 * RATE))
    ).open(begin)
    assert len(await drain(opened.source)) == 50
    await opened.source.close()


async def test_mp4_that_is_damaged_in_the_middle_is_an_error_of_the_recording(tmp_path: Path, pool: WorkPool) -> None:
    clip(tmp_path / "clip.mp4", 4)
    source = await open_file(tmp_path / "clip.mp4", BEGIN, pool)
    assert isinstance(source, Mp4Footage)

    class Broken:
        def __iter__(self) -> Iterator[Any]:
            return self

        def __next__(self) -> Any:
            raise av.InvalidDataError(1, "damaged")

    source._demuxed = Broken()
    with pytest.raises(NvrResponseError, match="damaged"):
        await source.read()
    await source.close()
