"""Diagnostics of detections: which of them the NVR does not send, which it has not sent, which were dropped and why."""

import json
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
    get_diagnostics_for_device,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.nvr.const import CONF_IGNORED_CHANNELS, CONF_IGNORED_DETECTIONS, DOMAIN
from tests.simulators.dahua import PASSWORD, DahuaSimulator
from tests.simulators.hikvision import HikvisionSimulator

from .conftest import StartSimulator, events_up, every_family, make_entry, set_up, until
from .happenings import read_plate
from .recorders import DAHUA, Recorder

PLATE = "XY 987 ZZ"


def verdicts(found: Any) -> dict[tuple[int, str], tuple[str, Any]]:
    return {(row["channel"], row["kind"]): (row["verdict"], row.get("why")) for row in found["detections"]}


async def test_each_detection_has_its_verdict(
    hass: HomeAssistant, start_simulator: StartSimulator, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    nvr: HikvisionSimulator = await start_simulator(channels=3)
    nvr.triggers.unlinked.add(("linedetection", 2))
    entry = make_entry(nvr, options={CONF_IGNORED_DETECTIONS: ["face"], CONF_IGNORED_CHANNELS: ["3"]})
    hub = await set_up(hass, entry)
    await events_up(hub)
    nvr.emit("fielddetection", 1)
    nvr.emit("fielddetection", 1, count=2)
    nvr.emit("facedetection", 1)
    nvr.emit("fielddetection", 3)
    assert not nvr.emit("linedetection", 2)
    await until(lambda: hub.fanout.counters.total() >= 3)
    found = verdicts(await get_diagnostics_for_config_entry(hass, hass_client, entry))
    assert found[1, "intrusion"] == ("told", None)
    assert found[1, "face"] == ("sent_but_dropped", ["ignored_kind"])
    assert found[3, "intrusion"] == ("sent_but_dropped", ["ignored_channel"])
    assert found[1, "line_crossing"] == ("nothing_sent", None)
    assert found[2, "line_crossing"] == ("not_subscribed", "its trigger does: record")
    assert found[0, "disk_full"] == ("not_subscribed", "its trigger does: nothing")


@pytest.mark.parametrize("family", [DAHUA], ids=lambda family: family.key, indirect=True)
async def test_a_firmware_that_sends_few_codes_is_told(
    hass: HomeAssistant,
    start_simulator: StartSimulator,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(DAHUA.back_off, (0.01,))
    assert await async_setup_component(hass, "diagnostics", {})
    nvr: DahuaSimulator = await start_simulator(channels=1)
    nvr.apply_faults({"events.refuse_all": True})
    entry = make_entry(nvr)
    await events_up(await set_up(hass, entry))
    found = verdicts(await get_diagnostics_for_config_entry(hass, hass_client, entry))
    assert found[1, "motion"] == ("nothing_sent", None)
    assert found[1, "person"] == ("not_subscribed", "the firmware refuses to send all codes")


@every_family
async def test_what_was_seen_is_in_no_report(
    hass: HomeAssistant, nvr: Recorder, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    await events_up(hub)
    read_plate(nvr, 2, PLATE)
    await until(lambda: hub.fanout.counters["plate"])
    entry_report: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    devices = dr.async_get(hass)
    for identifier, channels in ((nvr.serial, {0}), (f"{nvr.serial}_2", {2})):
        device = devices.async_get_device_by_identifier((DOMAIN, identifier), entry.entry_id)
        assert device is not None
        report: Any = await get_diagnostics_for_device(hass, hass_client, entry, device)
        assert {row["channel"] for row in report["detections"]} == channels
    assert verdicts(entry_report)[2, "plate"][0] == "told"
    assert entry_report["statistics"]["answers"]
    text = json.dumps(entry_report)
    for secret in (PLATE, "Front door", nvr.serial, PASSWORD):
        assert secret not in text, secret


@every_family
async def test_how_it_answered_is_told_while_it_is_away(
    hass: HomeAssistant, nvr: Recorder, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    entry = make_entry(nvr)
    await events_up(await set_up(hass, entry))
    await nvr.power_off()
    await entry.runtime_data.coordinator.async_refresh()
    found: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert found["connected"] is False
    outcomes = {outcome for row in found["statistics"]["answers"].values() for outcome in row["outcomes"]}
    assert "200" in outcomes
    assert any(outcome.endswith("Error") for outcome in outcomes)
