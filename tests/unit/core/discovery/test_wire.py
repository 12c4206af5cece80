"""What the three searches send and understand; the documents are shaped after real answers."""

import json
import struct

from hypothesis import given, strategies as st
import pytest

from custom_components.nvr.core.discovery import wire_dhdiscover, wire_onvif, wire_sadp
from custom_components.nvr.core.discovery.box import Box, BoxKind, kind_of, merged, plain_mac, plain_port, plain_text

HOST = "192.0.2.7"
SADP = b"""<?xml version="1.0" encoding="UTF-8" ?>
<ProbeMatch><Uuid>1</Uuid><Types>inquiry</Types><DeviceType>44322</DeviceType>
<DeviceDescription>DS-7804HQH-K1</DeviceDescription>
<DeviceSN>DS-7804HQH-K10420190822CCCHD00000000WCVU</DeviceSN><CommandPort>8000</CommandPort><HttpPort>8080</HttpPort>
<MAC>02-6d-bc-00-00-01</MAC><IPv4Address>192.0.2.99</IPv4Address><AnalogChannelNum>4</AnalogChannelNum>
<DigitalChannelNum>5</DigitalChannelNum><Activated>true</Activated><Encrypt>true</Encrypt></ProbeMatch>"""
MATCH = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Body><d:ProbeMatches><d:ProbeMatch>
<d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types><d:Scopes>{scopes}</d:Scopes><d:XAddrs>{addresses}</d:XAddrs>
</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"""
READERS = (wire_sadp.read, wire_dhdiscover.read, wire_onvif.read)


def dahua(told: object) -> bytes:
    body = json.dumps(told).encode() + b"\n\0"
    return struct.pack("<I4sIIIIII", 32, b"DHIP", 0, 0, *[len(body)] * 4) + body


def test_sadp_answer() -> None:
    assert wire_sadp.read(SADP, HOST) == Box(
        HOST,
        8080,
        family="hikvision",
        maker="hikvision",
        model="DS-7804HQH-K1",
        serial="DS-7804HQH-K10420190822CCCHD00000000WCVU",
        mac="02:6d:bc:00:00:01",
        kind=BoxKind.RECORDER,
        activated=True,
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"DS-7804HQH-K1</DeviceD", b"IPCamera</DeviceD", ("DS-7804HQH-K104", BoxKind.RECORDER)),
        (b"DS-7804HQH-K1</DeviceD", b"DS-KH6210-L</DeviceD", ("DS-KH6210-L", BoxKind.OTHER)),
        (b"DS-7804HQH-K1</DeviceD", b"N48PBB</DeviceD", ("N48PBB", BoxKind.RECORDER)),
        (b"DS-7804HQH-K1</DeviceD", b"DS-2CD2143G0-I</DeviceD", ("DS-2CD2143G0-I", BoxKind.CAMERA)),
    ],
)
def test_sadp_model_and_kind(old: bytes, new: bytes, expected: tuple[str, BoxKind]) -> None:
    found = wire_sadp.read(SADP.replace(old, new), HOST)
    assert found is not None
    assert (found.model, found.kind) == expected


def test_sadp_tells_a_camera_of_no_known_model_by_its_channels() -> None:
    one = SADP.replace(b"DS-7804HQH-K1</DeviceD", b"C800</DeviceD").replace(
        b"<DigitalChannelNum>5", b"<DigitalChannelNum>0"
    )
    found = wire_sadp.read(one.replace(b"<AnalogChannelNum>4", b"<AnalogChannelNum>1"), HOST)
    assert found is not None
    assert found.kind is BoxKind.CAMERA
    found = wire_sadp.read(one.replace(b"<AnalogChannelNum>4", b"<AnalogChannelNum>?"), HOST)
    assert found is not None
    assert found.kind is BoxKind.UNKNOWN


def test_sadp_box_without_a_password_is_told() -> None:
    found = wire_sadp.read(SADP.replace(b"<Activated>true", b"<Activated>false"), HOST)
    assert found is not None
    assert found.activated is False


@pytest.mark.parametrize(
    "data",
    [
        *wire_sadp.questions(),
        SADP.replace(b"<Types>inquiry", b"<Types>getBindList"),
        SADP.replace(b"<MAC>02-6d-bc-00-00-01</MAC>", b"").replace(b"DS-7804HQH-K10420190822CCCHD00000000WCVU", b""),
        b"<!DOCTYPE x><ProbeMatch/>",
        b"<ProbeMatch>" + b"x" * 20_000,
    ],
    ids=lambda data: f"{len(data)} bytes",  # some differ from run to run
)
def test_what_is_no_answer_of_sadp(data: bytes) -> None:
    assert wire_sadp.read(data, HOST) is None


def test_dhdiscover_answer() -> None:
    device = {
        "DeviceClass": "NVR",
        "DeviceType": "DHI-NVR5464-16P-EI",
        "HttpPort": 81,
        "SerialNo": "AB01",
        "Init": 3733,
    }
    told = {"mac": "02:f9:cc:00:00:01", "method": "client.notifyDevInfo", "params": {"deviceInfo": device}}
    expected = Box(
        HOST,
        81,
        family="dahua",
        model="DHI-NVR5464-16P-EI",
        serial="AB01",
        mac="02:f9:cc:00:00:01",
        kind=BoxKind.RECORDER,
    )
    assert wire_dhdiscover.read(dahua(told), HOST) == expected
    device |= {"MachineName": "AB01"}
    assert wire_dhdiscover.read(dahua(told), HOST) == expected
    device |= {"MachineName": "Cellar", "DeviceClass": "VTO", "Vendor": "Amcrest"}
    found = wire_dhdiscover.read(dahua(told), HOST)
    assert found is not None
    assert (found.name, found.kind, found.maker) == ("Cellar", BoxKind.OTHER, "Amcrest")
    device |= {"DeviceClass": "?", "DeviceType": "IPC-B54IR-Z4E-S3", "HttpPort": "none"}
    found = wire_dhdiscover.read(dahua(told), HOST)
    assert found is not None
    assert (found.kind, found.port) == (BoxKind.CAMERA, 0)


@pytest.mark.parametrize(
    "data",
    [
        *wire_dhdiscover.questions(),
        dahua([]),
        dahua({"params": []}),
        dahua({"params": {"deviceInfo": {}}}),
        dahua({"params": {"deviceInfo": {"SerialNo": 5}}}),
        dahua({})[:40],
        b"x" * 100,
        dahua({"params": {"deviceInfo": {"SerialNo": "x" * 20_000}}}),
        struct.pack("<I4sIIIIII", 32, b"DHIP", 0, 0, *[9000] * 4) + b"[" * 9000,
    ],
    ids=lambda data: f"{len(data)} bytes",  # some differ from run to run
)
def test_what_is_no_answer_of_dhdiscover(data: bytes) -> None:
    assert wire_dhdiscover.read(data, HOST) is None


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        (
            "name/HIKVISION%20DS-7608NI-K2 hardware/DS-7608NI-K2 MAC/02:11:22:33:44:55",
            ("hikvision", "DS-7608NI-K2", ""),
        ),
        ("name/Dahua hardware/DHI-NVR4104", ("dahua", "DHI-NVR4104", "")),
        ("name/Cellar hardware/LNR600 manufacturer/Lorex", ("", "LNR600", "Cellar")),
        ("location/country/china", ("", "", "")),
    ],
)
def test_onvif_answer(scopes: str, expected: tuple[str, str, str]) -> None:
    words = " ".join(f"onvif://www.onvif.org/{scope}" for scope in scopes.split())
    found = wire_onvif.read(MATCH.format(scopes=words, addresses="").encode(), HOST)
    assert found is not None
    assert (found.family, found.model, found.name) == expected
    assert found.mac == ("02:11:22:33:44:55" if "MAC" in scopes else "")


@pytest.mark.parametrize(
    ("addresses", "port"),
    [
        ("http://192.0.2.7/onvif/device_service", 80),
        ("http://10.0.0.1:81/x http://192.0.2.7:8000/onvif http://[fe80::1]/x", 8000),
        ("http://10.0.0.1:81/x https://192.0.2.7/onvif", 81),
        ("http://192.0.2.7:99999/x http://[/x rtsp://192.0.2.7/", 0),
    ],
)
def test_only_the_port_of_an_address_is_believed(addresses: str, port: int) -> None:
    found = wire_onvif.read(MATCH.format(scopes="", addresses=addresses).encode(), HOST)
    assert found is not None
    assert (found.host, found.port) == (HOST, port)


@pytest.mark.parametrize(
    "data",
    [
        *wire_onvif.questions(),
        MATCH.format(scopes="", addresses="")
        .replace("dn:NetworkVideoTransmitter tds:Device", "wprt:PrintDeviceType")
        .encode(),
        b"M-SEARCH * HTTP/1.1\r\n\r\n",
        b"",
    ],
    ids=lambda data: f"{len(data)} bytes",  # some differ from run to run
)
def test_what_is_no_answer_of_onvif(data: bytes) -> None:
    assert wire_onvif.read(data, HOST) is None


@given(
    st.binary(max_size=600)
    | st.binary(max_size=200).map(lambda tail: SADP[:300] + tail)
    | st.binary(max_size=200).map(lambda tail: dahua({})[:32] + tail)
)
def test_nothing_that_comes_by_udp_raises(data: bytes) -> None:
    for read in READERS:
        read(data, HOST)


def test_questions_are_made_anew_each_time() -> None:
    # Some boxes answer the same question only once.
    assert wire_sadp.questions() != wire_sadp.questions()
    assert wire_onvif.questions() != wire_onvif.questions()


def test_what_a_box_tells_in_several_ways_is_one_box() -> None:
    sadp = Box(HOST, 8080, family="hikvision", model="DS-7608NI", serial="1", mac="02:00:00:00:00:01")
    onvif = Box(HOST, 0, model="other", name="Cellar", kind=BoxKind.RECORDER)
    second_port = Box("192.0.2.20", 80, mac="02:00:00:00:00:01")
    forwarded = Box(HOST, 8081, model="behind the same address")
    earlier = Box("192.0.2.3", 80)
    found = merged([onvif, sadp, second_port, forwarded, earlier])
    assert [(box.host, box.port) for box in found] == [("192.0.2.3", 80), (HOST, 8080), (HOST, 8081)]
    assert (found[1].name, found[1].serial, found[1].kind) == ("Cellar", "1", BoxKind.RECORDER)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("DS-7608NXI-K2/8P", BoxKind.RECORDER),
        ("iDS-7204HUHI-M2/S", BoxKind.RECORDER),
        ("DHI-NVR5464-16P-EI", BoxKind.RECORDER),
        ("DH-XVR5108HS-X", BoxKind.RECORDER),
        ("NVR-108MH-C", BoxKind.RECORDER),
        ("LTN6416", BoxKind.RECORDER),
        ("DS-2CD2387G2-IU", BoxKind.CAMERA),
        ("IPC-B54IR-Z4E-S3", BoxKind.CAMERA),
        ("HWI-T241H", BoxKind.CAMERA),
        ("A printer", BoxKind.UNKNOWN),
        ("", BoxKind.UNKNOWN),
    ],
)
def test_kind_of_a_model(model: str, kind: BoxKind) -> None:
    assert kind_of(model) is kind


def test_texts_of_strangers_are_made_plain() -> None:
    assert plain_text("  a\n b\0\u202e ") == "a b"
    assert plain_text("x" * 500) == "x" * 80
    assert plain_text(None) == ""
    assert [plain_mac(text) for text in ("02-6D-bc-00-00-01", "026dbc000001", "", "02:6d", "0" * 500)] == [
        "02:6d:bc:00:00:01",
        "02:6d:bc:00:00:01",
        "",
        "",
        "",
    ]
    assert [plain_port(value) for value in (80, "443", 0, 65536, "x", None, True)] == [80, 443, 0, 0, 0, 0, 0]
