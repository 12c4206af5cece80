"""Reboot and upgrade of the simulated recorder (hikvision-isapi 4.5; 19, item 18)."""

import asyncio
from typing import Protocol

from ..webserver import Request, Response
from .device import Device
from .router import Code, Router, done, failure, xml
from .xmlout import el, fields


class Rebooting(Protocol):
    """What restarts the unit."""

    def __call__(self, *, off_seconds: float | None = None, version: str | None = None) -> None:
        """Restart soon."""


class Maintenance:
    """Reboots when asked, and takes any file for a firmware."""

    def __init__(self, device: Device, reboot: Rebooting) -> None:
        self._device = device
        self._restart = reboot
        self.percent: int | None = None
        self.next_version = "V4.84.020"
        self._task: asyncio.Task[None] | None = None

    def register(self, router: Router) -> None:
        """Add the paths."""
        router.add("PUT", "/ISAPI/System/reboot", self.reboot, right="parameters")
        router.add("PUT|POST", "/ISAPI/System/updateFirmware", self.update, right="parameters")
        router.add("GET", "/ISAPI/System/upgradeStatus", self.status, right="parameters")
        router.add("GET", "/ISAPI/System/onlineUpgrade/capabilities", self.online, right="parameters")

    def close(self) -> None:
        """Give up an upgrade under way."""
        if self._task is not None:
            self._task.cancel()

    def reboot(self, request: Request, _argument: str) -> Response:
        """Answer first, go down a moment later."""
        self._restart()
        return done(self._device, request)

    def update(self, request: Request, _argument: str) -> Response:
        """Begin an upgrade; one at a time."""
        if self.percent is not None:
            return failure(self._device, request, 503, Code.BUSY, "upgrading")
        self.percent = 0
        self._task = asyncio.get_running_loop().create_task(self._upgrade())
        return done(self._device, request)

    async def _upgrade(self) -> None:
        step = 3.0 * self._device.options.time_scale
        for percent in range(0, 101, 5):
            self.percent = percent
            await asyncio.sleep(step)
        self._restart(version=self.next_version)
        self.percent = None

    def status(self, _request: Request, _argument: str) -> Response:
        """Answer how far an upgrade is."""
        parts = fields(upgrading=self.percent is not None, percent=self.percent or 0)
        return xml(self._device, el("upgradeStatus", parts))

    def online(self, request: Request, _argument: str) -> Response:
        """Refuse: no unit here upgrades by itself."""
        text = "SW_ONLINE_UPGRADE_SUP not support."
        return failure(self._device, request, 403, Code.INVALID_OPERATION, "notSupport", description=text)
