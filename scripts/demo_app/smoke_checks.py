"""What the smoke run checks; every check returns the words for its line or raises."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
import time
from typing import Any

from tests.simulators.video.timecode import TimeCode

from . import hls, nvr_entry
from .client import HaWebsocket
from .instance import HomeAssistant
from .nvr_entry import NvrEntry, load_entry
from .processes import DemoError
from .simulator import SimulatedNvr

GRACE = 10
# How old a picture may be: not what was seen before the check, on a machine that is busy.
STILL_DELAY = timedelta(seconds=20)
LIVE_DELAY = timedelta(seconds=45)
FRAME = timedelta(milliseconds=120)

type Edges = asyncio.Queue[dict[str, Any]]


@dataclass
class Scene:
    """What the checks work on."""

    home: HomeAssistant
    nvr: SimulatedNvr
    channels: int
    entry: NvrEntry | None = None

    @property
    def name(self) -> str:
        """What the NVR is called."""
        return self.nvr.kind.name

    @property
    def zone(self) -> timezone:
        """The NVR's zone: days are its own."""
        return timezone(timedelta(minutes=self.nvr.kind.smoke_zone))

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


async def added(scene: Scene) -> str:
    """Address and login are enough: the config flow finds out which family answers."""
    client = scene.home.client
    scene.entry = entry = await nvr_entry.add_nvr(client, scene.nvr)
    await nvr_entry.set_grace(client, entry.entry_id, GRACE)
    maker, model = entry.device["manufacturer"], entry.device["model"]
    require(maker == scene.nvr.kind.manufacturer, f"it is said to be made by {maker}")
    return f"address and login given, recognised as {maker} {model}"


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

    await until(45, all_available, "a camera is unavailable")
    return f"{len(cameras)} cameras, all available"


async def still_images(scene: Scene) -> str:
    """A JPEG of the present moment from each camera."""
    ages = []
    for number, camera in enumerate(scene.known.enabled("camera"), start=1):
        jpeg = await scene.home.client.get(f"/api/camera_proxy/{camera['entity_id']}")
        require(jpeg.startswith(b"\xff\xd8\xff"), f"{camera['entity_id']} gave no JPEG")
        code = (await asyncio.to_thread(hls.decode, jpeg))[0][1]
        require(
            code.channel == number,
            f"{camera['entity_id']} shows channel {code.channel}",
        )
        ages.append(datetime.now(UTC) - code.time)
    require(max(ages) < STILL_DELAY, f"a picture is {max(ages)} old")
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
        events = await socket.subscribe("nvr_event", entry_id=scene.known.entry_id, kind="intrusion", phase="start")
        await scene.nvr.control("/event", dict(scene.nvr.kind.comes))
        async with asyncio.timeout(20):
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

        await until(15, state_is_on, f"{sensors[0]} did not turn on")
    return "intrusion on channel 1: bus event, binary sensor on"


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


async def descend(socket: HaWebsocket, media_id: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the first thing below an item of the media browser that is wanted."""
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
        nvr = await descend(socket, "media-source://nvr", lambda child: bool(child["title"] == scene.name))
        item = await descend(socket, nvr["media_content_id"], lambda child: bool(child["can_expand"]))
        days = await socket.command("media_source/browse_media", media_content_id=item["media_content_id"])
        yesterday = [child for child in days["children"] if child["can_expand"]][1]
        whole = await descend(socket, yesterday["media_content_id"], lambda child: bool(child["can_play"]))
        resolved = await socket.command("media_source/resolve_media", media_content_id=whole["media_content_id"])
    require(
        resolved["mime_type"] == "application/x-mpegURL",
        f"MIME {resolved['mime_type']}",
    )
    playlist = await hls.open_playlist(client, resolved["url"])
    asked = whole["media_content_id"].split("/day/")[1].partition("/")[0]
    begin = None if playlist.starts_at is None else playlist.starts_at.astimezone(scene.zone)
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


@contextlib.asynccontextmanager
async def _edges(scene: Scene) -> AsyncIterator[tuple[Edges, Edges]]:
    """Listen to nvr_offline and nvr_online of this NVR."""
    entry_id = scene.known.entry_id
    async with scene.home.client.websocket() as socket:
        yield (
            await socket.subscribe("nvr_offline", entry_id=entry_id),
            await socket.subscribe("nvr_online", entry_id=entry_id),
        )


async def power_cycle(scene: Scene, told: Callable[[Scene, str], Awaitable[None]]) -> str:
    """Switched off: one nvr_offline after the grace time; on: one nvr_online. `told` waits for notifications."""
    async with _edges(scene) as (offline, online):
        await scene.nvr.power(on=False)
        async with asyncio.timeout(GRACE + 40):
            await offline.get()
        await told(scene, "Offline since")
        await scene.nvr.power(on=True)
        async with asyncio.timeout(60):
            back = (await online.get())["data"]
        await told(scene, "Online again")
        require(offline.empty() and online.empty(), "an edge fired twice")
    return f"nvr_offline, then nvr_online after {back['downtime']} s, and a notification of each"


async def restart_while_off(home: HomeAssistant, scenes: list[Scene]) -> str:
    """End Home Assistant, switch the NVRs off, and start it again."""
    await home.stop()
    await asyncio.gather(*(scene.nvr.power(on=False) for scene in scenes))
    await home.start()
    await home.client.refresh()
    return f"ended, {len(scenes)} NVRs switched off, started again"


async def found_off_and_back(scene: Scene) -> str:
    """HA has started while the NVR is off: cameras exist as unavailable, the edge fires, then it comes back."""
    async with _edges(scene) as (offline, online):
        async with asyncio.timeout(GRACE + 50):
            await offline.get()
        states = await scene.home.client.states()
        cameras = [states.get(camera["entity_id"], {}).get("state") for camera in scene.known.enabled("camera")]
        require(cameras == ["unavailable"] * scene.channels, f"cameras while off: {cameras}")
        await scene.nvr.power(on=True)
        async with asyncio.timeout(60):
            await online.get()
    await cameras_exist(scene)
    return "cameras unavailable and nvr_offline fired, then nvr_online and all available"
