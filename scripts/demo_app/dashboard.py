"""The demo's dashboard: the cameras first, then what happened."""

from typing import Any

from .client import HaClient
from .nvr_entry import NvrEntry

LIVE_TILES = 4


def _tile(entity: dict[str, Any], *, live: bool) -> dict[str, Any]:
    return {
        "type": "picture-entity",
        "entity": entity["entity_id"],
        "camera_image": entity["entity_id"],
        "camera_view": "live" if live else "auto",
        "show_state": False,
        "show_name": True,
        "aspect_ratio": "16:9",
        "grid_options": {"columns": 12, "rows": "auto"},
    }


def build(nvr: NvrEntry) -> dict[str, Any]:
    """Return the dashboard's configuration."""
    cameras = nvr.enabled("camera")
    watched = [entity["entity_id"] for entity in nvr.enabled("binary_sensor")]
    happenings = [entity["entity_id"] for entity in nvr.enabled("event")]
    sections: list[dict[str, Any]] = [
        {
            "type": "grid",
            "column_span": 1,
            "cards": [_tile(camera, live=number < LIVE_TILES)],
        }
        for number, camera in enumerate(cameras)
    ]
    sections.append(
        {
            "type": "grid",
            "cards": [
                {"type": "heading", "heading": "What happened"},
                {
                    "type": "logbook",
                    "target": {"entity_id": [*watched, *happenings]},
                    "hours_to_show": 1,
                },
            ],
        }
    )
    sections.append(
        {
            "type": "grid",
            "cards": [
                {"type": "heading", "heading": nvr.title},
                {"type": "entities", "entities": watched, "state_color": True},
            ],
        }
    )
    return {
        "views": [
            {
                "title": "Cameras",
                "path": "cameras",
                "type": "sections",
                "max_columns": 3,
                "sections": sections,
            }
        ]
    }


async def save(client: HaClient, nvr: NvrEntry) -> None:
    """Make the dashboard and set it as what opens first."""
    async with client.websocket() as socket:
        await socket.command(
            "lovelace/dashboards/create",
            url_path="nvr-demo",
            title="Cameras",
            icon="mdi:cctv",
            require_admin=False,
            show_in_sidebar=True,
        )
        await socket.command("lovelace/config/save", url_path="nvr-demo", config=build(nvr))
