"""Which settings stand in which document of ISAPI, and the words they take (hikvision-isapi 11.4, 12). Tables only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from ...controls import ControlKind, ControlShape
from ...models import EventKind


@dataclass(frozen=True, slots=True)
class Field:
    """One element of a document; `words` are the wire's to ours, for a choice."""

    path: str
    kind: ControlKind
    shape: ControlShape = ControlShape.SWITCH
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a channel. `{base}` is that of its input, direct or proxied, `{n}` its number.

    `event`: it is there where the channel lists triggers of that kind. `camera`: recorders refuse it (12.3).
    """

    path: str
    fields: tuple[Field, ...]
    event: EventKind | None = None
    camera: bool = False


def _switch(kind: ControlKind) -> tuple[Field, ...]:
    return (Field("enabled", kind),)


def _smart(slug: str, kind: ControlKind, event: EventKind) -> Document:
    return Document(f"/ISAPI/Smart/{slug}/{{n}}", _switch(kind), event)


def _level(path: str, kind: ControlKind) -> Field:
    return Field(path, kind, ControlShape.NUMBER)


_DAY_NIGHT: Final = MappingProxyType(
    {"auto": "auto", "day": "day", "night": "night", "schedule": "schedule", "eventTrigger": "event"}
)
_WDR: Final = MappingProxyType({"open": "on", "close": "off", "auto": "auto"})
_LIGHTS: Final = MappingProxyType(
    {"eventIntelligence": "smart", "irLight": "infrared", "colorVuWhiteLight": "white", "close": "off"}
)

DOCUMENTS: Final[Mapping[str, Document]] = MappingProxyType(
    {
        "motion": Document("{base}/motionDetection", _switch(ControlKind.MOTION_DETECTION), EventKind.MOTION),
        "tamper": Document("{base}/tamperDetection", _switch(ControlKind.TAMPER_DETECTION), EventKind.TAMPER),
        "video_loss": Document("{base}/videoLoss", _switch(ControlKind.VIDEO_LOSS_DETECTION), EventKind.VIDEO_LOSS),
        "line": _smart("LineDetection", ControlKind.LINE_CROSSING_DETECTION, EventKind.LINE_CROSSING),
        "field": _smart("FieldDetection", ControlKind.INTRUSION_DETECTION, EventKind.INTRUSION),
        "enter": _smart("regionEntrance", ControlKind.REGION_ENTER_DETECTION, EventKind.REGION_ENTER),
        "exit": _smart("regionExiting", ControlKind.REGION_EXIT_DETECTION, EventKind.REGION_EXIT),
        # Some recorders support it and leave it out of the list of triggers (11.5).
        "scene": Document("/ISAPI/Smart/SceneChangeDetection/{n}", _switch(ControlKind.SCENE_CHANGE_DETECTION)),
        "privacy": Document("{base}/privacyMask", _switch(ControlKind.PRIVACY_MASK)),
        "color": Document(
            "/ISAPI/Image/channels/{n}/color",
            (
                _level("brightnessLevel", ControlKind.BRIGHTNESS),
                _level("contrastLevel", ControlKind.CONTRAST),
                _level("saturationLevel", ControlKind.SATURATION),
                _level("hueLevel", ControlKind.HUE),
            ),
        ),
        "sharpness": Document(
            "/ISAPI/Image/channels/{n}/sharpness", (_level("SharpnessLevel", ControlKind.SHARPNESS),), camera=True
        ),
        "wdr": Document(
            "/ISAPI/Image/channels/{n}/WDR",
            (
                Field("mode", ControlKind.WDR, ControlShape.CHOICE, _WDR),
                _level("WDRLevel", ControlKind.WDR_LEVEL),
            ),
            camera=True,
        ),
        "day_night": Document(
            "/ISAPI/Image/channels/{n}/ircutFilter",
            (Field("IrcutFilterType", ControlKind.DAY_NIGHT, ControlShape.CHOICE, _DAY_NIGHT),),
            camera=True,
        ),
        "light": Document(
            "/ISAPI/Image/channels/{n}/supplementLight",
            (
                Field("supplementLightMode", ControlKind.SUPPLEMENT_LIGHT, ControlShape.CHOICE, _LIGHTS),
                _level("whiteLightBrightness", ControlKind.WHITE_LIGHT_BRIGHTNESS),
                _level("irLightBrightness", ControlKind.INFRARED_LIGHT_BRIGHTNESS),
            ),
            camera=True,
        ),
    }
)
