"""A trigger with one more notification: bytes in, bytes out, everything else as it was. Pure."""

import re
from typing import Final

from ...errors import NvrResponseError

_OPEN: Final = re.compile(
    rb"<(?P<prefix>[\w.-]+:)?EventTriggerNotificationList(?P<attributes>\s[^<>]*?)?(?P<empty>/)?>"
)
_END: Final = re.compile(rb"</(?P<prefix>[\w.-]+:)?(?:EventTriggerNotificationList|EventTrigger)\s*>")
CENTER: Final = "center"


def with_center(body: bytes) -> bytes:
    """Return an EventTrigger that is sent to the surveillance centre too, which is us (hikvision-isapi 11.5)."""
    if (opened := _OPEN.search(body)) is None:
        ends = list(_END.finditer(body))
        if len(ends) != 1:
            raise NvrResponseError("the document is no trigger")
        prefix = ends[0]["prefix"] or b""
        name = prefix + b"EventTriggerNotificationList"
        return body[: ends[0].start()] + b"<%b>%b</%b>" % (name, _center(prefix), name) + body[ends[0].start() :]
    prefix = opened["prefix"] or b""
    if opened["empty"]:
        name = prefix + b"EventTriggerNotificationList"
        whole = b"<%b%b>%b</%b>" % (name, (opened["attributes"] or b"").rstrip(), _center(prefix), name)
        return body[: opened.start()] + whole + body[opened.end() :]
    end = _END.search(body, opened.end())
    if end is None:
        raise NvrResponseError("the trigger's list of notifications does not end")
    return body[: end.start()] + _center(prefix) + body[end.start() :]


def _center(prefix: bytes) -> bytes:
    parts = ((b"id", b"center"), (b"notificationMethod", b"center"), (b"notificationRecurrence", b"beginning"))
    inner = b"".join(b"<%b%b>%b</%b%b>" % (prefix, name, text, prefix, name) for name, text in parts)
    name = prefix + b"EventTriggerNotification"
    return b"<%b>%b</%b>" % (name, inner, name)
