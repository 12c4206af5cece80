"""Every way to a camera's pictures, walked by a user with one right and without the other.

A new way is one row of PATHS: its name, the right it needs, and how it is walked. A walk says whether it got anything.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib
from datetime import timedelta
import os
from pathlib import Path
from typing import Any, override

from aiohttp import ClientPayloadError
from homeassistant.auth.const import GROUP_ID_ADMIN
from homeassistant.components.camera import Camera
from homeassistant.components.camera.webrtc import (
    CameraWebRTCProvider,
    WebRTCAnswer,
    WebRTCError,
    WebRTCSendMessage,
    async_register_webrtc_provider,
)
from homeassistant.components.http import KEY_HASS_USER
from homeassistant.components.media_player import MediaPlayerEntityFeature
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.http import current_request
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator
from webrtc_models import RTCIceCandidateInit

from custom_components.nvr.access import Action
from custom_components.nvr.access_rules import AccessRules, Rights
from custom_components.nvr.audit_rows import AuditFilter
from custom_components.nvr.camera import NvrCamera
from custom_components.nvr.clip_view import mint_clip_link
from custom_components.nvr.const import CONF_ACCESS, DOMAIN
from custom_components.nvr.core.models import EventKind, TimeSpan
from custom_components.nvr.exports import export_desk
from custom_components.nvr.media_ids import (
    DayId,
    EventsId,
    RecorderId,
    RootId,
    SpanId,
    content_id,
)
from custom_components.nvr.playback import start_playback
from custom_components.nvr.shared import shared

from .access_home import DRIVE, FRONT, LOSSES, NUMBER, Home, Walk, action, done, give, take_away
from .admin_paths import ADMIN_PATHS
from .app_paths import APP_PATHS, plays, register_app
from .clip_paths import CLIP_PATHS, ask, put_clips
from .conftest import StartSimulator, make_entry, set_up, until
from .footage_helpers import MediaBrowser, Player, person, token_of
from .picture_paths import PICTURE_PATHS, asks
from .recorders import DAHUA
from .viewer_paths import VIEWER_PATHS


async def lists(home: Home) -> bool:
    found = await home.media.open(content_id(RecorderId(home.entry.entry_id)))
    return any("Front door" in child["title"] for child in found["children"])


async def browses(home: Home) -> bool:
    return bool((await home.media.ask("browse_media", content_id(home.channel)))["success"])


async def searches_everywhere(home: Home) -> bool:
    found = await home.media.find("continuous", content_id(RootId()))
    assert any("Driveway" in item["title"] for item in found)
    return any("Front door" in item["title"] for item in found)


async def searches_the_channel(home: Home) -> bool:
    answer = await home.media.ask("search_media", content_id(home.channel), search_query="continuous")
    return bool(answer["success"] and answer["result"]["result"])


async def resolves(home: Home) -> bool:
    answer = await home.media.ask("resolve_media", content_id(SpanId(home.channel, home.span)))
    return bool(answer["success"])


def own_link(name: str) -> Callable[[Home], Awaitable[bool]]:
    """Follow a link that was minted for the guest, whoever let it be made."""

    async def walk(home: Home) -> bool:
        link = await start_playback(home.hass, home.entry, NUMBER, home.span, home.guest.id)
        got = await home.fetch(f"/api/nvr/vod/{link.token}/{name}")
        await shared(home.hass).links.revoke(link)
        return got

    return walk


async def link_of_somebody_else(home: Home) -> bool:
    return await home.fetch(home.of_admin.path, logged_in=True)


async def browses_events(home: Home) -> bool:
    yesterday = DayId(home.channel, home.nvr.now().date() - timedelta(days=1))
    of_all, of_one = [
        await home.media.ask("browse_media", content_id(EventsId(yesterday, kind))) for kind in (None, EventKind.MOTION)
    ]
    assert of_all["success"] == of_one["success"]
    return bool(of_all["success"] and of_all["result"]["children"] and of_one["result"]["children"])


async def searches_events(home: Home) -> bool:
    asked: dict[str, Any] = {"entity_id": "all", "duration": "24:00:00", "events": ["motion"]}
    found = (await home.act(DOMAIN, "search_recordings", **asked))["cameras"]
    assert found[DRIVE]["events"]
    return bool(found.get(FRONT, {}).get("events"))


async def finds(home: Home) -> bool:
    return await action("find_recording", at=home.span.start.isoformat())(home)


async def asks_for_the_next_page_of_somebody_else(home: Home) -> bool:
    return bool(((await done(home.act(DOMAIN, "search_recordings", cursor=home.cursor))) or {}).get("cameras"))


async def asks_for_all(home: Home) -> bool:
    found = await home.act(DOMAIN, "list_recording_days", entity_id="all")
    assert DRIVE in found["cameras"]
    return FRONT in found["cameras"]


async def plays_on_a_player(home: Home) -> bool:
    played = async_mock_service(home.hass, "media_player", "play_media")
    home.hass.states.async_set("media_player.tv", "idle", {"supported_features": MediaPlayerEntityFeature.PLAY_MEDIA})
    start = home.span.start.isoformat()
    await done(home.act(DOMAIN, "play_recording", camera=FRONT, media_player="media_player.tv", start=start))
    return bool(played)


async def still(home: Home) -> bool:
    return await home.fetch(f"/api/camera_proxy/{FRONT}", logged_in=True)


async def stream(home: Home) -> bool:
    await home.media.socket.send_json_auto_id({"type": "camera/stream", "entity_id": FRONT})
    answer = await home.media.socket.receive_json()
    camera = home.camera
    assert isinstance(camera, NvrCamera)
    await camera.async_stop_stream()
    return bool(answer["success"])


async def motion_jpeg(home: Home) -> bool:
    path = f"/api/camera_proxy_stream/{FRONT}?interval=0.5"
    async with home.client.get(path, headers=home.logged_in) as response:
        # Home Assistant begins the answer before it asks for the first picture, and breaks it off.
        with contextlib.suppress(ClientPayloadError):
            return b"Content-Type: image/jpeg" in await response.content.readany()
    return False


async def webrtc(home: Home) -> bool:
    socket = home.media.socket
    await socket.send_json_auto_id({"type": "camera/webrtc/offer", "entity_id": FRONT, "offer": "v=0"})
    subscription = (await socket.receive_json())["id"]
    told = [(await socket.receive_json())["event"]["type"] for _ in range(2)]
    await socket.send_json_auto_id({"type": "unsubscribe_events", "subscription": subscription})
    assert (await socket.receive_json())["success"]
    return "answer" in told


async def snapshot_action(home: Home) -> bool:
    path = Path(home.hass.config.config_dir, "still.jpg")
    await done(home.act("camera", "snapshot", entity_id=FRONT, filename=str(path)))

    def taken() -> bool:
        found = path.exists()
        path.unlink(missing_ok=True)
        return found

    return await home.hass.async_add_executor_job(taken)


async def sees_what_somebody_else_watches(home: Home) -> bool:
    link = await start_playback(home.hass, home.entry, NUMBER, home.span, home.admin.id)
    assert await home.fetch(link.path)
    await home.media.socket.send_json_auto_id({"type": "nvr/sessions"})
    found = (await home.media.socket.receive_json())["result"]["sessions"]
    await shared(home.hass).links.revoke(link)
    assert found
    assert not any(row["user"] or row["user_id"] for row in found)
    return any(row["camera_id"] or row["channel"] for row in found)


PATHS: dict[str, tuple[Action, Walk]] = {
    "list of cameras": (Action.PLAYBACK, lists),
    "browse": (Action.PLAYBACK, browses),
    "search everywhere": (Action.PLAYBACK, searches_everywhere),
    "search one camera": (Action.PLAYBACK, searches_the_channel),
    "events of a day": (Action.PLAYBACK, browses_events),
    "resolve": (Action.PLAYBACK, resolves),
    "playlist": (Action.PLAYBACK, own_link("master.m3u8")),
    "list of segments": (Action.PLAYBACK, own_link("video.m3u8")),
    "beginning of the video": (Action.PLAYBACK, own_link("init.mp4")),
    "segment": (Action.PLAYBACK, own_link("s0.m4s")),
    "link of somebody else": (Action.PLAYBACK, link_of_somebody_else),
    "action: search": (Action.PLAYBACK, action("search_recordings", duration="02:00:00")),
    "action: search events": (Action.PLAYBACK, searches_events),
    "action: next page": (Action.PLAYBACK, asks_for_the_next_page_of_somebody_else),
    "action: days": (Action.PLAYBACK, action("list_recording_days")),
    "action: all cameras": (Action.PLAYBACK, asks_for_all),
    "action: find": (Action.PLAYBACK, finds),
    "action: play": (Action.PLAYBACK, plays_on_a_player),
    "list of sessions": (Action.PLAYBACK, sees_what_somebody_else_watches),
    "still": (Action.LIVE, still),
    "motion jpeg": (Action.LIVE, motion_jpeg),
    "stream": (Action.LIVE, stream),
    "webrtc": (Action.LIVE, webrtc),
    "action: snapshot": (Action.LIVE, snapshot_action),
    **PICTURE_PATHS,
    **VIEWER_PATHS,
    **CLIP_PATHS,
    **APP_PATHS,
}


class Go2Rtc(CameraWebRTCProvider):
    """Does with the address of a camera what go2rtc does, without its server."""

    domain = "go2rtc"

    @callback
    @override
    def async_is_supported(self, stream_source: str) -> bool:
        return stream_source.startswith("rtsp://")

    @override
    async def async_handle_async_webrtc_offer(
        self, camera: Camera, offer_sdp: str, session_id: str, send_message: WebRTCSendMessage
    ) -> None:
        try:
            source = await camera.stream_source()
        except HomeAssistantError as err:
            send_message(WebRTCError("go2rtc_webrtc_offer_failed", str(err)))
        else:
            send_message(WebRTCAnswer(str(source)))

    @override
    async def async_on_webrtc_candidate(self, session_id: str, candidate: RTCIceCandidateInit) -> None:
        """Take no candidates."""


@pytest.fixture(name="home")
async def home_fixture(
    hass: HomeAssistant,
    start_simulator: StartSimulator,
    hass_ws_client: WebSocketGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> AsyncIterator[Home]:
    nvr = await start_simulator(channels=2, rtsp=True)
    nvr.rtsp.faults.delivery = 20.0
    hass.config.allowlist_external_dirs = {hass.config.config_dir}
    assert await async_setup_component(hass, "media_source", {})
    assert await async_setup_component(hass, "webhook", {})
    entry = make_entry(nvr)
    await set_up(hass, entry)
    async_register_webrtc_provider(hass, Go2Rtc())
    await hass.async_block_till_done()
    guest = await person(hass, {"entities": True})
    admin = await hass.auth.async_create_user("admin", group_ids=[GROUP_ID_ADMIN])
    token = await token_of(hass, guest)
    media = MediaBrowser(await hass_ws_client(hass, token))
    start = nvr.now().replace(microsecond=0, second=0) - timedelta(hours=3)
    span = TimeSpan(start, start + timedelta(minutes=10))
    link = await start_playback(hass, entry, NUMBER, span, admin.id)
    headers = {"Authorization": f"Bearer {token}"}
    home = Home(hass, nvr, entry, guest, admin, media, await hass_client_no_auth(), headers, link)
    home.clips = await put_clips(home)
    page = await home.act(DOMAIN, "search_recordings", admin, entity_id=FRONT, limit=1)
    home.cursor = page["next"]
    yield home
    await shared(hass).async_close_playback(entry.entry_id)


# The family that keeps a list of what happened has all the ways.
@pytest.mark.parametrize("family", [DAHUA], ids=["dahua"], indirect=True)
async def test_who_has_live_or_playback_alone_gets_exactly_that(home: Home) -> None:
    hub = home.entry.runtime_data.hub
    for rights in ((Action.LIVE,), (Action.PLAYBACK,)):
        give(home, *rights)
        got = {name: await walk(home) for name, (_, walk) in PATHS.items()}
        assert got == {name: needed in rights for name, (needed, _) in PATHS.items()}, rights
    assert home.entry.runtime_data.hub is hub, "rights count without a reload"
    page = await shared(home.hass).audit.async_query(AuditFilter(kinds=frozenset({"denied"})), limit=100)
    assert {row["user_id"] for row in page.rows} == {home.guest.id}
    assert {(row["action"], row["via"]) for row in page.rows} >= {
        *(("playback", via) for via in ("media_source", "link", "search_recordings", "list_recording_days")),
        *(("playback", via) for via in ("find_recording", "play_recording", "thumbnail", "snapshot", "snapshot_at")),
        *(("playback", via) for via in ("export", "clip_link", "create_clip_link")),
        *(("export", via) for via in ("export", "export_recording", "rename_clip")),
        ("live", "camera"),
        ("live", "stream"),
        ("playback", "stream"),
    }
    assert {row["channel_name"] for row in page.rows} == {"Front door"}


@pytest.mark.slow
@pytest.mark.parametrize("family", [DAHUA], ids=["dahua"], indirect=True)
@pytest.mark.parametrize("rights", [(), (Action.EXPORT,), tuple(Action)], ids=["none", "export", "all"])
async def test_who_has_no_right_gets_nothing_and_who_has_all_gets_everything(
    home: Home, rights: tuple[Action, ...]
) -> None:
    give(home, *rights)
    got = {name: await walk(home) for name, (_, walk) in PATHS.items()}
    assert got == {name: needed in rights for name, (needed, _) in PATHS.items()}


async def test_webhook_is_its_users_and_that_of_an_automation_home_assistants_own(home: Home) -> None:
    give(home)
    gone = await person(home.hass, {"entities": True})
    for number, user_id in enumerate((home.admin.id, gone.id, None), 1):
        await register_app(home.hass, user_id, str(number) * 64)
    await register_app(home.hass, None, "4" * 64, "automation")
    await home.hass.auth.async_remove_user(gone)
    assert [await plays(home, str(number) * 64) for number in range(1, 5)] == [True, False, False, True]


async def test_signed_address_of_a_picture_dies_with_the_right(home: Home) -> None:
    moment = home.span.start.timestamp()
    answer = await asks(home, "nvr/thumbs", times=[moment], width=160)
    url = answer["result"][0]["url"]
    async with home.client.get(url) as response:
        assert response.status == 200
        tag = response.headers["ETag"]
    assert not await home.fetch(url.replace("/160.jpg", "/320.jpg")), "what was not signed"
    assert (await home.client.get(url.partition("?")[0])).status == 401
    give(home, Action.LIVE)
    async with home.client.get(url, headers={"If-None-Match": tag}) as response:
        assert response.status == 403


async def test_file_of_a_picture_needs_the_right_to_export(home: Home) -> None:
    give(home, Action.PLAYBACK)
    asked: dict[str, Any] = {"entity_id": FRONT, "time": home.span.start.isoformat(), "filename": "frame.jpg"}
    with pytest.raises(Unauthorized):
        await home.act(DOMAIN, "snapshot_at", **asked)
    give(home, Action.PLAYBACK, Action.EXPORT)
    assert (await home.act(DOMAIN, "snapshot_at", **asked))["cameras"][FRONT]["path"].endswith("/frame.jpg")


@pytest.mark.parametrize("loss", LOSSES)
async def test_what_plays_ends_when_the_right_is_taken_away(home: Home, loss: str) -> None:
    await home.media.socket.close()  # Home Assistant would close it with a deactivated user's login
    link = await start_playback(home.hass, home.entry, NUMBER, home.span, home.guest.id)
    other = await start_playback(home.hass, home.entry, NUMBER, home.span, None)
    player = Player(home.client, link.path)
    assert await player.status("s0.m4s") == 200
    assert home.nvr.rtsp.counters.sessions_open["playback"] == 1
    await take_away(home, loss)
    # Nobody asks for anything here, and an idle session would be kept for longer than this waits.
    await until(lambda: home.nvr.rtsp.counters.sessions_open["playback"] == 0)
    assert link.playback.closed
    assert await player.status("s1.m4s") == 403
    assert await Player(home.client, other.path).status("s0.m4s") == 200
    page = await shared(home.hass).audit.async_query(AuditFilter(kinds=frozenset({"revoked"})), limit=9)
    assert [(row["user_id"], row["user"], row["channel"]) for row in page.rows] == [(home.guest.id, "guest", NUMBER)]


@pytest.mark.parametrize("loss", LOSSES)
async def test_link_to_a_clip_that_was_made_before_the_right_was_taken_away_is_over(home: Home, loss: str) -> None:
    await home.media.socket.close()
    paths = {
        download: mint_clip_link(home.hass, home.clips[FRONT], home.guest.id, download=download)[0]
        for download in (False, True)
    }
    other, _ = mint_clip_link(home.hass, home.clips[FRONT], None)
    assert all([await home.fetch(path) for path in paths.values()])
    await take_away(home, loss)
    await home.hass.async_block_till_done()
    assert len(export_desk(home.hass).links) == 1
    assert not any([await home.fetch(path) for path in paths.values()])
    assert await home.fetch(other)
    if loss == "rights":  # one that comes back brings no link back
        give(home, Action.PLAYBACK, Action.EXPORT)
        assert not any([await home.fetch(path) for path in paths.values()])
    page = await shared(home.hass).audit.async_query(AuditFilter(kinds=frozenset({"revoked"})), limit=9)
    assert {(row["via"], row["user"], row["clip_id"]) for row in page.rows} == {
        ("clip_link", "guest", home.clips[FRONT].id)
    }


async def test_export_under_way_ends_when_the_right_is_taken_away(home: Home) -> None:
    home.nvr.rtsp.faults.delivery = 1.0
    desk = export_desk(home.hass)
    data: dict[str, Any] = {"entity_id": FRONT, "start": home.span.start.isoformat(), "duration": 60}
    answer = await home.act(DOMAIN, "export_recording", **data)
    job = desk.queue.jobs[answer["exports"][FRONT]["export_id"]]
    await until(lambda: job.written > 0)
    give(home, Action.PLAYBACK)
    await until(lambda: not job.active)
    assert (job.state, job.reason) == ("failed", "not_allowed_export")
    await until(lambda: home.nvr.rtsp.counters.sessions_open["playback"] == 0)


async def test_what_is_for_administrators_stays_closed_to_whoever_has_all_rights(home: Home) -> None:
    give(home, *Action)
    assert {name for name, walk in ADMIN_PATHS.items() if await walk(home)} == set()


async def test_administrators_and_home_assistant_itself_always_may(home: Home) -> None:
    admin = home.admin
    nothing = AccessRules(Rights({}), {admin.id: Rights({})})
    home.hass.config_entries.async_update_entry(home.entry, options={CONF_ACCESS: nothing.to_json()})
    await home.hass.async_block_till_done()
    assert await home.fetch(home.of_admin.path)
    assert (await home.act(DOMAIN, "list_recording_days", admin, entity_id=FRONT))["cameras"]
    filename = f"{home.hass.config.config_dir}/still.jpg"
    await home.hass.services.async_call("camera", "snapshot", {"entity_id": FRONT, "filename": filename}, blocking=True)
    assert home.nvr.counters.snapshots == 1


async def test_rights_hold_for_a_recorder_that_is_not_set_up(home: Home, entity_registry: er.EntityRegistry) -> None:
    give(home)
    await home.hass.config_entries.async_unload(home.entry.entry_id)
    with pytest.raises(Unauthorized):
        await home.act(DOMAIN, "list_recording_days", device_id=[entity_registry.entities[FRONT].device_id])
    told = await home.act(DOMAIN, "list_recording_days", device_id=[entity_registry.entities[DRIVE].device_id])
    assert told["errors"][DRIVE]["error"] == "not_loaded"
    everywhere = await home.act(DOMAIN, "list_recording_days", entity_id="all")
    assert everywhere["errors"].keys() == {DRIVE}
    page = await shared(home.hass).audit.async_query(AuditFilter(), limit=9)
    denied = [row for row in page.rows if row["kind"] == "denied"]
    assert [(row["entity_id"], row["entry_id"]) for row in denied] == [(FRONT, home.entry.entry_id)]


async def test_right_is_not_taken_for_lost_while_the_recorder_is_not_set_up(home: Home) -> None:
    give(home, Action.PLAYBACK, Action.EXPORT)
    assert await home.hass.config_entries.async_unload(home.entry.entry_id)
    start = home.span.start.timestamp()
    span: dict[str, Any] = {"start": start, "end": start + 5}
    answers = [
        await asks(home, "nvr/thumbs", times=[start]),
        await ask(home, "create", camera_ids=[home.channel.format()], **span),
    ]
    assert ["is not ready" in answer["error"]["message"] for answer in answers] == [True, True], answers
    assert await CLIP_PATHS["websocket: clips"][1](home)
    assert await CLIP_PATHS["websocket: rename a clip"][1](home)
    assert await CLIP_PATHS["link of somebody else to a clip"][1](home)
    page = await shared(home.hass).audit.async_query(AuditFilter(kinds=frozenset({"denied"})), limit=9)
    assert not page.rows
    give(home, Action.LIVE)
    assert (await asks(home, "nvr/thumbs", times=[start]))["error"]["code"] == "unauthorized"
    assert not await CLIP_PATHS["link of somebody else to a clip"][1](home)
    page = await shared(home.hass).audit.async_query(AuditFilter(kinds=frozenset({"denied"})), limit=9)
    assert {row["via"] for row in page.rows} == {"thumbnail", "clip_link"}


@pytest.mark.parametrize("goes", ["reloaded", "removed"])
async def test_clip_that_runs_outlives_a_reload_of_its_recorder_and_ends_with_it(home: Home, goes: str) -> None:
    size = 64 << 20  # more than what lies between the two ends
    await home.hass.async_add_executor_job(os.truncate, home.clips[FRONT].path, size)
    path, _ = mint_clip_link(home.hass, home.clips[FRONT], home.admin.id)
    async with home.client.get(path, headers=home.logged_in) as response:
        got = len(await response.content.readany())
        if goes == "reloaded":
            assert await home.hass.config_entries.async_reload(home.entry.entry_id)
        else:
            await home.hass.config_entries.async_remove(home.entry.entry_id)
        await home.hass.async_block_till_done()
        with contextlib.suppress(ClientPayloadError):
            while piece := await response.content.readany():
                got += len(piece)
    assert (got == size) == (goes == "reloaded")


async def test_thumbnail_by_the_token_of_the_entity_names_nobody(home: Home) -> None:
    # Home Assistant puts it into the state of the camera, for all who can read that: docs/access.md says so.
    give(home)
    token = home.hass.states.get(FRONT).attributes["access_token"]  # type: ignore[union-attr]
    assert await home.fetch(f"/api/camera_proxy/{FRONT}?token={token}")
    channels = await home.media.open(content_id(RecorderId(home.entry.entry_id)))
    assert [child["thumbnail"] for child in channels["children"]] == [f"/api/camera_proxy/{DRIVE}"]
    rights = Rights({Action.PLAYBACK: None})
    rules = AccessRules().with_user(home.guest.id, rights)
    home.hass.config_entries.async_update_entry(home.entry, options={CONF_ACCESS: rules.to_json()})
    channels = await home.media.open(content_id(RecorderId(home.entry.entry_id)))
    assert [child["thumbnail"] for child in channels["children"]] == [None, None]


async def test_what_a_person_sets_off_is_not_done_on_his_behalf(home: Home) -> None:
    give(home)
    token = current_request.set({KEY_HASS_USER: home.guest})  # type: ignore[arg-type]
    try:
        with pytest.raises(HomeAssistantError, match="You may not watch Front door live"):
            await home.camera.stream_source()
        # Home Assistant asks its providers by itself, and an automation acts for nobody.
        await home.camera.async_refresh_providers()
        path = f"{home.hass.config.config_dir}/still.jpg"
        await home.hass.services.async_call("camera", "snapshot", {"entity_id": FRONT, "filename": path}, blocking=True)
    finally:
        current_request.reset(token)
    assert home.camera.webrtc_provider is not None
    assert home.nvr.counters.snapshots == 1
