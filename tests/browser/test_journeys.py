"""What a person does with it, clicked in Home Assistant's own page; the painted time of each picture judges."""

from datetime import datetime, timedelta
import re
import time
from typing import Any

import aiohttp
from playwright.async_api import Locator, expect
import pytest

from scripts.demo_app.client import HaClient
from tests.simulators.hikvision import PASSWORD, USER, HikvisionSimulator

from .frontend import Frontend, Home, HomeNvr, signed_in

pytestmark = pytest.mark.timeout(400)

# One frame of the simulated cameras, and the milliseconds that a position is rounded to. To both sides: a recorder that
# tells no times but that of its answer is dated to half a frame.
FRAME = timedelta(seconds=0.1, milliseconds=20)
# How old a live picture may be on a machine that is busy: HA's HLS keeps some segments back.
LIVE = timedelta(seconds=45)
RAW_KEY = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b|component\.nvr")


def age_of(code: dict[str, Any]) -> timedelta:
    """Return how old a picture is by what is painted into it."""
    return timedelta(seconds=time.time() - code["time"] / 1000)


async def control(nvr: HomeNvr, path: str) -> dict[str, Any]:
    """Ask a simulated recorder itself."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{nvr.control_port}{path}") as answer,
    ):
        found: dict[str, Any] = await answer.json()
        return found


async def test_dashboard_shows_every_camera_of_all_nvrs_with_its_own_live_picture(frontend: Frontend) -> None:
    await frontend.open("/nvr-demo/cameras")
    cards = frontend.page.locator("hui-picture-glance-card")
    nvrs = frontend.home.nvrs.values()
    expected = [number for nvr in nvrs for number in range(1, len(nvr.cameras) + 1)]
    await expect(cards).to_have_count(len(expected))
    for place, number in enumerate(expected):
        code = await frontend.picture(cards.nth(place))
        assert code["channel"] == number
        assert age_of(code) < LIVE
        moved = await frontend.picture(cards.nth(place), after=code["time"] + 1000, tag="VIDEO")
        assert moved["channel"] == number
    words = await frontend.words(frontend.page.locator("hui-sections-view"))
    names = {name for nvr in nvrs for name in (nvr.title, *nvr.names)}
    assert {"Front door", "Street", "What happened"} <= names | {"What happened"} <= set(words.splitlines())
    assert not RAW_KEY.findall(words)
    assert "navailable" not in words
    buttons = frontend.page.get_by_text("Somebody comes")
    await expect(buttons).to_have_count(len(nvrs))
    for place, button in enumerate(await buttons.all()):
        await button.click()
        await expect(frontend.page.locator("hui-logbook-card").nth(place)).to_contain_text("Intrusion")
    assert frontend.failed == []


async def test_camera_dialog_plays_live_video(frontend: Frontend) -> None:
    await frontend.open("/nvr-demo/cameras")
    card = frontend.page.locator("hui-picture-glance-card").nth(1)
    await frontend.picture(card)
    await card.locator("hui-image").click()
    dialog = frontend.page.locator("ha-more-info-dialog")
    assert "Driveway" in await frontend.words(dialog)
    first = await frontend.picture(dialog, tag="VIDEO")
    then = await frontend.picture(dialog, tag="VIDEO", after=first["time"] + 3000)
    assert (first["channel"], then["channel"]) == (2, 2)
    assert age_of(then) < LIVE


async def play_yesterday(frontend: Frontend, nvr: HomeNvr) -> tuple[Locator, datetime]:
    """Open yesterday of an NVR's first camera and play all of it; return the video and when that day began."""
    page = frontend.page
    await frontend.open("/media-browser/browser")
    for title in ("NVR", nvr.title, nvr.names[0], "Yesterday"):
        await frontend.tile(title)
    await page.wait_for_url("**/*day%2F*")
    day = re.search(r"day%2F(\d{4}-\d\d-\d\d)", page.url)
    assert day is not None
    assert not RAW_KEY.findall(await frontend.words(page.locator("ha-media-player-browse")))
    await frontend.tile("All day")
    zone = datetime.fromisoformat((await control(nvr, "/state"))["device_now"]).tzinfo
    return await frontend.player(), datetime.fromisoformat(day[1]).replace(tzinfo=zone)


async def judge_seeks(video: Locator, start: datetime, positions: tuple[float, ...]) -> None:
    """Seek, and compare the painted time with the one asked for."""
    for position in positions:
        shown = await video.evaluate("(video, position) => eyes.seek(video, position)", position)
        assert shown is not None, f"no picture at {position} s"
        assert abs(shown["at"] - position) < 0.001
        asked = start.timestamp() + position
        error = timedelta(seconds=asked - shown["time"] / 1000)
        assert abs(error) <= FRAME, f"{position} s shows a picture {error.total_seconds()} s before its time"


