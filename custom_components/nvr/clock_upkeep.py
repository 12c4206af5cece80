"""Reads the clock of a recorder anew from time to time; nothing depends on the moment."""

import time
from typing import Final

from .const import LOGGER
from .core.driver import Driver
from .core.errors import NvrError

_INTERVAL: Final = 3600.0


class ClockUpkeep:
    """When the clock was read last, and when it is time again."""

    def __init__(self, driver: Driver, name: str) -> None:
        """`name` is what the log calls the recorder."""
        self._driver = driver
        self._name = name
        self._read_at = 0.0

    def was_read(self) -> None:
        """Take note that a connect has just read it."""
        self._read_at = time.monotonic()

    async def async_read(self) -> None:
        """Read it, if it is time; a failure waits for the next time."""
        clock = self._driver.clock
        if clock is None or time.monotonic() - self._read_at < _INTERVAL:
            return
        self.was_read()
        try:
            await clock.read()
        except NvrError as err:
            LOGGER.debug("Reading the clock of %s failed: %s", self._name, err)
