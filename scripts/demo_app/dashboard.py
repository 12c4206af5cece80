"""The demo's dashboard: the NVRs side by side, each with its cameras, what happened, how it is, and what to try."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .client import HaClient
from .instance import CONTROL_ACTION, VISIT_ACTION
from .nvr_entry import NvrEntry
from .simulator import SimulatedNvr

# More streams at once than this and a small machine stutters; the other cameras show a new picture every ten seconds.
LIVE_TILES = 6
# Columns of a section, and of a tile of which two or three stand side by side.
FULL, HALF, THIRD = 12, 6, 4
# The first of these that a camera has are shown on it.
DETECTIONS, DETECTIONS_SHOWN = ("motion", "person", "intrusion", "line_crossing"), 3


@dataclass(frozen=True)
class Shown:
    """One NVR: what Home Assistant knows of it, and where it is steered."""

    entry: NvrEntry
    nvr: SimulatedNvr


def _of_channel(entry: NvrEntry, camera: dict[str, Any]) -> list[str]:
    """Return the detections of the camera's device."""
    found = [
        sensor["entity_id"]
        for key in DETECTIONS
        for sensor in entry.enabled("binary_sensor")
        if sensor["device_id"] == camera["device_id"] and sensor["unique_id"].endswith(f"_{key}")
    ]
    return found[:DETECTIONS_SHOWN]


def _heading(text: str, icon: str, *, style: str = "subtitle", badges: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return {"type": "heading", "heading": text, "icon": icon, "heading_style": style, "badges": list(badges)}


def _own_sensors(entry: NvrEntry) -> list[dict[str, Any]]:
    """Return the NVR's own binary sensors, the one that tells whether it is there first."""
    own = [sensor for sensor in entry.enabled("binary_sensor") if sensor["device_id"] == entry.device["id"]]
    return sorted(own, key=lambda sensor: not sensor["unique_id"].endswith("_connectivity"))


def _title(entry: NvrEntry) -> dict[str, Any]:
    """The NVR's name, and whether it is there."""
    there = _own_sensors(entry)[0]["entity_id"]
    badge = {"type": "entity", "entity": there, "show_state": True, "show_icon": True, "color": "state"}
    return _heading(entry.title, "mdi:cctv", style="title", badges=[badge])


def _cameras(entry: NvrEntry, names: Mapping[str, str], live_tiles: int) -> list[dict[str, Any]]:
    """A single one or the first of three takes the whole width."""
    cameras = entry.enabled("camera")
    return [
        {
            "type": "picture-glance",
            "title": names[camera["entity_id"]],
            "camera_image": camera["entity_id"],
            "camera_view": "live" if number < live_tiles else "auto",
            "aspect_ratio": "16:9",
            "entities": [{"entity": entity_id, "show_state": False} for entity_id in _of_channel(entry, camera)],
            "grid_options": {"columns": FULL if number == 0 and len(cameras) % 2 else HALF, "rows": "auto"},
        }
        for number, camera in enumerate(cameras)
    ]


def _happenings(entry: NvrEntry) -> dict[str, Any]:
    """What the event entities told; the binary sensors would tell the same twice."""
    return {
        "type": "logbook",
        "target": {"entity_id": [entity["entity_id"] for entity in entry.enabled("event")]},
        "hours_to_show": 1,
        "grid_options": {"columns": FULL, "rows": 4},
    }


def _troubles(entry: NvrEntry) -> list[dict[str, Any]]:
    """What the NVR can tell of besides being there."""
    return [
        {
            "type": "tile",
            "entity": sensor["entity_id"],
            "name": sensor["name"] or sensor["original_name"],
            "grid_options": {"columns": HALF, "rows": 1},
        }
        for sensor in _own_sensors(entry)[1:]
    ]


def _button(name: str, icon: str, action: str, data: Mapping[str, object]) -> dict[str, Any]:
    return {
        "type": "button",
        "name": name,
        "icon": icon,
        "icon_height": "24px",
        "tap_action": {"action": "perform-action", "perform_action": action, "data": data},
        "grid_options": {"columns": THIRD, "rows": 2},
    }


def _to_try(nvr: SimulatedNvr) -> list[dict[str, Any]]:
    port, kind = nvr.control_port, nvr.kind
    visit = {"port": port, "comes": dict(kind.comes), "leaves": dict(kind.leaves)}
    off, on = ({"port": port, "what": "power", "body": {"on": on}} for on in (False, True))
    return [
        _button("Somebody comes", "mdi:walk", VISIT_ACTION, visit),
        _button("Switch off", "mdi:power-plug-off", CONTROL_ACTION, off),
        _button("Switch on", "mdi:power-plug", CONTROL_ACTION, on),
    ]


def _section(shown: Shown, names: Mapping[str, str], live_tiles: int) -> dict[str, Any]:
    entry = shown.entry
    cards = [
        _title(entry),
        *_cameras(entry, names, live_tiles),
        _heading("What happened", "mdi:motion-sensor"),
        _happenings(entry),
        _heading("State", "mdi:list-status"),
        *_troubles(entry),
        _heading("Try it", "mdi:gesture-tap"),
        *_to_try(shown.nvr),
    ]
    return {"type": "grid", "cards": cards}


def build(nvrs: Sequence[Shown], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the dashboard's configuration; `names` are those of the entities."""
    view = {
        "title": "Cameras",
        "path": "cameras",
        "type": "sections",
        "max_columns": len(nvrs),
        "sections": [_section(shown, names, LIVE_TILES // len(nvrs)) for shown in nvrs],
    }
    return {"views": [view]}


async def save(client: HaClient, nvrs: Sequence[Shown]) -> None:
    """Make the dashboard and list it in the sidebar."""
    states = await client.states()
    config = build(nvrs, {name: state["attributes"].get("friendly_name", name) for name, state in states.items()})
    async with client.websocket() as socket:
        await socket.command(
            "lovelace/dashboards/create",
            url_path="nvr-demo",
            title="Cameras",
            icon="mdi:cctv",
            require_admin=False,
            show_in_sidebar=True,
        )
        await socket.command("lovelace/config/save", url_path="nvr-demo", config=config)
