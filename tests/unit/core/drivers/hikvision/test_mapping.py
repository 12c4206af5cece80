"""Wire shapes to models, device by device."""

from dataclasses import replace
from datetime import timedelta

import pytest

from custom_components.nvr.core.capabilities import GateWidths
from custom_components.nvr.core.drivers.hikvision import mapping, wire
from custom_components.nvr.core.errors import NvrResponseError
from custom_components.nvr.core.learned import dump_profiles, load_profiles
from custom_components.nvr.core.models import (
    AudioCodec,
    Channel,
    ChannelKind,
    DiskState,
    EventKind,
    RecorderKind,
    RecordingKind,
    StreamRole,
    VideoCodec,
)

from .documents import load, raw

NVR8, NVR16, NVR32 = "DS-7608NXI-K2_V4.62.210", "DS-7616NI-Q1_V4.30.097", "DS-7732NI-M4_V5.03.020"
HYBRID, OEM = "iDS-7204HUHI-M1_V4.75.011", "LTN8704_V4.1.52"
IPC, IPC2, OLD = "DS-2CD2186G2-ISU_V5.7.15", "DS-2TD1217-2_V5.5.98", "DS-2CD2432F-IW_V5.2.0"


def channels(device: str) -> dict[int, Channel]:
    documents = load(device)
    kind = mapping.recorder_kind(documents)
    built = mapping.build_channels(documents, documents.info.serial, kind, {})
    return {channel.number: channel for channel in built}


@pytest.mark.parametrize(
    ("device", "kind", "maker", "numbers"),
    [
        (NVR8, RecorderKind.NVR, "Hikvision", [1, 2, 3, 4]),
        (NVR16, RecorderKind.NVR, "Hikvision", list(range(1, 10))),
        (NVR32, RecorderKind.NVR, "Hikvision", [*range(1, 17), 20, 32]),
        (HYBRID, RecorderKind.HYBRID, "Hikvision", [1, 2, 3, 5, 6]),
        (IPC, RecorderKind.CAMERA, "Hikvision", [1]),
        (IPC2, RecorderKind.CAMERA, "Hikvision", [1, 2]),
        (OLD, RecorderKind.CAMERA, "Hikvision", [1]),
        (OEM, RecorderKind.NVR, "LTS", [1]),
    ],
)
def test_what_a_box_is(device: str, kind: RecorderKind, maker: str, numbers: list[int]) -> None:
    documents = load(device)
    info = mapping.recorder_info(documents, mapping.recorder_kind(documents))
    assert (info.kind, info.manufacturer, info.family) == (kind, maker, "hikvision")
    assert info.serial == documents.info.serial
    found = channels(device)
    assert list(found) == numbers
    assert all(channel.id == f"{info.serial}_{number}" for number, channel in found.items())


def test_identity_falls_back_and_never_is_made_up() -> None:
    documents = load(NVR8)
    assert mapping.recorder_info(documents, RecorderKind.NVR).mac == "c0:ff:ee:00:00:01"
    assert mapping.recorder_info(documents, RecorderKind.NVR).name == "Shop recorder"
    assert mapping.recorder_info(documents, RecorderKind.NVR).firmware == "V4.62.210 build 230619"
    assert mapping.identity(replace(documents.info, serial="")) == "c0:ff:ee:00:00:01"
    assert mapping.identity(replace(documents.info, serial="", mac="")) == documents.info.device_id
    with pytest.raises(NvrResponseError):
        mapping.identity(replace(documents.info, serial="", mac="", device_id=""))
    nameless = replace(documents, info=replace(documents.info, name="", model=""))
    assert mapping.recorder_info(nameless, RecorderKind.NVR).name == "NVR"
    assert mapping.normal_mac("00:00:00:00:00:00") is None


def test_kinds_without_capabilities() -> None:
    documents = load(HYBRID)
    bare = replace(documents, capabilities=None)
    assert mapping.recorder_kind(bare) is RecorderKind.NVR
    assert mapping.recorder_kind(replace(bare, proxies=None)) is RecorderKind.DVR
    caps = documents.capabilities
    assert caps is not None
    assert mapping.recorder_kind(replace(documents, capabilities=replace(caps, proxy_inputs=0))) is RecorderKind.DVR
    assert mapping.recorder_kind(replace(load(IPC), capabilities=None)) is RecorderKind.CAMERA
    assert mapping.is_camera_type(load(IPC).info)
    unsaid = replace(documents.info, device_type="")
    alone = replace(documents, info=unsaid, capabilities=replace(caps, analog_inputs=0, proxy_inputs=0), proxies=None)
    assert mapping.recorder_kind(alone) is RecorderKind.CAMERA
    assert not mapping.is_camera_type(documents.info)


