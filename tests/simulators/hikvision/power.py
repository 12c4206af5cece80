"""The doors and the power switch of the simulated recorder (hikvision-isapi 19, item 18)."""

import asyncio
from random import Random
import time
from typing import Any, Self

from ..blackhole import Blackholes
from ..certificate import self_signed_context
from ..webserver import HttpServer
from .device import SimulatorOptions
from .unit import Unit


class PoweredUnit(Unit):
    """A recorder that listens, stops, and comes back on the same ports."""

    def __init__(self, options: SimulatorOptions | None = None, **changes: Any) -> None:
        super().__init__(options, **changes)
        self.powered = False
        self.fingerprint: str | None = None
        self._life: asyncio.Task[None] | None = None
        self._blackholes = Blackholes(self.options.host)
        self._rng = Random("life")

    @property
    def http_port(self) -> int:
        """Where ISAPI answers."""
        return self._http.port

    @property
    def https_port(self) -> int | None:
        """Where ISAPI answers by TLS."""
        return self._https.port if self._https else None

    @property
    def rtsp_port(self) -> int:
        """Where RTSP answers."""
        return self.rtsp.port

    async def __aenter__(self) -> Self:
        """Boot."""
        self._http.port = self.options.http_port
        if self.options.https_port is not None:
            self.new_certificate()
            assert self._https is not None
            self._https.port = self.options.https_port
        await self.power_on()
        self.channel_pages.warm()
        self.triggers.whole()
        if self.options.segments is not None:
            self.search.prepare()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End everything."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)
        self.maintenance.close()
        await self.power_off()
        self._blackholes.close()
        await self.push.close()
        await self.studio.aclose()

    def new_certificate(self) -> None:
        """Make a new HTTPS certificate; in force from the next power_on."""
        context, self.fingerprint = self_signed_context(self.options.host)
        port = self._https.port if self._https else 0
        self._https = HttpServer(self.gatehouse.answer, self.counters, host=self.options.host, tls=context)
        self._https.policy = self.device.faults.server
        self._https.port = port

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

    def stall(self, *, on: bool = True) -> None:
        """Stop the network: sockets stay open, no byte moves."""
        self.faults.server.stalled = on
        self.rtsp.faults.stalled = on

    def reboot(self, *, off_seconds: float | None = None, version: str | None = None) -> None:
        """Restart soon, as PUT System/reboot does; a version is what an upgrade leaves behind."""
        if self._life is None or self._life.done():
            self._life = asyncio.get_running_loop().create_task(self._restart(off_seconds, version))

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

    async def restarted(self) -> None:
        """Wait until a reboot under way is over, warm-up included."""
        if self._life is not None:
            await asyncio.shield(self._life)
