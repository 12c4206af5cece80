"""Disks of the simulated Dahua unit (dahua-cgi 7.1; 19, item 20)."""

from typing import Any

from ..webserver import Request, Response
from .device import DahuaDevice
from .router import Code, Router, RpcAnswer, RpcError, RpcSession, bad_request, flatten, text

_DISK_BYTES = 1_495_797_858_304
_LAST_BYTES = 1_435_787_853_824


class StoragePages:
    """Answers about disks."""

    def __init__(self, device: DahuaDevice) -> None:
        self._device = device

    def register(self, router: Router) -> None:
        """Add the calls."""
        router.cgi("storageDevice.cgi", "getDeviceAllInfo", self.disks, right="config")
        router.cgi("storageDevice.cgi", "factory.getCollect", self.disk_names, right="config")
        router.rpc("storage.getDeviceAllInfo", self.rpc_disks, right="config")

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
