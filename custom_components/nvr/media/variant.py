"""One stream of a playback, opened on the recorder only while it is the one that plays."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from ..core.errors import NvrNotFoundError
from . import hls
from .maker import Footage, LeaseGiver, MakerLimits, Prepared, SegmentMaker
from .pace import LeadLimit
from .pool import WorkPool
from .sources.choice import SourceMemory
from .ticks import to_seconds
from .worker import SegmentWorker


@dataclass(frozen=True, slots=True)
class PlaybackLimits:
    """In seconds: an answer or a failure by then (18), reader closed when nobody asks (17), free lead of a player.

    `patience`: a slot is lost by then when nobody asks, whatever the reader does.
    """

    answer: float = 20.0
    idle: float = 12.0
    patience: float = 14.0
    free_lead: float = 30.0
    maker: MakerLimits = field(default_factory=MakerLimits)


class Variant:
    """The files of one variant. Methods may be cancelled at any time and run side by side."""

    def __init__(
        self,
        number: int,
        footage: Footage,
        lease: LeaseGiver,
        pool: WorkPool,
        *,
        limits: PlaybackLimits,
        monotonic: Callable[[], float],
        memory: SourceMemory | None = None,
    ) -> None:
        """`number`: which one it is of its playback; no I/O."""
        self.number = number
        self.role = footage.role
        self.maker = SegmentMaker(footage, lease, pool, limits=limits.maker, memory=memory, monotonic=monotonic)
        self.worker = SegmentWorker(self.maker, limits.answer, limits.idle)
        self._lead = LeadLimit(monotonic, limits.free_lead)

    @property
    def active(self) -> bool:
        """Whether it holds a session on the recorder, or is about to."""
        return self.maker.reading or self.worker.busy

    async def prepare(self) -> Prepared:
        """Open the recorder, once, and return what was learned. Raises NvrError subclasses."""
        if self.maker.prepared is None:
            await self.worker.prepare()
        if self.maker.prepared is None:
            raise NvrNotFoundError("this playback was closed")
        return self.maker.prepared

    async def media_playlist(self) -> str:
        """Return the media playlist of the whole span."""
        return hls.media_playlist((await self.prepare()).layout, self.number)

    async def segment(self, k: int) -> bytes:
        """Return segment `k`; raises NvrNotFoundError for a gap or no such number."""
        prepared = await self.prepare()
        segments = prepared.layout.segments
        if not 0 <= k < len(segments) or segments[k].gap:
            raise NvrNotFoundError("there is no such segment")
        data = await self.worker.segment(k)
        if not self.maker.real_time:
            start = to_seconds(segments[k].start - prepared.layout.origin)
            await asyncio.sleep(self._lead.delay(k, start, to_seconds(segments[k].duration)))
        return data
