"""The limit on silence of a stream: one timer for many chunks, for a timer each costs more than reading the chunk."""

import asyncio

import aiohttp

from .lent import LentBody


class IdleLimit:
    """Ends a read of `content` that takes too long with TimeoutError. Time between reads does not count. Seconds."""

    def __init__(self, content: aiohttp.StreamReader | LentBody, seconds: float) -> None:
        """Watch over what is between `begin` and `end` until `stop` is called."""
        self.content = content
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._since: float | None = None
        self._timer = self._loop.call_later(seconds, self._look)

    def begin(self) -> None:
        """Count from now."""
        self._since = self._loop.time()

    def end(self) -> None:
        """Count no longer: it was read, or failed."""
        self._since = None

    def reschedule(self, when: float) -> None:
        """End the read under way and any later one at that moment of the loop's clock."""
        self._timer.cancel()
        self._timer = self._loop.call_at(when, self._end)

    def stop(self) -> None:
        """Watch no longer."""
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        due = (now if self._since is None else self._since) + self._seconds
        if due <= now:
            self._end()
        else:
            self._timer = self._loop.call_at(due, self._look)

    def _end(self) -> None:
        self.content.set_exception(TimeoutError())
