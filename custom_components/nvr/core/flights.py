"""Requests that are shared by all who ask for the same at once."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any

from .errors import NvrUnreachableError


@dataclass(slots=True, eq=False)
class _Flight[T]:
    """One request and how many wait for it."""

    task: asyncio.Task[T]
    waiting: int = 0


class SharedFlights[K: Hashable, T]:
    """One request for each key at a time, whoever asks; whoever gives up takes nothing from the others."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self._flights: dict[K, _Flight[T]] = {}
        self._tasks: set[asyncio.Task[T]] = set()

    async def share(self, key: K, request: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what the request under way returns, or a new one; raises what it raises.

        Raises NvrUnreachableError where `close` ends it. The last who gives up ends the request.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.ensure_future(request()))
            self._tasks.add(flight.task)
            flight.task.add_done_callback(self._ended)
        flight.waiting += 1
        try:
            await asyncio.wait((flight.task,))
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                flight.task.cancel()
                if self._flights.get(key) is flight:
                    del self._flights[key]
        if flight.task.cancelled():
            raise NvrUnreachableError("the connection was closed by us")
        return flight.task.result()

    async def close(self) -> None:
        """End what is under way, and wait for it."""
        tasks = tuple(self._tasks)
        for task in tasks:
            if not task.cancelling():  # One that takes its leave is not disturbed in it.
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[T]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # Seen: perhaps nobody waits any more.
