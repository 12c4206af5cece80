"""An RTSP server as recorders have it: live and playback, inside the connection or by UDP."""

import asyncio
import contextlib
import re
import secrets
import socket
from collections.abc import Awaitable, Callable
from typing import Self

from ..clock import WireClock
from ..footage import Footage
from ..video.profile import from_ticks, to_ticks
from ..video.studio import Studio
from .auth import Accounts, Gatekeeper, SimpleAccounts
from .messages import BadRequestError, PlayRange, Reply, Request, format_clock, parse_range, read_message
from .options import LiveTarget, PlaybackTarget, Refusal, RtspCounters, RtspFaults, RtspOptions, Target
from .sdp import describe, tracks_of
from .session import Session
from .source import LiveSource, PlaybackSource, Source
from .transport import InterleavedSink, Sink, UdpSink, open_udp

type Resolver = Callable[[Request], Target | Refusal]

_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
_SCALES = (0.125, 16.0)


class _Connection:
    """One TCP connection and the sessions that were set up inside it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.address: str = (writer.get_extra_info("peername") or ("",))[0]
        self.local: str = (writer.get_extra_info("sockname") or ("127.0.0.1",))[0]
        self.sessions: list[Session] = []
        self.next_channel = 0

    def abort(self) -> None:
        """Close at once, without waiting for what is still to be sent."""
        self.writer.transport.abort()


class RtspServer:
    """Serves the cameras of a studio on `host`:`port` (0: any free one; it is kept over power_off and power_on).

    `resolve` turns a request (URL, headers) into what it means; it gets the URL of DESCRIBE, or of SETUP when a client
    goes straight there, less the track's name.
    """

    def __init__(  # noqa: PLR0913
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
        self.sessions: dict[str, Session] = {}
        self._resolve = resolve
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._reaper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start."""
        await self.power_on()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End."""
        await self.power_off()

    async def power_on(self) -> None:
        """Listen."""
        if self._server is not None:
            return
        self._server = await asyncio.start_server(self._accept, self.host, self.port, limit=1 << 17)
        self.port = self._server.sockets[0].getsockname()[1]
        self._reaper = asyncio.create_task(self._reap(), name="rtsp session timeouts")

    async def power_off(self) -> None:
        """Close every socket at once, listening ones too; sessions and nonces are forgotten."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for connection in list(self._connections):
            connection.abort()
        if self._reaper is not None:
            self._reaper.cancel()
        for session in list(self.sessions.values()):
            await self._end(session)
        self.gatekeeper.forget_nonces()
        await server.wait_closed()

    async def drop_channel(self, channel: int) -> None:
        """Cut all viewers of a channel, as when its camera goes away."""
        for session in [s for s in self.sessions.values() if s.target.channel == channel]:
            self._cut(session)
            await self._end(session)

    async def _reap(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(1.0, self.options.session_timeout / 4))
            limit = loop.time() - self.options.session_timeout
            for session in [s for s in self.sessions.values() if s.last_seen < limit]:
                self.counters.timeouts += 1
                await self._end(session)

    async def _end(self, session: Session) -> None:
        if self.sessions.pop(session.number, None) is not None:
            self.counters.sessions_open[session.target.kind] -= 1
            for connection in self._connections:
                if session in connection.sessions:
                    connection.sessions.remove(session)
            await session.close()

    def _cut(self, session: Session) -> None:
        for connection in list(self._connections):
            if session in connection.sessions:
                connection.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(reader, writer)
        self._connections.add(connection)
        self.counters.connections += 1
        self.counters.connections_open += 1
        writer.transport.set_write_buffer_limits(high=self.options.send_buffer)
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.options.send_buffer)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self._serve(connection)
        except ConnectionError, TimeoutError:
            pass
        finally:
            self._connections.discard(connection)
            self.counters.connections_open -= 1
            for session in list(connection.sessions):
                if any(isinstance(track.sink, InterleavedSink) for track in session.tracks.values()):
                    await self._end(session)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(self, connection: _Connection) -> None:
        while True:
            try:
                message = await read_message(connection.reader)
            except BadRequestError:
                connection.writer.write(Reply(400).encode(None, self.options.server))
                await connection.writer.drain()
                return
            if message is None:
                return
            while self.faults.stalled:
                await asyncio.sleep(0.05)
            if not isinstance(message, Request):
                for session in connection.sessions:
                    session.last_seen = asyncio.get_running_loop().time()
                continue
            reply, then = await self._answer(connection, message)
            connection.writer.write(reply.encode(message.headers.get("cseq"), self.options.server))
            await connection.writer.drain()
            if then is not None:
                then()

    async def _answer(self, connection: _Connection, request: Request) -> tuple[Reply, Callable[[], None] | None]:
        self.counters.requests[request.method] += 1
        if request.method == "OPTIONS":
            self._session_of(request)
            return Reply(200, {"Public": _METHODS}), None
        login = self.gatekeeper.check(
            request.method, request.url, request.headers.get("authorization"), connection.address
        )
        if login.user is None:
            self.counters.auth_failures += login.attempt
            self.counters.challenges += not login.attempt
            return Reply(401, challenges=self.gatekeeper.challenges(stale=login.stale)), None
        match request.method:
            case "DESCRIBE":
                return await self._describe(connection, request), None
            case "SETUP":
                return await self._setup(connection, request), None
            case "PLAY":
                return await self._play(request)
            case "PAUSE":
                return await self._with_session(request, self._pause), None
            case "TEARDOWN":
                return await self._with_session(request, self._teardown), None
            case "GET_PARAMETER" | "SET_PARAMETER":
                known = "session" not in request.headers or self._session_of(request) is not None
                return Reply(200 if known else 454), None
        return Reply(405, {"Allow": _METHODS}), None

    def _session_of(self, request: Request) -> Session | None:
        session = self.sessions.get(request.headers.get("session", "").partition(";")[0].strip())
        if session is not None:
            session.last_seen = asyncio.get_running_loop().time()
        return session

    async def _with_session(self, request: Request, handler: Callable[[Session], Awaitable[Reply]]) -> Reply:
        session = self._session_of(request)
        return Reply(454) if session is None else await handler(session)

    async def _pause(self, session: Session) -> Reply:
        await session.stop()
        return Reply(200, {"Session": session.number})

    async def _teardown(self, session: Session) -> Reply:
        self.counters.teardowns[session.target.kind] += 1
        await self._end(session)
        return Reply(200, {"Session": session.number})

    def _full(self, target: Target) -> bool:
        limit = self.options.live_limit if target.kind == "live" else self.options.playback_limit
        return self.counters.sessions_open[target.kind] >= limit

    def _target(self, request: Request, stage: str) -> Target | int:
        """Return what a URL means, or the status that refuses it."""
        if self.faults.refuse_status is not None:
            return self.faults.refuse_status
        target = self._resolve(request)
        if isinstance(target, Refusal):
            return target.status
        if self.options.limit_at == stage and self._full(target):
            self.counters.refused += 1
            return self.options.limit_status
        return target

    async def _describe(self, connection: _Connection, request: Request) -> Reply:
        if self.faults.describe_hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(self.faults.describe_delay)
        target = self._target(request, "DESCRIBE")
        if isinstance(target, int):
            return Reply(target)
        at, line = None, ""
        if isinstance(target, PlaybackTarget):
            until = target.end or self.studio.clock.now()
            span = self.footage.next_recorded(target.channel, target.start, until)
            if span is None and self.faults.no_footage == "refuse":
                return Reply(404)
            at = to_ticks(span[0] if span else target.start)
            line = self._sdp_range(target)
        sets = await self.studio.parameter_sets(target.channel, target.profile, at)
        body = describe(
            request.url, target.profile, sets, target.sdp, address=connection.local, range_line=line
        )
        base = request.url if request.url.endswith("/") else f"{request.url}/"
        return Reply(200, {"Content-Type": "application/sdp", "Content-Base": base}, body)

    def _sdp_range(self, target: PlaybackTarget) -> str:
        wire = target.wire or WireClock(self.studio.clock)
        end = format_clock(wire.encode(target.end), fraction=False) if target.end else ""
        return f"a=range:clock={format_clock(wire.encode(target.start), fraction=False)}-{end}"

    async def _setup(self, connection: _Connection, request: Request) -> Reply:
        session = self._session_of(request)
        if session is None and "session" in request.headers:
            return Reply(454)
        target = session.target if session is not None else self._target(self._without_track(request), "SETUP")
        if isinstance(target, int):
            return Reply(target)
        infos = tracks_of(target.profile, target.sdp)
        name = request.url.rstrip("/").rpartition("/")[2]
        info = next((i for i in infos if i.control == name), infos[0])
        made = self._sink(connection, request.headers.get("transport", ""))
        if made is None:
            return Reply(461)
        sink, transport = made
        if session is None:
            session = self._open(connection, target)
        track = session.add_track(info, sink)
        timeout = f";timeout={round(self.options.session_timeout)}" if self.options.session_timeout >= 1 else ""
        headers = {
            "Session": f"{session.number}{timeout}",
            "Transport": f"{transport};ssrc={track.rtp.ssrc:08x};mode=\"play\"",
        }
        return Reply(200, headers)

    @staticmethod
    def _without_track(request: Request) -> Request:
        """Return the request for the stream that a track belongs to."""
        url = re.sub(r"/+(?:track|trackID|trackid|streamid)=[^/?]*/?$", "" if "?" in request.url else "/", request.url)
        return Request(request.method, url, request.headers, request.body)

    def _open(self, connection: _Connection, target: Target) -> Session:
        number = str(secrets.randbelow(10**9) + 10**9)
        session = Session(
            number,
            target,
            self.studio.clock,
            options=self.options,
            faults=self.faults,
            counters=self.counters,
            cut=lambda: self._cut(session),
        )
        session.last_seen = asyncio.get_running_loop().time()
        self.sessions[number] = session
        connection.sessions.append(session)
        counters = self.counters
        counters.sessions_open[target.kind] += 1
        counters.sessions_opened[target.kind] += 1
        counters.sessions_peak[target.kind] = max(
            counters.sessions_peak[target.kind], counters.sessions_open[target.kind]
        )
        return session

    def _sink(self, connection: _Connection, transport: str) -> tuple[Sink, str] | None:
        """Return where packets go and how the answer says so; None when no offered way is served."""
        for offer in transport.split(","):
            words = [word.strip() for word in offer.split(";")]
            values = dict(word.split("=", 1) for word in words if "=" in word)
            if words[0].upper() == "RTP/AVP/TCP":
                channel = connection.next_channel
                if match := re.match(r"(\d+)", values.get("interleaved", "")):
                    channel = int(match[1])
                connection.next_channel = max(connection.next_channel, channel + 2)
                sink = InterleavedSink(connection.writer, channel)
                return sink, f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"
            ports = re.fullmatch(r"(\d+)(?:-(\d+))?", values.get("client_port", ""))
            if words[0].upper() in ("RTP/AVP", "RTP/AVP/UDP") and self.options.udp and ports:
                pair = (int(ports[1]), int(ports[2] or int(ports[1]) + 1))
                udp: UdpSink = open_udp(self.host, connection.address, pair)
                own = udp.ports
                return udp, f"RTP/AVP;unicast;client_port={pair[0]}-{pair[1]};server_port={own[0]}-{own[1]}"
        return None

    async def _play(self, request: Request) -> tuple[Reply, Callable[[], None] | None]:
        session = self._session_of(request)
        if session is None:
            return Reply(454), None
        text = request.headers.get("range", "")
        asked = parse_range(text) if text else None
        scale = self._scale(request.headers.get("scale", "1"))
        if (text and asked is None) or scale is None:
            return Reply(457 if scale is not None else 400), None
        if session.playing and asked is None and scale == session.scale:
            return Reply(200, {"Session": session.number}), None  # a keep-alive of some clients
        await session.stop()
        source = self._source(session, asked, scale)
        if not await source.locate() and self.faults.no_footage == "refuse":
            return Reply(404), None
        session.prepare(source, scale)
        headers = {"Session": session.number, "RTP-Info": self._rtp_info(session, request.url)}
        if "scale" in request.headers:
            headers["Scale"] = f"{scale:g}"
        if self.options.reply_range:
            headers["Range"] = self._reply_range(session, source, asked)
        return Reply(200, headers), session.start

    @staticmethod
    def _scale(text: str) -> float | None:
        try:
            scale = float(text)
        except ValueError:
            return None
        return scale if _SCALES[0] <= scale <= _SCALES[1] else None

    def _source(self, session: Session, asked: PlayRange | None, scale: float) -> Source:
        target = session.target
        if isinstance(target, LiveTarget):
            return LiveSource(self.studio, target, self.options)
        start, end = session.position, to_ticks(target.end) if target.end else None
        if asked is not None:
            low, high = self._moment(target, asked.start), self._moment(target, asked.end)
            start = start if low is None else low
            end = end if high is None else high
        keys_only = scale >= self.options.key_only_scale
        return PlaybackSource(
            self.studio, self.footage, target, self.faults, start=start, end=end, keys_only=keys_only
        )

    def _moment(self, target: PlaybackTarget, value: object) -> int | None:
        """Return a Range value in ticks."""
        if value is None:
            return None
        if isinstance(value, float):
            return to_ticks(target.start) + round(value * 90_000)
        wire = target.wire or WireClock(self.studio.clock)
        return to_ticks(wire.decode(value))  # type: ignore[arg-type]

    def _reply_range(self, session: Session, source: Source, asked: PlayRange | None) -> str:
        target = session.target
        if isinstance(target, LiveTarget):
            return "npt=now-"
        if asked is not None and asked.unit == "npt":
            return f"npt={(source.first - to_ticks(target.start)) / 90_000:.3f}-"
        wire = target.wire or WireClock(self.studio.clock)
        end = format_clock(wire.encode(target.end), fraction=False) if target.end else ""
        start = format_clock(wire.encode(from_ticks(source.first)), fraction=self.options.range_fraction)
        return f"clock={start}-{end}"

    @staticmethod
    def _rtp_info(session: Session, url: str) -> str:
        base = url if url.endswith("/") else f"{url}/"
        return ",".join(
            f"url={base}{track.info.control};seq={track.rtp.sequence};rtptime={track.base & 0xFFFFFFFF}"
            for track in session.tracks.values()
        )
