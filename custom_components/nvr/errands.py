"""Pieces of work in the background of one entry, at most one of each name."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from .behalf import for_nobody


class Errands:
    """What runs in the background for one entry, ended with it."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
        """Run nothing yet."""
        self._hass = hass
        self._entry = entry
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    @callback
    def run[T](self, name: str, work: Coroutine[Any, Any, T]) -> bool:
        """Run the work, unless the same is running; tells whether it was begun."""
        running = self._tasks.get(name)
        if running is not None and not running.done():
            work.close()
            return False
        with for_nobody():
            self._tasks[name] = self._entry.async_create_background_task(
                self._hass, work, f"nvr {name} {self._entry.entry_id}"
            )
        return True

    @callback
    def cancel(self, name: str) -> None:
        """End one, but never the one that asks for it."""
        task = self._tasks.get(name)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def close(self) -> None:
        """End all, and wait for it."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
