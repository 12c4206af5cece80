"""The worker threads of the engine: few, for all recorders together, and started when there is something to do."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

THREADS: Final = 2


class WorkPool:
    """Runs what blocks for some milliseconds; the event loop never does."""

    def __init__(self, threads: int = THREADS) -> None:
        """No thread is started yet."""
        self._threads = threads
        self._executor: ThreadPoolExecutor | None = None

    async def run[**P, R](self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what the work returns, or raise what it raises; a wait that is cancelled does not end the work."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="nvr-media")
        executor = self._executor
        return await asyncio.wrap_future(executor.submit(work, *args, **kwargs))

    async def aclose(self) -> None:
        """End the threads, when what they do now is done; work that comes later starts new ones."""
        executor, self._executor = self._executor, None
        if executor is not None:
            await asyncio.to_thread(executor.shutdown, wait=True, cancel_futures=True)
