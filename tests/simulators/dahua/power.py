"""The doors and the power switch of the simulated Dahua unit (dahua-cgi 19, items 1, 18 and 22)."""

import asyncio
import time
from typing import Any, Self

from .device import SimulatorOptions
from .discovery import dhdiscover_responder, hello_responder
from .unit import Unit

# How long a Lorex camera is away after anybody asked for its sound (dahua-cgi 5.1).
_AUDIO_OUTAGE = 105.0
_REBOOT = 40.0


class PoweredUnit(Unit):
    """A unit that listens, stops, and comes back on the same ports."""

    def __init__(self, options: SimulatorOptions | None = None, **changes: Any) -> None:
        super().__init__(options, **changes)
        self.discovery = dhdiscover_responder(self.device)
        self.onvif = hello_responder(self.device)
        self.gatehouse.on_audio = self._audio_touched

    async def __aenter__(self) -> Self:
        """Boot."""
        self._take_ports()
        await self.power_on()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End everything."""
        await self._stop_restarting()
        await self.power_off()
        self._blackholes.close()
        await self.studio.aclose()

    async def power_on(self) -> None:
        """Listen on the same ports as ever."""
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
        """Close every socket at once and lose what a boot loses. With `blackhole` connecting hangs."""
        if not self.powered:
            return
        self.powered = False
        await self._http.stop()
        if self._https is not None:
            await self._https.stop()
        self.discovery.stop()
        self.onvif.stop()
        if self.options.rtsp:
            await self.rtsp.power_off()
        for forget in self.device.on_boot:
            forget()
        self.device.booted = time.monotonic()
        self.device.reboots += 1
        if blackhole:
            self._blackholes.open(self._http.port)

    async def _restart(self, off_seconds: float | None, version: str | None) -> None:
        scale = self.options.time_scale
        self.counters.reboots += 1
        await asyncio.sleep(self._rng.uniform(0.5, 1.5) * scale)
        await self.power_off()
        await asyncio.sleep(_REBOOT * scale if off_seconds is None else off_seconds)
        if version is not None:
            self.device.version = version
        await self.power_on()
        self.device.note("Reboot")

    def _audio_touched(self) -> None:
        """Go away for the time such a unit needs after a question for sound."""
        if self.device.firmware.lorex_audio:
            self.counters.audio_outages += 1
            self.reboot(off_seconds=_AUDIO_OUTAGE * self.options.time_scale)
