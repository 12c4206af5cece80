"""The event stream: bytes to wire events, whatever the firmware makes of multipart (dahua-cgi 12.1). Pure.

The general multipart parser waits for a delimiter where a text is no document; here a payload tells its own end, so a
pulse is given out with its last byte. Lengths are believed only where the payload is whole at them.
"""

from collections.abc import Mapping
from enum import Enum, auto
from functools import lru_cache
import json
import re
from typing import Final, NamedTuple

from ...transport.multipart import boundary_of

DEFAULT_BOUNDARY: Final = "myboundary"
MAX_PART: Final = 1024 * 1024
_MAX_HEADERS: Final = 8 * 1024
_HEARTBEAT: Final = b"Heartbeat"
_CODE: Final = b"Code="
_DATA: Final = b";data="
_LENGTH: Final = re.compile(rb"content-length\s*:\s*(\d{1,15})\s*(?:\r?\n|$)", re.IGNORECASE)
_INDEXES: Final = re.compile(r"(?m)^\s*channels\[\d+\]\s*=\s*(\d{1,5})\s*$")
_INDEX: Final = re.compile(r"-?\d{1,9}", re.ASCII)
_ACTIONS: Final = frozenset({"start", "stop", "pulse", "state"})
_REMEMBERED: Final = 64
# A head without data may be as long as a part: no room is kept for such.
_LONGEST_KEPT: Final = 256
_NO_DATA: Final[Mapping[str, object]] = {}
_decode: Final = json.JSONDecoder(strict=False).raw_decode


class WireEvent(NamedTuple):
    """One event as sent. `index0` is 0-based, None where it is no number; `raw` is data that is no JSON: it was cut."""

    code: str
    action: str
    index0: int | None
    data: Mapping[str, object]
    raw: str = ""


class _State(Enum):
    SEEK = auto()
    HEADERS = auto()
    BODY = auto()


@lru_cache(maxsize=1024)  # a few codes begin and end on each channel again and again
def _head(head: bytes) -> tuple[str, str, int | None] | None:
    """Read code, action and 0-based index before the data; None when it is no event."""
    fields: dict[str, str] = {}
    for field in head.decode("utf-8", "replace").split(";"):
        name, _, value = field.partition("=")
        fields[name.strip().lower()] = value.strip()
    code, action = fields.get("code", ""), fields.get("action", "")
    if not code or action.lower() not in _ACTIONS:
        return None
    index = fields.get("index", "")
    return code, action.capitalize(), int(index) if _INDEX.fullmatch(index) else None


def _event(head: bytes, data: Mapping[str, object], raw: str = "") -> WireEvent | None:
    """Return what a head and its data say; None when it is no event."""
    fields = _head(head) if len(head) <= _LONGEST_KEPT else _head.__wrapped__(head)
    return None if fields is None else WireEvent(*fields, data, raw)


