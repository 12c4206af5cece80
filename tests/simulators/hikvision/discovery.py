"""SADP and WS-Discovery: how the simulated Hikvision recorder is found (hikvision-isapi 15)."""

import re

from tests.simulators.onvif_hello import Hello, onvif_responder
from tests.simulators.responder import Responder

from .device import Device

GROUP = "239.255.255.250"
_QUESTION = re.compile(rb"<Probe>.*<Types>inquiry</Types>.*</Probe>", re.DOTALL)
_ID = re.compile(rb"<Uuid>([^<]{1,64})</Uuid>")


def sadp_responder(device: Device) -> Responder:
    """Return what answers inquiries, for all in the group to hear; other messages and echoes are left alone."""

    def answer(question: bytes) -> bytes | None:
        asked = _ID.search(question)
        return _match(device, asked[1].decode() if asked else "") if _QUESTION.search(question) else None

    return Responder(device.options.host, GROUP, answer, to_group=True)


def hello_responder(device: Device) -> Responder:
    """Return what answers ONVIF's probes."""

    def hello() -> Hello:
        model = device.firmware.model
        scopes: tuple[str, ...] = (
            "type/video_encoder",
            "Profile/Streaming",
            f"hardware/{model}",
            f"name/HIKVISION {model}",
        )
        scopes += (f"MAC/{device.mac}", "location/country/china")
        return Hello(device.serial, device.options.host, device.http_port, scopes)

    return onvif_responder(device.options.host, hello)


def _match(device: Device, asked: str) -> bytes:
    firmware = device.firmware
    rows = {
        "Uuid": asked,
        "Types": "inquiry",
        "DeviceType": "44322",
        "DeviceDescription": firmware.model,
        "DeviceSN": device.serial,
        "CommandPort": "8000",
        "HttpPort": str(device.http_port),
        "MAC": device.mac.replace(":", "-"),
        "IPv4Address": device.options.host,
        "IPv4SubnetMask": "255.0.0.0",
        "IPv4Gateway": "127.0.0.1",
        "DHCP": "true",
        "AnalogChannelNum": str(device.analog),
        "DigitalChannelNum": str(len(device.channels) - device.analog),
        "SoftwareVersion": f"{device.version}{device.build}",
        "BootTime": "2026-10-01 08:00:00",
        "OEMInfo": "N/A",
        "Activated": "true",
        "PasswordResetAbility": "true",
    }
    body = "".join(f"\n<{name}>{value}</{name}>" for name, value in rows.items())
    return f'<?xml version="1.0" encoding="UTF-8" ?>\n<ProbeMatch>{body}\n</ProbeMatch>'.encode()
