"""Multipart streams as recorders write them, byte by byte (hikvision-isapi 11.1). No I/O.

What they write differs from RFC 2046: no line end before a delimiter, LF alone, delimiters with more or fewer dashes
than announced, lengths that do not count. The rules here give the same parts for every split of the bytes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
import re
from types import MappingProxyType
from typing import Final, NamedTuple


@dataclass(frozen=True, slots=True)
class MultipartLimits:
    """How much of one part is kept, in bytes; a larger part is skipped to its end and counted."""

    headers: int = 8 * 1024
    text: int = 256 * 1024
    binary: int = 4 * 1024 * 1024


class Part(NamedTuple):
    """One part; header names in lower case, of repeated ones the last."""

    headers: Mapping[str, str]
    body: bytes


class _State(Enum):
    SNIFF = auto()
    SEEK = auto()
    HEADERS = auto()
    LENGTH = auto()
    OPEN = auto()


class _Kind(Enum):
    XML = auto()
    JSON = auto()
    JPEG = auto()
    PNG = auto()
    OTHER = auto()


_BINARY: Final = frozenset({_Kind.JPEG, _Kind.PNG, _Kind.OTHER})
_LF: Final = 0x0A
_DASH: Final = 0x2D
_JPEG_END: Final = b"\xff\xd9"
_PNG_END: Final = b"IEND\xaeB`\x82"
_ROOT: Final = re.compile(rb"<([A-Za-z_][^\s/>]*)")
_BODY_STARTS: Final = (b"<", b"{", b"[", b"\xff\xd8", b"\x89PNG")
_CONTENT: Final = b"content-"
_BLANK: Final = b"\r\n\r\n"
# How long what a part begins with may be to be known by heart.
_MOST_USUAL: Final = 1024
_MOST_DASHES: Final = 64
_MOST_BLANKS: Final = 64
# What must be kept while looking for a delimiter besides its token: dashes, brackets, line ends, blanks.
_MARGIN: Final = _MOST_DASHES + _MOST_BLANKS + 16
_REMEMBERED: Final = 64


def boundary_of(content_type: str) -> str | None:
    """Return the boundary parameter of a `Content-Type` value as it was written, or None."""
    match = re.search(r'boundary\s*=\s*(?:"([^"]*)"|([^;\s]+))', content_type, re.IGNORECASE)
    return None if match is None else (match[1] or match[2] or None)


def _token(boundary: str) -> bytes:
    """Return what identifies a delimiter: dashes and angle brackets around it come and go with the firmware."""
    return boundary.strip().strip('"').lstrip("-").strip("<>").encode("latin-1", "replace")


def _kind(content_type: str) -> _Kind:
    if "xml" in content_type:
        return _Kind.XML
    if "json" in content_type:
        return _Kind.JSON
    if "jpeg" in content_type or "jpg" in content_type:
        return _Kind.JPEG
    if "png" in content_type:
        return _Kind.PNG
    return _Kind.OTHER if content_type and not content_type.startswith("text/") else _Kind.XML


def _looks_whole(kind: _Kind, body: bytes) -> bool:
    """Tell whether a body of the announced length ends where a document of its kind ends."""
    if kind is _Kind.XML and body.lstrip()[:1] == b"{":
        kind = _Kind.JSON
    match kind:
        case _Kind.XML:
            root = _ROOT.search(body)
            tail = body.rstrip()
            return root is not None and (
                tail.endswith(b"</" + root[1] + b">") or (tail.endswith(b"/>") and tail.count(b"<") <= 2)
            )
        case _Kind.JSON:
            return body.count(b"{") == body.count(b"}") and body.rstrip()[-1:] in {b"}", b"]"}
        case _Kind.JPEG:
            return body.rstrip(b"\r\n\0").endswith(_JPEG_END)
        case _Kind.PNG:
            return body.rstrip(b"\r\n").endswith(_PNG_END)
        case _:
            return True


class _Delimiter(NamedTuple):
    start: int
    end: int
    closing: bool


@dataclass(frozen=True, slots=True)
class _Head:
    """The headers of a part, read once: alerts repeat them to the letter."""

    headers: Mapping[str, str]
    length: int | None
    kind: _Kind


_NO_HEAD: Final = _Head(MappingProxyType({}), None, _Kind.XML)


def _head(lines: bytes) -> _Head:
    headers: dict[str, str] = {}
    for line in lines.split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon:
            headers[name.strip().lower().decode("latin-1")] = value.strip().decode("utf-8", "replace")
    length = headers.get("content-length", "")
    known = int(length) if length.isdecimal() and len(length) < 16 else None
    return _Head(MappingProxyType(headers), known, _kind(headers.get("content-type", "").lower()))


def _line_end(buffer: bytearray, at: int) -> int | None:
    """Return where the line ends whose blanks begin at `at`; -1 when more bytes must come, None when it goes on."""
    size = len(buffer)
    last = at + _MOST_BLANKS
    while at < size and at < last and buffer[at] in b" \t\r":
        at += 1
    if at == size:
        return -1
    return at + 1 if buffer[at] == _LF else None


@lru_cache(maxsize=8)
def _usual(token: bytes) -> re.Pattern[bytes]:
    """Return what a part begins with as the RFC has it: delimiter, headers, blank line."""
    return re.compile(rb"(?:\r\n)?--+" + re.escape(token) + rb"\r\n((?:[Cc]ontent-[^\r\n:]+:[^\r\n]*\r\n)+)\r\n")


def _limit_of(head: _Head, limits: MultipartLimits) -> int:
    return limits.binary if head.kind in _BINARY else limits.text


class _Known:
    """Takes whole parts that begin as one before did to the letter.

    It knows nothing of its own: each part it takes, the parser's steps would take alike.
    """

    def __init__(self, heads: Mapping[bytes, _Head], limits: MultipartLimits) -> None:
        """Look up headers that were read before in `heads`."""
        self._heads = heads
        self._limits = limits
        self._begins: dict[bytes, _Head] = {}
        self._frame: tuple[bytes, bytes] | None = None  # what an XML document seen before begins and ends with

    def take(self, data: bytes | bytearray, at: int, token: bytes, parts: list[Part]) -> tuple[int, _Head | None]:
        """Add the parts that follow each other from `at` on; return where the last ends and its headers, or 0, None."""
        taken, last = 0, None
        while (blank := data.find(_BLANK, at, at + _MOST_USUAL)) >= 0:
            start = blank + len(_BLANK)
            begin = bytes(data[at:start])
            head = self._begins.get(begin) or self._learn(begin, token)
            if head is None or head.length is None:
                break
            at = start + head.length
            body = bytes(data[start:at])
            if len(body) < head.length or token in body or not self._whole(head.kind, body):
                break
            parts.append(Part(head.headers, body))
            taken, last = at, head
        return taken, last

    def _learn(self, begin: bytes, token: bytes) -> _Head | None:
        """Return the headers of what begins as the RFC has it and was read before; it is known from then on."""
        match = _usual(token).fullmatch(begin)
        head = None if match is None else self._heads.get(match[1])
        if head is None or head.length is None or head.length > _limit_of(head, self._limits):
            return None
        if len(self._begins) >= _REMEMBERED:
            self._begins.clear()
        self._begins[begin] = head
        return head

    def _whole(self, kind: _Kind, body: bytes) -> bool:
        """Tell what `_looks_whole` tells, without a look inside where an XML document is framed as one before."""
        frame = self._frame
        if frame is not None and kind is _Kind.XML and body.startswith(frame[0]) and body.endswith(frame[1]):
            return True
        whole = _looks_whole(kind, body)
        if whole and kind is _Kind.XML and (root := _ROOT.match(body)) is not None:
            tail = body.rfind(b"</")
            if body[tail:].rstrip() == b"</" + root[1] + b">":
                self._frame = body[: root.end() + 1], body[tail:]
        return whole


class MultipartParser:
    """Feed bytes as they come, get parts as soon as they are whole.

    A part whose length is right is given out with its last byte; without a length, at the next delimiter. `boundary`
    None (or one the stream never uses) is made good by the first line that looks like a delimiter.
    """

    def __init__(self, boundary: str | None, limits: MultipartLimits = MultipartLimits()) -> None:
        """Wait for the first delimiter."""
        self._limits = limits
        self._token = _token(boundary or "")
        self._steps: Mapping[_State, Callable[[list[Part]], bool]] = {
            _State.SNIFF: self._sniff,
            _State.SEEK: self._seek,
            _State.HEADERS: self._read_headers,
            _State.LENGTH: self._read_length,
            _State.OPEN: self._read_open,
        }
        self._state = _State.SNIFF
        self._candidate = b""
        self._buffer = bytearray()
        self._at = 0  # where the bytes of the current state begin
        self._scan = 0  # up to where they were looked through
        self._edge = True  # whether a delimiter may stand right at `_at`
        self._fresh = False
        self._lines = bytearray()
        self._head = _NO_HEAD
        self._heads: dict[bytes, _Head] = {}
        self._known = _Known(self._heads, limits)
        self._limit = 0
        self.skipped = 0

    def feed(self, data: bytes) -> list[Part]:
        """Take bytes and return the parts they complete, in order; never raises."""
        parts: list[Part] = []
        # Most often one whole part comes alone: then nothing is left in which the next could begin.
        if not self._buffer and (taken := self._take_known(data, parts)):
            data = data[taken:]
            if len(data) < len(self._token):
                self._buffer += data
                return parts
        self._buffer += data
        while True:
            if taken := self._take_known(self._buffer, parts):
                self._at = self._scan = taken
            elif not self._steps[self._state](parts):
                break
        if self._at:
            del self._buffer[: self._at]
            self._scan -= self._at
            self._at = 0
        return parts

    def _take_known(self, data: bytes | bytearray, parts: list[Part]) -> int:
        """Take what is known by heart; return where it ends, 0 when there was nothing."""
        if self._state is not _State.SEEK or not self._edge:
            return 0
        taken, head = self._known.take(data, self._at, self._token, parts)
        if head is not None:
            self._head = head
        return taken

    def close(self) -> list[Part]:
        """Return what the end of the stream completes: a last part without a delimiter behind it."""
        parts = self.feed(b"\r\n")
        body = _trimmed(bytes(self._buffer[self._at : -2]))
        cut = self._state is _State.LENGTH and self._head.kind is _Kind.OTHER
        if self._state in {_State.LENGTH, _State.OPEN} and body and not cut and _looks_whole(self._head.kind, body):
            parts.append(Part(self._head.headers, body))
        self._buffer.clear()
        self._at = self._scan = 0
        self._enter(_State.SEEK, 0, edge=True)
        return parts

    def _enter(self, state: _State, at: int, *, edge: bool) -> bool:
        self._state = state
        self._at = self._scan = at
        self._edge = edge
        return True

    def _skip(self, at: int) -> bool:
        """Give a part up and look for the next one."""
        self.skipped += 1
        return self._enter(_State.SEEK, at, edge=False)

    def _enter_headers(self, at: int) -> bool:
        self._lines.clear()
        return self._enter(_State.HEADERS, at, edge=True)

    def _next_line(self) -> tuple[bytes, int] | None:
        """Return the line at `_at` and where the next one begins; None when its end has not come."""
        end = self._buffer.find(b"\n", self._scan) + 1
        if not end:
            self._scan = len(self._buffer)
            return None
        return bytes(self._buffer[self._at : end]), end

    def _is_delimiter(self, line: bytes) -> _Delimiter | None:
        """Tell whether a stripped line is a delimiter and closes."""
        token = line.lstrip(b"-").lstrip(b"<")
        if not self._token or not token.startswith(self._token):
            return None
        rest = token.removeprefix(self._token).removeprefix(b">")
        return _Delimiter(0, 0, rest == b"--") if rest in {b"", b"--"} else None

    def _sniff(self, _parts: list[Part]) -> bool:
        """Look for the first delimiter line by line, and believe the stream more than its announcement."""
        found = self._next_line()
        if found is None:
            if len(self._buffer) - self._at > self._limits.headers:
                self._enter(_State.SNIFF, len(self._buffer), edge=False)
            return False
        line, after = found[0].strip(), found[1]
        known = self._is_delimiter(line)
        if known is not None:
            return self._enter(_State.SEEK, after, edge=True) if known.closing else self._enter_headers(after)
        if self._candidate and line.lower().startswith(_CONTENT):
            self._token = self._candidate
            return self._enter_headers(self._at)
        self._candidate = _token(line.decode("latin-1")) if line.startswith(b"--") and b" " not in line else b""
        if self._candidate and not self._token:
            self._token = self._candidate
            return self._enter_headers(after)
        return self._enter(_State.SNIFF, after, edge=True)

    def _seek(self, _parts: list[Part]) -> bool:
        """Go to the next delimiter and forget what lies before it."""
        found = self._find_delimiter(len(self._buffer))
        if found is not None:
            return self._leave_body(found)
        keep = len(self._buffer) - len(self._token) - _MARGIN
        if keep > self._at:
            self._at = keep
            self._edge = False
        return False

    def _leave_body(self, found: _Delimiter) -> bool:
        if found.closing:
            return self._enter(_State.SEEK, found.end, edge=True)
        return self._enter_headers(found.end)

    def _find_delimiter(self, stop: int, *, early: bool = False) -> _Delimiter | None:
        """Return the next delimiter that begins before `stop`; `early` asks for proof that a length was too long."""
        at = max(self._scan, self._at)
        while True:
            hit = self._buffer.find(self._token, at, stop)
            if hit < 0:
                self._scan = max(self._scan, self._at, min(stop, len(self._buffer)) - len(self._token) + 1)
                return None
            after = hit + len(self._token)
            after += self._buffer[after : after + 1] == b">"
            closing = self._buffer[after : after + 2] == b"--"
            # One dash at the end of what is here may become the two that close.
            half = len(self._buffer) == after + 1 and self._buffer[after] == _DASH
            end = -1 if half else _line_end(self._buffer, after + 2 * closing)
            if end is not None:
                start = self._delimiter_start(hit)
                verdict = None if start is None else self._accepted(start, end, early=early)
                if start is not None and verdict:
                    return _Delimiter(start, end, closing)
                if start is not None and verdict is None:
                    self._scan = hit
                    return None
            at = hit + 1

    def _delimiter_start(self, hit: int) -> int | None:
        """Return where the delimiter begins whose token stands at `hit`, or None when it is part of a body."""
        buffer = self._buffer
        start = hit - (hit > self._at and buffer[hit - 1] == ord("<"))
        first = max(self._at, start - _MOST_DASHES)
        while start > first and buffer[start - 1] == _DASH:
            start -= 1
        binary = self._head.kind in _BINARY
        dashes = buffer[start : start + 2] == b"--"
        if (start == self._at and self._edge) or (start > self._at and buffer[start - 1] == _LF):
            return start if dashes or not binary else None
        ends_picture = not binary or buffer.endswith(_JPEG_END, self._at, start)
        return start if dashes and ends_picture else None

    def _accepted(self, start: int, end: int, *, early: bool) -> bool | None:
        """Tell whether it is a delimiter; None when more bytes must come to tell.

        One that begins before the announced length is over needs proof where a picture could hold anything.
        """
        if end < 0:
            return None
        if not early or self._head.kind not in _BINARY:
            return True
        tail = bytes(self._buffer[max(self._at, start - 4) : start]).rstrip(b"\r\n")
        behind = bytes(self._buffer[end : end + len(_CONTENT)]).lower()
        if tail.endswith(_JPEG_END) or behind == _CONTENT:
            return True
        return None if _CONTENT.startswith(behind) else False

    def _read_headers(self, _parts: list[Part]) -> bool:
        found = self._next_line()
        size = len(self._lines)
        if found is None:
            too_long = size + len(self._buffer) - self._at > self._limits.headers
            return self._skip(len(self._buffer)) if too_long else False
        raw, after = found
        line = raw.strip()
        if size + len(raw) > self._limits.headers:
            return self._skip(self._at)
        if not line:
            return self._begin_body(after) if self._lines else self._enter(_State.HEADERS, after, edge=True)
        known = self._is_delimiter(line)
        if known is not None:
            return self._leave_body(_Delimiter(self._at, after, known.closing))
        if line.startswith(_BODY_STARTS):
            return self._begin_body(self._at)
        if b":" in line:
            self._lines += raw
        return self._enter(_State.HEADERS, after, edge=True)

    def _begin_body(self, at: int) -> bool:
        key = bytes(self._lines)
        head = self._heads.get(key)
        if head is None:
            if len(self._heads) >= _REMEMBERED:
                self._heads.clear()
            head = self._heads[key] = _head(key)
        self._head = head
        self._limit = _limit_of(head, self._limits)
        if head.length is None:
            self._fresh = True
            return self._enter(_State.OPEN, at, edge=True)
        if head.length > self._limit:
            return self._skip(at)
        return self._enter(_State.LENGTH, at, edge=True)

    def _read_length(self, parts: list[Part]) -> bool:
        end = self._at + (self._head.length or 0)
        found = self._find_delimiter(min(end, len(self._buffer)), early=True)
        if found is not None:
            return self._finish(parts, found)
        if len(self._buffer) < end:
            return False
        body = bytes(self._buffer[self._at : end])
        if not _looks_whole(self._head.kind, body):
            self._fresh = False
            return self._enter(_State.OPEN, self._at, edge=True)
        parts.append(Part(self._head.headers, body))
        return self._enter(_State.SEEK, end, edge=True)

    def _read_open(self, parts: list[Part]) -> bool:
        if self._fresh and (more := self._more_headers()) is not None:
            return more
        found = self._find_delimiter(len(self._buffer))
        if found is not None:
            return self._finish(parts, found)
        if len(self._buffer) - self._at > self._limit + _MARGIN:
            return self._skip(max(self._at, self._scan - _MARGIN))
        return False

    def _more_headers(self) -> bool | None:
        """Go on with headers that blank lines tore apart; None when a body begins here."""
        while bytes(self._buffer[self._at : self._at + 1]) in {b"\r", b"\n"}:
            self._at += 1
        self._scan = max(self._scan, self._at)
        start = bytes(self._buffer[self._at : self._at + len(_CONTENT)]).lower()
        if start == _CONTENT:
            self._fresh = False
            return self._enter(_State.HEADERS, self._at, edge=True)
        if _CONTENT.startswith(start):
            return False
        self._fresh = False
        return None

    def _finish(self, parts: list[Part], found: _Delimiter) -> bool:
        body = _trimmed(bytes(self._buffer[self._at : found.start]))
        if len(body) > self._limit:
            self.skipped += 1
        elif body:
            parts.append(Part(self._head.headers, body))
        return self._leave_body(found)


def _trimmed(body: bytes) -> bytes:
    """Return the body without the one line end that belongs to the delimiter."""
    return body[:-2] if body.endswith(b"\r\n") else body.removesuffix(b"\n")
