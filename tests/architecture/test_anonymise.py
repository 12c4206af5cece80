"""`scripts/anonymise`: of a capture nothing is left that tells of somebody, and all that a driver reads it by."""

import json
from pathlib import Path
import re
import subprocess
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.nvr.core.drivers.dahua import wire as dahua_wire, wire_config, wire_rpc
from custom_components.nvr.core.drivers.hikvision import mapping, wire
from scripts.lib.anonymise import anonymise, main
from scripts.lib.anonymous_keys import Kind, kind_of
from scripts.lib.anonymous_text import Disguise
from scripts.lib.anonymous_values import slug

from .source_tree import ROOT

FIXTURES = ROOT / "tests" / "fixtures"
CAPTURES = sorted(path for vendor in ("hikvision", "dahua") for path in (FIXTURES / vendor).iterdir())
KEY = b"the same for every run"

SERIAL = "DS-7608NXI-K2/8P0820240917CCRRAB1234567WCVU"
HOUSE = {
    "info.xml": (
        '<?xml version="1.0"?>\r\n<DeviceInfo xmlns="http://www.hikvision.com/ver20/XMLSchema">\r\n'
        "<deviceName>Smith &amp; Sons</deviceName>\r\n<model>DS-7608NXI-K2/8P</model>\r\n"
        f"<serialNumber>{SERIAL}</serialNumber>\r\n<macAddress>bc:ad:28:12:34:56</macAddress>\r\n"
        "<firmwareVersion>V4.62.210</firmwareVersion>\r\n<isSupportPasswordProtection>true</isSupportPasswordProtection>\r\n"
        "<userName>grandpa</userName><password>hunter22</password><ipAddress>192.168.178.64</ipAddress>\r\n"
        "<hostName>nvr.smith.house</hostName><latitude>52.5163</latitude></DeviceInfo>\r\n"
    ),
    "config.txt": (
        "table.ChannelTitle[0].Name=Nursery\r\ntable.ChannelTitle[1].Name=IPC\r\n"
        "table.Network.eth0.PhysicalAddress=BC-AD-28-12-34-56\r\nsn=7L01C2APAZ00017\r\n"
        "table.Email.Receivers[0]=gran@smith.example.co\r\ntable.NTP.Address=192.168.178.1\r\nversion=4.001.0.2,build:2024\r\n"
        "table.Alias=München Süd\r\n"
    ),
    "event.json": json.dumps(
        {
            "Name": "Smith & Sons",
            "TrafficCar": {"PlateNumber": "B-MW 4711", "PlateType": "Normal", "PlateColor": "Blue"},
            "Object": {"ObjectType": "Vehicle", "Person": {"Name": "Erika Mustermann", "Birthday": "1964-08-12"}},
            "Names": ["Erika Mustermann", "Max"],
            "session": 1234567,
            "snapshot": "/9j/" + "Ab3/" * 100,
            "ip": "203.0.112.9, fe80::bead:28ff:fe12:3456",
        }
    ),
    "log.txt": (
        "GET rtsp://grandpa:hunter22@192.168.178.64:554/Streaming/tracks/101?token=abcdef123456\n"
        f'camera.smith_sons_nursery of {SERIAL}_1 ("Nursery") at bcad28123456 read B-MW 4711, www.smith-family.de\n'
        'WWW-Authenticate: Digest realm="Login to 7L01C2APAZ00017", nonce="3f9a77c1d2", stale=FALSE\n'
        'Authorization: Digest username="grandpa", response="0123456789abcdef"\n'
        "10:20:30 2026-10-25T02:30:00+01:00 /ISAPI/Streaming/channels/101 0.0.0.0 255.255.255.0 127.0.0.1\n"
    ),
    "Nursery.txt": 'Code=VideoMotion;action=Start;index=0;data={\n"Name" : "Nursery"\n}\n',
}
GONE = (
    *(
        "Smith",
        "Sons",
        "Nursery",
        "nursery",
        "grandpa",
        "hunter22",
        "7L01C2APAZ00017",
        "1234567",
        "CCRRAB",
        "B-MW",
        "4711",
    ),
    *("Erika", "Mustermann", "1964", "Max", "gran@", "smith", "192.168.178.64", "192.168.178.1\r", "203.0.112.9"),
    *(
        "bead:28ff",
        "bc:ad:28",
        "BC-AD-28",
        "bcad2812",
        "52.5163",
        "abcdef123456",
        "3f9a77c1d2",
        "0123456789abcdef",
        "/9j/",
    ),
    *("München", "Süd"),
)
KEPT = (
    *("DS-7608NXI-K2/8P", "V4.62.210", "version=4.001.0.2,build:2024", "http://www.hikvision.com/ver20/XMLSchema"),
    *(
        "<isSupportPasswordProtection>true",
        "ChannelTitle[1].Name=IPC\r\n",
        '"PlateColor": "Blue"',
        '"ObjectType": "Vehicle"',
    ),
    *("10:20:30 2026-10-25T02:30:00+01:00 /ISAPI/Streaming/channels/101 0.0.0.0 255.255.255.0 127.0.0.1", "Login to "),
    *("Code=VideoMotion;action=Start;index=0;data=", "stale=FALSE", "/Streaming/tracks/101", "\r\n"),
)


