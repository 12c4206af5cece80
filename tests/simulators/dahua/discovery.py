"""DHDiscover: the simulated Dahua unit answers who asks by UDP (dahua-cgi 16; 19, item 19)."""

import asyncio
import contextlib
import json
import struct
from typing import Any, override

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


class Responder(asyncio.DatagramProtocol):
    """Answers searches; one that names another address at its top level is for somebody else."""

    def __init__(self, device: DahuaDevice) -> None:
        self._device = device
        self._transport: asyncio.DatagramTransport | None = None
        self.port = 0

    async def start(self, port: int) -> None:
        """Listen; a later start takes the same port again."""
        loop = asyncio.get_running_loop()
        address = (self._device.options.host, port or self.port)
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=address)
        self.port = int(self._transport.get_extra_info("sockname")[1])

    def stop(self) -> None:
        """Stop listening."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    @override
    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        asked = unframe(data)
        if asked is None or asked.get("method") != "DHDiscover.search" or self._transport is None:
            return
        if asked.get("mac") in {None, "", self._device.mac}:
            self._transport.sendto(frame(self._answer()), addr)

    def _answer(self) -> dict[str, Any]:
        device = self._device
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