@pytest.mark.parametrize("family", ["hikvision", "dahua"])
async def test_media_browser_plays_a_day_and_shows_the_asked_time(frontend: Frontend, family: str) -> None:
    video, start = await play_yesterday(frontend, frontend.home.nvrs[family])
    assert await video.evaluate("(video) => video.duration") == timedelta(days=1).total_seconds()
    await expect(frontend.page.locator("ha-hls-player video")).to_have_attribute("controls", "")
    shown = await video.evaluate("(video) => eyes.still(video)")
    assert shown["channel"] == 1
    assert abs(timedelta(seconds=start.timestamp() + shown["at"] - shown["time"] / 1000)) <= 2 * FRAME
    # Far ahead, back, and a little further inside what is buffered by then.
    await judge_seeks(video, start, (20 * 3600 + 907.7, 3723.9, 3726.4))
    await video.evaluate("(video) => video.play()")
    handle = await video.element_handle()
    await frontend.page.wait_for_function("(video) => video.currentTime > 3729", arg=handle)
    assert frontend.failed == []


@pytest.mark.slow
@pytest.mark.parametrize("family", ["hikvision", "dahua"])
async def test_media_browser_shows_any_moment_near_and_far_and_backwards(frontend: Frontend, family: str) -> None:
    video, start = await play_yesterday(frontend, frontend.home.nvrs[family])
    day = timedelta(days=1).total_seconds()
    # A minute on and back, across the day, just below the end of a segment, and the last minute.
    await judge_seeks(video, start, (61.37, 47_113.9, 47_052.25, 47_999.95, 11_223.44, 8.8, day - 47.3))
    assert frontend.failed == []


@pytest.mark.slow
async def test_media_browser_of_the_newest_home_assistant_shows_the_asked_time(newest_home: Home) -> None:
    async with signed_in(newest_home) as frontend:
        video, start = await play_yesterday(frontend, frontend.home.nvrs["hikvision"])
        assert await video.evaluate("(video) => video.duration") == timedelta(days=1).total_seconds()
        await judge_seeks(video, start, (20 * 3600 + 907.7, 3723.9))


async def test_config_flow_says_what_is_wrong_and_takes_the_right_password(frontend: Frontend) -> None:
    page = frontend.page
    async with HikvisionSimulator(number=2, name="Barn", channels=1, rtsp=False) as nvr:
        await frontend.open("/config/integrations/dashboard/add?domain=nvr")
        await page.get_by_role("button", name="OK").click()
        form = page.locator("step-flow-form, dialog-data-entry-flow").first
        await page.locator("input[name=host]").fill(f"127.0.0.1:{nvr.http_port}")
        await page.locator("input[name=username]").fill(USER)
        await page.locator("input[name=password]").fill("wrong-pass-1")
        assert not RAW_KEY.findall(await frontend.words(form))
        await page.get_by_role("button", name="Submit").click()
        await expect(page.get_by_text("The NVR refused the user name or password.").first).to_be_visible()
        assert not RAW_KEY.findall(await frontend.words(form))
        assert await page.locator("input[name=host]").input_value() == f"127.0.0.1:{nvr.http_port}"
        await page.locator("input[name=password]").fill(PASSWORD)
        await page.get_by_role("button", name="Submit").click()
        await expect(page.get_by_placeholder("Barn")).to_be_visible()
        await page.get_by_role("button", name=re.compile("Finish|Skip and finish")).click()
        await expect(form).to_be_hidden()
        await remove_entry(frontend.home, "Barn")


async def remove_entry(home: Home, title: str) -> None:
    """Delete an NVR again; fails when it was not added."""
    client = HaClient(home.base)
    try:
        client.tokens = dict(home.tokens)
        await client.refresh()
        entries = await client.get_json("/api/config/config_entries/entry?domain=nvr")
        added = [entry["entry_id"] for entry in entries if entry["title"] == title]
        assert len(added) == 1
        await client.request("DELETE", f"/api/config/config_entries/entry/{added[0]}")
    finally:
        await client.close()


async def test_options_open_with_their_sections_in_words(frontend: Frontend) -> None:
    page = frontend.page
    await frontend.open("/config/integrations/integration/nvr")
    await page.get_by_role("button", name="Configure").first.click()
    menu = page.locator("dialog-data-entry-flow")
    entry = menu.get_by_text("Cameras, detections, streams, connection")
    await expect(entry).to_be_visible()
    words = await frontend.words(menu)
    assert {"What users may do", "Exceptions for single users"} <= set(words.splitlines())
    assert not RAW_KEY.findall(words)
    await entry.click()
    panels = page.locator("dialog-data-entry-flow ha-expansion-panel")
    await expect(panels).to_have_count(4)
    for closed in (2, 3):
        await panels.nth(closed).locator("#summary").click()
    await expect(page.get_by_role("spinbutton", name="Grace time")).to_be_visible()
    words = await frontend.words(page.locator("dialog-data-entry-flow"))
    lines = set(words.splitlines())
    assert {"NVR options", "Cameras", "Detections", "Streams", "Connection"} <= lines
    assert {"Channels to leave out", "Stream of the cameras", "Automatic", "RTSP transport"} <= lines
    assert not RAW_KEY.findall(words)
