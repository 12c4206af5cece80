"""What is open on the recorder for us, a finder or a list: it is given back, whoever is cancelled meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
import logging
from typing import Any, Final

from ...errors import NvrError, NvrUnreachableError

_LOGGER = logging.getLogger(__name__)

# How long (s) whoever is done, or gives up, waits until it is given back; after that it goes on by itself.
PATIENCE: Final = 5.0


class Held:
    """Uses of such things, and what is being made or given back for them."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._uses: set[asyncio.Task[Any]] = set()
        self._errands: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def use[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Return what the work returns and raise what it raises; NvrUnreachableError once `close` was called."""
        if self._closed:
            work.close()
            raise NvrUnreachableError("the connection was closed by us")
        task = _begin(self._uses, work)
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait((task,))
            _tell_unheard(task)
            raise
        return _outcome(task)

    @asynccontextmanager
    async def hold[T](
        self, make: Coroutine[Any, Any, T], give_back: Callable[[T], Awaitable[object]]
    ) -> AsyncIterator[T]:
        """Hold what `make` makes. Its making is never cut short: what nobody waits for any more is given back."""
        making = _begin(self._errands, make)
        try:
            await asyncio.wait((making,))
        except asyncio.CancelledError:
            await self._see_off(_give_back_when_made(making, give_back))
            raise
        thing = _outcome(making)
        try:
            yield thing
        finally:
            await self._see_off(give_back(thing))

    async def all_given_back(self) -> None:
        """Wait until nothing is on its way to or from the recorder any more."""
        if self._errands:
            await asyncio.wait(tuple(self._errands))

    async def close(self) -> None:
        """End all uses, and wait a while until everything is given back; safe to call twice."""
        self._closed = True
        for task in self._uses:
            task.cancel()
        if begun := self._uses | self._errands:
            await asyncio.wait(begun, timeout=PATIENCE)
        for task in self._errands:
            task.cancel()
        if late := self._uses | self._errands:
            await asyncio.wait(late)

    async def _see_off(self, work: Awaitable[object]) -> None:
        """Wait for the end of something, also when cancelled; that it fails is no news for who used it."""
        task = _begin(self._errands, _quietly(work))
        task.add_done_callback(_tell_unheard)
        try:
            await asyncio.wait((task,), timeout=PATIENCE)
        except asyncio.CancelledError:
            await asyncio.wait((task,), timeout=PATIENCE)
            raise


def _begin[T](tasks: set[asyncio.Task[Any]], work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    def ended(task: asyncio.Task[T]) -> None:
        tasks.discard(task)
        if not task.cancelled():
            task.exception()  # Seen: perhaps nobody waits any more.

    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(ended)
    return task


def _tell_unheard(task: asyncio.Task[Any]) -> None:
    """Log what nobody is there to be told of: an error of ours, for those of the recorder are no news then."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, NvrError):
        _LOGGER.error("what was open on the recorder was not given back in order", exc_info=error)


def _outcome[T](task: asyncio.Task[T]) -> T:
    if task.cancelled():
        raise NvrUnreachableError("the connection was closed by us")
    return task.result()


async def _quietly(work: Awaitable[object]) -> None:
    with suppress(NvrError):
        await work


async def _give_back_when_made[T](making: asyncio.Task[T], give_back: Callable[[T], Awaitable[object]]) -> None:
    await give_back(await making)
