"""DHAV, the container of Dahua's files: frame headers, and a filter that lets whole frames through (dahua-cgi 11.5).

Pure. What stands before the first frame varies (a random preamble, a `DHII` index) and may hold a false `DHAV`; players
fail silently on both. At most one frame is in memory.
"""

from collections.abc import Iterator
from datetime import datetime
import struct
from typing import Final, NamedTuple

MAGIC: Final = b"DHAV"
TRAILER_MAGIC: Final = b"dhav"
HEADER: Final = 24
TRAILER: Final = 8
MAX_FRAME: Final = 8 * 1024 * 1024
# `DAHUA` in front of a file: the frames begin here.
FILE_HEADER: Final = 0x400

KEY: Final = 0xFD
INTER: Final = 0xFC
AUDIO: Final = 0xF0
_TYPES: Final = frozenset({KEY, INTER, AUDIO, 0xF1, 0xF5, 0xFB, 0xFE, 0xFF})
_PLAYED: Final = frozenset({KEY, INTER, AUDIO})
_FIELDS: Final = struct.Struct("<4sBBBBIIIHBB")
_EPOCH_YEAR: Final = 2000
_MIN_FRAME: Final = HEADER + TRAILER


class Frame(NamedTuple):
    """One frame header. `digits` is the recorder's wall clock to the second, None when it is no date."""

    type: int
    channel: int
    number: int
    size: int
    digits: datetime | None
    milliseconds: int

    @property
    def is_key(self) -> bool:
        """Whether decoding can begin here."""
        return self.type == KEY


def unpack_date(packed: int) -> datetime | None:
    """Return the naive wall digits of a packed date (dahua-cgi 11.5)."""
    year, month, day = _EPOCH_YEAR + (packed >> 26), packed >> 22 & 15, packed >> 17 & 31
    hour, minute, second = packed >> 12 & 31, packed >> 6 & 63, packed & 63
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - wall digits have no zone
    except ValueError:
        return None


def parse_header(data: bytes | bytearray | memoryview, at: int = 0) -> Frame | None:
    """Read the 24 bytes of a frame header; None for what only looks like one: type, length or checksum is wrong."""
    magic, kind, _, channel, _, number, size, packed, milliseconds, extension, checksum = _FIELDS.unpack_from(data, at)
    if magic != MAGIC or kind not in _TYPES or not _MIN_FRAME + extension <= size <= MAX_FRAME:
        return None
    if sum(data[at : at + HEADER - 1]) & 0xFF != checksum:
        return None
    return Frame(kind, channel, number, size, unpack_date(packed), milliseconds)


def _has_trailer(data: bytes | bytearray | memoryview, at: int, size: int) -> bool:
    """Tell whether a frame ends with its trailer, which repeats its length."""
    end = at + size
    return bytes(data[end - TRAILER : end]) == TRAILER_MAGIC + size.to_bytes(4, "little")


class Window(NamedTuple):
    """What to keep, in wall digits; the recorder's frames carry nothing else. `start` is rounded to a key frame."""

    start: datetime
    end: datetime


class DhavFilter:
    """Feed bytes as they come, get the bytes of whole frames; what is before, between and behind them is dropped.

    With `clean` the first frame given out is a key frame and frames that players skip are dropped; without, every frame
    is kept. `skipped` counts dropped bytes, `resyncs` how often the way was lost within the frames. `first` and `last`
    are the digits of the first and last frame given out, `seen` of the newest frame that passed.
    """

    def __init__(self, window: Window | None = None, *, clean: bool = True) -> None:
        """Wait for the first frame."""
        self._window = window
        self._clean = clean
        self._buffer = bytearray()
        self._begun = False
        self._synced = False
        self._pending: list[bytes] = []
        self.frames = 0
        self.skipped = 0
        self.resyncs = 0
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.seen: datetime | None = None
        self.done = False

    @property
    def held(self) -> int:
        """How many bytes are in memory."""
        return len(self._buffer)

    @property
    def truncated(self) -> bool:
        """Whether what has come ends within a frame."""
        return self._synced and len(self._buffer) > 0 and not self.done

    def feed(self, data: bytes) -> bytes:
        """Take bytes, return those of the frames they complete; nothing more once `done`."""
        if self.done:
            return b""
        self._buffer += data
        view = self._buffer
        at = start = 0  # [start, at) is a run of frames to give out
        kept: list[bytes] = []
        while len(view) - at >= HEADER:
            frame = parse_header(view, at)
            # A first frame is believed with its trailer: junk may hold a header that is right by chance.
            if frame is not None and len(view) - at < frame.size:
                if self._synced or self._worth_waiting(at, frame):
                    break
                frame = None
            if frame is None or not _has_trailer(view, at, frame.size):
                if at > start:
                    kept.append(bytes(view[start:at]))
                at = start = self._resync(at)
                continue
            self._synced = True
            wanted = self._wanted(frame)
            if wanted:
                self._note(frame)
            else:
                if at > start:
                    kept.append(bytes(view[start:at]))
                start = at + frame.size
                self.skipped += frame.size
            at += frame.size
            if self.done:
                break
        if at > start:
            kept.append(bytes(view[start:at]))
        if self.done:
            view.clear()
        elif at:
            del view[:at]
        return kept[0] if len(kept) == 1 else b"".join(kept)

    def _worth_waiting(self, _at: int, _frame: Frame) -> bool:
        """A header that is right waits for its trailer; if that is wrong, the search goes on right behind it."""
        return True

    def _resync(self, at: int) -> int:
        """Return where the next header may be."""
        if self._synced:
            self.resyncs += 1
            self._synced = False
        found = self._buffer.find(MAGIC, at + 1)
        if found < 0:
            # The magic may be split.
            found = max(at + 1, len(self._buffer) - len(MAGIC) + 1)
        self.skipped += found - at
        return found

    def _wanted(self, frame: Frame) -> bool:
        if frame.digits is not None:
            self.seen = frame.digits
        window = self._window
        if window is not None and frame.digits is not None:
            if frame.digits >= window.end and frame.is_key | self._begun:
                self.done = True
                return False
            if not self._begun and frame.digits < window.start:
                return False
        if not self._clean:
            return True
        if not self._begun and not frame.is_key:
            return False
        return frame.type in _PLAYED

    def _note(self, frame: Frame) -> None:
        self._begun = True
        self.frames += 1
        self.first = self.first or frame.digits
        self.last = frame.digits or self.last


def frames(data: bytes) -> Iterator[tuple[Frame, int]]:
    """Yield header and position of each whole frame that lies back to back from the beginning."""
    at = 0
    while len(data) - at >= HEADER:
        frame = parse_header(data, at)
        if frame is None or len(data) - at < frame.size:
            return
        yield frame, at
        at += frame.size
