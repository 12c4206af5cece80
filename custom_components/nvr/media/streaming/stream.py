"""One stream of a viewer: what it plays now, how it is controlled, and why it ended.

Every jump ends what runs, with the session on the recorder, and begins a new run; the slot is kept meanwhile. A run
sends INIT first, so that a viewer can tell it from the one before.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
import json
import logging
import secrets
import time
from typing import Final, Protocol

from ...core.errors import NvrError, NvrNotFoundError, NvrResponseError, NvrUnsupportedError
from ...core.models import StreamRole, VideoCodec
from ..pool import WorkPool
from ..sessions import Lease, LossReason, SessionEndedError, SessionSlots
from ..ticks import RATE
from .feed import Feed, FeedOptions, Parting
from .frames import Kind
from .ladder import CodecRefusedError, Rung, climb_down
from .outbox import Outbox
from .pump import Begun, Pump, Way
from .trick import Run

__all__ = ["CodecRefusedError", "Ending", "MediaStream", "OpenFeed", "Opened", "Wanted"]

_LOGGER = logging.getLogger(__name__)
_EPOCH_BEFORE: Final = 24 * 3600 * RATE
_EPOCH_REACH: Final = 14 * 24 * 3600 * RATE


class OpenFeed(Protocol):
    """Opens what a run reads."""

    async def __call__(self, role: StreamRole, run: Run, options: FeedOptions) -> Feed:
        """Return an open feed; raises NvrError subclasses."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a run turned out to be; moments in ticks. `role`: which of the camera's streams it is.

    `refused`: the codec of the better one, which the viewer does not decode.
    """

    codec: str
    mime: str
    epoch: int
    actual_start: int
    role: StreamRole
    speed: float
    refused: VideoCodec | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a stream ended: a code for programs, a sentence for people, and its key where it can be translated."""

    reason: str
    message: str = ""
    key: str = ""
    placeholders: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Return it as its viewer reads it."""
        told: dict[str, object] = {"reason": self.reason, "message": self.message}
        if self.key:
            told |= {"translation_key": self.key, "translation_placeholders": dict(self.placeholders)}
        return json.dumps(told).encode()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a viewer asks for, moments in ticks.

    `accept`: sample entries that he decodes, such as "avc1", and "jpeg" for want of those. `roles`: the camera's
    streams to try, best first; without an `end` it goes on as far as there is footage.
    """

    kind: str
    channel: int
    roles: Sequence[StreamRole]
    accept: frozenset[str]
    start: int
    speed: float = 1.0
    keys: bool = False
    end: int | None = None


