"""One viewer: his tracks, where he stands, and the task that sends to him."""

import asyncio
from collections.abc import Callable
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
import random

from ..clock import SimClock, WireClock
from ..loudspeaker import Loudspeaker
from ..video.encoder import AccessUnit
from ..video.profile import TICKS, from_ticks, to_ticks
from .options import LiveTarget, PlaybackTarget, RtspCounters, RtspFaults, RtspOptions, Target
from .rtp import RtpTrack, audio_payload, fragments
from .sdp import TrackInfo
from .source import Item, Source
from .transport import Sink

_BEHIND_SECONDS = 1.0
_RTP_HEAD, _RTP_VERSION = 12, 2


@dataclass(slots=True)
class Track:
    """One media line that was set up. `base` is the RTP time of the source's first moment."""

    info: TrackInfo
    sink: Sink
    rtp: RtpTrack
    base: int
    last: int = 0
    reported: float = -1e9
    held: bytes | None = None

    def timestamp(self, offset: float) -> int:
        """Return the RTP time of a moment `offset` ticks after the first."""
        return self.base + round(offset * self.info.clock_rate / TICKS)


class Session:
    """A viewer's session, from SETUP to its end."""

    def __init__(
        self,
        number: str,
        target: Target,
        clock: SimClock,
        *,
        options: RtspOptions,
        faults: RtspFaults,
        counters: RtspCounters,
        cut: Callable[[], None],
    ) -> None:
        self.number = number
        self.target = target
        self.tracks: dict[str, Track] = {}
        self.position = to_ticks(target.start) if isinstance(target, PlaybackTarget) else 0
        self.end: int | None = None
        self.last_seen = 0.0
        self.scale = 1.0
        self.back: tuple[int, TrackInfo] | None = None
        self._clock = clock
        self._options = options
        self._faults = faults
        self._counters = counters
        self._cut = cut
        self._task: asyncio.Task[None] | None = None
        self._source: Source | None = None
        self._sent = 0
        self._paced: tuple[float, int] | None = None

    @property
    def playing(self) -> bool:
        """Tell whether the session has been told to play and not to stop."""
        return self._task is not None

    def add_track(self, info: TrackInfo, sink: Sink) -> Track:
        """Add a media line; the numbers of its packets begin anywhere."""
        rtp = RtpTrack(info.payload_type, info.clock_rate, random.getrandbits(32), random.getrandbits(16))
        track = Track(info, sink, rtp, random.getrandbits(31))
        old = self.tracks.pop(info.control, None)
        if old is not None:
            old.sink.close()
        self.tracks[info.control] = track
        return track

    def take_back(self, info: TrackInfo, channel: int) -> bool:
        """Let the client speak on a channel of the connection; False while somebody else does."""
        speaker = self.speaker
        if speaker is None or not speaker.begin(self):
            return False
        self.back = (channel, info)
        return True

    @property
    def speaker(self) -> Loudspeaker | None:
        """What can be spoken through."""
        return self.target.speaker if isinstance(self.target, LiveTarget) else None

    def hear(self, channel: int, packet: bytes) -> None:
        """Take a packet of the client's, if it is what he says (RFC 3550, 3551)."""
        if self.back is None or self.back[0] != channel or self.speaker is None or len(packet) <= _RTP_HEAD:
            return
        if packet[0] >> 6 == _RTP_VERSION and packet[1] & 0x7F == self.back[1].payload_type:
            self.speaker.hear(packet[_RTP_HEAD:])

    def prepare(self, source: Source, scale: float) -> None:
        """Take a source to send from; RTP time goes on from what was sent last."""
        for track in self.tracks.values():
            if track.last:
                track.base = track.last + track.info.clock_rate // 25
            track.reported = -1e9
        self.scale = scale
        self._source = source
        self._paced = None

    def start(self) -> None:
        """Begin to send what was prepared."""
        assert self._source is not None
        self._task = asyncio.create_task(self._run(self._source), name=f"rtsp session {self.number}")

    async def stop(self) -> None:
        """Stop sending; the session stays."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def close(self) -> None:
        """Stop sending and give back what the tracks hold."""
        await self.stop()
        if self.back is not None and self.speaker is not None:
            self.speaker.end(self)
        for track in self.tracks.values():
            track.sink.close()

    async def _run(self, source: Source) -> None:
        if self._faults.start_delay:
            await asyncio.sleep(self._faults.start_delay)
        try:
            if self.target.kind == "playback" and self._faults.playback_hangs:
                await asyncio.Event().wait()
            async for item in source.items():
                await self._pace(item)
                while self._faults.stalled:
                    await asyncio.sleep(0.05)
                await self._send(item, source.first)
            self._ended()
        except ConnectionError:
            return

    def _ended(self) -> None:
        """Tell the client, in the firmware's way, that nothing more will come."""
        if self._faults.end == "bye":
            for track in self.tracks.values():
                track.sink.rtcp(track.rtp.bye())
        elif self._faults.end == "close":
            self._cut()

    async def _pace(self, item: Item) -> None:
        """Wait until an item may be sent: never before it was captured, playback not faster than asked."""
        loop = asyncio.get_running_loop()
        ahead = (item.due - to_ticks(self._clock.now())) / TICKS
        if ahead > 0:
            await asyncio.sleep(ahead)
        if self.target.kind == "live":
            return
        due = item.due - item.skipped
        speed = self._faults.delivery * self.scale
        if self._paced is None or speed <= 0:
            self._paced = (loop.time(), due)
            await asyncio.sleep(0)  # sending as fast as possible must not keep others from being heard
            return
        at = self._paced[0] + max(0, due - self._paced[1]) / TICKS / speed
        now = loop.time()
        if at > now:
            await asyncio.sleep(at - now)
        self._paced = (at if now - at < _BEHIND_SECONDS else now, max(due, self._paced[1]))

    async def _send(self, item: Item, first: int) -> None:
        kind = "video" if item.is_video else "audio"
        if kind == "audio" and self.scale != 1.0:
            return
        offset = (item.unit.pts - first - item.skipped) / (self.scale if self._options.scale_timestamps else 1.0)
        for track in self.tracks.values():
            if track.info.kind != kind or (kind == "audio" and offset < 0):
                continue
            timestamp = track.timestamp(offset)
            self._report(track, timestamp, from_ticks(item.unit.pts))
            for packet in self._packets(track, item, timestamp):
                self._transmit(track, packet)
            track.last = max(track.last, timestamp)
            self.position = item.unit.pts if kind == "video" else self.position
            await track.sink.drain()

    def _packets(self, track: Track, item: Item, timestamp: int) -> list[bytes]:
        unit = item.unit
        if not isinstance(unit, AccessUnit):
            codec = self.target.profile.audio
            assert codec is not None
            return [track.rtp.packet(audio_payload(codec.codec, unit.data), timestamp, marker=codec.codec == "aac")]
        payloads = [part for nal in unit.nals for part in fragments(self.target.profile.codec, nal)]
        last = len(payloads) - 1
        return [track.rtp.packet(part, timestamp, marker=index == last) for index, part in enumerate(payloads)]

    def _transmit(self, track: Track, packet: bytes) -> None:
        """Send one packet, or lose, hold back or cut as the faults say."""
        self._sent += 1
        faults = self._faults
        if faults.cut_after_packets is not None and self._sent > faults.cut_after_packets:
            if faults.cut_once:
                faults.cut_after_packets = None
            self._cut()
            raise ConnectionResetError
        if faults.drop_every and self._sent % faults.drop_every == 0:
            return
        if faults.reorder_every and self._sent % faults.reorder_every == 0 and track.held is None:
            track.held = packet
            return
        held, track.held = track.held, None
        for each in (packet, held):
            if each is not None:
                track.sink.rtp(each)
                self._counters.packets += 1
                self._counters.octets += len(each)

    def _report(self, track: Track, timestamp: int, moment: datetime) -> None:
        """Send a sender report when one is due: at the start, then every few seconds."""
        now = asyncio.get_running_loop().time()
        if self._faults.no_reports or now - track.reported < self._options.sr_seconds:
            return
        track.reported = now
        track.sink.rtcp(track.rtp.sender_report(self._ntp(moment), timestamp))

    def _ntp(self, moment: datetime) -> datetime:
        wire = self.target.wire or WireClock(self._clock)
        if self._options.ntp != "wire":
            wire = WireClock(self._clock, self._options.ntp)
        return wire.encode(moment.astimezone(UTC))
