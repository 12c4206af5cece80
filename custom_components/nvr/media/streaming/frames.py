"""The binary messages of the media socket: what each is, of which stream, and of which moment. Pure.

Header of 12 bytes, big endian: version (1), kind (1), stream id (2), moment in ms since the epoch, UTC (8); then the
payload. The payload of END and GAP is JSON, of JPEG a picture, of the others fragmented MP4; INIT of single pictures
is empty.
"""

from dataclasses import dataclass, field
from enum import IntEnum
import struct
from typing import Final

from ...core.errors import NvrResponseError
from ..ticks import RATE

VERSION: Final = 1
MAX_STREAM_ID: Final = 0xFFFF
_HEADER: Final = struct.Struct(">BBHQ")


class Kind(IntEnum):
    """What a message carries. A KEY fragment begins with a key frame; INIT begins every run of a stream anew."""

    INIT = 0
    FRAGMENT = 1
    KEY = 2
    JPEG = 3
    END = 4
    GAP = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """One message; `moment` in milliseconds since the epoch."""

    kind: Kind
    stream_id: int
    moment: int
    payload: bytes = field(repr=False)


def pack(kind: Kind, stream_id: int, ticks: int, payload: bytes = b"") -> bytes:
    """Return the bytes of a message; `ticks` is the moment in ticks since the epoch."""
    return _HEADER.pack(VERSION, kind, stream_id, max(0, ticks * 1000 // RATE)) + payload


def unpack(data: bytes) -> Frame:
    """Return what a message says; raises NvrResponseError for one that is none of this version."""
    if len(data) < _HEADER.size or data[0] != VERSION or data[1] not in Kind:
        msg = "no message of the media socket"
        raise NvrResponseError(msg)
    _, kind, stream_id, moment = _HEADER.unpack_from(data)
    return Frame(Kind(kind), stream_id, moment, data[_HEADER.size :])
