"""One Home Assistant of the scale benchmark, in a process of its own: it sets up what a line of JSON names.

It answers by a line of JSON what the start took, and, where it was told to rest, by another one once there is nothing
left to do but to listen; then it waits for a line before it ends, and keeps its registries for the next one.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
import gc
import importlib
import json
import os
from pathlib import Path
import sys
from typing import Any, Final
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState, ConfigFlow
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, mock_config_flow

from custom_components.nvr import control_desk, recording_watch
from custom_components.nvr.const import DOMAIN
from custom_components.nvr.runtime import NvrRuntimeData
from scripts.benchmarks import _bare
from scripts.benchmarks._bare import BARE, Row, mock_bare
from scripts.benchmarks._common import PASSWORD, REGISTRIES, ROOT, USER, Stopwatch, home_assistant, resident
from scripts.benchmarks._families import FAMILIES

PATIENCE: Final = 240.0
_NEVER: Final = 1e9


@dataclass(frozen=True, slots=True)
class Nvr:
    """One simulated recorder: how it is reached, and who it is."""

    family: str
    port: int
    serial: str
    entry_id: str


@dataclass(frozen=True, slots=True)
class Job:
    """What to set up: recorders, or by entry as many bare entities.

    `learn`: find out of the recorders' controls at once what otherwise takes minutes. `rest`: go on until told to end.
    """

    folder: str
    nvrs: tuple[Nvr, ...] = ()
    bare: dict[str, list[Row]] | None = None
    learn: bool = False
    rest: bool = False

    def dump(self) -> str:
        """Return it as a line."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def load(cls, line: str) -> Job:
        """Read the line."""
        raw = json.loads(line)
        raw["nvrs"] = tuple(Nvr(**item) for item in raw["nvrs"])
        if raw["bare"] is not None:
            raw["bare"] = {entry: [Row(**row) for row in rows] for entry, rows in raw["bare"].items()}
        return cls(**raw)


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait until something is so."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise RuntimeError(what) from None


async def set_up(hass: HomeAssistant, domain: str, entries: Sequence[MockConfigEntry]) -> dict[str, Any]:
    """Set all entries up as a start of Home Assistant does, and return what that took.

    `memory` holds what they have in the registries too, of this start or of an earlier one, `added` does not.
    """
    for entry in entries:
        entry.add_to_hass(hass)
    gc.collect()
    before = resident()
    with Stopwatch() as watch:
        await async_setup_component(hass, domain, {})
        await hass.async_block_till_done()
        if domain == DOMAIN:
            await until(lambda: all(_listens(entry) for entry in entries), "no event stream")
            await hass.async_block_till_done()
    gc.collect()
    for entry in entries:
        if entry.state is not ConfigEntryState.LOADED:
            raise RuntimeError(entry.reason or "an entry was not set up")
    added = resident() - before
    return {"cpu": watch.cpu, "wall": watch.wall, "memory": added + hass.data[REGISTRIES], "added": added}


def _data(entry: MockConfigEntry) -> NvrRuntimeData:
    data: NvrRuntimeData = entry.runtime_data
    return data


def _listens(entry: MockConfigEntry) -> bool:
    return entry.state is ConfigEntryState.LOADED and _data(entry).hub.link.stream_state == "alive"


def registered(hass: HomeAssistant, entry: MockConfigEntry) -> tuple[list[Row], int]:
    """Return the entities of an entry, and the most of a channel that are in use."""
    registry = er.async_get(hass)
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    places = {device.id: index for index, device in enumerate(devices)}
    entities = er.async_entries_for_config_entry(registry, entry.entry_id)
    channels = {entity.device_id for entity in entities if entity.domain == "camera"}
    in_use: Counter[str | None] = Counter()
    rows = []
    for entity in entities:
        enabled = entity.disabled_by is None
        if enabled and hass.states.get(entity.entity_id) is None:
            message = f"{entity.entity_id} has no state"
            raise RuntimeError(message)
        place = places[entity.device_id or ""]
        rows.append(Row(place, entity.domain, enabled, entity.original_name or ""))
        if entity.device_id in channels:
            in_use[entity.device_id] += enabled
    return rows, max(in_use.values())


