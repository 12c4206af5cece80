"""Bodies of the CGI and what a recorder tells of itself."""

from typing import Any

import pytest

from custom_components.nvr.core.drivers.dahua import wire, wire_config
from custom_components.nvr.core.drivers.dahua.wire_config import Camera


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"Error\r\nBad Request!\r\n", True),
        (b"  error: No Events", True),
        (b"\xef\xbb\xbfError: Error -1 getting param in name=NTP", True),
        (b"Error", True),
        (b"ErrorCount=2\r\n", False),
        (b"Errors.Count=2\r\n", False),
        (b"OK\r\n", False),
        (b"", False),
    ],
)
def test_a_refusal_begins_with_its_word(body: bytes, *, refusal: bool) -> None:
    assert wire.is_error_body(body) is refusal


def test_lines_become_a_table() -> None:
    text = "a=1\r\nb.c=x=y;z\r\nOK\r\n\r\n =odd\nlog.Detail=first\n  second line\nd=  spaced  \n"
    assert wire.parse_lines(text) == {
        "a": "1",
        "b.c": "x=y;z\nOK\n=odd",
        "log.Detail": "first\nsecond line",
        "d": "spaced",
    }
    assert wire.parse_lines("OK\r\n") == {}
    assert wire.decode(b"\xef\xbb\xbfname=\xff") == "name=\ufffd"


def test_tables_nest_sparse_and_out_of_order() -> None:
    flat = {
        "table.Encode[2].MainFormat[0].Video.FPS": "25",
        "table.Encode[0].MainFormat[0].Video.FPS": "15",
        "table.RemoteDevice.uuid:System_CONFIG_NETCAMERA_INFO_7.Address": "192.0.2.7",
        "table.A": "lost",
        "table.A.B": "kept",
        "table.C.D": "kept",
        "table.C": "lost",
        "table.]broken[": "x",
        "other": "outside",
    }
    tree = wire.nest(flat, "table.")
    assert [place for place, _ in wire.entries(wire.child(tree, "Encode"))] == [0, 2]
    assert wire.text(tree, "Encode", 2, "MainFormat", 0, "Video", "FPS") == "25"
    assert wire.text(tree, "RemoteDevice", "uuid:System_CONFIG_NETCAMERA_INFO_7", "Address") == "192.0.2.7"
    assert wire.text(tree, "A", "B") == wire.text(tree, "C", "D") == "kept"
    assert "other" not in tree
    assert wire.nest({"": "x"}) == {}


def test_readers_take_json_and_tables_alike() -> None:
    node: dict[str, Any] = {
        "yes": True,
        "no": "false",
        "n": 7,
        "big": "1495797858304.000000",
        "f": 12.5,
        "l": [1, {"x": " y "}],
    }
    assert wire.flag(node, "yes") is True
    assert wire.flag(node, "no") is False
    assert wire.flag(node, "n") is None
    assert wire.integer(node, "big") == 1495797858304
    assert wire.integer(node, "n") == 7
    assert wire.integer(node, "missing") is None
    assert wire.real(node, "f") == 12.5
    assert wire.real(node, "no") is None
    assert wire.real({"x": "1e300"}, "x") is None
    assert wire.text(node, "l", 1, "x") == "y"
    assert wire.text(node, "l", 9) == ""
    assert wire.text(node, "l", "x") == ""
    assert wire.text(node, "yes") == "true"
    assert wire.text(node, "l") == ""
    assert wire.child("text", 0) is None
    assert list(wire.entries("text")) == []
    assert list(wire.entries(None)) == []


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"version": "2.800.0000000.16.R,build:2020-06-05"}, ("2.800.0000000.16.R", "2020-06-05")),
        ({"version": "2.420.AC00.15.R", "BuildDate": "2016-09-08"}, ("2.420.AC00.15.R", "2016-09-08")),
        ({"version": {"Version": "5.001.1.2.R", "BuildDate": "2026-03-31"}}, ("5.001.1.2.R", "2026-03-31")),
        (None, ("", "")),
    ],
)
def test_versions_come_in_three_forms(params: object, expected: tuple[str, str]) -> None:
    assert wire_config.parse_version(params) == expected