def _object(data: bytes) -> tuple[Mapping[str, object], int] | None:
    """Return the JSON value the data begins with and how many bytes it takes; None while it is not whole.

    Anything but an object says nothing (`data=null`).
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        # What is cut or wrong moves no bracket: one character a byte finds the end all the same.
        text = data.decode("latin-1")
    start = len(text) - len(text.lstrip())
    try:
        value, end = _decode(text, start)
    except ValueError, RecursionError:
        return None
    # A number may go on, everything else closes.
    if end == len(text) and isinstance(value, int | float) and not isinstance(value, bool):
        return None
    size = end if len(text) == len(data) else len(text[:end].encode())
    if len(text) == len(data) and not text.isascii():
        value = _decode(data[:size].decode("utf-8", "replace"), start)[0]
    return (value if isinstance(value, dict) else _NO_DATA), size


def indexes_of(text: str) -> frozenset[int]:
    """Return the 0-based places that getEventIndexes names: `channels[0]=5` (dahua-cgi 12.1)."""
    return frozenset(int(found) for found in _INDEXES.findall(text))


def parse_payload(payload: bytes) -> WireEvent | None:
    """Read a payload that has ended; None for a heartbeat and for what is no event.

    Data that is cut short is kept as text, for the event itself is good (dahua-cgi 12.1).
    """
    payload = payload.strip()
    head, found, data = payload.partition(_DATA)
    if not head.startswith(_CODE):
        return None
    if not found:
        return _event(head, _NO_DATA)
    value = _object(data + b"\n")
    if value is None:
        return _event(head, _NO_DATA, data.decode("utf-8", "replace"))
    return _event(head, value[0])


class EventParser:
    """Feed bytes as they come, get events as soon as they are whole; every split of the bytes gives the same.

    `heartbeats`, `broken` (no event at all, or too long) and `truncated` (data cut short) count what went through.
    """

    def __init__(self, content_type: str = "") -> None:
        """Take the boundary of the Content-Type; the stream's first delimiter is believed more than that."""
        token = (boundary_of(content_type) or "").strip().strip('"').strip("-<>")
        self._token = (token or DEFAULT_BOUNDARY).encode("latin-1", "replace")
        self._proven = False
        self._buffer = bytearray()
        self._state = _State.SEEK
        self._scan = 0
        self._tried = 0
        self._length: int | None = None
        self._lengths: dict[bytes, int | None] = {}
        self.heartbeats = 0
        self.broken = 0
        self.truncated = 0

    def feed(self, data: bytes) -> list[WireEvent]:
        """Take bytes and return the events they complete, in order; never raises."""
        self._buffer += data
        events: list[WireEvent] = []
        at = 0
        while True:
            after = self._step(at, events)
            if after is None:
                break
            at = after
        if at:
            del self._buffer[:at]
        return events

    def close(self) -> list[WireEvent]:
        """Return what the end of the stream completes."""
        events = self.feed(b"\r\n")
        if self._state is _State.BODY and self._buffer.strip():
            self._finish(bytes(self._buffer), events)
        self._buffer.clear()
        self._enter(_State.SEEK)
        return events

    def _enter(self, state: _State) -> None:
        self._state = state
        self._scan = self._tried = 0

    def _step(self, at: int, events: list[WireEvent]) -> int | None:
        """Do one step from `at` on; return where the next begins, None when more bytes must come."""
        match self._state:
            case _State.SEEK:
                return self._seek(at)
            case _State.HEADERS:
                return self._headers(at)
            case _:
                return self._body(at, events)

    def _is_delimiter(self, line: bytes) -> bool:
        """Tell whether a stripped line is one; the first of a stream names the boundary itself."""
        if not line.startswith(b"--"):
            return False
        token = line.strip(b"-<>")
        if token == self._token:
            self._proven = True
        elif token and b" " not in token and not self._proven:
            self._token, self._proven = token, True
        else:
            return False
        return True

    def _seek(self, at: int) -> int | None:
        """Skip to behind the next delimiter line."""
        buffer, start = self._buffer, at
        while start < len(buffer) and buffer[start] in b"\r\n ":
            start += 1
        if start > at:
            return start
        end = buffer.find(b"\n", at + self._scan)
        if end < 0:
            self._scan = len(buffer) - at
            if self._scan > _MAX_HEADERS:
                self._scan = 0
                return len(buffer)
            return None
        line = bytes(buffer[at:end]).strip()
        self._enter(_State.HEADERS if self._is_delimiter(line) else _State.SEEK)
        return end + 1

    def _headers(self, at: int) -> int | None:
        """Read up to the blank line; a payload may begin without one."""
        buffer, line = self._buffer, at
        while True:
            if buffer.startswith((_CODE, _HEARTBEAT), line):
                break
            end = buffer.find(b"\n", line)
            if end < 0:
                if len(buffer) - at > _MAX_HEADERS:
                    self.broken += 1
                    self._enter(_State.SEEK)
                    return len(buffer)
                return None
            text = bytes(buffer[line : end + 1]).strip()
            if not text:
                # A blank line right behind the delimiter ends nothing yet.
                if line > at:
                    self._begin(bytes(buffer[at:line]))
                return end + 1
            if self._proven and text.strip(b"-<>") == self._token:
                return end + 1
            line = end + 1
        self._begin(bytes(buffer[at:line]))
        return line

    def _begin(self, headers: bytes) -> None:
        if headers not in self._lengths:
            if len(self._lengths) >= _REMEMBERED:
                self._lengths.clear()
            found = _LENGTH.search(headers)
            self._lengths[headers] = int(found[1]) if found else None
        self._length = self._lengths[headers]
        self._enter(_State.BODY)

    def _body(self, at: int, events: list[WireEvent]) -> int | None:
        """Give the payload out at its announced length, at its own end or at the next delimiter, whichever is first."""
        buffer, length, start = self._buffer, self._length, at
        while start < len(buffer) and buffer[start] in b"\r\n ":
            start += 1
        if start > at:
            return start
        if length and len(buffer) - at >= length:
            # What goes on behind the length was cut by it: index=1 of index=12.
            goes_on = buffer[at + length : at + length + 1].isalnum()
            if not goes_on and self._whole_at(bytes(buffer[at : at + length]), events):
                return at + length
            self._length = None
        end = self._own_end(at, events)
        if end is not None:
            return end
        return self._delimited(at, events)

    def _whole_at(self, payload: bytes, events: list[WireEvent]) -> bool:
        """Take the payload if it is whole at the length announced."""
        stripped = payload.strip()
        if stripped == _HEARTBEAT:
            self.heartbeats += 1
        else:
            if not stripped.startswith(_CODE) or b"\n--" in payload:
                return False
            head, found, data = stripped.partition(_DATA)
            value = _object(data + b"\n") if found else (_NO_DATA, 0)
            if value is None or b"\n" in head:
                return False
            # Whole only where nothing but blanks follows the value.
            if found and data[value[1] :].strip():
                return False
            event = _event(head, value[0])
            # Without data the index is the last word; without an index it was cut.
            if event is None or not (found or event.index0 is not None):
                return False
            events.append(event)
        self._enter(_State.SEEK)
        return True

    def _own_end(self, at: int, events: list[WireEvent]) -> int | None:
        """Take a payload that is over by its own account; return where it ends."""
        buffer = self._buffer
        if not buffer.startswith(_CODE, at):
            return self._heartbeat(at)
        line = buffer.find(b"\n", at)
        found = buffer.find(_DATA, at, len(buffer) if line < 0 else line)
        if found < 0:
            if line < 0:
                return None
            self._finish(bytes(buffer[at:line]), events)
            return line + 1
        begin = found + len(_DATA)
        # Only a bracket, a quote or a line end can complete it; what was tried is not tried again.
        seen = max(begin, at + self._tried)
        if not any(buffer.find(mark, seen) >= 0 for mark in (b"}", b"]", b'"', b"\n")):
            return None
        delimiter = self._find_delimiter(begin)
        stop = len(buffer) if delimiter is None else delimiter[0]
        value = _object(bytes(buffer[begin:stop]))
        self._tried = len(buffer) - at
        if value is None:
            return None
        event = _event(bytes(buffer[at:found]), value[0])
        if event is None:
            self.broken += 1
        else:
            events.append(event)
        self._enter(_State.SEEK)
        return begin + value[1]

    def _heartbeat(self, start: int) -> int | None:
        end = start + len(_HEARTBEAT)
        if not self._buffer.startswith(_HEARTBEAT, start) or not self._buffer.startswith((b"\r", b"\n"), end):
            return None
        self.heartbeats += 1
        self._enter(_State.SEEK)
        return end

    def _find_delimiter(self, at: int) -> tuple[int, int] | None:
        """Return where the next delimiter line begins and ends; one may begin at `at` itself."""
        buffer = self._buffer
        line = at if buffer.startswith(b"--", at) else buffer.find(b"\n--", at) + 1 or len(buffer)
        while buffer.startswith(b"--", line):
            end = buffer.find(b"\n", line)
            if end < 0:
                return None
            if self._is_delimiter(bytes(buffer[line:end]).strip()):
                return line, end + 1
            line = buffer.find(b"\n--", line) + 1 or len(buffer)
        return None

    def _delimited(self, at: int, events: list[WireEvent]) -> int | None:
        """Take what stands before the next delimiter; give up a part that is too long."""
        found = self._find_delimiter(at)
        if found is None:
            if len(self._buffer) - at > MAX_PART:
                self.broken += 1
                self._enter(_State.SEEK)
                return len(self._buffer)
            return None
        self._finish(bytes(self._buffer[at : found[0]]), events)
        self._state = _State.HEADERS
        return found[1]

    def _finish(self, payload: bytes, events: list[WireEvent]) -> None:
        stripped = payload.strip()
        event = parse_payload(stripped)
        if event is not None:
            events.append(event)
            self.truncated += bool(event.raw)
        elif stripped == _HEARTBEAT:
            self.heartbeats += 1
        elif stripped:
            self.broken += 1
        self._enter(_State.SEEK)
