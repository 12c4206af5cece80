"""coaxialControlIO.cgi of the simulated Dahua unit: white light and siren of cameras that have them (dahua-cgi 13)."""

from ..webserver import Request, Response
from .device import DahuaDevice
from .router import Router, bad_request, ok, text

_KINDS = {"1": "WhiteLight", "2": "Speaker"}


class CoaxialPages:
    """Light and siren; channels count from 1 here. `on` holds what is on, by channel and name."""

    def __init__(self, device: DahuaDevice) -> None:
        self._device = device
        self.on: set[tuple[int, str]] = set()

    def register(self, router: Router) -> None:
        """Add the calls, where the firmware passes them on."""
        if not self._device.firmware.coaxial:
            return
        router.cgi("coaxialControlIO.cgi", "getStatus", self.status, right="live")
        router.cgi("coaxialControlIO.cgi", "control", self.control, right="live")

    def _channel(self, request: Request) -> int | None:
        """Return the channel if its camera has light and siren, as its model tells."""
        number = request.query.get("channel", "")
        channel = self._device.channels.get(int(number)) if number.isdecimal() else None
        if channel is None or not channel.live:
            return None
        return channel.number if channel.model.endswith("-PV") else None

    def status(self, request: Request) -> Response:
        """Answer what is on."""
        number = self._channel(request)
        if number is None:
            return bad_request()
        words = [(name, "On" if (number, name) in self.on else "Off") for name in ("Speaker", "WhiteLight")]
        return text([f"status.status.{name}={word}" for name, word in words])

    def control(self, request: Request) -> Response:
        """Switch one of them."""
        number, name = self._channel(request), _KINDS.get(request.query.get("info[0].Type", ""))
        order = request.query.get("info[0].IO", "")
        if number is None or name is None or order not in {"1", "2"}:
            return bad_request()
        (self.on.add if order == "1" else self.on.discard)((number, name))
        self._device.counters.writes += 1
        return ok()
