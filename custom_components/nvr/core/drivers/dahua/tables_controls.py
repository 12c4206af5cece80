"""Which settings stand in which configuration table, and the words they take (dahua-cgi 13). Tables only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from ...controls import ControlKind, ControlShape

ROW: Final = "row"
ITEMS: Final = "items"
PROFILE: Final = "profile"
PORTS: Final = "ports"


@dataclass(frozen=True, slots=True)
class Place:
    """One key of a row; `words` are the wire's to ours. `beside` are keys that have to be written with it."""

    key: str
    kind: ControlKind
    shape: ControlShape = ControlShape.SWITCH
    words: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a row for each channel. `form`: a row, a list of items in it, one for each profile, or ports."""

    form: str
    places: tuple[Place, ...]


def _level(key: str, kind: ControlKind) -> Place:
    return Place(key, kind, ControlShape.NUMBER)


_RECORD: Final = MappingProxyType({"0": "auto", "1": "manual", "2": "off"})
_DAY_NIGHT: Final = MappingProxyType({"Brightness": "auto", "Color": "day", "BlackWhite": "night"})
_INFRARED: Final = MappingProxyType({"Auto": "auto", "Manual": "manual", "Off": "off", "ZoomPrio": "zoom"})

TABLES: Final[Mapping[str, Table]] = MappingProxyType(
    {
        # A write without the version is taken for one of an older kind by newer firmware.
        "MotionDetect": Table(ROW, (Place("Enable", ControlKind.MOTION_DETECTION, beside=("DetectVersion",)),)),
        "SmartMotionDetect": Table(ROW, (Place("Enable", ControlKind.SMART_MOTION_DETECTION),)),
        "BlindDetect": Table(ROW, (Place("Enable", ControlKind.TAMPER_DETECTION),)),
        "LossDetect": Table(ROW, (Place("Enable", ControlKind.VIDEO_LOSS_DETECTION),)),
        "VideoAnalyseRule": Table(ITEMS, (Place("Enable", ControlKind.RULE),)),
        "PrivacyMasking": Table(ITEMS, (Place("Enable", ControlKind.PRIVACY_MASK),)),
        "RecordMode": Table(
            ROW,
            (
                Place(
                    "Mode",
                    ControlKind.RECORD_MODE,
                    ControlShape.CHOICE,
                    _RECORD,
                    beside=("ModeExtra1", "ModeExtra2"),
                ),
            ),
        ),
        "AlarmOut": Table(PORTS, (Place("Mode", ControlKind.ALARM_OUTPUT),)),
        "VideoColor": Table(
            PROFILE,
            (
                _level("Brightness", ControlKind.BRIGHTNESS),
                _level("Contrast", ControlKind.CONTRAST),
                _level("Saturation", ControlKind.SATURATION),
                _level("Hue", ControlKind.HUE),
            ),
        ),
        "VideoInDayNight": Table(PROFILE, (Place("Mode", ControlKind.DAY_NIGHT, ControlShape.CHOICE, _DAY_NIGHT),)),
        "Lighting": Table(PROFILE, (Place("Mode", ControlKind.INFRARED_LIGHT, ControlShape.CHOICE, _INFRARED),)),
    }
)
