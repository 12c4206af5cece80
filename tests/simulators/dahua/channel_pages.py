"""Channels and stills of the simulated Dahua unit: LogicDeviceManager, inputs, snapshot.cgi (dahua-cgi 6, 8.3)."""

import asyncio
import json
from typing import Any

from ..webserver import Request, Response
from .device import DahuaDevice, SimChannel
from .firmware import Slot
from .router import Code, Router, RpcAnswer, RpcError, RpcReply, RpcSession, bad_request, flatten, text

_COMPOSE = 48
_MANAGER = "LogicDeviceManager"


class ChannelPages:
    """Answers about channels."""

    def __init__(self, device: DahuaDevice) -> None:
        self._device = device

    def register(self, router: Router) -> None:
        """Add the calls."""
        router.rpc(f"{_MANAGER}.factory.instance", self.instance, right="config")
        router.rpc(f"{_MANAGER}.getCameraAll", self.rpc_all, right="config")
        router.rpc(f"{_MANAGER}.getCameraState", self.rpc_state, right="config")
        router.rpc("recordManager.getState", self.rpc_recording, right="config")
        if not self._device.is_camera:
            router.cgi(f"{_MANAGER}.cgi", "getCameraAll", self.cgi_all, right="config")
            for suffix in ("", ".cgi"):
                path = f"/cgi-bin/api/{_MANAGER}/getCameraState{suffix}"
                router.path("POST", path, self.api_state, right="config")
        router.cgi("devVideoInput.cgi", "getCollect", self.collect)
        router.cgi("devVideoInput.cgi", "getCaps", self.caps)

    def _cameras(self) -> list[dict[str, Any]]:
        """Return every slot, and the picture that is put together of others, as if it were a camera."""
        entries = [self._camera(channel) for channel in self._device.listed()]
        if not self._device.is_camera:
            entries.append({"Enable": True, "Type": "Compose", "UniqueChannel": _COMPOSE})
        return entries

    @staticmethod
    def _camera(channel: SimChannel) -> dict[str, Any]:
        info: dict[str, Any] = {}
        if channel.slot is Slot.ANALOG:
            return {"DeviceID": "Local", "Enable": True, "Type": "Local", "UniqueChannel": channel.index}
        if channel.slot is not Slot.EMPTY:
            info = {"Address": channel.address, "DeviceType": channel.model, "Mac": channel.mac, "Port": 37777}
            info["ProtocolType"] = "Onvif" if channel.slot is Slot.ONVIF else "Private"
            info |= {"SerialNo": channel.serial, "VideoInputs": [{"Name": channel.title}]}
        return {"DeviceInfo": info, "Enable": bool(info), "Type": "Remote", "UniqueChannel": channel.index}

    def _states(self) -> list[dict[str, Any]]:
        faults = self._device.faults.channels
        ragged = (faults.state or self._device.firmware.camera_state) == "ragged"
        states = []
        for channel in self._device.listed():
            if channel.slot is Slot.EMPTY:
                word = "Empty"
            else:
                word = faults.connected_word if channel.wired and channel.online else "Unconnect"
            entry: dict[str, Any] = {"channel": channel.index, "connectionState": word}
            if ragged and word == "Empty":
                del entry["connectionState"]
            states.append(entry)
        return states

    async def instance(self, _params: dict[str, Any], _object: int | None, session: RpcSession) -> RpcAnswer:
        """Give a handle on the manager."""
        return RpcReply(session.add(_MANAGER))

    def _needs(self, target: int | None, session: RpcSession) -> None:
        """Insist on a handle, where the firmware does."""
        if self._device.faults.channels.needs_instance and session.objects.get(target or 0) != _MANAGER:
            raise RpcError(Code.NO_OBJECT)

    async def rpc_all(self, _params: dict[str, Any], target: int | None, session: RpcSession) -> RpcAnswer:
        """Answer every slot."""
        self._needs(target, session)
        return {"camera": self._cameras()}

    async def rpc_state(self, params: dict[str, Any], target: int | None, session: RpcSession) -> RpcAnswer:
        """Answer who is connected; -1 asks for all."""
        self._needs(target, session)
        return {"states": self._asked(params)}

    def _asked(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = params.get("uniqueChannels")
        if not isinstance(wanted, list):
            raise RpcError(Code.PARAM_INVALID)
        return [state for state in self._states() if -1 in wanted or state["channel"] in wanted]

    async def rpc_recording(self, params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcAnswer:
        """Answer whether a channel records now."""
        channel = self._device.channels.get(int(params.get("channel", -1)) + 1)
        if channel is None:
            raise RpcError(Code.PARAM_INVALID)
        return {"state": self._device.footage.recording(channel.number)}

    def cgi_all(self, _request: Request) -> Response:
        """Answer every slot as lines."""
        if self._device.lacks(f"{_MANAGER}.getCameraAll"):
            return bad_request()
        return text(flatten(self._cameras(), "camera"))

    def api_state(self, request: Request) -> Response:
        """Answer who is connected, by a JSON body."""
        if self._device.lacks(_MANAGER, f"{_MANAGER}.getCameraState"):
            return bad_request()
        try:
            states = self._asked(json.loads(request.body))
        except ValueError, AttributeError, RpcError:
            return bad_request()
        return Response(200, json.dumps({"states": states}).encode(), "application/json")

    def collect(self, _request: Request) -> Response:
        """Answer how many video inputs there are."""
        return text(f"result={len(self._device.channels)}")

    def caps(self, request: Request) -> Response:
        """Answer what an input can do; inputs count from 1 here (dahua-cgi 4)."""
        number = request.query.get("channel", "1")
        if not number.isdecimal() or int(number) not in self._device.channels:
            return bad_request()
        return text(["caps.CoverCount=4", "caps.CoverType=1", "caps.MaxHeight=2160", "caps.MaxWidth=3840"])


class Snapshots:
    """Stills: real JPEGs of the time-coded picture, one at a time."""

    def __init__(self, device: DahuaDevice) -> None:
        self._device = device
        self._turn = asyncio.Lock()

    def register(self, router: Router) -> None:
        """Add the call."""
        router.cgi("snapshot.cgi", "", self.picture, right="live")

    async def picture(self, request: Request) -> Response:
        """Answer a still of a channel that is live, else 400."""
        device, counters = self._device, self._device.counters
        counters.snapshots += 1
        counters.snapshots_active += 1
        counters.max_snapshots_active = max(counters.max_snapshots_active, counters.snapshots_active)
        try:
            async with self._turn:
                await asyncio.sleep(device.faults.load.snapshot_ms / 1000)
                return await self._picture(request)
        finally:
            counters.snapshots_active -= 1

    async def _picture(self, request: Request) -> Response:
        device, faults = self._device, self._device.faults.snapshot
        mode = faults.mode
        if faults.count and mode != "ok":
            faults.count -= 1
            if faults.count == 0:
                faults.mode = "ok"
        asked = request.query.get("channel", str(faults.base))
        if asked == "0" and faults.zero_too:
            asked = str(faults.base)
        channel = device.channels.get(int(asked) + 1 - faults.base) if asked.isdecimal() else None
        if mode == "400" or channel is None or not channel.live:
            return bad_request()
        if mode == "empty":
            return Response(200, b"", "image/jpeg")
        if mode == "garbage":
            return Response(200, b"\x00" * 512, "image/jpeg")
        main = channel.streams[0]
        picture = await device.studio.jpeg(channel.number, width=min(1920, main.width), height=min(1088, main.height))
        if mode in {"short", "held"}:
            return Response(200, picture, "image/jpeg", length=len(picture) + 512, close=mode == "short")
        return Response(200, picture, "image/jpeg")
