"""Commands over Home Assistant's websocket for exports and clips; times are Unix seconds.

`nvr/export/create` (`camera_ids`, `start`, `end`, `format`, `title`), `list`, `cancel` and `retry` (`export_id` each),
`delete`, `rename` (`title`), `keep` (`keep`) and `link` (`clip_id` each; `download`, `accept`), `subscribe`. Whoever
asks is told of the clips of the cameras whose recordings he may see, and of his own exports; administrators of all.
"""

from datetime import UTC, datetime
import time
from typing import Any, Final

from homeassistant.auth.models import User
from homeassistant.components import websocket_api
from homeassistant.components.websocket_api import ActiveConnection
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
import probatio

from .access import Action
from .camera_ids import find_camera, may_on, name_for, permit_on
from .clip_access import entry_of, may, may_see_job, permit_change, permit_clip
from .clip_view import mint_clip_link
from .const import CONF_TRANSCODE, DOMAIN
from .core.models import TimeSpan
from .export_actions import LONGEST
from .exports import ExportDesk, export_desk
from .footage import RefusedError
from .media.exports.library import is_there, vanished
from .media.exports.models import Clip, ExportFormat, ExportJob, JobState
from .runtime import NvrConfigEntry
from .shared import shared

_ID: Final = probatio.All(str, probatio.Length(max=64))
_TITLE: Final = probatio.All(str, probatio.Length(min=1, max=100))
_MOMENT: Final = probatio.All(probatio.Coerce(float), probatio.Range(min=0, max=7_000_000_000))
_H264: Final = "avc1"
_OVER: Final = frozenset({JobState.FAILED, JobState.CANCELLED})

type Message = dict[str, Any]


@callback
def async_register_export_commands(hass: HomeAssistant) -> None:
    """Register the commands; once, from `async_setup`."""
    for command in (create, list_all, cancel, retry, delete, rename, keep, link, subscribe):
        websocket_api.async_register_command(hass, command)


def _refuse(connection: ActiveConnection, msg: Message, code: str, err: RefusedError) -> None:
    connection.send_error(msg["id"], code, str(err.translate(HomeAssistantError)))


def _unauthorized(connection: ActiveConnection, msg: Message, camera: str) -> None:
    _refuse(connection, msg, "unauthorized", RefusedError("not_allowed_export", camera=camera))


