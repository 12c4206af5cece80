"""The words of ISAPI and what they mean here: events, recording kinds, codecs, disk states.

Tables only. What a table does not know becomes UNKNOWN and keeps its raw word.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from ...models import AudioCodec, DiskState, EventKind, RecordingKind, VideoCodec


class Scope(StrEnum):
    """Whom an event type speaks of."""

    CHANNEL = "channel"
    DEVICE = "device"
    PORT = "port"


@dataclass(frozen=True, slots=True)
class EventType:
    """One eventType. A pulse has no end: each alert is an event of its own."""

    kind: EventKind
    scope: Scope = Scope.CHANNEL
    pulse: bool = False


def _device(kind: EventKind, *, pulse: bool = False) -> EventType:
    return EventType(kind, Scope.DEVICE, pulse)


# hikvision-isapi 11.4; keys in lower case because the recorders' own case varies (trap 13).
EVENT_TYPES = MappingProxyType(
    {
        "vmd": EventType(EventKind.MOTION),
        "motiondetection": EventType(EventKind.MOTION),
        "vmdhumanvehicle": EventType(EventKind.MOTION),
        "tamperdetection": EventType(EventKind.TAMPER),
        "shelteralarm": EventType(EventKind.TAMPER),
        "videoloss": EventType(EventKind.VIDEO_LOSS),
        "linedetection": EventType(EventKind.LINE_CROSSING),
        "fielddetection": EventType(EventKind.INTRUSION),
        "regionentrance": EventType(EventKind.REGION_ENTER),
        "regionexiting": EventType(EventKind.REGION_EXIT),
        "scenechangedetection": EventType(EventKind.SCENE_CHANGE),
        "facedetection": EventType(EventKind.FACE),
        "facesnap": EventType(EventKind.FACE),
        "facecapture": EventType(EventKind.FACE),
        "facecontrast": EventType(EventKind.FACE),
        "whitelistfacecontrast": EventType(EventKind.FACE),
        "unattendedbaggage": EventType(EventKind.OBJECT_LEFT),
        "attendedbaggage": EventType(EventKind.OBJECT_TAKEN),
        "loitering": EventType(EventKind.LOITERING),
        "group": EventType(EventKind.CROWD),
        "persondensitydetection": EventType(EventKind.CROWD),
        "rapidmove": EventType(EventKind.FAST_MOVING),
        "parking": EventType(EventKind.PARKING),
        "audioexception": EventType(EventKind.AUDIO),
        "defocus": EventType(EventKind.DEFOCUS),
        "objectsthrowndetection": EventType(EventKind.OBJECT_THROWN),
        "framespeoplecounting": EventType(EventKind.PEOPLE_COUNT, pulse=True),
        "peoplecounting": EventType(EventKind.PEOPLE_COUNT, pulse=True),
        "vehicledetection": EventType(EventKind.PLATE, pulse=True),
        "anpr": EventType(EventKind.PLATE, pulse=True),
        "firedetection": EventType(EventKind.FIRE),
        "smokedetection": EventType(EventKind.SMOKE),
        "smokeandfiredetection": EventType(EventKind.FIRE),
        "tma": EventType(EventKind.TEMPERATURE),
        "tmpa": EventType(EventKind.TEMPERATURE),
        "tda": EventType(EventKind.TEMPERATURE),
        "thermometry": EventType(EventKind.TEMPERATURE),
        "pir": EventType(EventKind.PIR),
        "doorbell": EventType(EventKind.DOORBELL, pulse=True),
        "voicetalkevent": EventType(EventKind.DOORBELL, pulse=True),
        "io": EventType(EventKind.IO_INPUT, Scope.PORT),
        "softio": EventType(EventKind.IO_INPUT, Scope.PORT),
        "diskfull": _device(EventKind.DISK_FULL),
        "diskerror": _device(EventKind.DISK_ERROR),
        "highhdtemperature": _device(EventKind.DISK_ERROR),
        "raidexception": _device(EventKind.DISK_ERROR),
        "storagedetection": _device(EventKind.DISK_ERROR),
        "nicbroken": _device(EventKind.NETWORK_LOST),
        "ipconflict": _device(EventKind.ADDRESS_CONFLICT),
        "illaccess": _device(EventKind.ILLEGAL_LOGIN, pulse=True),
        "recordingfailure": _device(EventKind.RECORDING_FAILED),
        "recordexception": _device(EventKind.RECORDING_FAILED),
        "abnormalreboot": _device(EventKind.REBOOT, pulse=True),
    }
)

# Types that speak of the box though the table above gives them no kind; cameras send them with channel 1.
DEVICE_TYPES_WITHOUT_KIND = frozenset({"spareexception", "poepoweroverload", "videomismatch"})

# Seconds without a repeat after which an event that sent no end is over (hikvision-isapi 11.3).
HOLD_DEFAULT = 10.0
HOLD_DEVICE = 60.0
HOLDS = MappingProxyType({EventKind.MOTION: 5.0, EventKind.IO_INPUT: 5.0, EventKind.PIR: 5.0})

# The text after the last slash of a metadataDescriptor, lower case (hikvision-isapi 8.2).
RECORDING_KINDS = MappingProxyType(
    {
        "timing": RecordingKind.CONTINUOUS,
        "cmr": RecordingKind.CONTINUOUS,
        "motion": RecordingKind.MOTION,
        "vmd": RecordingKind.MOTION,
        "motionoralarm": RecordingKind.MOTION,
        "alarmormotion": RecordingKind.MOTION,
        "edr": RecordingKind.MOTION,
        "motionandalarm": RecordingKind.MOTION,
        "alarmandmotion": RecordingKind.MOTION,
        "alarm": RecordingKind.ALARM,
        "manual": RecordingKind.MANUAL,
        "command": RecordingKind.MANUAL,
        "smart": RecordingKind.SMART,
        "vca": RecordingKind.SMART,
        "allevent": RecordingKind.SMART,
        "event": RecordingKind.SMART,
        "linedetection": RecordingKind.SMART,
        "fielddetection": RecordingKind.SMART,
        "regionentrance": RecordingKind.SMART,
        "regionexiting": RecordingKind.SMART,
        "facedetection": RecordingKind.SMART,
        "scenechangedetection": RecordingKind.SMART,
        "audiodetection": RecordingKind.SMART,
    }
)

# What may be asked for by type, and the capability words that tell whether the recorder knows it.
SEARCH_KINDS = MappingProxyType(
    {
        RecordingKind.CONTINUOUS: ("timing", frozenset({"cmr"})),
        RecordingKind.MOTION: ("motion", frozenset({"motion"})),
        RecordingKind.ALARM: ("alarm", frozenset({"alarm"})),
        RecordingKind.MANUAL: ("manual", frozenset({"manual"})),
        RecordingKind.SMART: ("smart", frozenset({"allevent", "linedetection", "fielddetection"})),
    }
)

# Lower case, without dots and dashes (hikvision-isapi 6.1, 8.1).
VIDEO_CODECS = MappingProxyType(
    {
        "h264": VideoCodec.H264,
        "h264+": VideoCodec.H264,
        "h265": VideoCodec.H265,
        "h265+": VideoCodec.H265,
        "hevc": VideoCodec.H265,
        "mjpeg": VideoCodec.MJPEG,
        "mpeg4": VideoCodec.MPEG4,
    }
)

AUDIO_CODECS = MappingProxyType(
    {
        "aac": AudioCodec.AAC,
        "g711ulaw": AudioCodec.G711_ULAW,
        "g711alaw": AudioCodec.G711_ALAW,
        "g7221": AudioCodec.G722,
        "g722": AudioCodec.G722,
        "g726": AudioCodec.G726,
        "mp2l2": AudioCodec.MP2,
        "mp2": AudioCodec.MP2,
        "pcm": AudioCodec.PCM,
    }
)

# hikvision-isapi 13; both spellings of the vendor's typing errors.
DISK_STATES = MappingProxyType(
    {
        "ok": DiskState.OK,
        "normal": DiskState.OK,
        "idle": DiskState.OK,
        "sleeping": DiskState.SLEEPING,
        "unformatted": DiskState.UNFORMATTED,
        "unformated": DiskState.UNFORMATTED,
        "formatting": DiskState.FORMATTING,
        "repairing": DiskState.REPAIRING,
        "reparing": DiskState.REPAIRING,
        "error": DiskState.ERROR,
        "smartfailed": DiskState.ERROR,
        "mismatch": DiskState.ERROR,
        "lost": DiskState.ERROR,
        "offline": DiskState.OFFLINE,
        "notexist": DiskState.EMPTY_BAY,
    }
)
