"""One stored key picture as a recorder answers it: in JSON, as base64 or or as a part. Pure.

dahua-cgi 11.4.
"""

from base64 import b64decode
import binascii
import json
import re
from typing import Final

PAGE: Final = "/RPC3_Loadfile"
METHOD: Final = "StorageAssistant.getIFrameData"
_START: Final = b"\x00\x00\x01"
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\r\n]+={0,2}\s*\Z")
_BOUNDARY: Final = re.compile(r'boundary="?([^";,\s]{1,70})', re.IGNORECASE)
_LENGTH: Final = re.compile(rb"^content-length:\s*(\d{1,9})\s*$", re.IGNORECASE | re.MULTILINE)


def question(index: int, stamp: str, stream: str) -> dict[str, object]:
    """Return what asks for the picture at a moment; `index` counts from 0 (dahua-cgi 4)."""
    return {"Infos": {"Channel": index, "Time": stamp, "VideoStream": stream}}


def payload(content_type: str, body: bytes) -> bytes:
    """Return the picture of an answer that is no refusal, bare or in a DHAV frame; empty where there is none."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is not None:
        return _part(body, boundary[1].encode())
    if body.lstrip()[:1] == b"{":
        try:
            found = json.loads(body)["params"]["body"]
        except ValueError, KeyError, TypeError, RecursionError:
            return b""
        body = found.encode("ascii", "replace") if isinstance(found, str) else b""
    return _plain(body)


def _plain(body: bytes) -> bytes:
    """Return what base64 stands for; anything else as it is."""
    if not _BASE64.match(body):
        return body
    try:
        return b64decode(body)
    except binascii.Error:
        return body


def _part(body: bytes, boundary: bytes) -> bytes:
    """Return the payload of the last part that is no JSON."""
    mark = b"--" + boundary
    at, found = body.find(mark), b""
    while at >= 0 and not body.startswith(mark + b"--", at):
        head, _, rest = body[at + len(mark) :].partition(b"\r\n\r\n")
        begin = at + len(mark) + len(head) + 4
        length = _LENGTH.search(head)
        # A picture may hold the boundary by chance: its stated length goes first.
        end = begin + int(length[1]) if length else body.find(b"\r\n" + mark, begin)
        part = body[begin : end if end >= begin else len(body)]
        if rest and b"json" not in head.lower():
            found = part
        at = body.find(mark, max(end, begin))
    return _plain(found)


def codec_of(data: bytes) -> str:
    """Return "h264" or "h265" by the units of Annex B bytes; empty where there is no picture that stands alone."""
    if not data.startswith((_START, b"\x00" + _START)):
        return ""
    kinds: set[str] = set()
    at = data.find(_START)
    while 0 <= at < len(data) - 4:
        first, second = data[at + 3], data[at + 4]
        if first & 0x81 == 0 and second == 1 and (first >> 1) in {16, 17, 18, 19, 20, 21, 32, 33, 34}:
            kinds.add("h265" if first >> 1 >= 32 else "picture5")
        elif first & 0x1F in {5, 7}:
            kinds.add("h264" if first & 0x1F == 7 else "picture4")
        if {"h265", "picture5"} <= kinds:
            return "h265"
        if {"h264", "picture4"} <= kinds:
            return "h264"
        at = data.find(_START, at + 3)
    return ""
