"""Who moves cameras, and sees to it that whatever was begun comes to its end: the dead man's switch.

A recorder moves a camera until it is told to stop. The one who would tell it may be gone by then: a browser that was
closed, an automation that was ended, a network that dropped. So each motion has its end from the beginning.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from .controls import PtzAbilities, PtzMotion, PtzOrder, PtzPreset
from .driver import PtzSource
from .errors import (
    NvrAuthError,
    NvrError,
    NvrLockedError,
    NvrNotFoundError,
    NvrOtherRecorderError,
    NvrPermissionError,
    NvrUnsupportedError,
)

LONGEST: Final = 10.0
# Waits (s) before a stop that failed is told again.
STOP_AGAIN: Final = (0.3, 0.7, 1.5, 3.0, 6.0)
_STILL: Final = PtzMotion()
_LAST_WORD: Final = 5.0
_HOPELESS: Final = (NvrAuthError, NvrLockedError, NvrOtherRecorderError)


class Pilot:
    """Moves the cameras of one recorder. Each motion ends by itself, whatever becomes of who began it."""

    def __init__(self, source: PtzSource, on_lost: Callable[[int, NvrError], None] | None = None) -> None:
        """Move by `source`; `on_lost` hears of a channel that could not be stopped."""
        self._source = source
        self._on_lost = on_lost
        self._turns: dict[int, int] = {}
        self._waits: dict[int, asyncio.TimerHandle] = {}
        self._ends: set[asyncio.Task[None]] = set()
        self._moving: set[int] = set()

    @property
    def moving(self) -> frozenset[int]:
        """The channels that move, as far as we know."""
        return frozenset(self._moving)

    async def abilities(self, channel: int) -> PtzAbilities:
        """Return as PtzSource.abilities does."""
        return await self._source.abilities(channel)

    async def presets(self, channel: int) -> Sequence[PtzPreset]:
        """Return as PtzSource.presets does."""
        return await self._source.presets(channel)

    async def move(self, channel: int, motion: PtzMotion, seconds: float) -> None:
        """Move for so many seconds, 10 at most, counted from when the recorder took it; returns then, not at the end.

        Another motion takes the place of one that goes on. Raises core errors; then nothing goes on moving.
        """
        if motion.still:
            await self.stop(channel)
            return
        turn = self._next_turn(channel)
        was_moving = channel in self._moving
        self._moving.add(channel)
        try:
            await self._source.move(channel, motion)
        except NvrError as error:
            if was_moving or not _is_refusal(error):
                # It may have been heard all the same.
                self._end_soon(channel, turn)
            else:
                self._moving.discard(channel)
            raise
        except BaseException:
            self._end_soon(channel, turn)
            raise
        if self._turns[channel] == turn:
            loop = asyncio.get_running_loop()
            self._waits[channel] = loop.call_later(min(seconds, LONGEST), self._end_soon, channel, turn)

    async def stop(self, channel: int) -> None:
        """Stop whatever moves, also what somebody else began; one that fails is told again until it is taken."""
        turn = self._next_turn(channel)
        try:
            await self._source.move(channel, _STILL)
        except NvrError as error:
            if not _is_refusal(error):
                self._end_soon(channel, turn)
            raise
        except BaseException:
            self._end_soon(channel, turn)
            raise
        self._rests(channel, turn)

    async def order(self, channel: int, order: PtzOrder, number: int, name: str = "") -> None:
        """Tell as PtzSource.order does; a camera that goes to a preset, or on patrol, has no motion to be ended."""
        if order is not PtzOrder.SAVE_PRESET and channel in self._moving:
            await self.stop(channel)
        await self._source.order(channel, order, number, name)

    async def close(self) -> None:
        """Stop everything that moves, as far as it can be told within a few seconds."""
        for wait in self._waits.values():
            wait.cancel()
        self._waits.clear()
        for task in self._ends:
            task.cancel()
        await asyncio.gather(*self._ends, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORD):
                await asyncio.gather(*(self._last_word(channel) for channel in self._moving))
        self._moving.clear()

    async def _last_word(self, channel: int) -> None:
        with suppress(NvrError):
            await self._source.move(channel, _STILL)

    def _next_turn(self, channel: int) -> int:
        """Begin a turn: what was to end the one before is not needed any more, for this one has its own end."""
        if (wait := self._waits.pop(channel, None)) is not None:
            wait.cancel()
        turn = self._turns[channel] = self._turns.get(channel, 0) + 1
        return turn

    def _end_soon(self, channel: int, turn: int) -> None:
        self._waits.pop(channel, None)
        task = asyncio.get_running_loop().create_task(self._end(channel, turn))
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    async def _end(self, channel: int, turn: int) -> None:
        """Stop, and try again while nobody else has taken over."""
        for wait in (*STOP_AGAIN, None):
            if self._turns[channel] != turn:
                return
            try:
                await self._source.move(channel, _STILL)
            except NvrError as error:
                if wait is None or isinstance(error, _HOPELESS):
                    if self._on_lost is not None:
                        self._on_lost(channel, error)
                    return
                await asyncio.sleep(wait)
            else:
                self._rests(channel, turn)
                return

    def _rests(self, channel: int, turn: int) -> None:
        if self._turns[channel] == turn:
            self._moving.discard(channel)


def _is_refusal(error: NvrError) -> bool:
    """Tell whether the recorder said no: then nothing was begun."""
    return isinstance(error, (*_HOPELESS, NvrNotFoundError, NvrPermissionError, NvrUnsupportedError))
