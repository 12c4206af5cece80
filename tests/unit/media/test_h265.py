"""H.265 parameter sets, against sets made by an encoder and by hand."""

from fractions import Fraction
from io import BytesIO

import av
from hypothesis import given, strategies as st
import pytest

from custom_components.nvr.core.errors import NvrResponseError
from custom_components.nvr.media.bits import split_annexb
from custom_components.nvr.media.h265 import H265Info, H265Sets, find_sets, nal_type, parse_sps, with_sets

from .test_h264 import Bits

PARAMS = "log-level=none:keyint=10:pools=none:frame-threads=1:wpp=0"


def dark(width: int, height: int, pix_fmt: str = "yuv420p") -> av.VideoFrame:
    frame = av.VideoFrame(width, height, pix_fmt)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.pts = 0
    return frame


def encoder_sets(width: int, height: int, params: str = "", pix_fmt: str = "yuv420p") -> list[bytes]:
    """Return the NAL units of a first key frame."""
    context = av.CodecContext.create("libx265", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, pix_fmt
    context.time_base = Fraction(1, 25)
    context.options = {"preset": "ultrafast", "x265-params": f"{PARAMS}:repeat-headers=1:{params}"}
    frame = dark(width, height, pix_fmt)
    return split_annexb(b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)]))


@pytest.mark.parametrize(
    ("width", "height", "params", "pix_fmt", "codec"),
    [
        (320, 240, "", "yuv420p", "hvc1.1.6.L60.90"),
        (322, 242, "level-idc=4.1:high-tier=0", "yuv420p", "hvc1.1.6.L123.90"),
        (1920, 1080, "level-idc=5", "yuv420p", "hvc1.1.6.H150.90"),
        (322, 242, "", "yuv420p10le", "hvc1.2.4.L60.90"),
        (322, 242, "", "yuv422p", "hvc1.4.10.L60.9D.8"),
        (322, 242, "", "yuv444p", "hvc1.4.10.L60.9E.8"),
    ],
)
def test_sps_of_an_encoder(width: int, height: int, params: str, pix_fmt: str, codec: str) -> None:
    sets = find_sets(encoder_sets(width, height, params, pix_fmt))
    assert sets is not None
    assert (sets.info.width, sets.info.height, sets.info.codec) == (width, height, codec)
    assert sets.info.bit_depth_luma == sets.info.bit_depth_chroma == (10 if "10" in pix_fmt else 8)
    assert sets.info.chroma == {"yuv422p": 2, "yuv444p": 3}.get(pix_fmt, 1)


def test_decoder_configuration_equals_that_of_ffmpeg() -> None:
    output = BytesIO()
    with av.open(output, "w", format="mp4") as container:
        stream = container.add_stream("libx265", rate=25, options={"preset": "ultrafast", "x265-params": PARAMS})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 322, 242, "yuv420p"
        for packet in [*stream.encode(dark(322, 242)), *stream.encode(None)]:
            container.mux(packet)
    data = output.getvalue()
    at = data.index(b"hvcC")
    theirs = data[at + 4 : at - 4 + int.from_bytes(data[at - 4 : at])]
    position, arrays = 23, {}
    for _ in range(theirs[22]):
        length = int.from_bytes(theirs[position + 3 : position + 5])
        arrays[theirs[position] & 0x3F] = theirs[position + 5 : position + 5 + length]
        position += 5 + length
    ours = H265Sets(arrays[32], arrays[33], arrays[34]).decoder_configuration()
    assert ours[:22] == theirs[:22]
    # FFmpeg adds what the encoder says about itself.
    assert ours[22] == 3
    for kind in (32, 33, 34):
        theirs = theirs.replace(bytes([kind, 0, 1]), bytes([0x80 | kind, 0, 1]))
    assert ours[23:] in theirs


