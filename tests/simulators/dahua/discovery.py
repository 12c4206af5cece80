"""DHDiscover and WS-Discovery: the simulated Dahua unit answers who asks by UDP (dahua-cgi 16; 19, item 19)."""

import contextlib
import json
import struct
from typing import Any

from tests.simulators.onvif_hello import Hello, onvif_responder
from tests.simulators.responder import Responder

from .device import DahuaDevice

_HEADER = 32


def frame(value: dict[str, Any]) -> bytes:
    """Write a message behind its header of 32 bytes."""
    body = json.dumps(value).encode() + b"\n\x00"
    return struct.pack("<I4sIIIIII", _HEADER, b"DHIP", 0, 0, *[len(body)] * 4) + body


def unframe(data: bytes) -> dict[str, Any] | None:
    """Read a message; None for what is none."""
    if len(data) < _HEADER or data[4:8] != b"DHIP":
        return None
    (length,) = struct.unpack_from("<I", data, 16)
    with contextlib.suppress(ValueError):
        value = json.loads(data[_HEADER : _HEADER + length].rstrip(b"\n\x00"))
        return value if isinstance(value, dict) else None
    return None


GROUP = "239.255.255.251"


def dhdiscover_responder(device: DahuaDevice) -> Responder:
    """Return what answers searches; one that names another address at its top level is for somebody else."""

    def answer(question: bytes) -> bytes | None:
        asked = unframe(question)
        if (
            asked is None
            or asked.get("method") != "DHDiscover.search"
            or asked.get("mac") not in {None, "", device.mac}
        ):
            return None
        return frame(_told(device))

    return Responder(device.options.host, GROUP, answer)


def hello_responder(device: DahuaDevice) -> Responder:
    """Return what answers ONVIF's probes."""

    def hello() -> Hello:
        scopes: tuple[str, ...] = (
            "location/country/china",
            "name/Dahua",
            f"hardware/{device.firmware.model}",
            "Profile/Streaming",
        )
        scopes += ("type/Network_Video_Transmitter", "extension/unique_identifier")
        return Hello(device.serial, device.options.host, device.http_port, scopes)

    return onvif_responder(device.options.host, hello)


def _told(device: DahuaDevice) -> dict[str, Any]:
    """Return what the unit tells of itself."""
    remote = len(device.channels) - device.firmware.analog
    info = {
        "AlarmInputChannels": 4,
        "AlarmOutputChannels": 2,
        "DeviceClass": device.firmware.kind.value,
        "DeviceType": device.firmware.model,
        "Find": "BC",
        "HttpPort": device.http_port,
        "IPv4Address": {
            "DefaultGateway": "127.0.0.1",
            "DhcpEnable": True,
            "IPAddress": device.options.host,
            "SubnetMask": "255.0.0.0",
        },
        "Init": 3733,
        "MachineName": device.name,
        "Port": 37777,
        "RemoteVideoInputChannels": 0 if device.is_camera else remote,
        "SerialNo": device.serial,
        "Version": device.version,
        "VideoInputChannels": 1 if device.is_camera else device.firmware.analog,
    }
    return {"mac": device.mac, "method": "client.notifyDevInfo", "params": {"deviceInfo": info}}
