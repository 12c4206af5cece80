"""Write footage as DHAV, the frame format Dahua recorders keep and hand out (dahua-cgi 11.5): piece by piece."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
import struct
import zlib

from tests.simulators.clock import SimClock
from tests.simulators.footage import Span
from tests.simulators.video.audio import AudioUnit
from tests.simulators.video.bitstream import join_annexb
from tests.simulators.video.encoder import AccessUnit, Gop
from tests.simulators.video.profile import AudioProfile, VideoProfile, from_ticks, gop_bounds, to_ticks
from tests.simulators.video.studio import Studio

KEY, INTER, SOUND, AUXILIARY = 0xFD, 0xFC, 0xF0, 0xF1
HEAD, TRAILER = 24, 8
SMALLEST = HEAD + TRAILER
_VIDEO = {"h264": 0x02, "h265": 0x0C}
_AUDIO = {"pcmu": 0x0A, "pcma": 0x0E, "pcm_s16le": 0x10, "aac": 0x1A}
_RATES = (8000, 4000, 8000, 11025, 16000, 20000, 22050, 32000, 44100, 48000, 96000, 192000, 64000)
_LARGEST_PADDING = 256 << 10
_EIGHTHS = 255 * 8


def packed_date(wall: datetime) -> int:
    """Return the digits of a wall clock as the four bytes of a header hold them."""
    day = (wall.year - 2000) << 26 | wall.month << 22 | wall.day << 17
    return day | wall.hour << 12 | wall.minute << 6 | wall.second


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a header says of time: the wall clock's digits, and milliseconds that run on from second to second."""

    wall: datetime
    milliseconds: int


def header(
    kind: int, length: int, number: int, stamp: Stamp, extension: bytes = b"", *, channel: int = 0, subtype: int = 0
) -> bytes:
    """Return the 24 bytes before a payload and its extension; `length` is that of the payload, `channel` 0-based."""
    total = HEAD + len(extension) + length + TRAILER
    head = b"DHAV" + bytes([kind, subtype, channel, 0]) + struct.pack("<II", number & 0xFFFFFFFF, total)
    head += struct.pack("<IH", packed_date(stamp.wall), stamp.milliseconds & 0xFFFF) + bytes([len(extension)])
    return head + bytes([sum(head) & 0xFF])


def trailer(length: int) -> bytes:
    """Return the end of a frame of `length` bytes in all."""
    return b"dhav" + struct.pack("<I", length)


def frame(
    kind: int, payload: bytes, number: int, stamp: Stamp, extension: bytes = b"", *, channel: int = 0, subtype: int = 0
) -> bytes:
    """Return one whole frame."""
    head = header(kind, len(payload), number, stamp, extension, channel=channel, subtype=subtype)
    return head + extension + payload + trailer(HEAD + len(extension) + len(payload) + TRAILER)


