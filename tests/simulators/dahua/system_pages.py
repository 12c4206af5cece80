"""Identity, clock, disks, log, users of the simulated Dahua unit (dahua-cgi 5, 7)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ..webserver import Request, Response
from .device import DahuaDevice, LogEntry
from .router import Code, Router, RpcAnswer, RpcError, RpcSession, bad_request, flatten, ok, text

_DISK_BYTES = 1_495_797_858_304
_LAST_BYTES = 1_435_787_853_824
_PAGE = 100


class SystemPages:
    """Answers about the unit itself. `reboot` restarts it."""

    def __init__(self, device: DahuaDevice, reboot: Callable[[], None]) -> None:
        self._device = device
        self._reboot = reboot
        self._finds: dict[int, list[LogEntry]] = {}
        self._tokens = 16
        device.on_boot.append(self._finds.clear)

    def register(self, router: Router) -> None:
        """Add the calls."""
        for name, make in self._identity().items():
            router.cgi("magicBox.cgi", name, _page(make))
            router.rpc(f"magicBox.{name}", self._method(name, make))
        router.cgi("magicBox.cgi", "getProductDefinition", self.definition)
        router.rpc("magicBox.getProductDefinition", self.rpc_definition)
        router.cgi("magicBox.cgi", "reboot", self.restart, right="system")
        router.rpc("magicBox.reboot", self.rpc_restart, right="system")
        router.cgi("global.cgi", "getCurrentTime", self.time)
        router.cgi("global.cgi", "setCurrentTime", self.set_time, right="system")
        router.rpc("global.getCurrentTime", self.rpc_time)
        router.rpc("global.setCurrentTime", self.rpc_set_time, right="system")
        router.cgi("storageDevice.cgi", "getDeviceAllInfo", self.disks, right="config")
        router.cgi("storageDevice.cgi", "factory.getCollect", self.disk_names, right="config")
        router.rpc("storage.getDeviceAllInfo", self.rpc_disks, right="config")
        router.cgi("log.cgi", "startFind", self.start_log, right="system")
        router.cgi("log.cgi", "doFind", self.next_log, right="system")
        router.cgi("log.cgi", "stopFind", self.stop_log, right="system")
        router.cgi("IntervideoManager.cgi", "getVersion", self.interface_version)
        router.cgi("userManager.cgi", "getActiveUserInfoAll", self.active_users, right="system")
        router.cgi("upgrader.cgi", "getState", lambda _request: text("result=Invalid"), right="system")
        router.cgi("audio.cgi", "postAudio", lambda _request: ok(), right="live")

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

    def _now(self) -> str:
        faults = self._device.faults.clock
        return faults.fixed or self._device.stamp()

    def time(self, _request: Request) -> Response:
        """Answer the wall clock, which names no zone."""
        return text(f"result={self._now()}")

    async def rpc_time(self, _params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcAnswer:
        """Answer the wall clock."""
        return {"time": self._now()}

    def _set_time(self, digits: str) -> None:
        """Set the clock. Raises ValueError for what is no time."""
        device = self._device
        wanted = datetime.strptime(digits, "%Y-%m-%d %H:%M:%S").replace(tzinfo=device.clock.zone)
        device.clock.skew += wanted - device.clock.device_now()
        device.counters.writes += 1
        device.note("TimeChange", digits, user="admin")

    def set_time(self, request: Request) -> Response:
        """Set the clock; a fraction of a second is refused (dahua-cgi 2.1)."""
        try:
            self._set_time(request.query.get("time", ""))
        except ValueError:
            return bad_request()
        return ok()

    async def rpc_set_time(self, params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcAnswer:
        """Set the clock."""
        try:
            self._set_time(str(params.get("time", "")))
        except ValueError:
            raise RpcError(Code.PARAM_INVALID) from None
        return {}

    def _disks(self) -> list[dict[str, Any]] | None:
        """Return the disks; used is always total, for space is taken when a disk is made ready (dahua-cgi 7.1)."""
        device, mode = self._device, self._device.faults.storage.mode
        if mode == "none" or device.lacks("storage"):
            return None
        if mode == "missing":
            return []
        if device.is_camera:
            size = 127_865_454_592
            detail: dict[str, Any] = {"IsError": mode == "partition", "Path": "/mnt/sd", "TotalBytes": f"{size}.000000"}
            detail |= {"Type": "ReadWrite", "UsedBytes": f"{size - 262_144}.000000"}
            state = "Error" if mode == "error" else "Success"
            return [{"Detail": [detail], "LifePercent": 97, "Name": "/dev/mmc0", "SDEncryptFlag": 0, "State": state}]
        return [self._disk(index, mode) for index in range(device.firmware.disks)]

    @staticmethod
    def _disk(index: int, mode: str) -> dict[str, Any]:
        name = f"/dev/sd{chr(ord('a') + index)}"
        sizes = (_DISK_BYTES, _DISK_BYTES, _DISK_BYTES, _LAST_BYTES)
        detail = [
            {
                "IsError": mode == "partition" and index == 0 and part == 1,
                "Path": f"{name}{part}",
                "TotalBytes": f"{size}.000000",
                "Type": "ReadWrite",
                "UsedBytes": f"{size}.000000",
            }
            for part, size in enumerate(sizes)
        ]
        state = "Error" if mode == "error" and index == 0 else "Success"
        return {"Detail": detail, "HealthDataFlag": 0, "Name": name, "State": state}

    def disks(self, _request: Request) -> Response:
        """Answer all disks and their parts; a unit without any answers 400."""
        disks = self._disks()
        return bad_request() if disks is None else text(flatten(disks, "list.info"))

    def disk_names(self, _request: Request) -> Response:
        """Answer the disks' names."""
        disks = self._disks()
        return bad_request() if disks is None else text(flatten([disk["Name"] for disk in disks], "list"))

    async def rpc_disks(self, _params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcAnswer:
        """Answer all disks; sizes are numbers here."""
        disks = self._disks()
        if disks is None:
            raise RpcError(Code.NO_OBJECT)
        for disk in disks:
            for part in disk["Detail"]:
                part |= {key: float(part[key]) for key in ("TotalBytes", "UsedBytes")}
        return {"info": disks}

    def start_log(self, request: Request) -> Response:
        """Begin a search of the log; its type filter does nothing (dahua-cgi 7.3)."""
        try:
            start, end = (_moment(request.query[f"condition.{key}Time"]) for key in ("Start", "End"))
        except KeyError, ValueError:
            return bad_request()
        found = [entry for entry in self._device.log if start <= self._device.wall(entry.when) < end]
        self._tokens += 1
        self._finds[self._tokens] = found
        return text(f"token={self._tokens}")

    def next_log(self, request: Request) -> Response:
        """Answer the next page."""
        found = self._finds.get(_number(request.query.get("token")))
        if found is None:
            return bad_request()
        count = min(_number(request.query.get("count")) or _PAGE, _PAGE)
        page, found[:] = found[:count], found[count:]
        lines = [f"found={len(page)}"]
        for index, entry in enumerate(page):
            head = f"items[{index}]"
            lines += [f"{head}.Time={self._device.stamp(entry.when)}", f"{head}.User={entry.user}"]
            lines += [f"{head}.Type={entry.kind}", f"{head}.Level={entry.level}"]
            lines.append(f"{head}.Detail={'\n'.join(entry.detail)}")
        return text(lines)

    def stop_log(self, request: Request) -> Response:
        """End a search."""
        return ok() if self._finds.pop(_number(request.query.get("token")), None) is not None else bad_request()

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


def _moment(digits: str) -> datetime:
    return datetime.strptime(digits, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007


def _number(value: str | None) -> int:
    return int(value) if value and value.isdecimal() else 0
