"""Makes pictures of any moment: what is kept is taken from disk, the rest is read, one at a time on each recorder.

Who asks for the same at once shares one request. The newest and the oldest request are served in turns: whoever scrolls
on wants what he sees now, and the first tile of a page is not the last to get its picture. How many wait, and how fast
pictures are read, is bounded for each recorder. What failed is not tried again at once.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import time

from ...core.errors import (
    NvrBusyError,
    NvrError,
    NvrNotFoundError,
    NvrResponseError,
    NvrTimeoutError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from ...core.flights import SharedFlights
from ..pool import WorkPool
from ..ticks import from_datetime, to_datetime
from .picture import Jpeg, make_jpeg
from .reader import PictureSource, Wanted
from .store import Key, Picture, PictureStore

GRID = timedelta(seconds=2)
"""Moments of one slot of this length are shown by the same picture: cameras send a key frame about as often."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# How long a failure is remembered, in seconds; the first row that fits counts.
_REMEMBERED: tuple[tuple[type[NvrError], float], ...] = (
    (NvrBusyError, 3.0),
    (NvrUnreachableError, 10.0),
    (NvrNotFoundError, 30.0),
    (NvrUnsupportedError, 300.0),
    (NvrResponseError, 60.0),
)
# Whoever asks for one frame asks again when he thinks that it is there now.
_MOST_FOR_ONE = 1.5
_MAX_FAILURES = 512
_TOO_MANY = "too many pictures are asked for at once"


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """How long one may wait (s), how many may wait, how many are read without a pause, and the pause then (s)."""

    answer: float = 30.0
    waiting: int = 64
    burst: int = 32
    every: float = 0.5


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A JPEG and the moment its picture was recorded (UTC)."""

    jpeg: bytes = field(repr=False)
    recorded_at: datetime


class PictureMaker:
    """Of all recorders."""

    def __init__(
        self,
        store: PictureStore,
        pool: WorkPool,
        *,
        limits: PictureLimits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is read or started yet."""
        self.store = store
        self._pool = pool
        self._limits = limits or PictureLimits()
        self._monotonic = monotonic
        self._flights: dict[str, SharedFlights[Key, Thumbnail]] = {}
        self._failures: dict[Key, tuple[NvrError, float]] = {}
        self._turns: dict[tuple[str, bool], Turns] = {}

    async def known(self, recorder_id: str, wanted: Wanted, width: int) -> datetime | None:
        """Return when the picture that is kept was recorded; None when none is. Asks no recorder."""
        await self.store.load()
        recorded = self.store.recorded(key_of(recorder_id, wanted, width))
        return None if recorded is None else _EPOCH + recorded * _MILLISECOND

    async def picture(
        self, recorder_id: str, wanted: Wanted, width: int, sources: Callable[[], Sequence[PictureSource]]
    ) -> Thumbnail:
        """Return the picture of a moment; `sources` are asked in turn. Raises NvrError subclasses."""
        key = key_of(recorder_id, wanted, width)
        await self.store.load()
        if (kept := await self.store.get(key)) is not None:
            return Thumbnail(kept.jpeg, _EPOCH + kept.recorded * _MILLISECOND)
        self._raise_remembered(key)
        flights = self._flights.setdefault(recorder_id, SharedFlights())
        return await flights.share(key, lambda: self._make(key, wanted, sources))

    def waiting(self, recorder_id: str) -> int:
        """How many tiles of a recorder wait for their turn."""
        turns = self._turns.get((recorder_id, False))
        return 0 if turns is None else turns.waiting

    async def close_recorder(self, recorder_id: str) -> None:
        """End what is under way on a recorder, and forget what failed."""
        flights = self._flights.pop(recorder_id, None)
        self._failures = {key: kept for key, kept in self._failures.items() if key.recorder_id != recorder_id}
        if flights is not None:
            await flights.close()

    async def forget_recorder(self, recorder_id: str) -> None:
        """Remove everything of a recorder, for good."""
        await self.close_recorder(recorder_id)
        for exact in (False, True):
            self._turns.pop((recorder_id, exact), None)
        await self.store.remove(recorder_id)

    async def aclose(self) -> None:
        """End what is under way; nothing is left on any recorder."""
        for recorder_id in list(self._flights):
            await self.close_recorder(recorder_id)

    def _raise_remembered(self, key: Key) -> None:
        for place in (key,) if key.exact else (key, _whole(key.recorder_id)):
            if (failed := self._failures.get(place)) is None:
                continue
            if self._monotonic() < failed[1]:
                # Without where it was raised before: that would grow each time.
                raise failed[0].with_traceback(None)
            del self._failures[place]

    async def _make(self, key: Key, wanted: Wanted, sources: Callable[[], Sequence[PictureSource]]) -> Thumbnail:
        # Whoever asks for the very frame does not wait for tiles.
        turns = self._turns.setdefault((key.recorder_id, key.exact), Turns(self._limits, self._monotonic))
        asking = False
        try:
            async with asyncio.timeout(self._limits.answer), turns:
                self._raise_remembered(key)
                asking = True
                jpeg = await self._read(wanted, key.width, sources())
        except TimeoutError as error:
            if not asking:
                raise NvrBusyError(_TOO_MANY, retry_after=5.0) from error
            raise self._remember(key, NvrTimeoutError("no picture came in time")) from error
        except NvrError as error:
            if asking:
                self._remember(key, error)
            raise
        recorded_at = to_datetime(jpeg.time)
        await self.store.put(key, Picture(jpeg.data, (recorded_at - _EPOCH) // _MILLISECOND))
        return Thumbnail(jpeg.data, recorded_at)

    async def _read(self, wanted: Wanted, width: int, sources: Sequence[PictureSource]) -> Jpeg:
        problem: NvrError = NvrUnsupportedError("the recorder gives no pictures of the past")
        moment = from_datetime(wanted.moment) if wanted.exact else None
        for source in sources:
            try:
                pictures = await source.pictures(wanted)
                return await self._pool.run(make_jpeg, pictures, moment, width)
            except (NvrUnsupportedError, NvrNotFoundError, NvrResponseError, NvrTimeoutError) as error:
                # What comes next may have it; that something is not recorded says more than that it cannot be asked.
                problem = error if not isinstance(problem, NvrNotFoundError) else problem
        raise problem

    def _remember(self, key: Key, error: NvrError) -> NvrError:
        wait = next((seconds for kind, seconds in _REMEMBERED if isinstance(error, kind)), 0.0)
        wait = min(wait, _MOST_FOR_ONE) if key.exact else wait
        if wait:
            while len(self._failures) >= _MAX_FAILURES:
                del self._failures[next(iter(self._failures))]
            # What cannot be reached now has no other picture either; a person may try again at once.
            whole = isinstance(error, NvrUnreachableError | NvrBusyError) and not key.exact
            self._failures[_whole(key.recorder_id) if whole else key] = error, self._monotonic() + wait
        return error


def key_of(recorder_id: str, wanted: Wanted, width: int) -> Key:
    """Return what a picture is kept as: exactly, or by the slot of the grid its moment lies in; pure."""
    step = _MILLISECOND if wanted.exact else GRID
    moment = (wanted.moment - _EPOCH) // step * (step // _MILLISECOND)
    return Key(recorder_id, wanted.channel, moment, width, wanted.exact)


def _whole(recorder_id: str) -> Key:
    """Return what stands for all pictures of a recorder."""
    return Key(recorder_id, 0, 0, 0)


class Turns:
    """Whose turn it is on one recorder: one at a time, the newest and the oldest in turns, as fast as limits allow."""

    def __init__(self, limits: PictureLimits, monotonic: Callable[[], float]) -> None:
        """Begin with the whole burst."""
        self._limits = limits
        self._monotonic = monotonic
        self._waiting: list[asyncio.Future[None]] = []
        self._taken = False
        self._newest_is_next = True
        self._tokens = float(limits.burst)
        self._at = monotonic()

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._waiting)

    async def __aenter__(self) -> None:
        await self._turn()
        try:
            await asyncio.sleep(self._pause())
        except BaseException:
            self._pass_on()
            raise

    async def __aexit__(self, *_exc: object) -> None:
        self._pass_on()

    async def _turn(self) -> None:
        if not self._taken:
            self._taken = True
            return
        if len(self._waiting) >= self._limits.waiting:
            oldest = self._waiting.pop(0)
            # One that was just cancelled has not left the line yet.
            if not oldest.done():
                oldest.set_exception(NvrBusyError(_TOO_MANY, retry_after=5.0))
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif turn.done() and not turn.cancelled() and turn.exception() is None:
                self._pass_on()  # it was given to somebody who had just left
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            turn = self._waiting.pop(-1 if self._newest_is_next else 0)
            if not turn.done():
                self._newest_is_next = not self._newest_is_next
                turn.set_result(None)
                return
        self._taken = False

    def _pause(self) -> float:
        """Count one and return how long to wait before it, in seconds."""
        now = self._monotonic()
        gained = (now - self._at) / self._limits.every
        self._tokens = min(float(self._limits.burst), self._tokens + gained) - 1
        self._at = now
        return max(0.0, -self._tokens * self._limits.every)