def test_nvr_channels_profiles_and_detections() -> None:
    found = channels(NVR8)
    till, store, attached, yard = found.values()
    assert [profile.stream_id for profile in till.profiles] == ["101", "102"]
    main = till.profiles[0]
    assert (main.video, main.width, main.height, main.fps, main.bitrate) == (VideoCodec.H265, 3840, 2160, None, 4096)
    assert (main.audio, till.profiles[1].audio, till.profiles[1].fps) == (AudioCodec.G711_ULAW, None, 12.5)
    third = store.profile(StreamRole.THIRD)
    assert third is not None
    assert (third.video, third.audio) == (VideoCodec.MJPEG, AudioCodec.AAC)
    assert attached.profiles[0].video is VideoCodec.H265
    assert attached.profiles[0].audio is AudioCodec.PCM
    assert (attached.profiles[1].video, attached.profiles[1].audio) == (VideoCodec.UNKNOWN, AudioCodec.UNKNOWN)
    assert (attached.name, attached.online, attached.protocol, attached.manufacturer) == (
        "Channel 3",
        None,
        "ONVIF",
        None,
    )
    assert attached.detections == {EventKind.MOTION, EventKind.IO_INPUT}
    assert till.detections == {
        EventKind.MOTION,
        EventKind.TAMPER,
        EventKind.LINE_CROSSING,
        EventKind.OBJECT_THROWN,
    }
    assert store.manufacturer == "HiWatch"
    assert yard.online is False
    assert [profile.stream_id for profile in yard.profiles] == ["401", "402"]


def test_an_offline_channel_keeps_its_remembered_profiles() -> None:
    documents = load(NVR8)
    remembered = {4: mapping.profiles_by_channel(documents.streams or ())[1]}
    built = mapping.build_channels(documents, "S", RecorderKind.NVR, remembered)
    assert built[3].profiles == remembered[4]
    rows = {str(channel.number): dump_profiles(channel.profiles) for channel in built}
    assert load_profiles(rows) == {channel.number: channel.profiles for channel in built}
    assert load_profiles({"x": [], "1": [["main"]], "2": [["no", "1", "h264", 1, 1, 1.0, 1, None, True]]}) == {}


def test_profiles_are_derived_where_the_list_is_refused() -> None:
    found = channels(NVR16)
    assert found[9].name == "Camera 09"
    assert [profile.stream_id for profile in found[9].profiles] == ["901", "902"]
    assert found[9].profiles[0].video is VideoCodec.UNKNOWN
    assert mapping.derived_profiles(12, (1201, 1203, 101))[1].role is StreamRole.THIRD
    assert found[9].model is None


def test_detections_without_center_are_told() -> None:
    documents = load(NVR32)
    assert documents.triggers is not None
    silent = mapping.silent_triggers(documents.triggers)
    assert len(silent) == len(documents.triggers) - 2
    assert channels(NVR32)[32].detections == {EventKind.MOTION, EventKind.INTRUSION, EventKind.OBJECT_THROWN}


def test_kinds_that_no_trigger_sends_say_what_theirs_do() -> None:
    def trigger(kind: str, channel: int | None, *methods: str) -> wire.Trigger:
        return wire.Trigger(f"{kind}-{channel}", kind, channel, None, None, methods)

    assert mapping.unsent_kinds(
        [
            trigger("VMD", 1, "record", "beep"),
            trigger("linedetection", 1),
            trigger("fielddetection", 1, "record"),
            trigger("fielddetection", 1, "center"),
            trigger("diskfull", None, ""),
            trigger("newfangled", 1, "record"),
        ]
    ) == {
        (1, EventKind.MOTION): "its trigger does: beep, record",
        (1, EventKind.LINE_CROSSING): "its trigger does: nothing",
        (None, EventKind.DISK_FULL): "its trigger does: nothing",
    }


def test_hybrid_numbers_analog_first() -> None:
    found = channels(HYBRID)
    assert [channel.kind for channel in found.values()] == [ChannelKind.ANALOG] * 3 + [ChannelKind.IP] * 2
    assert [channel.online for channel in found.values()] == [True, False, None, True, False]
    assert found[5].manufacturer == "HiLook"
    assert found[5].detections == {EventKind.MOTION}
    assert [profile.stream_id for profile in found[6].profiles] == ["601", "602"]


def test_hybrid_that_counts_ip_channels_from_one() -> None:
    documents = load(HYBRID)
    assert documents.proxies is not None
    shifted = replace(documents, proxies=[replace(proxy, id=proxy.id - 4) for proxy in documents.proxies])
    assert mapping.proxy_offset(shifted) == 4
    assert mapping.proxy_offset(documents) == 0
    built = mapping.build_channels(shifted, "S", RecorderKind.HYBRID, {})
    assert [channel.number for channel in built] == [1, 2, 3, 5, 6]
    assert mapping.proxy_offset(load(NVR8)) == 0
    assert mapping.analog_inputs(documents) == mapping.analog_inputs(replace(documents, capabilities=None)) == 4
    assert mapping.analog_inputs(load(NVR8)) == 0


