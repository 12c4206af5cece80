"""What stays closed to whoever is no administrator, whatever rights he has: rows for test_access_paths."""

from collections.abc import Awaitable, Callable
from typing import Any

from custom_components.nvr.clip_view import mint_clip_link
from custom_components.nvr.const import DOMAIN
from custom_components.nvr.exports import export_desk
from custom_components.nvr.playback import start_playback
from custom_components.nvr.shared import shared

from .access_home import FRONT, NUMBER, Home, Walk, done
from .clip_paths import ask


async def _command(home: Home, command: str, **values: Any) -> bool:
    await home.media.socket.send_json_auto_id({"type": command, **values})
    return bool((await home.media.socket.receive_json())["success"])


async def reads_who_did_what(home: Home) -> bool:
    return await _command(home, "nvr/audit")


async def saves_who_did_what(home: Home) -> bool:
    async with home.client.get("/api/nvr/audit.csv", headers=home.logged_in) as response:
        return response.status == 200


def session_of_somebody_else(command: str) -> Callable[[Home], Awaitable[bool]]:
    async def walk(home: Home) -> bool:
        link = await start_playback(home.hass, home.entry, NUMBER, home.span, home.admin.id)
        assert await home.fetch(link.path)
        (held,) = shared(home.hass).engine.holders(home.entry.entry_id)
        got = await _command(home, command, session_id=held.session_id)
        assert got or not link.playback.closed
        await shared(home.hass).links.revoke(link)
        return got

    return walk


async def learns_the_address_of_a_camera(home: Home) -> bool:
    return bool(await done(home.act(DOMAIN, "get_stream_urls", entity_id=FRONT)))


async def calls_an_export_of_somebody_else_off(home: Home) -> bool:
    home.nvr.rtsp.faults.delivery = 1.0
    data: dict[str, Any] = {"entity_id": FRONT, "start": home.span.start.isoformat(), "duration": 60}
    answer = await home.act(DOMAIN, "export_recording", home.admin, **data)
    export_id = answer["exports"][FRONT]["export_id"]
    desk = export_desk(home.hass)
    listed = (await ask(home, "list"))["result"]["exports"]
    got = bool((await ask(home, "cancel", export_id=export_id))["success"])
    await done(home.act(DOMAIN, "cancel_export", export_id=export_id))
    got = got or not desk.queue.jobs[export_id].active
    await desk.queue.cancel(export_id)
    home.nvr.rtsp.faults.delivery = 20.0
    return got or any(job["id"] == export_id for job in listed)


async def makes_a_link_for_somebody_else(home: Home) -> bool:
    home.hass.states.async_set("person.admin", "home", {"user_id": home.admin.id})
    return (
        await done(home.act(DOMAIN, "create_clip_link", clip_id=home.clips[FRONT].id, person="person.admin"))
        is not None
    )


async def ends_a_link_of_somebody_else(home: Home) -> bool:
    path, link = mint_clip_link(home.hass, home.clips[FRONT], home.admin.id)
    await done(home.act(DOMAIN, "revoke_clip_link", link_id=link.id))
    return not await home.fetch(path)


def changes_a_clip_of_somebody_else(command: str, **values: Any) -> Callable[[Home], Awaitable[bool]]:
    async def walk(home: Home) -> bool:
        clip = home.clips[FRONT]
        answer = await ask(home, command, clip_id=clip.id, **values)
        return bool(answer["success"]) or export_desk(home.hass).library.get(clip.id) != clip

    return walk


ADMIN_PATHS: dict[str, Walk] = {
    "audit": reads_who_did_what,
    "audit as a file": saves_who_did_what,
    "end a session": session_of_somebody_else("nvr/session/end"),
    "take a session over": session_of_somebody_else("nvr/session/take_over"),
    "action: addresses of streams": learns_the_address_of_a_camera,
    "export of somebody else": calls_an_export_of_somebody_else_off,
    "link for somebody else": makes_a_link_for_somebody_else,
    "end a link of somebody else": ends_a_link_of_somebody_else,
    "rename a clip of somebody else": changes_a_clip_of_somebody_else("rename", title="Mine"),
    "keep a clip of somebody else": changes_a_clip_of_somebody_else("keep", keep=True),
    "delete a clip of somebody else": changes_a_clip_of_somebody_else("delete"),
}
