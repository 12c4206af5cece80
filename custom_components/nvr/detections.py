"""Which event kinds become binary sensors, and of which class: a table."""

from dataclasses import dataclass
from typing import Final

from homeassistant.components.binary_sensor import BinarySensorDeviceClass

from .const import MAX_ENABLED_DETECTIONS
from .core.models import EventKind

_MOTION: Final = BinarySensorDeviceClass.MOTION
_OCCUPANCY: Final = BinarySensorDeviceClass.OCCUPANCY
_PROBLEM: Final = BinarySensorDeviceClass.PROBLEM
_TAMPER: Final = BinarySensorDeviceClass.TAMPER


@dataclass(frozen=True, slots=True)
class Detection:
    """How one kind appears. `outlives_camera` marks what still says something while the camera itself is away."""

    device_class: BinarySensorDeviceClass | None = None
    diagnostic: bool = False
    outlives_camera: bool = False


# Kinds that are not here only pulse or only concern the recorder's log: they are events and never sensors.
CHANNEL_DETECTIONS: Final[dict[EventKind, Detection]] = {
    EventKind.MOTION: Detection(_MOTION),
    EventKind.PERSON: Detection(_OCCUPANCY),
    EventKind.VEHICLE: Detection(_OCCUPANCY),
    EventKind.ANIMAL: Detection(_OCCUPANCY),
    EventKind.LINE_CROSSING: Detection(_MOTION),
    EventKind.INTRUSION: Detection(_MOTION),
    EventKind.REGION_ENTER: Detection(_MOTION),
    EventKind.REGION_EXIT: Detection(_MOTION),
    EventKind.LOITERING: Detection(_OCCUPANCY),
    EventKind.CROWD: Detection(_OCCUPANCY),
    EventKind.FAST_MOVING: Detection(_MOTION),
    EventKind.PARKING: Detection(_OCCUPANCY),
    EventKind.OBJECT_LEFT: Detection(),
    EventKind.OBJECT_TAKEN: Detection(),
    EventKind.OBJECT_THROWN: Detection(),
    EventKind.FACE: Detection(_OCCUPANCY),
    EventKind.PLATE: Detection(_OCCUPANCY),
    EventKind.TAMPER: Detection(_TAMPER),
    EventKind.SCENE_CHANGE: Detection(_TAMPER),
    EventKind.DEFOCUS: Detection(_PROBLEM, diagnostic=True),
    EventKind.VIDEO_LOSS: Detection(_PROBLEM, diagnostic=True, outlives_camera=True),
    EventKind.AUDIO: Detection(BinarySensorDeviceClass.SOUND),
    EventKind.IO_INPUT: Detection(outlives_camera=True),
    EventKind.PIR: Detection(_MOTION),
    EventKind.TEMPERATURE: Detection(BinarySensorDeviceClass.HEAT),
    EventKind.FIRE: Detection(BinarySensorDeviceClass.HEAT),
    EventKind.SMOKE: Detection(BinarySensorDeviceClass.SMOKE),
}
RECORDER_DETECTIONS: Final[dict[EventKind, Detection]] = {
    EventKind.IO_INPUT: Detection(),
    EventKind.DISK_FULL: Detection(_PROBLEM, diagnostic=True),
    EventKind.DISK_ERROR: Detection(_PROBLEM, diagnostic=True),
    EventKind.NETWORK_LOST: Detection(_PROBLEM, diagnostic=True),
    EventKind.ADDRESS_CONFLICT: Detection(_PROBLEM, diagnostic=True),
    EventKind.RECORDING_FAILED: Detection(_PROBLEM, diagnostic=True),
}
# What a channel can never have: these are the recorder's own.
RECORDER_KINDS: Final = frozenset(
    {
        EventKind.DISK_FULL,
        EventKind.DISK_ERROR,
        EventKind.NETWORK_LOST,
        EventKind.ADDRESS_CONFLICT,
        EventKind.ILLEGAL_LOGIN,
        EventKind.RECORDING_FAILED,
        EventKind.REBOOT,
    }
)
# A channel gets the first few of these that it has as enabled entities (performance 8); the user enables the rest.
# Tampering and video loss, which nearly all have and hardly any sends, would take the place of what a camera does send.
_COMMON: Final = (
    EventKind.MOTION,
    EventKind.PERSON,
    EventKind.VEHICLE,
    EventKind.LINE_CROSSING,
    EventKind.INTRUSION,
    EventKind.ANIMAL,
    EventKind.PIR,
    EventKind.FIRE,
    EventKind.SMOKE,
    EventKind.FACE,
    EventKind.PLATE,
)


@dataclass(frozen=True, slots=True)
class DetectionKey:
    """One binary sensor: a kind, and for alarm inputs which of them."""

    kind: EventKind
    port: int | None = None

    def __str__(self) -> str:
        """Return the text that unique ids and the memory hold."""
        return self.kind.value if self.port is None else f"{self.kind.value}_{self.port}"

    @classmethod
    def parse(cls, text: str) -> DetectionKey | None:
        """Read the text back; None for what this version does not know."""
        try:
            return cls(EventKind(text))
        except ValueError:
            head, _, tail = text.rpartition("_")
        if head == EventKind.IO_INPUT and tail.isdecimal():
            return cls(EventKind.IO_INPUT, int(tail))
        return None


def enabled_by_default(keys: frozenset[DetectionKey]) -> frozenset[DetectionKey]:
    """Return those of a channel's detections that are enabled when first registered."""
    kinds = {key.kind: key for key in keys if key.port is None}
    common = [kinds[kind] for kind in _COMMON if kind in kinds]
    return frozenset(common[:MAX_ENABLED_DETECTIONS])
