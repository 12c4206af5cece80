"""The doors and the power switch of the simulated recorder (hikvision-isapi 19, item 18)."""

import asyncio
import time
from typing import Any, Self

from .device import SimulatorOptions
from .discovery import hello_responder, sadp_responder
from .unit import Unit


class PoweredUnit(Unit):
    """A recorder that listens, stops, and comes back on the same ports."""

    def __init__(self, options: SimulatorOptions | None = None, **changes: Any) -> None:
        super().__init__(options, **changes)
        self.discovery = sadp_responder(self.device)
        self.onvif = hello_responder(self.device)

    async def __aenter__(self) -> Self:
        """Boot."""
        self._take_ports()
        await self.power_on()
        self.channel_pages.warm()
        self.triggers.whole()
        if self.options.segments is not None:
            self.search.prepare()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End everything."""
        await self._stop_restarting()
        self.maintenance.close()
        await self.power_off()
        self._blackholes.close()
        await self.push.close()
        await self.studio.aclose()

    async def power_on(self) -> None:
        """Listen on the same ports as ever; forget what a boot forgets."""
        if self.powered:
            return
        self._blackholes.close()
        await self._http.start()
        if self._https is not None:
            await self._https.start()
            self.device.https_port = self._https.port
        if self.options.rtsp:
            await self.rtsp.power_on()
        if self.options.discovery_port is not None:
            await self.discovery.start(self.options.discovery_port)
        if self.options.onvif_port is not None:
            await self.onvif.start(self.options.onvif_port)
        self.device.http_port, self.device.rtsp_port = self._http.port, self.rtsp.port
        self.powered = True

    async def power_off(self, *, blackhole: bool = False) -> None:
        """Close every socket at once. With `blackhole` connecting hangs instead of being refused."""
        if not self.powered:
            return
        self.powered = False
        self.alerts.close()
        await self._http.stop()
        if self._https is not None:
            await self._https.stop()
        self.discovery.stop()
        self.onvif.stop()
        if self.options.rtsp:
            await self.rtsp.power_off()
        self.forget()
        if blackhole:
            self._blackholes.open(self._http.port)

    def forget(self) -> None:
        """Lose what a boot loses: nonces, search handles, the count of seconds."""
        self.login.forget_nonces()
        self.search.forget()
        self.device.booted, self.device.uptime_base = time.monotonic(), 0.0
        self.device.reboots += 1

    async def _restart(self, off_seconds: float | None, version: str | None) -> None:
        scale = self.options.time_scale
        self.counters.reboots += 1
        await asyncio.sleep(self._rng.uniform(1, 3) * scale)
        await self.power_off()
        await asyncio.sleep(self._rng.uniform(60, 180) * scale if off_seconds is None else off_seconds)
        if version is not None:
            self.device.version = version
        self.gatehouse.warming_up = True
        await self.power_on()
        await asyncio.sleep(20 * scale)
        self.gatehouse.warming_up = False
