"""Where a page of a search ended, as a short text that holds all the next page needs; pure.

A cursor comes back from outside: it is checked like any input, and the right to every camera in it is asked again.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import json
from typing import Final
import zlib

from .core.models import RecordingKind, TimeSpan

_VERSION: Final = 1
_MAX_TEXT: Final = 8192
_MAX_JSON: Final = 65536
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = 7_258_118_400_000  # 1 January 2200, in milliseconds


class CursorError(ValueError):
    """A text that is no cursor of ours."""


@dataclass(frozen=True, slots=True)
class Position:
    """A search goes on at `start`, behind the first `count` segments that begin at that very moment."""

    start: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """The search and how far each of its channels got; channels that are through are not in it."""

    span: TimeSpan
    positions: Mapping[str, Position]
    kinds: frozenset[RecordingKind] | None = None
    merge: bool = False

    def format(self) -> str:
        """Write it down."""
        data = [
            _VERSION,
            _milliseconds(self.span.start),
            _milliseconds(self.span.end),
            None if self.kinds is None else sorted(self.kinds),
            self.merge,
            {key: [_milliseconds(position.start), position.count] for key, position in self.positions.items()},
        ]
        packed = zlib.compress(json.dumps(data, separators=(",", ":")).encode())
        return urlsafe_b64encode(packed).decode().rstrip("=")


def parse_cursor(text: str) -> Cursor:
    """Read what `Cursor.format` wrote; raises CursorError."""
    try:
        match _unpack(text):
            case [1, int() as start, int() as end, list() | None as kinds, bool() as merge, dict() as positions]:
                return Cursor(
                    TimeSpan(_moment(start), _moment(end)),
                    {str(key): _position(value) for key, value in positions.items()},
                    None if kinds is None else frozenset(RecordingKind(kind) for kind in kinds),
                    merge,
                )
    except ValueError, zlib.error, Base64Error:
        pass
    raise CursorError("this is no cursor of a search")


def _unpack(text: str) -> object:
    if len(text) > _MAX_TEXT or not text.isascii():
        return None
    reader = zlib.decompressobj()
    data = reader.decompress(urlsafe_b64decode(text + "=" * (-len(text) % 4)), _MAX_JSON)
    if not reader.eof:
        return None
    loaded: object = json.loads(data)
    return loaded


def _position(value: object) -> Position:
    match value:
        case [int() as start, int() as count] if 0 <= count <= _MAX_JSON:
            return Position(_moment(start), count)
    raise CursorError("no position")


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _moment(milliseconds: int) -> datetime:
    if not 0 <= milliseconds <= _LATEST:
        raise CursorError("no moment")
    return _EPOCH + timedelta(milliseconds=milliseconds)
