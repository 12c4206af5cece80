"""An RTSP server as recorders have it: live and playback, inside the connection or by UDP."""

import asyncio
import contextlib
import socket
from typing import Self

from ..footage import Footage
from ..video.studio import Studio
from .auth import Accounts, Gatekeeper, SimpleAccounts
from .handlers import Handlers, Resolver
from .messages import BadRequestError, Reply, Request, read_message
from .options import RtspCounters, RtspFaults, RtspOptions
from .session import Session
from .transport import InterleavedSink, LastWordsProtocol
from .viewers import Connection, SessionBook


class RtspServer:
    """Serves the cameras of a studio on `host`:`port` (0: any free one; it is kept over power_off and power_on).

    `resolve` turns a request (URL, headers) into what it means; it gets the URL of DESCRIBE, and that of the first
    SETUP less the track's name. Options, faults and counters may be read and changed at any time.
    """

    def __init__(
        self,
        studio: Studio,
        footage: Footage,
        resolve: Resolver,
        *,
        accounts: Accounts | None = None,
        gatekeeper: Gatekeeper | None = None,
        options: RtspOptions | None = None,
        faults: RtspFaults | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.studio = studio
        self.footage = footage
        self.options = options or RtspOptions()
        self.faults = faults or RtspFaults()
        self.counters = RtspCounters()
        self.gatekeeper = gatekeeper or Gatekeeper(accounts or SimpleAccounts())
        self.host = host
        self.port = port
        self._book = SessionBook(studio.clock, self.options, self.faults, self.counters)
        self._handlers = Handlers(
            studio,
            footage,
            resolve,
            book=self._book,
            gatekeeper=self.gatekeeper,
            options=self.options,
            faults=self.faults,
            counters=self.counters,
            host=host,
        )
        self._server: asyncio.Server | None = None
        self._reaper: asyncio.Task[None] | None = None

    @property
    def sessions(self) -> dict[str, Session]:
        """The open sessions by number."""
        return self._book.sessions

    async def __aenter__(self) -> Self:
        await self.power_on()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.power_off()

    async def power_on(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._reaper = asyncio.create_task(self._book.expire(), name="rtsp session timeouts")

    async def power_off(self) -> None:
        """Close every socket at once, listening ones too; sessions and nonces are forgotten."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for connection in list(self._book.connections):
            connection.abort()
        if self._reaper is not None:
            self._reaper.cancel()
        for session in list(self.sessions.values()):
            await self._book.end(session)
        self.gatekeeper.forget_nonces()
        await server.wait_closed()

    async def drop_channel(self, channel: int) -> None:
        """Cut all viewers of a channel, as when its camera goes away."""
        for session in [s for s in self.sessions.values() if s.target.channel == channel]:
            self._book.cut(session)
            await self._book.end(session)

    def _protocol(self) -> LastWordsProtocol:
        return LastWordsProtocol(asyncio.StreamReader(limit=1 << 17), self._accept)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        self._book.connections.add(connection)
        self.counters.connections += 1
        self.counters.connections_open += 1
        try:
            self._tune(writer)
            await self._serve(connection)
        except ConnectionError, TimeoutError:
            pass  # the client is gone, or was sent away
        finally:
            self._book.connections.discard(connection)
            self.counters.connections_open -= 1
            for session in list(connection.sessions):
                if any(isinstance(track.sink, InterleavedSink) for track in session.tracks.values()):
                    await self._book.end(session)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _tune(self, writer: asyncio.StreamWriter) -> None:
        """Keep what waits for a slow client small."""
        writer.transport.set_write_buffer_limits(high=self.options.send_buffer)
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.options.send_buffer)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def _serve(self, connection: Connection) -> None:
        while True:
            try:
                message = await read_message(connection.reader)
            except BadRequestError:
                connection.writer.write(Reply(400).encode(None, self.options.server))
                await connection.writer.drain()
                return
            if message is None:
                return
            await connection.hang(lambda: not self.faults.stalled)
            if not isinstance(message, Request):
                for session in connection.sessions:  # a report of the receiver keeps its session alive
                    session.last_seen = asyncio.get_running_loop().time()
                    session.hear(*message)
                continue
            reply, then = await self._handlers.answer(connection, message)
            connection.writer.write(reply.encode(message.headers.get("cseq"), self.options.server))
            await connection.writer.drain()
            if then is not None:
                then()
