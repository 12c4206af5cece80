"""One stream of a viewer: what it plays now, how it is controlled, and why it ended.

Every jump ends what runs, with the session on the recorder, and begins a new run; the slot is kept meanwhile. A run
sends INIT first, so that a viewer can tell it from the one before.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
import json
import secrets
import time
from typing import Final, Protocol

from ...core.errors import NvrError, NvrNoSessionError, NvrNotFoundError, NvrUnsupportedError
from ...core.models import StreamRole
from ..pool import WorkPool
from ..sessions import Lease, LossReason, SessionEndedError, SessionSlots
from ..ticks import RATE
from .feed import Feed, FeedOptions
from .frames import Kind
from .outbox import Outbox
from .pump import ENTRIES, Begun, Pump, Way
from .trick import Run

_EPOCH_BEFORE: Final = 24 * 3600 * RATE
_EPOCH_REACH: Final = 14 * 24 * 3600 * RATE


class OpenFeed(Protocol):
    """Opens what a run reads."""

    async def __call__(self, role: StreamRole, run: Run, options: FeedOptions) -> Feed:
        """Return an open feed; raises NvrError subclasses."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a run turned out to be; moments in ticks. `role`: which of the camera's streams it is."""

    codec: str
    mime: str
    epoch: int
    actual_start: int
    role: StreamRole
    speed: float


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


