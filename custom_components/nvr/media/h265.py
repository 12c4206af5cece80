"""H.265 parameter sets (ITU-T H.265 7.3.2): what a player must be told before the first frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..core.errors import NvrResponseError
from .bits import BitReader, unescape

NAL_VPS = 32
NAL_SPS = 33
NAL_PPS = 34
_NAL_DELIMITER = 35
_SETS = (NAL_VPS, NAL_SPS, NAL_PPS)
_MAX_SIZE = 16_384
_MAX_SUB_LAYERS = 7


def nal_type(nal: bytes) -> int:
    """Return the type of a NAL unit that is not empty."""
    return (nal[0] >> 1) & 0x3F


@dataclass(frozen=True, slots=True)
class H265Info:
    """The facts of a sequence parameter set; width and height are what is shown, inside the conformance window.

    `compatibility` are 32 flags, the first one the highest bit; `constraints` are six bytes.
    """

    profile_space: int
    tier: int
    profile: int
    compatibility: int
    constraints: bytes
    level: int
    width: int
    height: int
    temporal_layers: int = 1
    temporal_id_nested: bool = True
    chroma: int = 1
    bit_depth_luma: int = 8
    bit_depth_chroma: int = 8

    @property
    def codec(self) -> str:
        """The codec string of ISO/IEC 14496-15 annex E, such as "hvc1.1.6.L93.B0"."""
        space = "ABC"[self.profile_space - 1] if self.profile_space else ""
        compatibility = int(f"{self.compatibility:032b}"[::-1], 2)
        parts = ["hvc1", f"{space}{self.profile}", f"{compatibility:X}", f"{'LH'[self.tier]}{self.level}"]
        return ".".join((*parts, *(f"{byte:X}" for byte in self.constraints.rstrip(b"\x00"))))


def _skip_sub_layers(reader: BitReader, count: int) -> None:
    flags = [(reader.bits(1), reader.bits(1)) for _ in range(count)]
    if count:
        reader.bits(2 * (8 - count))
    for has_profile, has_level in flags:
        reader.bits(88 * has_profile + 8 * has_level)


def parse_sps(nal: bytes) -> H265Info:
    """Return the facts of a sequence parameter set; raises NvrResponseError when it is none."""
    if len(nal) < 3 or nal_type(nal) != NAL_SPS:
        msg = "the recorder's stream carries no valid H.265 parameter set"
        raise NvrResponseError(msg)
    reader = BitReader(unescape(nal)[2:])
    reader.bits(4)
    sub_layers = reader.bits(3)
    nested = bool(reader.bits(1))
    if sub_layers >= _MAX_SUB_LAYERS:
        msg = "a parameter set with too many layers"
        raise NvrResponseError(msg)
    space, tier, profile = reader.bits(2), reader.bits(1), reader.bits(5)
    compatibility = reader.bits(32)
    constraints = reader.bits(48).to_bytes(6)
    level = reader.bits(8)
    _skip_sub_layers(reader, sub_layers)
    reader.ue()
    chroma = reader.ue()
    if chroma == 3:
        reader.bits(1)
    width, height = reader.ue(), reader.ue()
    if reader.bits(1):
        left, right, top, bottom = (reader.ue() for _ in range(4))
        width -= (2 if chroma in {1, 2} else 1) * (left + right)
        height -= (2 if chroma == 1 else 1) * (top + bottom)
    if not (0 < width <= _MAX_SIZE and 0 < height <= _MAX_SIZE):
        msg = "a parameter set with an impossible picture size"
        raise NvrResponseError(msg)
    luma, chroma_depth = 8 + reader.ue(), 8 + reader.ue()
    if chroma > 3 or max(luma, chroma_depth) > 15:
        msg = "a parameter set with an impossible colour format"
        raise NvrResponseError(msg)
    return H265Info(
        space, tier, profile, compatibility, constraints, level, width, height,
        sub_layers + 1, nested, chroma, luma, chroma_depth,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class H265Sets:
    """The sets a decoder needs before a key frame."""

    vps: bytes
    sps: bytes
    pps: bytes
    sample_entry: ClassVar[bytes] = b"hvc1"
    configuration_box: ClassVar[bytes] = b"hvcC"

    @property
    def info(self) -> H265Info:
        """The facts of the SPS; raises NvrResponseError."""
        return parse_sps(self.sps)

    def decoder_configuration(self) -> bytes:
        """Return the hvcC record of ISO/IEC 14496-15 8.3.3 for samples with four length bytes."""
        info = self.info
        record = bytes([1, (info.profile_space << 6) | (info.tier << 5) | info.profile])
        record += info.compatibility.to_bytes(4) + info.constraints + bytes([info.level])
        # Nothing is known of spatial segmentation, parallelism and frame rate.
        record += bytes([0xF0, 0, 0xFC, 0xFC | info.chroma, 0xF8 | (info.bit_depth_luma - 8)])
        record += bytes([0xF8 | (info.bit_depth_chroma - 8), 0, 0])
        record += bytes([(info.temporal_layers << 3) | (info.temporal_id_nested << 2) | 3, len(_SETS)])
        for kind, nal in zip(_SETS, (self.vps, self.sps, self.pps), strict=True):
            record += bytes([0x80 | kind, 0, 1]) + len(nal).to_bytes(2) + nal
        return record


def find_sets(nals: Sequence[bytes], before: H265Sets | None = None) -> H265Sets | None:
    """Return the newest sets among NAL units, completed from the ones known before; None while one is missing."""
    newest = {nal_type(nal): nal for nal in nals}
    vps = newest.get(NAL_VPS, before.vps if before else None)
    sps = newest.get(NAL_SPS, before.sps if before else None)
    pps = newest.get(NAL_PPS, before.pps if before else None)
    if vps is None or sps is None or pps is None:
        return None
    found = H265Sets(vps, sps, pps)
    return before if found == before else found


def with_sets(nals: Sequence[bytes], sets: H265Sets) -> list[bytes]:
    """Return a key frame's NAL units with the parameter sets in front, each once."""
    rest = [nal for nal in nals if nal_type(nal) not in _SETS]
    delimiter = [nal for nal in rest[:1] if nal_type(nal) == _NAL_DELIMITER]
    return [*delimiter, sets.vps, sets.sps, sets.pps, *rest[len(delimiter) :]]