def video_extension(profile: VideoProfile, width: int, height: int, payload: bytes) -> bytes:
    """Return the tags of a picture: its size, its codec and rate, and a check sum that players skip."""
    small = width <= _EIGHTHS and height <= _EIGHTHS and width % 8 == height % 8 == 0
    size = bytes([0x80, 0, width // 8, height // 8]) if small else struct.pack("<B3xHH", 0x82, width, height)
    codec = bytes([0x81, 0, _VIDEO[profile.codec], round(profile.fps)])
    return size + codec + struct.pack("<B3xI", 0x88, zlib.crc32(payload))


def audio_extension(audio: AudioProfile) -> bytes:
    """Return the tag of a sound frame."""
    return bytes([0x83, 1, _AUDIO[audio.codec], _RATES.index(audio.rate)])


@lru_cache(maxsize=4)
def _filling(size: int) -> bytes:
    """Return payload that means nothing and holds no frame."""
    return (b"\x00\x00\x55\xaa" * (size // 4 + 1))[:size]


class DhavWriter:
    """Turns groups of pictures and their sound into frames; the times in them are the recorder's wall clock."""

    def __init__(self, clock: SimClock, profile: VideoProfile, channel: int, *, damage_every: int = 0) -> None:
        self._clock = clock
        self._damage_every = damage_every
        self._made = 0
        self._profile = profile
        self._channel = channel - 1
        self._numbers = {KEY: 0, SOUND: 0, AUXILIARY: 0}

    def _stamp(self, ticks: int) -> Stamp:
        moment = self._clock.to_device(from_ticks(ticks))
        return Stamp(moment.replace(tzinfo=None), round(moment.timestamp() * 1000))

    def _number(self, kind: int) -> int:
        kind = KEY if kind == INTER else kind
        self._numbers[kind] += 1
        return self._numbers[kind]

    def _frame(self, kind: int, payload: bytes, ticks: int, extension: bytes = b"") -> bytes:
        data = frame(kind, payload, self._number(kind), self._stamp(ticks), extension, channel=self._channel)
        self._made += 1
        if self._damage_every and self._made % self._damage_every == 0:
            hurt = bytearray(data)
            hurt[HEAD - 1] ^= 0xFF
            hurt[-TRAILER - 1] ^= 0xFF
            return bytes(hurt)
        return data

    def group(self, gop: Gop, audio: tuple[AudioUnit, ...], *, since: int = 0) -> list[bytes]:
        """Return a group, frame by frame in time order; its first frame is the key picture.

        Frames before `since` (ticks) are left out; then the group cannot be decoded.
        """
        units: list[tuple[int, int, AccessUnit | AudioUnit]] = [(unit.dts, 0, unit) for unit in gop.units]
        units += [(unit.pts, 1, unit) for unit in audio if self._profile.audio is not None]
        frames = []
        for when, _, unit in sorted(units, key=lambda entry: entry[:2]):
            if when < since:
                continue
            frames.append(self._picture(unit, gop) if isinstance(unit, AccessUnit) else self._sound(unit))
        frames.insert(1, self._frame(AUXILIARY, b"\x00" * 48, gop.start))
        return frames

    def _picture(self, unit: AccessUnit, gop: Gop) -> bytes:
        nals = unit.nals
        if unit.key and not any(nal in gop.parameter_sets for nal in nals):
            nals = gop.parameter_sets + nals
        payload = join_annexb(nals)
        extension = video_extension(self._profile, gop.width, gop.height, payload)
        return self._frame(KEY if unit.key else INTER, payload, unit.pts, extension)

    def _sound(self, unit: AudioUnit) -> bytes:
        assert self._profile.audio is not None
        return self._frame(SOUND, unit.data, unit.pts, audio_extension(self._profile.audio))

    def padding(self, size: int, ticks: int) -> Iterator[bytes]:
        """Yield frames that players skip, `size` bytes in all; `size` is 0 or at least 32."""
        while size:
            total = min(size, _LARGEST_PADDING)
            if 0 < size - total < SMALLEST:
                total -= SMALLEST
            length = total - SMALLEST
            yield header(AUXILIARY, length, self._number(AUXILIARY), self._stamp(ticks), channel=self._channel)
            yield _filling(length)
            yield trailer(total)
            size -= total


class _Budget:
    """Keeps a stream at the length its list entry says: fills it up along the way, and ends early when it is short."""

    def __init__(self, writer: DhavWriter, size: int, span: int) -> None:
        self._writer = writer
        self._size = size
        self._span = max(1, span)
        self._full = False
        self.sent = 0

    def admit(self, frames: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the frames that fit; after one that does not nothing could be decoded."""
        for each in frames:
            left = self._size - self.sent - len(each)
            self._full = self._full or (left != 0 and left < SMALLEST)
            if not self._full:
                self.sent += len(each)
                yield each

    def fill(self, done: int, ticks: int) -> Iterator[bytes]:
        """Yield what is missing when `done` ticks of the footage are out, at the moment `ticks`."""
        target = self._size if done >= self._span else self._size * done // self._span
        missing = target - self.sent
        if missing < SMALLEST or (target < self._size and self._size - target < SMALLEST):
            return
        self.sent += missing
        yield from self._writer.padding(missing, ticks)


def spans_to_ticks(profile: VideoProfile, spans: Iterable[Span]) -> list[tuple[int, int]]:
    """Return spans in ticks, each from its first picture on; empty ones are left out."""
    found = [(profile.first_frame(to_ticks(start)), to_ticks(end)) for start, end in spans]
    return [(start, end) for start, end in found if start < end]


async def dhav_stream(
    studio: Studio,
    channel: int,
    profile: VideoProfile,
    spans: Iterable[Span],
    *,
    size: int | None = None,
    since: datetime | None = None,
    damage_every: int = 0,
) -> AsyncIterator[bytes]:
    """Yield the footage of some spans (true time, sorted), as frames; never more than a group is held.

    With `size` (0, or 32 and more) exactly so many bytes come. What is before `since` is left out, key pictures too.
    """
    pieces = spans_to_ticks(profile, spans)
    writer = DhavWriter(studio.clock, profile, channel, damage_every=damage_every)
    earliest = 0 if since is None else to_ticks(since)
    budget = None if size is None else _Budget(writer, size, sum(until - start for start, until in pieces))
    done = 0
    for start, until in pieces:
        position = start
        while position < until:
            border = gop_bounds(profile, channel, position)[1]
            gop = await studio.gop(channel, profile, position, until)
            if border < until:
                studio.prefetch(channel, profile, border)
            done += min(border, until) - position
            position = min(border, until)
            audio = await studio.audio(channel, profile, gop.start, position)
            frames = writer.group(gop, audio, since=earliest)
            if budget is None:
                yield b"".join(frames)
                continue
            if admitted := b"".join(budget.admit(frames)):
                yield admitted
            for part in budget.fill(done, position - 1):
                yield part
