"""RTSP 1.0 on a TCP connection: requests as bytes, and an incremental parser of what the recorder sends.

Between answers a recorder sends RTP and RTCP as interleaved frames ("$", channel, length). Everything is limited,
because a recorder that is broken or hostile must not fill the memory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...core.errors import NvrResponseError

_DOLLAR = 0x24
_MAX_HEAD = 16_384
_MAX_LINES = 100
_MAX_BODY = 262_144


@dataclass(frozen=True, slots=True)
class InterleavedFrame:
    """One RTP or RTCP packet; `channel` as agreed at SETUP."""

    channel: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """Headers and body; names are lower case, and a header may come several times."""

    headers: tuple[tuple[str, str], ...]
    body: bytes

    def get(self, name: str) -> str | None:
        """Return the first value of a header, named in lower case."""
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a header, named in lower case."""
        return tuple(value for key, value in self.headers if key == name)

    def number(self, name: str) -> int | None:
        """Return a header as a whole number, or None when it is absent or none."""
        text = (self.get(name) or "").strip()
        return int(text) if text.isascii() and text.isdigit() else None


@dataclass(frozen=True, slots=True)
class Response(Message):
    """An answer to one of our requests."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class ServerRequest(Message):
    """A request of the recorder, such as ANNOUNCE at the end of the footage."""

    method: str


type Incoming = InterleavedFrame | Response | ServerRequest


def build_request(method: str, uri: str, cseq: int, headers: Mapping[str, str]) -> bytes:
    """Return a request; raises ValueError when a value would break out of its line."""
    lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {cseq}", *(f"{name}: {value}" for name, value in headers.items())]
    if any("\r" in line or "\n" in line for line in lines):
        msg = "a line break inside an RTSP request"
        raise ValueError(msg)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def build_answer(request: ServerRequest) -> bytes:
    """Return the polite answer to a request of the recorder."""
    return f"RTSP/1.0 200 OK\r\nCSeq: {request.get('cseq') or '0'}\r\n\r\n".encode()


def _parse_headers(lines: Iterable[str]) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    for line in lines:
        if line[:1] in {" ", "\t"} and headers:
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if colon:
            headers.append((name.strip().lower(), value.strip()))
    return tuple(headers)


def _parse_head(head: bytes) -> Response | ServerRequest:
    lines = head.decode("latin-1").replace("\r\n", "\n").split("\n")
    if len(lines) > _MAX_LINES:
        msg = "an RTSP answer with too many header lines"
        raise NvrResponseError(msg)
    headers = _parse_headers(lines[1:])
    first = lines[0].split(" ", 2)
    if first[0].startswith("RTSP/") and len(first) > 1 and len(first[1]) == 3 and first[1].isdigit():
        return Response(headers, b"", int(first[1]), first[2] if len(first) > 2 else "")
    if len(first) == 3 and first[2].startswith("RTSP/") and first[0].isupper():
        return ServerRequest(headers, b"", first[0])
    msg = "what came over RTSP is neither an answer nor media"
    raise NvrResponseError(msg)


def _with_body(message: Response | ServerRequest, body: bytes) -> Response | ServerRequest:
    if isinstance(message, Response):
        return Response(message.headers, body, message.status, message.reason)
    return ServerRequest(message.headers, body, message.method)


class MessageParser:
    """Cuts a byte stream, split anywhere, into frames and messages. Raises NvrResponseError on what is neither."""

    def __init__(self) -> None:
        """Start at the beginning of a connection."""
        self._buffer = bytearray()
        self._pending: Response | ServerRequest | None = None
        self._body_length = 0

    def feed(self, data: bytes) -> list[Incoming]:
        """Take bytes and return what is complete."""
        self._buffer += data
        found: list[Incoming] = []
        position = 0
        while True:
            item, position = self._next(position)
            if item is None:
                break
            found.append(item)
        del self._buffer[:position]
        return found

    def _next(self, position: int) -> tuple[Incoming | None, int]:
        if self._pending is not None:
            return self._finish_body(position)
        buffer = self._buffer
        while position < len(buffer) and buffer[position] in b"\r\n":
            position += 1
        if position >= len(buffer):
            return None, position
        if buffer[position] == _DOLLAR:
            return self._frame(position)
        return self._head(position)

    def _frame(self, position: int) -> tuple[Incoming | None, int]:
        buffer = self._buffer
        if len(buffer) < position + 4:
            return None, position
        end = position + 4 + int.from_bytes(buffer[position + 2 : position + 4])
        if len(buffer) < end:
            return None, position
        with memoryview(buffer) as view:
            return InterleavedFrame(buffer[position + 1], bytes(view[position + 4 : end])), end

    def _head(self, position: int) -> tuple[Incoming | None, int]:
        buffer = self._buffer
        end, width = buffer.find(b"\r\n\r\n", position), 4
        bare = buffer.find(b"\n\n", position, end if end >= 0 else len(buffer))
        if bare >= 0:
            end, width = bare, 2
        if end < 0 or end - position > _MAX_HEAD:
            if len(buffer) - position > _MAX_HEAD:
                msg = "an RTSP answer whose head does not end"
                raise NvrResponseError(msg)
            return None, position
        message = _parse_head(bytes(buffer[position:end]))
        length = message.number("content-length") or 0
        if length > _MAX_BODY:
            msg = "an RTSP answer with a body that is too long"
            raise NvrResponseError(msg)
        self._pending, self._body_length = message, length
        return self._finish_body(end + width)

    def _finish_body(self, position: int) -> tuple[Incoming | None, int]:
        end = position + self._body_length
        if self._pending is None or len(self._buffer) < end:
            return None, position
        message = _with_body(self._pending, bytes(self._buffer[position:end])) if self._body_length else self._pending
        self._pending = None
        return message, end
