"""What the server answers to each method."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
import re

from ..clock import WireClock
from ..footage import Footage
from ..video.profile import TICKS, from_ticks, to_ticks
from ..video.studio import Studio
from .auth import Gatekeeper
from .messages import PlayRange, Reply, Request, format_clock, parse_range
from .options import LiveTarget, PlaybackTarget, Refusal, RtspCounters, RtspFaults, RtspOptions, Target
from .sdp import TrackInfo, describe, tracks_of, way_back
from .session import Session
from .source import LiveSource, PlaybackSource, Source
from .transport import InterleavedSink, Sink, open_udp
from .viewers import Connection, SessionBook

type Resolver = Callable[[Request], Target | Refusal]
type Answer = tuple[Reply, Callable[[], None] | None]

METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
_SCALES = (0.125, 16.0)
_TRACK = re.compile(r"/+(?:track|trackID|trackid|streamid)=[^/?]*/?$")


class Handlers:
    """Answers requests; the second half of an answer is to be called once the reply is written."""

    def __init__(
        self,
        studio: Studio,
        footage: Footage,
        resolve: Resolver,
        *,
        book: SessionBook,
        gatekeeper: Gatekeeper,
        options: RtspOptions,
        faults: RtspFaults,
        counters: RtspCounters,
        host: str,
    ) -> None:
        self._studio = studio
        self._footage = footage
        self._resolve = resolve
        self._book = book
        self._gatekeeper = gatekeeper
        self._options = options
        self._faults = faults
        self._counters = counters
        self._host = host

    async def answer(self, connection: Connection, request: Request) -> Answer:
        """Answer one request. Raises ConnectionResetError when the client hangs up meanwhile."""
        self._counters.requests[request.method] += 1
        if request.method == "OPTIONS":
            self._book.find(request)
            return Reply(200, {"Public": METHODS}), None
        authorization = request.headers.get("authorization")
        login = self._gatekeeper.check(request.method, request.url, authorization, connection.address)
        if login.user is None:
            self._counters.auth_failures += login.attempt
            self._counters.challenges += not login.attempt
            return Reply(401, challenges=self._gatekeeper.challenges(stale=login.stale)), None
        if request.method == "PLAY":
            return await self._play(request)
        return await self._plain(connection, request), None

    async def _plain(self, connection: Connection, request: Request) -> Reply:
        match request.method:
            case "DESCRIBE":
                return await self._describe(connection, request)
            case "SETUP":
                return await self._setup(connection, request)
            case "PAUSE":
                return await self._with_session(request, self._pause)
            case "TEARDOWN":
                return await self._with_session(request, self._teardown)
            case "GET_PARAMETER" | "SET_PARAMETER":
                known = "session" not in request.headers or self._book.find(request) is not None
                return Reply(200 if known else 454)
        return Reply(405, {"Allow": METHODS})

    async def _with_session(self, request: Request, handler: Callable[[Session], Awaitable[Reply]]) -> Reply:
        session = self._book.find(request)
        return Reply(454) if session is None else await handler(session)

    async def _pause(self, session: Session) -> Reply:
        await session.stop()
        return Reply(200, {"Session": session.number})

    async def _teardown(self, session: Session) -> Reply:
        self._counters.teardowns[session.target.kind] += 1
        await self._book.end(session)
        return Reply(200, {"Session": session.number})

    def _target(self, request: Request, stage: str) -> Target | int:
        """Return what a URL means, or the status that refuses it."""
        if self._faults.refuse_status is not None:
            return self._faults.refuse_status
        target = self._resolve(request)
        if isinstance(target, Refusal):
            return target.status
        if self._options.limit_at == stage and self._book.full(target.kind):
            self._counters.refused += 1
            return self._options.limit_status
        return target

    async def _describe(self, connection: Connection, request: Request) -> Reply:
        await connection.hang(lambda: not self._faults.describe_hangs)
        await asyncio.sleep(self._faults.describe_delay)
        target = self._target(request, "DESCRIBE")
        if isinstance(target, int):
            return Reply(target)
        at, line = None, ""
        if isinstance(target, PlaybackTarget):
            until = target.end or self._studio.clock.now()
            span = self._footage.next_recorded(target.channel, target.start, until)
            if span is None and self._faults.no_footage == "refuse":
                return Reply(404)
            at = to_ticks(span[0] if span else target.start)
            line = self._range_line(target)
        sets = await self._studio.parameter_sets(target.channel, target.profile, at)
        body = describe(
            request.url,
            target.profile,
            sets,
            target.sdp,
            address=connection.local,
            range_line=line,
            back=_asked_back(request, target),
        )
        base = request.url if request.url.endswith("/") else f"{request.url}/"
        return Reply(200, {"Content-Type": "application/sdp", "Content-Base": base}, body)

    def _range_line(self, target: PlaybackTarget) -> str:
        """Return what a description says of the footage's extent; "" for nothing."""
        if target.ranges == "clock":
            return f"a=range:{self._clock_range(target, target.start, fraction=False)}"
        return f"a=range:npt=0-{_seconds(target)}" if target.ranges == "npt" else ""

    def _clock_range(self, target: PlaybackTarget, start: datetime, *, fraction: bool) -> str:
        """Return `clock=<start>-<end>` in the device's own digits."""
        wire = target.wire or WireClock(self._studio.clock)
        end = format_clock(wire.encode(target.end), fraction=False) if target.end else ""
        return f"clock={format_clock(wire.encode(start), fraction=fraction)}-{end}"

    async def _setup(self, connection: Connection, request: Request) -> Reply:
        session = self._book.find(request)
        if session is None and "session" in request.headers:
            return Reply(454)
        target = session.target if session is not None else self._target(_without_track(request), "SETUP")
        if isinstance(target, int):
            return Reply(target)
        infos = tracks_of(target.profile, target.sdp)
        name = request.url.rstrip("/").rpartition("/")[2]
        if (codec := _asked_back(request, target)) and (back := way_back(target.profile, target.sdp, codec)):
            infos.append(back)
        info = next((i for i in infos if i.control == name), infos[0])
        made = self._sink(connection, request.headers.get("transport", ""))
        if made is None:
            return Reply(461)
        sink, transport = made
        opened = session is None
        if session is None:
            session = self._book.open(connection, target)
        if info.kind == "back":
            return await self._setup_back(session, info, (sink, transport), opened=opened)
        track = session.add_track(info, sink)
        timeout = f";timeout={round(self._options.session_timeout)}" if self._options.session_timeout >= 1 else ""
        headers = {
            "Session": f"{session.number}{timeout}",
            "Transport": f'{transport};ssrc={track.rtp.ssrc:08x};mode="play"',
        }
        return Reply(200, headers)

    async def _setup_back(self, session: Session, info: TrackInfo, made: tuple[Sink, str], *, opened: bool) -> Reply:
        """Let the client speak, inside the connection only, and one at a time."""
        sink, transport = made
        channel = re.search(r"interleaved=(\d+)", transport)
        taken = channel is not None and session.take_back(info, int(channel[1]))
        sink.close()
        if not taken:
            if opened:
                await self._book.end(session)
            return Reply(461 if channel is None else 453)
        return Reply(200, {"Session": session.number, "Transport": transport})

    def _sink(self, connection: Connection, transport: str) -> tuple[Sink, str] | None:
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
            if words[0].upper() in ("RTP/AVP", "RTP/AVP/UDP") and self._options.udp and ports:
                pair = (int(ports[1]), int(ports[2] or int(ports[1]) + 1))
                udp = open_udp(self._host, connection.address, pair)
                own = udp.ports
                return udp, f"RTP/AVP;unicast;client_port={pair[0]}-{pair[1]};server_port={own[0]}-{own[1]}"
        return None

    async def _play(self, request: Request) -> Answer:
        session = self._book.find(request)
        if session is None:
            return Reply(454), None
        if session.back is not None and not session.tracks:
            return Reply(200, {"Session": session.number}), None
        text = request.headers.get("range", "")
        asked = parse_range(text) if text else None
        scale = _scale(request.headers.get("scale", "1"))
        if (text and asked is None) or scale is None:
            return Reply(457 if scale is not None else 400), None
        if session.playing and asked is None and scale == session.scale:
            return Reply(200, {"Session": session.number}), None  # some clients keep a session alive so
        if _beyond(session.target, asked):
            return Reply(457), None
        await session.stop()
        source = self._source(session, asked, scale)
        if not await source.locate() and self._faults.no_footage == "refuse":
            return Reply(404), None
        session.prepare(source, scale)
        headers = {"Session": session.number, "RTP-Info": _rtp_info(session, request.url)}
        if "scale" in request.headers:
            headers["Scale"] = f"{scale:g}"
        if self._options.reply_range:
            headers["Range"] = self._reply_range(session, source, asked)
        return Reply(200, headers), session.start

    def _source(self, session: Session, asked: PlayRange | None, scale: float) -> Source:
        target = session.target
        if isinstance(target, LiveTarget):
            return LiveSource(self._studio, target, self._options)
        start, end = session.position, to_ticks(target.end) if target.end else None
        if asked is not None:
            low, high = self._moment(target, asked.start), self._moment(target, asked.end)
            start = start if low is None else low
            end = end if high is None else high
        keys_only = scale >= self._options.key_only_scale
        return PlaybackSource(
            self._studio, self._footage, target, self._faults, start=start, end=end, keys_only=keys_only
        )

    def _moment(self, target: PlaybackTarget, value: datetime | float | None) -> int | None:
        """Return a Range value in ticks."""
        if isinstance(value, datetime):
            wire = target.wire or WireClock(self._studio.clock)
            return to_ticks(wire.decode(value))
        return None if value is None else to_ticks(target.start) + round(value * TICKS)

    def _reply_range(self, session: Session, source: Source, asked: PlayRange | None) -> str:
        target = session.target
        if isinstance(target, LiveTarget):
            return "npt=now-"
        if target.ranges == "npt":
            return f"npt={(source.first - to_ticks(target.start)) / TICKS:.6f}-{_seconds(target)}"
        if target.ranges == "blind":
            return "npt=0.000000-"
        if asked is not None and asked.unit == "npt":
            return f"npt={(source.first - to_ticks(target.start)) / TICKS:.3f}-"
        return self._clock_range(target, from_ticks(source.first), fraction=self._options.range_fraction)


