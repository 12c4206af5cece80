"""Live stills, shared: everyone who asks within a second gets the same picture from one request."""

import asyncio
from collections.abc import Callable
import time
from typing import Final

from .core.driver import SnapshotSource
from .core.errors import NvrUnreachableError

_FRESH: Final = 1.0

type _Key = tuple[int, int | None, int | None]


class Stills:
    """A one-second cache before a snapshot source; a waiter that gives up leaves the request to the others."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start empty; `monotonic` is in seconds."""
        self._monotonic = monotonic
        self._fresh: dict[_Key, tuple[float, bytes]] = {}
        self._running: dict[_Key, asyncio.Task[bytes]] = {}

    async def get(self, source: SnapshotSource, channel: int, width: int | None, height: int | None) -> bytes:
        """Return a JPEG at most a second old; raises the source's errors, NvrUnreachableError when closed meanwhile."""
        key = (channel, width, height)
        kept = self._fresh.get(key)
        if kept is not None and self._monotonic() - kept[0] < _FRESH:
            return kept[1]
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(self._fetch(source, key))
            self._running[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        await asyncio.wait({task})
        if task.cancelled():
            msg = "the recorder was let go while the still was under way"
            raise NvrUnreachableError(msg)
        return task.result()

    async def close(self) -> None:
        """Cancel what is under way."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._fresh.clear()

    async def _fetch(self, source: SnapshotSource, key: _Key) -> bytes:
        still = await source.snapshot(key[0], width=key[1], height=key[2])
        now = self._monotonic()
        self._fresh = {old: kept for old, kept in self._fresh.items() if now - kept[0] < _FRESH}
        self._fresh[key] = (now, still.jpeg)
        return still.jpeg

    def _ended(self, key: _Key, task: asyncio.Task[bytes]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # taken here too, for the case that every waiter has gone
