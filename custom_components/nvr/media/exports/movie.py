"""A whole MP4 file (ISO/IEC 14496-12), its table in front of its media, written while the footage comes.

Room for the table is left at the beginning of the file, so that what was written need not be moved in the end. Times
are those of the footage. Frames that are only there to be decoded (the head) last one tick each; an edit list leaves
them out, and a player that reads none shows them for milliseconds.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, groupby
import os
from pathlib import Path
import shutil
import struct
import sys
from typing import BinaryIO

from ..aac import FRAME
from ..fmp4 import AudioTrack, VideoTrack, box, full_box
from ..ticks import RATE
from .files import require_size

_MATRIX = struct.pack(">9I", 0x00010000, 0, 0, 0, 0x00010000, 0, 0, 0, 0x40000000)
_FTYP = box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso6avc1mp41")
_MDAT_HEADER = 16
_LEAST_ROOM = 16 * 1024
_ROOM_PER_SECOND = 768
_MOST_32 = 0xFFFFFFFF
_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)


def room_for(seconds: float) -> int:
    """Return how much the table of so much footage may need: 30 frames a second, sound, a time for each frame."""
    return _LEAST_ROOM + round(seconds * _ROOM_PER_SECOND)


@dataclass(frozen=True, slots=True)
class Picture:
    """One coded picture; `time` is when it is shown, in ticks of the file's own time."""

    time: int
    key: bool
    data: bytes


class _Table:
    """Where the samples of a track are."""

    def __init__(self) -> None:
        self.sizes = array("I")
        self.chunks = array("Q")
        self.per_chunk = array("I")

    def boxes(self, moved: int) -> bytes:
        """Return sample sizes, samples of a chunk and chunk offsets; the media lies `moved` bytes further on."""
        runs = [(first, count) for first, count, _ in _runs(self.per_chunk)]
        stsc = b"".join(struct.pack(">III", first + 1, count, 1) for first, count in runs)
        return (
            full_box(b"stsc", 0, 0, struct.pack(">I", len(runs)), stsc)
            + full_box(b"stsz", 0, 0, struct.pack(">II", 0, len(self.sizes)), _big_endian("I", self.sizes))
            + self._offsets(moved)
        )

    def _offsets(self, moved: int) -> bytes:
        wide = bool(self.chunks) and self.chunks[-1] > _MOST_32 // 2
        offsets = array("Q" if wide else "I", (offset + moved for offset in self.chunks))
        count = struct.pack(">I", len(offsets))
        return full_box(b"co64" if wide else b"stco", 0, 0, count, _big_endian(offsets.typecode, offsets))


class MovieWriter:
    """Writes one file. Everything here blocks; raises OSError. `close` it whatever happens."""

    def __init__(self, path: Path, room: int) -> None:
        """Begin the file, which must not exist yet, with `room` bytes for its table."""
        self._path = path
        self._room = max(16, room)
        self._file: BinaryIO = path.open("xb")
        self._file.write(_FTYP + box(b"free", bytes(self._room - 8)) + bytes(_MDAT_HEADER))
        self._begin = self._file.tell()
        self._video, self._audio = _Table(), _Table()
        self._times = array("q")
        self._keys = array("I")
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._file.tell()

    @property
    def pictures(self) -> int:
        """How many pictures there are."""
        return len(self._times)

    def add(self, pictures: Sequence[Picture], sound: Sequence[bytes]) -> int:
        """Append what comes next, in decode order, and return the size of the file."""
        self._times.extend(picture.time for picture in pictures)
        before = len(self._video.sizes)
        self._keys.extend(before + number for number, picture in enumerate(pictures, 1) if picture.key)
        self._append(self._video, [picture.data for picture in pictures])
        self._append(self._audio, sound)
        return self._file.tell()

    def _append(self, table: _Table, samples: Sequence[bytes]) -> None:
        if samples:
            table.chunks.append(self._file.tell())
            table.per_chunk.append(len(samples))
            table.sizes.extend(map(len, samples))
            self._file.write(b"".join(samples))

    def finish(self, video: VideoTrack, audio: AudioTrack | None, timing: Timing) -> None:
        """Write the table and have all of it on the disk. Raises ValueError without a picture."""
        if not self._times:
            msg = "a film without a picture"
            raise ValueError(msg)
        end = self._size = self._file.tell()
        table = self._moov(video, audio, timing, 0)
        rest = self._room - len(table)
        if rest == 0 or rest >= 8:
            self._file.seek(len(_FTYP))
            self._file.write(table + (box(b"free", bytes(rest - 8)) if rest else b""))
            self._file.seek(self._begin - _MDAT_HEADER)
            self._file.write(_media_header(end - self._begin))
        else:
            self._rewrite(self._moov(video, audio, timing, len(table) - self._room), end - self._begin)
        self._file.flush()
        os.fsync(self._file.fileno())
        require_size(self._file.fileno(), self._size)
        self._file.close()

    def _rewrite(self, table: bytes, size: int) -> None:
        """Write the file anew: its table needs more room than was left."""
        other = self._path.with_name(self._path.name + "2")
        with self._path.open("rb") as source, other.open("xb") as target:
            try:
                source.seek(self._begin)
                self._file.flush()
                target.write(_FTYP + table + _media_header(size))
                shutil.copyfileobj(source, target, 1 << 20)
                self._size = target.tell()
            except BaseException:
                other.unlink()
                raise
        self._file.close()
        other.replace(self._path)
        self._file = self._path.open("r+b")

    def close(self) -> None:
        """Let go of the file; nothing happens after `finish`."""
        with suppress(OSError):  # what could not be written is not wanted any more
            self._file.close()

    def _moov(self, video: VideoTrack, audio: AudioTrack | None, timing: Timing, moved: int) -> bytes:
        created = int((timing.recorded - _EPOCH).total_seconds())
        traks = [self._video_box(video, timing, created, moved)]
        if audio is not None and self._audio.sizes:
            traks.append(self._audio_box(audio, timing, created, moved))
        head = struct.pack(">QQIQIHxx8x", created, created, RATE, timing.length, 0x00010000, 0x0100)
        mvhd = full_box(b"mvhd", 1, 0, head, _MATRIX, bytes(24), struct.pack(">I", len(traks) + 1))
        return box(b"moov", mvhd, *traks)

    def _video_box(self, track: VideoTrack, timing: Timing, created: int, moved: int) -> bytes:
        decode = decode_times(self._times)
        first = decode[0]
        last = max(decode[-1] + 1, timing.begin + timing.length)
        # A day of pictures is millions of them, and hardly two stand equally far apart: nothing here is held twice.
        spans = (after - before for before, after in _pairs(decode, last))
        stts = _counted(b"stts", ((count, span) for _, span, count in _runs(spans)))
        ctts = b""
        if decode != self._times:
            offsets = (shown - coded for shown, coded in zip(self._times, decode, strict=True))
            ctts = _counted(b"ctts", ((count, offset) for _, offset, count in _runs(offsets)))
        stss = full_box(b"stss", 0, 0, struct.pack(">I", len(self._keys)), _big_endian("I", self._keys))
        return _trak(
            1, track, timing.length, timing.begin - first, last - first, created,
            stts + ctts + stss + self._video.boxes(moved),
        )  # fmt: skip

    def _audio_box(self, track: AudioTrack, timing: Timing, created: int, moved: int) -> bytes:
        count = len(self._audio.sizes)
        stts = _counted(b"stts", ((count, FRAME),))
        return _trak(
            2, track, timing.length, timing.sound_begin, count * FRAME, created, stts + self._audio.boxes(moved)
        )


