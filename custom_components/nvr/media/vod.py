"""One playback as a player sees it: playlists and segments, asked for in any order, by one token (hls-vod 3)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
import time

from ..core.errors import NvrBusyError, NvrNotFoundError
from ..core.models import StreamRole
from . import hls
from .maker import Footage, MakerLimits, Prepared, SegmentMaker
from .pace import FloodGuard, LeadLimit
from .sessions import Lease, SessionSlots
from .ticks import to_seconds
from .worker import SegmentWorker


@dataclass(frozen=True, slots=True)
class PlaybackLimits:
    """In seconds: an answer or a failure by then (18), reader closed when nobody asks (17), free lead of a player."""

    answer: float = 20.0
    idle: float = 12.0
    free_lead: float = 30.0
    maker: MakerLimits = field(default_factory=MakerLimits)


class Playback:
    """Made by the engine without I/O; the recorder is opened when the master playlist is asked for.

    Methods may be cancelled at any time and run side by side.
    """

    def __init__(
        self,
        token: str,
        recorder_id: str,
        owner: str,
        footage: Footage,
        slots: tuple[SessionSlots, int],
        *,
        limits: PlaybackLimits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`slots`: the pool of sessions and how many of this recorder may be open."""
        self.token = token
        self.recorder_id = recorder_id
        self.owner = owner
        self.kind = "playback"
        self.channel = footage.channel
        self.role: StreamRole = footage.roles[0]
        self.span = footage.span
        self.context: object = None
        self.closed = False
        self.last_used = monotonic()
        self._limits = limits or PlaybackLimits()
        self._monotonic = monotonic
        self._slots, self._slot_count = slots
        self._maker = SegmentMaker(footage, self._lease, self._limits.maker, monotonic)
        self._worker = SegmentWorker(self._maker, self._limits.answer, self._limits.idle)
        self._flood = FloodGuard(monotonic)
        self._lead = LeadLimit(monotonic, self._limits.free_lead)

    @property
    def opened(self) -> int:
        """How many sessions it has opened on the recorder so far."""
        return self._maker.opened

    @property
    def reading(self) -> bool:
        """Whether it holds a session on the recorder now."""
        return self._maker.reading

    def idle_for(self) -> float:
        """Return for how many seconds nobody has asked for anything; 0 while something is asked for."""
        return 0.0 if self._worker.busy else self._monotonic() - self.last_used

    async def master_playlist(self) -> str:
        """Open the recorder, once, and return the master playlist. Raises NvrError subclasses."""
        prepared = await self._prepare()
        info = prepared.sets.info
        return hls.master_playlist(info.codec, prepared.bandwidth, (info.width, info.height))

    async def media_playlist(self) -> str:
        """Return the media playlist of the whole span. Raises NvrError subclasses."""
        return hls.media_playlist((await self._prepare()).layout)

    async def init_segment(self) -> bytes:
        """Return the init segment. Raises NvrError subclasses."""
        return (await self._prepare()).init_segment

    async def segment(self, k: int) -> bytes:
        """Return segment `k`. Raises NvrNotFoundError for a gap or no such number, NvrTimeoutError after the limit."""
        self._touch()
        if self._flood.flooded(k):
            raise NvrBusyError("the same segment is asked for too often", retry_after=2.0)
        prepared = await self._prepare()
        segments = prepared.layout.segments
        if not 0 <= k < len(segments) or segments[k].gap:
            raise NvrNotFoundError("there is no such segment")
        data = await self._worker.segment(k)
        self._slots.tell(self.recorder_id, self)
        if not prepared.real_time:
            start = to_seconds(segments[k].start - prepared.layout.origin)
            await asyncio.sleep(self._lead.delay(k, start, to_seconds(segments[k].duration)))
        self._touch()
        return data

    async def yield_slot(self) -> None:
        """Close the session on the recorder; the next request opens it again."""
        await self._worker.stop()

    async def close(self) -> None:
        """End the playback: its session on the recorder, and whatever waits, with NvrNotFoundError."""
        self.closed = True
        await self._worker.close()

    async def _prepare(self) -> Prepared:
        self._touch()
        if self._maker.prepared is None:
            await self._worker.prepare()
            self._slots.tell(self.recorder_id, self)
        if self._maker.prepared is None:
            raise NvrNotFoundError("this playback was closed")
        return self._maker.prepared

    async def _lease(self) -> Lease:
        return await self._slots.acquire(self.recorder_id, self._slot_count, self)

    def _touch(self) -> None:
        self.last_used = self._monotonic()
