"""One playback as a player sees it: playlists and segments, asked for in any order, by one token (hls-vod 3)."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
import time

from ..core.errors import NvrBusyError, NvrError, NvrNotFoundError, NvrTimeoutError
from ..core.models import StreamRole
from . import hls
from .hls import LayoutSegment
from .maker import Footage, MakerLimits, Prepared, SegmentMaker
from .pace import FloodGuard, LeadLimit
from .sessions import Lease, SessionSlots
from .ticks import to_seconds

_MAX_CACHE = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PlaybackLimits:
    """In seconds: an answer or a failure by then (18), reader closed when nobody asks (17), free lead of a player."""

    answer: float = 20.0
    idle: float = 12.0
    free_lead: float = 30.0
    maker: MakerLimits = field(default_factory=MakerLimits)


@dataclass(slots=True)
class _Job:
    """One segment under way, or the opening when `index` is -1, and how many still wait for it."""

    index: int
    done: asyncio.Future[bytes]
    number: int
    waiters: int = 0


@dataclass(frozen=True, slots=True)
class _Cached:
    data: bytes = field(repr=False)
    standalone: bool


class Playback:
    """Made by the engine without I/O; the recorder is opened when the master playlist is asked for.

    A worker runs while there is something to do and for a while after: it makes segments in the order that costs the
    recorder least, and closes the session when nobody asks any more. A waiter that is cancelled cancels only its wait.
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
        self._jobs: dict[int, _Job] = {}
        self._asked = 0
        self._running: tuple[_Job, asyncio.Task[None]] | None = None
        self._worker: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._cache: OrderedDict[int, _Cached] = OrderedDict()
        self._last_delivered = -2
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
        return 0.0 if self._jobs else self._monotonic() - self.last_used

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
        data = self._cached(k)
        if data is None:
            data = await self._wait(k)
        self._last_delivered = k
        if not prepared.real_time:
            start = to_seconds(segments[k].start - prepared.layout.origin)
            await asyncio.sleep(self._lead.delay(k, start, to_seconds(segments[k].duration)))
        self._touch()
        return data

    async def yield_slot(self) -> None:
        """Close the session on the recorder; the next request opens it again."""
        await self._stop_worker()
        await self._maker.close_reader()

    async def close(self) -> None:
        """End the playback: its session on the recorder, and whatever waits, with NvrNotFoundError."""
        self.closed = True
        await self._stop_worker()
        self._fail_all(NvrNotFoundError("this playback was closed"))
        self._cache.clear()
        await self._maker.close_reader()

    # -- waiting -----------------------------------------------------------------------------------------------------

    async def _prepare(self) -> Prepared:
        self._touch()
        if self._maker.prepared is None:
            await self._wait(-1)
        if self._maker.prepared is None:
            raise NvrNotFoundError("this playback was closed")
        return self._maker.prepared

    async def _wait(self, index: int) -> bytes:
        if self.closed:
            raise NvrNotFoundError("this playback was closed")
        job = self._jobs.get(index)
        if job is None:
            job = self._jobs[index] = _Job(index, asyncio.get_running_loop().create_future(), 0)
        self._asked += 1
        job.number = self._asked
        job.waiters += 1
        self._give_way(job)
        self._run()
        try:
            async with asyncio.timeout(self._limits.answer):
                return await asyncio.shield(job.done)
        except TimeoutError as err:
            raise NvrTimeoutError("the recorder did not deliver in time") from err
        finally:
            job.waiters -= 1
            if not job.waiters and not job.done.done():
                self._abandon(job)

    async def _lease(self) -> Lease:
        return await self._slots.acquire(self.recorder_id, self._slot_count, self)

    def _touch(self) -> None:
        self.last_used = self._monotonic()

    def _cached(self, k: int) -> bytes | None:
        found = self._cache.get(k)
        if found is None:
            return None
        # Made to follow the one before: without it a player cannot decode the first frames (trap 6).
        if not found.standalone and self._last_delivered not in {k - 1, k}:
            return None
        self._cache.move_to_end(k)
        return found.data

    def _keep(self, k: int, data: bytes, *, standalone: bool) -> None:
        self._cache.pop(k, None)
        self._cache[k] = _Cached(data, standalone)
        while len(self._cache) > 1 and sum(len(item.data) for item in self._cache.values()) > _MAX_CACHE:
            self._cache.popitem(last=False)

    # -- working -----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._wake.set()
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())

    def _segment(self, index: int) -> LayoutSegment | None:
        prepared = self._maker.prepared
        return None if prepared is None or index < 0 else prepared.layout.segments[index]

    def _near(self, first: int, second: int) -> bool:
        """Tell whether reading on from `first` to `second` beats reopening."""
        one, two = self._segment(first), self._segment(second)
        return one is None or two is None or 0 <= two.start - one.start <= self._maker.ahead

    def _give_way(self, job: _Job) -> None:
        """Interrupt what runs, to be taken up later, when the new request lies outside its reach (rule 16)."""
        if self._running is None or self._running[0].index < 0 or job is self._running[0]:
            return
        if not self._near(self._running[0].index, job.index):
            self._running[1].cancel()

    def _abandon(self, job: _Job) -> None:
        """Drop what nobody waits for; the opening goes on, the next request will want it."""
        if job.index < 0:
            return
        if self._jobs.get(job.index) is job:
            del self._jobs[job.index]
        if self._running is not None and self._running[0] is job:
            self._running[1].cancel()

    def _next_job(self) -> _Job | None:
        if not self._jobs:
            return None
        if -1 in self._jobs:
            return self._jobs[-1]
        reach = [job for job in self._jobs.values() if (s := self._segment(job.index)) and self._maker.reaches(s)]
        newest = max(reach or self._jobs.values(), key=lambda job: job.number)
        group = reach or [job for job in self._jobs.values() if self._near(job.index, newest.index)]
        return min(group, key=lambda job: job.index)

    async def _work(self) -> None:
        """Make what is asked for; end the session, and with it this task, when nobody asks for a while."""
        while True:
            job = self._next_job()
            if job is not None:
                await self._do(job)
                continue
            self._wake.clear()
            try:
                async with asyncio.timeout(self._limits.idle):
                    await self._wake.wait()
            except TimeoutError:
                self._cache.clear()
                await self._maker.close_reader()
                # Somebody may have asked while the recorder was told goodbye.
                if not self._jobs:
                    return

    async def _do(self, job: _Job) -> None:
        task = asyncio.create_task(self._make(job))
        self._running = (job, task)
        try:
            await asyncio.wait({task})
        finally:
            self._running = None
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if not task.cancelled() and (problem := task.exception()) is not None:
            raise problem

    async def _make(self, job: _Job) -> None:
        """Make one segment; cancelled, it leaves the job to be done later."""
        try:
            data = b""
            if job.index < 0:
                await self._maker.prepare()
            else:
                data = await self._make_segment(job.index)
        except NvrError as err:
            self._finish(job)
            if not job.done.done():
                job.done.set_exception(err)
                job.done.exception()  # somebody may have left: an unheard failure is no fault
            return
        self._finish(job)
        if not job.done.done():
            job.done.set_result(data)

    async def _make_segment(self, index: int) -> bytes:
        segment = self._segment(index)
        if segment is None:
            raise NvrNotFoundError("there is no such segment")
        data, standalone = await self._maker.make(segment, follows=self._last_delivered == index - 1)
        self._last_delivered = index
        self._keep(index, data, standalone=standalone)
        return data

    def _finish(self, job: _Job) -> None:
        if self._jobs.get(job.index) is job:
            del self._jobs[job.index]

    def _fail_all(self, problem: NvrError) -> None:
        for job in list(self._jobs.values()):
            self._finish(job)
            if not job.done.done():
                job.done.set_exception(problem)
                job.done.exception()

    async def _stop_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None and not worker.done():
            worker.cancel()
            with suppress(asyncio.CancelledError):
                await worker
