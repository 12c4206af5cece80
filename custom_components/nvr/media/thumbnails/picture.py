"""From coded pictures to a JPEG: decoding and scaling, which block and so run in the engine's threads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import av

from ...core.errors import NvrResponseError, NvrUnsupportedError
from ...core.models import VideoCodec
from ..ticks import RATE

_DECODERS: dict[VideoCodec, Literal["h264", "hevc"]] = {VideoCodec.H264: "h264", VideoCodec.H265: "hevc"}
# More than any camera has; a damaged stream must not make the decoder take all memory there is.
_MAX_PIXELS = 64_000_000
_QUALITY = "4"
_QUALITY_FULL = "2"


@dataclass(frozen=True, slots=True)
class Coded:
    """One coded picture in decode order: Annex B, a key picture with its parameter sets; `time` in ticks."""

    time: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Coded pictures that can be decoded: the first one is a key picture."""

    codec: VideoCodec
    coded: Sequence[Coded]
    dated: bool = True


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A picture that was made, and when it was recorded (ticks)."""

    data: bytes = field(repr=False)
    time: int


def annexb(sample: bytes) -> bytes:
    """Return a sample of length-prefixed NAL units as a byte stream with start codes."""
    parts: list[bytes] = []
    position = 0
    while position + 4 <= len(sample):
        end = position + 4 + int.from_bytes(sample[position : position + 4])
        parts += (b"\0\0\0\1", sample[position + 4 : end])
        position = end
    return b"".join(parts)


def make_jpeg(pictures: Pictures, moment: int | None, width: int) -> Jpeg:
    """Return the last picture shown at or before a moment (ticks), the first one where all are later; blocks.

    Without a moment the first picture is meant. `width` 0 leaves the size as it is, and nothing is ever made larger.
    Raises NvrResponseError when nothing can be decoded.
    """
    best: tuple[int, av.VideoFrame] | None = None
    decoder = _decoder(pictures.codec)
    try:
        for time, frame in _decoded(decoder, pictures):
            if best is None:
                best = time, frame
                if moment is None:
                    break
            elif moment is not None and (best[0] < time <= moment or time < best[0] > moment):
                best = time, frame
        if best is None:
            raise NvrResponseError("the recorder's picture cannot be decoded")
        aspect = decoder.sample_aspect_ratio
        return Jpeg(_encoded(best[1], Fraction(aspect.numerator, aspect.denominator or 1), width), best[0])
    except av.FFmpegError as error:
        raise NvrResponseError("the recorder's picture cannot be decoded") from error


def _decoder(codec: VideoCodec) -> av.VideoCodecContext:
    name = _DECODERS.get(codec)
    if name is None:
        raise NvrUnsupportedError(f"pictures of the codec {codec.value} cannot be decoded")
    decoder = av.VideoCodecContext.create(name, "r")
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(_MAX_PIXELS)}
    return decoder


def _decoded(decoder: av.VideoCodecContext, pictures: Pictures) -> Iterator[tuple[int, av.VideoFrame]]:
    origin = pictures.coded[0].time if pictures.coded else 0
    for coded in pictures.coded:
        packet = av.Packet(coded.data)
        packet.pts, packet.time_base = coded.time - origin, Fraction(1, RATE)
        yield from ((origin + (frame.pts or 0), frame) for frame in decoder.decode(packet))
    yield from ((origin + (frame.pts or 0), frame) for frame in decoder.decode(None))


def _encoded(frame: av.VideoFrame, aspect: Fraction, width: int) -> bytes:
    columns, rows = jpeg_size(frame.width, frame.height, aspect, width)
    scaled = frame.reformat(columns, rows, "yuvj420p", interpolation="AREA")
    encoder = av.VideoCodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = columns, rows, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    quality = _QUALITY if width else _QUALITY_FULL
    encoder.options = {"qmin": quality, "qmax": quality}
    scaled.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(scaled), *encoder.encode(None)])


def jpeg_size(columns: int, rows: int, aspect: Fraction, width: int) -> tuple[int, int]:
    """Return columns and rows of the JPEG, as a screen with square dots shows the picture; pure.

    `aspect` is how wide a dot of the picture is for its height; 0, as it is not known, means square.
    """
    shown = round(columns * aspect) if aspect else columns
    across = max(2, (min(width, shown) if width else shown) // 2 * 2)
    return across, max(2, round(across * rows / shown / 2) * 2)