def test_cameras_are_listed_without_what_is_composed() -> None:
    device = {"Address": "192.0.2.8", "DeviceType": "IPC-X", "SerialNo": "S1", "ProtocolType": "Private"}
    params = {
        "camera": [
            {"Enable": True, "Type": "Remote", "UniqueChannel": 3, "DeviceInfo": device},
            {"Enable": False, "Type": "Local"},
            {"Enable": True, "Type": "Compose", "UniqueChannel": 49},
        ]
    }
    found = wire_config.parse_cameras(params)
    assert found[0] == Camera(
        3, enabled=True, kind="Remote", address="192.0.2.8", model="IPC-X", serial="S1", protocol="Private"
    )
    assert (found[1].index, found[1].enabled, len(found)) == (1, False, 2)
    assert wire_config.parse_states({"states": [{"channel": 4, "connectionState": "Empty"}, {}]}) == {4: "Empty", 1: ""}


def test_remote_devices_come_in_two_forms() -> None:
    key = "uuid:System_CONFIG_NETCAMERA_INFO_"
    table = {f"{key}2": {"Enable": "true", "Address": "192.0.2.2"}, f"{key}0": {"Enable": "false"}, "Other": {}, 5: {}}
    assert [(camera.index, camera.enabled) for camera in wire_config.parse_remotes(table)] == [
        (0, False),
        (2, True),
        (5, None),
    ]
    assert [camera.index for camera in wire_config.parse_remotes([{"Enable": True}, {}])] == [0, 1]


def test_encoders_are_read_with_what_they_leave_out() -> None:
    table = [
        {
            "MainFormat": [
                {
                    "Video": {"Compression": "H.265", "resolution": "3840x2160", "FPS": 15, "BitRate": 4096},
                    "AudioEnable": True,
                    "Audio": {"Compression": "G.711A"},
                    "VideoEnable": True,
                }
            ],
            "ExtraFormat": [{"Video": {"Compression": "MJPG", "Width": 704, "Height": 576}, "VideoEnable": False}, {}],
        },
        {"MainFormat": []},
    ]
    found = wire_config.parse_encode(table)
    assert list(found) == [0]
    main, extra = found[0]
    assert (main.width, main.height, main.fps, main.bitrate, main.audio) == (3840, 2160, 15.0, 4096, "G.711A")
    assert (extra.subtype, extra.width, extra.fps, extra.audio, extra.enabled) == (1, 704, None, "", False)


def test_disks_add_their_partitions_up() -> None:
    text = (
        "list.info[0].Name=/dev/sda\nlist.info[0].State=Success\n"
        "list.info[0].Detail[0].TotalBytes=1000.000000\nlist.info[0].Detail[0].UsedBytes=900\n"
        "list.info[0].Detail[1].TotalBytes=500\nlist.info[0].Detail[1].IsError=true\nlist.info[1].State=Error\n"
    )
    first, second = wire_config.parse_volumes(wire.nest(wire.parse_lines(text)))
    assert (first.name, first.total, first.used, first.broken) == ("/dev/sda", 1500, 900, True)
    assert (second.name, second.state, second.broken) == ("disk1", "Error", False)
    assert wire_config.parse_volumes({"info": [{"Name": "/dev/mmc0"}]})[0].name == "/dev/mmc0"
    assert wire_config.parse_volumes(None) == []


def test_small_answers() -> None:
    assert wire_config.parse_titles({0: {"Name": "Front|door  2"}}) == {0: "Front door 2"}
    assert wire_config.parse_enabled([{"Enable": True}, {"Enable": False}, {}]) == frozenset({0})
    assert wire_config.parse_current_time(None, {"time": "2026-05-09 15:34:50"}) == "2026-05-09 15:34:50"
    assert wire_config.parse_current_time("2026-05-09 15:34:50", {}) == "2026-05-09 15:34:50"
    info = wire_config.parse_system_info({"sn": "S9", "type": "NVR4208"})
    assert (info.serial, info.device_type, info.update_serial) == ("S9", "NVR4208", "")


def test_rules_of_a_channel() -> None:
    rules = [{"Type": "CrossLineDetection", "Enable": False}, {"Type": "LeftDetection"}, {"Name": "IVS-3"}]
    types = frozenset({"CrossLineDetection", "LeftDetection"})
    assert wire_config.parse_rules({"table": rules}, "VideoAnalyseRule", 4) == types
    assert wire_config.parse_rules({"table": []}, "VideoAnalyseRule", 4) == frozenset()
    assert wire_config.parse_rules({"result": True}, "VideoAnalyseRule", 4) is None
    assert wire_config.parse_rules(None, "VideoAnalyseRule", 4) is None
    flat = {
        "table.VideoAnalyseRule[4][0].Type": "CrossLineDetection",
        "table.VideoAnalyseRule[4][3].Type": "LeftDetection",
    }
    assert wire_config.parse_rules(wire.nest(flat), "VideoAnalyseRule", 4) == types
