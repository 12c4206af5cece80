"""Alarm inputs that were active before the event stream could tell: a door that stands open while everything starts."""

import asyncio
from typing import Final

from homeassistant.core import callback

from .const import LOGGER
from .core.errors import NvrError, NvrUnsupportedError
from .core.models import EventKind, EventStreamState
from .hub import NvrHub

# Seconds: after the set-up, whose requests are few; between two looks at whether there is something to ask; and for how
# long an input may be on before it is asked for again, for not all firmware tells when one is off.
FIRST: Final = 20.0
LOOK: Final = 5.0
AGAIN: Final = 300.0


class InputWatch:
    """Asks how the inputs of one recorder are, whenever the event stream was made anew, and while one is on."""

    def __init__(self, hub: NvrHub) -> None:
        """Ask nothing before `async_run`."""
        self._hub = hub
        self._stale = True
        self._asked_at = float("-inf")

    async def async_run(self) -> None:
        """Look after them until cancelled; a recorder without inputs is asked once."""
        leave = self._hub.changed.async_subscribe(self._changed)
        try:
            pause, there = FIRST, True
            while there:
                await asyncio.sleep(pause)
                pause, there = LOOK, await self._look()
        finally:
            leave()

    @callback
    def _changed(self) -> None:
        if self._hub.link.stream_state is not EventStreamState.ALIVE:
            self._stale = True

    async def _look(self) -> bool:
        """Ask, if it is time to; False where there is nothing to ask for."""
        hub, now = self._hub, asyncio.get_running_loop().time()
        source = hub.driver.events
        if source is None or not hub.online or not hub.link.connected:
            return True
        if hub.link.stream_state is not EventStreamState.ALIVE or not (self._stale or self._is_due(now)):
            return True
        self._asked_at, self._stale = now, False
        try:
            await hub.link.async_prove()
            begun = await source.inputs()
            await hub.link.async_prove()
        except NvrUnsupportedError:
            return False
        except NvrError as err:
            LOGGER.debug("Looking at the alarm inputs of %s failed: %s", hub.name, err)
            return True
        for event in begun:
            hub.fanout.async_assume(event)
        return True

    def _is_due(self, now: float) -> bool:
        is_on = any(kind is EventKind.IO_INPUT for _, kind, _ in self._hub.fanout.active)
        return is_on and now - self._asked_at >= AGAIN
