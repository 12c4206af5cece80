"""From packets of sound to what they carry: AAC (RFC 3640, RFC 6416) and plain samples (RFC 3551). Pure."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from ..bits import BitReader
from .rtp import RtpPacket

_MAX_FRAME = 64 * 1024
_HALF_RANGE = 0x8000


@dataclass(frozen=True, slots=True)
class AudioPacket:
    """One frame of AAC, or the samples of one packet; `timestamp` is RTP time and may exceed 32 bits by little."""

    timestamp: int
    data: bytes


class AudioDepacketizer(ABC):
    """Takes packets in their order; what is broken or came twice is left out, and silence stands in its place."""

    def __init__(self) -> None:
        """Begin with whatever comes first."""
        self.lost = 0
        self._expected: int | None = None

    def push(self, packet: RtpPacket) -> list[AudioPacket]:
        """Take one packet and return what it completes."""
        if self._expected is not None and packet.sequence != self._expected:
            if (packet.sequence - self._expected) & 0xFFFF >= _HALF_RANGE:
                return []
            self.lost += 1
            self._forget()
        self._expected = (packet.sequence + 1) & 0xFFFF
        return self._unpack(packet)

    @abstractmethod
    def _forget(self) -> None:
        """Drop what was begun: a packet is missing."""

    @abstractmethod
    def _unpack(self, packet: RtpPacket) -> list[AudioPacket]:
        """Return what a packet completes."""


class SampleDepacketizer(AudioDepacketizer):
    """G.711, G.722, G.726 and PCM: a packet is its samples."""

    def _forget(self) -> None:
        """Nothing goes on from packet to packet."""

    def _unpack(self, packet: RtpPacket) -> list[AudioPacket]:
        return [AudioPacket(packet.timestamp, packet.payload)] if packet.payload else []


class AacDepacketizer(AudioDepacketizer):
    """RFC 3640: frames behind a table of their lengths, or one frame in several packets."""

    def __init__(self, size_bits: int = 13, index_bits: int = 3, delta_bits: int = 3, frame_ticks: int = 1024) -> None:
        """Take the widths of the table's fields; `frame_ticks` is the length of a frame in RTP time."""
        super().__init__()
        self._size_bits = size_bits
        self._index_bits = index_bits
        self._delta_bits = delta_bits
        self._frame_ticks = frame_ticks
        self._partial = bytearray()

    def _forget(self) -> None:
        self._partial.clear()

    def _unpack(self, packet: RtpPacket) -> list[AudioPacket]:
        payload = packet.payload
        if not self._size_bits:
            return [AudioPacket(packet.timestamp, payload)] if payload else []
        table = (int.from_bytes(payload[:2]) + 7) // 8
        body = payload[2 + table :]
        sizes = self._sizes(payload[2 : 2 + table], int.from_bytes(payload[:2]))
        if len(sizes) == 1 and (self._partial or sizes[0] > len(body)):
            return self._join(packet, body, sizes[0])
        found: list[AudioPacket] = []
        position = 0
        for index, size in enumerate(sizes):
            if not 0 < size <= len(body) - position:
                break
            found.append(AudioPacket(packet.timestamp + index * self._frame_ticks, body[position : position + size]))
            position += size
        return found

    def _sizes(self, table: bytes, bits: int) -> list[int]:
        reader = BitReader(table)
        sizes: list[int] = []
        bits = min(bits, 8 * len(table))
        width = self._size_bits + self._index_bits
        while bits >= width > 0:
            sizes.append(reader.bits(width) >> (width - self._size_bits))
            bits -= width
            width = self._size_bits + self._delta_bits
        return sizes

    def _join(self, packet: RtpPacket, part: bytes, size: int) -> list[AudioPacket]:
        self._partial += part
        if len(self._partial) > _MAX_FRAME:
            self._partial.clear()
        if not packet.marker:
            return []
        whole = bytes(self._partial)
        self._partial.clear()
        return [AudioPacket(packet.timestamp, whole)] if len(whole) == size else []


class LatmDepacketizer(AudioDepacketizer):
    """RFC 6416 with the configuration in the description: each frame behind its length, the last packet marked."""

    def __init__(self, frame_ticks: int = 1024) -> None:
        """`frame_ticks` is the length of a frame in RTP time."""
        super().__init__()
        self._frame_ticks = frame_ticks
        self._partial = bytearray()

    def _forget(self) -> None:
        self._partial.clear()

    def _unpack(self, packet: RtpPacket) -> list[AudioPacket]:
        self._partial += packet.payload
        if len(self._partial) > _MAX_FRAME:
            self._partial.clear()
        if not packet.marker:
            return []
        data = bytes(self._partial)
        self._partial.clear()
        found: list[AudioPacket] = []
        position = 0
        while position < len(data):
            size = 0
            while position < len(data) and data[position] == 0xFF:
                size += 0xFF
                position += 1
            size += data[position] if position < len(data) else 0
            position += 1
            if not 0 < size <= len(data) - position:
                break
            found.append(
                AudioPacket(packet.timestamp + len(found) * self._frame_ticks, data[position : position + size])
            )
            position += size
        return found
