"""What is remembered of a recorder, whose brand it is, and how it is told without a login."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nvr.core.drivers.dahua import brands, quirks
from custom_components.nvr.core.drivers.dahua.fingerprint import CERTAIN, PROBES, fingerprint
from custom_components.nvr.core.drivers.dahua.quirks import Memory, Quirks
from custom_components.nvr.core.drivers.hikvision.fingerprint import fingerprint as hikvision_fingerprint

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_every_quirk_has_a_row_and_a_reason() -> None:
    assert {row.name for row in quirks.QUIRKS} == {item.name for item in fields(Quirks)}
    assert all(row.values and row.learned and row.evidence for row in quirks.QUIRKS)


def test_memory_comes_back_as_it_went() -> None:
    memory = Memory(firmware="4.0 2020", vendor="Amcrest", quirks=Quirks(nonce_once=True, search_page=50))
    memory.note_refused("a?b", NOW)
    memory.profiles["1"] = [["main", "x"]]
    again = Memory.load(memory.dump())
    assert again == memory
    assert again.quirks.learned() == {"nonce_once": True, "search_page": 50}
    assert Memory.load(None) == Memory()
    assert Memory.load({}) == Memory()


def test_odd_memory_is_forgotten() -> None:
    odd = {
        "firmware": 1,
        "vendor": 2,
        "quirks": {"nonce_once": "yes", "search_page": True},
        "refused": [],
        "profiles": 0,
        "answered": "x",
    }
    assert Memory.load(odd) == Memory()
    assert Memory.load({"quirks": 3, "profiles": {"1": 2}}) == Memory()


def test_refusals_live_a_day_and_no_longer_than_the_firmware() -> None:
    memory = Memory()
    memory.note_refused("x", NOW)
    assert memory.is_refused("x", NOW + timedelta(hours=23))
    assert not memory.is_refused("x", NOW + timedelta(hours=25))
    assert not memory.is_refused("x", NOW)
    memory.refused["y"] = "nonsense"
    assert not memory.is_refused("y", NOW)
    memory.seen_firmware("1")
    memory.note_refused("z", NOW)
    memory.quirks.nonce_once = True
    memory.seen_firmware("1")
    assert memory.quirks.nonce_once
    # It would not tell: that is no other firmware.
    memory.note_answered("y")
    memory.seen_firmware("")
    assert (memory.quirks.nonce_once, memory.firmware, memory.answered) == (True, "1", {"y"})
    assert memory.is_refused("z", NOW)
    memory.seen_firmware("2")
    assert memory.refused == {}
    assert not memory.quirks.nonce_once


def test_what_has_answered_or_must_be_there_is_never_taken_for_a_lack() -> None:
    memory = Memory(firmware="1")
    for name in (
        "magicBox.cgi?action=getSystemInfo",
        "magicBox.cgi?action=getSerialNo",
        "configManager.cgi?action=getConfig&name=RemoteDevice",
    ):
        memory.note_refused(name, NOW)
    memory.note_answered("x")
    memory = Memory.load(memory.dump())
    memory.note_refused("x", NOW)
    assert memory.refused == {}
    memory.seen_firmware("2")
    memory.note_refused("x", NOW)
    assert memory.is_refused("x", NOW)


@pytest.mark.parametrize(
    ("vendor", "model", "version", "serial", "name"),
    [
        ("AC", "NV4116-HS", "4.000.00AC000.0", "AMR0000000", "Amcrest"),
        ("Dahua", "NV4108E-HS", "4.001.0000005.1", "AMR0000000", "Amcrest"),
        ("LOREX", "E891AB", "2.622.00LR000.10.R", "ND0000000", "Lorex"),
        ("", "N841A8", "3.216.00LR035.0", "", "Lorex"),
        ("Dahua", "LTN6416", "4.001.0000005.4.R", "", "Lorex"),
        # Another maker's firmware on that metal: the serial tells.
        ("Dahua", "DHI-NVR4108", "4.001.0000005.1", "amr0000000", "Amcrest"),
        ("Amcrest", "IP5M-T1179E", "2.800.00AC001.0.R", "AMC0000000", "Amcrest"),
        ("", "IPC-B54IR-ASE", "3.142.15OG000.0.R", "", "EmpireTech"),
        ("General", "IPC-T5442TM-AS", "2.840.15OG00D.0.R", "", "EmpireTech"),
        ("", "VTO2311R", "4.510.10IM001.0.R", "", "Imou"),
        ("", "iNVD 9016", "4.003.0000000.1.R", "", "Intelbras"),
        ("", "CP-UNR-4K4162-V2", "", "", "CP Plus"),
        ("", "DHI-NVR4104", "4.001.00CP000.1", "", "Dahua"),
        ("Intelbras", "NVD 1304", "4.0", "", "Intelbras"),
        ("CPPLUS", "X", "", "", "CP Plus"),
        ("General", "IPC-T5442TM-AS", "2.800.0000000.24.R", "NDX", "Dahua"),
        ("", "DH-NVR5232-4KS3/I", "5.001.0000000.2.R", "", "Dahua"),
        ("Somebody", "X1", "1.0", "", "Somebody"),
        ("", "", "", "", "Dahua"),
    ],
)
def test_brands(vendor: str, model: str, version: str, serial: str, name: str) -> None:
    assert brands.manufacturer_name(vendor, model, version, serial) == name


def test_rows_of_brands() -> None:
    assert len({brand.key for brand in brands.BRANDS}) == len(brands.BRANDS)
    assert brands.BRANDS[0].owns("Amcrest ", "")
    assert not brands.Brand("x", "X").owns("", "anything")
    assert brands.brand_of("", "unheard-of") is None


def test_sound_of_some_cameras_is_never_asked_for() -> None:
    assert brands.audio_reboots("2.622.00LR000.10.R")
    assert not brands.audio_reboots("3.216.00LR035.0")
    assert not brands.audio_reboots("2.622.00AC000.0.R")


@pytest.mark.parametrize(
    ("status", "headers", "body", "score"),
    [
        (401, {"WWW-Authenticate": 'Digest realm="Login to 4K0A1B2C", qop="auth", nonce="1"'}, b"", CERTAIN),
        (401, {"Www-Authenticate": 'Basic realm="Device_CGI"'}, b"", CERTAIN),
        (401, {"WWW-AUTHENTICATE": 'Digest realm="IP Camera(C1234)", nonce="1"'}, b"", 20),
        (401, {"WWW-Authenticate": 'Basic realm="router"'}, b"", 0),
        (200, {}, b"deviceType=31\r\nserialNumber=X", CERTAIN),
        (200, {}, b'{"error":{"code":268894209},"id":0,"session":0}', 80),
        (200, {}, b"<html>", 0),
        (404, {}, b"", 0),
    ],
)
def test_a_device_is_told_without_a_login(status: int, headers: dict[str, str], body: bytes, score: int) -> None:
    assert fingerprint(status, headers, body) == score
    assert all("?" not in probe for probe in PROBES)


def test_the_other_family_does_not_take_it() -> None:
    for challenge in ('Digest realm="Login to 4K0A1B2C", nonce="1"', 'Basic realm="Device_CGI"'):
        assert hikvision_fingerprint(401, {"WWW-Authenticate": challenge}, b"Error\r\nUnauthorized!") == 0
