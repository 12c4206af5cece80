"""One playback session on a recorder: from an address to frames with the moment each was recorded."""

from collections.abc import Callable
from datetime import UTC, datetime
import time
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from ...core.driver import CredentialGuard
from ...core.errors import NvrNotFoundError, NvrResponseError, NvrUnsupportedError
from ...core.models import PlaybackRequest, VideoCodec
from .. import h264, h265
from ..audio import AudioFormat, AudioUnit
from ..bits import length_prefixed
from ..cover import Sample
from ..fmp4 import VideoSets
from ..ticks import RATE, from_datetime, from_seconds, from_timedelta
from .audio_track import AudioTrack
from .connection import RtspConnection, SessionLimits
from .login import Login
from .messages import InterleavedFrame, Response
from .order import PacketOrder
from .rtp import AccessUnit, Depacketizer, Goodbye, H264Depacketizer, H265Depacketizer, parse_rtcp, parse_rtp
from .sdp import MediaDescription, SessionDescription, parse_sdp
from .wallclock import WallClock


def bare_url(url: str) -> str:
    """Return the address without credentials, which never go into a request line; raises NvrResponseError."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        raise NvrResponseError("the recorder names a playback address that is none") from None
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, parts.fragment))


class RtspSession:
    """A playing session. `open` it, `read` until it returns nothing, and `close` it whatever happens."""

    def __init__(
        self,
        request: PlaybackRequest,
        connection: RtspConnection,
        monotonic: Callable[[], float],
        utcnow: Callable[[], datetime],
        *,
        sound: bool = True,
        scale: float = 1.0,
        live: bool = False,
    ) -> None:
        """Prepare; no I/O."""
        self.scale = scale
        self._sound = sound and scale == 1.0
        self.codec = VideoCodec.UNKNOWN
        self.correction = 0
        self.clock = WallClock(
            from_datetime(request.start),
            from_datetime(request.end),
            from_timedelta(request.wire_offset),
            npt=from_seconds(request.npt),
            live=live,
        )
        self._npt = request.npt
        self._url = bare_url(request.address.url)
        self._connection = connection
        self._monotonic = monotonic
        self._utcnow = utcnow
        self._video_channel, self._report_channel = 0, 1
        self._payload_type = -1
        self._order = PacketOrder()
        self._depacketizer: Depacketizer = H264Depacketizer()
        self._h264: h264.ParameterSets | None = None
        self._h265: h265.H265Sets | None = None
        self._audio: AudioTrack | None = None

    @classmethod
    async def open(
        cls,
        request: PlaybackRequest,
        guard: CredentialGuard,
        *,
        limits: SessionLimits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        utcnow: Callable[[], datetime] | None = None,
        sound: bool = True,
        scale: float = 1.0,
        live: bool = False,
    ) -> Self:
        """Return a session that plays; `scale` times as fast, where the recorder agrees (`scale` then says so).

        `live`: the address is that of the present.

        Raises NvrAuthError (counted at the guard), NvrInsecureLoginError, NvrBusyError, NvrNotFoundError,
        NvrUnsupportedError, NvrUnreachableError and their kin; on any way out, a cancel too, nothing is left on the
        recorder.
        """
        address = request.address
        basic_allowed = address.plain_basic or address.url.lower().startswith("rtsps:")
        login = Login(address.username, address.password, guard, basic_allowed=basic_allowed)
        connection = RtspConnection(login, limits or SessionLimits(), monotonic)
        clock = utcnow or (lambda: datetime.now(UTC))
        session = cls(request, connection, monotonic, clock, sound=sound, scale=scale, live=live)
        try:
            await connection.connect(session._url)
            await session._start()
        except BaseException:
            await connection.close()
            raise
        return session

    @property
    def sets(self) -> VideoSets | None:
        """The newest parameter sets."""
        return self._h264 if self.codec is VideoCodec.H264 else self._h265

    @property
    def audio(self) -> AudioFormat | None:
        """What sounds; None for silent footage."""
        return self._audio.source if self._audio is not None else None

    @property
    def received(self) -> int:
        """Bytes read so far."""
        return self._connection.received

    async def read(self, silence: float | None = None) -> list[Sample]:
        """Return the next frames, at least one; an empty list once the recorder said that the footage ended.

        Raises NvrTimeoutError after `silence` seconds without media and NvrUnreachableError when the connection broke.
        """
        limit = self._connection.limits.silence if silence is None else silence
        deadline = self._monotonic() + limit
        while True:
            frames, self._connection.frames = self._connection.frames, []
            samples: list[Sample] = []
            for frame in frames:
                # One by one: a report in the middle must not date the frames before it anew.
                samples += [self._sample(unit) for unit in self._take(frame)]
                self._correct(samples)
            if samples:
                return samples
            if self._connection.ended:
                last = [unit for packet in self._order.flush() for unit in self._depacketizer.push(packet)]
                return [self._sample(unit) for unit in last + self._depacketizer.flush()]
            if any(frame.channel == self._video_channel for frame in frames):
                deadline = self._monotonic() + limit
            await self._connection.fill(deadline)

    def take_audio(self) -> tuple[int, list[AudioUnit]]:
        """Return what was heard since the last time, and by how many ticks that of earlier times must be moved."""
        if self._audio is None:
            return 0, []
        correction, self._audio.correction = self._audio.correction, 0
        return correction, self._audio.units()

    async def pause(self) -> list[Sample]:
        """Let the recorder stop sending; returns what was still on its way. Raises NvrError subclasses."""
        await self._connection.call("PAUSE", self._connection.control, {})
        frames, self._connection.frames = self._connection.frames, []
        samples = [self._sample(unit) for frame in frames for unit in self._take(frame)]
        self._correct(samples)
        return samples

    async def rest(self) -> None:
        """Keep a paused session alive until cancelled."""
        await self._connection.rest()

    async def resume(self) -> None:
        """Let the recorder go on; it may begin at the key frame before. Raises NvrError subclasses."""
        answer = await self._connection.call("PLAY", self._connection.control, self._scale_header())
        self.clock.resumed(answer.get("range") or "", answer.get("rtp-info") or "")

    async def close(self) -> None:
        """End the session with TEARDOWN; safe to call twice."""
        await self._connection.close()

    def _correct(self, samples: list[Sample]) -> None:
        """Move what was dated before the first report; earlier reads are the reader's to move."""
        shift = self.clock.take_correction()
        if shift:
            self.correction += shift
            for sample in samples:
                sample.time += shift
            if self._audio is not None:
                self._audio.corrected(shift)

    async def _start(self) -> None:
        answer = await self._connection.call("DESCRIBE", self._url, {"Accept": "application/sdp"})
        base = answer.get("content-base") or answer.get("content-location") or self._url
        description = parse_sdp(answer.body, bare_url(base))
        media = description.first("video")
        if media is None:
            raise NvrUnsupportedError("the recording has no video")
        self._connection.control = description.control
        self._adopt(media)
        answer = await self._connection.set_up(media.control, "RTP/AVP/TCP;unicast;interleaved=0-1")
        self._video_channel, self._report_channel = interleaved_channels(answer.get("transport") or "", 0)
        if self._sound:
            await self._set_up_audio(description)
        # Where to begin is in the address (hikvision-isapi 9.1), in a file it is told here (dahua-cgi 10.2);
        # Rate-Control is heeded by some and ignored by most.
        headers = {"Range": f"npt={self._npt:.3f}-", "Rate-Control": "no"}
        answer = await self._play(description.control, headers)
        if self.clock.live:
            self.clock.asked = from_datetime(self._utcnow())
        self.clock.play_answer(answer.get("range") or "", answer.get("rtp-info") or "")
        if self._audio is not None:
            self._audio.play_answer(answer.get("rtp-info") or "", media.control)
        self._connection.playing()

    async def _play(self, control: str, headers: dict[str, str]) -> Response:
        """Ask to play at the wished speed, at the usual one where that is refused or passed over in silence."""
        if self.scale != 1.0:
            try:
                answer = await self._connection.call("PLAY", control, {**headers, **self._scale_header()})
            except NvrUnsupportedError, NvrResponseError, NvrNotFoundError:
                self.scale = 1.0
            else:
                self.scale = parse_scale(answer.get("scale"))
                self.clock.scale = self.scale
                return answer
        return await self._connection.call("PLAY", control, headers)

    def _scale_header(self) -> dict[str, str]:
        return {"Scale": f"{self.scale:g}"} if self.scale != 1.0 else {}

    async def _set_up_audio(self, description: SessionDescription) -> None:
        """Ask for the sound too; a recorder that refuses it plays the pictures alone."""
        found = AudioTrack.of(description, self.clock)
        if found is None:
            return
        media, track = found
        first = max(self._video_channel, self._report_channel) + 1
        transport = f"RTP/AVP/TCP;unicast;interleaved={first}-{first + 1}"
        try:
            answer = await self._connection.set_up(media.control, transport)
        except NvrNotFoundError, NvrUnsupportedError, NvrResponseError:
            return
        track.channel, track.report_channel = interleaved_channels(answer.get("transport") or "", first)
        self._audio = track

    def _adopt(self, media: MediaDescription) -> None:
        if media.encoding == "H264":
            self.codec = VideoCodec.H264
            self._h264 = h264.find_sets(media.parameter_sets())
        elif media.encoding in {"H265", "HEVC"}:
            self.codec, self._depacketizer = VideoCodec.H265, H265Depacketizer()
            self._h265 = h265.find_sets(media.parameter_sets())
        else:
            raise NvrUnsupportedError(f"the recording is {media.encoding or 'of an unknown codec'}")
        self._payload_type = media.payload_type
        self.clock.rate = media.clock_rate or RATE

    def _take(self, frame: InterleavedFrame) -> list[AccessUnit]:
        if frame.channel == self._report_channel:
            for report in parse_rtcp(frame.payload):
                if isinstance(report, Goodbye):
                    self._connection.ended = True
                else:
                    self.clock.sender_report(report.ntp, report.rtp, from_datetime(self._utcnow()))
            return []
        if self._audio is not None and self._audio.take(frame):
            return []
        packet = parse_rtp(frame.payload) if frame.channel == self._video_channel else None
        if packet is None or packet.payload_type != self._payload_type:
            return []
        return [unit for ordered in self._order.push(packet) for unit in self._depacketizer.push(ordered)]

    def _sample(self, unit: AccessUnit) -> Sample:
        moment = self.clock.time_of(unit.timestamp)
        nals = unit.nals
        if self.codec is VideoCodec.H264:
            self._h264 = h264.find_sets(nals, self._h264)
            nals = h264.with_sets(nals, self._h264) if unit.key and self._h264 is not None else nals
        else:
            self._h265 = h265.find_sets(nals, self._h265)
            nals = h265.with_sets(nals, self._h265) if unit.key and self._h265 is not None else nals
        if unit.key and self.sets is None:
            raise NvrResponseError("the recorder's stream carries no parameter set")
        return Sample(moment, unit.key, length_prefixed(nals))


def parse_scale(text: str | None) -> float:
    """Return the speed a PLAY answer names, 1 when it names none that can be."""
    try:
        scale = float(text or "")
    except ValueError:
        return 1.0
    return scale if 0.01 < scale < 1000 else 1.0


def interleaved_channels(transport: str, asked: int) -> tuple[int, int]:
    """Return the channels of packets and reports that a SETUP answer names; what was asked for when it names none."""
    for part in transport.split(";"):
        name, _, value = part.strip().partition("=")
        first, _, second = value.partition("-")
        if name.lower() == "interleaved" and first.isdecimal():
            return int(first), int(second) if second.isdecimal() else int(first) + 1
    return asked, asked + 1
