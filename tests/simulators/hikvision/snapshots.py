"""Stills of the simulated recorder: real JPEGs of the time-coded picture (hikvision-isapi 7)."""

import asyncio

from tests.simulators.video.studio import Studio

from ..webserver import Request, Response
from .device import Device
from .router import Code, Router, failure, unsupported

_FAILURES = {
    "badXmlContent": (400, Code.BAD_CONTENT, "badXmlContent"),
    "deviceError": (500, Code.DEVICE_ERROR, "deviceError"),
    "lowPrivilege": (403, Code.INVALID_OPERATION, "lowPrivilege"),
    "busy": (503, Code.BUSY, "deviceBusy"),
}


class Snapshots:
    """Answers picture requests by the direct path, by the recorder's proxy path, or by neither."""

    def __init__(self, device: Device, studio: Studio) -> None:
        self._device = device
        self._studio = studio

    def register(self, router: Router) -> None:
        """Add the paths."""
        router.add("GET", "/ISAPI/Streaming/channels/*/picture", self.direct, right="live", cost="snapshot")
        path = "/ISAPI/ContentMgmt/StreamingProxy/channels/*/picture"
        router.add("GET", path, self.proxied, right="live", cost="snapshot")
        router.add("GET", "/Streaming/channels/*/picture", self.direct, right="live", cost="snapshot")

    async def direct(self, request: Request, argument: str) -> Response:
        """Answer the plain path; some recorders send to the proxy path, but for their own inputs."""
        faults = self._device.faults.snapshot
        by_proxy = self._device.firmware.snapshot_by_proxy if faults.by_proxy is None else faults.by_proxy
        if by_proxy and not self._is_own(argument):
            status = 200 if faults.as_ok else 400
            return failure(self._device, request, status, Code.BAD_CONTENT, "badXmlContent")
        return await self._picture(request, argument)

    async def proxied(self, request: Request, argument: str) -> Response:
        """Answer the recorder's proxy path."""
        if self._device.is_camera or self._is_own(argument):
            return unsupported(self._device, request)
        return await self._picture(request, argument)

    def _is_own(self, argument: str) -> bool:
        channel = self._device.channels.get(int(argument) // 100) if argument.isdecimal() else None
        return channel is not None and channel.analog

    async def _picture(self, request: Request, argument: str) -> Response:
        device, faults = self._device, self._device.faults.snapshot
        device.counters.snapshots += 1
        if faults.latency_ms:
            await asyncio.sleep(faults.latency_ms / 1000)
        mode = faults.mode
        if faults.count and mode != "ok":
            faults.count -= 1
            if faults.count == 0:
                faults.mode = "ok"
        if mode in _FAILURES:
            status, code, sub = _FAILURES[mode]
            return failure(device, request, 200 if faults.as_ok else status, code, sub)
        if mode == "empty":
            return Response(200, b"", "image/jpeg")
        if mode == "garbage":
            return Response(200, b"\x00" * 512, "image/jpeg")
        if faults.refuse_query and request.query:
            return failure(device, request, 400, Code.BAD_CONTENT, "badParameters")
        stream_id = int(argument) if argument.isdecimal() else 0
        if device.is_camera and stream_id < 100:
            stream_id = 100 * max(1, stream_id) + 1
        found = device.stream(stream_id)
        if found is None:
            return unsupported(device, request)
        channel, settings = found
        if not channel.online:
            return failure(device, request, 500, Code.DEVICE_ERROR, "deviceError")
        width, height = self._size(request, settings.width, settings.height)
        picture = await self._studio.jpeg(channel.number, width=width, height=height)
        return Response(200, picture, "image/jpeg")

    @staticmethod
    def _size(request: Request, width: int, height: int) -> tuple[int, int]:
        """Return the asked size, rounded to what the encoder can do."""
        try:
            width = int(request.query.get("videoResolutionWidth", width))
            height = int(request.query.get("videoResolutionHeight", height))
        except ValueError:
            return width, height
        return max(160, min(1920, width)) // 16 * 16, max(90, min(1088, height)) // 2 * 2
