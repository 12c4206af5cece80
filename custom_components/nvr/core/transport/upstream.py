"""A request whose body is made while it is sent, for as long as somebody speaks; past aiohttp, with the same login.

Two habits of recorders leave no other way: a body that follows a `Content-Length: 0` on the same socket once that was
answered (hikvision-isapi 12.5), and one whose length is never reached, with its answer at the end or never (dahua-cgi
14). A login is asked for by another request: without one such a body is hung up on in silence (dahua-cgi 2.2).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
import ssl
from typing import Final

from multidict import CIMultiDict

from ..errors import NvrResponseError, NvrTimeoutError, NvrUnreachableError
from .auth import UNAUTHORIZED, Target
from .failures import connection_error
from .gate import Priority
from .http import MAX_REFUSAL, HttpTransport, authority

_ACCEPTED: Final = range(200, 300)
# What a body is told by that has no answer yet.
_NO_ANSWER: Final = 0
_MOST_HEAD: Final = 32 * 1024
# How long (s) a recorder may take nothing of what is said: what waits longer is of no use any more.
_PATIENCE: Final = 4.0


@dataclass(frozen=True, slots=True)
class _Said:
    """What was answered, and where more can be said."""

    status: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    headers: Mapping[str, str] = field(default_factory=dict)
    refusal: bytes = b""
    challenges: Sequence[str] = ()
    late: asyncio.Task[tuple[int, CIMultiDict[str], bytes]] | None = None


class Upstream:
    """A body on its way."""

    def __init__(self, transport: HttpTransport, said: _Said) -> None:
        """Take over the connection; made by `open_upstream`."""
        self._transport = transport
        self._said = said

    async def send(self, data: bytes) -> None:
        """Send a piece, once the recorder has taken enough of those before.

        Raises NvrUnreachableError when it hung up, NvrTimeoutError when it takes nothing, and what a late answer means.
        """
        late, writer = self._said.late, self._said.writer
        if late is not None and late.done():
            status, headers, body = _result(late)
            if status not in _ACCEPTED:
                raise self._transport.meaning(status, headers, body, "control")
        if writer.is_closing():
            raise NvrUnreachableError("the recorder hung up")
        writer.write(data)
        try:
            async with asyncio.timeout(_PATIENCE):
                await writer.drain()
        except TimeoutError:
            raise NvrTimeoutError("the recorder does not take what is said") from None
        except OSError as error:
            raise NvrUnreachableError(f"the recorder hung up ({type(error).__name__})") from None


def _result(late: asyncio.Task[tuple[int, CIMultiDict[str], bytes]]) -> tuple[int, CIMultiDict[str], bytes]:
    """Return a late answer; a connection that ended without one is the sender's to notice."""
    if late.cancelled() or late.exception() is not None:
        return _ACCEPTED.start, CIMultiDict(), b""
    return late.result()


@asynccontextmanager
async def open_upstream(
    transport: HttpTransport,
    method: str,
    path: str,
    *,
    content_type: str,
    length: int,
    answer_within: float,
) -> AsyncIterator[Upstream]:
    """Open the request, and wait so long (s) for an answer, which may be none; leaving the context hangs up.

    Raises as HttpTransport.request does.
    """
    head = _Head(transport, method, path, {"Content-Type": content_type, "Content-Length": str(length)})
    async with transport.gate.slot("control", priority=Priority.PERSON):
        said = await transport.auth.perform(Target(method, path), lambda login: _ask(head, login, answer_within))
    try:
        if said.status not in _ACCEPTED and said.status != _NO_ANSWER:
            raise transport.meaning(said.status, said.headers, said.refusal, "control")
        yield Upstream(transport, said)
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await said.writer.drain()
    finally:
        await _hang_up(said)


@dataclass(frozen=True, slots=True)
class _Head:
    transport: HttpTransport
    method: str
    path: str
    headers: Mapping[str, str]

    def lines(self, login: str | None) -> bytes:
        """Return the head as it is sent; without a login it is a question that asks for the challenge."""
        method, path, headers = (
            ("GET", self.transport.challenge_path, {}) if login is None else (self.method, self.path, self.headers)
        )
        lines = [f"{method} {path} HTTP/1.1", f"Host: {authority(self.transport.config)}", "User-Agent: nvr"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Authorization: {login}"] if login else []
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _ask(head: _Head, login: str | None, answer_within: float) -> _Said:
    reader, writer = await _dial(head.transport)
    late = asyncio.ensure_future(_answer(reader))
    said = _Said(_NO_ANSWER, reader, writer, late=late)
    try:
        writer.write(head.lines(login))
        await asyncio.wait({late}, timeout=_PATIENCE if login is None else answer_within)
        if not late.done() and login is not None:
            return said
        async with asyncio.timeout(0):
            status, headers, body = await late
    except BaseException as error:
        await _hang_up(said)
        if isinstance(error, TimeoutError):
            raise NvrTimeoutError("no answer in time") from None
        if isinstance(error, OSError | EOFError):
            raise NvrUnreachableError(f"the connection was closed ({type(error).__name__})") from None
        raise
    said = _Said(status, reader, writer, headers, body, headers.getall("WWW-Authenticate", []))
    if login is None and status != UNAUTHORIZED:
        # It asks for no login: then the body itself goes out without one.
        await _hang_up(said)
        return await _ask(head, "", answer_within)
    if status == UNAUTHORIZED:
        await _hang_up(said)
    return said


async def _dial(transport: HttpTransport) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    config = transport.config
    context = await transport.tls_context()
    name = config.host if context is not None else None
    try:
        async with asyncio.timeout(_PATIENCE):
            return await asyncio.open_connection(
                config.dial or config.host, config.http_port, ssl=context, server_hostname=name, limit=_MOST_HEAD
            )
    except TimeoutError:
        raise NvrTimeoutError("no connection in time") from None
    except (ssl.SSLError, OSError) as error:
        raise await connection_error(error, config, _PATIENCE) from None


async def _answer(reader: asyncio.StreamReader) -> tuple[int, CIMultiDict[str], bytes]:
    """Read one answer; raises EOFError and OSError when none comes, NvrResponseError for what is none."""
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.LimitOverrunError:
        raise NvrResponseError("this is not HTTP (a head without an end)") from None
    version, _, rest = lines[0].partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/") or not (code.isascii() and code.isdigit()):
        raise NvrResponseError("this is not HTTP")
    headers: CIMultiDict[str] = CIMultiDict()
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers.add(name.strip(), value.strip())
    length = headers.get("Content-Length", "0")
    size = min(int(length), MAX_REFUSAL) if length.isascii() and length.isdigit() else 0
    return int(code), headers, await reader.readexactly(size)


async def _hang_up(said: _Said) -> None:
    if said.late is not None:
        said.late.cancel()
        await asyncio.wait({said.late})
        _result(said.late)
    said.writer.close()
    with suppress(OSError, TimeoutError, ssl.SSLError):
        async with asyncio.timeout(1.0):
            await said.writer.wait_closed()
