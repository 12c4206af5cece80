"""What is remembered, whose label is on the box, who answers without a login."""

from datetime import UTC, datetime, timedelta
import json

import pytest

from custom_components.nvr.core.drivers.hikvision import brands, quirks
from custom_components.nvr.core.drivers.hikvision.fingerprint import fingerprint

NOW = datetime(2026, 3, 4, 9, 25, tzinfo=UTC)


def test_memory_goes_through_json() -> None:
    memory = quirks.Memory(firmware="V1")
    memory.quirks.picture_path = "proxy"
    memory.quirks.search_page = 20
    memory.quirks.picture_query = False
    memory.note_refused("/a", NOW)
    memory.profiles["1"] = [["main", "101"]]
    again = quirks.Memory.load(json.loads(json.dumps(memory.dump())))
    assert again == memory
    assert again.dump()["quirks"] == {"picture_path": "proxy", "picture_query": False, "search_page": 20}


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"firmware": 1, "quirks": [], "refused": 3, "profiles": "x"},
        {"quirks": {"search_page": True, "zzz": 1}},
    ],
)
def test_odd_memory_is_forgotten(data: dict[str, object] | None) -> None:
    assert quirks.Memory.load(data) == quirks.Memory()


def test_refusals_last_a_day_and_no_firmware_change() -> None:
    memory = quirks.Memory()
    memory.seen_firmware("V1")
    memory.note_refused("/a", NOW)
    assert memory.is_refused("/a", NOW + timedelta(hours=23))
    assert not memory.is_refused("/b", NOW)
    assert not memory.is_refused("/a", NOW + timedelta(hours=25))
    assert memory.refused == {}
    memory.refused["/c"] = "never"
    assert not memory.is_refused("/c", NOW)
    memory.refused["/d"] = "2026-03-04T09:00:00"
    assert not memory.is_refused("/d", NOW)
    memory.note_refused("/a", NOW)
    memory.quirks.z_mode = "utc"
    memory.seen_firmware("V1")
    assert memory.quirks.z_mode == "utc"
    memory.seen_firmware("V2")
    assert (memory.quirks, memory.refused, memory.firmware) == (quirks.Quirks(), {}, "V2")


def test_every_quirk_has_its_evidence() -> None:
    named = {row.name for row in quirks.QUIRKS}
    learned = set(quirks.Quirks.__dataclass_fields__)
    assert named | {"z_proven"} == learned
    assert all(row.values and row.learned and row.evidence for row in quirks.QUIRKS)
    assert learned == set(quirks._TYPES)


@pytest.mark.parametrize(
    ("manufacturer", "model", "title"),
    [
        ("", "DS-7608NXI-K2", "Hikvision"),
        ("hikvision", "iDS-7204HUHI-M1", "Hikvision"),
        ("hikvision", "IPC-T620-Z", "HiLook"),
        ("", "HWI-T221H", "HiWatch"),
        ("HiWatch", "XY", "HiWatch"),
        ("", "N48PBB", "Annke"),
        ("LTS", "LTN8704", "LTS"),
        ("", "TVVR36201", "ABUS"),
        ("", "SF-NVR8104", "Safire"),
        ("", "ERI-K104-P4", "Hikvision"),
        ("Acme", "AC-1", "Acme"),
        ("", "", "Hikvision"),
        ("None", "", "Hikvision"),
    ],
)
def test_brands(manufacturer: str, model: str, title: str) -> None:
    assert brands.manufacturer_name(manufacturer, model) == title


def test_brand_rows_are_sound() -> None:
    assert len({row.key for row in brands.BRANDS}) == len(brands.BRANDS)
    assert brands.BRANDS[0].owns("HiLook ", "")
    assert not brands.Brand("x", "X").owns("", "anything")
    assert brands.brand_of("", "unheard of") is None


@pytest.mark.parametrize(
    ("status", "headers", "body", "score"),
    [
        (401, {"Server": "DNVRS-Webs"}, b"<userCheck><statusValue>401</statusValue></userCheck>", 100),
        (401, {"SERVER": "App-webs/", "WWW-Authenticate": 'Digest realm="x"'}, b"<html/>", 80),
        (401, {"WWW-Authenticate": 'Digest realm="x", qop="auth"'}, b"", 40),
        (401, {"WWW-Authenticate": 'Basic realm="router"'}, b"<html/>", 0),
        (200, {}, b'<?xml version="1.0"?><DeviceInfo/>', 100),
        (200, {}, b"<html>router</html>", 0),
        (403, {}, b"<ResponseStatus/>", 80),
        (404, {"Server": "Webs"}, b"", 0),
        (302, {"Location": "https://x"}, b"", 0),
    ],
)
def test_fingerprint(status: int, headers: dict[str, str], body: bytes, score: int) -> None:
    assert fingerprint(status, headers, body) == score
