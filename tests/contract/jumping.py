"""An event loop whose clock jumps ahead when there is nothing to do but wait: minutes of a recorder cost nothing.

Recorder and driver live in one process, so that bytes under way are seen at once; while a thread works, time is real.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from functools import wraps
import selectors
from typing import Any, Final, cast, override

# Long enough (s) for the kernel to hand over what was just written.
_GRACE: Final = 0.005


class _Selector(selectors.DefaultSelector):
    """Skips what it would have waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0
        self.threads = 0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= _GRACE or self.threads:
            return super().select(timeout)
        ready = super().select(_GRACE)
        if not ready:
            self.skipped += timeout - _GRACE
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """The loop; `skipped` seconds never passed."""

    def __init__(self) -> None:
        self._patient = _Selector()
        super().__init__(self._patient)

    @property
    def skipped(self) -> float:
        """How far its clock is ahead of the machine's."""
        return self._patient.skipped

    @override
    def time(self) -> float:
        return super().time() + self._patient.skipped

    @override
    def run_in_executor[*Ts, T](
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        self._patient.threads += 1
        future = cast("asyncio.Future[T]", super().run_in_executor(executor, func, *args))
        future.add_done_callback(self._thread_done)
        return future

    @override
    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        self._patient.threads += 1
        await super().shutdown_default_executor(timeout)

    def _thread_done(self, _future: asyncio.Future[Any]) -> None:
        self._patient.threads -= 1


def utcnow() -> datetime:
    """Return the time of day on the running loop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    return datetime.now(UTC) + timedelta(seconds=loop.skipped)


def jumping[**P](test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test on such a loop."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
