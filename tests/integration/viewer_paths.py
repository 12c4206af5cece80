"""The ways to streams and sessions: rows for the walk in test_access_paths."""

from collections.abc import Awaitable, Callable

from custom_components.nvr.access import Action
from custom_components.nvr.media_ids import (
    content_id,
)

from .access_home import Home, Walk
from .media_viewer import Viewer


def watches(kind: str) -> Callable[[Home], Awaitable[bool]]:
    """Open a stream for our own viewer, and take it over the media socket."""

    async def walk(home: Home) -> bool:
        viewer = Viewer(home.media.socket, home.client)
        values = {"camera_id": content_id(home.channel).removeprefix("media-source://nvr/"), "accept": ["avc1", "hvc1"]}
        start = {"start": home.span.start.timestamp()} if kind == "playback" else {}
        answer = await viewer.ask("session/open", kind=kind, **values, **start)
        if not answer["success"]:
            assert answer["error"]["code"] == "unauthorized"
            return False
        watched = await viewer.take(answer["result"])
        await watched.media()
        await viewer.close()
        return True

    return walk


def listed_for_viewers(action: str) -> Callable[[Home], Awaitable[bool]]:
    async def walk(home: Home) -> bool:
        found = (await Viewer(home.media.socket, home.client).ask("cameras"))["result"]
        assert any(camera["name"] == "Driveway" for camera in found)
        return any(camera["name"] == "Front door" and camera["rights"][action] for camera in found)

    return walk


VIEWER_PATHS: dict[str, tuple[Action, Walk]] = {
    "viewer: playback": (Action.PLAYBACK, watches("playback")),
    "viewer: live": (Action.LIVE, watches("live")),
    "viewer: cameras to play": (Action.PLAYBACK, listed_for_viewers("playback")),
    "viewer: cameras to watch": (Action.LIVE, listed_for_viewers("live")),
}
