"""Every firmware profile shows the facts by which a client tells one kind of device from another."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from tests.simulators.hikvision import FIRMWARES, DeviceKind, HikvisionSimulator, SimulatorOptions

from .rig import Visitor, every, find, local, texts

# key: analog inputs, IP channels, answer of InputProxy/channels, of Video/inputs, of stream 103, of the stream list
FACTS = {
    "nvr8": (0, 8, 200, 403, 403, 200),
    "nvr16": (0, 16, 200, 403, 403, 200),
    "nvr-old": (0, 9, 200, 403, 403, 403),
    "nvr32": (0, 32, 200, 403, 403, 200),
    "dvr4": (4, 2, 200, 200, 400, 200),
    "dvr8": (8, 2, 200, 200, 400, 200),
    "ipc": (1, 0, 403, 200, 200, 200),
    "ipc2": (2, 0, 403, 200, 200, 200),
    "ipc-old": (1, 0, 403, 200, 500, 200),
    "basic": (1, 0, 403, 200, 200, 200),
}


@pytest.fixture(params=list(FIRMWARES), name="options")
def each_profile(request: pytest.FixtureRequest, options: SimulatorOptions) -> SimulatorOptions:
    return replace(options, profile=request.param)


@pytest.fixture(name="visitor")
def right_visitor(simulator: HikvisionSimulator) -> Visitor:
    return Visitor(simulator, basic=simulator.device.firmware.digest == "f")


async def test_profile_is_what_it_says(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    firmware = simulator.device.firmware
    analog, proxied, proxies, inputs, third, streams = FACTS[firmware.key]
    info = await visitor.xml("System/deviceInfo")
    assert find(info, "model") == firmware.model
    assert find(info, "serialNumber") == simulator.serial
    assert find(info, "deviceType") == firmware.device_type
    caps = await visitor.xml("System/capabilities")
    assert int(find(caps, "videoInputPortNums") or 0) == analog
    assert (find(caps, "inputProxyNums") is None) is (firmware.kind is DeviceKind.CAMERA)
    answer = await visitor.get("ContentMgmt/InputProxy/channels")
    assert answer.status_code == proxies
    if proxies == 200:
        nodes = every(ET.fromstring(answer.content), "InputProxyChannel")
        assert [find(node, "id") for node in nodes] == [str(n) for n in range(analog + 1, analog + proxied + 1)]
        assert all((find(node, "model") is not None) is firmware.channel_models for node in nodes)
    answer = await visitor.get("System/Video/inputs/channels")
    assert answer.status_code == inputs
    if inputs == 200:
        assert len(every(ET.fromstring(answer.content), "VideoInputChannel")) == analog
    assert (await visitor.get("Streaming/channels/103")).status_code == third
    assert (await visitor.get("Streaming/channels")).status_code == streams
    triggers = await visitor.xml("Event/triggers")
    assert (local(triggers.tag) == "EventNotification") is firmware.wrapped_triggers
    assert "center" in texts(triggers, "notificationMethod")
    hosts = await visitor.xml("Event/notification/httpHosts")
    assert len(every(hosts, "HttpHostNotification")) == firmware.posts_hosts
    ports = await visitor.xml("Security/adminAccesses")
    by_protocol = {find(node, "protocol"): find(node, "portNo") for node in every(ports, "AdminAccessProtocol")}
    assert by_protocol["HTTP"] == str(simulator.http_port)


async def test_camera_echoes_its_main_stream(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    answer = await visitor.get("Streaming/channels/104")
    if simulator.device.firmware.key in {"ipc", "ipc2", "basic"}:
        echo, main = ET.fromstring(answer.content), await visitor.xml("Streaming/channels/101")
        assert find(echo, "id") == "104"
        assert find(echo, "videoResolutionWidth") == find(main, "videoResolutionWidth")
    elif simulator.device.firmware.transcoded:
        assert find(ET.fromstring(answer.content), "videoCodecType") == "H.264"
    else:
        assert answer.status_code in {403, 500}


async def test_clock_text_follows_the_zone(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    text = find(await visitor.xml("System/time"), "timeZone") or ""
    minutes = simulator.device.zone.minutes
    assert text.startswith(f"CST{'-' if minutes > 0 else '+'}{abs(minutes) // 60}:{abs(minutes) % 60:02d}:00")
    assert ("DST" in text) is (simulator.device.zone.dst is not None)
