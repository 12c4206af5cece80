"""Write footage as an MPEG program stream (ISO 13818-1), as recorders hand out files: piece by piece."""

from collections.abc import AsyncIterator
from datetime import datetime
import struct

from .video.audio import AudioUnit
from .video.bitstream import join_annexb
from .video.encoder import AccessUnit, Gop
from .video.profile import AudioCodec, AudioProfile, VideoCodec, VideoProfile, gop_bounds, to_ticks
from .video.studio import Studio

_VIDEO_ID, _AUDIO_ID, _PADDING_ID = 0xE0, 0xC0, 0xBE
_STREAM_TYPE: dict[str, int] = {"h264": 0x1B, "h265": 0x24, "aac": 0x0F, "pcma": 0x90, "pcmu": 0x91}
_PES_ROOM = 65_000
_PADDING_HEAD = 6
_FIRST_PTS = 45_000
_MUX_RATE = 20_000


def _crc32(data: bytes) -> int:
    """Return the CRC-32/MPEG-2 of a section."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = ((crc << 1) ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def pack_header(scr: int) -> bytes:
    """Return a pack header; `scr` counts 1/90000 s."""
    scr &= (1 << 33) - 1
    value = 0b01 << 46 | (scr >> 30 & 7) << 43 | 1 << 42 | (scr >> 15 & 0x7FFF) << 27 | 1 << 26
    value |= (scr & 0x7FFF) << 11 | 1 << 10 | 1
    return b"\x00\x00\x01\xba" + value.to_bytes(6) + (_MUX_RATE << 2 | 3).to_bytes(3) + b"\xf8"


def _system_header(*, audio: bool) -> bytes:
    streams = struct.pack(">BH", _VIDEO_ID, 0xE000 | 400) + (struct.pack(">BH", _AUDIO_ID, 0xC020) if audio else b"")
    rate = (1 << 23 | _MUX_RATE << 1 | 1).to_bytes(3)
    body = rate + bytes([(1 << 2) if audio else 0, 0xE1, 0x7F]) + streams
    return b"\x00\x00\x01\xbb" + struct.pack(">H", len(body)) + body


def stream_map(video: VideoCodec, audio: AudioCodec | None) -> bytes:
    """Return the program stream map that says which codecs the streams have."""
    entries = struct.pack(">BBH", _STREAM_TYPE[video], _VIDEO_ID, 0)
    if audio is not None:
        entries += struct.pack(">BBH", _STREAM_TYPE[audio], _AUDIO_ID, 0)
    body = b"\xe0\xff" + struct.pack(">HH", 0, len(entries)) + entries
    data = b"\x00\x00\x01\xbc" + struct.pack(">H", len(body) + 4) + body
    return data + struct.pack(">I", _crc32(data))


def _timestamp(mark: int, value: int) -> bytes:
    value &= (1 << 33) - 1
    high = mark << 4 | (value >> 30 & 7) << 1 | 1
    return struct.pack(">BHH", high, (value >> 15 & 0x7FFF) << 1 | 1, (value & 0x7FFF) << 1 | 1)


def pes_packets(stream_id: int, data: bytes, pts: int, dts: int | None = None) -> bytes:
    """Return data as PES packets; only the first one carries times."""
    parts = []
    for offset in range(0, len(data), _PES_ROOM):
        chunk = data[offset : offset + _PES_ROOM]
        times, flags = b"", 0x00
        if offset == 0 and dts is not None:
            times, flags = _timestamp(3, pts) + _timestamp(1, dts), 0xC0
        elif offset == 0:
            times, flags = _timestamp(2, pts), 0x80
        head = bytes([0x84 if offset == 0 else 0x80, flags, len(times)]) + times
        parts.append(struct.pack(">IH", 0x100 | stream_id, len(head) + len(chunk)) + head + chunk)
    return b"".join(parts)


def padding(size: int) -> bytes:
    """Return padding packets of `size` bytes in all, which is 0 or at least 6."""
    parts = []
    while size:
        room = min(size, 0xFFF0)
        if 0 < size - room < _PADDING_HEAD:
            room -= _PADDING_HEAD
        parts.append(struct.pack(">IH", 0x100 | _PADDING_ID, room - _PADDING_HEAD) + b"\xff" * (room - _PADDING_HEAD))
        size -= room
    return b"".join(parts)


def _adts(rate: int, data: bytes) -> bytes:
    """Return an AAC frame with the header that lets it stand alone."""
    rates = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
    size = len(data) + 7
    value = 0xFFF << 44 | 1 << 40 | 1 << 38 | rates.index(rate) << 34 | 1 << 30 | size << 13 | 0x7FF << 2
    return value.to_bytes(7) + data


class PsWriter:
    """Turns groups of pictures and their sound into bytes; sound without a stream type of its own is left out."""

    def __init__(self, profile: VideoProfile, origin: int) -> None:
        audio = profile.audio
        self._video = profile.codec
        self._audio: AudioProfile | None = audio if audio is not None and audio.codec in _STREAM_TYPE else None
        self._origin = origin
        self._reordered = profile.b_frames > 0

    def group(self, gop: Gop, audio: tuple[AudioUnit, ...]) -> bytes:
        """Return a group with the headers that let reading begin here."""
        codec = None if self._audio is None else self._audio.codec
        head = _system_header(audio=codec is not None) + stream_map(self._video, codec)
        units: list[tuple[int, AccessUnit | AudioUnit]] = [(unit.dts, unit) for unit in gop.units]
        if self._audio is not None:
            units += [(unit.pts, unit) for unit in audio]
        parts = []
        for index, (when, unit) in enumerate(sorted(units, key=lambda pair: pair[0])):
            parts.append(pack_header(max(0, when - self._origin)))
            if index == 0:
                parts.append(head)
            parts.append(self._unit(unit, gop))
        return b"".join(parts)

    def _unit(self, unit: AccessUnit | AudioUnit, gop: Gop) -> bytes:
        pts = unit.pts - self._origin + _FIRST_PTS
        if isinstance(unit, AccessUnit):
            nals = unit.nals
            if unit.key and not any(nal in gop.parameter_sets for nal in nals):
                nals = gop.parameter_sets + nals
            dts = unit.dts - self._origin + _FIRST_PTS if self._reordered else None
            return pes_packets(_VIDEO_ID, join_annexb(nals), pts, dts)
        assert self._audio is not None
        data = _adts(self._audio.rate, unit.data) if self._audio.codec == "aac" else unit.data
        return pes_packets(_AUDIO_ID, data, pts)


async def program_stream(
    studio: Studio,
    channel: int,
    profile: VideoProfile,
    start: datetime,
    end: datetime,
    *,
    header: bytes = b"",
    size: int | None = None,
) -> AsyncIterator[bytes]:
    """Yield the footage [start, end) (true time), group by group, after a vendor's own `header`.

    With `size` exactly so many bytes come: padding fills up along the way, and what would not fit is cut off.
    """
    position, until = profile.first_frame(to_ticks(start)), to_ticks(end)
    first, span = position, max(1, until - position)
    writer = PsWriter(profile, position)
    sent = len(header)
    if header:
        yield header
    while position < until:
        border = gop_bounds(profile, channel, position)[1]
        gop = await studio.gop(channel, profile, position, until)
        if border < until:
            studio.prefetch(channel, profile, border)
        data = writer.group(gop, await studio.audio(channel, profile, position, min(border, until)))
        position = min(border, until)
        if size is not None:
            data = _fit(data, sent, size, size if position >= until else size * (position - first) // span)
        sent += len(data)
        if data:
            yield data


def _fit(data: bytes, sent: int, size: int, target: int) -> bytes:
    """Pad data so that `target` bytes are out, and never leave a rest of `size` that no padding can fill."""
    missing = target - sent - len(data)
    if target < size and missing >= _PADDING_HEAD and size - target >= _PADDING_HEAD:
        return data + padding(missing)
    if target == size:
        if missing >= _PADDING_HEAD or missing == 0:
            return data + padding(missing)
        return data[:missing] if missing < 0 else data + b"\x00" * missing
    return data[: max(0, size - sent)]