@callback
@websocket_api.websocket_command(
    {
        probatio.Required("type"): "nvr/export/create",
        probatio.Required("camera_ids"): probatio.All([str], probatio.Length(min=1, max=64)),
        probatio.Required("start"): _MOMENT,
        probatio.Required("end"): _MOMENT,
        probatio.Optional("format", default=ExportFormat.MP4.value): probatio.In([form.value for form in ExportFormat]),
        probatio.Optional("title"): _TITLE,
    }
)
def create(hass: HomeAssistant, connection: ActiveConnection, msg: Message) -> None:
    """Order exports, one for each camera; all of them or none."""
    if not msg["start"] < msg["end"] <= msg["start"] + LONGEST.total_seconds():
        hours = str(int(LONGEST.total_seconds() // 3600))
        _refuse(connection, msg, "invalid_format", RefusedError("export_too_long", hours=hours))
        return
    span = TimeSpan(datetime.fromtimestamp(msg["start"], UTC), datetime.fromtimestamp(msg["end"], UTC))
    try:
        cameras = [find_camera(hass, camera_id) for camera_id in dict.fromkeys(msg["camera_ids"])]
        for camera in cameras:
            if not permit_on(hass, connection.user, Action.EXPORT, camera.entry, camera.channel, via="export"):
                _unauthorized(connection, msg, name_for(hass, connection.user, camera))
                return
            camera.require_there()
    except RefusedError as err:
        _refuse(connection, msg, "not_found", err)
        return
    desk, form, title = export_desk(hass), ExportFormat(msg["format"]), msg.get("title")
    owner = connection.user.id
    try:
        desk.require_room(owner, len(cameras))
    except RefusedError as err:
        _refuse(connection, msg, "busy", err)
        return
    jobs = {
        camera.given: desk.async_order(camera.entry, camera.channel, span, form, owner, title=title).order.id
        for camera in cameras
    }
    connection.send_result(msg["id"], {"exports": jobs})


@websocket_api.websocket_command({probatio.Required("type"): "nvr/export/list"})
@websocket_api.async_response
async def list_all(hass: HomeAssistant, connection: ActiveConnection, msg: Message) -> None:
    """Answer with the exports and clips of whoever asks."""
    connection.send_result(msg["id"], await _all(hass, connection.user))


@websocket_api.websocket_command({probatio.Required("type"): "nvr/export/cancel", probatio.Required("export_id"): _ID})
@websocket_api.async_response
async def cancel(hass: HomeAssistant, connection: ActiveConnection, msg: Message) -> None:
    """Call an export off."""
    desk = export_desk(hass)
    job = desk.queue.jobs.get(msg["export_id"])
    if job is None or not may_see_job(hass, connection.user, job):
        _refuse(connection, msg, "not_found", RefusedError("no_export"))
        return
    await desk.queue.cancel(job.order.id)
    connection.send_result(msg["id"], _job(desk, job))


@callback
@websocket_api.websocket_command({probatio.Required("type"): "nvr/export/retry", probatio.Required("export_id"): _ID})
def retry(hass: HomeAssistant, connection: ActiveConnection, msg: Message) -> None:
    """Order once more what failed or was called off, for whoever asks; answer with the new export."""
    desk = export_desk(hass)
    job = desk.queue.jobs.get(msg["export_id"])
    if job is None or not may_see_job(hass, connection.user, job) or job.state not in _OVER:
        _refuse(connection, msg, "not_found", RefusedError("no_export"))
        return
    order = job.order
    if (entry := entry_of(hass, order.recorder_id)) is None:
        _refuse(connection, msg, "not_found", RefusedError("no_recorder"))
        return
    if not permit_on(hass, connection.user, Action.EXPORT, entry, order.channel, via="export"):
        camera = desk.news.facts(order.recorder_id, order.channel).get("channel_name")
        _unauthorized(connection, msg, str(camera or order.channel))
        return
    try:
        again = desk.async_order(
            entry,
            order.channel,
            order.span,
            order.format,
            connection.user.id,
            folder=order.folder,
            title=order.title,
            clip=order.clip,
        )
    except RefusedError as err:
        _refuse(connection, msg, "busy", err)
        return
    connection.send_result(msg["id"], {"export_id": again.order.id})


@websocket_api.websocket_command({probatio.Required("type"): "nvr/export/delete", probatio.Required("clip_id"): _ID})
@websocket_api.async_response
async def delete(hass: HomeAssistant, connection: ActiveConnection, msg: Message) -> None:
    """Delete a clip and its files."""
    if (clip := _clip_to_change(hass, connection, msg, "delete_clip")) is None:
        return
    try:
        await export_desk(hass).async_delete(clip, connection.user.id)
    except OSError as err:
        _refuse(connection, msg, "unavailable", RefusedError("cannot_write", error=err.strerror or "?"))
        return
    connection.send_result(msg["id"])


@callback
@websocket_api.websocket_command(
    {
        probatio.Required("type"): "nvr/export/rename",
        probatio.Required("clip_id"): _ID,
        probatio.Required("title"): _TITLE,
    }
)
def rename(hass: HomeAssistant, connection: ActiveConnection, msg: Message) -> None:
    """Give a clip another title."""
    if (clip := _clip_to_change(hass, connection, msg, "rename_clip")) is not None:
        changed = export_desk(hass).async_change(clip.id, title=msg["title"])
        connection.send_result(msg["id"], _clip(changed, connection.user, gone=False))


@callback
@websocket_api.websocket_command(
    {probatio.Required("type"): "nvr/export/keep", probatio.Required("clip_id"): _ID, probatio.Required("keep"): bool}
)
def keep(hass: HomeAssistant, connection: ActiveConnection, msg: Message) -> None:
    """Keep a clip for ever, or no longer."""
    if (clip := _clip_to_change(hass, connection, msg, "keep_clip")) is not None:
        changed = export_desk(hass).async_change(clip.id, keep=msg["keep"])
        connection.send_result(msg["id"], _clip(changed, connection.user, gone=False))


@websocket_api.websocket_command(
    {
        probatio.Required("type"): "nvr/export/link",
        probatio.Required("clip_id"): _ID,
        probatio.Optional("download", default=False): bool,
        probatio.Optional("accept"): probatio.All([str], probatio.Length(max=16)),
    }
)
@websocket_api.async_response
async def link(hass: HomeAssistant, connection: ActiveConnection, msg: Message) -> None:
    """Answer with a path to watch a clip, or to save it.

    `accept` is what the player decodes ("avc1", "hvc1"): where that is not the clip, its version that plays everywhere
    is answered; where there is none, it is made if the user agreed to that (`preparing`), else that is said in words.
    """
    clip = export_desk(hass).library.get(msg["clip_id"])
    action = Action.EXPORT if msg["download"] else Action.PLAYBACK
    if clip is None or not permit_clip(hass, connection.user, action, clip, via="export"):
        _refuse(connection, msg, "not_found", RefusedError("no_clip"))
        return
    if not await hass.async_add_executor_job(is_there, clip):
        _refuse(connection, msg, "not_found", RefusedError("clip_gone", title=clip.title))
        return
    accept = msg.get("accept")
    understood = msg["download"] or (bool(clip.codec) and _understands(clip, accept))
    try:
        preparing = None if understood else _spare(hass, connection.user, clip, accept or [])
    except RefusedError as err:
        _refuse(connection, msg, "unsupported", err)
        return
    if preparing is not None:
        connection.send_result(msg["id"], {"preparing": preparing})
        return
    try:
        path, made = mint_clip_link(hass, clip, connection.user.id, download=msg["download"], spare=not understood)
    except RefusedError as err:
        _refuse(connection, msg, "busy", err)
        return
    answer = {"path": path, "link_id": made.id, "expires": made.expires.timestamp()}
    connection.send_result(msg["id"], {**answer, "codec": clip.codec if understood else _H264})


def _understands(clip: Clip, accept: list[str] | None) -> bool:
    return accept is None or any(clip.codec.startswith(codec[:4]) for codec in accept)


def _spare(hass: HomeAssistant, user: User, clip: Clip, accept: list[str]) -> str | None:
    """Return the export that makes the version a player understands, None when it is there; raises RefusedError."""
    if not clip.codec:
        raise RefusedError("clip_not_playable", title=clip.title)
    if not any(codec.startswith(_H264) for codec in accept):
        codec = "H.264" if clip.codec.startswith(_H264) else "H.265"
        raise RefusedError("clip_codec_not_accepted", title=clip.title, codec=codec)
    if clip.spare is not None:
        return None
    desk, entry = export_desk(hass), entry_of(hass, clip.recorder_id)
    if entry is None or not (entry.options.get(CONF_TRANSCODE) or _has_sub_track(entry)):
        raise RefusedError("clip_needs_h265", title=clip.title)
    for job in desk.queue.jobs.values():
        if job.order.clip != clip.id:
            continue
        if job.active:
            return job.order.id
        if job.state is JobState.FAILED and not entry.options.get(CONF_TRANSCODE):
            raise RefusedError("clip_needs_h265", title=clip.title)
    if not may_on(hass, user, Action.EXPORT, entry, clip.channel):
        raise RefusedError("clip_needs_h265", title=clip.title)
    return desk.async_order(entry, clip.channel, clip.span, ExportFormat.H264, user.id, clip=clip.id).order.id


def _has_sub_track(entry: NvrConfigEntry) -> bool:
    """Tell whether the recorder may have recorded what plays everywhere, too; whether it did the export finds out."""
    return entry.state is ConfigEntryState.LOADED and bool(entry.runtime_data.hub.driver.capabilities.sub_track)


@websocket_api.websocket_command({probatio.Required("type"): "nvr/export/subscribe"})
@websocket_api.async_response
async def subscribe(hass: HomeAssistant, connection: ActiveConnection, msg: Message) -> None:
    """Push all exports and clips, then what becomes of each: `export`, `clip` or `deleted` (a clip's id).

    When rights change all of them are pushed again.
    """
    desk, user = export_desk(hass), connection.user
    told: set[str] = set()

    @callback
    def send(event: dict[str, Any]) -> None:
        connection.send_message(websocket_api.event_message(msg["id"], event))

    @callback
    def tell(what: ExportJob | Clip | str) -> None:
        match what:
            case ExportJob() if may_see_job(hass, user, what):
                send({"export": _job(desk, what)})
            case Clip() if may(hass, user, Action.PLAYBACK, what):
                told.add(what.id)
                send({"clip": _clip(what, user, gone=False)})
            # Of a clip he was never told of he is not told that it went.
            case str() if what in told:
                told.discard(what)
                send({"deleted": what})

    async def tell_all() -> None:
        found = await _all(hass, user)
        if msg["id"] in connection.subscriptions:
            told.clear()
            told.update(clip["id"] for clip in found["clips"])
            send(found)

    @callback
    def look_again() -> None:
        hass.async_create_task(tell_all(), f"{DOMAIN} exports")

    forget = desk.changed.async_subscribe(tell), shared(hass).rights_changed.async_subscribe(look_again)

    @callback
    def unsubscribe() -> None:
        for each in forget:
            each()

    connection.subscriptions[msg["id"]] = unsubscribe
    connection.send_result(msg["id"])
    await tell_all()


async def _all(hass: HomeAssistant, user: User) -> dict[str, Any]:
    desk = export_desk(hass)
    clips = [clip for clip in desk.library.all() if may(hass, user, Action.PLAYBACK, clip)]
    gone = await hass.async_add_executor_job(vanished, clips)
    return {
        "exports": [_job(desk, job) for job in desk.queue.jobs.values() if may_see_job(hass, user, job)],
        "clips": [_clip(clip, user, gone=clip.id in gone) for clip in clips],
    }


def _clip_to_change(hass: HomeAssistant, connection: ActiveConnection, msg: Message, via: str) -> Clip | None:
    """Return the clip if whoever asks may change it; else he is told."""
    clip = export_desk(hass).library.get(msg["clip_id"])
    if clip is None:
        _refuse(connection, msg, "not_found", RefusedError("no_clip"))
        return None
    if not permit_change(hass, connection.user, clip, via=via):
        _refuse(connection, msg, "unauthorized", RefusedError("not_your_clip"))
        return None
    return clip


def _job(desk: ExportDesk, job: ExportJob) -> dict[str, Any]:
    order, left = job.order, job.left(time.monotonic())
    return {
        "id": order.id,
        "nvr_id": order.recorder_id,
        "channel": order.channel,
        "start": order.span.start.timestamp(),
        "end": order.span.end.timestamp(),
        "format": order.format.value,
        "title": order.title,
        "state": job.state.value,
        "fraction": round(job.fraction, 4),
        "bytes": job.written,
        "left": None if left is None else round(left, 1),
        "attempts": job.attempts,
        "retry_at": job.not_before.timestamp() if job.not_before else None,
        "reason": job.reason,
        "message": desk.news.reason(job),
        "clips": job.clips,
    }


def _clip(clip: Clip, user: User, *, gone: bool) -> dict[str, Any]:
    return {
        "id": clip.id,
        "nvr_id": clip.recorder_id,
        "channel": clip.channel,
        "camera": clip.camera,
        "title": clip.title,
        "start": clip.span.start.timestamp(),
        "end": clip.span.end.timestamp(),
        "created": clip.created.timestamp(),
        "owner": clip.owner if user.is_admin or clip.owner == user.id else None,
        "mine": clip.owner == user.id,
        "size": clip.size,
        "mime": clip.mime,
        "codec": clip.codec,
        "width": clip.width,
        "height": clip.height,
        "duration": clip.length,
        "audio": clip.sound,
        "keep": clip.keep,
        "gaps": [[gap.start.timestamp(), gap.end.timestamp()] for gap in clip.gaps],
        "plays_everywhere": clip.codec.startswith(_H264) or clip.spare is not None,
        "media_content_id": f"media-source://{DOMAIN}/1/clip/{clip.id}",
        "gone": gone,
    }
