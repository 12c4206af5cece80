"""ptz.cgi of the simulated Dahua unit (dahua-cgi 13)."""

from ..heads import Head
from ..webserver import Request, Response
from .device import DahuaDevice
from .router import Router, bad_request, flatten, ok, text

_FASTEST = 8
_TOURS = 8
_WAYS = {"Up": ("tilt", 1), "Down": ("tilt", -1), "Left": ("pan", -1), "Right": ("pan", 1)}
_LENS = {
    "ZoomTele": ("zoom", 1),
    "ZoomWide": ("zoom", -1),
    "FocusFar": ("focus", 1),
    "FocusNear": ("focus", -1),
    "IrisLarge": ("iris", 1),
    "IrisSmall": ("iris", -1),
}


class PtzPages:
    """Moves the heads of those channels that have one; channels count from 1 here."""

    def __init__(self, device: DahuaDevice) -> None:
        self._device = device

    def register(self, router: Router) -> None:
        """Add the calls."""
        for action, page in (
            ("getCurrentProtocolCaps", self.caps),
            ("start", self.start),
            ("stop", self.stop),
            ("getPresets", self.presets),
            ("setPreset", self.rename),
        ):
            router.cgi("ptz.cgi", action, page, right="live")

    def _head(self, request: Request) -> Head | None:
        number = request.query.get("channel", "")
        channel = self._device.channels.get(int(number)) if number.isdecimal() else None
        return self._device.heads.get(channel.number) if channel is not None and channel.live else None

    def caps(self, request: Request) -> Response:
        """Answer what the protocol of a channel can do: of fixed ones no more than a wiper (dahua-cgi 13)."""
        number = request.query.get("channel", "")
        if not number.isdecimal() or int(number) not in self._device.channels:
            return bad_request()
        head = self._head(request)
        caps: dict[str, object] = {"Aux": True, "Auxs": ["Light", "Wiper"], "Focus": head is not None}
        moves = head is not None
        caps |= {"Pan": moves, "Tile": moves, "Zoom": moves, "Iris": moves, "Preset": moves, "Tour": moves}
        caps |= {"PanSpeedMin": 1, "PanSpeedMax": _FASTEST, "PresetMin": 1, "PresetMax": 300}
        return text(flatten(caps, "caps"))

    def start(self, request: Request) -> Response:
        """Begin a motion, go to a preset, store one, or begin a tour."""
        head = self._head(request)
        args = [request.query.get(f"arg{place}", "") for place in (1, 2, 3)]
        if head is None or not all(arg.lstrip("-").isdecimal() for arg in args):
            return bad_request()
        first, second = int(args[0]), int(args[1])
        match request.query.get("code", ""):
            case "GotoPreset":
                return ok() if head.go_to(second) else bad_request()
            case "SetPreset":
                head.presets.setdefault(second, f"Preset{second}")
                self._device.counters.writes += 1
                return ok()
            case "StartTour" | "StopTour" as code:
                if not 1 <= first <= _TOURS:
                    return bad_request()
                head.patrol = first if code == "StartTour" else None
                return ok()
            case code:
                speeds = _speeds(code, first, second)
        if not speeds or any(abs(speed) > 1 for speed in speeds.values()):
            return bad_request()
        head.drive(**speeds)
        return ok()

    def stop(self, request: Request) -> Response:
        """End a motion: the axes of its code, both of pan and tilt whichever it names."""
        head = self._head(request)
        speeds = _speeds(request.query.get("code", ""), 1, 1)
        if head is None or not speeds:
            return bad_request()
        axes = {"pan", "tilt"} if {"pan", "tilt"} & set(speeds) else set(speeds)
        head.drive(**dict.fromkeys(axes, 0.0))
        return ok()

    def presets(self, request: Request) -> Response:
        """Answer what is stored."""
        head = self._head(request)
        if head is None:
            return bad_request()
        return text(flatten([{"Index": n, "Name": name} for n, name in sorted(head.presets.items())], "presets"))

    def rename(self, request: Request) -> Response:
        """Give a stored position a name."""
        head, number = self._head(request), request.query.get("arg1", "")
        if head is None or not number.isdecimal() or int(number) not in head.presets:
            return bad_request()
        head.presets[int(number)] = request.query.get("arg2", "")
        self._device.counters.writes += 1
        return ok()


def _speeds(code: str, along: int, across: int) -> dict[str, float]:
    """Return the axes a code moves; nothing for one that is not known."""
    if code in _LENS:
        axis, sign = _LENS[code]
        return {axis: sign * across / _FASTEST}
    if code in _WAYS:
        axis, sign = _WAYS[code]
        return {axis: sign * across / _FASTEST}
    for side in ("Left", "Right"):
        for way in ("Up", "Down"):
            if code == f"{side}{way}":
                return {"pan": _WAYS[side][1] * across / _FASTEST, "tilt": _WAYS[way][1] * along / _FASTEST}
    return {}