@pytest.fixture(scope="module")
def house() -> dict[str, str]:
    """One capture in which the same things stand in several files, made anonymous."""
    made = anonymise({name: text.encode() for name, text in HOUSE.items()}, Disguise(key=KEY))
    return {name: data.decode() for name, data in made.items()}


@pytest.mark.parametrize("secret", GONE)
def test_nothing_survives_that_tells_of_somebody(house: dict[str, str], secret: str) -> None:
    assert [name for name, text in house.items() if secret in text or secret in name] == []


@pytest.mark.parametrize("shape", KEPT)
def test_what_a_driver_goes_by_is_kept(house: dict[str, str], shape: str) -> None:
    assert shape in "".join(house.values())


def test_one_thing_is_the_same_thing_everywhere(house: dict[str, str]) -> None:
    serial = re.findall(r"<serialNumber>(.*)</serialNumber>", house["info.xml"])[0]
    assert len(serial) == len(SERIAL)
    assert serial.startswith("DS-7608NXI-K2/8P")
    log = house["log.txt"]
    assert f"{serial}_1" in log
    name = re.findall(r"\[0\]\.Name=(.*)\r", house["config.txt"])[0]
    assert f'("{name}")' in log
    assert f"{name}.txt" in house
    event = json.loads(house["event.json"])
    assert event["Name"] == re.findall(r"<deviceName>(.*)<", house["info.xml"])[0].replace("&amp;", "&")
    assert re.fullmatch(r"[A-Z][a-z]{4} & [A-Z][a-z]{3}", event["Name"])
    assert event["Names"][0] == event["Object"]["Person"]["Name"]
    assert f"read {event['TrafficCar']['PlateNumber']}," in log
    mac = re.findall(r"<macAddress>(.*)<", house["info.xml"])[0]
    assert mac == mac.lower()
    assert f"PhysicalAddress={mac.upper().replace(':', '-')}\r" in house["config.txt"]
    assert f"at {mac.replace(':', '')} read" in log
    address = re.findall(r"<ipAddress>(.*)<", house["info.xml"])[0]
    assert address.startswith("192.168.")
    assert f"rtsp://{address}:554/" in log
    dahua = re.findall(r"sn=(.*)\r", house["config.txt"])[0]
    assert f'realm="Login to {dahua}"' in log


def test_made_up_values_differ_from_run_to_run() -> None:
    files = {"config.txt": HOUSE["config.txt"].encode()}
    assert anonymise(files, Disguise()) != anonymise(files, Disguise())
    assert anonymise(files, Disguise(key=KEY)) == anonymise(files, Disguise(key=KEY))


@pytest.mark.parametrize("folder", CAPTURES, ids=lambda path: path.name)
def test_fixtures_keep_their_shape(folder: Path) -> None:
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    made = anonymise(files, Disguise(key=KEY))
    assert made.keys() == files.keys()
    for name, data in files.items():
        real, other = data.decode(), made[name].decode()
        assert re.sub(r"\w", "x", other) == re.sub(r"\w", "x", real) or name.startswith("System__time"), name
        if name.endswith(".json"):
            assert _skeleton(json.loads(other)) == _skeleton(json.loads(real))


def _skeleton(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _skeleton(value) for key, value in node.items()}
    return [_skeleton(item) for item in node] if isinstance(node, list) else type(node)


def test_a_hikvision_capture_is_read_as_before() -> None:
    folder = FIXTURES / "hikvision" / "DS-7608NXI-K2_V4.62.210"
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    made = anonymise(files, Disguise(key=KEY))
    name = "ContentMgmt__InputProxy__channels.xml"
    before, after = wire.parse_proxy_channels(files[name]), wire.parse_proxy_channels(made[name])
    assert [(each.id, each.model, each.protocol, mapping.is_empty_slot(each)) for each in before] == [
        (each.id, each.model, each.protocol, mapping.is_empty_slot(each)) for each in after
    ]
    for one, other in zip(before, after, strict=True):
        assert set(one.serial) <= {"0"} or one.serial != other.serial
        assert not one.name or one.name != other.name


def test_a_dahua_capture_is_read_as_before() -> None:
    folder = FIXTURES / "dahua" / "DHI-NVR4208-4KS2_4.002"
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    made = anonymise(files, Disguise(key=KEY))
    before, after = (
        wire_config.parse_system_info(dahua_wire.nest(dahua_wire.parse_lines(each["getSystemInfo.txt"].decode())))
        for each in (files, made)
    )
    assert before.serial != after.serial
    reply = wire_rpc.parse_reply(made["rpc2_getCameraAll.json"])
    assert reply.ok
    assert before.serial not in made["http_401_challenge.txt"].decode()
    assert after.serial in made["http_401_challenge.txt"].decode()