@dataclass(frozen=True, slots=True)
class Timing:
    """What of the media is shown. `begin` and `length` in ticks, `sound_begin` in samples of sound.

    `recorded`: when the first shown picture was recorded.
    """

    recorded: datetime
    begin: int
    length: int
    sound_begin: int = 0


def decode_times(shown: Sequence[int]) -> array[int]:
    """Return when each picture is decoded: in order, never later than it is shown."""
    decode = array("q", shown)
    for index in range(len(decode) - 2, -1, -1):
        if decode[index] >= decode[index + 1]:
            decode[index] = decode[index + 1] - 1
    return decode


def _trak(  # noqa: PLR0917 - each goes into a box of its own
    number: int, track: VideoTrack | AudioTrack, shown: int, begin: int, length: int, created: int, tables: bytes
) -> bytes:
    handler, header, entry = track.media()
    stsd = full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry)
    dinf = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))
    minf = box(b"minf", header, dinf, box(b"stbl", stsd, tables))
    mdhd = full_box(b"mdhd", 1, 0, struct.pack(">QQIQHH", created, created, track.timescale, length, 0x55C4, 0))
    mdia = box(b"mdia", mdhd, full_box(b"hdlr", 0, 0, handler), minf)
    volume, size = (0x0100, bytes(8)) if isinstance(track, AudioTrack) else (0, _size_of(track))
    fields = struct.pack(">QQI4xQ8xHHHxx", created, created, number, shown, 0, 0, volume)
    tkhd = full_box(b"tkhd", 1, 3, fields, _MATRIX, size)
    elst = full_box(b"elst", 1, 0, struct.pack(">IQqHH", 1, shown, begin, 1, 0))
    return box(b"trak", tkhd, box(b"edts", elst), mdia)


def _size_of(track: VideoTrack) -> bytes:
    info = track.sets.info
    return struct.pack(">II", info.width << 16, info.height << 16)


def _media_header(size: int) -> bytes:
    """Return the header of the media: sixteen bytes, whether its size passes four gigabytes or not."""
    if size + 8 <= _MOST_32:
        return box(b"free") + struct.pack(">I4s", 8 + size, b"mdat")
    return struct.pack(">I4sQ", 1, b"mdat", _MDAT_HEADER + size)


def _runs(values: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """Yield (place, value, how many) for each run of equal values."""
    begin = 0
    for value, equal in groupby(values):
        count = sum(1 for _ in equal)
        yield begin, value, count
        begin += count


def _pairs(values: Sequence[int], last: int) -> Iterator[tuple[int, int]]:
    for index in range(len(values) - 1):
        yield values[index], values[index + 1]
    yield values[-1], last


def _counted(kind: bytes, rows: Iterable[tuple[int, int]]) -> bytes:
    """Return a table of pairs of 32 bits, and how many of them there are."""
    table = array("I", chain.from_iterable(rows))
    if sys.byteorder == "little":
        table.byteswap()
    return full_box(kind, 0, 0, struct.pack(">I", len(table) // 2), table.tobytes())


def _big_endian(code: str, values: array[int]) -> bytes:
    copy = array(code, values)
    if sys.byteorder == "little":
        copy.byteswap()
    return copy.tobytes()
