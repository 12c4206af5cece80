"""The limit on silence of a stream: one timer for many chunks, for a timer each costs more than reading the chunk."""

import asyncio

import aiohttp


class IdleLimit:
    """Ends a read that takes too long with TimeoutError. Time between reads does not count. Seconds."""

    def __init__(self, content: aiohttp.StreamReader, seconds: float) -> None:
        """Watch over `read` until `stop` is called."""
        self._content = content
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._since: float | None = None
        self._timer = self._loop.call_later(seconds, self._look)

    async def read(self) -> bytes:
        """Return what arrived, empty at the end; raises TimeoutError and what the connection ended with."""
        self._since = self._loop.time()
        try:
            return await self._content.readany()
        finally:
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
        self._content.set_exception(TimeoutError())
