"""DHAV: what dates a frame, and frames out of bytes cut anywhere."""

from datetime import datetime, timedelta
import random

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.nvr.core.errors import NvrUnsupportedError
from custom_components.nvr.core.models import VideoCodec
from custom_components.nvr.media.cover import Sample
from custom_components.nvr.media.sources.dhav import DhavDemuxer, FrameClock
from custom_components.nvr.media.ticks import RATE
from tests.simulators.dahua.dhav import AUXILIARY, INTER, KEY, SOUND, Stamp, frame, packed_date

from .pieces import read_pieces
from .test_program_stream import BEGIN, picture

WALL = datetime(2026, 10, 25, 2, 59, 58, 440_000)  # noqa: DTZ001 - wall digits have no zone
VIDEO = bytes([0x80, 0, 40, 30, 0x81, 0, 2, 25])
MULAW = bytes([0x83, 1, 0x0A, 2])


def stamp(number: int, *, back: timedelta = timedelta(0), counter: int = 65_400, every: int = 80) -> Stamp:
    """Return the stamp of a frame; `back` is by how much the digits were put back."""
    moment = WALL + timedelta(milliseconds=number * every)
    return Stamp(moment - back, counter + number * every)


def stream(count: int = 30, *, junk: bytes = b"", change_at: int | None = None, back_hours: int = 1) -> bytes:
    parts = [junk]
    for number in range(count):
        back = timedelta(hours=back_hours) if change_at is not None and number >= change_at else timedelta(0)
        key = not number % 10
        when = stamp(number, back=back)
        parts.append(frame(KEY if key else INTER, picture(number, key=key), number, when, VIDEO))
        parts.append(frame(SOUND, bytes(640), number, when, MULAW))
        parts.append(frame(AUXILIARY, b"\0" * 16, number, when))
    return b"".join(parts)


def read(data: bytes, cuts: list[int] | None = None) -> tuple[DhavDemuxer, list[Sample], int]:
    demuxer = DhavDemuxer(BEGIN)
    return demuxer, *read_pieces(demuxer, data, cuts)


def wrong(samples: list[Sample]) -> float:
    """Return by how many milliseconds at most a frame is dated wrongly; the first one was at .440."""
    return max(abs((s.time - BEGIN) * 1000 / RATE - 440 - 80 * n) for n, s in enumerate(samples))


@settings(max_examples=40)
@given(st.lists(st.integers(0, 60_000), max_size=30))
def test_frames_are_the_same_however_the_bytes_are_cut(cuts: list[int]) -> None:
    demuxer, samples, sound = read(stream(), cuts)
    assert demuxer.pictures.codec is VideoCodec.H264
    assert (len(samples), sound) == (30, 30)
    assert [sample.key for sample in samples] == [not n % 10 for n in range(30)]
    assert wrong(samples) <= 41
    assert demuxer.audio is not None
    assert (demuxer.audio.decoder, demuxer.audio.rate) == ("pcm_mulaw", 8000)


@pytest.mark.parametrize("back_hours", [1, -1])
def test_the_hour_at_which_clocks_change_is_no_hole(back_hours: int) -> None:
    _, samples, _ = read(stream(60, change_at=25, back_hours=back_hours))
    assert wrong(samples) <= 41


def test_a_preamble_with_a_false_frame_is_passed_over() -> None:
    rng = random.Random(4)
    junk = (
        rng.randbytes(9733)
        + b"DHAV\xfd\0\0\0"
        + rng.randbytes(4)
        + (90_000).to_bytes(4, "little")
        + rng.randbytes(3000)
    )
    _, samples, _ = read(stream(200, junk=junk))
    assert len(samples) == 200
    assert wrong(samples) <= 41


def test_a_gap_within_a_file_stays_one() -> None:
    clock = FrameClock()
    for number in range(20):
        when = stamp(number)
        clock.push(packed_date(when.wall), when.milliseconds & 0xFFFF)
    far = stamp(20 + 5000)  # 400 s later, over several rounds of the counter
    assert clock.push(packed_date(far.wall), far.milliseconds & 0xFFFF) == 5020 * 80


def test_a_counter_that_stands_still_leaves_whole_seconds() -> None:
    clock = FrameClock()
    found = [clock.push(packed_date(WALL + timedelta(milliseconds=80 * n)), 7) for n in range(40)]
    assert found == sorted(found)
    assert abs(found[-1] - 39 * 80) <= 2000


def test_frames_are_not_held_back_for_ever() -> None:
    demuxer = DhavDemuxer(BEGIN)
    came = 0
    for number in range(100):
        when = Stamp(WALL, 100 + number * 80)  # digits that never turn over
        kind = INTER if number else KEY
        came += len(demuxer.feed(frame(kind, picture(number, key=not number), number, when, VIDEO)).samples)
    assert came > 40


def test_what_nobody_plays_is_said() -> None:
    data = frame(KEY, picture(0, key=True), 0, stamp(0), bytes([0x81, 0, 3, 25]))
    with pytest.raises(NvrUnsupportedError, match="MJPEG"):
        read(data)
