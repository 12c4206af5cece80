"""Adding the NVR through the real config flow, and what Home Assistant then knows of it."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from .client import HaClient
from .processes import DemoError
from .simulator import PASSWORD, USERNAME, SimulatedNvr

_LOOK_AGAIN: Final = 0.2


@dataclass(frozen=True)
class NvrEntry:
    """The config entry, the NVR's own device and the entities of all its devices, as the registries list them."""

    entry_id: str
    title: str
    device: dict[str, Any]
    entities: tuple[dict[str, Any], ...]

    def enabled(self, platform: str) -> list[dict[str, Any]]:
        """Return the enabled entities of a platform, in channel order."""
        found = [
            entity
            for entity in self.entities
            if entity["entity_id"].startswith(f"{platform}.") and not entity["disabled_by"]
        ]
        return sorted(found, key=_numbers_as_such)


def _numbers_as_such(entity: dict[str, Any]) -> list[tuple[int, str]]:
    """Return what a unique id is sorted by: channel 2 before channel 10."""
    parts = str(entity["unique_id"]).split("_")
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


async def open_flow(client: HaClient) -> Any:
    """Open the config flow, and return its first form: it looks around on the network before it asks."""
    flow = await client.post_json("/api/config/config_entries/flow", {"handler": "nvr"})
    while flow["type"] == "progress":
        await asyncio.sleep(_LOOK_AGAIN)
        flow = await client.get_json(f"/api/config/config_entries/flow/{flow['flow_id']}")
    return flow


async def add_nvr(client: HaClient, nvr: SimulatedNvr) -> NvrEntry:
    """Walk the config flow with host, user and password, and name it; raises DemoError when it asks for more."""
    flow = await open_flow(client)
    answer = await client.post_json(
        f"/api/config/config_entries/flow/{flow['flow_id']}",
        {
            "host": f"127.0.0.1:{nvr.http_port}",
            "username": USERNAME,
            "password": PASSWORD,
        },
    )
    if answer["type"] != "create_entry":
        message = f"the config flow did not create an entry: {answer.get('errors') or answer.get('reason') or answer}"
        raise DemoError(message)
    entry = await load_entry(client, answer["result"]["entry_id"])
    # As a person does in the last window of the dialog: not every family tells how its owner calls it.
    async with client.websocket() as socket:
        name = nvr.kind.name
        await socket.command("config_entries/update", entry_id=entry.entry_id, title=name)
        await socket.command("config/device_registry/update", device_id=entry.device["id"], name_by_user=name)
    return await load_entry(client, entry.entry_id)


async def load_entry(client: HaClient, entry_id: str) -> NvrEntry:
    """Read the entry and its entities from the registries."""
    async with client.websocket() as socket:
        entry = await socket.command("config_entries/get_single", entry_id=entry_id)
        devices = await socket.command("config/device_registry/list")
        entities = await socket.command("config/entity_registry/list")
    own = tuple(entity for entity in entities if entity["config_entry_id"] == entry_id)
    recorders = [item for item in devices if entry_id in item["config_entries"] and item["via_device_id"] is None]
    if len(recorders) != 1:
        message = f"the entry has {len(recorders)} devices that are an NVR"
        raise DemoError(message)
    return NvrEntry(entry_id, entry["config_entry"]["title"], recorders[0], own)


async def set_grace(client: HaClient, entry_id: str, seconds: int) -> None:
    """Shorten the grace time through the options flow, keeping every other suggested value."""
    menu = await client.post_json("/api/config/config_entries/options/flow", {"handler": entry_id})
    chosen = {"next_step_id": "settings"}
    flow = await client.post_json(f"/api/config/config_entries/options/flow/{menu['flow_id']}", chosen)
    data = _with_grace(flow["data_schema"], seconds)
    answer = await client.post_json(f"/api/config/config_entries/options/flow/{flow['flow_id']}", data)
    if answer["type"] != "create_entry":
        message = f"the options flow was refused: {answer.get('errors')}"
        raise DemoError(message)


def _with_grace(fields: list[dict[str, Any]], seconds: int) -> dict[str, Any]:
    """Answer a form with its own suggestions, sections included, and our grace time."""
    answer: dict[str, Any] = {}
    for field in fields:
        name = field["name"]
        if field.get("type") == "expandable":
            answer[name] = _with_grace(field["schema"], seconds)
        elif name == "grace_time":
            answer[name] = seconds
        elif "suggested_value" in (field.get("description") or {}):
            answer[name] = field["description"]["suggested_value"]
        elif "default" in field:
            answer[name] = field["default"]
    return answer
