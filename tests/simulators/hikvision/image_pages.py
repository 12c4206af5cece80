"""Image settings of the simulated recorder (hikvision-isapi 12.3): recorders have colours only, cameras all."""

from collections.abc import Callable

from ..webserver import Request, Response
from .device import Device
from .router import Router, done, unsupported, xml
from .settings import Setting, SettingsStore
from .xmlout import Node, el, fields

_SHARPEST = 100
_BRIGHTEST = 80
_FILTERS = "auto,day,night,schedule"


class ImagePages:
    """Documents of a channel's picture, and the ranges of their values."""

    def __init__(self, device: Device, store: SettingsStore) -> None:
        self._device = device
        self._store = store

    def register(self, router: Router) -> None:
        """Add the paths."""
        base = "/ISAPI/Image/channels/*"
        for path, make in (
            ("sharpness", _sharpness),
            ("WDR", _wdr),
            ("ircutFilter", _filter),
            ("supplementLight", _light),
        ):
            self._store.add(router, f"{base}/{path}", Setting(self._of_cameras(make)))
        router.add("PUT", f"{base}/reset", self.reset, right="parameters")
        router.add("GET", f"{base}/capabilities", self.capabilities, right="parameters")

    def _there(self, argument: str) -> bool:
        return argument.isdecimal() and int(argument) in self._device.channels

    def _of_cameras(self, make: Callable[[], Node]) -> Callable[[str], Node | None]:
        return lambda argument: make() if self._there(argument) and self._device.is_camera else None

    def reset(self, request: Request, argument: str) -> Response:
        """Put the picture back to what it was made with."""
        if not self._there(argument) or not self._device.is_camera:
            return unsupported(self._device, request)
        self._store.forget(f"/isapi/image/channels/{argument}/")
        self._device.counters.writes += 1
        return done(self._device, request)

    def capabilities(self, request: Request, argument: str) -> Response:
        """Answer the ranges."""
        if not self._there(argument):
            return unsupported(self._device, request)
        names = ("brightnessLevel", "contrastLevel", "saturationLevel", "hueLevel")
        color = el("Color", [el(name, 50, min=0, max=100) for name in names])
        parts = [el("id", argument), color]
        if self._device.is_camera:
            parts.append(el("Sharpness", [el("SharpnessLevel", 50, min=0, max=_SHARPEST)]))
            parts.append(el("IrcutFilter", [el("IrcutFilterType", "auto", opt=_FILTERS)]))
            light = [el("supplementLightMode", "irLight", opt="eventIntelligence,irLight,colorVuWhiteLight,close")]
            light += [el(name, 50, min=0, max=_BRIGHTEST) for name in ("whiteLightBrightness", "irLightBrightness")]
            parts.append(el("SupplementLight", light))
        return xml(self._device, el("ImageCap", parts))


def _sharpness() -> Node:
    return el("Sharpness", fields(SharpnessLevel=50))


def _wdr() -> Node:
    return el("WDR", fields(mode="close", WDRLevel=50))


def _filter() -> Node:
    return el("IrcutFilter", fields(IrcutFilterType="auto", nightToDayFilterLevel=4, nightToDayFilterTime=5))


def _light() -> Node:
    return el(
        "SupplementLight",
        fields(
            supplementLightMode="irLight",
            mixedLightBrightnessRegulatMode="manual",
            whiteLightBrightness=50,
            irLightBrightness=50,
        ),
    )
