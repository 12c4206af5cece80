"""Alerts of the event stream: bytes to wire shapes, and what can be told from the raw bytes (hikvision-isapi 11).

Pure. Heartbeats and repeats are by far the most parts of a stream, so both are recognised before any XML is parsed.
"""

import json
import re
from typing import Final, NamedTuple

from ...errors import NvrResponseError
from ...transport.xml import local, parse
from .wire import unexpected

_CHANNEL = re.compile(rb"<(?:\w+:)?(?:dynChannelID|channelID)[^>]*>\s*(\d+)\s*<")
# A moment that is nothing but a moment: no reference, no character that XML would refuse.
_MOMENT: Final = b"0123456789-:.+TZz"
_MOST_DIGITS: Final = 10
_TAGS: Final = 2  # of one element
_HEARTBEAT = re.compile(rb">\s*heartbeat\s*<", re.IGNORECASE)


class Alert(NamedTuple):
    """One EventNotificationAlert; texts as sent, numbers None where they are not sent (hikvision-isapi 11.2)."""

    type: str
    state: str
    channel: int | None
    dyn_channel: int | None
    port: int | None
    proxied_port: int | None
    moment: str
    target: str
    region: str
    plate: str
    related: str
    retransmitted: bool
    description: str
    pictures: int
    direction: str = ""


def heartbeat_channel(body: bytes) -> int | None:
    """Return the channel of a video-loss-over alert, 0 for a plain heartbeat, None for anything else.

    `videoloss inactive` is the heartbeat of recorders and cameras, and the end of a real loss (hikvision-isapi 11.1).
    """
    if b"videoloss" in body:
        if b"inactive" not in body:
            return None
        found = _CHANNEL.search(body)
        return int(found[1]) if found else 0
    return 0 if b"eart" in body and _HEARTBEAT.search(body) else None


def shape_of(body: bytes) -> tuple[bytes, str | None]:
    """Return the body without what changes from one repeat of an alert to the next, and its moment.

    The moment is None where the bytes alone do not tell it; a post counter is left out too (hikvision-isapi 11.1).
    """
    moment = None
    start, end = _leaf(body, b"<dateTime>", b"</dateTime>")
    if end > start and not (text := body[start:end]).translate(None, _MOMENT):
        moment = text.decode()
        body = body[:start] + body[end:]
    start, end = _leaf(body, b"<activePostCount>", b"</activePostCount>")
    return body[:start] + body[end:] if end > start else body, moment


def _leaf(body: bytes, opening: bytes, closing: bytes) -> tuple[int, int]:
    """Return where the text of the first such element begins and ends; no length where there is none."""
    found = body.find(opening)
    if found < 0:
        return 0, 0
    start = found + len(opening)
    end = body.find(b"<", start)
    return (start, end) if body.startswith(closing, end) else (0, 0)


def is_steady(body: bytes) -> bool:
    """Tell whether `parse_alert` reads all bodies of this shape alike but for the moment, which is found in the bytes.

    Not where a comment or a second element could be what was found.
    """
    return b"<!" not in body and body.count(b"dateTime>") == _TAGS


def _integer(value: str | None) -> int | None:
    value = value.strip() if value else ""
    return int(value) if value.isdecimal() and len(value) < _MOST_DIGITS else None


def parse_alert(body: bytes) -> Alert:
    """Read an alert of any version and namespace; raises NvrResponseError for what is none (hikvision-isapi 11.2)."""
    root = parse(body)
    if local(root.tag) != "EventNotificationAlert":
        raise unexpected("EventNotificationAlert", local(root.tag))
    leaves: dict[str, str] = {}
    pictures = 0
    for element in root.iter():
        name = local(element.tag)
        if name == "pictureInfo":
            pictures += 1
        value = element.text
        if value and name not in leaves:
            leaves[name] = value
    return _alert(leaves, pictures)


def _alert(leaves: dict[str, str], pictures: int) -> Alert:
    """Make the alert from its leaves, the first of each name."""
    get = leaves.get
    kind = get("eventType", "").strip()
    if not kind:
        raise unexpected("eventType", "alert")
    return Alert(
        type=kind,
        state=get("eventState", "").strip().lower(),
        channel=_integer(get("channelID")),
        dyn_channel=_integer(get("dynChannelID")),
        port=_integer(get("inputIOPortID")),
        proxied_port=_integer(get("dynInputIOPortID")),
        moment=get("dateTime", "").strip(),
        target=(get("detectionTarget") or get("targetType") or "").strip().lower(),
        region=get("regionID", "").strip(),
        plate=(get("licensePlate") or get("plateNumber") or "").strip(),
        related=get("relationEvent", "").strip(),
        retransmitted=get("isDataRetransmission", "").strip().lower() == "true",
        description=get("eventDescription", "").strip(),
        pictures=_integer(get("detectionPicturesNumber")) or pictures,
        direction=get("direction", "").strip(),
    )


def _flatten(value: object, leaves: dict[str, str], depth: int = 0) -> None:
    """Collect the leaves of a JSON alert, the first of each name; five levels hold every known shape."""
    if isinstance(value, dict) and depth < 5:
        for key, child in value.items():
            if isinstance(child, dict | list):
                continue
            if child is not None and key not in leaves:
                leaves[key] = str(child)
        for child in value.values():
            _flatten(child, leaves, depth + 1)
    elif isinstance(value, list):
        for child in value[:32]:
            _flatten(child, leaves, depth + 1)


def parse_json_alert(body: bytes) -> Alert:
    """Read an alert of newer analytics, sent as JSON; raises NvrResponseError (hikvision-isapi 11.1)."""
    try:
        data = json.loads(body)
    except ValueError, RecursionError:
        message = "an alert that is no JSON"
        raise NvrResponseError(message) from None
    leaves: dict[str, str] = {}
    _flatten(data, leaves)
    return _alert(leaves, 0)