def test_cameras_take_streams_from_the_list_alone() -> None:
    found = channels(IPC)
    assert [profile.stream_id for profile in found[1].profiles] == ["101", "102"]
    assert (found[1].name, found[1].kind, found[1].online) == ("Camera 01", ChannelKind.BUILT_IN, True)
    assert found[1].detections == {EventKind.MOTION, EventKind.TAMPER, EventKind.LINE_CROSSING}
    bare = replace(load(IPC), streams=None, inputs=None)
    assert [item.name for item in mapping.build_channels(bare, "S", RecorderKind.CAMERA, {})] == ["Channel 1"]


def test_lenses() -> None:
    found = channels(IPC2)
    assert [channel.name for channel in found.values()] == ["Optical", "Thermal"]
    assert found[2].detections == {EventKind.TEMPERATURE, EventKind.FIRE}
    assert found[1].detections == {EventKind.MOTION, EventKind.AUDIO, EventKind.LINE_CROSSING}
    unnamed = replace(load(IPC2), inputs=None)
    assert mapping.build_channels(unnamed, "S", RecorderKind.CAMERA, {})[1].name == "Camera 02"


def test_old_camera() -> None:
    found = channels(OLD)
    assert [profile.video for profile in found[1].profiles] == [VideoCodec.H264, VideoCodec.MPEG4]
    assert found[1].profiles[0].audio is AudioCodec.MP2
    assert found[1].detections == {EventKind.LINE_CROSSING, EventKind.PIR}
    kinds = mapping.detections(load(OLD))
    assert kinds[None] == {EventKind.IO_INPUT, EventKind.ADDRESS_CONFLICT}


def test_a_channel_trigger_without_channel_is_nobodys() -> None:
    documents = replace(load(NVR8), triggers=[wire.Trigger("VMD", "VMD", None, None, None, ())])
    assert mapping.detections(documents) == {}
    assert mapping.event_type("videomismatch").scope == "device"
    assert mapping.proxied_channel(None, "IO-401") == 4
    assert mapping.proxied_channel(None, "IO") is None
    assert mapping.proxied_channel(7) is None


def test_capabilities() -> None:
    caps = mapping.build_capabilities(load(NVR8), None, None, ("note",))
    assert (caps.search_page, caps.sub_track, caps.alarm_inputs, caps.alarm_outputs) == (40, False, 4, 1)
    assert caps.event_kinds == {EventKind.IO_INPUT, EventKind.DISK_FULL, EventKind.NETWORK_LOST}
    assert RecordingKind.SMART in caps.search_kinds
    assert caps.notes == ("note",)
    wide = mapping.build_capabilities(load(NVR32), GateWidths(control=4), 64, ())
    assert (wide.gates.control, wide.search_page, wide.sub_track) == (4, 64, True)
    bare = replace(load(HYBRID), capabilities=None)
    assert mapping.build_capabilities(bare, None, None, ()).sub_track
    assert mapping.build_capabilities(bare, None, None, ()).search_kinds == frozenset()


def test_tracks_by_input_and_by_arithmetic() -> None:
    tracks = mapping.track_ids(load(NVR8).tracks)
    assert tracks == {(number, StreamRole.MAIN): number * 100 + 1 for number in (1, 2, 3, 4)}
    assert mapping.track_ids(load(HYBRID).tracks)[(1, StreamRole.SUB)] == 102
    assert mapping.track_ids(None) == {}


@pytest.mark.parametrize(
    ("device", "states"),
    [
        (NVR8, [DiskState.OK, DiskState.EMPTY_BAY]),
        (NVR16, [DiskState.SLEEPING]),
        (NVR32, [DiskState.OK, DiskState.OFFLINE]),
        (HYBRID, [DiskState.UNFORMATTED]),
        (OEM, [DiskState.UNKNOWN]),
        (OLD, []),
    ],
)
def test_disks(device: str, states: list[DiskState]) -> None:
    volumes = wire.parse_storage(raw(device, "ContentMgmt/Storage"))
    assert [mapping.disk(volume).state for volume in volumes] == states


def test_system_status() -> None:
    status = mapping.system_status(wire.parse_status(raw(NVR8, "System/status")))
    assert (status.uptime, status.cpu, status.memory) == (timedelta(seconds=315698), 4.0, 98.9)
    bare = mapping.system_status(wire.DeviceStatus(None, (), 0.0, 0.0))
    assert (bare.uptime, bare.cpu, bare.memory) == (None, None, None)
    assert mapping.analog_online("NO VIDEO") is False
