"""What the smoke run checks; every check returns the words for its line or raises."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
import time
from typing import Any

from tests.simulators.video.timecode import TimeCode

from . import hls
from .client import HaWebsocket
from .instance import HomeAssistant
from .nvr_entry import NvrEntry, load_entry
from .processes import DemoError
from .simulator import SimulatedNvr

GRACE = 10
# Days are the NVR's own: it stands in a zone of its own in the smoke run.
NVR_ZONE = timezone(timedelta(hours=5, minutes=30))
LIVE_DELAY = timedelta(seconds=25)
FRAME = timedelta(milliseconds=120)


@dataclass
class Scene:
    """What the checks work on."""

    home: HomeAssistant
    nvr: SimulatedNvr
    channels: int
    entry: NvrEntry | None = None

    @property
    def known(self) -> NvrEntry:
        """The entry, once it is there."""
        if self.entry is None:
            message = "the NVR was not added"
            raise DemoError(message)
        return self.entry


def require(condition: bool, words: str) -> None:
    """Raise DemoError with the words unless the condition holds."""
    if not condition:
        raise DemoError(words)


async def until(seconds: float, ready: Callable[[], Awaitable[bool]], words: str) -> None:
    """Ask again and again until ready; raises DemoError with the words."""
    deadline = time.monotonic() + seconds
    while not await ready():
        if time.monotonic() > deadline:
            raise DemoError(words)
        await asyncio.sleep(0.25)


async def cameras_exist(scene: Scene) -> str:
    """One enabled camera per channel, available."""
    cameras = scene.known.enabled("camera")
    require(
        len(cameras) == scene.channels,
        f"{len(cameras)} cameras for {scene.channels} channels",
    )

    async def all_available() -> bool:
        states = await scene.home.client.states()
        return all(states.get(c["entity_id"], {}).get("state", "unavailable") != "unavailable" for c in cameras)

    await until(15, all_available, "a camera is unavailable")
    return f"{len(cameras)} cameras, all available"


async def still_images(scene: Scene) -> str:
    """A JPEG of the present moment from each camera."""
    ages = []
    for number, camera in enumerate(scene.known.enabled("camera"), start=1):
        jpeg = await scene.home.client.get(f"/api/camera_proxy/{camera['entity_id']}")
        require(jpeg.startswith(b"\xff\xd8\xff"), f"{camera['entity_id']} gave no JPEG")
        code = hls.decode(jpeg)[0][1]
        require(
            code.channel == number,
            f"{camera['entity_id']} shows channel {code.channel}",
        )
        ages.append(datetime.now(UTC) - code.time)
    require(max(ages) < timedelta(seconds=5), f"a picture is {max(ages)} old")
    return f"{len(ages)} JPEGs, the oldest {max(ages).total_seconds():.1f} s old"


async def live_streams(scene: Scene) -> str:
    """A live stream of each camera through HA's own stream component, decoded."""

    async def one(number: int, camera: dict[str, Any]) -> timedelta:
        async with scene.home.client.websocket() as socket:
            answer = await socket.command("camera/stream", entity_id=camera["entity_id"], format="hls")
        playlist = await hls.open_playlist(scene.home.client, answer["url"])
        frames = await hls.decode_segment(scene.home.client, playlist, playlist.segments[-1][2])
        code = frames[-1][1]
        require(
            code.channel == number,
            f"{camera['entity_id']} plays channel {code.channel}",
        )
        return datetime.now(UTC) - code.time

    cameras = scene.known.enabled("camera")
    delays = await asyncio.gather(*(one(number, camera) for number, camera in enumerate(cameras, start=1)))
    require(max(delays) < LIVE_DELAY, f"a live stream is {max(delays)} late")
    return f"{len(delays)} streams decoded, {max(delays).total_seconds():.1f} s behind at most"


async def detection_event(scene: Scene) -> str:
    """A detection reaches a state, the bus and an automation."""
    client = scene.home.client
    async with client.websocket() as socket:
        events = await socket.subscribe("nvr_event")
        await scene.nvr.control("/event", {"kind": "fielddetection", "channel": 1, "state": "active"})
        async with asyncio.timeout(10):
            data = (await events.get())["data"]
            while data["kind"] != "intrusion":
                data = (await events.get())["data"]
        require(data["channel"] == 1, f"the event names channel {data['channel']}")
        entry = await load_entry(client, scene.known.entry_id)
        sensors = [
            entity["entity_id"]
            for entity in entry.enabled("binary_sensor")
            if entity["unique_id"].endswith("_1_intrusion")
        ]
        require(len(sensors) == 1, f"{len(sensors)} sensors for intrusion on channel 1")

        async def state_is_on() -> bool:
            return bool((await client.states())[sensors[0]]["state"] == "on")

        await until(5, state_is_on, f"{sensors[0]} did not turn on")
        await _automation_ran(socket)
    return "intrusion on channel 1: bus event, binary sensor on, automation ran"


async def _automation_ran(socket: HaWebsocket) -> None:
    async def notified() -> bool:
        notices = await socket.command("persistent_notification/get")
        return any(notice["notification_id"] == "someone_was_seen" for notice in notices)

    await until(5, notified, "the automation did not run")


