"""RTSP requests and answers as bytes, and the header values that carry times."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import re
from urllib.parse import parse_qsl, unquote, urlsplit

REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    451: "Parameter Not Understood",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    457: "Invalid Range",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    500: "Internal Server Error",
    503: "Service Unavailable",
    551: "Option not supported",
}
_MAX_HEADER, _MAX_BODY = 16_384, 65_536
_CLOCK = re.compile(r"(\d{8})t?(\d{6})(\.\d+)?z?", re.IGNORECASE)


class BadRequestError(Exception):
    """A request that cannot be read."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """Path of the URL, percent-decoded."""
        return unquote(urlsplit(self.url).path)

    @property
    def query(self) -> dict[str, str]:
        """Query of the URL; names lower case."""
        return {name.lower(): value for name, value in parse_qsl(urlsplit(self.url).query, keep_blank_values=True)}


@dataclass(slots=True)
class Reply:
    """One answer; CSeq and Server are added when it is sent."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    challenges: tuple[str, ...] = ()

    def encode(self, cseq: str | None, server: str) -> bytes:
        """Return the bytes of the answer."""
        lines = [f"RTSP/1.0 {self.status} {REASONS.get(self.status, 'Unknown')}"]
        if cseq is not None:
            lines.append(f"CSeq: {cseq}")
        if server:
            lines.append(f"Server: {server}")
        lines += [f"WWW-Authenticate: {challenge}" for challenge in self.challenges]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode() + self.body


async def read_message(reader: asyncio.StreamReader) -> Request | tuple[int, bytes] | None:
    """Return the next request, or interleaved data as (channel, bytes), or None at the end.

    Raises BadRequestError for bytes that are neither.
    """
    try:
        first = await reader.readexactly(1)
        while first in b"\r\n":
            first = await reader.readexactly(1)
        if first == b"$":
            head = await reader.readexactly(3)
            return head[0], await reader.readexactly(int.from_bytes(head[1:]))
        text = first + await reader.readuntil(b"\r\n\r\n")
        request = parse_request(text)
        length = int(request.headers.get("content-length", "0") or 0)
        if not 0 <= length <= _MAX_BODY:
            raise BadRequestError
        body = await reader.readexactly(length)
    except asyncio.LimitOverrunError as error:
        raise BadRequestError from error
    except asyncio.IncompleteReadError, ConnectionError:
        return None
    except ValueError as error:
        raise BadRequestError from error
    return Request(request.method, request.url, request.headers, body)


def parse_request(data: bytes) -> Request:
    """Return a request without its body. Raises BadRequestError."""
    if len(data) > _MAX_HEADER:
        raise BadRequestError
    lines = data.decode("utf-8", "replace").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[2].startswith("RTSP/"):
        raise BadRequestError
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return Request(parts[0], parts[1], headers)


def parse_clock(text: str) -> datetime | None:
    """Return the naive digits of `20240501T080000.5Z`; the recorder knows what they mean."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    try:
        moment = datetime.strptime(match[1] + match[2], "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError:
        return None
    return moment + timedelta(seconds=float(match[3] or 0))


def format_clock(digits: datetime, *, fraction: bool = True) -> str:
    """Return digits as `20240501T080000Z`, with milliseconds when there are any."""
    milliseconds = digits.microsecond // 1000 if fraction else 0
    return f"{digits:%Y%m%dT%H%M%S}{f'.{milliseconds:03d}' if milliseconds else ''}Z"


@dataclass(frozen=True, slots=True)
class PlayRange:
    """What a Range header asks: clock digits or seconds from the begin; `start` None is "now" or where it stands."""

    unit: str
    start: datetime | float | None
    end: datetime | float | None


def parse_range(text: str) -> PlayRange | None:
    """Return a Range header's meaning, or None when it has none we know."""
    unit, _, rest = text.split(";", maxsplit=1)[0].strip().partition("=")
    low, dash, high = rest.partition("-")
    if not dash:
        return None
    if unit.lower() == "clock":
        start, end = parse_clock(low), parse_clock(high) if high.strip() else None
        return None if start is None else PlayRange("clock", start, end)
    if unit.lower() == "npt":
        try:
            begin = None if low.strip() in ("", "now") else _npt(low)
            return PlayRange("npt", begin, _npt(high) if high.strip() else None)
        except ValueError:
            return None
    return None


def _npt(text: str) -> float:
    """Return seconds of `12.5` or `1:02:03.5`."""
    seconds = 0.0
    for part in text.strip().split(":"):
        seconds = seconds * 60 + float(part)
    return seconds
