from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from io import BytesIO
import tracemalloc

import av
import pytest

from tests.simulators.footage import Kind
from tests.simulators.mpegps import padding, program_stream
from tests.simulators.video.profile import AudioProfile, VideoProfile, to_ticks

from .conftest import PROFILES, Recorder, painted

HEADER = b"IMKH" + bytes(36)
DOWNLOADS = {
    **PROFILES,
    "a-law, headers once": VideoProfile(width=320, height=180, repeat_headers=False, audio=AudioProfile("pcma")),
    "h265 with sound": VideoProfile(codec="h265", width=320, height=180, audio=AudioProfile("pcmu")),
}
AUDIO = {"pcmu": "pcm_mulaw", "pcma": "pcm_alaw", "aac": "aac"}


async def gather(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


def motion_file(recorder: Recorder) -> tuple[datetime, datetime]:
    end = recorder.clock.now() - timedelta(hours=26)
    file = recorder.footage.files(1, end - timedelta(hours=6), end, [Kind.MOTION])[-1]
    return file.start, min(file.end, file.start + timedelta(seconds=7.3))


@pytest.mark.parametrize("role", list(DOWNLOADS))
async def test_a_stranger_reads_a_downloaded_file(recorder: Recorder, role: str) -> None:
    profile = DOWNLOADS[role]
    start, end = motion_file(recorder)
    data = await gather(program_stream(recorder.studio, 1, profile, start, end, header=HEADER))
    assert data.startswith(HEADER + b"\x00\x00\x01\xba")
    times, samples = [], 0
    with av.open(BytesIO(data), mode="r", format="mpeg") as container:
        names = [stream.codec_context.name for stream in container.streams]
        for frame in (frame for packet in container.demux() for frame in packet.decode()):
            if isinstance(frame, av.VideoFrame):
                times.append(painted(frame).time)
            elif isinstance(frame, av.AudioFrame):
                samples += frame.samples
    assert names == ["hevc" if profile.codec == "h265" else "h264"] + (
        [AUDIO[profile.audio.codec]] if profile.audio else []
    )
    first, step = profile.first_frame(to_ticks(start)), profile.frame_ticks
    assert len(times) == -(-(to_ticks(end) - first) // step)
    assert [to_ticks(moment) for moment in times] == [first + index * step for index in range(len(times))]
    if profile.audio is not None:
        assert abs(samples / profile.audio.rate - (end - start).total_seconds()) < 0.2


@pytest.mark.parametrize("header", [b"", HEADER])
async def test_a_file_is_as_long_as_its_list_says(recorder: Recorder, header: bytes) -> None:
    start, end = motion_file(recorder)
    for size in (700_001, 700_006, 734_567):
        data = await gather(program_stream(recorder.studio, 1, PROFILES["sub"], start, end, header=header, size=size))
        assert len(data) == size
        with av.open(BytesIO(data), mode="r", format="mpeg") as container:
            assert len(list(container.decode(video=0))) > 170


@pytest.mark.parametrize("size", [0, 6, 7, 0xFFF0, 0xFFF1, 0xFFF5, 0xFFF6, 0x1FFE0, 200_003])
def test_padding_has_exactly_its_size(size: int) -> None:
    data = padding(size)
    assert len(data) == size
    position = 0
    while position < size:
        assert data[position : position + 4] == b"\x00\x00\x01\xbe"
        position += 6 + int.from_bytes(data[position + 4 : position + 6])
    assert position == size


@pytest.mark.slow
async def test_a_long_file_is_never_all_in_memory(recorder: Recorder) -> None:
    start = recorder.clock.now() - timedelta(hours=30)
    tracemalloc.start()
    total = 0
    async for chunk in program_stream(
        recorder.studio, 1, PROFILES["sub"], start, start + timedelta(minutes=3), size=120_000_000
    ):
        total += len(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 120_000_000
    assert peak < 40_000_000
