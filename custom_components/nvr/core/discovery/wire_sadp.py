"""SADP, the search of Hikvision's boxes: a small XML document by UDP multicast (hikvision-isapi 15.1)."""

from typing import Final
from uuid import uuid4
from xml.etree.ElementTree import Element

from ..errors import NvrResponseError
from ..transport.xml import fields, local, parse
from .box import Box, BoxKind, kind_of, plain_mac, plain_port, plain_text

GROUP: Final = "239.255.255.250"
PORT: Final = 37020

_LARGEST: Final = 16 * 1024
# Some cameras call themselves only this; the model then leads their serial number.
_NO_MODEL: Final = frozenset({"ipcamera", "ip camera", "ipc", "nvr", "dvr"})
_LEAST_SERIAL: Final = 17


def questions() -> tuple[bytes, ...]:
    """Return what to send."""
    return (
        b'<?xml version="1.0" encoding="utf-8"?><Probe><Uuid>%b</Uuid><Types>inquiry</Types></Probe>'
        % str(uuid4()).upper().encode(),
    )


def read(data: bytes, host: str) -> Box | None:
    """Return the box that answers from `host`; None for anything else: questions of others, other messages."""
    try:
        root = parse(data, limit=_LARGEST)
    except NvrResponseError:
        return None
    return _box(root, host) if local(root.tag).lower() == "probematch" else None


def _box(root: Element, host: str) -> Box | None:
    told = fields(root)
    serial, model = plain_text(told.get("DeviceSN", "")), plain_text(told.get("DeviceDescription", ""))
    mac = plain_mac(told.get("MAC", ""))
    if told.get("Types", "inquiry") != "inquiry" or not (mac or serial):
        return None
    if model.lower() in _NO_MODEL or not model:
        model = _model_in(serial) or model
    activated = told.get("Activated", "").lower()
    return Box(
        host,
        plain_port(told.get("HttpPort", "")),
        family="hikvision",
        maker="hikvision",
        model=model,
        serial=serial,
        mac=mac,
        kind=_kind(told, model),
        activated={"true": True, "false": False}.get(activated),
    )


def _kind(told: dict[str, str], model: str) -> BoxKind:
    """Return what the model tells, else the numbers of channels: a camera has no digital ones."""
    if (kind := kind_of(model)) is not BoxKind.UNKNOWN:
        return kind
    if model.upper().startswith("DS-K"):
        return BoxKind.OTHER  # intercoms and door controllers
    counts = [told.get(name, "") for name in ("AnalogChannelNum", "DigitalChannelNum")]
    if not all(count.isdecimal() for count in counts):
        return BoxKind.UNKNOWN
    return BoxKind.RECORDER if sum(int(count[:4]) for count in counts) > 1 else BoxKind.CAMERA


def _model_in(serial: str) -> str:
    """Return the model a serial number begins with: a date and letters follow it."""
    for at in range(3, len(serial) - _LEAST_SERIAL):
        date = serial[at : at + 8]
        if date.isdecimal() and date.startswith("20") and serial[at + 8 : at + 12].isalpha():
            return serial[:at]
    return ""
