"""Pictures of recordings: tiles of the media browser, the very frame of a moment, and who is asked how often."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.components import media_source
from homeassistant.components.media_source import MediaSourceItem
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.nvr.core.errors import NvrTimeoutError
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.media.sources.base import Way
from custom_components.nvr.media_ids import ChannelId, HourId, MomentId, SpanId, content_id, parse
from custom_components.nvr.media_source import async_get_media_source
from custom_components.nvr.pictures import picture_path
from custom_components.nvr.shared import shared
from tests.simulators.dahua import DahuaSimulator

from .conftest import StartSimulator, events_up, every_family, make_entry, set_up, until
from .footage_helpers import MediaBrowser, Player, child
from .picture_helpers import FRAME, GROUP, SECOND, asked, fetch, look, refused
from .recorders import DAHUA, HIKVISION, Recorder

type Client = TestClient[Any, Any]


class House:
    """A recorder in a home, and the administrator's browser."""

    def __init__(self, hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, client: Client) -> None:
        self.hass = hass
        self.nvr = nvr
        self.entry = entry
        self.client = client
        self.at = nvr.now().replace(microsecond=0)

    def recorded(self, channel: int = 1) -> datetime:
        """Return a moment of yesterday's footage, between two key frames, with minutes of more behind it."""
        now = self.at
        spans = self.nvr.footage.recorded(channel, now - timedelta(hours=30), now - timedelta(hours=20))
        start = max(spans, key=lambda span: span[1] - span[0])[0].replace(second=0, microsecond=0)
        return start + timedelta(seconds=153, milliseconds=700)

    @property
    def yesterday(self) -> datetime:
        return self.recorded()

    def path(self, moment: Any, channel: int = 1, **options: Any) -> str:
        return picture_path(self.entry.entry_id, channel, moment, **options)


@pytest.fixture(name="house")
async def house_fixture(
    hass: HomeAssistant, start_simulator: StartSimulator, hass_client: ClientSessionGenerator
) -> House:
    nvr = await start_simulator(channels=2, rtsp=True)
    nvr.rtsp.faults.delivery = 20.0
    assert await async_setup_component(hass, "media_source", {})
    entry = make_entry(nvr)
    await set_up(hass, entry)
    return House(hass, nvr, entry, await hass_client())


def cached(hass: HomeAssistant) -> list[Path]:
    """Return all that is on disk: the folders of recorders, and the pictures in them."""
    return sorted(Path(hass.config.cache_path("nvr", "pictures")).rglob("*"))


@every_family
async def test_tiles_show_the_footage_they_lead_to(house: House, hass_ws_client: WebSocketGenerator) -> None:
    media = MediaBrowser(await hass_ws_client(house.hass))
    days = await media.path("Test NVR", "Front door")
    day = await media.path("Test NVR", "Front door", "Yesterday")
    hour = child(day, "06:00")
    opened = await media.open(hour["media_content_id"])
    assert asked(house.nvr) == 0, "nothing is fetched for tiles that nobody looks at"
    span = parse(hour["media_content_id"].removeprefix("media-source://nvr/"))
    assert isinstance(span, HourId)
    clock = house.entry.runtime_data.hub.clock
    noon = clock.to_wall(house.nvr.now()).date() - timedelta(days=1)
    for tile, earliest, latest in (
        (hour, span.span.start, span.span.start + 2 * SECOND),
        (opened["children"][0], span.span.start, span.span.start + 2 * SECOND),
        (child(days, "Yesterday"), None, None),
        (day["children"][0], None, None),
    ):
        seen = await fetch(house.client, tile["thumbnail"])
        assert (seen.width, seen.code.channel) == (320, 1)
        if earliest is None or latest is None:
            wall = clock.to_wall(seen.code.time + GROUP + SECOND)
            assert (wall.date(), wall.hour) == (noon, 12)
        else:
            assert earliest - GROUP - SECOND <= seen.code.time <= latest
        assert seen.recorded_at is not None
        assert abs(seen.recorded_at - seen.code.time) <= GROUP + SECOND
    segment = opened["children"][1]
    begin = parse(segment["media_content_id"].removeprefix("media-source://nvr/")).span.start  # type: ignore[union-attr]
    seen = await fetch(house.client, segment["thumbnail"])
    assert -GROUP - SECOND <= seen.code.time - begin <= GROUP
    await until(lambda: house.nvr.rtsp.counters.sessions_open["playback"] == 0)


