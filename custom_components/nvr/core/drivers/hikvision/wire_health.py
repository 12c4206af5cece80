"""What a recorder says of its recording, and documents with one text changed: bytes in, bytes out. Pure."""

from collections.abc import Iterator
import json
import re
from typing import Final

from ...errors import NvrResponseError
from ...transport.xml import parse, text

# Beyond this (degrees Celsius) it is no temperature of a disk.
_HOTTEST: Final = 150
# How an offset ends a time; not every firmware writes one (hikvision-isapi 4.3).
_SUFFIX: Final = re.compile(r"(Z|[+-]\d{2}:?\d{2})\s*$", re.IGNORECASE)


def parse_working_status(body: bytes) -> dict[int, bool]:
    """Read `System/workingstatus?format=json`: channel to whether it is being recorded (hikvision-isapi 4.4).

    Where the list of channels stands in the document differs; an entry that does not say is left out.
    """
    try:
        document = json.loads(body)
    except ValueError as error:
        raise NvrResponseError("the recorder's state is no JSON") from error
    found: dict[int, bool] = {}
    for entry in _objects(document):
        number, record = entry.get("chanNo"), entry.get("record")
        if type(number) is int and isinstance(record, bool | int) and record in (0, 1):
            found[number] = bool(record)
    return found


def parse_temperature(body: bytes) -> float | None:
    """Read `Storage/hdd/<id>/SMARTTest/status`: degrees Celsius; None where the disk has no sensor (13).

    Firmware spells the element `temprature`; 0 stands for a value that was never read.
    """
    root = parse(body)
    told = text(root, "temprature") or text(root, "temperature")
    return float(told) if told.isdecimal() and 0 < int(told) < _HOTTEST else None


def _objects(node: object) -> Iterator[dict[str, object]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from _objects(value)


def with_text(body: bytes, name: str, text: str) -> bytes:
    """Return a document in which the one element of that name holds another text; every other byte is as it was.

    So a write drops nothing, and keeps the recorder's own spelling. Raises NvrResponseError unless there is just one.
    """
    element = re.compile(rb"(<(?:[\w.-]+:)?%b(?:\s[^<>]*)?>)[^<]*(</)" % re.escape(name.encode()))
    changed, count = element.subn(lambda match: match[1] + text.encode() + match[2], body)
    if count != 1:
        raise NvrResponseError(f"the document has {count} elements {name}")
    return changed


def wall_like(shown: str, digits: str) -> str:
    """Return digits with the offset the recorder wrote behind its own: it is wrong on some firmware, and ignored."""
    suffix = _SUFFIX.search(shown)
    return digits + (suffix[1] if suffix is not None else "")
