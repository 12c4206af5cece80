"""From what a recorder tells to the models of the core."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.nvr.core.capabilities import GateWidths
from custom_components.nvr.core.drivers.dahua import mapping
from custom_components.nvr.core.drivers.dahua.mapping import Documents
from custom_components.nvr.core.drivers.dahua.wire_config import Camera, Encoding, SystemInfo, Volume
from custom_components.nvr.core.learned import dump_profiles, load_profiles
from custom_components.nvr.core.models import (
    AudioCodec,
    ChannelKind,
    DiskState,
    EventKind,
    RecorderKind,
    StreamRole,
    VideoCodec,
)

NVR = SystemInfo("SN1", "31", "DH-NVR5232-4KS3/I", "1.00")
HERE = "192.0.2.10"


def remote(index: int, *, enabled: bool | None = True, address: str = HERE) -> Camera:
    return Camera(index, enabled=enabled, kind="Remote", address=address)


def local(index: int) -> Camera:
    return Camera(index, enabled=True, kind="Local")


@pytest.mark.parametrize(
    ("device_type", "update_serial", "model"),
    [
        ("31", "DH-NVR5232-4KS3/I", "DH-NVR5232-4KS3/I"),
        ("IP Camera", "IPC-HDW2431TP-AS", "IPC-HDW2431TP-AS"),
        ("NV4116-HS", "", "NV4116-HS"),
        ("31", "", "31"),
        ("", "X", "X"),
    ],
)
def test_the_model_is_where_it_is(device_type: str, update_serial: str, model: str) -> None:
    assert mapping.model_of(SystemInfo("s", device_type, update_serial)) == model


@pytest.mark.parametrize(
    ("documents", "kind"),
    [
        (Documents(NVR, cameras=[remote(0)]), RecorderKind.NVR),
        (Documents(NVR, cameras=[local(0), remote(4)]), RecorderKind.HYBRID),
        (Documents(NVR, device_class="HCVR", remotes=[remote(4)]), RecorderKind.HYBRID),
        (Documents(NVR, device_class="HCVR"), RecorderKind.DVR),
        (Documents(SystemInfo("s", "DH-XVR5108HS")), RecorderKind.DVR),
        (Documents(SystemInfo("s", "X"), device_class="IPC"), RecorderKind.CAMERA),
        (Documents(SystemInfo("s", "X"), device_class="NVR"), RecorderKind.NVR),
        (Documents(SystemInfo("s", "X"), cameras=[local(0)]), RecorderKind.CAMERA),
        (Documents(SystemInfo("s", "IP Camera")), RecorderKind.CAMERA),
        (Documents(SystemInfo("s", "DH-IPC-HFW1")), RecorderKind.CAMERA),
        (Documents(SystemInfo("s", "N841A8")), RecorderKind.NVR),
    ],
)
def test_recorders_are_told_from_cameras(documents: Documents, kind: RecorderKind) -> None:
    assert mapping.recorder_kind(documents) is kind


def test_who_it_is() -> None:
    documents = Documents(NVR, version="5.001.0000000.2.R", build="2026-03-31", name="  Hall  ")
    info = mapping.recorder_info(documents, RecorderKind.NVR)
    assert (info.serial, info.name, info.model, info.family) == ("SN1", "Hall", "DH-NVR5232-4KS3/I", "dahua")
    assert (info.firmware, info.hardware, info.manufacturer) == ("5.001.0000000.2.R 2026-03-31", "1.00", "Dahua")
    assert mapping.recorder_info(Documents(SystemInfo("s")), RecorderKind.NVR).name == "NVR"


@pytest.mark.parametrize(
    ("camera", "state", "populated"),
    [
        (remote(0), "Connected", True),
        (remote(0), "Unconnect", True),
        (remote(0), None, True),
        (remote(0), "Empty", False),
        (remote(0, enabled=False), "Connected", False),
        (remote(0, address="1.1.1.1"), "Unconnect", False),
        (remote(0, address="0.0.0.0"), None, False),
        (remote(0, address=""), None, False),
        (remote(0, address=""), "Connected", True),
        (remote(0, address="", enabled=None), "Connected", False),
        (local(0), None, True),
    ],
)
def test_a_slot_holds_a_camera_or_not(camera: Camera, state: str | None, *, populated: bool) -> None:
    assert mapping.is_populated(camera, state) is populated


def test_slots_by_the_best_evidence() -> None:
    nvr, dvr = RecorderKind.NVR, RecorderKind.DVR
    listed = Documents(NVR, cameras=[remote(3), remote(1), remote(2)], states={2: "Empty"}, titles={9: "x"})
    assert [camera.index for camera in mapping.slots(listed, nvr)] == [1, 3]
    hybrid = Documents(NVR, remotes=[remote(4), remote(1, enabled=False)], inputs=3)
    assert [(camera.index, camera.kind) for camera in mapping.slots(hybrid, RecorderKind.HYBRID)] == [
        (0, "Local"),
        (2, "Local"),
        (4, "Remote"),
    ]
    assert [camera.index for camera in mapping.slots(hybrid, nvr)] == [4]
    states = Documents(NVR, states={1: "Connected", 0: "Unconnect", 2: "Empty"})
    assert [camera.index for camera in mapping.slots(states, nvr)] == [0, 1]
    assert len(mapping.slots(Documents(NVR, inputs=4), dvr)) == 4
    assert len(mapping.slots(Documents(NVR, titles={0: "a", 1: "b"}), nvr)) == 2
    lenses = Documents(NVR, encode={0: [], 1: []})
    assert [camera.kind for camera in mapping.slots(lenses, RecorderKind.CAMERA)] == ["Lens", "Lens"]
    assert len(mapping.slots(Documents(NVR), RecorderKind.CAMERA)) == 1


def test_channels_are_of_the_slot() -> None:
    camera = replace(remote(4), model="IPC-X", serial="CAM1", protocol="Private", firmware="2.8", name="by camera")
    documents = Documents(
        NVR, cameras=[camera, remote(5), local(0)], states={4: "Connected", 5: "Connecting"}, titles={5: "Five"},
        smart=frozenset({4}),
    )  # fmt: skip
    found = {channel.number: channel for channel in mapping.build_channels(documents, "SN1", RecorderKind.HYBRID, {})}
    assert found[5].id == "SN1_5"
    assert (found[5].name, found[5].online, found[5].kind) == ("by camera", True, ChannelKind.IP)
    assert (found[5].model, found[5].camera_serial, found[5].protocol) == ("IPC-X", "CAM1", "Private")
    assert EventKind.PERSON in found[5].detections
    assert (found[6].name, found[6].online, found[6].manufacturer) == ("Five", False, None)
    assert EventKind.PERSON not in found[6].detections
    assert (found[1].name, found[1].kind, found[1].online) == ("Channel 1", ChannelKind.ANALOG, None)
    # Another camera in the slot, a list in another order and a new name change nothing of the id.
    other = replace(documents, cameras=[local(0), remote(5), replace(camera, serial="CAM2")], titles={4: "New"})
    again = {channel.number: channel for channel in mapping.build_channels(other, "SN1", RecorderKind.HYBRID, {})}
    assert (again[5].id, again[5].name, again[5].camera_serial) == ("SN1_5", "New", "CAM2")


def test_presence_by_lost_pictures() -> None:
    documents = Documents(NVR, remotes=[remote(0), remote(1)], lost=frozenset({1}))
    channels = mapping.build_channels(documents, "S", RecorderKind.NVR, {})
    assert [channel.online for channel in channels] == [True, False]
    renewed = mapping.renewed(documents, lost=frozenset(), titles={0: "Zero"})
    assert [channel.online for channel in mapping.build_channels(renewed, "S", RecorderKind.NVR, {})] == [True, True]
    assert renewed.titles == {0: "Zero"}
    assert mapping.build_channels(Documents(NVR), "S", RecorderKind.CAMERA, {})[0].online is True


def encoding(subtype: int, codec: str = "H.264", *, enabled: bool = True, audio: str = "") -> Encoding:
    return Encoding(subtype, codec, 1920, 1080, 25.0, 4096, audio, enabled)


def test_profiles_and_what_is_remembered_of_them() -> None:
    listed = [encoding(0, "H.265", audio="AAC"), encoding(1, enabled=False), encoding(2, enabled=False), encoding(3)]
    found = mapping.profiles_of(7, listed)
    assert [profile.role for profile in found] == [StreamRole.MAIN, StreamRole.SUB]
    assert [profile.enabled for profile in found] == [True, False]
    assert found[1].stream_id == "channel=7&subtype=1"
    assert mapping.profiles_of(7, [encoding(2)])[0].role is StreamRole.THIRD
    rows: dict[str, Any] = {
        "7": dump_profiles(found),
        "x": [],
        "8": [[1]],
        "9": [["main", "a", "nonsense", 1, 2, 3, 4, None, 1]],
    }
    remembered = load_profiles(rows)
    assert remembered == {7: found}
    documents = Documents(NVR, cameras=[remote(6), remote(7)])
    seven, eight = mapping.build_channels(documents, "S", RecorderKind.NVR, remembered)
    assert seven.profiles == found
    assert [profile.stream_id for profile in eight.profiles] == ["channel=8&subtype=0", "channel=8&subtype=1"]


@pytest.mark.parametrize(
    ("word", "codec"),
    [
        ("H.265", VideoCodec.H265),
        ("HEVC", VideoCodec.H265),
        ("H.264H", VideoCodec.H264),
        ("H.264+", VideoCodec.H264),
        ("MJPG", VideoCodec.MJPEG),
        ("MPEG4", VideoCodec.MPEG4),
        ("SVAC2", VideoCodec.UNKNOWN),
    ],
)
def test_video_codecs(word: str, codec: VideoCodec) -> None:
    assert mapping.video_codec(word) is codec


def test_audio_codecs() -> None:
    words = {"G.711A": AudioCodec.G711_ALAW, "G.711Mu": AudioCodec.G711_ULAW, "MPEG2-Layer2": AudioCodec.MP2}
    assert {word: mapping.audio_codec(word) for word in words} == words
    assert mapping.audio_codec("") is None
    assert mapping.audio_codec("Opus") is AudioCodec.UNKNOWN


def test_disks() -> None:
    mebi = 1024 * 1024
    full = mapping.disk(0, Volume("/dev/sda", "Success", 10 * mebi, 10 * mebi, broken=False))
    assert (full.id, full.state, full.capacity, full.free) == ("1", DiskState.OK, 10, 0)
    assert mapping.disk(1, Volume("/dev/sdb", "Success", 1, 0, broken=True)).state is DiskState.ERROR
    odd = mapping.disk(2, Volume("/dev/sdc", "Melted", 0, 0, broken=False))
    assert (odd.state, odd.raw_state, odd.capacity, odd.free) == (DiskState.UNKNOWN, "Melted", None, None)


def test_what_it_can() -> None:
    documents = Documents(NVR, encode={0: [encoding(0), encoding(1)]})
    found = mapping.build_capabilities(documents, GateWidths(2, 1, 1, 1), None, ("note",))
    assert (found.sub_track, found.search_page, found.notes) == (True, mapping.DEFAULT_PAGE, ("note",))
    assert mapping.build_capabilities(Documents(NVR), mapping.WIDTHS, 8, ()).search_page == 8
