"""A small HTTP/1.1 server that can misbehave the way a recorder's web server does; it knows no vendor.

It owns its sockets, so that a test can cut, stall, trickle or reset any connection at any byte.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
import socket
import ssl
import struct
import time
from typing import Protocol, override
from urllib.parse import parse_qs, unquote, urlsplit

HEAD_LIMIT = 32 * 1024
BODY_LIMIT = 8 * 1024 * 1024
_HIGH_WATER = 1 << 20


class DropConnectionError(Exception):
    """The connection ends now, without another byte."""


@dataclass(slots=True)
class Request:
    """One request as it came; header names are lower-case."""

    method: str
    target: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    peer: str
    body: bytes = b""
    user: str = ""
    secure: bool = False
    malformed: bool = False
    open: bool = False


class Sink(Protocol):
    """Where a streaming answer writes."""

    async def write(self, data: bytes) -> None:
        """Send bytes; waits while the peer does not read. Raises ConnectionError when it left."""

    def abort(self) -> None:
        """Reset the connection now."""


type Body = Callable[[Sink], Awaitable[None]]


@dataclass(slots=True)
class Response:
    """An answer. With `stream`, `length` None means chunked unless `raw` (until the connection closes).

    `finished` is called when no more of it will be sent, whatever the reason. `listen` is given what the client goes on
    to say on the same connection, behind the answer or, with `late`, before it.
    """

    status: int = 200
    body: bytes = b""
    content_type: str | None = 'application/xml; charset="UTF-8"'
    headers: list[tuple[str, str]] = field(default_factory=list)
    stream: Body | None = None
    length: int | None = None
    raw: bool = False
    close: bool = False
    finished: Callable[[], None] | None = None
    listen: Callable[[AsyncIterator[bytes]], Awaitable[None]] | None = None
    late: bool = False


type Handler = Callable[[Request], Awaitable[Response]]


class ServerCounters(Protocol):
    """What the server counts by itself."""

    connections: int
    pipelined: int
    expectations: int
    bytes_in: int
    bytes_out: int


@dataclass(slots=True)
class ServerPolicy:
    """What the web server does with its connections; mutable at run time.

    `server` None: no Server, Date and Cache-Control. `spelling` lists header names as this server writes them;
    `lines` are written into every head as they are, also such as are no headers (dahua-cgi 2.1). `lenient`: a
    target with spaces in it is a malformed request to be answered, not a reason to hang up.
    """

    server: str | None = "DNVRS-Webs"
    keep_alive_seconds: float = 60.0
    requests_per_connection: int = 100
    refuse_pipelining: bool = True
    stalled: bool = False
    spelling: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    lenient: bool = False


class _Connection(asyncio.Protocol):
    """One client's connection: reads a request, lets the handler answer it, repeats."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._buffer = bytearray()
        self._more = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._closed = False
        self.task: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport
        self.peer = ""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        address = transport.get_extra_info("peername")
        self.peer = str(address[0]) if address else "?"
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server.connections.add(self)
        self._server.counters.connections += 1
        self.task = asyncio.get_running_loop().create_task(self._serve())

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._server.counters.bytes_in += len(data)
        self._more.set()

    @override
    def eof_received(self) -> bool:
        self._closed = True
        self._more.set()
        return False

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = True
        self._more.set()
        self._writable.set()
        self._server.connections.discard(self)
        if self.task is not None and self.task is not asyncio.current_task():
            self.task.cancel()

    @override
    def pause_writing(self) -> None:
        self._writable.clear()

    @override
    def resume_writing(self) -> None:
        self._writable.set()

    def abort(self) -> None:
        """Reset the connection: the peer gets RST, not FIN."""
        raw = self.transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    async def write(self, data: bytes) -> None:
        """Send bytes, waiting for a stall to end and for the peer to read."""
        await self._server.flowing()
        if self._closed:
            raise ConnectionResetError
        self._server.counters.bytes_out += len(data)
        self.transport.write(data)
        if not self._writable.is_set():
            await self._writable.wait()

    async def _serve(self) -> None:
        server = self._server
        left = server.policy.requests_per_connection
        try:
            while left > 0:
                request = await self._read_request()
                if request is None:
                    break
                if server.policy.refuse_pipelining and self._buffer and not request.open:
                    server.counters.pipelined += 1
                    self.abort()
                    return
                left -= 1
                response = await server.answer(request)
                wish = request.headers.get("connection", "").lower() == "close"
                close = response.close or response.raw or left == 0 or wish
                try:
                    await self._converse(request, response, close=close, left=left)
                finally:
                    if response.finished is not None:
                        response.finished()
                if close or request.open or response.listen is not None:
                    break
        except DropConnectionError:
            self.abort()
        except ConnectionError:
            self.transport.abort()
        finally:
            self.transport.close()

    async def _converse(self, request: Request, response: Response, *, close: bool, left: int) -> None:
        """Answer, and hear what the client goes on to say."""
        if response.listen is not None and response.late:
            await response.listen(self._incoming())
        await self._send(request, response, close=close, left=left)
        if response.listen is not None and not response.late:
            await response.listen(self._incoming())

    async def _incoming(self) -> AsyncIterator[bytes]:
        while self._buffer or await self._fill(60.0):
            data = bytes(self._buffer)
            self._buffer.clear()
            if data:
                yield data

    async def _fill(self, seconds: float) -> bool:
        """Wait for more bytes; False when none will come."""
        if self._ended():
            return False
        self._more.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._more.wait()
        except TimeoutError:
            return False
        return not self._ended() or bool(self._buffer)

    def _ended(self) -> bool:
        return self._closed

    async def _read_request(self) -> Request | None:
        patience = self._server.policy.keep_alive_seconds
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > HEAD_LIMIT or not await self._fill(patience):
                return None
        head = bytes(self._buffer[:end]).decode("latin-1")
        del self._buffer[: end + 4]
        request = parse_head(head, self.peer)
        if request is None or (request.malformed and not self._server.policy.lenient):
            return None
        if "100-continue" in request.headers.get("expect", ""):
            # Recorders do not know Expect (hikvision-isapi 3.1): the client waits for nothing.
            self._server.counters.expectations += 1
        request.secure = self._server.secure
        request.open = self._server.is_open(request)
        if not request.open:
            request.body = await self._read_body(request.headers)
        return request

    async def _read_body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await self._read_chunked()
        length = int(headers.get("content-length") or 0)
        if length > BODY_LIMIT:
            raise DropConnectionError
        return await self._take(length)

    async def _take(self, length: int) -> bytes:
        while len(self._buffer) < length:
            if not await self._fill(30.0):
                raise DropConnectionError
        data = bytes(self._buffer[:length])
        del self._buffer[:length]
        return data

    async def _read_chunked(self) -> bytes:
        body = bytearray()
        while True:
            while (end := self._buffer.find(b"\r\n")) < 0:
                if not await self._fill(30.0):
                    raise DropConnectionError
            size = int(bytes(self._buffer[:end]).split(b";")[0], 16)
            del self._buffer[: end + 2]
            body += await self._take(size)
            await self._take(2)
            if size == 0:
                return bytes(body)

    async def _send(self, request: Request, response: Response, *, close: bool, left: int) -> None:
        chunked = response.stream is not None and response.length is None and not response.raw
        policy = self._server.policy
        headers: list[tuple[str, str]] = []
        if policy.server is not None:
            headers += [("Server", policy.server), ("Date", formatdate(self._server.wall(), usegmt=True))]
            headers.append(("Cache-Control", "no-cache"))
        if response.content_type is not None:
            headers.append(("Content-Type", response.content_type))
        if chunked:
            headers.append(("Transfer-Encoding", "chunked"))
        elif response.stream is None:
            headers.append(("Content-Length", str(len(response.body) if response.length is None else response.length)))
        elif response.length is not None:
            headers.append(("Content-Length", str(response.length)))
        if close:
            headers.append(("Connection", "close"))
        else:
            alive = f"timeout={policy.keep_alive_seconds:.0f}, max={left}"
            headers += [("Connection", "keep-alive"), ("Keep-Alive", alive)]
        head = render_head(response.status, headers + response.headers, policy)
        if response.stream is None:
            await self.write(head if request.method == "HEAD" else head + response.body)
            return
        await self.write(head)
        await response.stream(_ChunkedSink(self) if chunked else self)
        if chunked:
            await self.write(b"0\r\n\r\n")


