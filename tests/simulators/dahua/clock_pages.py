"""The clock of the simulated Dahua unit (dahua-cgi 7.2; 19, item 17)."""

from datetime import datetime
from typing import Any

from ..webserver import Request, Response
from .device import DahuaDevice
from .router import Code, Router, RpcAnswer, RpcError, RpcSession, bad_request, ok, text


class ClockPages:
    """Tells and sets the wall clock."""

    def __init__(self, device: DahuaDevice) -> None:
        self._device = device

    def register(self, router: Router) -> None:
        """Add the calls."""
        router.cgi("global.cgi", "getCurrentTime", self.time)
        router.cgi("global.cgi", "setCurrentTime", self.set_time, right="system")
        router.rpc("global.getCurrentTime", self.rpc_time)
        router.rpc("global.setCurrentTime", self.rpc_set_time, right="system")

    def time(self, _request: Request) -> Response:
        """Answer the wall clock, which names no zone."""
        return text(f"result={self._now()}")

    async def rpc_time(self, _params: dict[str, Any], _object: int | None, _session: RpcSession) -> RpcAnswer:
        """Answer the wall clock."""
        return {"time": self._now()}

    def _now(self) -> str:
        faults = self._device.faults.clock
        return faults.fixed or self._device.stamp()

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
