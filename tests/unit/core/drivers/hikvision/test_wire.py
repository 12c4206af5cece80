"""Bytes to wire shapes."""

from collections.abc import Callable

import pytest

from custom_components.nvr.core.drivers.hikvision import mapping, wire
from custom_components.nvr.core.errors import NvrResponseError

from .documents import DEVICES, load, raw

PARSERS: list[Callable[[bytes], object]] = [
    wire.parse_device_info,
    wire.parse_capabilities,
    wire.parse_time,
    wire.parse_ports,
    wire.parse_proxy_channels,
    wire.parse_proxy_status,
    wire.parse_video_inputs,
    wire.parse_streams,
    wire.parse_tracks,
    wire.parse_triggers,
    wire.parse_channel_events,
    wire.parse_storage,
    wire.parse_status,
    wire.parse_download_ability,
]


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    "body", [b"", b"<html><body>login</body></html>", b"<Other><id>1</id></Other>", b"<DeviceInfo"]
)
def test_another_document_is_refused(parse: Callable[[bytes], object], body: bytes) -> None:
    with pytest.raises(NvrResponseError):
        parse(body)


@pytest.mark.parametrize("device", DEVICES)
def test_every_device_identifies_itself(device: str) -> None:
    info = load(device).info
    assert info.serial.startswith(info.model.partition("/")[0][:6])
    assert info.firmware.startswith("V")


def test_the_size_of_a_list_is_never_believed() -> None:
    assert b'size="10"' in raw("DS-7608NXI-K2_V4.62.210", "ContentMgmt/InputProxy/channels")
    channels = wire.parse_proxy_channels(raw("DS-7608NXI-K2_V4.62.210", "ContentMgmt/InputProxy/channels"))
    assert [channel.id for channel in channels] == [1, 2, 3, 4, 6, 7]
    assert not channels[-1].has_source
    assert channels[2].protocol == "ONVIF"


def test_numbers_may_stand_behind_a_line_break() -> None:
    caps = wire.parse_capabilities(raw("DS-7732NI-M4_V5.03.020", "System/capabilities"))
    assert caps.proxy_inputs == 32
    assert caps.sub_record
    assert caps.playback_utc
    assert caps.record_types[:2] == ("CMR", "AllEvent")
    status = wire.parse_status(raw("DS-7608NXI-K2_V4.62.210", "System/status"))
    assert status == wire.DeviceStatus(315698, (3.0, 5.0), 1117.457031, 12.5)


def test_status_without_lists() -> None:
    assert wire.parse_status(b"<DeviceStatus><deviceUpTime/></DeviceStatus>") == wire.DeviceStatus(None, (), None, None)
    broken = b"<DeviceStatus><CPUList><CPU><cpuUtilization>x</cpuUtilization></CPU></CPUList></DeviceStatus>"
    assert wire.parse_status(broken).cpu == ()


def test_an_absent_online_is_unknown_not_offline() -> None:
    states = wire.parse_proxy_status(raw("DS-7608NXI-K2_V4.62.210", "ContentMgmt/InputProxy/channels/status"))
    assert [state.online for state in states] == [True, True, None, False]
    assert states[0].streams == (101, 102)
    assert states[3].detail == "ipNotExist"


@pytest.mark.parametrize("device", ["DS-2TD1217-2_V5.5.98", "DS-2CD2432F-IW_V5.2.0"])
def test_triggers_may_be_wrapped(device: str) -> None:
    assert b"<EventNotification " in raw(device, "Event/triggers")
    triggers = wire.parse_triggers(raw(device, "Event/triggers"))
    assert triggers[0].type == "IO"
    assert triggers[0].port == 1


def test_a_trigger_without_channel_takes_it_from_its_id() -> None:
    triggers = {item.id: item for item in wire.parse_triggers(raw("DS-2TD1217-2_V5.5.98", "Event/triggers"))}
    assert triggers["VMD-1"].channel == 1
    assert triggers["IO-1"].channel is None
    assert triggers["diskerror"].channel is None
    proxied = {item.id: item for item in wire.parse_triggers(raw("DS-7608NXI-K2_V4.62.210", "Event/triggers"))}
    assert proxied["IO-301"].proxied_port == 301
    assert proxied["VMD-1"].methods == ("center", "record")


def test_streams_know_their_input_by_either_name() -> None:
    dynamic = wire.parse_streams(raw("DS-7732NI-M4_V5.03.020", "Streaming/channels"))
    plain = wire.parse_streams(raw("DS-7608NXI-K2_V4.62.210", "Streaming/channels"))
    assert {stream.channel for stream in dynamic[-3:]} == {32}
    assert plain[0] == wire.Stream(101, 1, "101", True, "H.265", 3840, 2160, 0, 4096, "G.711ulaw")
    assert plain[1].audio is None
    single = wire.parse_streams(raw("DS-2CD2186G2-ISU_V5.7.15", "Streaming/channels/103"))
    assert [stream.id for stream in single] == [103]