@dataclass(slots=True)
class _ChunkedSink:
    connection: _Connection

    async def write(self, data: bytes) -> None:
        """Send one chunk."""
        if data:
            await self.connection.write(b"%x\r\n%b\r\n" % (len(data), data))

    def abort(self) -> None:
        """Reset the connection now."""
        self.connection.abort()


def render_head(status: int, headers: list[tuple[str, str]], policy: ServerPolicy) -> bytes:
    """Write a response head in the server's spelling."""
    spelled = {name.lower(): name for name in policy.spelling}
    lines = [f"HTTP/1.1 {status} {reason(status)}"]
    lines += [f"{spelled.get(name.lower(), name)}: {value}" for name, value in headers]
    lines += policy.lines
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def reason(status: int) -> str:
    """Return the usual phrase of a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def parse_head(head: str, peer: str) -> Request | None:
    """Split a request head; None when it is none, `malformed` when there are spaces in its target."""
    first, *lines = head.split("\r\n")
    method, _, rest = first.partition(" ")
    target, _, version = rest.rpartition(" ")
    if not target or not version.startswith("HTTP/1."):
        return None
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    split = urlsplit(target)
    query = {name: values[-1] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
    return Request(method, target, unquote(split.path), query, headers, peer, malformed=" " in target)


class HttpServer:
    """Listens on one port; `answer` is given every request."""

    def __init__(
        self, handler: Handler, counters: ServerCounters, *, host: str, tls: ssl.SSLContext | None = None
    ) -> None:
        self.policy = ServerPolicy()
        self.counters = counters
        self.connections: set[_Connection] = set()
        self.port = 0
        self.answer = handler
        self.wall: Callable[[], float] = time.time
        # Whose body is read by whoever answers.
        self.is_open: Callable[[Request], bool] = lambda _request: False
        self._host = host
        self._tls = tls
        self.secure = tls is not None
        self._server: asyncio.Server | None = None

    async def flowing(self) -> None:
        """Wait while the network is stalled: sockets stay open, no byte moves."""
        while self.policy.stalled:
            await asyncio.sleep(0.02)

    async def start(self, port: int = 0) -> None:
        """Listen; a later start takes the same port again."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), self._host, port or self.port, ssl=self._tls, backlog=256
        )
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self, *, reset: bool = True) -> None:
        """Close the listening socket and every connection, by reset or in order."""
        if self._server is not None:
            self._server.close()
            self._server = None
        connections = tuple(self.connections)
        for connection in connections:
            if reset:
                connection.abort()
            else:
                connection.transport.close()
        tasks = [connection.task for connection in connections if connection.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
