"""Reads the clock of a recorder anew from time to time; nothing depends on the moment."""

import time
from typing import Final

from .const import LOGGER
from .core.driver import Driver
from .core.errors import NvrError

_INTERVAL: Final = 3600.0
# A clock that was not told is read again at the next poll, then after ever longer pauses.
_SOON: Final = 5.0


class ClockUpkeep:
    """When the clock was read last, and when it is time again."""

    def __init__(self, driver: Driver, name: str) -> None:
        """`name` is what the log calls the recorder."""
        self._driver = driver
        self._name = name
        self._due_at = 0.0
        self._pause = _SOON

    def was_read(self) -> None:
        """Take note that a connect has just read it, or tried to."""
        clock = self._driver.clock
        self._plan(told=clock is not None and clock.current.measured)

    def _plan(self, *, told: bool) -> None:
        self._due_at = time.monotonic() + (_INTERVAL if told else self._pause)
        self._pause = _SOON if told else min(self._pause * 2, _INTERVAL)

    async def async_read(self) -> None:
        """Read it, if it is time; a failure is tried again soon."""
        clock = self._driver.clock
        if clock is None or time.monotonic() < self._due_at:
            return
        told = False
        try:
            told = (await clock.read()).measured
        except NvrError as err:
            LOGGER.debug("Reading the clock of %s failed: %s", self._name, err)
        finally:
            self._plan(told=told)
