"""Clips: what can be done with finished exports, how they leave, and for how long they stay."""

from dataclasses import replace
from datetime import timedelta
import json
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.components.media_source import MediaSourceItem, Unresolvable
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.nvr.audit_rows import AuditFilter
from custom_components.nvr.clip_view import mint_clip_link
from custom_components.nvr.const import CONF_CLIP_DAYS, CONF_TRANSCODE, DOMAIN
from custom_components.nvr.core.models import VideoCodec
from custom_components.nvr.exports import export_desk
from custom_components.nvr.logbook import async_describe_events
from custom_components.nvr.media.exports.convert import available
from custom_components.nvr.media.exports.models import Clip
from custom_components.nvr.media_ids import ClipId, content_id
from custom_components.nvr.media_source import async_get_media_source
from custom_components.nvr.shared import shared

from .conftest import StartSimulator, every_family, make_entry, open_options, set_up, until
from .export_helpers import FRONT, export, failed, files_in, finished, pictures, watch
from .export_home import entry_fixture, media_folder_fixture, nvr_fixture
from .footage_helpers import MediaBrowser, titles
from .picture_helpers import look
from .recorders import HIKVISION, Family, Recorder
from .test_readme import documented

__all__ = ["entry_fixture", "media_folder_fixture", "nvr_fixture"]

type Client = TestClient[Any, Any]


@pytest.fixture(name="clip")
async def clip_fixture(hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry) -> Clip:
    """A clip of three seconds of two hours ago."""
    told = watch(hass)
    await export(hass, nvr.now().replace(microsecond=0) - timedelta(hours=2), 3, title="Straße: the parcel")
    clip = export_desk(hass).library.get((await finished(told))["clip_id"])
    assert clip is not None
    return clip


