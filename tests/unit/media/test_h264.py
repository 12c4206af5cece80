"""Parameter sets, against sets made by an encoder and by hand."""

from fractions import Fraction
from io import BytesIO

import av
from hypothesis import given, strategies as st
import pytest

from custom_components.nvr.core.errors import NvrResponseError
from custom_components.nvr.media.bits import BitReader, length_prefixed, split_annexb, unescape
from custom_components.nvr.media.h264 import ParameterSets, find_sets, parse_sps, with_sets


def encoder_sets(width: int, height: int, params: str = "", pix_fmt: str = "yuv420p") -> list[bytes]:
    """Return the NAL units of a first key frame."""
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, pix_fmt
    context.time_base = Fraction(1, 25)
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": params}
    frame = av.VideoFrame(width, height, pix_fmt)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.pts = 0
    return split_annexb(b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)]))


class Bits:
    """Writes a parameter set by hand."""

    def __init__(self) -> None:
        self.text = ""

    def u(self, width: int, value: int) -> Bits:
        self.text += f"{value:0{width}b}"
        return self

    def ue(self, *values: int) -> Bits:
        for value in values:
            bits = f"{value + 1:b}"
            self.text += "0" * (len(bits) - 1) + bits
        return self

    def se(self, *values: int) -> Bits:
        return self.ue(*(2 * value - 1 if value > 0 else -2 * value for value in values))

    def bytes(self) -> bytes:
        text = self.text + "1"
        text += "0" * (-len(text) % 8)
        return int(text, 2).to_bytes(len(text) // 8)


@pytest.mark.parametrize(
    ("width", "height", "params", "pix_fmt", "profile"),
    [
        (320, 240, "", "yuv420p", 0x42),
        (1920, 1080, "", "yuv420p", 0x42),
        (1280, 720, "cabac=1", "yuv420p", 0x4D),
        (704, 576, "8x8dct=1:cabac=1", "yuv420p", 0x64),
        (1920, 1080, "interlaced=1:cabac=1", "yuv420p", 0x4D),
        (322, 242, "", "yuv422p", 0x7A),
        (322, 242, "", "yuv444p", 0xF4),
        (640, 480, "cqm=jvt:8x8dct=1:cabac=1", "yuv420p", 0x64),
    ],
)
def test_sps_of_an_encoder(width: int, height: int, params: str, pix_fmt: str, profile: int) -> None:
    nals = encoder_sets(width, height, params, pix_fmt)
    sets = find_sets(nals)
    assert sets is not None
    assert (sets.info.width, sets.info.height, sets.info.profile) == (width, height, profile)
    assert sets.info.codec == f"avc1.{sets.sps[1:4].hex().upper()}"


def test_decoder_configuration_equals_that_of_ffmpeg() -> None:
    output = BytesIO()
    with av.open(output, "w", format="mp4") as container:
        stream = container.add_stream(
            "libx264", rate=25, options={"preset": "ultrafast", "x264-params": "8x8dct=1:cabac=1"}
        )
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        frame = av.VideoFrame(320, 240, "yuv420p")
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    data = output.getvalue()
    at = data.index(b"avcC")
    theirs = data[at + 4 : at - 4 + int.from_bytes(data[at - 4 : at])]
    length = int.from_bytes(theirs[6:8])
    sps, rest = theirs[8 : 8 + length], theirs[8 + length :]
    pps = rest[3 : 3 + int.from_bytes(rest[1:3])]
    assert ParameterSets(sps, pps).decoder_configuration() == theirs


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("profile", [0x42, 0xF4])
def test_sps_by_hand(order: int, profile: int) -> None:
    bits = Bits().ue(0)
    if profile == 0xF4:
        bits.ue(3).u(1, 0).ue(2, 1).u(1, 0).u(1, 1)
        # Twelve lists: one that ends at once, one that is full, the rest absent.
        bits.u(1, 1).se(-8).u(1, 1).se(*[1] * 16).u(10, 0)
    bits.ue(4, order)
    if order == 0:
        bits.ue(4)
    if order == 1:
        bits.u(1, 0).se(-3, 4).ue(2).se(5, -6)
    bits.ue(3).u(1, 0).ue(39, 29).u(1, 0).u(1, 1).u(1, 1).u(1, 1).ue(0, 2, 0, 4).u(1, 0)
    info = parse_sps(bytes([0x67, profile, 0, 40]) + bits.bytes())
    unit = 1 if profile == 0xF4 else 2
    assert (info.width, info.height) == (640 - 2 * unit, 960 - 4 * unit * 2)
    depths = (info.bit_depth_luma, info.bit_depth_chroma, info.chroma)
    assert depths == ((10, 9, 3) if profile == 0xF4 else (8, 8, 1))


@pytest.mark.parametrize(
    "nal",
    [
        b"",
        b"\x68\x42\x00\x29\xff",
        b"\x67\x42\x00",
        b"\x67\x42\x00\x29",
        b"\x67\x42\x00\x29" + bytes(20),
        b"\x67\x42\x00\x29" + Bits().ue(0, 0, 2, 0).u(1, 0).ue(5000, 10).u(1, 1).u(1, 0).u(1, 0).bytes(),
        b"\x67\x42\x00\x29" + Bits().ue(0, 0, 2, 0).u(1, 0).ue(1, 1).u(1, 1).u(1, 0).u(1, 1).ue(0, 99, 0, 0).bytes(),
    ],
    ids=range(7),
)
def test_sps_that_is_none(nal: bytes) -> None:
    with pytest.raises(NvrResponseError):
        parse_sps(nal)


@given(st.binary(max_size=60))
def test_sps_any_bytes_raise_only_our_error(data: bytes) -> None:
    try:
        parse_sps(b"\x67" + data)
    except NvrResponseError:
        return


def test_bit_reader_signed_numbers() -> None:
    reader = BitReader(Bits().se(0, 1, -1, 2, -2, 300, -300).bytes())
    assert [reader.se() for _ in range(7)] == [0, 1, -1, 2, -2, 300, -300]


def test_unescape_and_split() -> None:
    assert unescape(b"\x00\x00\x03\x01\x00\x00\x03\x00\x00\x03") == b"\x00\x00\x01\x00\x00\x00\x00"
    assert split_annexb(b"\x00\x00\x00\x01\x67a\x00\x00\x01\x68b\x00\x00\x01") == [b"\x67a", b"\x68b"]


def test_find_sets_completes_and_keeps() -> None:
    sps, pps, other = b"\x67a", b"\x68b", b"\x67c"
    assert find_sets([sps]) is None
    assert find_sets([pps]) is None
    known = find_sets((sps, pps))
    assert known == ParameterSets(sps, pps)
    assert find_sets([b"\x65i"], known) is known
    assert find_sets([sps, pps], known) is known
    assert find_sets([other], known) == ParameterSets(other, pps)


def test_key_frame_gets_its_sets_once_and_behind_the_delimiter() -> None:
    sets = ParameterSets(b"\x67a", b"\x68b")
    assert with_sets([b"\x65i"], sets) == [b"\x67a", b"\x68b", b"\x65i"]
    assert with_sets([b"\x09d", b"\x67x", b"\x68y", b"\x06s", b"\x65i"], sets) == [
        b"\x09d", b"\x67a", b"\x68b", b"\x06s", b"\x65i",
    ]  # fmt: skip
    assert length_prefixed([b"ab", b"c"]) == b"\x00\x00\x00\x02ab\x00\x00\x00\x01c"
