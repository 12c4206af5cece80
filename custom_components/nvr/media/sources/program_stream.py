"""MPEG program streams (ISO/IEC 13818-1 2.5), as Hikvision hands out files (hikvision-isapi 10): bytes in, frames out.

A private header may stand before the first pack. Private streams and padding are passed over. Pictures are told apart
by their time stamps: encoders write each NAL unit into a packet of its own, or many packets for one. Time stamps count
from anywhere, and may jump where files were joined; the moment of the first picture is told from outside.
"""

from dataclasses import dataclass, field
import struct
from typing import Final

from ...core.errors import NvrResponseError
from ...core.models import VideoCodec
from ..audio import AudioFormat, AudioUnit
from ..ticks import RATE
from .demux import MOST_UNIT, AdtsReader, Pieces, too_long
from .pictures import Pictures

_PACK, _SYSTEM, _MAP, _END = 0xBA, 0xBB, 0xBC, 0xB9
_VIDEO = {
    0x1B: VideoCodec.H264,
    0x24: VideoCodec.H265,
    0x10: VideoCodec.MPEG4,
}
_SOUND = {0x90: "pcm_alaw", 0x91: "pcm_mulaw", 0x0F: "aac"}
_RATE_OF_G711: Final = 8000
_PREFIX: Final = b"\x00\x00\x01"
# What may stand before the first pack (hikvision-isapi 10: 32 or 40 bytes), and be junk between packs.
_MOST_JUNK: Final = 4 * 1024 * 1024
_WRAP: Final = 1 << 33
# Frames are shown out of order by less, and joins of files lie apart by more.
_BACK: Final = 2 * RATE
_AHEAD: Final = 60 * RATE
_STEP: Final = RATE // 25


