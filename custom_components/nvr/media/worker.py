"""The worker behind a playback: takes requests for segments in any order and makes them in the cheapest one."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from ..core.errors import NvrError, NvrNotFoundError, NvrTimeoutError
from .hls import LayoutSegment
from .maker import SegmentMaker

_MAX_CACHE = 8 * 1024 * 1024
_OPENING = -1


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


async def _cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end. Awaiting it would take our own cancellation for the task's.

    Raises what the task failed with, if it was not the cancellation.
    """
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


class SegmentWorker:
    """Runs while there is something to do and for a while after; then it closes the session on the recorder.

    A waiter that is cancelled cancels only its wait; what nobody waits for any more is dropped.
    """

    def __init__(self, maker: SegmentMaker, answer: float, idle: float) -> None:
        """`answer` and `idle` in seconds: the longest wait, and how long a session is kept that nobody asks."""
        self._maker = maker
        self._answer = answer
        self._idle = idle
        self._closed = False
        self._jobs: dict[int, _Job] = {}
        self._asked = 0
        self._running: tuple[_Job, asyncio.Task[None]] | None = None
        self._worker: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._endings: set[asyncio.Task[None]] = set()
        self._cache: OrderedDict[int, _Cached] = OrderedDict()
        self._last_delivered = -2

    @property
    def busy(self) -> bool:
        """Whether there is something to do."""
        return bool(self._jobs)

    async def prepare(self) -> None:
        """Have the recorder opened for the first time. Raises NvrError subclasses."""
        await self._wait(_OPENING)

    async def segment(self, k: int) -> bytes:
        """Return segment `k`, from memory when it can be used. Raises NvrError subclasses."""
        data = self._cached(k)
        if data is None:
            data = await self._wait(k)
        self._last_delivered = k
        return data

    async def stop(self, problem: NvrError | None = None) -> None:
        """Stop working and close the session; a later request begins anew.

        With a problem nobody wants anything any more: whoever still waits gets that. Cancelling ends the
        wait of whoever asked, not the stopping: else the session would stay on the recorder.
        """
        worker, self._worker = self._worker, None
        ending = asyncio.create_task(self._end(worker))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)
        try:
            # One that was left alone before may have the session still.
            await asyncio.wait(set(self._endings))
            ending.result()
        finally:
            if problem is not None:
                self._fail_all(problem)
                self._cache.clear()
            elif self._jobs and not self._closed:
                # Somebody asked in the instant in which the slot was lost for want of a request.
                self._run()

    async def close(self, problem: NvrError | None = None) -> None:
        """Stop for good: whoever waits gets the problem, or NvrNotFoundError as whoever comes later."""
        self._closed = True
        await self.stop(problem or NvrNotFoundError("this playback was closed"))

    async def _end(self, worker: asyncio.Task[None] | None) -> None:
        if worker is not None and not worker.done():
            await _cancelled(worker)
        await self._maker.close_reader()

    async def _wait(self, index: int) -> bytes:
        if self._closed:
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
            async with asyncio.timeout(self._answer):
                # Not a shield: what fails when its waiter has left would be reported to the loop as an error.
                await asyncio.wait({job.done})
            return job.done.result()
        except TimeoutError as err:
            raise NvrTimeoutError("the recorder did not deliver in time") from err
        finally:
            job.waiters -= 1
            if not job.waiters and not job.done.done():
                self._abandon(job)

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

    def _run(self) -> None:
        self._wake.set()
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())

    def _segment(self, index: int) -> LayoutSegment | None:
        prepared = self._maker.prepared
        return None if prepared is None or index == _OPENING else prepared.layout.segments[index]

    def _near(self, first: int, second: int) -> bool:
        """Tell whether reading on from `first` to `second` beats reopening."""
        one, two = self._segment(first), self._segment(second)
        return one is None or two is None or 0 <= two.start - one.start <= self._maker.ahead

    def _give_way(self, job: _Job) -> None:
        """Interrupt what runs, to be taken up later, when the new request lies outside its reach (rule 16)."""
        if self._running is None or self._running[0].index == _OPENING or job is self._running[0]:
            return
        if not self._near(self._running[0].index, job.index):
            self._running[1].cancel()

    def _abandon(self, job: _Job) -> None:
        """Drop what nobody waits for; the opening goes on, the next request will want it."""
        if job.index == _OPENING:
            return
        if self._jobs.get(job.index) is job:
            del self._jobs[job.index]
        if self._running is not None and self._running[0] is job:
            self._running[1].cancel()

    def _next_job(self) -> _Job | None:
        if not self._jobs:
            return None
        if _OPENING in self._jobs:
            return self._jobs[_OPENING]
        reach = [job for job in self._jobs.values() if (s := self._segment(job.index)) and self._maker.reaches(s)]
        newest = max(reach or self._jobs.values(), key=lambda job: job.number)
        group = reach or [job for job in self._jobs.values() if self._near(job.index, newest.index)]
        return min(group, key=lambda job: job.index)

    async def _work(self) -> None:
        """Make what is asked for; end the session, and with it this task, when nobody asks for a while."""
        while self._endings:  # what ends there is the session of the worker before this one
            await asyncio.wait(set(self._endings))
        while True:
            job = self._next_job()
            if job is not None:
                await self._do(job)
                continue
            self._wake.clear()
            try:
                async with asyncio.timeout(self._idle):
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
                await _cancelled(task)
        if not task.cancelled():
            task.result()

    async def _make(self, job: _Job) -> None:
        """Make one segment; cancelled, it leaves the job to be done later."""
        try:
            data = b""
            if job.index == _OPENING:
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
