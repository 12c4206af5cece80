"""The ways to clips, and to having them made: rows for the walk in test_access_paths, which says what `home` is."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from homeassistant.exceptions import HomeAssistantError, Unauthorized

from custom_components.nvr.access import Action
from custom_components.nvr.clip_view import mint_clip_link
from custom_components.nvr.const import DOMAIN
from custom_components.nvr.exports import export_desk
from custom_components.nvr.media.exports.models import Clip, ExportFormat, ExportJob, ExportOrder, JobState
from custom_components.nvr.media_ids import ClipId, ClipsId, content_id

FRONT, DRIVE = "camera.front_door", "camera.driveway"

type Walk = Callable[[Any], Awaitable[bool]]


async def done(waiting: Awaitable[Any]) -> Any:
    """Return what comes, None when it was refused."""
    try:
        return await waiting
    except Unauthorized, HomeAssistantError:
        return None


async def put_clips(home: Any) -> dict[str, Clip]:
    """Leave a clip of each camera behind, as an administrator had them made."""
    folder = Path(home.hass.config.config_dir, "media", ".nvr")
    home.hass.config.media_dirs = {"local": str(folder.parent)}
    await home.hass.async_add_executor_job(partial(folder.mkdir, parents=True))
    clips: dict[str, Clip] = {}
    for number, (entity_id, name) in enumerate(((FRONT, "Front door"), (DRIVE, "Driveway")), 1):
        path = folder / f".{number}.mp4"
        size = await home.hass.async_add_executor_job(path.write_bytes, b"\0" * 64)
        clips[entity_id] = Clip(
            f"{number:016x}", home.entry.entry_id, number, name, name, home.span, home.span.end, home.admin.id,
            str(path), size, "video/mp4", "avc1.4D401F", length=600.0,
        )  # fmt: skip
        export_desk(home.hass).library.put(clips[entity_id])
    return clips


async def ask(home: Any, kind: str, **data: Any) -> dict[str, Any]:
    await home.media.socket.send_json_auto_id({"type": f"nvr/export/{kind}", **data})
    answer: dict[str, Any] = await home.media.socket.receive_json()
    return answer


async def browses_clips(home: Any) -> bool:
    found = await home.media.open(content_id(ClipsId()))
    clips = {item["title"]: item["thumbnail"] for item in found["children"] if not item["can_expand"]}
    (tile,) = [tile for title, tile in clips.items() if title.startswith("Driveway")]
    assert await home.fetch(tile, logged_in=True), "the tile of a clip shows its footage"
    return any(title.startswith("Front door") for title in clips)


async def browses_clips_of_the_camera(home: Any) -> bool:
    return bool((await home.media.open(content_id(ClipsId(home.channel))))["children"])


async def searches_clips(home: Any) -> bool:
    seen = []
    for name in ("Front", "Driveway"):
        answer = await home.media.ask("search_media", content_id(ClipsId()), search_query=name)
        seen.append(bool(answer["result"]["result"]))
    assert seen[1]
    return seen[0]


async def resolves_a_clip(home: Any) -> bool:
    answer = await home.media.ask("resolve_media", content_id(ClipId(home.clips[FRONT].id)))
    return bool(answer["success"]) and await home.fetch(answer["result"]["url"])


async def lists_clips(home: Any) -> bool:
    found = {item["id"] for item in (await ask(home, "list"))["result"]["clips"]}
    assert home.clips[DRIVE].id in found
    return bool(home.clips[FRONT].id in found)


async def hears_of_clips(home: Any) -> bool:
    answer = await ask(home, "subscribe")
    first = await home.media.socket.receive_json()
    export_desk(home.hass).async_change(home.clips[FRONT].id, keep=False)
    export_desk(home.hass).async_change(home.clips[DRIVE].id, keep=False)
    told = [await home.media.socket.receive_json()]
    while told[-1]["event"]["clip"]["id"] != home.clips[DRIVE].id:
        told.append(await home.media.socket.receive_json())
    await home.media.socket.send_json_auto_id({"type": "unsubscribe_events", "subscription": answer["id"]})
    assert (await home.media.socket.receive_json())["success"]
    seen = {clip["id"] for clip in first["event"]["clips"]}
    assert (len(told) == 2) == (home.clips[FRONT].id in seen)
    return len(told) == 2


def links_to_a_clip(*, download: bool) -> Walk:
    async def walk(home: Any) -> bool:
        answer = await ask(home, "link", clip_id=home.clips[FRONT].id, download=download)
        return bool(answer["success"]) and await home.fetch(answer["result"]["path"])

    return walk


def own_clip_link(*, download: bool) -> Walk:
    """Follow a link that was minted for the guest, whoever let it be made."""

    async def walk(home: Any) -> bool:
        path, _ = mint_clip_link(home.hass, home.clips[FRONT], home.guest.id, download=download)
        return bool(await home.fetch(path))

    return walk


async def clip_link_of_somebody_else(home: Any) -> bool:
    path, _ = mint_clip_link(home.hass, home.clips[FRONT], home.admin.id)
    return bool(await home.fetch(path, logged_in=True))


async def makes_a_clip_link(home: Any) -> bool:
    answer = await done(home.act(DOMAIN, "create_clip_link", clip_id=home.clips[FRONT].id))
    return answer is not None and await home.fetch(answer["path"])


async def exports(home: Any) -> bool:
    data: dict[str, Any] = {"entity_id": FRONT, "start": home.span.start.isoformat(), "duration": 5}
    answer = await done(home.act(DOMAIN, "export_recording", **data))
    return await _called_off(home, (answer or {}).get("exports", {}))


async def exports_over_the_websocket(home: Any) -> bool:
    start = home.span.start.timestamp()
    answer = await ask(home, "create", camera_ids=[FRONT], start=start, end=start + 5)
    jobs = answer["result"]["exports"] if answer["success"] else {}
    return await _called_off(home, {name: {"export_id": export_id} for name, export_id in jobs.items()})


async def retries_his_export(home: Any) -> bool:
    order = ExportOrder("e" * 16, home.entry.entry_id, 1, home.span, ExportFormat.MP4, home.guest.id, home.span.end)
    jobs = export_desk(home.hass).queue.jobs
    jobs[order.id] = ExportJob(order, JobState.FAILED, reason="incomplete")
    answer = await ask(home, "retry", export_id=order.id)
    del jobs[order.id]
    return await _called_off(home, {"retry": answer["result"]} if answer["success"] else {})


async def _called_off(home: Any, jobs: dict[str, Any]) -> bool:
    for job in jobs.values():
        await export_desk(home.hass).queue.cancel(job["export_id"])
    return bool(jobs)


def changes_his_clip(command: str, **values: Any) -> Walk:
    """Change a clip of one's own, after the right to have it made may have gone."""

    async def walk(home: Any) -> bool:
        mine = replace(home.clips[FRONT], id="f" * 16, owner=home.guest.id, path=f"{home.clips[FRONT].path}.mine")
        desk = export_desk(home.hass)
        desk.library.put(mine)
        answer = await ask(home, command, clip_id=mine.id, **values)
        desk.library.remove(mine.id)
        return bool(answer["success"])

    return walk


