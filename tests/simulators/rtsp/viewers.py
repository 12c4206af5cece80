"""Who is connected and who watches: connections, and the book of open sessions with its limits."""

import asyncio
from collections.abc import Callable
import secrets

from ..clock import SimClock
from .messages import Request
from .options import Kind, RtspCounters, RtspFaults, RtspOptions, Target
from .session import Session


class Connection:
    """One TCP connection and the sessions that were set up inside it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.address: str = (writer.get_extra_info("peername") or ("",))[0]
        self.local: str = (writer.get_extra_info("sockname") or ("127.0.0.1",))[0]
        self.sessions: list[Session] = []
        self.next_channel = 0

    @property
    def gone(self) -> bool:
        """Tell whether the client has hung up."""
        return self.reader.at_eof() or self.writer.is_closing()

    def abort(self) -> None:
        """Close at once, without waiting for what is still to be sent."""
        self.writer.transport.abort()

    async def hang(self, until: Callable[[], bool]) -> None:
        """Do nothing until told otherwise. Raises ConnectionResetError when the client hangs up first."""
        while not until():
            if self.gone:
                raise ConnectionResetError
            await asyncio.sleep(0.05)


class SessionBook:
    """The open sessions of a server."""

    def __init__(self, clock: SimClock, options: RtspOptions, faults: RtspFaults, counters: RtspCounters) -> None:
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self._clock = clock
        self._options = options
        self._faults = faults
        self._counters = counters

    def full(self, kind: Kind) -> bool:
        """Tell whether no more sessions of a kind may be opened."""
        limit = self._options.live_limit if kind == "live" else self._options.playback_limit
        return self._counters.sessions_open[kind] >= limit

    def find(self, request: Request) -> Session | None:
        """Return the session a request names, which keeps it alive."""
        session = self.sessions.get(request.headers.get("session", "").partition(";")[0].strip())
        if session is not None:
            session.last_seen = asyncio.get_running_loop().time()
        return session

    def open(self, connection: Connection, target: Target) -> Session:
        """Open a session inside a connection."""
        number = str(secrets.randbelow(10**9) + 10**9)
        session = Session(
            number,
            target,
            self._clock,
            options=self._options,
            faults=self._faults,
            counters=self._counters,
            cut=lambda: self.cut(session),
        )
        session.last_seen = asyncio.get_running_loop().time()
        self.sessions[number] = session
        connection.sessions.append(session)
        counters, kind = self._counters, target.kind
        counters.sessions_open[kind] += 1
        counters.sessions_opened[kind] += 1
        counters.sessions_peak[kind] = max(counters.sessions_peak[kind], counters.sessions_open[kind])
        return session

    async def end(self, session: Session) -> None:
        """Close a session; its connection stays."""
        if self.sessions.pop(session.number, None) is None:
            return
        self._counters.sessions_open[session.target.kind] -= 1
        for connection in self.connections:
            if session in connection.sessions:
                connection.sessions.remove(session)
        await session.close()

    def cut(self, session: Session) -> None:
        """Close the connection that a session was set up in, at once."""
        for connection in list(self.connections):
            if session in connection.sessions:
                connection.abort()

    async def expire(self) -> None:
        """Close sessions whose clients have been silent too long; runs until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(1.0, self._options.session_timeout / 4))
            limit = loop.time() - self._options.session_timeout
            for session in [s for s in self.sessions.values() if s.last_seen < limit]:
                self._counters.timeouts += 1
                await self.end(session)
