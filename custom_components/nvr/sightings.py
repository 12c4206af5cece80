"""What a recorder told while Home Assistant ran, for answers to "when was somebody there?": in memory, and not much.

Many recorders keep no list of what they detected. Nothing is kept before the user lets voice assistants ask.
"""

from collections import deque
from datetime import datetime
from typing import Any, Final, NamedTuple

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Context, callback
from homeassistant.util import dt as dt_util

from .const import CONF_ASSIST
from .core.models import DetectionTarget, EventKind, EventPhase, NvrEvent
from .hub import NvrHub

# How many of each channel are kept: an answer names 20 at most.
MOST: Final = 100


class Sighting(NamedTuple):
    """Something that was told: `at` is UTC."""

    at: datetime
    kind: EventKind
    target: DetectionTarget | None
    plate: str | None


class Sightings:
    """What one recorder told of its channels lately."""

    def __init__(self, entry: ConfigEntry[Any], hub: NvrHub) -> None:
        """Listen from now on, until the entry is unloaded."""
        self._entry = entry
        self._since: datetime | None = dt_util.utcnow() if entry.options.get(CONF_ASSIST) else None
        self._kept: dict[int, deque[Sighting]] = {}
        entry.async_on_unload(hub.fanout.async_add_listener(self._take))

    def since(self, number: int) -> datetime | None:
        """Return from when on nothing that was told of a channel is missing; None where nothing is kept yet."""
        kept = self._kept.get(number)
        return kept[0].at if kept is not None and len(kept) == MOST else self._since

    def of(self, number: int) -> list[Sighting]:
        """Return what was told of a channel, oldest first."""
        return sorted(self._kept.get(number, ()), key=lambda sighting: sighting.at)

    @callback
    def _take(self, event: NvrEvent, _context: Context) -> None:
        if not self._entry.options.get(CONF_ASSIST):
            self._since = None
            self._kept.clear()
            return
        if self._since is None:
            self._since = event.received_at
        if event.channel is None or event.phase is EventPhase.STOP:
            return
        kept = self._kept.setdefault(event.channel, deque(maxlen=MOST))
        kept.append(Sighting(event.occurred_at, event.kind, event.target, event.plate))
