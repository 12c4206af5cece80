"""The demo's dashboard: the NVRs side by side, each with its cameras, what happened, how it is, and what to try.

Those with faults stand below, with what is wrong.
"""

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
# The camera that moves, if there are so many.
MOVES = 3
FAULTS = """\
Nobody has looked after this NVR for long. [Repairs](/config/repairs) says what is wrong, and puts some of it right.
"""


@dataclass(frozen=True)
class Shown:
    """One NVR: what Home Assistant knows of it, and where it is steered."""

    entry: NvrEntry
    nvr: SimulatedNvr


def _of_channel(entry: NvrEntry, camera: dict[str, Any]) -> list[str]:
    """Return the detections of the camera's device, and whether it is recorded."""
    found = [
        sensor["entity_id"]
        for key in DETECTIONS
        for sensor in entry.enabled("binary_sensor")
        if sensor["device_id"] == camera["device_id"] and sensor["unique_id"].endswith(f"_{key}")
    ]
    recorded = [
        sensor["entity_id"]
        for sensor in entry.enabled("binary_sensor")
        if sensor["device_id"] == camera["device_id"] and sensor["unique_id"].endswith("_recording")
    ]
    return found[:DETECTIONS_SHOWN] + recorded


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


def _tile(entity_id: str, name: str) -> dict[str, Any]:
    return {"type": "tile", "entity": entity_id, "name": name, "grid_options": {"columns": HALF, "rows": 1}}


def _troubles(entry: NvrEntry) -> list[dict[str, Any]]:
    """What the NVR can tell of besides being there: its channels' problems, its disks, and what it reports."""
    own = [sensor for sensor in entry.enabled("sensor") if sensor["device_id"] == entry.device["id"]]
    shown = [*own, *_own_sensors(entry)[1:]]
    return [_tile(sensor["entity_id"], sensor["name"] or sensor["original_name"]) for sensor in shown]


def _once_found(entity_id: str, name: str) -> dict[str, Any]:
    """A tile for what is found out some time after the start, hidden until then."""
    there = {"condition": "state", "entity": entity_id, "state_not": "unavailable"}
    return {**_tile(entity_id, name), "visibility": [there]}


def _controls(entry: NvrEntry) -> list[dict[str, Any]]:
    """What is switched and moved. How entities will be called is known from those that are there."""
    own = _own_sensors(entry)[0]["entity_id"].partition(".")[2].removesuffix("_connectivity")
    relay = _once_found(f"switch.{own}_alarm_output_1", "Alarm output 1")
    cameras = entry.enabled("camera")
    if len(cameras) < MOVES:
        return [relay]
    camera = cameras[MOVES - 1]["entity_id"]
    return [
        _button("Turn left", "mdi:arrow-left-bold", "nvr.ptz_move", {"entity_id": camera, "pan": -50}),
        _button("Turn right", "mdi:arrow-right-bold", "nvr.ptz_move", {"entity_id": camera, "pan": 50}),
        _button("Home", "mdi:home", "nvr.ptz_go_to_preset", {"entity_id": camera, "preset": "Home"}),
        _once_found(f"select.{camera.partition('.')[2]}_preset", "Where it looks"),
        relay,
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
    fails = {"port": port, "what": "event", "body": dict(kind.fails)}
    works = {"port": port, "what": "event", "body": dict(kind.works)}
    return [
        _button("Somebody comes", "mdi:walk", VISIT_ACTION, visit),
        _button("It fails to record", "mdi:record-rec", CONTROL_ACTION, fails),
        _button("It records again", "mdi:record", CONTROL_ACTION, works),
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
        _heading("Controls", "mdi:tune-variant"),
        *_controls(entry),
        _heading("Try it", "mdi:gesture-tap"),
        *_to_try(shown.nvr),
    ]
    return {"type": "grid", "cards": cards}


def _faulty(shown: Shown) -> dict[str, Any]:
    """An NVR with faults: what it says of itself, and where it is put right."""
    entry = shown.entry
    cards = [_title(entry), {"type": "markdown", "content": FAULTS}, *_troubles(entry)]
    return {"type": "grid", "cards": cards}


def build(nvrs: Sequence[Shown], names: Mapping[str, str], faulty: Sequence[Shown] = ()) -> dict[str, Any]:
    """Return the dashboard's configuration; `names` are those of the entities."""
    sections = [_section(shown, names, LIVE_TILES // len(nvrs)) for shown in nvrs]
    view = {
        "title": "Cameras",
        "path": "cameras",
        "type": "sections",
        "max_columns": len(nvrs),
        "sections": [*sections, *map(_faulty, faulty)],
    }
    return {"views": [view]}


async def save(client: HaClient, nvrs: Sequence[Shown], faulty: Sequence[Shown] = ()) -> None:
    """Make the dashboard and list it in the sidebar."""
    states = await client.states()
    names = {name: state["attributes"].get("friendly_name", name) for name, state in states.items()}
    config = build(nvrs, names, faulty)
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
