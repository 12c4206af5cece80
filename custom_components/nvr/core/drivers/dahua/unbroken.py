"""Steps that belong together on the wire: begun, they are ended, whoever is cancelled meanwhile."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from ...errors import NvrUnreachableError


class Unbroken:
    """Work of one recorder that is not left half-way: a login that nobody knows of stays open for a minute."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self._works: set[asyncio.Task[Any]] = set()

    async def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Return what the work returns and raise what it raises; who is cancelled leaves it to end by itself."""
        task = asyncio.ensure_future(work)
        self._works.add(task)
        task.add_done_callback(self._ended)
        await asyncio.wait((task,))
        if task.cancelled():
            raise NvrUnreachableError("the connection was closed by us")
        return task.result()

    async def end(self, patience: float) -> None:
        """Wait until all has ended, at most `patience` seconds; what is not ready then is cancelled."""
        if not self._works:
            return
        _, late = await asyncio.wait(self._works, timeout=patience)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._works.discard(task)
        if not task.cancelled():
            task.exception()  # Seen: perhaps nobody waits any more.