def by_hand(layers: int = 1, chroma: int = 1, window: tuple[int, ...] = (), depths: tuple[int, int] = (0, 0)) -> bytes:
    """Return a set of 640x480 with sub-layers of which every second tells its own profile and level."""
    bits = Bits().u(4, 0).u(3, layers - 1).u(1, layers == 1)
    bits.u(2, 1).u(1, 1).u(5, 2).u(32, 0x20000000).u(48, 0xB00000000000).u(8, 120)
    own = [(index % 2, 1 - index % 2) for index in range(layers - 1)]
    for profile, level in own:
        bits.u(1, profile).u(1, level)
    if own:
        bits.u(2 * (8 - len(own)), 0)
    for profile, level in own:
        bits.u(88 * profile + 8 * level, 0)
    bits.ue(0, chroma)
    if chroma == 3:
        bits.u(1, 0)
    bits.ue(640, 480).u(1, bool(window))
    bits.ue(*window)
    bits.ue(*depths)
    return b"\x42\x01" + bits.bytes()


@pytest.mark.parametrize("layers", [1, 2, 3, 7])
def test_sps_by_hand_with_layers(layers: int) -> None:
    info = parse_sps(by_hand(layers))
    assert info == H265Info(
        1, 1, 2, 0x20000000, b"\xb0\0\0\0\0\0", 120, 640, 480, temporal_layers=layers, temporal_id_nested=layers == 1
    )
    assert info.codec == "hvc1.A2.4.H120.B0"


@pytest.mark.parametrize(
    ("chroma", "size"), [(0, (635, 473)), (1, (630, 466)), (2, (630, 473)), (3, (635, 473))], ids=range(4)
)
def test_sps_window_counts_in_units_of_the_chroma(chroma: int, size: tuple[int, int]) -> None:
    info = parse_sps(by_hand(chroma=chroma, window=(2, 3, 3, 4), depths=(2, 1)))
    assert (info.width, info.height) == size
    assert (info.chroma, info.bit_depth_luma, info.bit_depth_chroma) == (chroma, 10, 9)


@pytest.mark.parametrize(
    "nal",
    [
        b"", b"\x42\x01", b"\x44\x01\x01\x01", b"\x42\x01\x0e" + bytes(60), by_hand()[:12], by_hand(chroma=4),
        by_hand(depths=(8, 0)), by_hand(window=(200, 200, 0, 0)), by_hand(window=(0, 0, 240, 0)),
    ],
    ids=range(9),
)  # fmt: skip
def test_sps_that_is_none(nal: bytes) -> None:
    with pytest.raises(NvrResponseError):
        parse_sps(nal)


@given(st.binary(max_size=80))
def test_sps_any_bytes_raise_only_our_error(data: bytes) -> None:
    try:
        parse_sps(b"\x42\x01" + data)
    except NvrResponseError:
        return


def test_find_sets_completes_and_keeps() -> None:
    vps, sps, pps, other = b"\x40\x01v", b"\x42\x01s", b"\x44\x01p", b"\x42\x01t"
    assert [nal_type(nal) for nal in (vps, sps, pps)] == [32, 33, 34]
    assert find_sets([vps, sps]) is None
    assert find_sets([sps, pps]) is None
    assert find_sets([vps, pps]) is None
    known = find_sets((vps, sps, pps))
    assert known == H265Sets(vps, sps, pps)
    assert find_sets([b"\x26\x01i"], known) is known
    assert find_sets([vps, sps, pps], known) is known
    assert find_sets([other], known) == H265Sets(vps, other, pps)


def test_key_frame_gets_its_sets_once_and_behind_the_delimiter() -> None:
    sets = H265Sets(b"\x40\x01v", b"\x42\x01s", b"\x44\x01p")
    key, delimiter = b"\x26\x01i", b"\x46\x01\x50"
    assert with_sets([key], sets) == [sets.vps, sets.sps, sets.pps, key]
    assert with_sets([delimiter, b"\x42\x01x", b"\x4e\x01m", key], sets) == [
        delimiter, sets.vps, sets.sps, sets.pps, b"\x4e\x01m", key,
    ]  # fmt: skip
