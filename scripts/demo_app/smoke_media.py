"""What the smoke run checks of recordings beyond playing them: pictures, our own viewer, clips and links to them."""

import asyncio
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
import re
from typing import Any

from . import hls, viewer
from .smoke_checks import FRAME, Scene, descend, require

# How far the key picture of a tile may be from the moment it stands for.
TILE = timedelta(seconds=4)
EXPORTED = timedelta(seconds=6)
# One frame of the simulated cameras, and where frames are dated to half of one.
NEAR = 0.16
_STAMP = re.compile(r"/(\d{8}T\d{6}(?:\.\d+)?)Z/")
_AGES = (timedelta(hours=2), timedelta(hours=9))


async def _recorded(scene: Scene, *ages: timedelta) -> list[datetime]:
    """Return moments of about these ages, in the middle of what the first camera recorded."""
    now = datetime.now(UTC)
    asked = {"start": (now - timedelta(hours=12)).isoformat(), "end": (now - timedelta(minutes=30)).isoformat()}
    data = {"entity_id": _camera(scene), "limit": 200, "merge": True, **asked}
    answer = await scene.home.client.call_action("nvr", "search_recordings", data)
    spans = [
        (datetime.fromisoformat(found["start"]), datetime.fromisoformat(found["end"]))
        for found in answer["cameras"][_camera(scene)]["segments"]
    ]
    margin = timedelta(seconds=45)
    inside = [(start + margin, end - margin) for start, end in spans if end - start > 3 * margin]
    require(bool(inside), "nothing long enough was recorded in half a day")

    def nearest(wanted: datetime) -> datetime:
        found = min((min(max(wanted, start), end) for start, end in inside), key=lambda moment: abs(moment - wanted))
        return found.replace(microsecond=400_000)

    return [nearest(now - age) for age in ages]


def _camera(scene: Scene) -> str:
    return str(scene.known.enabled("camera")[0]["entity_id"])


async def tiles(scene: Scene) -> str:
    """Tiles of the media browser show what they lead to, to those who are signed in."""
    client = scene.home.client
    async with client.websocket() as socket:
        nvr = await descend(socket, "media-source://nvr", lambda child: bool(child["title"] == scene.name))
        item = await descend(socket, nvr["media_content_id"], lambda child: bool(child["can_expand"]))
        days = await socket.command("media_source/browse_media", media_content_id=item["media_content_id"])
        yesterday = [child for child in days["children"] if child["can_expand"]][1]
        hour = await descend(
            socket, yesterday["media_content_id"], lambda child: bool(child["can_expand"] and child["can_play"])
        )
        parts = await socket.command("media_source/browse_media", media_content_id=hour["media_content_id"])
    paths = [child["thumbnail"] or "" for child in parts["children"]]
    pictured = [(path, stamp[1]) for path in paths if (stamp := _STAMP.search(path))]
    require(bool(pictured), f"no tile of an hour has a picture of its own: {paths}")
    status, _, _ = await client.answer(pictured[0][0], signed_in=False)
    require(status == HTTPStatus.UNAUTHORIZED, f"a stranger is answered {status}")
    errors = []
    for path, asked in pictured[:3]:
        ((_, code), *_) = await asyncio.to_thread(hls.decode, await client.get(path))
        require(code.channel == 1, f"a tile shows channel {code.channel}")
        errors.append(abs(code.time - datetime.fromisoformat(f"{asked}+00:00")))
    require(max(errors) <= TILE, f"a tile is {max(errors)} off")
    return f"{len(errors)} pictures, at most {max(errors).total_seconds():.1f} s from their moment; none for strangers"


async def own_viewer(scene: Scene) -> str:
    """A recording plays over the media socket, near and far, forwards and backwards, at the asked moments."""
    client = scene.home.client
    near, far = [moment.timestamp() for moment in await _recorded(scene, *_AGES)]
    async with client.websocket() as socket:
        cameras = await socket.command("nvr/cameras")
    camera = next(one for one in cameras if one["entity_id"] == _camera(scene))
    errors = []
    async with viewer.watching(client, camera["id"], near) as page:
        errors.append(near - await page.stream.shown(page.stream.opened["actual_start"], near))
        errors += [moment - await page.seek(moment) for moment in (near + 12.3, far, far - 15.1, near)]
    require(max(map(abs, errors)) <= NEAR, f"pictures are {[round(error, 3) for error in errors]} s off")

    async def left() -> bool:
        async with client.websocket() as socket:
            found = (await socket.command("nvr/sessions"))["sessions"]
        return not any(row["session_id"] == page.stream.opened["session_id"] for row in found)

    async with asyncio.timeout(20):
        while not await left():
            await asyncio.sleep(0.2)
    return f"{len(errors)} moments shown, at most {max(map(abs, errors)) * 1000:.0f} ms off; the slot is free again"


