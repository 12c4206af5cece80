"""Session descriptions as recorders write them."""

import pytest

from custom_components.nvr.core.errors import NvrResponseError
from custom_components.nvr.media.rtsp.sdp import parse_sdp, resolve_control

BASE = "rtsp://10.0.0.9:554/Streaming/tracks/101?starttime=20261120T080000Z/"
TEXT = b"""v=0
o=- 1 1 IN IP4 10.0.0.9
s=Media Presentation
a=control:*
b=AS:5100
m=video 0 RTP/AVP 96
a=control:trackID=1
a=rtpmap:96 H264/90000
a=rtpmap:97 H265/90000
a=fmtp:96 packetization-mode=1; profile-level-id=4D0029; sprop-parameter-sets=Z0IAKQ==,aM4=,,***;
a=fmtp:97 sprop-sps=QgE=
a=Media_header:MEDIAINFO=494D4B48010100000400010000000000000000000000000000000000000000000000000000000000
m=audio 0 RTP/AVP 8
a=control:rtsp://10.0.0.9/Streaming/tracks/101/trackID=2
m=audio 0 RTP/AVP 11
a=rtpmap:11 PCM/48000
a=rtpmap:zz
m=application 0 RTP/AVP 107
a=rtpmap:107 vnd.onvif.metadata/0
a=control:/meta
m=broken
a=control:nowhere
"""


def test_sdp_of_a_recorder() -> None:
    session = parse_sdp(TEXT, BASE)
    assert session.control == BASE
    video = session.first("video")
    assert video is not None
    assert (video.payload_type, video.encoding, video.clock_rate) == (96, "H264", 90_000)
    assert video.control == BASE + "trackID=1"
    assert video.parameters["packetization-mode"] == "1"
    assert video.parameter_sets() == (b"\x67\x42\x00\x29", b"\x68\xce")
    assert [(m.encoding, m.clock_rate) for m in session.media[1:]] == [
        ("PCMA", 8000), ("PCM", 48_000), ("VND.ONVIF.METADATA", 90_000),
    ]  # fmt: skip
    assert session.media[1].control == "rtsp://10.0.0.9/Streaming/tracks/101/trackID=2"
    assert session.media[2].control == BASE
    assert session.media[3].control == "rtsp://10.0.0.9:554/meta"
    assert session.first("text") is None


def test_sdp_h265_sets_come_from_three_fields() -> None:
    text = b"m=video 0 RTP/AVP 98\na=rtpmap:98 h265/90000\na=fmtp:98 sprop-vps=QAE=; sprop-sps=QgE=; sprop-pps=RAE="
    video = parse_sdp(text, "rtsp://x/y").media[0]
    assert video.encoding == "H265"
    assert video.parameter_sets() == (b"\x40\x01", b"\x42\x01", b"\x44\x01")


@pytest.mark.parametrize("body", [b"", b"v=0\ns=x", b"m=video 0 RTP/AVP x", b"a=1\n" * 600], ids=range(4))
def test_sdp_without_media_is_an_error(body: bytes) -> None:
    with pytest.raises(NvrResponseError):
        parse_sdp(body, "rtsp://x/y")


@pytest.mark.parametrize(
    ("base", "control"), [("rtsp://x/y", "rtsp://[bad/trackID=1"), ("rtsp://[bad/y", "/trackID=1")]
)
def test_control_that_is_no_address_is_an_error(base: str, control: str) -> None:
    with pytest.raises(NvrResponseError):
        resolve_control(base, control)


def test_control_relative_names_are_appended() -> None:
    assert resolve_control("rtsp://x/y?a=1", "trackID=1") == "rtsp://x/y?a=1/trackID=1"
    assert resolve_control("rtsp://x/y/", "*") == "rtsp://x/y/"


def test_sdp_direction_and_channels_of_sound() -> None:
    text = b"""m=audio 0 RTP/AVP 97
a=rtpmap:97 MPEG4-GENERIC/48000/2
a=recvonly
m=audio 0 RTP/AVP 8
a=sendonly
m=audio 0 RTP/AVP 9
m=audio 0 RTP/AVP 98
a=rtpmap:98 L16/x/y
a=inactive
"""
    media = parse_sdp(text, "rtsp://x/y").media
    assert [(m.encoding, m.clock_rate, m.channels, m.sends) for m in media] == [
        ("MPEG4-GENERIC", 48_000, 2, True), ("PCMA", 8000, 1, False), ("G722", 8000, 1, True),
        ("L16", 90_000, 1, False),
    ]  # fmt: skip
