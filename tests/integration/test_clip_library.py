"""The library of clips: found by search, watched over by rights, kept clean, and made good where a player needs it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
import json
from pathlib import Path
import threading
from typing import Any

from aiohttp import ClientError
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.nvr.access_rules import AccessRules, Action, Rights
from custom_components.nvr.audit_rows import AuditFilter
from custom_components.nvr.clip_view import mint_clip_link
from custom_components.nvr.const import CONF_ACCESS, DOMAIN
from custom_components.nvr.core.models import TimeSpan, VideoCodec
from custom_components.nvr.diagnostics import async_get_config_entry_diagnostics
from custom_components.nvr.export_maker import ExportHolder
from custom_components.nvr.exports import MOST_OF_ONE, export_desk
from custom_components.nvr.footage import read_segments
from custom_components.nvr.media.exports import files
from custom_components.nvr.media.exports.models import Clip, ExportFormat
from custom_components.nvr.media_ids import ChannelId, ClipId, ClipsId, RecorderId, RootId, content_id
from custom_components.nvr.picture_log import note_picture
from custom_components.nvr.shared import shared

from .conftest import StartSimulator, every_family, make_entry, set_up, until
from .export_helpers import FRONT, export, files_in, finished, watch
from .export_home import entry_fixture, media_folder_fixture, nvr_fixture
from .footage_helpers import MediaBrowser, person, titles, token_of
from .recorders import Recorder
from .test_clips import Socket
from .test_readme import documented

__all__ = ["entry_fixture", "media_folder_fixture", "nvr_fixture"]

MIB = 1 << 20
DAY = timedelta(days=1)


async def put(hass: HomeAssistant, entry: MockConfigEntry, number: int, channel: int = 1, **more: Any) -> Clip:
    """Leave a clip behind, of a file of some megabytes that is no film."""
    folder = Path(hass.config.media_dirs["local"], ".nvr")
    await hass.async_add_executor_job(lambda: folder.mkdir(exist_ok=True))
    path = folder / f".{number}.mp4"
    size = more.pop("size", 100)
    await hass.async_add_executor_job(path.write_bytes, bytes(size))
    end = dt_util.utcnow().replace(microsecond=0) - number * DAY
    name = ("Front door", "Driveway")[channel - 1]
    clip = Clip(
        f"{number:016x}", entry.entry_id, channel, name, more.pop("title", name), TimeSpan(end - DAY / 1440, end), end,
        more.pop("owner", None), str(path), size, "video/mp4", "avc1.4D401F", length=60.0, **more,
    )  # fmt: skip
    export_desk(hass).library.put(clip)
    return clip


async def test_clips_are_found_by_title_camera_day_and_time(
    hass: HomeAssistant, entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    parcel = await put(hass, entry, 1, title="El paquete \u00e1zul")
    cat = await put(hass, entry, 2, 2, title="The cat at night")
    media = MediaBrowser(await hass_ws_client(hass))

    async def found(text: str, below: str) -> list[str]:
        answer = await media.ask("search_media", below, search_query=text)
        results = answer["result"]["result"]
        return [item["media_content_id"].rpartition("/")[2] for item in results if "/clip/" in item["media_content_id"]]

    clips, root = content_id(ClipsId()), content_id(RootId())
    first = await media.open(clips)
    assert first["can_search"]
    assert await found("paquete AZUL", clips) == [parcel.id]
    assert await found("driveway", root) == [cat.id]
    assert await found("cat", content_id(RecorderId(entry.entry_id))) == [cat.id]
    assert await found("cat", content_id(ClipsId(ChannelId(entry.entry_id, 1)))) == []
    local = dt_util.as_local(parcel.span.start)
    assert await found(f"{local:%Y-%m-%d}", clips) == [parcel.id]
    assert await found(f"{local:%Y-%m-%d} {local:%H:%M}", clips) == [parcel.id]
    assert await found("of nothing", clips) == []


async def test_links_that_are_too_many_are_refused_in_words_and_cost_nobody_else_his(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clip, user = await put(hass, entry, 1), await person(hass, {"entities": True})
    desk = export_desk(hass)
    mint_clip_link(hass, clip, user.id)
    monkeypatch.setattr("custom_components.nvr.clip_links.MOST_LINKS", 1)
    hass.config.external_url = "https://home.example"
    sentence = "1 links to clips are in use"
    with pytest.raises(HomeAssistantError, match=sentence):
        await hass.services.async_call(
            DOMAIN, "create_clip_link", {"clip_id": clip.id}, blocking=True, return_response=True
        )
    refused = await Socket(await hass_ws_client(hass)).ask("link", clip_id=clip.id)
    assert (refused["error"]["code"], sentence in refused["error"]["message"]) == ("busy", True)
    media = MediaBrowser(await hass_ws_client(hass))
    answer = await media.ask("resolve_media", content_id(ClipId(clip.id)))
    assert sentence in answer["error"]["message"]
    assert [link.user_id for link in desk.links.all()] == [user.id]


def only(entry: MockConfigEntry, hass: HomeAssistant, *channels: int) -> None:
    """Let everybody but administrators play back and export these channels only."""
    some = frozenset(channels)
    rules = AccessRules(Rights({Action.PLAYBACK: some, Action.EXPORT: some}))
    hass.config_entries.async_update_entry(entry, options={CONF_ACCESS: rules.to_json()})


async def test_page_of_a_guest_hears_of_what_he_may_see_and_of_nobody(
    hass: HomeAssistant, entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    user = await person(hass, {"entities": True})
    only(entry, hass, 2)
    hidden, other = await put(hass, entry, 1, title="Hidden", owner="f" * 32), await put(hass, entry, 2, 2, title="Cat")
    desk = export_desk(hass)
    desk.library.put(other := replace(other, owner="e" * 32))
    token = await token_of(hass, user)
    media = MediaBrowser(await hass_ws_client(hass, token))
    found = (await media.ask("search_media", content_id(RootId()), search_query="hidden"))["result"]["result"]
    assert found == []
    page = Socket(await hass_ws_client(hass, token))
    await page.result("subscribe")
    first = (await page.socket.receive_json())["event"]
    assert [(item["id"], item["owner"], item["mine"]) for item in first["clips"]] == [(other.id, None, False)]
    await desk.async_delete(hidden, None)
    await desk.async_delete(other, None)
    assert (await page.socket.receive_json())["event"] == {"deleted": other.id}
    # Who is given a right sees at once what there is.
    await put(hass, entry, 3, 1, title="Parcel")
    only(entry, hass, 1, 2)
    assert [item["title"] for item in (await page.socket.receive_json())["event"]["clips"]] == ["Parcel"]


@pytest.mark.parametrize(
    "how", ["right", *(pytest.param(how, marks=pytest.mark.slow) for how in ("revoked", "deleted"))]
)
async def test_transfer_ends_with_the_link_it_came_by(
    hass: HomeAssistant, entry: MockConfigEntry, hass_client_no_auth: ClientSessionGenerator, how: str
) -> None:
    user = await person(hass, {"entities": True})
    clip = await put(hass, entry, 1, size=64 * MIB)
    path, link = mint_clip_link(hass, clip, user.id, download=True)
    client = await hass_client_no_auth()
    async with client.get(path) as response:
        assert response.status == 200
        assert await response.content.read(1000)
        if how == "right":
            only(entry, hass, 2)
        elif how == "revoked":
            await hass.services.async_call(DOMAIN, "revoke_clip_link", {"link_id": link.id}, blocking=True)
        else:
            await export_desk(hass).async_delete(clip, None)
        with pytest.raises(ClientError):
            await response.read()
    assert (await client.get(path)).status == 403
    if how == "right":
        rows = (await shared(hass).audit.async_query(AuditFilter(kinds=frozenset({"revoked"})), limit=9)).rows
        assert [(row["what"], row["clip_id"], row["user_id"]) for row in rows] == [("clip", clip.id, user.id)]


async def test_refusal_names_the_clip(
    hass: HomeAssistant, entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    user = await person(hass, {"entities": True})
    only(entry, hass, 2)
    clip = await put(hass, entry, 1, title="Parcel")
    page = Socket(await hass_ws_client(hass, await token_of(hass, user)))
    assert (await page.ask("link", clip_id=clip.id))["error"]["code"] == "not_found"
    rows = (await shared(hass).audit.async_query(AuditFilter(kinds=frozenset({"denied"})), limit=9)).rows
    assert [(row["what"], row["clip_id"], row["channel_name"]) for row in rows] == [("clip", clip.id, "Front door")]


async def test_finished_export_is_footage_that_left(hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry) -> None:
    seen, told = async_capture_events(hass, "nvr_media_accessed"), watch(hass)
    user = await person(hass, {"entities": True})
    await export(hass, nvr.now() - timedelta(hours=2), 3, user.id)
    data = await finished(told)
    assert [(event.data["what"], event.data["clip_id"], event.data["user_id"]) for event in seen] == [
        ("export", data["clip_id"], user.id)
    ]
    assert seen[0].data.keys() == documented()["nvr_media_accessed"]


async def test_pictures_are_told_apart_from_films(hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry) -> None:
    seen = async_capture_events(hass, "nvr_media_accessed")
    for via in ("snapshot", "thumbnail"):
        note_picture(hass, entry, 1, nvr.now(), None, via=via)
    assert [(event.data["what"], event.data["clip_id"]) for event in seen] == [("picture", None)]
    assert seen[0].data.keys() == documented()["nvr_media_accessed"]
    rows = (await shared(hass).audit.async_query(AuditFilter(kinds=frozenset({"media_accessed"})), limit=9)).rows
    assert {(row["what"], row["via"]) for row in rows} == {("picture", "snapshot"), ("thumbnail", "thumbnail")}


async def test_what_failed_or_was_called_off_is_ordered_once_more(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    user, told = await person(hass, {"entities": True}), watch(hass)
    page = Socket(await hass_ws_client(hass, await token_of(hass, user)))
    start = nvr.now().timestamp() - 7200
    nvr.rtsp.faults.delivery = 1.0
    first = (await page.result("create", camera_ids=[FRONT], start=start, end=start + 3, title="Parcel"))["exports"]
    assert (await page.ask("retry", export_id=first[FRONT]))["error"]["code"] == "not_found", "it is under way"
    await page.result("cancel", export_id=first[FRONT])
    only(entry, hass, 2)
    assert not (await page.ask("retry", export_id=first[FRONT]))["success"]
    only(entry, hass, 1)
    nvr.rtsp.faults.delivery = 0
    again = (await page.result("retry", export_id=first[FRONT]))["export_id"]
    assert (await finished(told))["export_id"] == again
    clip = export_desk(hass).library.all()[0]
    assert (clip.title, clip.owner) == ("Parcel", user.id)


async def test_diagnostics_count_clips_and_name_none(
    hass: HomeAssistant, entry: MockConfigEntry, media_folder: Path
) -> None:
    await put(hass, entry, 1, title="The secret parcel", keep=True, spare="/somewhere", spare_size=11)
    desk = export_desk(hass)
    mint_clip_link(hass, desk.library.all()[0], None)
    told: Any = await async_get_config_entry_diagnostics(hass, entry)
    assert told["exports"] == {
        "exports": {}, "reasons": {}, "clips": 1, "kept": 1, "bytes": 111, "codecs": {"avc1": 1}, "with_spare": 1,
        "with_gaps": 0, "links": 1,
    }  # fmt: skip
    for secret in ("secret", str(media_folder)):
        assert secret not in json.dumps(told, default=str)


async def test_one_person_cannot_fill_the_queue(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    later = TimeSpan(nvr.now() + DAY, nvr.now() + 2 * DAY)
    for _ in range(MOST_OF_ONE):
        export_desk(hass).async_order(entry, 1, later, ExportFormat.MP4, None)
    data = {"entity_id": FRONT, "start": nvr.now().isoformat(), "duration": 3}
    with pytest.raises(HomeAssistantError, match="100 exports of yours are under way"):
        await hass.services.async_call(DOMAIN, "export_recording", data, blocking=True)
    page = Socket(await hass_ws_client(hass))
    start = nvr.now().timestamp() - 7200
    assert (await page.ask("create", camera_ids=[FRONT], start=start, end=start + 1))["success"]


@every_family
async def test_file_that_is_still_written_is_waited_for(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, media_folder: Path
) -> None:
    nvr.footage.plans[1] = replace(nvr.footage.plans[1], mode="continuous", file_seconds=(3600, 3600), gaps=())
    desk = export_desk(hass)
    span = TimeSpan(nvr.now() - timedelta(minutes=5), nvr.now() - timedelta(seconds=1))
    job = desk.async_order(entry, 1, span, ExportFormat.ORIGINAL, None)
    job.not_before = None
    desk.queue.look()
    await until(lambda: job.state == "waiting")
    assert (job.reason, job.attempts) == ("file_still_open", 0)
    assert not await files_in(hass, media_folder)
    await desk.queue.cancel(job.order.id)


async def test_originals_take_no_slot_of_playback(hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry) -> None:
    nvr.footage.plans[1] = replace(nvr.footage.plans[1], mode="continuous", file_seconds=(20, 20))
    slots = shared(hass).engine.slots
    limit = entry.runtime_data.hub.playback_slots

    async def stay(*_: object) -> None:
        """Stay."""

    for number in range(limit):
        await slots.acquire(entry.entry_id, limit, ExportHolder(f"somebody {number}", 1, stay))
    told = watch(hass)
    start = nvr.now().replace(minute=0, second=30, microsecond=0) - timedelta(hours=3)
    await export(hass, start, 10, format="original")
    await finished(told)
    assert nvr.rtsp.counters.sessions_opened["playback"] == 0
    assert len(slots.holders(entry.entry_id)) == limit


async def test_what_a_crash_left_of_a_job_goes_and_clips_stay(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, media_folder: Path, hass_storage: dict[str, Any]
) -> None:
    desk = export_desk(hass)
    later = TimeSpan(nvr.now() + DAY, nvr.now() + 2 * DAY)
    job = desk.async_order(entry, 1, later, ExportFormat.MP4, None)
    clip = await put(hass, entry, 1)
    orphan = Path(clip.path).with_name(f".front_door_20261122_000000_{job.order.id}_0123abcd.mp4")
    await hass.async_add_executor_job(orphan.write_bytes, b"whole, and of no clip")
    await desk.async_close()
    hass.data.pop(f"{DOMAIN}_exports")
    again = export_desk(hass)
    await again.async_start()
    assert again._tidying is not None
    await asyncio.wait({again._tidying})
    assert await files_in(hass, media_folder) == [Path(clip.path)]
    assert [found.id for found in again.library.all()] == [clip.id]
    await again.queue.cancel(job.order.id)
    await again.async_close()


@pytest.mark.parametrize("step", ["publish", pytest.param("prepare", marks=pytest.mark.slow)])
async def test_cancel_at_the_last_step_leaves_nothing(  # noqa: PLR0917
    hass: HomeAssistant,
    nvr: Recorder,
    entry: MockConfigEntry,
    media_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    begun, go = threading.Event(), threading.Event()
    real = getattr(files, step)

    def held(*arguments: Path) -> Any:
        begun.set()
        assert go.wait(20)
        return real(*arguments)

    monkeypatch.setattr(files, step, held)
    export_id = await export(hass, nvr.now() - timedelta(hours=2), 2)
    assert await hass.async_add_executor_job(begun.wait, 20)
    desk = export_desk(hass)
    cancelling = asyncio.create_task(desk.queue.cancel(export_id))
    await asyncio.sleep(0.05)
    go.set()
    await cancelling
    assert desk.queue.jobs[export_id].state == "cancelled"
    assert await files_in(hass, media_folder) == []
    assert not desk.library.all()


async def test_list_of_a_moment_ago_is_not_believed_about_footage_of_just_now(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = entry.runtime_data.hub.recordings
    start = nvr.now() - timedelta(hours=8)
    asked: list[TimeSpan] = []
    search = index._source.search

    def counted(channel: int, span: TimeSpan, **more: Any) -> Any:
        asked.append(span)
        return search(channel, span, **more)

    monkeypatch.setattr(index._source, "search", counted)
    for _ in range(2):
        await read_segments(entry.runtime_data.hub, 1, TimeSpan(start, nvr.now()))
    count = len(asked)
    assert count == 1, "a list is remembered for half a minute"
    desk = export_desk(hass)
    job = desk.async_order(entry, 1, TimeSpan(start, nvr.now()), ExportFormat.ORIGINAL, None)
    job.not_before = None
    desk.queue.look()
    await until(lambda: len(asked) > count)
    await desk.queue.cancel(job.order.id)


@pytest.mark.slow
async def test_spare_is_made_of_the_sub_track_when_somebody_needs_it_and_not_again_and_again(
    hass: HomeAssistant, start_simulator: StartSimulator, hass_ws_client: WebSocketGenerator
) -> None:
    assert await async_setup_component(hass, "media_source", {})
    nvr = await start_simulator(channels=2, rtsp=True)
    nvr.rtsp.faults.delivery, nvr.rtsp.faults.end = 0, "bye"
    nvr.set_faults(search__sub_tracks=True)
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    number = next(item.number for item in hub.channels if item.profiles[0].video is VideoCodec.H265)
    start = nvr.now() - timedelta(hours=2)
    span = TimeSpan(start, start + timedelta(seconds=3))
    clip = replace(await put(hass, entry, 1, number, title="Parcel"), codec="hvc1.1.6.L60", span=span)
    desk, media = export_desk(hass), MediaBrowser(await hass_ws_client(hass))
    desk.library.put(clip)
    assert titles(await media.path("Clips")) == ["Parcel (1 min 0 s, H.265)"]
    page = Socket(await hass_ws_client(hass))
    asked = await page.result("link", clip_id=clip.id, accept=["avc1"])
    await until(lambda: not desk.queue.jobs[asked["preparing"]].active, 30)
    made = desk.library.get(clip.id)
    assert made is not None
    assert made.spare is not None
    assert made.spare_size == (await hass.async_add_executor_job(Path(made.spare).stat)).st_size
    assert (await page.result("link", clip_id=clip.id, accept=["avc1"]))["codec"] == "avc1"
    # What is recorded no more is not asked for again and again: that is said in words.
    lost = TimeSpan(*(at - 4000 * DAY for at in (span.start, span.end)))
    desk.library.put(replace(clip, id="f" * 16, span=lost))
    asked = await page.result("link", clip_id="f" * 16, accept=["avc1"])
    await until(lambda: not desk.queue.jobs[asked["preparing"]].active, 30)
    refused = await page.ask("link", clip_id="f" * 16, accept=["avc1"])
    assert (refused["error"]["code"], "H.265" in refused["error"]["message"]) == ("unsupported", True)
