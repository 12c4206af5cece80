"""The words of Dahua and what they mean here: event codes, object types, recording flags, log and SMD kinds.

Tables only. What a table does not know becomes UNKNOWN and keeps its raw word.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from ...models import DetectionTarget, EventKind, RecordingKind


class Scope(StrEnum):
    """What the index of an event counts."""

    CHANNEL = "channel"
    DEVICE = "device"
    PORT = "port"


@dataclass(frozen=True, slots=True)
class EventType:
    """One event code. A `pulse` is a moment whatever action it comes with; `ignored` codes are housekeeping."""

    kind: EventKind
    scope: Scope = Scope.CHANNEL
    pulse: bool = False
    target: DetectionTarget | None = None
    ignored: bool = False


def _device(kind: EventKind, *, pulse: bool = False) -> EventType:
    return EventType(kind, Scope.DEVICE, pulse)


_IGNORED = EventType(EventKind.UNKNOWN, Scope.DEVICE, ignored=True)
_RING = EventType(EventKind.DOORBELL, pulse=True)

# dahua-cgi 12.3; codes as the firmware spells them.
EVENT_TYPES = MappingProxyType(
    {
        "VideoMotion": EventType(EventKind.MOTION),
        "SmartMotionHuman": EventType(EventKind.PERSON, target=DetectionTarget.PERSON),
        "SmartMotionVehicle": EventType(EventKind.VEHICLE, target=DetectionTarget.VEHICLE),
        "AnimalDetection": EventType(EventKind.ANIMAL, target=DetectionTarget.ANIMAL),
        "CrossLineDetection": EventType(EventKind.LINE_CROSSING),
        "CrossRegionDetection": EventType(EventKind.INTRUSION),
        "CrossFenceDetection": EventType(EventKind.LINE_CROSSING),
        "LeftDetection": EventType(EventKind.OBJECT_LEFT),
        "ObjectPlacementDetection": EventType(EventKind.OBJECT_LEFT),
        "TakenAwayDetection": EventType(EventKind.OBJECT_TAKEN),
        "ObjectRemovalDetection": EventType(EventKind.OBJECT_TAKEN),
        "WanderDetection": EventType(EventKind.LOITERING),
        "RioterDetection": EventType(EventKind.CROWD),
        "CrowdDetection": EventType(EventKind.CROWD),
        "QueueNumDetection": EventType(EventKind.CROWD),
        "ParkingDetection": EventType(EventKind.PARKING),
        "MoveDetection": EventType(EventKind.FAST_MOVING),
        "ManNumDetection": EventType(EventKind.PEOPLE_COUNT, pulse=True),
        "NumberStat": EventType(EventKind.PEOPLE_COUNT, pulse=True),
        "FaceDetection": EventType(EventKind.FACE),
        "FaceRecognition": EventType(EventKind.FACE, pulse=True),
        "FaceComparision": EventType(EventKind.FACE, pulse=True),
        "TrafficJunction": EventType(EventKind.PLATE, pulse=True),
        "TrafficParking": EventType(EventKind.PLATE, pulse=True),
        "TrafficManualSnap": EventType(EventKind.PLATE, pulse=True),
        "VideoLoss": EventType(EventKind.VIDEO_LOSS),
        # The NVR lost the camera itself: the picture is gone too.
        "NetMonitorAbort": EventType(EventKind.VIDEO_LOSS),
        "VideoBlind": EventType(EventKind.TAMPER),
        "VideoUnFocus": EventType(EventKind.DEFOCUS),
        "VideoAbnormalDetection": EventType(EventKind.SCENE_CHANGE),
        "AudioMutation": EventType(EventKind.AUDIO),
        "AudioAnomaly": EventType(EventKind.AUDIO),
        "AlarmLocal": EventType(EventKind.IO_INPUT, Scope.PORT),
        "AlarmPIR": EventType(EventKind.PIR),
        "NetAbort": _device(EventKind.NETWORK_LOST),
        "IPConflict": _device(EventKind.ADDRESS_CONFLICT),
        "MacConflict": _device(EventKind.ADDRESS_CONFLICT),
        "StorageNotExist": _device(EventKind.DISK_ERROR),
        "StorageFailure": _device(EventKind.DISK_ERROR),
        "StorageLowSpace": _device(EventKind.DISK_FULL),
        "LoginFailure": _device(EventKind.ILLEGAL_LOGIN, pulse=True),
        "HeatImagingTemper": EventType(EventKind.TEMPERATURE),
        "FireWarning": EventType(EventKind.FIRE),
        "BackKeyLight": _RING,
        "PhoneCallDetect": _RING,
        "DoorbellPressed": _RING,
        "Invite": _RING,
        "VideoMotionInfo": _IGNORED,
        "MDResult": _IGNORED,
        "FireWarningInfo": _IGNORED,
        "AlarmOutput": _IGNORED,
        "NewFile": _IGNORED,
        "InterVideoAccess": _IGNORED,
        "RtspSessionDisconnect": _IGNORED,
        "IntelliFrame": _IGNORED,
        "NTPAdjustTime": _IGNORED,
        "TimeChange": _IGNORED,
        "SIPRegis": _IGNORED,
        "LeFunctionStatusSync": _IGNORED,
    }
)

# Codes that say the recorder's clock was set (dahua-cgi 7.2).
CLOCK_CODES = frozenset({"TimeChange", "NTPAdjustTime"})
# BackKeyLight is a state of the button; these mean that somebody rings (dahua-cgi 12.3).
RINGING_STATES = frozenset({1, 2})
# What is asked for where `[All]` is refused: no firmware refuses this (dahua-cgi 12.1).
PLAIN_CODES = ("VideoMotion", "AlarmLocal", "VideoLoss", "VideoBlind")

# A Stop may be lost: without a repeat for that long (s) the recorder is asked (dahua-cgi 12.2).
LOST_STOP = 600.0

# The letter in the file name (dahua-cgi 9.2).
FILE_KINDS = MappingProxyType(
    {
        "R": RecordingKind.CONTINUOUS,
        "M": RecordingKind.MOTION,
        "A": RecordingKind.ALARM,
        "I": RecordingKind.SMART,
        "E": RecordingKind.SMART,
    }
)
# Flags[n], in the order in which they are believed; Event says only that there was one.
FLAG_KINDS = MappingProxyType(
    {
        "Manual": RecordingKind.MANUAL,
        "Event": RecordingKind.SMART,
        "Timing": RecordingKind.CONTINUOUS,
    }
)
# Events[n] of a file.
EVENT_KINDS = MappingProxyType(
    {
        "VideoMotion": RecordingKind.MOTION,
        "AlarmLocal": RecordingKind.ALARM,
    }
)

# Kinds that SmdDataFinder knows (dahua-cgi 9.3).
SMD_TYPES = MappingProxyType(
    {
        EventKind.PERSON: "smdTypeHuman",
        EventKind.VEHICLE: "smdTypeVehicle",
        EventKind.ANIMAL: "smdTypeAnimal",
    }
)
# Kinds whose rule has a database of its own on NVRs (dahua-cgi 9.3).
IVS_CODES = MappingProxyType(
    {
        EventKind.LINE_CROSSING: ("CrossLineDetection",),
        EventKind.INTRUSION: ("CrossRegionDetection",),
        EventKind.OBJECT_LEFT: ("LeftDetection",),
        EventKind.FAST_MOVING: ("MoveDetection",),
    }
)


def codes_of(kind: EventKind) -> tuple[str, ...]:
    """Return the codes that mean this kind."""
    return tuple(code for code, meaning in EVENT_TYPES.items() if meaning.kind is kind and not meaning.ignored)
