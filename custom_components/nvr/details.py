"""What an event tells besides its kind, in texts no longer than a payload bears: for the bus and the event entities."""

from typing import Final

from .const import (
    ATTR_DIRECTION,
    ATTR_FACE,
    ATTR_OCCURRED_AT,
    ATTR_PLATE,
    ATTR_PORT,
    ATTR_RAW_TYPE,
    ATTR_REGION,
    ATTR_RULE,
    ATTR_TARGET,
)
from .core.models import NvrEvent

# A payload stays below 1 kB in the worst case of all its texts, counted in bytes of UTF-8.
_RAW_TYPE: Final = 40
_REGION: Final = 24
_RULE: Final = 48
_PLATE: Final = 24
_FACE: Final = 40
_NAME: Final = 72
_NAME_CHARACTERS: Final = 64
_ESCAPED: Final = frozenset('"\\')


def cut(text: str, size: int) -> str:
    """Return a text that takes at most `size` bytes in a JSON document, without what cannot be printed."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text).strip()
    if text.isascii() and '"' not in text and "\\" not in text:
        return text[:size]
    taken = 0
    for index, character in enumerate(text):
        taken += 2 if character in _ESCAPED else len(character.encode())
        if taken > size:
            return text[:index]
    return text


def cut_name(name: str) -> str:
    """Return a name as long as payloads take it."""
    return cut(name[:_NAME_CHARACTERS], _NAME)


def details(event: NvrEvent) -> dict[str, object]:
    """Return what is told of an event, None for what is not known."""
    return {
        ATTR_RAW_TYPE: cut(event.raw_type, _RAW_TYPE),
        ATTR_TARGET: event.target,
        ATTR_REGION: cut(event.region, _REGION) if event.region else None,
        ATTR_RULE: cut(event.rule, _RULE) if event.rule else None,
        ATTR_DIRECTION: event.direction,
        ATTR_PLATE: cut(event.plate, _PLATE) if event.plate else None,
        ATTR_FACE: cut(event.face, _FACE) if event.face else None,
        ATTR_PORT: event.port,
        ATTR_OCCURRED_AT: event.occurred_at.isoformat(),
    }