async def recordings_found(scene: Scene) -> str:
    """The action answers with the segments of the last day, of all cameras."""
    cameras = [camera["entity_id"] for camera in scene.known.enabled("camera")]
    end = datetime.now(UTC)
    data = {
        "entity_id": cameras,
        "start": (end - timedelta(days=1)).isoformat(),
        "end": end.isoformat(),
    }
    answer = await scene.home.client.call_action("nvr", "search_recordings", data)
    counts = [len(camera["segments"]) for camera in answer["cameras"].values()]
    require(
        len(counts) == len(cameras) and min(counts) > 0,
        f"segments per camera: {counts}",
    )
    return f"{sum(counts)} segments of {len(counts)} cameras"


async def _descend(socket: HaWebsocket, media_id: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    node = await socket.command("media_source/browse_media", media_content_id=media_id)
    children = node["children"] or []
    found = next((child for child in children if wanted(child)), None)
    if found is None:
        message = f"nothing to open below '{node['title']}'"
        raise DemoError(message)
    return dict(found)


async def media_browser(scene: Scene) -> str:
    """A whole day opens in the media browser; its first and a far segment show the asked time."""
    client = scene.home.client
    async with client.websocket() as socket:
        item = await _descend(socket, "media-source://nvr", lambda child: bool(child["can_expand"]))
        if item["title"] == scene.known.title:
            item = await _descend(
                socket,
                item["media_content_id"],
                lambda child: bool(child["can_expand"]),
            )
        days = await socket.command("media_source/browse_media", media_content_id=item["media_content_id"])
        yesterday = [child for child in days["children"] if child["can_expand"]][1]
        whole = await _descend(socket, yesterday["media_content_id"], lambda child: bool(child["can_play"]))
        resolved = await socket.command("media_source/resolve_media", media_content_id=whole["media_content_id"])
    require(
        resolved["mime_type"] == "application/x-mpegURL",
        f"MIME {resolved['mime_type']}",
    )
    playlist = await hls.open_playlist(client, resolved["url"])
    asked = whole["media_content_id"].split("/day/")[1].partition("/")[0]
    begin = None if playlist.starts_at is None else playlist.starts_at.astimezone(NVR_ZONE)
    require(begin is not None and begin.date().isoformat() == asked, f"{asked} was asked for, {begin} is what begins")
    errors = []
    for part in (0.0, 0.7, 0.2):
        start, uri = playlist.segment_at(_recorded(playlist, part))
        frames = await hls.decode_segment(client, playlist, uri)
        errors.append(_error(playlist, start, frames))
    require(max(errors) <= FRAME, f"frames are {max(errors)} off")
    words = f"{playlist.duration} seekable, 3 places decoded"
    return f"{words}, at most {max(errors).total_seconds() * 1000:.0f} ms off"


def _recorded(playlist: hls.MediaPlaylist, part: float) -> timedelta:
    number = int(part * (len(playlist.segments) - 1))
    return playlist.segments[number][0]


def _error(playlist: hls.MediaPlaylist, start: timedelta, frames: list[tuple[float, TimeCode]]) -> timedelta:
    """Return how far the frames' painted times are from what the playlist says of their presentation times."""
    origin = playlist.starts_at
    if origin is None:
        message = "the playlist names no time of day"
        raise DemoError(message)
    body = [(second, code) for second, code in frames if second >= start.total_seconds() - 0.002]
    require(bool(body), "the segment has no frame of its own")
    return max(abs(origin + timedelta(seconds=second) - code.time) for second, code in body)


async def power_cycle(scene: Scene) -> str:
    """Switched off: one nvr_offline after the grace time; switched on: one nvr_online."""
    async with scene.home.client.websocket() as socket:
        offline, online = (
            await socket.subscribe("nvr_offline"),
            await socket.subscribe("nvr_online"),
        )
        await scene.nvr.power(on=False)
        async with asyncio.timeout(GRACE + 30):
            await offline.get()
        await scene.nvr.power(on=True)
        async with asyncio.timeout(45):
            back = (await online.get())["data"]
    require(offline.empty() and online.empty(), "an edge fired twice")
    return f"nvr_offline, then nvr_online after {back['downtime']} s"


async def start_while_off(scene: Scene) -> str:
    """HA starts while the NVR is off: cameras exist as unavailable, the edge fires, then it comes back."""
    home, client = scene.home, scene.home.client
    await home.stop()
    await scene.nvr.power(on=False)
    await home.start()
    await client.refresh()
    async with client.websocket() as socket:
        offline, online = (
            await socket.subscribe("nvr_offline"),
            await socket.subscribe("nvr_online"),
        )
        async with asyncio.timeout(GRACE + 30):
            await offline.get()
        states = await client.states()
        cameras = [states.get(camera["entity_id"], {}).get("state") for camera in scene.known.enabled("camera")]
        require(cameras == ["unavailable"] * scene.channels, f"cameras while off: {cameras}")
        await scene.nvr.power(on=True)
        async with asyncio.timeout(60):
            await online.get()
    await cameras_exist(scene)
    return "cameras unavailable and nvr_offline fired, then nvr_online and all available"


CHECKS: tuple[tuple[str, Callable[[Scene], Awaitable[str]]], ...] = (
    ("Cameras", cameras_exist),
    ("Still images", still_images),
    ("Live streams", live_streams),
    ("Detection event", detection_event),
    ("search_recordings", recordings_found),
    ("Media browser", media_browser),
    ("Power cycle", power_cycle),
    ("Start while the NVR is off", start_while_off),
)