@every_family
async def test_day_whose_footage_is_being_overwritten_shows_what_is_left(
    house: House, hass_ws_client: WebSocketGenerator
) -> None:
    clock = house.entry.runtime_data.hub.clock
    yesterday = clock.to_wall(house.nvr.now()).date() - timedelta(days=1)
    media = MediaBrowser(await hass_ws_client(house.hass))
    # What is over is remembered: the list still has what the recorder loses now.
    tile = (await media.path("Test NVR", "Front door", "Yesterday"))["children"][0]["thumbnail"]
    assert len(await media.path("Test NVR", "Front door", "Yesterday", "12:00")) > 0
    left = clock.day(yesterday).end - timedelta(hours=1)
    house.nvr.footage.retention = house.nvr.now() - left
    seen = await fetch(house.client, tile)
    assert seen.code.time >= left - GROUP - timedelta(minutes=1)


@every_family
async def test_exact_picture_is_the_frame_of_the_moment(house: House) -> None:
    for number, moment in enumerate((house.yesterday, house.yesterday + timedelta(seconds=91.37))):
        seen = await fetch(house.client, house.path(moment, exact=True, width=0))
        assert timedelta(0) <= moment - seen.code.time <= FRAME + timedelta(milliseconds=2)
        assert seen.recorded_at is not None
        assert abs(seen.recorded_at - seen.code.time) <= timedelta(milliseconds=20)
        assert seen.width > 320
        small = await fetch(house.client, house.path(moment, exact=True, width=320))
        assert (small.width, small.code) == (320, seen.code)
        counters = house.nvr.rtsp.counters
        assert counters.sessions_opened["playback"] == counters.teardowns["playback"] == 2 * (number + 1)


@every_family
async def test_recorder_that_begins_behind_the_moment_still_gives_its_frame(house: House) -> None:
    house.nvr.rtsp.faults.key_frame = "after"
    seen = await fetch(house.client, house.path(house.yesterday, exact=True, width=320))
    assert timedelta(0) <= house.yesterday - seen.code.time <= FRAME + timedelta(milliseconds=2)


@every_family
async def test_pictures_come_by_download_where_playback_stands_back(house: House) -> None:
    house.nvr.rtsp.faults.stalled = True
    told = async_capture_events(house.hass, "nvr_media_accessed")
    if not isinstance(house.nvr, DahuaSimulator):
        house.nvr.set_faults(download__by_time=True)  # else a file comes from its beginning
    memory = shared(house.hass).engine.memory(house.entry.entry_id)
    memory.failed(Way.PLAYBACK, NvrTimeoutError("silent"), Way.DOWNLOAD)
    seen = await fetch(house.client, house.path(house.yesterday, exact=True, width=320))
    # A download dates its frames to half a frame, or worse.
    assert abs(house.yesterday - seen.code.time) <= 2 * FRAME
    assert house.nvr.rtsp.counters.sessions_opened["playback"] == 0
    assert [(event.data["what"], event.data["clip_id"]) for event in told] == [("picture", None)]


@every_family
async def test_h265_is_decoded(house: House) -> None:
    house.nvr.set_codec(2, "H.265")
    for exact in (False, True):
        moment = house.recorded(2)
        seen = await fetch(house.client, house.path(moment, 2, exact=exact))
        assert seen.code.channel == 2
        assert -FRAME <= moment - seen.code.time <= GROUP + SECOND


@every_family
async def test_who_asks_at_once_or_again_shares_one_picture(house: House) -> None:
    path = house.path(house.yesterday)
    seen = await asyncio.gather(*(fetch(house.client, path) for _ in range(8)))
    assert len({each.code for each in seen}) == 1
    assert asked(house.nvr) == 1
    # Another moment of the same slot is the same picture, and what a browser has it need not fetch again.
    again = await fetch(house.client, house.path(house.yesterday + timedelta(milliseconds=200)))
    assert again.code == seen[0].code
    async with house.client.get(path, headers={"If-None-Match": again.tag}) as response:
        assert response.status == 304
    assert asked(house.nvr) == 1


@every_family
async def test_pictures_outlive_a_restart_and_go_with_the_entry(house: House) -> None:
    path = house.path(house.yesterday)
    seen = await fetch(house.client, path)
    folder, picture = cached(house.hass)
    assert (folder.name, picture.parent) == (house.entry.entry_id, folder)
    # What a new start makes of the same folder.
    other = type(shared(house.hass).pictures.store)(
        Path(house.hass.config.cache_path("nvr", "pictures")),
        shared(house.hass).engine.pool,
        lambda: {house.entry.entry_id},
    )
    shared(house.hass).pictures.store = other
    assert (await fetch(house.client, path)).code == seen.code
    assert asked(house.nvr) == 1
    await house.hass.config_entries.async_remove(house.entry.entry_id)
    await house.hass.async_block_till_done()
    assert cached(house.hass) == []
    assert (await refused(house.client, path))[0] == 404


