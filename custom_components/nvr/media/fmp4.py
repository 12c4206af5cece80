"""Fragmented MP4 (ISO/IEC 14496-12), box by box: nobody else writes decode times (hls-vod 3, rule 12)."""

from collections.abc import Sequence
from dataclasses import dataclass
import struct

from .h264 import ParameterSets
from .ticks import RATE

_MATRIX = struct.pack(">9I", 0x00010000, 0, 0, 0, 0x00010000, 0, 0, 0, 0x40000000)
_KEY = 0x02000000
_NO_KEY = 0x01010000
_TFHD_BASE_IS_MOOF = 0x020000
_TRUN_FLAGS = 0x000F01  # data offset; duration, size, flags and composition offset of each sample


@dataclass(frozen=True, slots=True)
class TrackSample:
    """One sample ready to be written; times in ticks of the track's time scale, `offset` = presentation - decode."""

    dts: int
    duration: int
    key: bool
    data: bytes
    offset: int = 0


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """An H.264 track as the init segment tells of it."""

    sets: ParameterSets
    timescale: int = RATE


@dataclass(frozen=True, slots=True)
class TrackRun:
    """The samples of one track in one fragment, in decode order, without holes between them."""

    track_id: int
    samples: Sequence[TrackSample]


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """Return a box with version and flags."""
    return box(kind, struct.pack(">I", (version << 24) | flags), *parts)


def _sample_entry(track: VideoTrack) -> bytes:
    info = track.sets.info
    head = struct.pack(">6xH16xHHIIIH32sHh", 1, info.width, info.height, 0x480000, 0x480000, 0, 1, b"", 24, -1)
    return box(b"avc1", head, box(b"avcC", track.sets.decoder_configuration()))


def _track_box(track_id: int, track: VideoTrack) -> bytes:
    info = track.sets.info
    tkhd = full_box(
        b"tkhd", 0, 3, struct.pack(">III4xI8xHHHxx", 0, 0, track_id, 0, 0, 0, 0), _MATRIX,
        struct.pack(">II", info.width << 16, info.height << 16),
    )  # fmt: skip
    empty = full_box(b"stts", 0, 0, bytes(4)) + full_box(b"stsc", 0, 0, bytes(4))
    empty += full_box(b"stsz", 0, 0, bytes(8)) + full_box(b"stco", 0, 0, bytes(4))
    stbl = box(b"stbl", full_box(b"stsd", 0, 0, struct.pack(">I", 1), _sample_entry(track)), empty)
    dinf = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))
    minf = box(b"minf", full_box(b"vmhd", 0, 1, bytes(8)), dinf, stbl)
    mdhd = full_box(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, track.timescale, 0, 0x55C4, 0))
    hdlr = full_box(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, b"vide"), b"video\x00")
    return box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, minf))


def init_segment(tracks: Sequence[VideoTrack]) -> bytes:
    """Return `ftyp` and `moov`; track ids count from 1. Raises NvrResponseError for unusable parameter sets."""
    mvhd = full_box(
        b"mvhd", 0, 0, struct.pack(">IIIIIHxx8x", 0, 0, 1000, 0, 0x00010000, 0x0100), _MATRIX, bytes(24),
        struct.pack(">I", len(tracks) + 1),
    )  # fmt: skip
    traks = [_track_box(number, track) for number, track in enumerate(tracks, 1)]
    trex = [full_box(b"trex", 0, 0, struct.pack(">IIIII", number, 1, 0, 0, 0)) for number in range(1, len(tracks) + 1)]
    ftyp = box(b"ftyp", b"iso5", struct.pack(">I", 512), b"iso5iso6avc1mp41")
    return ftyp + box(b"moov", mvhd, *traks, box(b"mvex", *trex))


def _traf(run: TrackRun, data_offset: int) -> bytes:
    entries = b"".join(
        struct.pack(">IIIi", s.duration, len(s.data), _KEY if s.key else _NO_KEY, s.offset) for s in run.samples
    )
    return box(
        b"traf",
        full_box(b"tfhd", 0, _TFHD_BASE_IS_MOOF, struct.pack(">I", run.track_id)),
        full_box(b"tfdt", 1, 0, struct.pack(">Q", run.samples[0].dts)),
        full_box(b"trun", 1, _TRUN_FLAGS, struct.pack(">Ii", len(run.samples), data_offset), entries),
    )


def fragment(sequence: int, runs: Sequence[TrackRun]) -> bytes:
    """Return `moof` and `mdat` of one fragment; `sequence` counts from 1 and every run has a sample."""
    mfhd = full_box(b"mfhd", 0, 0, struct.pack(">I", sequence))
    size = 8 + len(mfhd) + sum(len(_traf(run, 0)) for run in runs)
    offset = size + 8
    trafs: list[bytes] = []
    for run in runs:
        trafs.append(_traf(run, offset))
        offset += sum(len(sample.data) for sample in run.samples)
    payload = b"".join(sample.data for run in runs for sample in run.samples)
    return box(b"moof", mfhd, *trafs) + box(b"mdat", payload)
