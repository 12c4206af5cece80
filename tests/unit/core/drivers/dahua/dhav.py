"""DHAV frames for tests, written by the layout alone (dahua-cgi 11.5)."""

from datetime import datetime
import struct

START = datetime(2026, 3, 1, 10, 0, 0)  # noqa: DTZ001 - wall digits


def packed(moment: datetime) -> int:
    date = (moment.year - 2000) << 26 | moment.month << 22 | moment.day << 17
    return date | moment.hour << 12 | moment.minute << 6 | moment.second


def frame(kind: int = 0xFC, payload: bytes = b"picture", moment: datetime = START, number: int = 0) -> bytes:
    extension = b"\x81\x00\x02\x19"
    total = 24 + len(extension) + len(payload) + 8
    head = b"DHAV" + bytes((kind, 0, 0, 0)) + struct.pack("<IIIHB", number, total, packed(moment), 40, len(extension))
    return head + bytes((sum(head) & 0xFF,)) + extension + payload + b"dhav" + struct.pack("<I", total)
