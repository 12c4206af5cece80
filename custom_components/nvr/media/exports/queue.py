"""The queue of exports: one at a time from each recorder, two in all; tried again while there is hope."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
import errno
import logging
import time
from typing import Final

from ...core.errors import NvrBusyError, NvrError, NvrLockedError, NvrResponseError, NvrUnreachableError
from .files import DiskFullError
from .models import ExportJob, JobState

_LOGGER = logging.getLogger(__name__)

TOGETHER: Final = 2
_DELAYS: Final = (5.0, 15.0, 60.0, 300.0, 900.0)
# What the recorder answers wrongly it will answer wrongly tomorrow; away and busy pass.
_TRIES_OF_WRONG: Final = 3
_PATIENCE: Final = timedelta(hours=24)
_MOST_ENDED: Final = 100


class ExportError(Exception):
    """This export cannot be made; `key` names the sentence that says why, `details` fill it."""

    def __init__(self, key: str, **details: str) -> None:
        """Keep the key of the sentence and what goes into it."""
        super().__init__(key)
        self.key = key
        self.details = details


class NotYetError(Exception):
    """This cannot be made yet and will be: it is tried again after `seconds`, as often as patience lasts."""

    def __init__(self, key: str, seconds: float, **details: str) -> None:
        """Keep the key of the sentence that says why, and what goes into it."""
        super().__init__(key)
        self.key = key
        self.seconds = seconds
        self.details = details


type Reason = Callable[[ExportJob, NvrError], tuple[str, dict[str, str]]]
"""Names the sentence that tells people of an error, and what fills it."""

type Make = Callable[[ExportJob], Awaitable[list[str]]]
"""Makes what a job asks for and returns the clips; raises ExportError, NotYetError, NvrError, OSError."""


class ExportQueue:
    """Runs jobs in the order in which they came. `changed` is called whenever something of a job did."""

    def __init__(
        self,
        make: Make,
        changed: Callable[[ExportJob], None],
        reason_of: Reason,
        *,
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
        delays: tuple[float, ...] = _DELAYS,
    ) -> None:
        """Run nothing yet. `delays` (s) is how long is waited before the second try, the third, and so on."""
        self.jobs: dict[str, ExportJob] = {}
        self._make = make
        self._changed = changed
        self._reason_of = reason_of
        self._utcnow = utcnow
        self._delays = delays
        self._running: dict[str, asyncio.Task[None]] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._held = False

    def add(self, job: ExportJob) -> None:
        """Take a job."""
        self.jobs[job.order.id] = job
        self._changed(job)
        self.look()

    def restore(self, jobs: Iterable[ExportJob]) -> None:
        """Take what was left of an earlier run; what was under way begins anew."""
        for job in jobs:
            self.jobs[job.order.id] = job
        self.look()

    def hold(self) -> None:
        """Begin nothing until `release`; what is taken meanwhile waits."""
        self._held = True

    def release(self) -> None:
        """Begin what was held."""
        self._held = False
        self.look()

    def look(self) -> None:
        """Begin what can be begun now; to be called when something may have become possible."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._closed or self._held:
            return
        now = self._utcnow()
        for job in list(self.jobs.values()):
            if job.state is JobState.WAITING and (job.not_before is None or job.not_before <= now) and self._fits(job):
                self._begin(job)
        waits = [job.not_before for job in self.jobs.values() if job.state is JobState.WAITING and job.not_before]
        if later := [moment for moment in waits if moment > now]:
            delay = (min(later) - now).total_seconds()
            self._timer = asyncio.get_running_loop().call_later(min(delay + 0.01, 3600.0), self.look)

    async def cancel(self, job_id: str) -> None:
        """End a job, and leave nothing of it."""
        job = self.jobs[job_id]
        if not job.active:
            return

        def end() -> None:
            if job.active:
                self._end(job, JobState.CANCELLED)

        await self._stop_and(job_id, end)

    async def fail(self, job_id: str, key: str, **details: str) -> None:
        """End a job for a reason that lies outside of it."""
        job = self.jobs[job_id]
        if not job.active:
            return

        def end() -> None:
            if job.active:
                self._end(job, JobState.FAILED, key, details)

        await self._stop_and(job_id, end)

    def wake(self, recorder_id: str) -> None:
        """Try at once what waits for a recorder that is back."""
        for job in self.jobs.values():
            if job.order.recorder_id == recorder_id and job.state is JobState.WAITING and job.reason == "unreachable":
                job.not_before = None
        self.look()

    async def put_off(self, job_id: str, reason: str = "unreachable", seconds: float | None = None) -> None:
        """Stop a job that runs, to be tried again (s): its recorder, or its slot, is not to be used now."""
        job = self.jobs.get(job_id)
        if job is None or job.state is not JobState.RUNNING:
            return

        def wait() -> None:
            if job.state is JobState.RUNNING:
                self._wait(job, self._delays[0] if seconds is None else seconds, reason)

        await self._stop_and(job_id, wait)

    async def aclose(self) -> None:
        """Stop everything; what was under way begins anew another time."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for job_id in list(self._running):
            await self._stop(job_id)
        while self._stopping:
            await asyncio.wait(set(self._stopping))

    def _fits(self, job: ExportJob) -> bool:
        recorders = {self.jobs[job_id].order.recorder_id for job_id in self._running}
        return len(self._running) < TOGETHER and job.order.recorder_id not in recorders

    def _begin(self, job: ExportJob) -> None:
        job.state, job.attempts, job.since = JobState.RUNNING, job.attempts + 1, time.monotonic()
        job.covered, job.written, job.not_before = 0.0, 0, None
        task = asyncio.get_running_loop().create_task(self._run(job), name=f"nvr export {job.order.id}")
        self._running[job.order.id] = task
        self._changed(job)

    async def _stop(self, job_id: str) -> None:
        if (task := self._running.get(job_id)) is not None:
            task.cancel()
            await asyncio.wait({task})
            self._running.pop(job_id, None)

    async def _stop_and(self, job_id: str, then: Callable[[], None]) -> None:
        """Stop what runs and do what follows from that, even where whoever asks for it leaves meanwhile."""

        async def stop() -> None:
            await self._stop(job_id)
            then()
            self.look()

        stopping = asyncio.get_running_loop().create_task(stop(), name=f"nvr export {job_id} stops")
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)
        await asyncio.shield(stopping)

    async def _run(self, job: ExportJob) -> None:
        try:
            job.clips = await self._make(job)
        except ExportError as err:
            self._over(job, JobState.FAILED, err.key, err.details)
        except NotYetError as err:
            self._not_yet(job, err)
        except NvrError as err:
            self._failed(job, err)
        except OSError as err:
            key, details = _reason_of_disk(err)
            self._over(job, JobState.FAILED, key, details)
        except Exception:
            _LOGGER.exception("An export failed by a fault of ours")
            self._over(job, JobState.FAILED, "internal")
        else:
            self._over(job, JobState.DONE)

    def _over(
        self, job: ExportJob, state: JobState, reason: str | None = None, details: dict[str, str] | None = None
    ) -> None:
        self._running.pop(job.order.id, None)
        self._end(job, state, reason, details)
        self.look()

    def _failed(self, job: ExportJob, err: NvrError) -> None:
        self._running.pop(job.order.id, None)
        (key, details), now = self._reason_of(job, err), self._utcnow()
        delay = self._delays[min(max(job.attempts, 1), len(self._delays)) - 1]
        hope = _has_patience(job, now)
        if isinstance(err, NvrLockedError) and err.until is not None and hope:
            self._wait(job, max(delay, (err.until - now).total_seconds()), key, details)
        elif isinstance(err, NvrUnreachableError | NvrBusyError) and hope:
            asked = err.retry_after if isinstance(err, NvrBusyError) and self._delays is _DELAYS else None
            self._wait(job, max(delay, asked or 0.0), key, details)
        elif isinstance(err, NvrResponseError) and job.attempts < _TRIES_OF_WRONG:
            self._wait(job, delay, key, details)
        else:
            self._end(job, JobState.FAILED, key, details)
        self.look()

    def _not_yet(self, job: ExportJob, err: NotYetError) -> None:
        self._running.pop(job.order.id, None)
        job.attempts -= 1  # it was not tried: there is nothing to be had yet
        if _has_patience(job, self._utcnow()):
            self._wait(job, err.seconds, err.key, err.details)
        else:
            self._end(job, JobState.FAILED, err.key, err.details)
        self.look()

    def _wait(self, job: ExportJob, seconds: float, reason: str, details: dict[str, str] | None = None) -> None:
        job.state, job.reason, job.details = JobState.WAITING, reason, details or {}
        job.not_before = self._utcnow() + timedelta(seconds=seconds)
        self._changed(job)

    def _end(
        self, job: ExportJob, state: JobState, reason: str | None = None, details: dict[str, str] | None = None
    ) -> None:
        job.state, job.reason, job.details = state, reason, details or {}
        job.ended, job.not_before = self._utcnow(), None
        ended = [other.order.id for other in self.jobs.values() if not other.active]
        for job_id in ended[: max(0, len(ended) - _MOST_ENDED)]:
            del self.jobs[job_id]
        self._changed(job)


def _has_patience(job: ExportJob, now: datetime) -> bool:
    """Tell whether it is worth another try; what was ordered ahead has all its time once it is recorded."""
    return now - max(job.order.created, job.order.span.end) < _PATIENCE


def _reason_of_disk(err: OSError) -> tuple[str, dict[str, str]]:
    if isinstance(err, DiskFullError):
        return "disk_full", {"needed": str(-(-err.needed >> 20)), "free": str(err.free >> 20)}
    if err.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return "disk_ran_full", {}
    return "cannot_write", {"error": err.strerror or "?"}
