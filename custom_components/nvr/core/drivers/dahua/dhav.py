"""DHAV, the container of Dahua's files: frame headers, and a filter that lets frames through (dahua-cgi 11.5). Pure.

What stands before the first frame varies (a random preamble, a `DHII` index) and may hold a false `DHAV`; players fail
silently on both. The first frame is believed with its trailer only, each further one because it stands where the one
before ended. At most one frame is in memory.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
import struct
from typing import Final, NamedTuple

MAGIC: Final = b"DHAV"
TRAILER_MAGIC: Final = b"dhav"
HEADER: Final = 24
TRAILER: Final = 8
MAX_FRAME: Final = 8 * 1024 * 1024

KEY: Final = 0xFD
INTER: Final = 0xFC
AUDIO: Final = 0xF0
_TYPES: Final = frozenset({KEY, INTER, AUDIO, 0xF1, 0xF5, 0xFB, 0xFE, 0xFF})
_PLAYED: Final = frozenset({KEY, INTER, AUDIO})
_FIELDS: Final = struct.Struct("<4sBBBBIIIHBB")
# The same without what no player reads, for the many frames of one second.
_NEXT: Final = struct.Struct("<Q4xII").unpack_from
_BASE_YEAR: Final = 2000
_MIN_FRAME: Final = HEADER + TRAILER
# Of that length a frame has room for any extension.
_PLAIN_FRAME: Final = _MIN_FRAME + 255
_MOST_FATES: Final = 64

# Turns wall digits into a moment; the second is one the moment cannot lie before.
type Reading = Callable[[datetime, datetime | None], datetime]


class Frame(NamedTuple):
    """One frame header. `packed` is the recorder's wall clock; `proven` says that the checksum is right."""

    type: int
    channel: int
    number: int
    size: int
    packed: int
    milliseconds: int
    proven: bool

    @property
    def digits(self) -> datetime | None:
        """The naive wall digits to the second, None when they are no date."""
        return unpack_date(self.packed)


def unpack_date(packed: int) -> datetime | None:
    """Return the naive wall digits of a packed date (dahua-cgi 11.5)."""
    year, month, day = _BASE_YEAR + (packed >> 26), packed >> 22 & 15, packed >> 17 & 31
    hour, minute, second = packed >> 12 & 31, packed >> 6 & 63, packed & 63
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - wall digits have no zone
    except ValueError:
        return None


def parse_header(data: bytes | bytearray | memoryview, at: int = 0) -> Frame | None:
    """Read the 24 bytes of a frame header; None for what only looks like one.

    A wrong checksum is borne where everything else fits: players do not look at it.
    """
    magic, kind, _, channel, _, number, size, packed, milliseconds, extension, checksum = _FIELDS.unpack_from(data, at)
    if magic != MAGIC or not _MIN_FRAME + extension <= size <= MAX_FRAME:
        return None
    proven = sum(data[at : at + HEADER - 1]) & 0xFF == checksum
    if kind not in _TYPES or not (proven or unpack_date(packed)):
        return None
    return Frame(kind, channel, number, size, packed, milliseconds, proven)


def _has_trailer(data: bytes | bytearray, at: int, size: int) -> bool:
    """Tell whether a frame ends with its trailer, which repeats its length."""
    end = at + size
    return data[end - TRAILER : end] == TRAILER_MAGIC + size.to_bytes(4, "little")


def frames(data: bytes) -> Iterator[tuple[Frame, int]]:
    """Yield header and position of each whole frame that lies back to back from the beginning."""
    at = 0
    while len(data) - at >= HEADER:
        frame = parse_header(data, at)
        if frame is None or len(data) - at < frame.size:
            return
        yield frame, at
        at += frame.size


class Window(NamedTuple):
    """What to keep, and how digits are read: `start` and `end` are moments as `read` returns them."""

    start: datetime
    end: datetime
    read: Reading


