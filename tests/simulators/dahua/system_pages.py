"""Identity, users and odds and ends of the simulated Dahua unit (dahua-cgi 5, 7.4)."""

from collections.abc import Callable
import time
from typing import Any

from ..webserver import Request, Response
from .device import DahuaDevice
from .router import Code, Router, RpcAnswer, RpcError, RpcHandler, RpcSession, bad_request, flatten, ok, text

_MEMORY_BYTES = 274_636_800
_BEFORE_SECONDS = 273_365


class SystemPages:
    """Answers about the unit itself. `reboot` restarts it."""

    def __init__(self, device: DahuaDevice, reboot: Callable[[], None]) -> None:
        self._device = device
        self._reboot = reboot

    def register(self, router: Router) -> None:
        """Add the calls."""
        for name, make in self._identity().items():
            router.cgi("magicBox.cgi", name, _page(make))
            router.rpc(f"magicBox.{name}", self._method(name, make))
        for name, tell in self._health().items():
            if name in self._device.firmware.health:
                router.rpc(f"magicBox.{name}", tell)
        router.cgi("magicBox.cgi", "getProductDefinition", self.definition)
        router.rpc("magicBox.getProductDefinition", self.rpc_definition)
        router.cgi("magicBox.cgi", "reboot", self.restart, right="system")
        router.rpc("magicBox.reboot", self.rpc_restart, right="system")
        router.cgi("IntervideoManager.cgi", "getVersion", self.interface_version)
        router.cgi("userManager.cgi", "getActiveUserInfoAll", self.active_users, right="system")
        router.cgi("upgrader.cgi", "getState", lambda _request: text("result=Invalid"), right="system")
        if not self._device.is_camera:
            router.rpc("CloudUpgrader.getState", self.upgrade_state, right="system")
            router.rpc("CloudUpgrader.check", self.upgrade_check, right="system")

    def _identity(self) -> dict[str, Callable[[], dict[str, Any]]]:
        device, firmware = self._device, self._device.firmware
        return {
            "getSystemInfo": self._system_info,
            "getDeviceType": lambda: {"type": firmware.device_type if firmware.device_type != "31" else firmware.model},
            "getDeviceClass": lambda: {"class": firmware.kind.value},
            "getSerialNo": lambda: {"sn": device.serial},
            "getSoftwareVersion": self._software,
            "getHardwareVersion": lambda: {"version": "V1.0"},
            "getMachineName": lambda: {"name": device.name},
            "getVendor": lambda: {"vendor": firmware.vendor},
        }

    def _health(self) -> dict[str, RpcHandler]:
        device = self._device

        async def uptime(_params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcAnswer:
            seconds = max(1, round(time.monotonic() - device.booted))
            return {"info": {"Last": seconds, "Total": _BEFORE_SECONDS + seconds}}

        async def memory(_params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcAnswer:
            used = min(_MEMORY_BYTES, _MEMORY_BYTES // 2 + device.counters.active * 1_048_576)
            return {"free": float(_MEMORY_BYTES - used), "total": float(_MEMORY_BYTES)}

        async def load(params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcAnswer:
            if params.get("index") != 0:
                raise RpcError(Code.PARAM_INVALID)
            return {"usage": min(100, 5 + 10 * device.counters.active)}

        return {"getUpTime": uptime, "getMemoryInfo": memory, "getCPUUsage": load}

    def _system_info(self) -> dict[str, Any]:
        device, firmware = self._device, self._device.firmware
        known: dict[str, Any] = {"appAutoStart": True, "deviceType": firmware.device_type, "hardwareVersion": "1.00"}
        known |= {"processor": firmware.processor, "serialNumber": device.serial}
        return known | {"updateSerial": firmware.model}

    def _software(self) -> dict[str, Any]:
        device = self._device
        if device.firmware.two_line_version:
            return {"version": device.version, "BuildDate": device.build}
        return {"version": f"{device.version},build:{device.build}"}

    def _method(self, name: str, make: Callable[[], dict[str, Any]]) -> Any:
        device = self._device

        async def answer(_params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcAnswer:
            if name == "getSoftwareVersion":
                known = {"Build": device.build.replace("-", ""), "BuildDate": device.build, "Version": device.version}
                return {"version": known | {"SecurityBaseLineVersion": "V2.1", "WebVersion": "V3.2.1"}}
            values = make()
            return {"type": values["class"]} if name == "getDeviceClass" else values

        return answer

    def _definitions(self) -> dict[str, Any]:
        device = self._device
        analog = device.firmware.analog or (1 if device.is_camera else 0)
        return {
            "MaxExtraStream": 2,
            "MaxRemoteInputChannels": 0 if device.is_camera else len(device.channels) - device.firmware.analog,
            "VideoInChannels": analog,
        }

    async def upgrade_state(self, _params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcAnswer:
        """Answer that no upgrade is under way."""
        return {"Progress": 0, "State": "Invalid"}

    async def upgrade_check(self, params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcAnswer:
        """Answer what the maker's server has, as if it had been asked."""
        device = self._device
        if params.get("way") != 0:
            raise RpcError(Code.PARAM_INVALID)
        device.maker_asked += 1
        old = f"{device.version},build:{device.build}"
        if device.new_version is None:
            return {"State": "None", "OldVersion": old, "NewVersion": ""}
        news = {"NewVersion": device.new_version, "Attention": "Mends the event list.", "PackageId": "7"}
        return {"State": "Regular", "OldVersion": old, **news}

    def definition(self, request: Request) -> Response:
        """Answer one number of the product."""
        name = request.query.get("name", "")
        known = self._definitions()
        return text(f"table.{name}={known[name]}") if name in known else bad_request()

    async def rpc_definition(self, params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcAnswer:
        """Answer one number of the product."""
        known = self._definitions()
        if params.get("name") not in known:
            raise RpcError(Code.NOT_SET, "Component error: not set!")
        return {"definition": known[str(params["name"])]}

    def restart(self, _request: Request) -> Response:
        """Restart soon."""
        self._reboot()
        return ok()

    async def rpc_restart(self, _params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcAnswer:
        """Restart soon."""
        self._reboot()
        return {}

    def interface_version(self, request: Request) -> Response:
        """Answer the versions of interfaces."""
        versions = {"CGI": "1.40", "Onvif": "21.12"}
        name = request.query.get("Name", "")
        return text(f"version={versions[name]}") if name in versions else bad_request()

    def active_users(self, request: Request) -> Response:
        """Answer who is logged in now."""
        line = {"Address": request.peer, "ClientType": "CGI", "Name": request.user}
        return text(flatten([line], "users"))


def _page(make: Callable[[], dict[str, Any]]) -> Callable[[Request], Response]:
    return lambda _request: text(flatten(make(), ""))
