"""How far a stream may run ahead of what its viewer can have seen."""

import asyncio
from collections.abc import Callable
import time
from typing import Final

from ..ticks import RATE

LEAD: Final = 10.0
_LONGEST_SLEEP: Final = 1.0


class Pacer:
    """Lets fragments go at the speed they are watched at, up to `lead` seconds (of media) early.

    Recorders may send an hour in a minute; nobody wants that in the memory of a browser.
    """

    def __init__(self, lead: float = LEAD, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin unpaused; `begin` starts the clock."""
        self.speed = 1.0
        self._lead = lead
        self._monotonic = monotonic
        self._begun: tuple[float, int] | None = None
        self._paused_at: float | None = None
        self._running = asyncio.Event()
        self._running.set()

    @property
    def paused(self) -> bool:
        """Whether nothing may be sent."""
        return self._paused_at is not None

    def begin(self, speed: float) -> None:
        """Start the clock with the next fragment; above 1 the viewer takes `speed` seconds of footage a second."""
        self.speed = speed
        self._begun = None

    def turn(self, speed: float) -> None:
        """Go on at another speed from now on: what was watched so far was watched at the one before."""
        if self._begun is not None:
            now = self._monotonic() if self._paused_at is None else self._paused_at
            since, first = self._begun
            self._begun = (now, first + round((now - since) * self.speed * RATE))
        self.speed = speed

    def skip(self) -> None:
        """Take the next fragment as of now: what lies before it was never there."""
        self._begun = None

    def pause(self) -> None:
        """Stop the clock."""
        if self._paused_at is None:
            self._paused_at = self._monotonic()
            self._running.clear()

    def go_on(self) -> None:
        """Let the clock run on."""
        if self._paused_at is not None:
            if self._begun is not None:
                self._begun = (self._begun[0] + self._monotonic() - self._paused_at, self._begun[1])
            self._paused_at = None
            self._running.set()

    def may_send(self, media: int, *, settled: bool = False) -> bool:
        """Tell whether a fragment at this media time may go; `settled`: only once half of the lead is used up."""
        return not self.paused and self._early(media, settled=settled) <= 0

    async def wait(self, media: int, *, settled: bool = False) -> None:
        """Wait until it may, or a little less."""
        await self._running.wait()
        early = self._early(media, settled=settled)
        if early > 0:
            await asyncio.sleep(min(early, _LONGEST_SLEEP))

    async def unpaused(self) -> None:
        """Wait until something may be sent."""
        await self._running.wait()

    def _early(self, media: int, *, settled: bool) -> float:
        """Return in how many seconds a fragment may go."""
        now = self._monotonic()
        if self._begun is None or media < self._begun[1]:
            self._begun = (now, media)
        since, first = self._begun
        lead = self._lead / 2 if settled else self._lead
        ahead = (media - first) / RATE - (now - since) * self.speed
        return (ahead - lead * max(1.0, self.speed)) / self.speed