class DhavFilter:
    """Feed bytes as they come, get the bytes of frames; what is before, between and behind them is dropped.

    With a window, what is given out begins at a key frame and ends at the window's end, and frames that players skip
    are dropped; without, every frame is kept. `skipped` counts dropped bytes, `resyncs` how often frames did not follow
    each other. `first` and `last` are the moments of the first and the last frame given out, `opened` of the first
    that came, kept or not.
    """

    def __init__(self, window: Window | None = None) -> None:
        """Wait for the first frame."""
        self._window = window
        self._found = False
        self._hunt = bytearray()  # while no frame is known
        self._rest = b""  # the beginning of a header
        self._left = 0  # of the frame that passes
        self._keep = False
        self._begun = window is None
        self._packed = -1
        self._dated = -1  # the newest date that is one
        self._fates: dict[int, bool] = {}  # whether frames are kept that begin with these eight bytes
        self._moment: datetime | None = None
        self._cut = False
        self.frames = 0
        self.skipped = 0
        self.resyncs = 0
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.opened: datetime | None = None
        self.done = False

    @property
    def held(self) -> int:
        """How many bytes are in memory."""
        return len(self._hunt) + len(self._rest)

    @property
    def truncated(self) -> bool:
        """Whether what has come ends within a frame."""
        begun = self._left > 0 or (bool(self._rest) and MAGIC.startswith(self._rest[: len(MAGIC)]))
        return not self.done and (self._cut or (self._found and begun))

    @property
    def newest(self) -> datetime | None:
        """The moment of the newest frame that passed, kept or not."""
        return self._moment

    def feed(self, data: bytes | memoryview) -> bytes | memoryview:
        """Take bytes, return those to keep; nothing more once `done`. What is returned may lie in what was given."""
        if self.done:
            return b""
        out: list[bytes | memoryview] = []
        while True:
            if not self._found:
                data = self._search(data, final=False)
                if not self._found:
                    break
            rest = self._pass(data, out)
            if rest is None:
                break
            data = rest
        return out[0] if len(out) == 1 else b"".join(out)

    def close(self) -> bytes:
        """Return what the end of the bytes completes: frames behind what looked like the header of a long one."""
        if self._found or self.done:
            return b""
        out: list[bytes | memoryview] = []
        left: bytes | memoryview | None = b""
        while left is not None and not self.done:
            data = self._search(left, final=True)
            left = self._pass(data, out) if data else None
        return b"".join(out)

    def _search(self, data: bytes | memoryview, *, final: bool) -> bytes:
        """Look for a frame that is whole; return the bytes from it on once there is one."""
        hunt = self._hunt
        hunt += data
        at = hunt.find(MAGIC)
        while at >= 0 and len(hunt) - at >= HEADER:
            frame = parse_header(hunt, at)
            if frame is not None and len(hunt) - at < frame.size:
                if not final:
                    self._drop(at)
                    return b""
                self._cut = True
                frame = None
            if frame is not None and _has_trailer(hunt, at, frame.size):
                self._drop(at)
                found = bytes(hunt)
                hunt.clear()
                # What looked like the header of a longer one stood in the preamble.
                self._found, self._cut = True, False
                return found
            at = hunt.find(MAGIC, at + 1)
        # The magic may be split.
        self._drop(at if at >= 0 else max(0, len(hunt) - len(MAGIC) + 1))
        return b""

    def _drop(self, count: int) -> None:
        del self._hunt[:count]
        self.skipped += count

    def _pass(self, data: bytes | memoryview, out: list[bytes | memoryview]) -> bytes | memoryview | None:
        """Let frames pass; return what is left where one does not follow the other, None when all is taken."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        size = len(data)
        start = 0  # of the run that is kept
        at = min(self._left, size)
        self._left -= at
        if not self._keep:
            self.skipped += at
            start = at
        while not self._left:
            at, start = self._hop(data, at, start, out)
            if size - at < HEADER:
                self._rest = bytes(data[at:])
                break
            frame = parse_header(data, at)
            if frame is None:
                self._take(data, start, at, out)
                self._found, self._keep = False, False
                self.resyncs += 1
                return data[at:]
            start = self._turn(data, start, at, out, keep=self._wanted(frame))
            if self.done:
                return None
            if self._begun or frame.type != KEY:
                self._learn(data, at)
            step = min(frame.size, size - at)
            self._left = frame.size - step
            at += step
            if not self._keep:
                self.skipped += step
                start = at
        self._take(data, start, at, out)
        return None

    def _hop(self, data: bytes | memoryview, at: int, start: int, out: list[bytes | memoryview]) -> tuple[int, int]:
        """Pass whole frames of the same second and of known kinds; return where they and the kept run lie.

        A second has dozens of frames: whoever hands on gigabytes cannot afford to look at each in full.
        """
        date, fate_of, size, keep, count, read = self._dated, self._fates.get, len(data), self._keep, 0, _NEXT
        last = size - HEADER
        while at <= last:
            first, length, packed = read(data, at)
            end = at + length
            if packed != date or end > size or (fate := fate_of(first)) is None:
                break
            if not _PLAIN_FRAME <= length <= MAX_FRAME and not _MIN_FRAME + data[at + 22] <= length <= MAX_FRAME:
                break
            if fate is not keep:
                start, keep = self._turn(data, start, at, out, keep=fate), fate
            at = end
            count += 1
            if not fate:
                self.skipped += length
                start, count = end, count - 1
        if count:
            self._count(count)
        return at, start

    def _learn(self, data: bytes | memoryview, at: int) -> None:
        """Remember what becomes of frames that begin as the one at `at` does."""
        if len(self._fates) >= _MOST_FATES:
            self._fates.clear()
        self._fates[_NEXT(data, at)[0]] = self._keep

    def _turn(self, data: bytes | memoryview, start: int, at: int, out: list[bytes | memoryview], *, keep: bool) -> int:
        """Keep what comes, or drop it; return where the run that is kept begins."""
        if keep is self._keep:
            return start
        self._take(data, start, at, out)
        self._keep = keep
        return at

    def _take(self, data: bytes | memoryview, start: int, end: int, out: list[bytes | memoryview]) -> None:
        if self._keep and end > start:
            out.append(data if end - start == len(data) else memoryview(data)[start:end])

    def _wanted(self, frame: Frame) -> bool:
        window = self._window
        if frame.packed != self._packed:
            self._packed = frame.packed
            digits = frame.digits
            self._dated = -1 if digits is None else frame.packed
            if digits is not None:
                self._moment = digits if window is None else window.read(digits, self._moment)
                self.opened = self.opened or self._moment
        moment = self._moment
        if window is not None:
            if moment is not None and moment >= window.end:
                self.done = True
                return False
            if not self._begun and frame.type == KEY and (moment is None or moment >= window.start):
                self._begun = True
                self._fates.clear()
            if not self._begun or frame.type not in _PLAYED:
                return False
        self._count(1)
        return True

    def _count(self, frames: int) -> None:
        """Count frames that are kept, all of them of the present moment."""
        self.frames += frames
        if self.first is None:
            self.first = self._moment
        self.last = self._moment