LETTERS = st.characters(categories=["Lu", "Ll", "Lo"], max_codepoint=0x9FFF)
NAMES = st.text(LETTERS, min_size=5, max_size=24).filter(lambda name: name.isalpha() and name == name.strip())


@settings(max_examples=60, deadline=None)
@given(name=NAMES, other=NAMES)
def test_no_name_survives_in_any_form(name: str, other: str) -> None:
    files = {
        "a.xml": f"<channel><name>{name}</name><userName>{other}</userName></channel>".encode(),
        "b.json": json.dumps({"Name": name, "x": [f"seen by {other}"]}, ensure_ascii=False).encode(),
        "c.json": json.dumps({"DeviceName": other}).encode(),
        "d.txt": f"table.ChannelTitle[0].Name={name}\nDetail of {other}: {name}\n".encode(),
        "e.log": f"camera.{slug(name)} GET /x?name={other}&y=1\n".encode(),
    }
    disguise = Disguise(key=KEY)
    if disguise._is_kept(Kind.NAME, name) or disguise._is_kept(Kind.NAME, other):
        return
    text = b"\n".join(anonymise(files, disguise).values()).decode()
    assert name not in text
    assert other not in text
    assert json.dumps(other)[1:-1] not in text


def test_bodies_keep_their_told_length_and_pictures_go() -> None:
    picture = b"\xff\xd8\xff" + bytes(range(256)) + b"\xff\xd9"
    alert = b"<Alert><ipAddress>8.8.8.8</ipAddress><channelName>Terrace</channelName></Alert>"
    stream = b"".join(
        b"--boundary\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s\r\n" % (kind, len(body), body)
        for kind, body in ((b"application/xml", alert), (b"image/jpeg", picture), (b"application/xml", alert))
    )
    (made,) = anonymise({"alertStream.bin": stream}, Disguise(key=KEY)).values()
    assert b"Terrace" not in made
    assert b"8.8.8.8" not in made
    assert bytes(range(256)) not in made
    bodies = re.findall(rb"Content-Length: (\d+)\r\n\r\n(.*?)\r\n(?=--boundary|$)", made, re.DOTALL)
    assert [int(told) for told, _ in bodies] == [len(body) for _, body in bodies]
    assert len(bodies[1][1]) == len(picture)


def test_texts_of_other_encodings_stay_readable() -> None:
    text = "table.ChannelTitle[0].Name=前门大厅摄像\r\n"
    (made,) = anonymise({"gb.txt": text.encode("gb18030")}, Disguise(key=KEY)).values()
    assert "前门大厅" not in made.decode("gb18030")
    assert made.decode("gb18030").startswith("table.ChannelTitle[0].Name=")


def test_secrets_of_ones_own_go_wherever_they_stand() -> None:
    files = {"a.txt": b"the Rosengasse17 camera at rosengasse17.local"}
    (made,) = anonymise(files, Disguise(["Rosengasse17", "rosengasse17"], key=KEY)).values()
    assert b"osengasse" not in made


def test_what_survives_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Disguise, "dress", lambda _self, text: text)
    with pytest.raises(ValueError, match=r"info\.xml"):
        anonymise({"info.xml": HOUSE["info.xml"].encode()}, Disguise(key=KEY))


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("table.ChannelTitle[0].Name", Kind.NAME),
        ("hddName", Kind.KEEP),
        ("isSupportPasswordProtection", Kind.KEEP),
        ("updateSerial", Kind.KEEP),
        ("camera_serial", Kind.SERIAL),
        ("PlateColor", Kind.KEEP),
        ("licensePlate", Kind.PLATE),
        ("table.Network.eth0.PhysicalAddress", Kind.MAC),
        ("eventType", None),
        ("channelID", None),
    ],
)
def test_keys_say_what_a_value_is(key: str, kind: Kind | None) -> None:
    assert kind_of(key) is kind


def test_the_command_writes_a_fixture_and_overwrites_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "capture", tmp_path / "fixture"
    (source / "channels").mkdir(parents=True)
    (source / "info.xml").write_text(HOUSE["info.xml"], encoding="utf-8")
    (source / "channels" / "still.jpg").write_bytes(b"\xff\xd8\xff\xe0 a picture \xff\xd9")
    assert main([str(source), str(target)]) == 0
    assert sorted(path.name for path in target.rglob("*") if path.is_file()) == ["SOURCE.md", "info.xml"]
    assert "DS-7608NXI-K2/8P (V4.62.210)" in (target / "SOURCE.md").read_text(encoding="utf-8")
    assert "channels/still.jpg" in capsys.readouterr().out
    assert main([str(source), str(target)]) == 2
    assert main([str(tmp_path / "nothing"), str(tmp_path / "new")]) == 2
    assert not (tmp_path / "new").exists()


def test_the_program_needs_nothing_but_python(tmp_path: Path) -> None:
    (tmp_path / "diagnostics.json").write_text('{"name": "Nursery"}', encoding="utf-8")
    command = [str(ROOT / "scripts" / "anonymise"), str(tmp_path / "diagnostics.json"), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Nursery" not in (tmp_path / "out" / "diagnostics.json").read_text(encoding="utf-8")