class CodecRefusedError(NvrUnsupportedError):
    """The viewer decodes none of the camera's streams; `codec` is what they are."""

    def __init__(self, codec: str) -> None:
        """Keep the name of the codec."""
        super().__init__(f"the viewer does not decode {codec}")
        self.codec = codec


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a viewer asks for, moments in ticks. `accept`: sample entries he decodes, such as "avc1".

    `roles`: the camera's streams to try, best first; without an `end` it goes on as far as there is footage.
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
        self.ending: Ending | None = None
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
        self._role: StreamRole | None = None
        self._paused_since: float | None = None

    @property
    def outbox(self) -> Outbox:
        """What is on its way to the viewer."""
        return self._way.outbox

    @property
    def position(self) -> int:
        """When that was recorded which was sent last, in ticks."""
        return self._way.at or self._run.start

    def idle_for(self) -> float:
        """Return for how many seconds it has been paused."""
        return 0.0 if self._paused_since is None else time.monotonic() - self._paused_since

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
        self._require_recorded()
        return await self._begin(replace(self._run, start=moment, step=0))

    async def set_speed(self, speed: float, moment: int | None = None) -> Opened:
        """Go on at another speed, backwards below 0, from a moment (what was sent last). Raises NvrError subclasses."""
        self._require_recorded()
        calm = 0 < speed <= 1.0 and 0 < self._run.speed <= 1.0 and not self._run.step
        if calm and self._ready is not None:
            # The viewer's own matter: what comes is the same.
            self._run = replace(self._run, speed=speed)
            self._way.pacer.speed = speed
            return replace(await asyncio.shield(self._ready), speed=speed)
        return await self._begin(replace(self._run, speed=speed, step=0, start=moment or self.position))

    async def step(self, count: int, moment: int | None = None) -> Opened:
        """Send the picture that follows the one of a moment, or the one before, and nothing more.

        Raises NvrError subclasses. `actual_start` of the answer is that picture's.
        """
        self._require_recorded()
        return await self._begin(replace(self._run, step=count, start=moment or self.position))

    def pause(self) -> None:
        """Send nothing more for now."""
        self._way.pacer.pause()
        self._paused_since = self._paused_since or time.monotonic()

    def resume(self) -> None:
        """Go on."""
        self._way.pacer.go_on()
        self._paused_since = None

    async def close(self, ending: Ending) -> None:
        """End it, with the session on the recorder, whoever is cancelled here."""
        if self.closed:
            return
        self.closed = True
        for tell in self.closing:
            tell()
        try:
            await asyncio.shield(asyncio.ensure_future(self._stop()))
        finally:
            self.outbox.clear()
            self._end(ending)
            self.done = True

    def _require_recorded(self) -> None:
        if self.live:
            raise NvrUnsupportedError("what is live can only be watched")

    async def _begin(self, run: Run) -> Opened:
        """End the run under way and begin another one; returns what the newest one is, should there be one yet."""
        async with self._turn:
            await self._end_run()
            if self.closed:
                raise NvrNotFoundError("this stream has ended")
            self.outbox.clear()
            if not run.epoch <= run.start <= run.epoch + _EPOCH_REACH:
                run = replace(run, epoch=_epoch_for(run.start))
            self._run, self._way.at = run, run.start
            self.resume()
            ready: asyncio.Future[Opened] = asyncio.get_running_loop().create_future()
            self._ready = ready
            self._task = asyncio.create_task(self._play(run, ready))
            self._task.add_done_callback(partial(_settle, ready))
        while True:
            await asyncio.wait({ready})
            if ready is not self._ready:
                ready = self._ready
            elif ready.cancelled():
                raise NvrNotFoundError("this stream has ended")
            else:
                return ready.result()

    async def _end_run(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        if self._ready is not None:
            self._ready.cancel()

    async def _stop(self) -> None:
        try:
            async with self._turn:
                await self._end_run()
        finally:
            self._release()

    async def _play(self, run: Run, ready: asyncio.Future[Opened]) -> None:
        """Play a run to its end; what fails before the first picture is told to whoever waits, later to the viewer."""

        def begun(found: Begun) -> None:
            role = self._role or StreamRole.MAIN
            ready.set_result(Opened(found.codec, found.mime, run.epoch, found.first, role, run.speed))
            self._slots.tell(self.recorder_id, self)

        try:
            feed = await self._open_by_ladder(run)
            try:
                await Pump(run, feed, self._way, self._pool, begun).run()
            finally:
                await feed.close()
        except NvrError as err:
            if not ready.done():
                ready.set_exception(err)
                ready.exception()
                return
            ending = self._describe(err)
        else:
            if run.step:
                return
            ending = Ending("end", "The recording ends here.")
        # Nothing more comes by itself: the slot is free for others until the viewer jumps somewhere.
        self._release()
        self._end(ending)

    def _release(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            lease.release()

    def _end(self, ending: Ending) -> None:
        self.ending = ending
        self._way.put(Kind.END, self.position, ending.to_json())

    async def _open_by_ladder(self, run: Run) -> Feed:
        """Return the best of the camera's streams that the viewer decodes. Raises CodecRefusedError and NvrError."""
        if self._lease is None:
            self._lease = await self._slots.acquire(self.recorder_id, self._slot_count, self)
        plain = run.speed <= 1.0 and not run.keys and not run.in_groups
        options = FeedOptions(sound="mp4a" in self.wanted.accept and plain, fast=self._way.fast)
        roles = [self._role] if self._role is not None else list(self.wanted.roles)
        problem: NvrError | None = None
        for role in roles:
            try:
                with self._lease.opening():
                    feed = await self._open_feed(role, run, options)
            except (NvrNotFoundError, NvrUnsupportedError) as err:
                problem = problem or err
                continue
            except NvrNoSessionError:
                if not self.live:
                    self._lease.refused()
                raise
            if ENTRIES.get(feed.codec) in self.wanted.accept:
                self._role = role
                return feed
            if not isinstance(problem, CodecRefusedError):
                problem = CodecRefusedError(feed.codec.value)
            await feed.close()
        raise problem or NvrNotFoundError("the camera has no stream")


def _epoch_for(start: int) -> int:
    """Return media time zero for a stream that begins there: whole seconds, and a day before, to jump back to."""
    return max(0, start - _EPOCH_BEFORE) // RATE * RATE


def _settle(ready: asyncio.Future[Opened], task: asyncio.Task[None]) -> None:
    """Tell whoever waits for the first picture that something went wrong which is no fault of the recorder."""
    if not task.cancelled() and (err := task.exception()) is not None and not ready.done():
        ready.set_exception(err)
