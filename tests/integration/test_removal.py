"""Removing an NVR: nothing of it is left on the disk or in memory but what is the user's own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er

from custom_components.nvr.const import DOMAIN
from custom_components.nvr.shared import shared
from tests.simulators.dahua import PASSWORD

from .conftest import events_up, every_family, make_entry, set_up


def traces(folder: Path, *words: str) -> Iterator[str]:
    """Yield the files that speak of one of these; Home Assistant's own files are its business."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("core."):
            text = f"{path}\n{path.read_bytes().decode('utf-8', 'replace')}"
            yield from (f"{path.relative_to(folder)}: {word}" for word in words if word in text)


@every_family
async def test_a_removed_nvr_leaves_no_trace(hass: HomeAssistant, nvr: Any, tmp_path: Path) -> None:
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    await events_up(hub)
    await hub.async_snapshot(1, None, None)
    pictures = Path(hass.config.cache_path(DOMAIN, "pictures")) / entry.entry_id
    await hass.async_add_executor_job(lambda: pictures.mkdir(parents=True))
    await hass.async_add_executor_job((pictures / "one.jpg").write_bytes, b"\xff\xd8")
    # An unload keeps what was learned.
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    words = (entry.entry_id, nvr.serial, PASSWORD)
    assert await hass.async_add_executor_job(lambda: list(traces(tmp_path, *words)))
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await hass.async_add_executor_job(lambda: list(traces(tmp_path, *words))) == []
    assert not pictures.exists()
    common = shared(hass)
    assert entry.entry_id not in common.stores
    assert entry.entry_id not in common.lock_notices
    assert [key for key in common.guards if key[0] == entry.entry_id] == []
    assert dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id) == []
    assert er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id) == []


async def test_an_nvr_that_is_added_again_gets_its_names_back(hass: HomeAssistant, nvr: Any) -> None:
    entry = make_entry(nvr)
    await set_up(hass, entry)
    er.async_get(hass).async_update_entity("camera.front_door", new_entity_id="camera.old_name")
    await hass.config_entries.async_remove(entry.entry_id)
    assert hass.states.get("camera.old_name") is None
    await set_up(hass, make_entry(nvr))
    found = hass.states.get("camera.old_name")
    assert found is not None
    assert found.state != "unavailable"
