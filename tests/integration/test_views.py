"""Links to footage over HTTP: what they serve, to whom, for how long, and what a refusal says."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.auth.models import User
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.playback import start_playback
from custom_components.nvr.playback_links import IDLE_LIFETIME, LIFETIME, PlaybackLink
from custom_components.nvr.shared import shared
from tests.simulators.hikvision import HikvisionSimulator

from .conftest import StartSimulator, until
from .footage_helpers import READ, Player, person

type Client = TestClient[Any, Any]
type Link = Callable[..., Awaitable[PlaybackLink]]


@pytest.fixture(name="nvr")
async def nvr_fixture(start_simulator: StartSimulator) -> HikvisionSimulator:
    simulator: HikvisionSimulator = await start_simulator(channels=1, rtsp=True)
    simulator.rtsp.faults.delivery = 20.0
    return simulator


@pytest.fixture(name="client")
async def client_fixture(
    hass: HomeAssistant, entry: MockConfigEntry, hass_client_no_auth: ClientSessionGenerator
) -> Client:
    return await hass_client_no_auth()


@pytest.fixture(name="link")
def link_fixture(hass: HomeAssistant, entry: MockConfigEntry, nvr: HikvisionSimulator) -> Link:
    """Make links to ten minutes of two hours ago."""

    async def make(user: User | None = None) -> PlaybackLink:
        start = nvr.now().replace(microsecond=0) - timedelta(hours=2)
        span = TimeSpan(start, start + timedelta(minutes=10))
        return await start_playback(hass, entry, 1, span, user.id if user else None)

    return make


@pytest.fixture(name="guest")
async def guest_fixture(hass: HomeAssistant) -> User:
    return await person(hass, {"entities": {"entity_ids": {"camera.front_door": READ}}})


def player(client: Client, link: PlaybackLink) -> Player:
    return Player(client, link.path)


async def test_playlists_and_video_are_served_with_the_headers_players_need(client: Client, link: Link) -> None:
    made = player(client, await link())
    expected = {
        "master.m3u8": "application/vnd.apple.mpegurl",
        "video.m3u8": "application/vnd.apple.mpegurl",
        "init.mp4": "video/mp4",
        "s0.m4s": "video/mp4",
    }
    for name, content_type in expected.items():
        async with client.get(f"{made.base}/{name}", headers={"Origin": "https://cast.example"}) as response:
            assert response.status == 200
            assert response.content_type == content_type
            assert response.headers["Cache-Control"] == "no-store"
            assert response.headers["Access-Control-Allow-Origin"] in {"*", "https://cast.example"}
            assert int(response.headers["Content-Length"]) == len(await response.read()) > 0


async def test_a_long_playlist_travels_compressed(hass: HomeAssistant, entry: MockConfigEntry, client: Client) -> None:
    hub = entry.runtime_data.hub
    yesterday = hub.clock.day(hub.clock.date_of(dt_util.utcnow()) - timedelta(days=1))
    made = player(client, await start_playback(hass, entry, 1, yesterday, None))
    await made.fetch("master.m3u8")
    plain = {"Accept-Encoding": "identity"}
    async with client.get(f"{made.base}/video.m3u8", headers=plain) as response:
        assert "Content-Encoding" not in response.headers
        whole = await response.text()
    async with client.get(f"{made.base}/video.m3u8", headers={"Accept-Encoding": "gzip"}) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert await response.text() == whole
    assert whole.count("#EXTINF") > 10_000


async def test_head_says_what_a_get_would_be_without_opening_the_recorder(
    client: Client, link: Link, nvr: HikvisionSimulator
) -> None:
    made = player(client, await link())
    for name in ("master.m3u8", "video.m3u8", "init.mp4", "s0.m4s"):
        async with client.head(f"{made.base}/{name}") as response:
            assert response.status == 200
            assert response.headers["Cache-Control"] == "no-store"
            assert not await response.read()
    async with client.head(f"{made.base}/nothing.txt") as response:
        assert response.status == 404
    assert nvr.rtsp.counters.sessions_opened["playback"] == 0


@pytest.mark.parametrize("name", ["s.m4s", "s01.m4s", "s-1.m4s", "s0.ts", "../x", "s999999999.m4s", "index.m3u8"])
async def test_file_that_is_not_in_the_playlist_is_not_found(client: Client, link: Link, name: str) -> None:
    assert await player(client, await link()).status(name) == 404


async def test_segment_behind_the_end_is_not_found(client: Client, link: Link) -> None:
    made = player(client, await link())
    segments = await made.segments()
    assert await made.status(f"s{len(segments)}.m4s") == 404


async def test_unknown_token_is_not_found_and_no_login_failure(client: Client, link: Link) -> None:
    made = await link()
    for token in ("x", made.token[:-1], made.token + "A", made.token.swapcase()):
        async with client.get(f"/api/nvr/vod/{token}/master.m3u8") as response:
            assert response.status == 404


async def test_playlist_and_its_segments_need_no_login_but_another_link_is_another_playback(
    client: Client, link: Link
) -> None:
    one, two = await link(), await link()
    assert one.token != two.token
    assert one.playback is not two.playback


async def test_link_of_a_person_is_good_while_he_may_see_the_camera(
    hass: HomeAssistant, client: Client, link: Link, guest: User
) -> None:
    made = await link(guest)
    follows = player(client, made)
    assert await follows.status("video.m3u8") == 200
    await hass.auth.async_update_user(guest, group_ids=[])
    assert await follows.status("video.m3u8") == 403
    assert made.playback.closed
    # A right that comes back does not bring the link back.
    await hass.auth.async_update_user(guest, group_ids=["group-guest"])
    assert await follows.status("video.m3u8") == 403


async def test_link_dies_with_a_deactivated_user(hass: HomeAssistant, client: Client, link: Link, guest: User) -> None:
    made = await link(guest)
    await hass.auth.async_deactivate_user(guest)
    assert await player(client, made).status() == 403


async def test_link_of_home_assistant_itself_lasts(
    hass: HomeAssistant, client: Client, link: Link, guest: User
) -> None:
    made = await link(None)
    await hass.auth.async_remove_user(guest)
    assert await player(client, made).status("video.m3u8") == 200


async def test_link_dies_with_the_unload_and_leaves_nothing_on_the_recorder(
    hass: HomeAssistant, client: Client, link: Link, entry: MockConfigEntry, nvr: HikvisionSimulator
) -> None:
    made = player(client, await link())
    assert await made.status("s0.m4s") == 200
    assert nvr.rtsp.counters.sessions_open["playback"] == 1
    assert await hass.config_entries.async_unload(entry.entry_id)
    await until(lambda: nvr.rtsp.counters.sessions_open["playback"] == 0)
    assert await made.status("s1.m4s") == 403
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert await made.status("s1.m4s") == 403


async def test_link_expires(hass: HomeAssistant, client: Client, link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    links = shared(hass).links
    now = 1000.0
    monkeypatch.setattr(links, "_monotonic", lambda: now)
    idle, used = await link(), await link()
    now += IDLE_LIFETIME - 1
    assert await player(client, used).status("video.m3u8") == 200
    now += 1
    assert await player(client, idle).status() == 403
    assert await player(client, used).status() == 200
    used.used_at = now = used.made_at + LIFETIME
    assert await player(client, used).status() == 403


async def test_recorder_without_a_free_session_is_busy_with_a_time_to_retry(
    client: Client, link: Link, nvr: HikvisionSimulator
) -> None:
    nvr.rtsp.options.playback_limit = 0
    async with client.get((await link()).path) as response:
        assert response.status == 503
        assert int(response.headers["Retry-After"]) >= 1
        assert (await response.json())["code"] == "busy"


async def test_recorder_that_is_away_is_told_without_its_address(
    client: Client, link: Link, nvr: HikvisionSimulator
) -> None:
    made = await link()
    await nvr.power_off()
    async with client.get(made.path) as response:
        assert response.status == 503
        assert "Retry-After" in response.headers
        text = await response.text()
        assert "127.0.0.1" not in text
        assert "rtsp" not in text.lower()


async def test_password_that_the_recorder_refuses_is_no_login_failure_here(
    client: Client, link: Link, nvr: HikvisionSimulator
) -> None:
    made = await link()
    nvr.change_password("nvr-new-pass")
    async with client.get(made.path) as response:
        assert response.status == 403
        assert (await response.json())["code"] == "auth"
    assert nvr.counters.auth_failures <= 2


async def test_player_that_leaves_cancels_only_its_own_wait(
    client: Client, link: Link, nvr: HikvisionSimulator
) -> None:
    made = player(client, await link())
    waits = asyncio.create_task(made.fetch("s3.m4s"))
    leaves = asyncio.create_task(made.fetch("s3.m4s"))
    await until(lambda: nvr.rtsp.counters.sessions_open["playback"] == 1)
    leaves.cancel()
    assert len(await waits) > 1000


async def test_access_is_told_once_per_playback_and_only_when_footage_has_left(
    hass: HomeAssistant, client: Client, link: Link, guest: User, entry: MockConfigEntry
) -> None:
    events = async_capture_events(hass, "nvr_media_accessed")
    made = await link(guest)
    follows = player(client, made)
    assert await follows.status("master.m3u8") == 200
    assert await follows.status("video.m3u8") == 200
    assert not events
    assert await follows.status("s0.m4s") == 200
    assert await follows.status("s1.m4s") == 200
    assert len(events) == 1
    data = dict(events[0].data)
    assert data["user_id"] == guest.id
    assert data["entity_id"] == "camera.front_door"
    assert data["channel"] == 1
    assert data["entry_id"] == entry.entry_id
    assert data.keys() >= {"start", "end", "accessed_at", "device_id", "channel_name"}
    assert "127.0.0.1" not in str(data)
    assert len(str(data)) < 1024