@dataclass(slots=True)
class Timeline:
    """From the stream's own time stamps to moments: `begin` is when the first picture was recorded.

    A stamp that leaps, back or far ahead, begins a new count where the last one ended; so do both tracks together.
    """

    begin: int
    _zero: int | None = None
    _last: int = 0
    _shift: int = field(default=0)

    def moment(self, stamp: int) -> int:
        """Return the moment of a picture's stamp; the first fixes the zero."""
        if self._zero is None:
            self._zero = self._last = stamp
        stamp = self._unwrapped(stamp)
        if not -_BACK <= stamp - self._last <= _AHEAD:
            self._shift += self._last + _STEP - stamp
        self._last = stamp
        return self.begin + stamp - self._zero + self._shift

    def heard(self, stamp: int) -> int | None:
        """Return the moment of a sound's stamp; None before the first picture, and far from the last one."""
        if self._zero is None:
            return None
        stamp = self._unwrapped(stamp)
        if abs(stamp - self._last) > _AHEAD:
            return None
        return self.begin + stamp - self._zero + self._shift

    def _unwrapped(self, stamp: int) -> int:
        delta = (stamp - self._last) % _WRAP
        return self._last + (delta - _WRAP if delta >= _WRAP // 2 else delta)


@dataclass(slots=True)
class _Unit:
    """The picture that is being put together."""

    stamp: int
    parts: list[bytes]
    size: int = 0


class ProgramStreamDemuxer:
    """Feed it; `pictures` and `audio` tell what the stream is once something came."""

    def __init__(self, begin: int) -> None:
        """`begin`: when the first picture was recorded, in ticks since the epoch."""
        self.pictures = Pictures()
        self.audio: AudioFormat | None = None
        self._time = Timeline(begin)
        self._data = bytearray()
        self._junk = 0
        self._found = False
        self._unit: _Unit | None = None
        self._video_id: int | None = None
        self._sound: dict[int, str] = {}
        self._adts = AdtsReader()
        self._out = Pieces()

    def feed(self, data: bytes) -> Pieces:
        """Take the next bytes."""
        self._data += data
        at = 0
        while (following := self._take(at)) is not None:
            at = following
        del self._data[:at]
        if len(self._data) > MOST_UNIT:
            raise too_long()
        return self._done()

    def close(self) -> Pieces:
        """Return the last picture: nothing more will come. One that was cut off is left out."""
        if len(self._data) < 4:
            self._finish()
        return self._done()

    def _done(self) -> Pieces:
        out, self._out = self._out, Pieces()
        return out

    def _take(self, at: int) -> int | None:
        """Take what begins at `at` and return where the next begins; None when more must come."""
        data = self._data
        if len(data) - at < 4:
            return None
        code = data[at + 3]
        if data[at : at + 3] != _PREFIX or code < _END or (not self._found and code != _PACK):
            return self._skip_junk(at)
        if code == _PACK:
            self._found, self._junk = True, 0
            return self._pack(at)
        if code == _END:
            return at + 4
        if len(data) - at < 6:
            return None
        length = int.from_bytes(data[at + 4 : at + 6])
        end = at + 6 + length
        if not length:
            found = self._unbounded(at + 6)
            if found is None:
                return None
            end = found
        if end > len(data):
            return None
        self._packet(code, bytes(data[at + 6 : end]))
        return end

    def _skip_junk(self, at: int) -> int | None:
        """Return where the next start code is; what is between is not ours."""
        data = self._data
        found = data.find(_PREFIX, at + 1)
        end = found if found >= 0 else max(at, len(data) - 2)
        self._junk += end - at
        if self._junk > _MOST_JUNK:
            raise NvrResponseError("the recorder sends something that is no program stream")
        return end if found >= 0 or end > at else None

    def _pack(self, at: int) -> int | None:
        data = self._data
        if len(data) - at < 14:
            return None
        if data[at + 4] & 0xC0 != 0x40:  # MPEG-1
            return at + 12
        end = at + 14 + (data[at + 13] & 7)
        return end if end <= len(data) else None

    def _unbounded(self, at: int) -> int | None:
        """Return where a packet without a length ends: at the next start code of the system layer."""
        while (found := self._data.find(_PREFIX, at)) >= 0 and found + 3 < len(self._data):
            if self._data[found + 3] >= _END:
                return found
            at = found + 3
        return None

    def _packet(self, code: int, body: bytes) -> None:
        if code == _MAP:
            self._map(body)
        elif 0xE0 <= code <= 0xEF:
            self._picture(code, body)
        elif 0xC0 <= code <= 0xDF:
            self._heard(code, body)

    def _map(self, body: bytes) -> None:
        """Take the program stream map: which stream is what (13818-1 2.5.4)."""
        if len(body) < 10:
            return
        at = 4 + struct.unpack_from(">H", body, 2)[0]
        if at + 2 > len(body):
            return
        end = min(len(body) - 4, at + 2 + struct.unpack_from(">H", body, at)[0])
        at += 2
        while at + 4 <= end:
            kind, stream, length = struct.unpack_from(">BBH", body, at)
            if 0xE0 <= stream <= 0xEF and kind in _VIDEO and self._video_id in {None, stream}:
                if self._unit is not None and _VIDEO[kind] is not self.pictures.codec:
                    self._finish()
                self._video_id = stream
                self.pictures.adopt(_VIDEO[kind])
            elif 0xC0 <= stream <= 0xDF and kind in _SOUND:
                self._sound[stream] = decoder = _SOUND[kind]
                if decoder != "aac":
                    self.audio = self.audio or AudioFormat(decoder, _RATE_OF_G711, 1, 8)
            at += 4 + length

    def _picture(self, code: int, body: bytes) -> None:
        if self._video_id is None:
            self._video_id = code
        if code != self._video_id:
            return
        stamp, data = _payload(body)
        unit = self._unit
        if unit is None or (stamp is not None and stamp != unit.stamp):
            if unit is not None and (rest := _begin_of_picture(data)):
                unit.parts.append(data[:rest])
                data = data[rest:]
            self._finish()
            if stamp is None:
                return  # the rest of a picture whose beginning nobody saw
            unit = self._unit = _Unit(stamp, [])
        unit.parts.append(data)
        unit.size += len(data)
        if unit.size > MOST_UNIT:
            raise too_long()

    def _finish(self) -> None:
        unit, self._unit = self._unit, None
        if unit is None:
            return
        # Dated only once it counts: the first picture that can be decoded is the beginning.
        sample = self.pictures.sample(0, b"".join(unit.parts))
        if sample is not None:
            sample.time = self._time.moment(unit.stamp)
            self._out.samples.append(sample)

    def _heard(self, code: int, body: bytes) -> None:
        decoder = self._sound.get(code)
        stamp, data = _payload(body)
        if decoder is None or not data:
            return
        moment = self._time.heard(stamp) if stamp is not None else None
        if decoder != "aac":
            if moment is not None and self.audio is not None and self.audio.decoder == decoder:
                self._out.units.append(AudioUnit(moment, data))
            return
        units = self._adts.push(moment if moment is not None else 0, data)
        config = self._adts.config
        if config is not None and self.audio is None:
            self.audio = AudioFormat("aac", config.rate, config.channels, config=config)
        if moment is not None:
            self._out.units += units


def _begin_of_picture(data: bytes) -> int:
    """Return where a picture begins in the packet that is dated by it: what is before ends the one before."""
    found = data.find(_PREFIX)
    if found <= 0:
        return 0
    return found - 1 if data[found - 1] == 0 else found


def _payload(body: bytes) -> tuple[int | None, bytes]:
    """Return the time stamp, if there is one, and the data of a packet (13818-1 2.4.3.6)."""
    if len(body) < 3 or body[0] & 0xC0 != 0x80:
        return None, b""
    begin = 3 + body[2]
    if not body[1] & 0x80 or len(body) < 8:
        return None, body[begin:]
    high, middle, low = body[3], *struct.unpack_from(">HH", body, 4)
    return (high >> 1 & 7) << 30 | (middle >> 1) << 15 | low >> 1, body[begin:]
