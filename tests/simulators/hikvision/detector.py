"""The recorder's own analytics: what moves through the pictures is told as it happens."""

import asyncio
from datetime import timedelta

from tests.simulators.footage import Incident, Kind

from .simulator import HikvisionSimulator

_PERIOD = 0.5
_TARGETS = {"person": "human", "car": "vehicle"}


class Detector:
    """Compares the pictures of all channels with those of half a second before; runs until cancelled."""

    def __init__(self, simulator: HikvisionSimulator) -> None:
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
        for number, channel in self._simulator.device.channels.items():
            running = self._simulator.footage.incidents(number, now, now + timedelta(milliseconds=1))
            current = running[0] if running and channel.online else None
            last = self._seen.get(number)
            if current == last:
                continue
            if last is not None:
                self._end(last)
            if current is None:
                self._seen.pop(number, None)
            else:
                self._seen[number] = current
                self._begin(current)

    def _begin(self, incident: Incident) -> None:
        target = _TARGETS.get(incident.subject)
        self._simulator.motion(incident.channel, target=target)
        if incident.kind is Kind.SMART:
            self._simulator.emit("fielddetection", incident.channel, region=1, target=target or "others")

    def _end(self, incident: Incident) -> None:
        self._simulator.motion(incident.channel, on=False)
        if incident.kind is Kind.SMART:
            self._simulator.emit("fielddetection", incident.channel, state="inactive", count=0)
