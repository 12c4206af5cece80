"""Cut pictures and sound into RTP packets, and write the RTCP reports that tie them to a clock."""

from collections.abc import Iterator
from datetime import datetime
import struct

from ..video.profile import AudioCodec, VideoCodec

MAX_PAYLOAD = 1400
_NTP_EPOCH = datetime(1900, 1, 1)  # noqa: DTZ001
_FU_A, _FU_H265 = 28, 49


def fragments(codec: VideoCodec, nal: bytes) -> Iterator[bytes]:
    """Yield the payloads that carry one NAL unit (RFC 6184 FU-A, RFC 7798 FU)."""
    if len(nal) <= MAX_PAYLOAD:
        yield nal
        return
    if codec == "h264":
        head, kind, body = bytes([(nal[0] & 0xE0) | _FU_A]), nal[0] & 0x1F, nal[1:]
    else:
        head, kind, body = bytes([(nal[0] & 0x81) | (_FU_H265 << 1), nal[1]]), (nal[0] >> 1) & 0x3F, nal[2:]
    room = MAX_PAYLOAD - len(head) - 1
    for offset in range(0, len(body), room):
        mark = (0x80 if offset == 0 else 0) | (0x40 if offset + room >= len(body) else 0)
        yield head + bytes([mark | kind]) + body[offset : offset + room]


def audio_payload(codec: AudioCodec, data: bytes) -> bytes:
    """Return the payload of one sound packet (AAC as RFC 3640 AAC-hbr with one unit)."""
    return struct.pack(">HH", 16, len(data) << 3) + data if codec == "aac" else data


class RtpTrack:
    """Numbers the packets of one track."""

    def __init__(self, payload_type: int, clock_rate: int, ssrc: int, sequence: int) -> None:
        self.payload_type = payload_type
        self.clock_rate = clock_rate
        self.ssrc = ssrc
        self.sequence = sequence & 0xFFFF
        self.packets = 0
        self.octets = 0

    def packet(self, payload: bytes, timestamp: int, *, marker: bool) -> bytes:
        """Return one RTP packet."""
        kind = self.payload_type | (0x80 if marker else 0)
        header = struct.pack(">BBHII", 0x80, kind, self.sequence, timestamp & 0xFFFFFFFF, self.ssrc)
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        return header + payload

    def sender_report(self, wall: datetime, timestamp: int) -> bytes:
        """Return a sender report with its name chunk; `wall` are the digits the device believes in."""
        delta = wall - _NTP_EPOCH
        seconds = delta.days * 86400 + delta.seconds
        fraction = (delta.microseconds << 32) // 1_000_000
        report = struct.pack(
            ">BBHIIIIII", 0x80, 200, 6, self.ssrc, seconds & 0xFFFFFFFF, fraction, timestamp & 0xFFFFFFFF,
            self.packets & 0xFFFFFFFF, self.octets & 0xFFFFFFFF,
        )  # fmt: skip
        return report + struct.pack(">BBHIBB6sxx", 0x81, 202, 3, self.ssrc, 1, 6, b"camera")

    def bye(self) -> bytes:
        """Return an RTCP BYE."""
        return struct.pack(">BBHI", 0x81, 203, 1, self.ssrc)
