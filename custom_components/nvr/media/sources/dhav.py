"""DHAV, the frames of Dahua's files (dahua-cgi 11.5): bytes in, frames out.

Headers carry the recorder's wall clock to the second and a counter of milliseconds that runs on from second to second.
The counter tells how far frames lie apart, also over the hour at which clocks change; where within its second the first
one stands follows from where the digits turn over. Until they do, frames are held back, a second at most.
"""

from datetime import datetime
import struct
from typing import Final, NamedTuple

from ...core.errors import NvrResponseError
from ...core.models import VideoCodec
from ..aac import RATES, AacConfig, make_config
from ..audio import AudioFormat, AudioUnit
from ..cover import Sample
from ..ticks import RATE
from .demux import MOST_UNIT, AdtsReader, Pieces, too_long
from .pictures import Pictures

_MAGIC, _TRAILER_MAGIC = b"DHAV", b"dhav"
_HEADER: Final = 24
_TRAILER: Final = 8
_KEY, _INTER, _SOUND = 0xFD, 0xFC, 0xF0
_FIELDS = struct.Struct("<4sBBBBIIIHBB")
_MOST_JUNK: Final = 32 * 1024 * 1024
_VIDEO = {1: VideoCodec.MPEG4, 2: VideoCodec.H264, 4: VideoCodec.H264, 8: VideoCodec.H264, 3: VideoCodec.MJPEG,
          0x0C: VideoCodec.H265}  # fmt: skip
_PCM = {0x0E: ("pcm_alaw", 8), 0x0A: ("pcm_mulaw", 8), 0x16: ("pcm_mulaw", 8), 0x0C: ("pcm_s16le", 16),
        0x10: ("pcm_s16le", 16)}  # fmt: skip
_AAC: Final = 0x1A
_RATES = (8000, 4000, 8000, 11025, 16000, 20000, 22050, 32000, 44100, 48000, 96000, 192000, 64000)
# Tags of an extension that are eight bytes long; all others have four (dahua-cgi 11.5).
_LONG_TAGS = frozenset({0x82, 0x88, 0x89, 0x8A, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F})
_COUNTER: Final = 65_536
_CHANGE: Final = 3600
_TREMBLE: Final = 1200
_PATIENCE: Final = 3000


class _Head(NamedTuple):
    kind: int
    size: int
    packed: int
    milliseconds: int
    extension: int


def _head(data: bytearray, at: int) -> _Head | None:
    """Return the header of a frame; None for what cannot be one."""
    magic, kind, _, _, _, _, size, packed, milliseconds, extension, _ = _FIELDS.unpack_from(data, at)
    if magic != _MAGIC or not _HEADER + _TRAILER + extension <= size <= MOST_UNIT:
        return None
    return _Head(kind, size, packed, milliseconds, extension)


def _digits(packed: int) -> int | None:
    """Return packed wall digits as seconds on a calendar without zones; None for no date."""
    try:
        moment = datetime(  # noqa: DTZ001 - wall digits have no zone
            2000 + (packed >> 26),
            packed >> 22 & 15,
            packed >> 17 & 31,
            packed >> 12 & 31,
            packed >> 6 & 63,
            packed & 63,
        )
    except ValueError:
        return None
    return moment.toordinal() * 86_400 + moment.hour * 3600 + moment.minute * 60 + moment.second


class FrameClock:
    """How far behind the first frame each one lies, in milliseconds, and when the first one was within its second."""

    def __init__(self) -> None:
        """Wait for the first frame."""
        self.elapsed = 0
        self.turned = False
        self._packed = -1
        self._second: int | None = None
        self._first = 0
        self._milliseconds = 0
        self._moved = 0  # by how many seconds the digits were put on or back
        self._low, self._high = 0, 999

    @property
    def fraction(self) -> int:
        """How many milliseconds behind its whole second the first frame was recorded; to half a frame, once turned."""
        return (self._low + max(self._low, self._high)) // 2 if self.turned else 0

    def push(self, packed: int, milliseconds: int) -> int:
        """Take a frame and return how far behind the first one it lies."""
        second = self._second if packed == self._packed else _digits(packed)
        if second is None:
            return self.elapsed
        self._packed = packed
        if self._second is None:
            self._first = self._second = second
            self._milliseconds = milliseconds
            return 0
        step = self._step(second - self._second, (milliseconds - self._milliseconds) % _COUNTER)
        turned = second != self._second
        self._second, self._milliseconds = second, milliseconds
        self.elapsed += step
        # The first frame was recorded `fraction` behind its second: that binds every other one to its own.
        behind = (second - self._moved - self._first) * 1000 - self.elapsed
        self._low, self._high = max(self._low, behind), min(self._high, behind + 999)
        if self._low > self._high + _TREMBLE:
            # A counter that stands still, or runs wrong: what is left are whole seconds.
            self.elapsed += self._low - self._high
            self._low, self._high = 0, 999
        self.turned = self.turned or (turned and 0 <= step < _TREMBLE)
        return self.elapsed

    def _step(self, seconds: int, counted: int) -> int:
        """Return how far a frame lies behind the one before, by digits and by the counter, which begins anew."""
        found: list[tuple[int, int]] = []
        for change in (0, _CHANGE, -_CHANGE):
            told = (seconds - change) * 1000
            rounds = round((told - counted) / _COUNTER)
            step = counted + rounds * _COUNTER
            if abs(step - told) < _TREMBLE and (step >= 0 or not change):
                found.append((abs(step), change))
        if not found:
            return max(seconds, 0) * 1000  # the counter means nothing here
        step, change = min(found)
        self._moved += change
        return step


