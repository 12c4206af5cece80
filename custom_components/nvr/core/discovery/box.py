"""What a box on the network tells of itself to anybody who asks."""

from dataclasses import dataclass, fields
from enum import StrEnum
import re
from typing import Final

# Names of recorders of both families and their re-brands; what a model does not say, it does not say.
_RECORDER: Final = re.compile(
    r"(i?DS-(6|7|8|9)\d|i?DS-A\d|[A-Z0-9-]*(NVR|DVR|XVR|HCVR|NVD)|HW[ND]-|TVVR|LT[ND]\d|ER[IT]-)", re.IGNORECASE
)
_CAMERA: Final = re.compile(r"(i?DS-2|HWI-|IPC|DS-I\d|DS-T|CMIP|TVIP|SD\d|DH-(IPC|SD|H[AF]))", re.IGNORECASE)
_MAC: Final = re.compile(r"[0-9a-f]{12}")
_LONGEST: Final = 80


class BoxKind(StrEnum):
    """What sort of box it is, as far as it says."""

    RECORDER = "recorder"
    CAMERA = "camera"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Box:
    """One box that answered. `host` is where the answer came from: nobody can point us elsewhere.

    `port` is that of its web server (0: not told), `mac` twelve hex digits between colons. `family` is empty where
    the answer fits more than one. `activated` is False for one that nobody has given a password yet.
    """

    host: str
    port: int = 0
    family: str = ""
    maker: str = ""
    model: str = ""
    name: str = ""
    serial: str = ""
    mac: str = ""
    kind: BoxKind = BoxKind.UNKNOWN
    activated: bool | None = None

    def with_more(self, other: Box) -> Box:
        """Return this box with what only the other answer of it tells."""
        told = {item.name: getattr(self, item.name) for item in fields(self)}
        for name, value in told.items():
            if value in {"", 0, None, BoxKind.UNKNOWN}:
                told[name] = getattr(other, name)
        return Box(**told)


def kind_of(model: str) -> BoxKind:
    """Return what a model name tells."""
    if _CAMERA.match(model):
        return BoxKind.CAMERA
    return BoxKind.RECORDER if _RECORDER.match(model) else BoxKind.UNKNOWN


def plain_mac(text: str) -> str:
    """Return a network address between colons, lower-case, however it was written; empty for what is none."""
    digits = re.sub(r"[^0-9a-f]", "", text.lower()) if len(text) <= _LONGEST else ""
    return ":".join(re.findall("..", digits)) if _MAC.fullmatch(digits) else ""


def plain_text(value: object) -> str:
    """Return a text as it can be shown: one line, not too long, nothing that is not printed."""
    text = " ".join(str(value).split()) if isinstance(value, str) else ""
    return "".join(char for char in text if char.isprintable())[:_LONGEST].strip()


def plain_port(value: object) -> int:
    """Return a port, 0 for what is none."""
    try:
        port = int(str(value))
    except ValueError:
        return 0
    return port if 0 < port < 1 << 16 else 0


def merged(boxes: list[Box]) -> tuple[Box, ...]:
    """Return each box once, with all it told in any way, in the order of addresses."""
    found: list[Box] = []
    for box in boxes:
        # A box answers by one address in each network; with two of them its network address tells.
        at = next((at for at, known in enumerate(found) if _same(known, box)), len(found))
        found[at : at + 1] = [found[at].with_more(box) if at < len(found) else box]
    return tuple(sorted(found, key=_order))


def _same(one: Box, other: Box) -> bool:
    if one.mac and other.mac:
        return one.mac == other.mac
    # Behind one address two web ports are two boxes (port forwarding).
    return one.host == other.host and (one.port == other.port or not one.port or not other.port)


def _order(box: Box) -> tuple[tuple[int, str], ...]:
    parts = re.findall(r"\d+|\D+", box.host)
    return (*((int(part), "") if part.isdigit() else (1 << 32, part) for part in parts), (box.port, ""))
