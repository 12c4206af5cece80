"""Program streams: of a recorder's kind, cut anywhere, with what no player wants in between."""

from fractions import Fraction
from io import BytesIO
import struct

import av
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from custom_components.nvr.core.errors import NvrResponseError, NvrUnsupportedError
from custom_components.nvr.core.models import VideoCodec
from custom_components.nvr.media.cover import Sample
from custom_components.nvr.media.sources.program_stream import ProgramStreamDemuxer, Timeline
from custom_components.nvr.media.ticks import RATE
from tests.simulators.mpegps import pack_header, padding, pes_packets, stream_map

from .pieces import read_pieces

BEGIN = 1_000_000 * RATE
STEP = 3600
SPS = bytes.fromhex("674d401e9a6281686de0")
PPS = bytes.fromhex("68ee3c80")
START = b"\0\0\0\1"


def picture(number: int, *, key: bool = False, size: int = 40) -> bytes:
    nal = (b"\x65" if key else b"\x41") + bytes([number % 250 + 1]) * size
    return (START + SPS + START + PPS if key else b"") + START + nal


def stream(count: int = 12, *, gop: int = 5, first: int = 45_000, wrap: bool = False) -> bytes:
    parts = [b"IMKH".ljust(40, b"\0")]
    base = (1 << 33) - 5 * STEP if wrap else first
    for number in range(count):
        stamp = base + number * STEP
        parts.append(pack_header(stamp))
        if not number % gop:
            parts.append(stream_map("h264", "pcma"))
        parts.append(pes_packets(0xE0, picture(number, key=not number % gop), stamp))
        parts.append(pes_packets(0xC0, bytes(320), stamp))
        parts.append(struct.pack(">IH", 0x1BD, 8) + b"privates" + struct.pack(">IH", 0x1BF, 3) + b"xyz" + padding(20))
    return b"".join(parts)


def read(data: bytes, cuts: list[int] | None = None) -> tuple[ProgramStreamDemuxer, list[Sample], int]:
    demuxer = ProgramStreamDemuxer(BEGIN)
    return demuxer, *read_pieces(demuxer, data, cuts)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 6000), max_size=30))
def test_frames_are_the_same_however_the_bytes_are_cut(cuts: list[int]) -> None:
    demuxer, samples, sound = read(stream(), cuts)
    assert demuxer.pictures.codec is VideoCodec.H264
    assert [sample.time for sample in samples] == [BEGIN + n * STEP for n in range(12)]
    assert [sample.key for sample in samples] == [not n % 5 for n in range(12)]
    assert demuxer.audio is not None
    assert (demuxer.audio.decoder, demuxer.audio.rate) == ("pcm_alaw", 8000)
    assert sound >= 10


def test_time_stamps_that_wrap_go_on() -> None:
    _, samples, _ = read(stream(wrap=True))
    assert [sample.time for sample in samples] == [BEGIN + n * STEP for n in range(12)]


def test_units_in_packets_of_their_own_are_one_picture() -> None:
    stamp = 9000
    data = pack_header(0) + stream_map("h264", None)
    for nal in (SPS, PPS, b"\x65" + bytes([9]) * 30):
        data += pes_packets(0xE0, START + nal, stamp)
    _, samples, _ = read(data + pack_header(1) + pes_packets(0xE0, picture(1), stamp + STEP) + b"\0\0\1\xb9")
    assert [sample.key for sample in samples] == [True, False]
    assert samples[0].data.startswith(len(SPS).to_bytes(4) + SPS)


def test_what_comes_before_the_first_key_picture_is_dropped_and_dates_nothing() -> None:
    parts = [pack_header(0), stream_map("h264", None)]
    parts += [pes_packets(0xE0, picture(n, key=n == 3), 45_000 + n * STEP) for n in range(6)]
    _, samples, _ = read(b"".join(parts))
    assert [sample.time for sample in samples] == [BEGIN, BEGIN + STEP, BEGIN + 2 * STEP]


@pytest.mark.parametrize("leap", [-30 * RATE, 3600 * RATE])
def test_stamps_that_leap_where_files_were_joined_do_not(leap: int) -> None:
    time = Timeline(BEGIN)
    assert [time.moment(500_000_000 + n * STEP) for n in range(3)][-1] == BEGIN + 2 * STEP
    after = [time.moment(500_000_000 + leap + n * STEP) for n in range(3)]
    assert after == [BEGIN + (3 + n) * STEP for n in range(3)]


def test_hole_within_a_file_stays_a_hole() -> None:
    time = Timeline(BEGIN)
    assert time.moment(0) == BEGIN
    assert time.moment(20 * RATE) == BEGIN + 20 * RATE


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_file_of_a_strangers_writer(codec: str) -> None:
    buffer, rng = BytesIO(), np.random.default_rng(1)
    with av.open(buffer, "w", format="vob") as target:
        video = target.add_stream("libx264" if codec == "h264" else "libx265", rate=Fraction(25))
        video.width, video.height, video.pix_fmt = 160, 96, "yuv420p"
        video.options = {"g": "10", "bf": "0", "x265-params": "log-level=none:bframes=0"}
        for number in range(30):
            noise = rng.integers(0, 256, (96, 160), np.uint8)
            frame = av.VideoFrame.from_ndarray(noise, "gray").reformat(160, 96, "yuv420p")
            frame.pts = number
            for packet in video.encode(frame):
                target.mux(packet)
        for packet in video.encode(None):
            target.mux(packet)
    demuxer, samples, _ = read(buffer.getvalue(), list(range(0, 60_000, 977)))
    assert demuxer.pictures.codec is (VideoCodec.H264 if codec == "h264" else VideoCodec.H265)
    assert len(samples) == 30
    assert [sample.time - BEGIN for sample in samples] == [n * STEP for n in range(30)]
    assert samples[0].key
    assert demuxer.pictures.sets is not None
    assert (demuxer.pictures.sets.info.width, demuxer.pictures.sets.info.height) == (160, 96)


def test_text_is_no_program_stream() -> None:
    demuxer = ProgramStreamDemuxer(BEGIN)
    with pytest.raises(NvrResponseError):
        demuxer.feed(b"<html>" * 800_000)


def test_what_nobody_plays_is_said() -> None:
    data = pack_header(0) + stream_map("h264", None).replace(b"\x1b\xe0", b"\x10\xe0")
    with pytest.raises(NvrUnsupportedError, match="MPEG-4"):
        read(data)
