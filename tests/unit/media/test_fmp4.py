"""The box writer, judged by a parser of the tests and by FFmpeg."""

from fractions import Fraction
from io import BytesIO
import struct

import av
import pytest

from custom_components.nvr.core.errors import NvrResponseError
from custom_components.nvr.media import h265
from custom_components.nvr.media.aac import make_config
from custom_components.nvr.media.audio_codec import silence
from custom_components.nvr.media.bits import length_prefixed
from custom_components.nvr.media.fmp4 import AudioTrack, TrackRun, TrackSample, VideoTrack, fragment, init_segment
from custom_components.nvr.media.h264 import ParameterSets, find_sets
from tests.contract.media.rig import box, boxes, parse_run

from .test_h264 import encoder_sets
from .test_h265 import encoder_sets as h265_sets


@pytest.fixture(scope="module")
def nals() -> list[bytes]:
    return encoder_sets(320, 240)


@pytest.fixture(scope="module")
def sets(nals: list[bytes]) -> ParameterSets:
    found = find_sets(nals)
    assert found is not None
    return found


def test_init_segment_says_size_codec_and_track(sets: ParameterSets) -> None:
    init = init_segment([VideoTrack(sets)])
    assert [kind for kind, _ in boxes(init)] == ["ftyp", "moov"]
    assert [kind for kind, _ in boxes(box(init, "moov"))] == ["mvhd", "trak", "mvex"]
    entry = box(init, "moov/trak/mdia/minf/stbl/stsd")[8:]
    assert entry[4:8] == b"avc1"
    assert struct.unpack_from(">HH", entry, 8 + 24) == (320, 240)
    assert box(entry[8 + 78 :], "avcC") == sets.decoder_configuration()
    assert struct.unpack_from(">II", box(init, "moov/trak/tkhd"), 76) == (320 << 16, 240 << 16)
    assert struct.unpack_from(">I", box(init, "moov/trak/mdia/mdhd"), 12) == (90_000,)
    assert not any(kind == "edts" for kind, _ in boxes(box(init, "moov/trak")))


def test_fragment_says_what_it_was_given() -> None:
    samples = [
        TrackSample(900, 1, True, b"abc"),
        TrackSample(901, 3599, False, b"de", 40),
        TrackSample(4500, 7, False, b""),
    ]
    data = fragment(8, [TrackRun(1, samples)])
    run = parse_run(data)
    assert run.start == 900
    assert run.samples == ((1, 3, True, 0), (3599, 2, False, 40), (7, 0, False, 0))
    assert box(data, "mdat") == b"abcde"
    assert struct.unpack_from(">I", box(data, "moof/mfhd"), 4) == (8,)


def test_fragment_decode_time_needs_more_than_32_bits() -> None:
    assert parse_run(fragment(1, [TrackRun(1, [TrackSample(1 << 40, 1, True, b"")])])).start == 1 << 40


def test_fragment_two_tracks_each_find_their_data() -> None:
    data = fragment(1, [
        TrackRun(1, [TrackSample(0, 10, True, b"video")]), TrackRun(2, [TrackSample(0, 10, True, b"sound!")]),
    ])  # fmt: skip
    trafs = [body for kind, body in boxes(box(data, "moof")) if kind == "traf"]
    offsets = [struct.unpack_from(">i", box(traf, "trun"), 8)[0] for traf in trafs]
    assert [data[offset : offset + 5] for offset in offsets] == [b"video", b"sound"]


def test_ffmpeg_reads_times_and_pictures(nals: list[bytes], sets: ParameterSets) -> None:
    key = length_prefixed(nals)
    samples = [TrackSample(90_000, 1, True, key), TrackSample(90_001, 44_999, True, key, 500)]
    data = init_segment([VideoTrack(sets)]) + fragment(1, [TrackRun(1, samples)])
    with av.open(BytesIO(data), mode="r", format="mp4") as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.codec_context.name) == (320, 240, "h264")
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert [(packet.pts, packet.dts, packet.is_keyframe) for packet in packets] == [
            (90_000, 90_000, True), (90_501, 90_001, True),
        ]  # fmt: skip
    with av.open(BytesIO(data), mode="r", format="mp4") as container:
        assert len(list(container.decode(video=0))) == 2


def test_init_segment_of_broken_sets_is_an_error() -> None:
    with pytest.raises(NvrResponseError):
        init_segment([VideoTrack(ParameterSets(b"\x67", b"\x68"))])


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (48_000, 2)])
def test_ffmpeg_reads_sound_beside_pictures(nals: list[bytes], sets: ParameterSets, rate: int, channels: int) -> None:
    config = make_config(rate, channels)
    quiet = silence(config)
    init = init_segment([VideoTrack(sets), AudioTrack(config)])
    tracks = [body for kind, body in boxes(box(init, "moov")) if kind == "trak"]
    assert [struct.unpack_from(">I", box(track, "tkhd"), 12)[0] for track in tracks] == [1, 2]
    assert [struct.unpack_from(">I", box(track, "mdia/mdhd"), 12)[0] for track in tracks] == [90_000, rate]
    samples = [TrackSample(1024 * number, 1024, True, quiet) for number in range(5, 8)]
    data = init + fragment(1, [TrackRun(1, [TrackSample(0, 10, True, length_prefixed(nals))]), TrackRun(2, samples)])
    with av.open(BytesIO(data), mode="r", format="mp4") as container:
        (stream,) = container.streams.audio
        assert (stream.codec_context.name, stream.sample_rate, stream.channels) == ("aac", rate, channels)
        assert bytes(stream.codec_context.extradata or b"") == config.data
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert [(packet.pts, packet.duration) for packet in packets] == [(5120, 1024), (6144, 1024), (7168, 1024)]
        assert packets[0].time_base == Fraction(1, rate)


def test_init_segment_of_h265() -> None:
    found = h265.find_sets(h265_sets(322, 242))
    assert found is not None
    init = init_segment([VideoTrack(found)])
    entry = box(init, "moov/trak/mdia/minf/stbl/stsd")[8:]
    assert entry[4:8] == b"hvc1"
    assert box(entry[8 + 78 :], "hvcC") == found.decoder_configuration()
    with av.open(BytesIO(init), mode="r", format="mp4") as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("hevc", 322, 242)