def test_a_stream_without_video_block_is_read_as_far_as_it_goes() -> None:
    inside = b"<id>101</id><enabled>false</enabled><Audio><enabled>true</enabled></Audio>"
    body = b"<StreamingChannel>" + inside + b"</StreamingChannel>"
    stream = wire.parse_streams(body)[0]
    assert (stream.enabled, stream.codec, stream.audio, stream.channel) == (False, "", None, None)


def test_ports_are_those_enabled() -> None:
    ports = wire.parse_ports(raw("DS-7608NXI-K2_V4.62.210", "Security/adminAccesses"))
    assert ports == {"HTTP": 80, "RTSP": 10554, "HTTPS": 443, "DEV_MANAGE": 8000}


def test_time_without_digits_is_refused() -> None:
    with pytest.raises(NvrResponseError):
        wire.parse_time(b"<Time><timeMode>NTP</timeMode></Time>")
    time = wire.parse_time(raw("DS-7608NXI-K2_V4.62.210", "System/time"))
    assert time == wire.DeviceTime("NTP", "2026-03-04T06:20:30-03:00", "CST+3:00:00")


def test_entries_without_a_number_are_left_out() -> None:
    assert wire.parse_proxy_channels(b"<InputProxyChannelList><InputProxyChannel/></InputProxyChannelList>") == ()
    states = b"<InputProxyChannelStatusList><InputProxyChannelStatus/></InputProxyChannelStatusList>"
    assert wire.parse_proxy_status(states) == ()
    assert wire.parse_video_inputs(b"<VideoInputChannelList><VideoInputChannel/></VideoInputChannelList>") == ()
    assert wire.parse_streams(b"<StreamingChannelList><StreamingChannel/></StreamingChannelList>") == ()
    assert wire.parse_tracks(b"<TrackList><Track/></TrackList>") == ()
    assert wire.parse_ports(b"<AdminAccessProtocolList></AdminAccessProtocolList>") == {}


def test_storage_lists_disks_then_shares() -> None:
    volumes = wire.parse_storage(raw("DS-7732NI-M4_V5.03.020", "ContentMgmt/Storage"))
    assert [(item.id, item.kind, item.status) for item in volumes] == [("1", "SATA", "ok"), ("9", "NFS", "offline")]
    assert volumes[1].name == "/rec"
    nameless = b"<storage><nasList><nas><ipAddress>10.0.0.1</ipAddress></nas></nasList></storage>"
    assert wire.parse_storage(nameless)[0].name == "10.0.0.1"


def test_lens_events_and_download_ability() -> None:
    events = wire.parse_channel_events(raw("DS-2TD1217-2_V5.5.98", "Event/channels/capabilities"))
    assert events == {1: ("VMD", "linedetection"), 2: ("TMA", "fireDetection", "diskfull", "AIOP_Video")}
    body = b"<DownloadAbility><isSupportDownloadbyFileName>true</isSupportDownloadbyFileName></DownloadAbility>"
    assert wire.parse_download_ability(body) == wire.DownloadAbility(by_name=True, by_time=None)


def test_tracks_repeat_their_id_as_channel() -> None:
    tracks = wire.parse_tracks(raw("DS-7608NXI-K2_V4.62.210", "ContentMgmt/record/tracks"))
    assert tracks[0] == wire.Track(101, 1)
    assert wire.Track(301, None) in tracks


@pytest.mark.parametrize(
    ("elements", "address"),
    [
        ("<ipAddress>10.0.0.2</ipAddress><hostName>gate.lan</hostName>", "10.0.0.2"),
        ("<ipAddress>0.0.0.0</ipAddress><hostName>gate.lan</hostName>", "gate.lan"),
        ("<ipAddress/><ipv6Address>2001:db8::7</ipv6Address>", "2001:db8::7"),
        ("<ipAddress>0.0.0.0</ipAddress><ipv6Address>::</ipv6Address>", "0.0.0.0"),
        ("", ""),
    ],
)
def test_where_a_camera_is(elements: str, address: str) -> None:
    source = f"<sourceInputPortDescriptor>{elements}</sourceInputPortDescriptor>"
    entry = f"<InputProxyChannel><id>1</id>{source}</InputProxyChannel>"
    (channel,) = wire.parse_proxy_channels(f"<InputProxyChannelList>{entry}</InputProxyChannelList>".encode())
    assert channel.address == address
    assert mapping.is_empty_slot(channel) is (address in wire.NO_ADDRESS)
