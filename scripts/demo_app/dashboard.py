"""The demo's dashboard: the cameras first, then what happened and how the NVR is."""

from typing import Any

from .client import HaClient
from .nvr_entry import NvrEntry

# More streams at once than this and a small machine stutters; the other cameras show a new picture every ten seconds.
LIVE_TILES = 6
# Columns of a camera, of the 24 that two sections side by side have.
WIDE, NARROW = 12, 8
SECTION_COLUMNS = 3
DETECTIONS = ("motion", "intrusion", "line_crossing")


def _of_channel(nvr: NvrEntry, camera: dict[str, Any]) -> list[str]:
    """Return the detections of the camera's device."""
    return [
        sensor["entity_id"]
        for key in DETECTIONS
        for sensor in nvr.enabled("binary_sensor")
        if sensor["device_id"] == camera["device_id"] and sensor["unique_id"].endswith(f"_{key}")
    ]


def _camera(nvr: NvrEntry, camera: dict[str, Any], name: str, *, live: bool, columns: int) -> dict[str, Any]:
    return {
        "type": "picture-glance",
        "title": name,
        "camera_image": camera["entity_id"],
        "camera_view": "live" if live else "auto",
        "aspect_ratio": "16:9",
        "entities": [{"entity": entity_id, "show_state": False} for entity_id in _of_channel(nvr, camera)],
        "grid_options": {"columns": columns, "rows": "auto"},
    }


def _heading(text: str, icon: str) -> dict[str, Any]:
    return {"type": "heading", "heading": text, "icon": icon}


def _cameras(nvr: NvrEntry, states: dict[str, Any]) -> dict[str, Any]:
    cameras = nvr.enabled("camera")
    columns = WIDE if len(cameras) in {1, 2, 4} else NARROW
    tiles = [
        _camera(
            nvr,
            camera,
            states[camera["entity_id"]]["attributes"]["friendly_name"],
            live=number < LIVE_TILES,
            columns=columns,
        )
        for number, camera in enumerate(cameras)
    ]
    return {"type": "grid", "column_span": SECTION_COLUMNS, "cards": tiles}


def _happenings(nvr: NvrEntry) -> dict[str, Any]:
    """What the event entities told; the binary sensors would tell the same twice."""
    events = [entity["entity_id"] for entity in nvr.enabled("event")]
    logbook = {
        "type": "logbook",
        "target": {"entity_id": events},
        "hours_to_show": 1,
        "grid_options": {"columns": 12, "rows": 5},
    }
    return {"type": "grid", "cards": [_heading("What happened", "mdi:motion-sensor"), logbook]}


def _state(nvr: NvrEntry) -> dict[str, Any]:
    """Whether NVR and cameras are there, and the NVR's own troubles."""
    cameras = {camera["device_id"] for camera in nvr.enabled("camera")}
    recorder = [sensor for sensor in nvr.enabled("binary_sensor") if sensor["device_id"] not in cameras]
    recorder.sort(key=lambda sensor: not sensor["unique_id"].endswith("_connectivity"))
    tiles = [
        {
            "type": "tile",
            "entity": sensor["entity_id"],
            "name": sensor["name"] or sensor["original_name"],
            "grid_options": {"columns": 6, "rows": 1},
        }
        for sensor in recorder
    ]
    return {"type": "grid", "cards": [_heading(nvr.title, "mdi:cctv"), *tiles]}


def build(nvr: NvrEntry, states: dict[str, Any]) -> dict[str, Any]:
    """Return the dashboard's configuration."""
    view = {
        "title": "Cameras",
        "path": "cameras",
        "type": "sections",
        "max_columns": SECTION_COLUMNS,
        "sections": [_cameras(nvr, states), _happenings(nvr), _state(nvr)],
    }
    return {"views": [view]}


async def save(client: HaClient, nvr: NvrEntry) -> None:
    """Make the dashboard and list it in the sidebar."""
    config = build(nvr, await client.states())
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