@every_family
async def test_recorder_that_is_away_is_told_and_what_is_kept_still_shown(house: House) -> None:
    kept = house.path(house.yesterday)
    await fetch(house.client, kept)
    await house.nvr.power_off()
    status, words = await refused(house.client, house.path(house.yesterday + timedelta(minutes=1)))
    assert (status, "Test NVR" in words) == (503, True)
    assert (await fetch(house.client, kept)).code.channel == 1


@every_family
async def test_what_has_no_picture_is_told_in_words(house: House) -> None:
    future = house.nvr.now() + timedelta(hours=1)
    long_ago = house.nvr.now() - timedelta(days=900)
    assert await refused(house.client, house.path(future)) == (404, "This time is still to come")
    status, words = await refused(house.client, house.path(long_ago, exact=True, width=320))
    assert (status, words.startswith("Front door recorded nothing at ")) == (404, True)
    for path in ("/1/20261120T000000Z/319.jpg", "/1/20261120T0000Z/320.jpg", "/99/20261120T000000Z/320.jpg", "/1/x/y"):
        assert (await refused(house.client, f"/api/nvr/thumb/{house.entry.entry_id}{path}"))[0] == 404


@pytest.mark.parametrize("family", [HIKVISION], indirect=True)
async def test_last_slot_is_kept_for_people(house: House, hass_ws_client: WebSocketGenerator) -> None:
    house.hass.config_entries.async_update_entry(house.entry, options={"playback_slots": 1})
    await house.hass.async_block_till_done()
    status, words = await refused(house.client, house.path(house.yesterday))
    assert (status, "no free connection" in words) == (503, True)
    assert asked(house.nvr) == 0
    assert (await fetch(house.client, house.path(house.yesterday, exact=True))).code.channel == 1


@pytest.mark.parametrize("family", [DAHUA], indirect=True)
async def test_recorder_that_hands_out_key_pictures_opens_no_session(house: House) -> None:
    await fetch(house.client, house.path(house.yesterday))
    assert house.nvr.rtsp.counters.sessions_opened["playback"] == 0
    assert asked(house.nvr) == 1
    # One that does not, any more, is read by playback.
    assert isinstance(house.nvr, DahuaSimulator)
    house.nvr.faults.without |= {"StorageAssistant"}
    seen = await fetch(house.client, house.path(house.yesterday + timedelta(minutes=1)))
    assert seen.code.channel == 1
    assert house.nvr.rtsp.counters.sessions_opened["playback"] == 1


@every_family
async def test_action_answers_with_the_frame_and_writes_it(house: House) -> None:
    moment = house.yesterday
    path = Path(house.hass.config.path("media", "nvr", "front.jpg"))
    house.hass.config.allowlist_external_dirs = {house.hass.config.path("media")}
    house.hass.config.media_dirs = {"local": house.hass.config.path("media")}
    wanted: dict[str, Any] = {"entity_id": "camera.front_door", "time": moment.isoformat()}
    answer: Any = await house.hass.services.async_call(
        "nvr", "snapshot_at", {**wanted, "filename": "media/nvr/front.jpg"}, blocking=True, return_response=True
    )
    told = answer["cameras"]["camera.front_door"]
    assert answer["errors"] == {}
    seen = look(await house.hass.async_add_executor_job(path.read_bytes))
    assert timedelta(0) <= moment - seen.code.time <= FRAME + timedelta(milliseconds=2)
    assert (told["path"], told["file_content_id"]) == (str(path), "media-source://media_source/local/nvr/front.jpg")
    assert told["offset"] == pytest.approx((moment - seen.code.time).total_seconds(), abs=0.02)
    assert datetime.fromisoformat(told["time"]) == moment
    assert (await fetch(house.client, told["url"])).code == seen.code
    # Where its footage plays.
    media = content_id(MomentId(ChannelId(house.entry.entry_id, 1), moment))
    assert told["media_content_id"] == media
    for filename, words in (
        ("media/nvr/front.yaml", "has to end in .jpg"),
        ("front.jpg", "may not write"),
        ("media/../front.jpg", "may not write"),
    ):
        with pytest.raises(ServiceValidationError, match=words):
            await house.hass.services.async_call("nvr", "snapshot_at", {**wanted, "filename": filename}, blocking=True)
    long_ago = {**wanted, "time": (moment - timedelta(days=900)).isoformat()}
    with pytest.raises(HomeAssistantError, match="recorded nothing at"):
        await house.hass.services.async_call("nvr", "snapshot_at", long_ago, blocking=True)


