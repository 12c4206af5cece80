"""NAL units of H.264 and H.265 byte streams."""

import re

from .profile import VideoCodec

_START_CODE = re.compile(rb"\x00\x00\x01")
_H264_SEI, _H264_SPS, _H264_PPS, _H264_AUD = 6, 7, 8, 9
_H265_VPS, _H265_SPS, _H265_PPS, _H265_AUD, _H265_SEI, _H265_SEI_SUFFIX = 32, 33, 34, 35, 39, 40

PARAMETER_TYPES: dict[VideoCodec, tuple[int, ...]] = {
    "h264": (_H264_SPS, _H264_PPS),
    "h265": (_H265_VPS, _H265_SPS, _H265_PPS),
}
_NOISE: dict[VideoCodec, tuple[int, ...]] = {
    "h264": (_H264_SEI, _H264_AUD),
    "h265": (_H265_AUD, _H265_SEI, _H265_SEI_SUFFIX),
}


def nal_type(codec: VideoCodec, nal: bytes) -> int:
    """Return the type number of a NAL unit."""
    return nal[0] & 0x1F if codec == "h264" else (nal[0] >> 1) & 0x3F


def split_annexb(codec: VideoCodec, data: bytes) -> list[bytes]:
    """Return the NAL units of a byte stream, less delimiters and the encoder's messages about itself."""
    starts = [match.start() for match in _START_CODE.finditer(data)]
    nals = []
    for index, start in enumerate(starts):
        end = starts[index + 1] if index + 1 < len(starts) else len(data)
        nal = data[start + 3 : end].rstrip(b"\x00")
        if nal and nal_type(codec, nal) not in _NOISE[codec]:
            nals.append(nal)
    return nals


def is_parameter_set(codec: VideoCodec, nal: bytes) -> bool:
    """Tell whether a NAL unit is a parameter set."""
    return nal_type(codec, nal) in PARAMETER_TYPES[codec]


def join_annexb(nals: tuple[bytes, ...] | list[bytes]) -> bytes:
    """Return NAL units as a byte stream with four-byte start codes."""
    return b"".join(b"\x00\x00\x00\x01" + nal for nal in nals)
