"""Fragmented MP4 (ISO/IEC 14496-12), box by box: nobody else writes decode times (hls-vod 3, rule 12)."""

from collections.abc import Sequence
from dataclasses import dataclass
import struct
from typing import Protocol

from .aac import AacConfig
from .ticks import RATE

_MATRIX = struct.pack(">9I", 0x00010000, 0, 0, 0, 0x00010000, 0, 0, 0, 0x40000000)
_KEY = 0x02000000
_NO_KEY = 0x01010000
_TFHD_BASE_IS_MOOF = 0x020000
# Of a `traf` with its three boxes, and of what each sample adds.
_TRAF_SIZE = 8 + 16 + 20 + 20
_ENTRY_SIZE = 16
_TRUN_FLAGS = 0x000F01  # data offset; duration, size, flags and composition offset of each sample


@dataclass(frozen=True, slots=True)
class TrackSample:
    """One sample ready to be written; times in ticks of the track's time scale, `offset` = presentation - decode."""

    dts: int
    duration: int
    key: bool
    data: bytes
    offset: int = 0


class PictureInfo(Protocol):
    """What is known of the pictures."""

    @property
    def codec(self) -> str:
        """The codec string of RFC 6381."""

    @property
    def width(self) -> int:
        """What is shown, in pixels."""

    @property
    def height(self) -> int:
        """What is shown, in pixels."""


class VideoSets(Protocol):
    """Parameter sets of any codec. `sample_entry` and `configuration_box` name its boxes."""

    @property
    def sample_entry(self) -> bytes:
        """The box that describes samples."""

    @property
    def configuration_box(self) -> bytes:
        """The box inside it with what the decoder needs."""

    @property
    def info(self) -> PictureInfo:
        """The facts of the sets; raises NvrResponseError."""

    def decoder_configuration(self) -> bytes:
        """Return the record inside that box; raises NvrResponseError."""


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """A track of pictures as the init segment tells of it."""

    sets: VideoSets
    timescale: int = RATE

    def header(self, track_id: int) -> bytes:
        """Return the track header."""
        info = self.sets.info
        return _track_header(track_id, 0, struct.pack(">II", info.width << 16, info.height << 16))

    def media(self) -> tuple[bytes, bytes, bytes]:
        """Return handler, media header and sample entry."""
        info = self.sets.info
        head = struct.pack(">6xH16xHHIIIH32sHh", 1, info.width, info.height, 0x480000, 0x480000, 0, 1, b"", 24, -1)
        record = box(self.sets.configuration_box, self.sets.decoder_configuration())
        return (
            struct.pack(">I4s12x", 0, b"vide") + b"video\x00",
            full_box(b"vmhd", 0, 1, bytes(8)),
            box(self.sets.sample_entry, head, record),
        )


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """A track of AAC as the init segment tells of it; its time scale is its sample rate."""

    config: AacConfig

    @property
    def timescale(self) -> int:
        """Ticks per second of this track."""
        return self.config.rate

    def header(self, track_id: int) -> bytes:
        """Return the track header."""
        return _track_header(track_id, 0x0100, bytes(8))

    def media(self) -> tuple[bytes, bytes, bytes]:
        """Return handler, media header and sample entry."""
        head = struct.pack(">6xH8xHH4xI", 1, self.config.channels, 16, self.config.rate << 16)
        return (
            struct.pack(">I4s12x", 0, b"soun") + b"sound\x00",
            full_box(b"smhd", 0, 0, bytes(4)),
            box(b"mp4a", head, full_box(b"esds", 0, 0, _elementary_stream(self.config.data))),
        )


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


def _descriptor(tag: int, *parts: bytes) -> bytes:
    """Return a descriptor of ISO/IEC 14496-1 that is shorter than 128 bytes."""
    body = b"".join(parts)
    return bytes([tag, len(body)]) + body


def _elementary_stream(config: bytes) -> bytes:
    """Return the descriptor of an AAC stream: object type 0x40, an audio stream of unknown rate."""
    decoder = _descriptor(4, bytes([0x40, 0x15]), bytes(11), _descriptor(5, config))
    return _descriptor(3, bytes(3), decoder, _descriptor(6, b"\x02"))


def _track_header(track_id: int, volume: int, size: bytes) -> bytes:
    fields = struct.pack(">III4xI8xHHHxx", 0, 0, track_id, 0, 0, 0, volume)
    return full_box(b"tkhd", 0, 3, fields, _MATRIX, size)


def _track_box(track_id: int, track: VideoTrack | AudioTrack) -> bytes:
    handler, header, entry = track.media()
    empty = full_box(b"stts", 0, 0, bytes(4)) + full_box(b"stsc", 0, 0, bytes(4))
    empty += full_box(b"stsz", 0, 0, bytes(8)) + full_box(b"stco", 0, 0, bytes(4))
    stbl = box(b"stbl", full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry), empty)
    dinf = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))
    minf = box(b"minf", header, dinf, stbl)
    mdhd = full_box(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, track.timescale, 0, 0x55C4, 0))
    mdia = box(b"mdia", mdhd, full_box(b"hdlr", 0, 0, handler), minf)
    return box(b"trak", track.header(track_id), mdia)


def init_segment(tracks: Sequence[VideoTrack | AudioTrack]) -> bytes:
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
    size = 8 + len(mfhd) + sum(_TRAF_SIZE + _ENTRY_SIZE * len(run.samples) for run in runs)
    offset = size + 8
    trafs: list[bytes] = []
    for run in runs:
        trafs.append(_traf(run, offset))
        offset += sum(len(sample.data) for sample in run.samples)
    payload = b"".join(sample.data for run in runs for sample in run.samples)
    return box(b"moof", mfhd, *trafs) + box(b"mdat", payload)