@every_family
async def test_timeline_gets_its_pictures(house: House, hass_ws_client: WebSocketGenerator) -> None:
    socket = await hass_ws_client(house.hass)
    times = [(house.yesterday + timedelta(seconds=10 * step)).timestamp() for step in range(4)]
    camera_id = ChannelId(house.entry.entry_id, 1).format()

    async def ask(command: str, **values: Any) -> Any:
        await socket.send_json_auto_id({"type": command, **values})
        answer = await socket.receive_json()
        return answer["result"] if answer["success"] else answer["error"]["code"]

    unknown = await ask("nvr/thumbs", camera_id=camera_id, times=times, wait=False)
    assert [row["actual"] for row in unknown] == [None] * 4
    assert asked(house.nvr) == 0
    rows = await ask("nvr/thumbs", camera_id="camera.front_door", times=[*times, 4_000_000_000.0], width=160)
    assert rows[-1]["error"]["code"] == "not_found"
    for row, at in zip(rows[:-1], times, strict=True):
        assert row["t"] == at
        seen = await fetch(house.client, row["url"])
        assert (seen.width, seen.code.channel) == (160, 1)
        assert -1.1 <= at - seen.code.time.timestamp() <= 3
        assert abs(row["actual"] - seen.code.time.timestamp()) <= 3
    assert asked(house.nvr) == 4
    frame = await ask("nvr/snapshot", camera_id=camera_id, t=times[0], width=640)
    seen = await fetch(house.client, frame["url"])
    assert seen.code.time.timestamp() == pytest.approx(times[0] - frame["offset"], abs=0.02)
    assert 0 <= frame["offset"] <= 0.11
    assert (await ask("nvr/snapshot", camera_id=camera_id))["url"].startswith("/api/camera_proxy/camera.front_door?")
    assert await ask("nvr/thumbs", camera_id="camera.nothing", times=times) == "not_found"
    assert await ask("nvr/thumbs", camera_id="1/x/day", times=times) == "invalid_format"
    assert await ask("nvr/thumbs", camera_id=camera_id, times=times * 5) == "invalid_format"


@every_family
async def test_moment_of_an_event_plays_what_is_around_it(
    house: House, hass_ws_client: WebSocketGenerator, hass_client_no_auth: ClientSessionGenerator
) -> None:
    media = MediaBrowser(await hass_ws_client(house.hass))
    moment = house.yesterday
    item = content_id(MomentId(ChannelId(house.entry.entry_id, 1), moment))
    player = Player(await hass_client_no_auth(), await media.resolve(item))
    segments = await player.segments()
    assert sum(length for _, length in segments) == pytest.approx(30, abs=0.5)
    _, first = (await player.frames(segments[0][0]))[0]
    assert abs(first.time - (moment - timedelta(seconds=10))) <= timedelta(seconds=2.2)
    future = content_id(MomentId(ChannelId(house.entry.entry_id, 1), house.nvr.now() + timedelta(hours=1)))
    assert await media.refusal("resolve_media", future) == "This time is still to come"


@pytest.mark.slow
@every_family
async def test_event_of_just_now_is_waited_for(
    house: House, hass_ws_client: WebSocketGenerator, hass_client_no_auth: ClientSessionGenerator
) -> None:
    told = async_capture_events(house.hass, "nvr_event")
    await events_up(house.entry.runtime_data.hub)
    house.nvr.motion(1)
    await until(lambda: told)
    data = told[0].data
    media = MediaBrowser(await hass_ws_client(house.hass))
    player = Player(await hass_client_no_auth(), await media.resolve(data["media_content_id"]))
    assert await player.segments()
    wanted = {"entity_id": "camera.front_door", "time": data["occurred_at"]}
    answer: Any = await house.hass.services.async_call(
        "nvr", "snapshot_at", wanted, blocking=True, return_response=True
    )
    assert 0 <= answer["cameras"]["camera.front_door"]["offset"] <= 0.2


@every_family
async def test_item_is_looked_at_where_home_assistant_asks_for_pictures(house: House) -> None:
    source = await async_get_media_source(house.hass)
    channel = ChannelId(house.entry.entry_id, 1)
    moment = house.yesterday
    items = (MomentId(channel, moment), SpanId(channel, TimeSpan(moment, moment + timedelta(minutes=1))))
    for item in items:
        found = await source.async_get_media_image(MediaSourceItem(house.hass, "nvr", item.format(), None))
        if not hasattr(media_source, "MediaImage"):
            assert found is None
            continue
        assert found is not None
        seen = look(found.content)
        assert (found.mime_type, seen.code.channel) == ("image/jpeg", 1)
        assert -2 * SECOND <= seen.code.time - moment + GROUP <= GROUP + 2 * SECOND
