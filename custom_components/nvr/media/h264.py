"""H.264 parameter sets (ITU-T H.264 7.3.2): what a player must be told before the first frame."""

from dataclasses import dataclass
from typing import ClassVar

from ..core.errors import NvrResponseError
from .bits import BitReader, unescape

NAL_SPS = 7
NAL_PPS = 8
_CHROMA_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_MAX_SIZE = 16_384


@dataclass(frozen=True, slots=True)
class SpsInfo:
    """The facts of a sequence parameter set; width and height are what is shown, after cropping."""

    profile: int
    compatibility: int
    level: int
    width: int
    height: int
    chroma: int = 1
    bit_depth_luma: int = 8
    bit_depth_chroma: int = 8

    @property
    def codec(self) -> str:
        """The codec string of RFC 6381, such as "avc1.4D401F"."""
        return f"avc1.{self.profile:02X}{self.compatibility:02X}{self.level:02X}"


def _skip_scaling_lists(reader: BitReader, count: int) -> None:
    for index in range(count):
        if not reader.bits(1):
            continue
        last = following = 8
        for _ in range(16 if index < 6 else 64):
            if following:
                following = (last + reader.se()) % 256
            last = following or last


def _skip_order_count(reader: BitReader) -> None:
    kind = reader.ue()
    if kind == 0:
        reader.ue()
    elif kind == 1:
        reader.bits(1)
        reader.se()
        reader.se()
        for _ in range(min(reader.ue(), 255)):
            reader.se()


def _size(reader: BitReader, chroma: int) -> tuple[int, int]:
    width = 16 * (reader.ue() + 1)
    map_units = reader.ue() + 1
    frames_only = reader.bits(1)
    if not frames_only:
        reader.bits(1)
    height = 16 * map_units * (2 - frames_only)
    reader.bits(1)
    if reader.bits(1):
        left, right, top, bottom = (reader.ue() for _ in range(4))
        unit_x = 2 if chroma in {1, 2} else 1
        unit_y = (2 if chroma == 1 else 1) * (2 - frames_only)
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    if not (0 < width <= _MAX_SIZE and 0 < height <= _MAX_SIZE):
        msg = "a parameter set with an impossible picture size"
        raise NvrResponseError(msg)
    return width, height


def parse_sps(nal: bytes) -> SpsInfo:
    """Return the facts of a sequence parameter set; raises NvrResponseError when it is none."""
    if len(nal) < 4 or nal[0] & 0x1F != NAL_SPS:
        msg = "the recorder's stream carries no valid H.264 parameter set"
        raise NvrResponseError(msg)
    profile, compatibility, level = nal[1:4]
    reader = BitReader(unescape(nal)[4:])
    reader.ue()
    chroma, luma_depth, chroma_depth = 1, 8, 8
    if profile in _CHROMA_PROFILES:
        chroma = reader.ue()
        if chroma == 3:
            reader.bits(1)
        luma_depth, chroma_depth = 8 + reader.ue(), 8 + reader.ue()
        reader.bits(1)
        if reader.bits(1):
            _skip_scaling_lists(reader, 12 if chroma == 3 else 8)
    reader.ue()
    _skip_order_count(reader)
    reader.ue()
    reader.bits(1)
    width, height = _size(reader, chroma)
    return SpsInfo(profile, compatibility, level, width, height, chroma, luma_depth, chroma_depth)


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """The sets a decoder needs before a key frame."""

    sps: bytes
    pps: bytes
    sample_entry: ClassVar[bytes] = b"avc1"
    configuration_box: ClassVar[bytes] = b"avcC"

    @property
    def info(self) -> SpsInfo:
        """The facts of the SPS; raises NvrResponseError."""
        return parse_sps(self.sps)

    def decoder_configuration(self) -> bytes:
        """Return the avcC record of ISO/IEC 14496-15 for samples with four length bytes."""
        info = self.info
        record = bytes([1, info.profile, info.compatibility, info.level, 0xFF, 0xE1])
        record += len(self.sps).to_bytes(2) + self.sps + b"\x01" + len(self.pps).to_bytes(2) + self.pps
        if info.profile in _CHROMA_PROFILES:
            record += bytes(
                [0xFC | info.chroma, 0xF8 | (info.bit_depth_luma - 8), 0xF8 | (info.bit_depth_chroma - 8), 0]
            )
        return record


def find_sets(nals: tuple[bytes, ...] | list[bytes], before: ParameterSets | None = None) -> ParameterSets | None:
    """Return the newest sets among NAL units, completed from the ones known before; None while one is missing."""
    sps = next((nal for nal in reversed(nals) if nal[0] & 0x1F == NAL_SPS), before.sps if before else None)
    pps = next((nal for nal in reversed(nals) if nal[0] & 0x1F == NAL_PPS), before.pps if before else None)
    if sps is None or pps is None:
        return None
    if before is not None and (sps, pps) == (before.sps, before.pps):
        return before
    return ParameterSets(sps, pps)


def with_sets(nals: list[bytes], sets: ParameterSets) -> list[bytes]:
    """Return a key frame's NAL units with the parameter sets in front, each once."""
    rest = [nal for nal in nals if nal[0] & 0x1F not in {NAL_SPS, NAL_PPS}]
    delimiter = [nal for nal in rest[:1] if nal[0] & 0x1F == 9]
    return [*delimiter, sets.sps, sets.pps, *rest[len(delimiter) :]]
