"""AudioSpecificConfig (ISO/IEC 14496-3 1.6.2) and what carries it: what a player must be told of AAC."""

from dataclasses import dataclass

from ..core.errors import NvrResponseError
from .bits import BitReader

RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
FRAME = 1024
"""Samples of one frame at the core's rate, where the stream does not say 960."""

_LOW_COMPLEXITY = 2
_SBR = 5
_PARAMETRIC_STEREO = 29
_PASSED = frozenset({_LOW_COMPLEXITY, _SBR, _PARAMETRIC_STEREO})
_CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8}


@dataclass(frozen=True, slots=True)
class AacConfig:
    """What a stream is. `rate` is that of the core: frames last `frame` samples of it whatever is doubled on top."""

    data: bytes
    object_type: int
    rate: int
    channels: int
    frame: int = FRAME

    @property
    def codec(self) -> str:
        """The codec string of RFC 6381, such as "mp4a.40.2"."""
        return f"mp4a.40.{self.object_type}"

    @property
    def passes(self) -> bool:
        """Whether players take it as it is: low complexity, with or without the extensions, in whole frames."""
        return self.object_type in _PASSED and self.frame == FRAME


def _object_type(reader: BitReader) -> int:
    kind = reader.bits(5)
    return 32 + reader.bits(6) if kind == 31 else kind


def _rate(reader: BitReader) -> int:
    index = reader.bits(4)
    if index == 15:
        return reader.bits(24)
    if index >= len(RATES):
        msg = "an audio configuration with an impossible rate"
        raise NvrResponseError(msg)
    return RATES[index]


def _parse(reader: BitReader) -> tuple[int, int, int, int]:
    kind = _object_type(reader)
    rate = _rate(reader)
    channels = _CHANNELS.get(reader.bits(4), 0)
    core = kind
    if kind in {_SBR, _PARAMETRIC_STEREO}:
        _rate(reader)
        core = _object_type(reader)
    short = core == _LOW_COMPLEXITY and reader.bits(1)
    if not rate or not channels:
        msg = "an audio configuration without rate or channels"
        raise NvrResponseError(msg)
    return kind, rate, channels, 960 if short else FRAME


def parse_config(data: bytes) -> AacConfig:
    """Return what the configuration says; raises NvrResponseError when it is none.

    Nor is it enough when it leaves the channels to the stream.
    """
    kind, rate, channels, frame = _parse(BitReader(data))
    return AacConfig(data, kind, rate, channels, frame)


def make_config(rate: int, channels: int) -> AacConfig:
    """Return the configuration of low complexity AAC; raises ValueError for a rate AAC does not have."""
    value = (_LOW_COMPLEXITY << 11) | (RATES.index(rate) << 7) | (channels << 3)
    return AacConfig(value.to_bytes(2), _LOW_COMPLEXITY, rate, channels)


def parse_mux_config(data: bytes) -> AacConfig:
    """Return what a StreamMuxConfig of one program and one layer says (RFC 6416 6.3); raises NvrResponseError."""
    reader = BitReader(data)
    # audioMuxVersion, allStreamsSameTimeFraming, numSubFrames, numProgram, numLayer
    version, _, sub_frames, programs, layers = (reader.bits(width) for width in (1, 1, 6, 4, 3))
    if version or sub_frames or programs or layers:
        msg = "an audio configuration of several streams"
        raise NvrResponseError(msg)
    kind, rate, channels, frame = _parse(reader)
    if kind != _LOW_COMPLEXITY:
        msg = "an audio configuration with extensions where none is expected"
        raise NvrResponseError(msg)
    made = make_config(rate, channels) if rate in RATES else None
    if made is None or frame != FRAME:
        msg = "an audio configuration nobody plays"
        raise NvrResponseError(msg)
    return made