def _asked_back(request: Request, target: Target) -> str:
    """Return what the loudspeaker takes, for who asks for the way to it by name (ONVIF streaming 5.3.1); else ""."""
    if not isinstance(target, LiveTarget) or target.speaker is None:
        return ""
    return target.speaker.codec if "onvif.org/ver20/backchannel" in request.headers.get("require", "") else ""


def _seconds(target: PlaybackTarget) -> str:
    """Return how long a file is; "" while it has no end."""
    return f"{(target.end - target.start).total_seconds():.6f}" if target.end else ""


def _without_track(request: Request) -> Request:
    """Return the request for the stream that a track belongs to."""
    url = _TRACK.sub("" if "?" in request.url else "/", request.url)
    return Request(request.method, url, request.headers, request.body)


def _beyond(target: Target, asked: PlayRange | None) -> bool:
    """Tell whether a seek by seconds goes past the end of a file."""
    if not isinstance(target, PlaybackTarget) or target.ranges != "npt" or target.end is None or asked is None:
        return False
    return isinstance(asked.start, float) and asked.start > (target.end - target.start).total_seconds()


def _scale(text: str) -> float | None:
    """Return a Scale header's value; None when it cannot be done, as with playing backwards."""
    try:
        scale = float(text)
    except ValueError:
        return None
    return scale if _SCALES[0] <= scale <= _SCALES[1] else None


def _rtp_info(session: Session, url: str) -> str:
    """Return where RTP numbers stand for the first picture."""
    base = url if url.endswith("/") else f"{url}/"
    return ",".join(
        f"url={base}{track.info.control};seq={track.rtp.sequence};rtptime={track.base & 0xFFFFFFFF}"
        for track in session.tracks.values()
    )
