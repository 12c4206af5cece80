"""The words of analytics and what they mean here, one table for all families: targets, directions, number plates.

Pure. Event codes differ by family and have a table in each driver; what is said of an event besides does not.
"""

from fnmatch import fnmatchcase
from types import MappingProxyType

from .models import DetectionTarget, EventDirection, EventKind

# hikvision-isapi 11.2 (detectionTarget, targetType), dahua-cgi 12.2 and 9.3 (Object.ObjectType, SMD types); lower case.
TARGETS = MappingProxyType(
    {
        "human": DetectionTarget.PERSON,
        "humanface": DetectionTarget.PERSON,
        "person": DetectionTarget.PERSON,
        "people": DetectionTarget.PERSON,
        "vehicle": DetectionTarget.VEHICLE,
        "motor": DetectionTarget.VEHICLE,
        "nonmotor": DetectionTarget.VEHICLE,
        "animal": DetectionTarget.ANIMAL,
        "other": DetectionTarget.OTHER,
        "others": DetectionTarget.OTHER,
        "unknown": DetectionTarget.OTHER,
    }
)

# hikvision-isapi 11.2 (ANPR direction), dahua-cgi 12.3 (Direction of rules); lower case. Others are not told.
DIRECTIONS = MappingProxyType(
    {
        "enter": EventDirection.ENTER,
        "leave": EventDirection.LEAVE,
        "lefttoright": EventDirection.LEFT_TO_RIGHT,
        "righttoleft": EventDirection.RIGHT_TO_LEFT,
        "forward": EventDirection.FORWARD,
        "reverse": EventDirection.REVERSE,
    }
)

# What stands in place of a plate that could not be read; a plate itself is written in capitals.
_UNREAD = frozenset({"unknown", "none", "null", "-"})


def target_of(word: str) -> DetectionTarget | None:
    """Return what an analytic says it saw; a word that nobody knows is OTHER, none at all is None."""
    word = word.strip().lower()
    return TARGETS.get(word, DetectionTarget.OTHER) if word else None


def direction_of(word: str) -> EventDirection | None:
    """Return which way it went, None where that is not told in a known word."""
    return DIRECTIONS.get(word.strip().lower())


def plate_of(text: str) -> str | None:
    """Return a number plate as it was read, None where it was not."""
    text = " ".join(text.split())
    return None if not text or text in _UNREAD else text


def face_of(name: str) -> str | None:
    """Return whose face it is by the recorder's own list of faces, None where it is nobody's on it."""
    return plate_of(name)


def is_kind(kind: str, target: str | None, asked: str) -> bool:
    """Tell whether an event is of the kind that somebody asks for.

    One family tells of a person as a kind of its own, the other as motion with a target (hikvision-isapi 11.2,
    dahua-cgi 12.3): who asks for persons means both.
    """
    return kind == asked or (kind == EventKind.MOTION and target is not None and target == asked)


def is_plate(plate: str, pattern: str) -> bool:
    """Tell whether a plate is the one written, where `*` and `?` stand for what is not; spaces and dashes count not."""
    return fnmatchcase(_bare(plate), _bare(pattern))


def _bare(plate: str) -> str:
    return "".join(character for character in plate.upper() if character.isalnum() or character in "*?")