class DhavDemuxer:
    """Feed it; `pictures` and `audio` tell what the frames are once one of them came."""

    def __init__(self, begin: int) -> None:
        """`begin`: the second of the first frame, in ticks since the epoch."""
        self.pictures = Pictures()
        self.audio: AudioFormat | None = None
        self._begin = begin
        self._clock = FrameClock()
        self._data = bytearray()
        self._found = False
        self._junk = 0
        self._aac: AacConfig | None = None
        self._held: list[tuple[int, Sample | AudioUnit]] = []
        self._offset: int | None = None

    def feed(self, data: bytes) -> Pieces:
        """Take the next bytes."""
        self._data += data
        at = 0
        while (following := self._take(at)) is not None:
            at = following
        del self._data[:at]
        if len(self._data) > 2 * MOST_UNIT:
            raise too_long()
        return self._out(final=False)

    def close(self) -> Pieces:
        """Return what was held back."""
        return self._out(final=True)

    def _take(self, at: int) -> int | None:
        """Take the frame at `at` and return where it ends; None when more must come."""
        data = self._data
        if len(data) - at < _HEADER:
            return None
        head = _head(data, at)
        if head is None:
            return self._skip(at)
        end: int = at + head.size
        if end > len(data):
            # Of the first one nothing is believed before its trailer: what looks like one may stand in a preamble.
            return None if self._found or len(data) - at < MOST_UNIT // 4 else self._skip(at)
        if data[end - _TRAILER : end - 4] != _TRAILER_MAGIC:
            return self._skip(at)
        self._found, self._junk = True, 0
        if head.kind in {_KEY, _INTER, _SOUND}:
            self._frame(head, bytes(data[at + _HEADER : end - _TRAILER]))
        return end

    def _skip(self, at: int) -> int | None:
        data = self._data
        found = data.find(_MAGIC, at + 1)
        end = found if found >= 0 else max(at + 1, len(data) - 3)
        self._junk += end - at
        if self._junk > _MOST_JUNK:
            raise NvrResponseError("the recorder sends something that holds no frames")
        return end if len(data) - at >= _HEADER else None

    def _frame(self, head: _Head, body: bytes) -> None:
        tags, payload = _tags(body[: head.extension]), body[head.extension :]
        if head.kind == _SOUND:
            self._heard(head, tags, payload)
            return
        if (codec := tags.get(0x81)) is not None:
            self.pictures.adopt(_VIDEO.get(codec[2], VideoCodec.UNKNOWN))
        sample = self.pictures.sample(0, payload)
        if sample is not None:
            self._held.append((self._clock.push(head.packed, head.milliseconds), sample))

    def _heard(self, head: _Head, tags: dict[int, bytes], payload: bytes) -> None:
        tag = tags.get(0x83)
        # Sound before the first picture is nobody's.
        if tag is None or not payload or (not self._held and self._offset is None):
            return
        rate = _RATES[tag[3]] if tag[3] < len(_RATES) else 0
        elapsed = self._clock.push(head.packed, head.milliseconds)
        if tag[2] == _AAC:
            units = self._frames_of(payload, rate, tag[1])
        elif tag[2] in _PCM and rate:
            decoder, bits = _PCM[tag[2]]
            self.audio = self.audio or AudioFormat(decoder, rate, max(1, tag[1]), bits)
            units = [AudioUnit(0, payload)] if self.audio.decoder == decoder else []
        else:
            return
        self._held += [(elapsed + unit.time * 1000 // RATE, unit) for unit in units]

    def _frames_of(self, payload: bytes, rate: int, channels: int) -> list[AudioUnit]:
        """Return the frames of AAC in a payload: with headers of their own, or one that is bare."""
        reader = AdtsReader(self._aac)
        units = reader.push(0, payload)
        self._aac = reader.config
        if not units and not payload.startswith(b"\xff") and rate in RATES:
            self._aac = self._aac or make_config(rate, min(max(1, channels), 2))
            units = [AudioUnit(0, payload)]
        if self.audio is None and (config := self._aac) is not None:
            self.audio = AudioFormat("aac", config.rate, config.channels, config=config)
        return units

    def _out(self, *, final: bool) -> Pieces:
        """Return what can be dated."""
        pieces = Pieces()
        if self._offset is None:
            waited = bool(self._held) and self._held[-1][0] > _PATIENCE
            if not (self._held and (self._clock.turned or waited or final)):
                return pieces
            self._offset = self._clock.fraction
        for elapsed, item in self._held:
            item.time = self._begin + (self._offset + elapsed) * RATE // 1000
            if isinstance(item, Sample):
                pieces.samples.append(item)
            else:
                pieces.units.append(item)
        self._held.clear()
        return pieces


def _tags(extension: bytes) -> dict[int, bytes]:
    """Return the tags of an extension; four bytes each, or eight (dahua-cgi 11.5)."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(extension):
        size = 8 if extension[at] in _LONG_TAGS else 4
        found.setdefault(extension[at], extension[at : at + size])
        at += size
    return found