async def exported_clip(scene: Scene) -> str:
    """An export becomes a clip that plays, saves in parts, and is linked to for as long as the link is good."""
    client = scene.home.client
    (start,) = await _recorded(scene, _AGES[0])
    async with client.websocket() as socket:
        done = await socket.subscribe("nvr_export_finished", entry_id=scene.known.entry_id)
        failed = await socket.subscribe("nvr_export_failed", entry_id=scene.known.entry_id)
        data = {"entity_id": _camera(scene), "start": start.isoformat(), "duration": EXPORTED.total_seconds()}
        answer = await client.call_action("nvr", "export_recording", {**data, "title": "The parcel"})
        require(not answer["errors"], f"refused: {answer['errors']}")
        clip = await _first(done, failed)
        played = await socket.command("media_source/resolve_media", media_content_id=clip["media_content_id"])
    body = await client.get(played["url"], signed_in=False)
    require(len(body) == clip["size"], f"{len(body)} bytes of {clip['size']}")
    frames = [code for at, code in await asyncio.to_thread(hls.decode, body) if at >= 0]
    begins, length = frames[0].time - start, frames[-1].time - frames[0].time
    require(abs(begins) <= FRAME, f"it begins {begins} off")
    require(abs(length - EXPORTED) <= 2 * FRAME, f"it shows {length}")
    await _follow(scene, clip["clip_id"], body)
    off = begins.total_seconds() * 1000
    return f"{EXPORTED.total_seconds():.0f} s, begins {off:.0f} ms off, {len(body)} bytes, in parts and by links"


async def _first(*queues: asyncio.Queue[dict[str, Any]]) -> dict[str, Any]:
    """Wait for the first event of what went well, or raise the words of what did not."""
    tasks = [asyncio.create_task(queue.get()) for queue in queues]
    try:
        ready, _ = await asyncio.wait(tasks, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        require(bool(ready), "it is not done after a minute")
        if tasks[0] not in ready:
            require(False, str(tasks[1].result()["data"]["message"]))
        data: dict[str, Any] = tasks[0].result()["data"]
        return data
    finally:
        for task in tasks:
            task.cancel()


async def _follow(scene: Scene, clip_id: str, whole: bytes) -> None:
    """Use a link as a phone does that got it in a message: no login, parts, a name to save it by; then end it."""
    client = scene.home.client
    link = await client.call_action("nvr", "create_clip_link", {"clip_id": clip_id, "download": True})
    ranged = {"Range": "bytes=100-299"}
    status, headers, part = await client.answer(link["path"], headers=ranged, signed_in=False)
    require(status == HTTPStatus.PARTIAL_CONTENT and part == whole[100:300], f"a part is answered {status}")
    require(headers.get("Content-Range") == f"bytes 100-299/{len(whole)}", "the part is not named")
    named = headers.get("Content-Disposition", "")
    require(named.startswith("attachment") and "The parcel" in named, f"it is saved as {named}")
    await client.post_json("/api/services/nvr/revoke_clip_link", {"link_id": link["link_id"]})
    status, _, _ = await client.answer(link["path"], signed_in=False)
    require(status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}, f"an ended link is answered {status}")


async def frame_of_a_moment(scene: Scene) -> str:
    """snapshot_at answers with the very picture of a moment."""
    client = scene.home.client
    (moment,) = await _recorded(scene, _AGES[1])
    answer = await client.call_action("nvr", "snapshot_at", {"entity_id": _camera(scene), "time": moment.isoformat()})
    require(not answer["errors"], f"refused: {answer['errors']}")
    told = answer["cameras"][_camera(scene)]
    ((_, code), *_) = await asyncio.to_thread(hls.decode, await client.get(told["url"]))
    error = (moment - code.time).total_seconds()
    require(abs(error) <= NEAR, f"the picture is {error:.3f} s off")
    return f"the picture of {moment:%H:%M:%S} UTC, {error * 1000:.0f} ms before it"
