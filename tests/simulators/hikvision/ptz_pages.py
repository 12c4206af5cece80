"""PTZCtrl of the simulated recorder (hikvision-isapi 12.2)."""

from xml.etree import ElementTree as ET

from ..heads import Head
from ..webserver import Request, Response
from .device import Device
from .router import Code, Router, done, failure, unsupported, xml
from .settings import child_text, local
from .xmlout import Node, el, fields

_SHOWN = 6
_PATROLS = 8


class PtzPages:
    """Moves the heads of those channels that have one."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def register(self, router: Router) -> None:
        """Add the paths."""
        base = "/ISAPI/PTZCtrl/channels"
        router.add("GET", f"{base}/*/capabilities", self.capabilities, right="live")
        router.add("PUT", f"{base}/*/continuous", self.continuous, right="live")
        router.add("GET", f"{base}/*/presets", self.presets, right="live")
        router.add("PUT", f"{base}/*/presets/*/goto", self.go_to, right="live")
        router.add("PUT", f"{base}/*/presets/*", self.save, right="live")
        router.add("PUT", f"{base}/*/patrols/*/start", self.patrol, right="live")
        router.add("PUT", f"{base}/*/patrols/*/stop", self.patrol, right="live")
        for part in ("focus", "iris"):
            router.add("PUT", f"/ISAPI/System/Video/inputs/channels/*/{part}", self.lens, right="live")

    def _head(self, argument: str) -> Head | None:
        channel = self._device.channels.get(int(argument)) if argument.isdecimal() else None
        return self._device.heads.get(channel.number) if channel is not None and channel.online else None

    def capabilities(self, request: Request, argument: str) -> Response:
        """Answer what the head can do; a fixed camera has no such document."""
        head = self._head(argument)
        if head is None:
            return unsupported(self._device, request)
        edge = fields(Min=-100, Max=100)
        parts = [
            el("ContinuousPanTiltSpace", [el("XRange", edge), el("YRange", edge)]),
            el("ContinuousZoomSpace", [el("ZRange", edge)]),
            *fields(maxPresetNum=300, maxPatrolNum=_PATROLS, maxPatternNum=4),
        ]
        return xml(self._device, el("PTZChanelCap", parts))

    def continuous(self, request: Request, argument: str) -> Response:
        """Take speeds from -100 to 100; whatever the document leaves out is bad."""
        return self._drive(request, argument, "PTZData", ("pan", "tilt", "zoom"))

    def lens(self, request: Request, argument: str) -> Response:
        """Take the speed of focus or iris."""
        part = request.path.rpartition("/")[2].lower()
        return self._drive(request, argument, f"{part.capitalize()}Data", (part,))

    def _drive(self, request: Request, argument: str, root: str, axes: tuple[str, ...]) -> Response:
        head, device = self._head(argument), self._device
        if head is None:
            return unsupported(device, request)
        try:
            written = ET.fromstring(request.body)
            values = {axis: int(child_text(written, axis) or "") for axis in axes}
        except ET.ParseError, ValueError:
            return failure(device, request, 400, Code.BAD_FORMAT, "badXmlFormat")
        if local(written.tag) != root or any(abs(value) > 100 for value in values.values()):
            return failure(device, request, 400, Code.BAD_CONTENT, "badXmlContent")
        head.drive(**{axis: value / 100 for axis, value in values.items()})
        return done(device, request)

    def presets(self, request: Request, argument: str) -> Response:
        """Answer the list, which has places that nothing is stored in."""
        head = self._head(argument)
        if head is None:
            return unsupported(self._device, request)
        numbers = sorted({*range(1, _SHOWN + 1), *head.presets})
        return xml(self._device, el("PTZPresetList", [self._preset(head, number) for number in numbers]))

    @staticmethod
    def _preset(head: Head, number: int) -> Node:
        name = head.presets.get(number, f"Preset {number}")
        return el("PTZPreset", fields(enabled=number in head.presets, id=number, presetName=name))

    def save(self, request: Request, argument: str) -> Response:
        """Store a position; a document that lacks what the list says of it is refused."""
        head, device = self._head(argument), self._device
        number = _number(request, -1)
        if head is None or number is None:
            return unsupported(device, request)
        try:
            written = ET.fromstring(request.body)
        except ET.ParseError:
            return failure(device, request, 400, Code.BAD_FORMAT, "badXmlFormat")
        listed = number in {*range(1, _SHOWN + 1), *head.presets}
        needed = {"enabled", "id", "presetName"} if listed else {"id", "presetName"}
        if local(written.tag) != "PTZPreset" or needed - {local(child.tag) for child in written}:
            return failure(device, request, 400, Code.BAD_CONTENT, "badXmlContent")
        head.presets[number] = child_text(written, "presetName") or ""
        device.counters.writes += 1
        return done(device, request)

    def go_to(self, request: Request, argument: str) -> Response:
        """Go to a preset."""
        head, number = self._head(argument), _number(request, -2)
        if head is None:
            return unsupported(self._device, request)
        if number is None or not head.go_to(number):
            return failure(self._device, request, 400, Code.BAD_CONTENT, "badParameters")
        return done(self._device, request)

    def patrol(self, request: Request, argument: str) -> Response:
        """Start or stop a patrol."""
        head, number = self._head(argument), _number(request, -2)
        if head is None:
            return unsupported(self._device, request)
        if number is None or not 1 <= number <= _PATROLS:
            return failure(self._device, request, 400, Code.BAD_CONTENT, "badParameters")
        head.patrol = number if request.path.lower().endswith("/start") else None
        return done(self._device, request)


def _number(request: Request, place: int) -> int | None:
    part = request.path.split("/")[place]
    return int(part) if part.isdecimal() else None
