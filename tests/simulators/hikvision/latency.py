"""How long the simulated recorder takes (hikvision-isapi 19, items 5 and 6)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from .device import Device

# Milliseconds, from-to, of a real unit.
_TABLE: dict[str, tuple[float, float]] = {
    "fast": (15, 40),
    "capabilities": (80, 300),
    "proxies": (50, 200),
    "tracks": (100, 400),
    "triggers": (100, 400),
    "alerts": (15, 40),
    "search": (100, 800),
    "snapshot": (150, 700),
    "download": (300, 2000),
}
_PER_CHANNEL = (15.0, 45.0)
_SMALL = 0.02


class BusyError(Exception):
    """No worker became free in time."""


class Load:
    """The web server's workers, and how long each request keeps one."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._rng = Random("latency")
        self._busy = 0
        self._freed = asyncio.Condition()

    def seconds(self, cost: str) -> float:
        """Return how long a request of this cost takes."""
        load = self._device.faults.load
        if load.latency_ms is not None:
            return load.latency_ms * load.scale / 1000
        low, high = _TABLE.get(cost, _TABLE["fast"])
        if cost == "streams":
            low, high = (bound * len(self._device.channels) for bound in _PER_CHANNEL)
        value = self._rng.uniform(low, high) * load.scale * (1.0 if load.real else _SMALL)
        if load.spikes and self._rng.random() < load.spikes:
            value *= 10
        return value / 1000

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        """Keep one worker. Raises BusyError when none becomes free within the recorder's patience."""
        load, counters = self._device.faults.load, self._device.counters
        if load.busy:
            raise BusyError
        async with self._freed:
            try:
                async with asyncio.timeout(load.wait):
                    await self._freed.wait_for(lambda: self._busy < load.workers)
            except TimeoutError:
                raise BusyError from None
            self._busy += 1
        counters.active = self._busy
        counters.max_active = max(counters.max_active, self._busy)
        try:
            yield
        finally:
            self._busy -= 1
            counters.active = self._busy
            async with self._freed:
                self._freed.notify()
