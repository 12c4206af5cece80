"""DHDiscover, the search of Dahua's boxes: JSON behind a header of 32 bytes, by UDP (dahua-cgi 16)."""

import json
import struct
from typing import Any, Final

from .box import Box, BoxKind, kind_of, plain_mac, plain_port, plain_text

GROUP: Final = "239.255.255.251"
PORT: Final = 37810

_HEADER: Final = 32
_MAGIC: Final = b"DHIP"
_LARGEST: Final = 16 * 1024
_KINDS: Final = {
    **dict.fromkeys(("NVR", "DVR", "HCVR", "XVR", "EVS", "NVS", "SVR", "LDVR"), BoxKind.RECORDER),
    **dict.fromkeys(("IPC", "SD", "PTZ", "IVSS-IPC", "HAC"), BoxKind.CAMERA),
    **dict.fromkeys(("VTO", "VTH", "VTA", "ASC", "ASI", "NKB", "DSS", "VTS"), BoxKind.OTHER),
}


def questions() -> tuple[bytes, ...]:
    """Return what to send."""
    body = json.dumps({"method": "DHDiscover.search", "params": {"uni": 1}}, separators=(",", ":")).encode() + b"\n"
    length = len(body)
    return (struct.pack("<I4sIIIIII", _HEADER, _MAGIC, 0, 0, length, length, length, length) + body,)


def read(data: bytes, host: str) -> Box | None:
    """Return the box that answers from `host`; None for anything else: our own question comes back, too."""
    if not _HEADER < len(data) <= _LARGEST or data[4:8] != _MAGIC:
        return None
    (length,) = struct.unpack_from("<I", data, 16)
    try:
        told = json.loads(data[_HEADER : _HEADER + length].rstrip(b"\0\n"))
    except ValueError, RecursionError:
        return None
    parameters = told.get("params") if isinstance(told, dict) else None
    device = parameters.get("deviceInfo") if isinstance(parameters, dict) else None
    return _box(told, device, host) if isinstance(device, dict) else None


def _box(told: dict[str, Any], device: dict[str, Any], host: str) -> Box | None:
    serial, mac = plain_text(device.get("SerialNo")), plain_mac(plain_text(told.get("mac")))
    if not (serial or mac):
        return None
    model = plain_text(device.get("DeviceType"))
    name = plain_text(device.get("MachineName"))
    sort = plain_text(device.get("DeviceClass")).upper()
    return Box(
        host,
        plain_port(device.get("HttpPort")),
        family="dahua",
        maker=plain_text(device.get("Vendor")),
        model=model,
        # Out of the box it is called after its serial number, which is nobody's business, or after what it is.
        name="" if name.upper() in {serial.upper(), model.upper(), sort} else name,
        serial=serial,
        mac=mac,
        kind=_KINDS.get(sort) or kind_of(model),
    )