class Socket:
    """The commands of exports, as a page sends them."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    async def ask(self, kind: str, **data: Any) -> dict[str, Any]:
        await self.socket.send_json_auto_id({"type": f"nvr/export/{kind}", **data})
        answer: dict[str, Any] = await self.socket.receive_json()
        return answer

    async def result(self, kind: str, **data: Any) -> Any:
        answer = await self.ask(kind, **data)
        assert answer["success"], answer
        return answer["result"]


@pytest.fixture(name="page")
async def page_fixture(entry: MockConfigEntry, hass_ws_client: WebSocketGenerator, hass: HomeAssistant) -> Socket:
    return Socket(await hass_ws_client(hass))


@every_family
async def test_clip_is_sent_whole_in_parts_and_as_a_file(
    hass: HomeAssistant, clip: Clip, hass_client_no_auth: ClientSessionGenerator
) -> None:
    client = await hass_client_no_auth()
    body = await hass.async_add_executor_job(Path(clip.path).read_bytes)
    assert len(body) == clip.size
    watched, _ = mint_clip_link(hass, clip, None)
    saved, _ = mint_clip_link(hass, clip, None, download=True)
    async with client.get(watched) as response:
        assert (response.status, response.content_type) == (200, "video/mp4")
        assert response.headers["Content-Disposition"].startswith("inline")
        assert await response.read() == body
    async with client.get(saved) as response:
        name = response.headers["Content-Disposition"]
        assert name.startswith("attachment")
        assert "Stra%C3%9Fe_ the parcel.mp4" in name.replace("%20", " ")
    for asked, part in (("bytes=0-99", body[:100]), ("bytes=-10", body[-10:]), (f"bytes={clip.size - 5}-", body[-5:])):
        async with client.get(watched, headers={"Range": asked}) as response:
            assert (response.status, await response.read()) == (206, part)
    async with client.get(watched, headers={"Range": f"bytes={clip.size}-"}) as response:
        assert response.status == 416
    async with client.head(watched) as response:
        assert (response.status, response.headers["Accept-Ranges"]) == (200, "bytes")
        assert int(response.headers["Content-Length"]) == clip.size
        assert not await response.read()


async def test_who_watched_is_told_once_a_link(
    hass: HomeAssistant, clip: Clip, hass_client_no_auth: ClientSessionGenerator
) -> None:
    told = async_capture_events(hass, "nvr_media_accessed")
    client = await hass_client_no_auth()
    for download in (False, True):
        path, _ = mint_clip_link(hass, clip, None, download=download)
        for _ in range(2):
            await (await client.get(path)).read()
    assert [event.data["what"] for event in told] == ["clip", "download"]
    assert all(event.data.keys() == documented()["nvr_media_accessed"] for event in told)
    page = await shared(hass).audit.async_query(AuditFilter(kinds=frozenset({"media_accessed"})), limit=9)
    assert {(row["what"], row["clip_id"]) for row in page.rows} == {("clip", clip.id), ("download", clip.id)}
    assert page.rows[0]["channel_name"] == "Front door"


async def test_page_renames_keeps_and_deletes(
    hass: HomeAssistant, clip: Clip, page: Socket, media_folder: Path
) -> None:
    found = await page.result("list")
    assert [(item["state"], item["fraction"]) for item in found["exports"]] == [("done", 1.0)]
    assert [(item["id"], item["title"], item["keep"], item["gone"]) for item in found["clips"]] == [
        (clip.id, clip.title, False, False)
    ]
    assert "path" not in found["clips"][0]
    assert (await page.result("rename", clip_id=clip.id, title="Parcel"))["title"] == "Parcel"
    assert (await page.result("keep", clip_id=clip.id, keep=True))["keep"] is True
    await page.result("delete", clip_id=clip.id)
    assert await files_in(hass, media_folder) == []
    assert (await page.result("list"))["clips"] == []
    for kind, more in (("rename", {"title": "x"}), ("keep", {"keep": True}), ("delete", {}), ("link", {})):
        assert (await page.ask(kind, clip_id=clip.id, **more))["error"]["code"] == "not_found"
    audit = await shared(hass).audit.async_query(AuditFilter(), limit=20)
    assert [row["kind"] for row in audit.rows if row.get("what") in {"clip", "export"}] == [
        "clip_deleted", "export_finished", "export_ordered",
    ]  # fmt: skip


async def test_page_hears_how_far_an_export_is(hass: HomeAssistant, nvr: Recorder, page: Socket) -> None:
    nvr.rtsp.faults.delivery = 3.0
    await page.result("subscribe")
    assert (await page.socket.receive_json())["event"] == {"exports": [], "clips": []}
    start = nvr.now().timestamp() - 7200
    await page.socket.send_json_auto_id(
        {"type": "nvr/export/create", "camera_ids": [FRONT], "start": start, "end": start + 5}
    )
    told: list[dict[str, Any]] = []
    while not told or told[-1].get("export", {}).get("state") != "done":
        message = await page.socket.receive_json()
        if message["type"] == "event":
            told.append(message["event"])
    seen = [event["export"] for event in told if "export" in event]
    fractions = [item["fraction"] for item in seen if item["state"] == "running"]
    assert fractions == sorted(fractions)
    assert any(0 < fraction < 1 for fraction in fractions)
    assert any(item["left"] is not None and item["bytes"] > 0 for item in seen)
    assert [event["clip"]["id"] for event in told if "clip" in event] == seen[-1]["clips"]


async def test_clip_has_the_picture_of_what_it_shows(
    hass: HomeAssistant, nvr: Recorder, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Home Assistant asks for it from 2026.11 on.
    monkeypatch.setattr("custom_components.nvr.media_source._IMAGE", lambda data, mime: (data, mime))
    source = await async_get_media_source(hass)
    nvr.rtsp.faults.delivery = 20.0

    async def picture(clip_id: str) -> Any:
        return await source.async_get_media_image(MediaSourceItem(hass, DOMAIN, ClipId(clip_id).format(), None))

    data, mime = await picture(clip.id)
    seen = await hass.async_add_executor_job(look, data)
    assert mime == "image/jpeg"
    assert seen.code.channel == clip.channel
    assert clip.span.start - timedelta(seconds=2) <= seen.code.time <= clip.span.end
    with pytest.raises(Unresolvable, match="clip"):
        await picture("0" * 16)


async def test_clip_whose_file_vanished_is_told(
    hass: HomeAssistant,
    clip: Clip,
    page: Socket,
    hass_ws_client: WebSocketGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    path, _ = mint_clip_link(hass, clip, None)
    await hass.async_add_executor_job(Path(clip.path).unlink)
    assert [item["gone"] for item in (await page.result("list"))["clips"]] == [True]
    media = MediaBrowser(await hass_ws_client(hass))
    assert titles(await media.path("Clips")) == [f"{clip.title} (its file is gone)"]
    answer = await media.ask("resolve_media", f"media-source://nvr/1/clip/{clip.id}")
    assert "is gone" in answer["error"]["message"]
    client = await hass_client_no_auth()
    assert (await client.get(path)).status == 410
    assert (await page.ask("link", clip_id=clip.id))["error"]["code"] == "not_found"


async def test_link_for_a_notification_ends_by_time_and_by_hand_and_outlives_a_restart(
    hass: HomeAssistant, clip: Clip, hass_client_no_auth: ClientSessionGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def link(**more: Any) -> Any:
        return await hass.services.async_call(
            DOMAIN, "create_clip_link", {"clip_id": clip.id, **more}, blocking=True, return_response=True
        )

    hass.config.external_url = "https://home.example"
    client = await hass_client_no_auth()
    one, two = await link(), await link(expires={"hours": 1})
    assert one["url"] == f"https://home.example{one['path']}"
    assert (await client.get(one["path"])).status == 200
    desk = export_desk(hass)
    rows = desk.links.to_json()
    assert one["path"].split("/")[4] not in json.dumps(rows)
    desk.links = type(desk.links)()
    assert (await client.get(one["path"])).status == 404
    desk.links.from_json(rows)
    assert (await client.get(one["path"])).status == 200
    await hass.services.async_call(DOMAIN, "revoke_clip_link", {"link_id": one["link_id"]}, blocking=True)
    assert (await client.get(one["path"])).status == 403
    now = dt_util.utcnow()
    monkeypatch.setattr("custom_components.nvr.clip_view.dt_util.utcnow", lambda: now + timedelta(hours=2))
    assert (await client.get(two["path"])).status == 403
    with pytest.raises(ServiceValidationError):
        await hass.services.async_call(DOMAIN, "revoke_clip_link", {"link_id": "none"}, blocking=True)


async def test_link_is_made_for_a_person_and_judged_by_his_right(
    hass: HomeAssistant, clip: Clip, entry: MockConfigEntry, hass_client_no_auth: ClientSessionGenerator
) -> None:
    await hass.auth.async_create_user("owner")
    user = await hass.auth.async_create_user("Anna", group_ids=["system-admin"])
    hass.states.async_set("person.anna", "home", {"user_id": user.id})
    hass.states.async_set("person.cat", "home", {})
    call: dict[str, Any] = {"clip_id": clip.id, "person": "person.anna"}
    answer: Any = await hass.services.async_call(DOMAIN, "create_clip_link", call, blocking=True, return_response=True)
    client = await hass_client_no_auth()
    assert (await client.get(answer["path"])).status == 200
    await hass.auth.async_update_user(user, is_active=False)
    assert (await client.get(answer["path"])).status == 403
    with pytest.raises(ServiceValidationError, match="person with a login"):
        await hass.services.async_call(
            DOMAIN, "create_clip_link", {**call, "person": "person.cat"}, blocking=True, return_response=True
        )


async def test_clips_go_by_age_and_size_unless_they_are_kept(
    hass: HomeAssistant, clip: Clip, entry: MockConfigEntry, media_folder: Path
) -> None:
    hub = entry.runtime_data.hub
    form = await open_options(hass, entry, "clips")
    await hass.config_entries.options.async_configure(form["flow_id"], {CONF_CLIP_DAYS: 7, CONF_TRANSCODE: False})
    await hass.async_block_till_done()
    assert entry.options == {CONF_CLIP_DAYS: 7}
    assert entry.runtime_data.hub is hub, "it counts without a reload"
    desk = export_desk(hass)
    soon, later = dt_util.utcnow() + timedelta(days=6), dt_util.utcnow() + timedelta(days=8)
    desk.async_change(clip.id, keep=True)
    await desk._prune(later)
    desk.async_change(clip.id, keep=False)
    await desk._prune(soon)
    assert await files_in(hass, media_folder) == [Path(clip.path)]
    await desk._prune(later)
    assert await files_in(hass, media_folder) == []
    assert not desk.library.all()


async def test_folder_outside_is_refused_and_one_inside_is_taken(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, media_folder: Path, tmp_path: Path
) -> None:
    start = nvr.now() - timedelta(hours=2)
    await hass.async_add_executor_job((tmp_path / "else").mkdir)
    await hass.async_add_executor_job((media_folder / "way_out").symlink_to, tmp_path / "else")
    for folder in ("/etc", str(tmp_path / "else"), "../else", "way_out", "a/../../else"):
        with pytest.raises(HomeAssistantError, match="not a folder"):
            await export(hass, start, 2, folder=folder)
    told = watch(hass)
    await export(hass, start, 2, folder="clips/parcels")
    data = await finished(told)
    assert Path(data["path"]).parent == media_folder / "clips" / "parcels"
    assert Path(data["path"]).name.startswith("front_door_")


async def test_gaps_are_told_and_left_out(hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry) -> None:
    start = nvr.now().replace(microsecond=0) - timedelta(hours=2)
    nvr.footage.add_gap(1, start + timedelta(seconds=4), start + timedelta(seconds=20))
    told = watch(hass)
    await export(hass, start, 24)
    data = await finished(told)
    assert data.keys() == documented()["nvr_export_finished"]
    assert len(json.dumps(data)) <= 1000
    assert (data["gaps"], abs(data["duration"] - 8) < 0.01) == (1, True)
    found = await hass.async_add_executor_job(pictures, data["path"])
    late = [(at, (code.time - start).total_seconds()) for at, code in found if at > 4.1]
    assert max(abs(seconds - at - 16) for at, seconds in late) < 0.15


async def test_nothing_recorded_is_a_failure_in_words(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, media_folder: Path
) -> None:
    told = watch(hass)
    await export(hass, nvr.now() - timedelta(days=4000), 5)
    data = await failed(told)
    assert data.keys() == documented()["nvr_export_failed"]
    assert (data["reason"], data["message"]) == ("no_footage", "Front door recorded nothing in this time")
    assert await files_in(hass, media_folder) == []


async def test_export_without_a_span_is_refused(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    for data in ({}, {"duration": {"hours": 30}}):
        with pytest.raises(ServiceValidationError):
            await hass.services.async_call(
                DOMAIN, "export_recording", {"entity_id": FRONT, **data}, blocking=True, return_response=True
            )


async def test_export_of_which_nothing_comes_is_an_error_and_never_silent(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def order(*, answer: bool, **target: Any) -> Any:
        data = {**target, "start": (nvr.now() - timedelta(hours=2)).isoformat(), "duration": 3}
        return await hass.services.async_call(DOMAIN, "export_recording", data, blocking=True, return_response=answer)

    nvr.rtsp.faults.delivery = 1.0
    monkeypatch.setattr("custom_components.nvr.exports.MOST_OF_ONE", 1)
    # What can be made of several is made, and the rest is told beside it.
    answer = await order(answer=True, entity_id="all")
    assert [len(answer[part]) for part in ("exports", "errors")] == [1, 1]
    for asked in (True, False):
        with pytest.raises(HomeAssistantError, match="1 exports of yours are under way"):
            await order(answer=asked, entity_id=FRONT)
    device = entry.runtime_data.hub.device_id
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(HomeAssistantError, match="Test NVR is not ready"):
        await order(answer=False, device_id=device)


@pytest.mark.slow
async def test_what_is_still_to_come_is_waited_for(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.nvr.exports._WRITTEN_AFTER", timedelta(seconds=1))
    told = watch(hass)
    export_id = await export(hass, nvr.now() - timedelta(seconds=4), 5)
    assert export_desk(hass).queue.jobs[export_id].state == "waiting"
    data = await finished(told)
    assert 3 < data["duration"] <= 5


@every_family
async def test_originals_are_the_recorders_own_files(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, page: Socket
) -> None:
    told = watch(hass)
    nvr.footage.plans[1] = replace(nvr.footage.plans[1], mode="continuous", file_seconds=(20, 20))
    start = nvr.now().replace(minute=0, second=30, microsecond=0) - timedelta(hours=3)
    await export(hass, start, 10, format="original")
    data = await finished(told)
    clip = export_desk(hass).library.get(data["clip_id"])
    assert clip is not None
    head = (await hass.async_add_executor_job(Path(clip.path).read_bytes))[:64]
    assert head.startswith((b"IMKH", b"DHAV")) or b"\x00\x00\x01\xba" in head
    assert clip.span.start <= start < clip.span.end
    refused = await page.ask("link", clip_id=clip.id)
    assert refused["error"]["code"] == "unsupported"
    assert (await page.result("link", clip_id=clip.id, download=True))["path"].endswith(Path(clip.path).suffix)


@every_family
async def test_h265_clip_turns_to_the_sub_track_for_players_that_cannot_decode_it(
    hass: HomeAssistant,
    family: Family,
    start_simulator: StartSimulator,
    hass_ws_client: WebSocketGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    assert await async_setup_component(hass, "media_source", {})
    nvr = await start_simulator(channels=2, rtsp=True)
    nvr.rtsp.faults.delivery, nvr.rtsp.faults.end = 0, "bye"
    if family is HIKVISION:
        nvr.set_faults(search__sub_tracks=True)
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    number = next(item.number for item in hub.channels if item.profiles[0].video is VideoCodec.H265)
    camera = hub.camera_entity_id(number)
    told = watch(hass)
    start = nvr.now() - timedelta(hours=2)
    for form in ("mp4", "h264"):
        data: dict[str, Any] = {"entity_id": camera, "start": start.isoformat(), "duration": 3, "format": form}
        await hass.services.async_call(DOMAIN, "export_recording", data, blocking=True, return_response=True)
    await until(lambda: len(told) == 2, 30)
    desk = export_desk(hass)
    assert all("clip_id" in event.data for event in told), [event.data for event in told]
    by_format = {event.data["format"]: desk.library.get(event.data["clip_id"]) for event in told}
    whole, everywhere = by_format["mp4"], by_format["h264"]
    assert whole is not None
    assert everywhere is not None
    assert whole.codec.startswith("hvc1")
    assert everywhere.codec.startswith("avc1")
    assert everywhere.width < whole.width
    page = Socket(await hass_ws_client(hass))
    client = await hass_client_no_auth()
    for accept, codec in ((["hvc1", "avc1"], "hvc1"), (["avc1.42E01E"], "avc1")):
        answer = await page.result("link", clip_id=whole.id, accept=accept)
        assert answer["codec"].startswith(codec)
        async with client.get(answer["path"]) as response:
            assert codec.encode() in await response.read()
    assert whole.spare is not None
    refused = (await page.ask("link", clip_id=whole.id, accept=["vp09"]))["error"]
    assert refused["code"] == "unsupported"
    assert "is H.265, which this player says it does not play" in refused["message"]
    # The media browser and a link for a notification say nothing of what plays them.
    media = MediaBrowser(await hass_ws_client(hass))
    path = (await media.ask("resolve_media", content_id(ClipId(whole.id))))["result"]["url"]
    data = {"clip_id": whole.id}
    made: Any = await hass.services.async_call(DOMAIN, "create_clip_link", data, blocking=True, return_response=True)
    for given in (path, made["path"]):
        async with client.get(given) as response:
            assert b"avc1" in await response.read()
    await page.result("delete", clip_id=whole.id)


@pytest.mark.slow
@pytest.mark.skipif(not available(), reason="no encoder for H.264 in this build of PyAV")
async def test_h265_clip_is_converted_where_the_user_agreed(
    hass: HomeAssistant, start_simulator: StartSimulator, hass_ws_client: WebSocketGenerator, media_folder: Path
) -> None:
    nvr = await start_simulator(channels=2, rtsp=True)
    nvr.rtsp.faults.delivery, nvr.rtsp.faults.end = 0, "bye"
    entry = make_entry(nvr, options={CONF_TRANSCODE: True})
    hub = await set_up(hass, entry)
    number = next(item.number for item in hub.channels if item.profiles[0].video is VideoCodec.H265)
    told = watch(hass)
    start = nvr.now().replace(microsecond=0) - timedelta(hours=2)
    data = {"entity_id": hub.camera_entity_id(number), "start": start.isoformat(), "duration": 2, "format": "h264"}
    await hass.services.async_call(DOMAIN, "export_recording", data, blocking=True, return_response=True)
    made = export_desk(hass).library.get((await finished(told))["clip_id"])
    assert made is not None
    found = await hass.async_add_executor_job(pictures, made.path)
    wrong = [(code.time - start).total_seconds() - at for at, code in found]
    assert max(map(abs, wrong)) < 0.15
    assert abs(found[-1][0] - 2) < 0.15
    assert {code.channel for _, code in found} == {number}
    page = Socket(await hass_ws_client(hass))
    await page.result("delete", clip_id=made.id)
    # A clip that is there already gets its version when somebody asks who needs it.
    await hass.services.async_call(
        DOMAIN, "export_recording", {**data, "format": "mp4"}, blocking=True, return_response=True
    )
    clip = export_desk(hass).library.get((await finished(told, 2))["clip_id"])
    assert clip is not None
    if clip.spare is not None:
        await hass.async_add_executor_job(Path(clip.spare).unlink)
    export_desk(hass).library.put(replace(clip, spare=None))
    first = await page.result("link", clip_id=clip.id, accept=["avc1"])
    again = await page.result("link", clip_id=clip.id, accept=["avc1"])
    assert first == again
    await until(lambda: export_desk(hass).queue.jobs[first["preparing"]].state == "done", 60)
    assert (await page.result("link", clip_id=clip.id, accept=["avc1"]))["codec"] == "avc1"
    await page.result("delete", clip_id=clip.id)
    assert await files_in(hass, media_folder) == []


async def test_logbook_tells_in_sentences(hass: HomeAssistant) -> None:
    described: dict[str, Any] = {}
    async_describe_events(hass, lambda _, name, describe: described.update({name: describe}))
    told = async_capture_events(hass, "nvr_export_failed")
    hass.bus.async_fire("nvr_export_failed", {"channel_name": "Front door", "message": "The disk ran full."})
    await hass.async_block_till_done()
    assert described["nvr_export_failed"](told[0])["message"] == "could not be exported: The disk ran full."
