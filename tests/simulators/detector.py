"""A recorder's own analytics: what moves through the pictures is told as it happens."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

from .footage import Footage, Incident

_PERIOD = 0.5


class Watched(Protocol):
    """A simulated recorder that can tell of incidents."""

    powered: bool

    @property
    def footage(self) -> Footage: ...
    def now(self) -> datetime:
        """Return true time."""

    def seeing(self) -> Iterable[int]:
        """Return the channels that have a picture now."""

    def tell(self, incident: Incident, *, on: bool) -> None:
        """Tell that an incident begins or ends."""


class Detector:
    """Compares the pictures of all channels with those of half a second before; runs until cancelled."""

    def __init__(self, simulator: Watched) -> None:
        self._simulator = simulator
        self._seen: dict[int, Incident] = {}

    async def run(self) -> None:
        """Look and tell."""
        while True:
            if self._simulator.powered:
                self.look()
            await asyncio.sleep(_PERIOD)

    def look(self) -> None:
        """Tell what has begun and what has ended since the last time."""
        now = self._simulator.now()
        seeing = set(self._simulator.seeing())
        for number in sorted(seeing | set(self._seen)):
            running = self._simulator.footage.incidents(number, now, now + timedelta(milliseconds=1))
            current = running[0] if running and number in seeing else None
            last = self._seen.get(number)
            if current == last:
                continue
            if last is not None:
                self._simulator.tell(last, on=False)
            if current is None:
                self._seen.pop(number, None)
            else:
                self._seen[number] = current
                self._simulator.tell(current, on=True)
