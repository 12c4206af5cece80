"""Names of codecs: for players, and for people."""

from typing import Final

from ..core.models import VideoCodec

ENTRIES: Final = {VideoCodec.H264: "avc1", VideoCodec.H265: "hvc1"}
"""What stands for a codec in MP4, and so in what a player says it decodes."""
_NAMES: Final = {
    VideoCodec.H264: "H.264",
    VideoCodec.H265: "H.265",
    VideoCodec.MJPEG: "MJPEG",
    VideoCodec.MPEG4: "MPEG-4",
}


def codec_name(codec: VideoCodec) -> str:
    """Return how people call a codec."""
    return _NAMES.get(codec, codec.value)
