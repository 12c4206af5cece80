"""RTP and RTCP packets (RFC 3550) and the way back from packets to frames of H.264 (RFC 6184) and H.265 (RFC 7798)."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field

_VERSION = 2
_RTP_HEADER = 12
_SENDER_REPORT = 200
_GOODBYE = 203
_SR_LENGTH = 28
_MAX_UNIT = 16 * 1024 * 1024
_HALF_RANGE = 0x8000


@dataclass(slots=True)
class RtpPacket:
    """One packet; `timestamp` is the raw 32-bit value."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class SenderReport:
    """What ties RTP time to wall time; `ntp` is 32.32 fixed point since 1900."""

    ssrc: int
    ntp: int
    rtp: int


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The source ended."""

    ssrc: int


def parse_rtp(data: bytes) -> RtpPacket | None:
    """Return the packet, or None for bytes that are no RTP."""
    if len(data) < _RTP_HEADER or data[0] >> 6 != _VERSION:
        return None
    start = _RTP_HEADER + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        if len(data) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
    end = len(data)
    if data[0] & 0x20:
        end -= data[-1]
    if start > end:
        return None
    return RtpPacket(
        data[1] & 0x7F,
        bool(data[1] & 0x80),
        int.from_bytes(data[2:4]),
        int.from_bytes(data[4:8]),
        int.from_bytes(data[8:12]),
        data[start:end],
    )


def parse_rtcp(data: bytes) -> list[SenderReport | Goodbye]:
    """Return the reports and goodbyes of a compound packet; what is broken ends it."""
    found: list[SenderReport | Goodbye] = []
    position = 0
    while position + 8 <= len(data) and data[position] >> 6 == _VERSION:
        kind = data[position + 1]
        end = position + 4 + 4 * int.from_bytes(data[position + 2 : position + 4])
        if end > len(data):
            break
        body = data[position:end]
        if kind == _SENDER_REPORT and len(body) >= _SR_LENGTH:
            ssrc, ntp, rtp = (int.from_bytes(body[a:b]) for a, b in ((4, 8), (8, 16), (16, 20)))
            found.append(SenderReport(ssrc, ntp, rtp))
        elif kind == _GOODBYE and len(body) >= 8:  # header and one source
            found.append(Goodbye(int.from_bytes(body[4:8])))
        position = end
    return found


@dataclass(slots=True)
class AccessUnit:
    """One coded picture: its NAL units without start codes, and whether decoding may begin here."""

    timestamp: int
    nals: list[bytes] = field(default_factory=list)
    key: bool = False
    size: int = 0


class Depacketizer(ABC):
    """Makes access units of packets.

    After a loss nothing is given out before the next key frame: a decoder in a browser may refuse the whole stream
    for one picture whose reference is missing.
    """

    def __init__(self) -> None:
        """Wait for the first key frame."""
        self.lost = 0
        self._expected: int | None = None
        self._unit: AccessUnit | None = None
        self._has_picture = False
        self._broken = False
        self._wait_key = True
        self._partial: bytearray | None = None

    @abstractmethod
    def _unpack(self, payload: bytes) -> Iterator[bytes]:
        """Yield the NAL units that a payload completes."""

    @abstractmethod
    def _is_picture(self, nal: bytes) -> bool:
        """Tell whether the NAL unit carries picture data."""

    @abstractmethod
    def _is_key(self, nal: bytes) -> bool:
        """Tell whether the NAL unit belongs to a key frame."""

    def push(self, packet: RtpPacket) -> list[AccessUnit]:
        """Take one packet and return the access units it completes."""
        if self._expected is not None and packet.sequence != self._expected:
            if (packet.sequence - self._expected) & 0xFFFF >= _HALF_RANGE:
                return []  # came twice or too late
            self.lost += 1
            self._damage()
        self._expected = (packet.sequence + 1) & 0xFFFF
        done: list[AccessUnit] = []
        if self._unit is not None and self._unit.timestamp != packet.timestamp:
            done += self.flush()
        if self._unit is None:
            self._unit = AccessUnit(packet.timestamp)
        for nal in self._unpack(packet.payload):
            self._add(self._unit, nal)
        # Some cameras set the marker on parameter sets too: a picture must be there.
        if packet.marker and (self._has_picture or self._broken):
            done += self.flush()
        return done

    def flush(self) -> list[AccessUnit]:
        """End the access unit under way and return it when it is whole."""
        unit, self._unit = self._unit, None
        if self._partial is not None:
            self._partial = None
            self._broken = True
        whole = unit is not None and self._has_picture and not self._broken
        self._wait_key = self._wait_key or self._broken
        self._has_picture = self._broken = False
        if unit is None or not whole or (self._wait_key and not unit.key):
            return []
        self._wait_key = False
        return [unit]

    def _damage(self) -> None:
        self._partial = None
        self._wait_key = True
        self._broken = self._unit is not None

    def _add(self, unit: AccessUnit, nal: bytes) -> None:
        unit.size += len(nal)
        if not nal or unit.size > _MAX_UNIT:
            self._broken = self._broken or bool(nal)
            return
        unit.nals.append(nal)
        self._has_picture = self._has_picture or self._is_picture(nal)
        unit.key = unit.key or self._is_key(nal)

    def _aggregate(self, payload: bytes, start: int) -> Iterator[bytes]:
        position = start
        while position + 2 <= len(payload):
            end = position + 2 + int.from_bytes(payload[position : position + 2])
            if end > len(payload):
                self._broken = True
                return
            yield payload[position + 2 : end]
            position = end

    def _fragment(self, header: bytes, flags: int, data: bytes) -> Iterator[bytes]:
        if flags & 0x80:
            self._broken = self._broken or self._partial is not None
            self._partial = bytearray(header)
        if self._partial is None:
            self._broken = True
            return
        if len(self._partial) + len(data) > _MAX_UNIT:
            self._partial = None
            self._broken = True
            return
        self._partial += data
        if flags & 0x40:
            whole, self._partial = bytes(self._partial), None
            yield whole


class H264Depacketizer(Depacketizer):
    """RFC 6184, packetization modes 0 and 1: single NAL units, STAP-A and FU-A."""

    def _unpack(self, payload: bytes) -> Iterator[bytes]:
        kind = payload[0] & 0x1F if payload else 0
        if 1 <= kind <= 23:  # single NAL unit packet
            yield payload
        elif kind == 24:  # STAP-A
            yield from self._aggregate(payload, 1)
        elif kind == 28 and len(payload) > 1:  # FU-A
            header = bytes([(payload[0] & 0xE0) | (payload[1] & 0x1F)])
            yield from self._fragment(header, payload[1], payload[2:])

    def _is_picture(self, nal: bytes) -> bool:
        return 1 <= nal[0] & 0x1F <= 5  # slices

    def _is_key(self, nal: bytes) -> bool:
        return nal[0] & 0x1F == 5  # IDR


class H265Depacketizer(Depacketizer):
    """RFC 7798 without DON fields: single NAL units, aggregation packets and fragmentation units."""

    def _unpack(self, payload: bytes) -> Iterator[bytes]:
        kind = (payload[0] >> 1) & 0x3F if len(payload) > 2 else 63  # two header bytes
        if kind < 48:  # single NAL unit packet
            yield payload
        elif kind == 48:  # AP
            yield from self._aggregate(payload, 2)
        elif kind == 49:  # FU
            header = bytes([(payload[0] & 0x81) | ((payload[2] & 0x3F) << 1), payload[1]])
            yield from self._fragment(header, payload[2], payload[3:])

    def _is_picture(self, nal: bytes) -> bool:
        return (nal[0] >> 1) & 0x3F < 32  # VCL

    def _is_key(self, nal: bytes) -> bool:
        return 16 <= (nal[0] >> 1) & 0x3F <= 23  # IRAP