class MediaStream:
    """One stream; a `SlotHolder` of the recorder it plays from. Its methods may be called side by side."""

    def __init__(
        self,
        stream_id: int,
        recorder_id: str,
        owner: str,
        wanted: Wanted,
        *,
        open_feed: OpenFeed,
        slots: tuple[SessionSlots, int],
        pool: WorkPool,
        describe: Callable[[NvrError], Ending],
    ) -> None:
        """`slots`: where the session is counted, and how many there are. `describe` makes the ending of an error.

        `pool`: the threads for what blocks.
        What stands in `closing` is called once, when the stream closes.
        """
        self.session_id = secrets.token_urlsafe(12)
        self.stream_id = stream_id
        self.recorder_id = recorder_id
        self.owner = owner
        self.wanted = wanted
        self.kind = wanted.kind
        self.channel = wanted.channel
        self.live = wanted.kind == "live"
        self.turning = False
        self.closed = self.done = False
        self.closing: list[Callable[[], None]] = []
        self._way = Way(stream_id, self.live)
        self._open_feed = open_feed
        self._slots, self._slot_count = slots
        self._pool = pool
        self._describe = describe
        self._lease: Lease | None = None
        self._task: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[Opened] | None = None
        self._turn = asyncio.Lock()
        self._run = Run(wanted.start, wanted.speed, wanted.keys, _epoch_for(wanted.start))
        self._rung: Rung | None = None
        self._parting = Parting()
        self._idle_since: float | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def outbox(self) -> Outbox:
        """What is on its way to the viewer."""
        return self._way.outbox

    @property
    def position(self) -> int:
        """When that was recorded which was sent last, in ticks."""
        return self._way.at or self._run.start

    def idle_for(self) -> float:
        """Return for how many seconds it has been paused, or shown a single picture."""
        return 0.0 if self._idle_since is None else time.monotonic() - self._idle_since

    async def yield_slot(self) -> None:
        """Give the slot to the same viewer's next playback, and tell him."""
        await self.lose_slot(LossReason.REPLACED)

    async def lose_slot(self, reason: LossReason) -> None:
        """End it for good and tell the viewer who or what ended it."""
        await self.close(replace(self._describe(SessionEndedError(reason)), reason=reason.value))

    async def open(self) -> Opened:
        """Begin; returns when the first picture is there. Raises NvrError subclasses, and is closed then."""
        try:
            return await self._begin(self._run)
        except BaseException:
            await self.close(Ending("failed"))
            raise

    async def seek(self, moment: int) -> Opened:
        """Go on from another moment. Raises NvrError subclasses."""
        return await self._begin(replace(self._run, start=moment, step=0))

    async def set_speed(self, speed: float, moment: int | None = None) -> Opened:
        """Go on at another speed, backwards below 0, from a moment (what was sent last). Raises NvrError subclasses."""
        calm = not self.live and 0 < speed <= 1.0 and 0 < self._run.speed <= 1.0 and not self._run.step
        if calm and self._ready is not None and not _failed(self._ready):
            # The viewer's own matter: what comes is the same.
            self._run = replace(self._run, speed=speed)
            self._way.pacer.turn(speed)
            return replace(await self._newest(), speed=speed)
        return await self._begin(replace(self._run, speed=speed, step=0, start=moment or self.position))

    async def step(self, count: int, moment: int | None = None) -> Opened:
        """Send the picture that follows the one of a moment, or the one before, and nothing more.

        Raises NvrError subclasses. `actual_start` of the answer is that picture's.
        """
        return await self._begin(replace(self._run, step=count, start=moment or self.position))

    def pause(self) -> None:
        """Send nothing more for now, but the picture of a moment that is jumped to."""
        self._way.pacer.pause()
        self._idle_since = self._idle_since or time.monotonic()

    def resume(self) -> None:
        """Go on; behind a step `set_speed` does."""
        self._way.pacer.go_on()
        self._idle_since = None

    async def close(self, ending: Ending) -> None:
        """End it, with the session on the recorder, whoever is cancelled here; the first reason counts."""
        if self._closing is None:
            self.closed = True
            for tell in self.closing:
                tell()
            self._closing = asyncio.create_task(self._close(ending))
        await asyncio.shield(self._closing)

    async def _close(self, ending: Ending) -> None:
        try:
            async with self._turn:
                await self._end_run()
        finally:
            self._release()
            self.outbox.clear()
            self._end(ending)
            self.done = True

    async def _begin(self, run: Run) -> Opened:
        """End the run under way and begin another one; returns what the newest one is, should there be one yet."""
        if self.live and run is not self._run:
            raise NvrUnsupportedError("what is live can only be watched")
        async with self._turn:
            await self._end_run()
            if self.closed:
                raise NvrNotFoundError("this stream has ended")
            self.outbox.clear()
            if not run.epoch <= run.start <= run.epoch + _EPOCH_REACH:
                run = replace(run, epoch=_epoch_for(run.start))
            self._run, self._way.at = run, run.start
            # Who is paused stays so, but is there.
            self._idle_since = time.monotonic() if self._way.pacer.paused else None
            ready: asyncio.Future[Opened] = asyncio.get_running_loop().create_future()
            self._ready = ready
            self._task = asyncio.create_task(self._play(run, ready))
            self._task.add_done_callback(partial(self._settle, ready))
        return await self._newest()

    async def _newest(self) -> Opened:
        """Return what the newest run is, once that is known. Raises NvrError subclasses."""
        ready = self._ready
        while ready is not None:
            await asyncio.wait({ready})
            if ready is not self._ready:
                ready = self._ready
            elif ready.cancelled():
                raise NvrNotFoundError("this stream has ended")
            else:
                return ready.result()
        raise NvrNotFoundError("this stream has not begun")

    async def _end_run(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        if self._ready is not None:
            self._ready.cancel()

    async def _play(self, run: Run, ready: asyncio.Future[Opened]) -> None:
        """Play a run to its end; what fails before the first picture is told to whoever waits, later to the viewer."""

        def begun(found: Begun) -> None:
            rung = self._rung or Rung(StreamRole.MAIN)
            opened = Opened(found.codec, found.mime, run.epoch, found.first, rung.role, run.speed, rung.refused)
            ready.set_result(opened)
            # It may have been changed while this run was opened.
            self._way.pacer.turn(abs(self._run.speed))
            self._slots.tell(self.recorder_id, self)

        try:
            run, feed = await self._open_by_ladder(run)
            try:
                await Pump(run, feed, self._way, self._pool, begun).run()
            finally:
                await feed.close()
        except NvrError as err:
            if not ready.done():
                # The viewer may jump elsewhere; until then the slot is free for others.
                self._release()
                ready.set_exception(err)
                ready.exception()
                return
            ending = self._describe(err)
        else:
            if run.step:
                self._idle_since = time.monotonic()
                return
            ending = Ending("end", "The recording ends here.", "stream_end")
        # Nothing more comes by itself: the slot is free for others until the viewer jumps somewhere.
        self._release()
        self._end(ending)

    def _settle(self, ready: asyncio.Future[Opened], task: asyncio.Task[None]) -> None:
        """See to what went wrong which is no fault of the recorder."""
        if task.cancelled() or (err := task.exception()) is None:
            return
        _LOGGER.error("A stream failed unexpectedly", exc_info=err)
        problem = NvrResponseError("the stream failed unexpectedly")
        self._release()
        if not ready.done():
            ready.set_exception(problem)
            ready.exception()
        elif not self.closed:
            self._end(self._describe(problem))

    def _release(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            lease.release()

    def _end(self, ending: Ending) -> None:
        self._way.put(Kind.END, self.position, ending.to_json())

    async def _open_by_ladder(self, run: Run) -> tuple[Run, Feed]:
        """Return the best of the camera's streams that the viewer decodes, and how it is played. Raises NvrError."""
        lease = self._lease
        if lease is None:
            lease = self._lease = await self._slots.acquire(self.recorder_id, self._slot_count, self)

        async def open_rung(rung: Rung) -> Feed:
            played = replace(run, stills=rung.stills)
            plain = played.speed <= 1.0 and not played.only_keys and not played.in_groups
            sound = "mp4a" in self.wanted.accept and plain
            # What is live takes no slot, and its refusals say nothing of those.
            with nullcontext() if self.live else lease.opening():
                return await self._open_feed(rung.role, played, FeedOptions(sound, self._way.fast, self._parting))

        self._rung, feed = await climb_down(self.wanted.roles, self.wanted.accept, open_rung, self._rung)
        return replace(run, stills=self._rung.stills), feed


def _epoch_for(start: int) -> int:
    """Return media time zero for a stream that begins there: whole seconds, and a day before, to jump back to."""
    return max(0, start - _EPOCH_BEFORE) // RATE * RATE


def _failed(ready: asyncio.Future[Opened]) -> bool:
    return ready.done() and not ready.cancelled() and ready.exception() is not None