def nvr_entry(nvr: Nvr) -> MockConfigEntry:
    """Return the entry of a recorder."""
    family = next(family for family in FAMILIES if family.name == nvr.family)
    data = family.entry(nvr.port, (USER, PASSWORD))
    return MockConfigEntry(domain=DOMAIN, data=data, unique_id=nvr.serial, title="NVR", entry_id=nvr.entry_id)


async def warm(hass: HomeAssistant) -> None:
    """Load what any integration of cameras needs of Home Assistant."""
    for component in ("http", "network", "stream", "websocket_api", *BARE):
        await async_setup_component(hass, component, {})


def load_package() -> dict[str, Any]:
    """Load our own modules, which Home Assistant does once and in a thread; return what that took."""
    before = resident()
    with Stopwatch() as watch:
        for path in sorted((ROOT / "custom_components" / DOMAIN).glob("[!_]*.py")):
            importlib.import_module(f"custom_components.{DOMAIN}.{path.stem}")
    return {"cpu": watch.cpu, "memory": resident() - before}


async def learn(entries: Sequence[MockConfigEntry]) -> None:
    """Let all controls be found out, without the breath that recorders are given between two questions."""
    with patch.object(control_desk, "FIRST", 0.0), patch.object(control_desk, "BREATH", 0.0):
        for entry in entries:
            _data(entry).hub.desk.async_start()
        await until(lambda: all(_data(entry).hub.desk.surveyed for entry in entries), "controls were not found out")
        await asyncio.sleep(1)


async def look_once(entries: Sequence[MockConfigEntry]) -> None:
    """Let the recording of all channels be looked at once."""

    def looked(entry: MockConfigEntry) -> bool:
        data = _data(entry)
        return all(data.health.recording.health(channel.number).looked_at for channel in data.hub.channels)

    await until(lambda: all(looked(entry) for entry in entries), "the recording of a channel was not looked at")


def answer(what: dict[str, Any]) -> None:
    """Say it."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def run_nvrs(hass: HomeAssistant, job: Job) -> None:
    """Set recorders up."""
    package = load_package()
    entries = [nvr_entry(nvr) for nvr in job.nvrs]
    desk_first = _NEVER if job.learn else control_desk.FIRST
    first, pace = (1.0, 0.1) if job.rest else (recording_watch.FIRST, recording_watch.PACE)
    with (
        patch.object(control_desk, "FIRST", desk_first),
        patch.object(recording_watch, "FIRST", first),
        patch.object(recording_watch, "PACE", pace),
    ):
        took = await set_up(hass, DOMAIN, entries)
        if job.learn:
            await learn(entries)
            await hass.async_block_till_done()
        if job.rest:
            await look_once(entries)
    found = {entry.entry_id: registered(hass, entry) for entry in entries}
    rows = {entry_id: [asdict(row) for row in rows] for entry_id, (rows, _) in found.items()}
    most = {entry_id: most for entry_id, (_, most) in found.items()}
    answer({**took, "package": package, "rows": rows, "most": most})


async def run_bare(hass: HomeAssistant, rows_of: dict[str, list[Row]]) -> None:
    """Set bare entities up."""
    entries = [MockConfigEntry(domain=_bare.DOMAIN, title="NVR", entry_id=entry_id) for entry_id in rows_of]
    mock_bare(hass, rows_of)
    with mock_config_flow(_bare.DOMAIN, ConfigFlow):
        took = await set_up(hass, _bare.DOMAIN, entries)
        for entry in entries:
            rows = Counter((row.platform, row.enabled) for row in registered(hass, entry)[0])
            if rows != Counter((row.platform, row.enabled) for row in rows_of[entry.entry_id]):
                message = "not all bare entities were added as they should be"
                raise RuntimeError(message)
        answer(took)


async def main() -> None:
    """Do what the first line says."""
    loop = asyncio.get_running_loop()
    job = Job.load(await loop.run_in_executor(None, sys.stdin.readline))
    async with home_assistant(Path(job.folder)) as hass:
        await warm(hass)
        if job.bare is not None:
            await run_bare(hass, job.bare)
        else:
            await run_nvrs(hass, job)
        if job.rest:
            await loop.run_in_executor(None, sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main())
    sys.stdout.flush()
    os._exit(0)
