"""Everything that plays with the login of one recorder, so that it can be ended at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .shared import NvrShared


class Streams:
    """The running streams of one recorder: Home Assistant's, which retry on their own, and playback."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], shared: NvrShared) -> None:
        self._hass = hass
        self._entry = entry
        self._shared = shared
        self._stops: set[Callable[[], Awaitable[None]]] = set()

    @callback
    def async_add(self, stop: Callable[[], Awaitable[None]]) -> CALLBACK_TYPE:
        """Call `stop` when the login may no longer be used."""
        self._stops.add(stop)
        return lambda: self._stops.discard(stop)

    async def async_stop(self) -> None:
        """Stop all of them."""
        stops = [stop() for stop in self._stops]
        await asyncio.gather(*stops, self._shared.async_close_playback(self._entry.entry_id), return_exceptions=True)

    @callback
    def async_locked(self) -> None:
        """The recorder has locked the login: who sends it now makes the lock longer."""
        self._entry.async_create_background_task(self._hass, self.async_stop(), f"nvr streams {self._entry.entry_id}")

    @callback
    def async_refused(self) -> None:
        """The recorder refused the login: let nobody send it again, and ask for another one."""
        self.async_locked()
        if self._entry.state is ConfigEntryState.LOADED:
            self._entry.async_start_reauth(self._hass)