async def takes_a_part_of_a_clip(home: Any) -> bool:
    path, _ = mint_clip_link(home.hass, home.clips[FRONT], home.guest.id, download=True)
    async with home.client.get(path, headers={"Range": "bytes=8-15"}) as part, home.client.head(path) as told:
        got = part.status == 206 and len(await part.read()) == 8
        assert got == (told.status == 200)
        return got


async def makes_a_link_that_saves(home: Any) -> bool:
    answer = await done(home.act(DOMAIN, "create_clip_link", clip_id=home.clips[FRONT].id, download=True))
    return answer is not None and await home.fetch(answer["path"])


CLIP_PATHS: dict[str, tuple[Action, Walk]] = {
    "clips": (Action.PLAYBACK, browses_clips),
    "clips of one camera": (Action.PLAYBACK, browses_clips_of_the_camera),
    "search for clips": (Action.PLAYBACK, searches_clips),
    "clip": (Action.PLAYBACK, resolves_a_clip),
    "websocket: clips": (Action.PLAYBACK, lists_clips),
    "websocket: news of clips": (Action.PLAYBACK, hears_of_clips),
    "websocket: link to a clip": (Action.PLAYBACK, links_to_a_clip(download=False)),
    "link to a clip": (Action.PLAYBACK, own_clip_link(download=False)),
    "link of somebody else to a clip": (Action.PLAYBACK, clip_link_of_somebody_else),
    "action: link to a clip": (Action.PLAYBACK, makes_a_clip_link),
    "websocket: download of a clip": (Action.EXPORT, links_to_a_clip(download=True)),
    "download of a clip": (Action.EXPORT, own_clip_link(download=True)),
    "action: export": (Action.EXPORT, exports),
    "websocket: export": (Action.EXPORT, exports_over_the_websocket),
    "websocket: export once more": (Action.EXPORT, retries_his_export),
    "part of a clip": (Action.EXPORT, takes_a_part_of_a_clip),
    "action: link that saves a clip": (Action.EXPORT, makes_a_link_that_saves),
    "websocket: rename a clip": (Action.EXPORT, changes_his_clip("rename", title="Mine")),
    "websocket: keep a clip": (Action.EXPORT, changes_his_clip("keep", keep=True)),
    "websocket: delete a clip": (Action.EXPORT, changes_his_clip("delete")),
}
