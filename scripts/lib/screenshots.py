"""Take the pictures of the documentation: a demo instance by daylight, in Chromium."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
import io
from pathlib import Path
import re
import sys
import time
from typing import Any

import aiohttp
from PIL import Image
from playwright.async_api import ViewportSize

from scripts.demo_app.client import HaClient
from tests.browser.frontend import Frontend, Home, signed_in
from tests.browser.launch import OLDEST, running_home

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images"
# The first of three cameras is shown larger than the others.
CAMERAS = 3
LARGEST = 400_000
COLOURS, STRONG = 256, 64
# The clock of the NVR, and of everything else in the pictures.
HOUR = 13
# Left, top, right and bottom of what is shown of a window.
PART = {"config_flow": (340, 118, 940, 682)}
# Windows of another size than the usual one.
TALL = {"dashboard": ViewportSize(width=1280, height=900), "device": ViewportSize(width=1280, height=900)}
# How much later than its event a live picture is shown, and somebody has come into the middle.
LIVE_DELAY = timedelta(seconds=12)
# When somebody was seen, as hours of the day that is played.
DAYLIGHT = (10, 16)


def hours_east() -> int:
    """Return whole hours east of UTC where it is early afternoon now."""
    return (HOUR - datetime.now(UTC).hour + 12) % 24 - 12


def zone_name(hours: int) -> str:
    """Return the zone of a whole offset; the sign of these names is turned round."""
    return "UTC" if hours == 0 else f"Etc/GMT{-hours:+d}"


async def shoot(frontend: Frontend, name: str) -> None:
    """Write what the window shows, or the part of it that matters, in as few colours as do."""
    await frontend.page.wait_for_timeout(500)
    picture = Image.open(io.BytesIO(await frontend.page.screenshot())).convert("RGB").crop(PART.get(name))
    # Many colours are the video's; small spots of strong colour, icons that are on say, must stay what they are.
    common = picture.quantize(COLOURS - STRONG, method=Image.Quantize.MEDIANCUT).getpalette() or []
    strong = picture.quantize(STRONG, method=Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*common, *strong])
    small = picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    path = FOLDER / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    small.save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.relative_to(FOLDER.parents[1])}: {size} bytes", flush=True)
    if size > LARGEST:
        raise SystemExit(f"{path.name} is larger than {LARGEST} bytes")


async def ask(home: Home, work: Callable[[HaClient], Awaitable[Any]]) -> Any:
    """Use Home Assistant's public interface."""
    client = HaClient(home.base)
    client.tokens = home.tokens
    try:
        return await work(client)
    finally:
        await client.close()


async def dashboard(frontend: Frontend) -> None:
    """Show the cameras while somebody passes, and what happened before."""
    await frontend.open("/nvr-demo/cameras")
    cards = frontend.page.locator("hui-picture-glance-card")
    nvrs = list(frontend.home.nvrs.values())
    for number in range(CAMERAS * len(nvrs)):
        await frontend.picture(cards.nth(number), tag="VIDEO")

    async def somebody_everywhere(client: HaClient) -> bool:
        states = await client.states()
        first = [states[f"binary_sensor.{nvr.cameras[0].partition('.')[2]}_motion"] for nvr in nvrs]
        before = datetime.now(UTC) - LIVE_DELAY
        return all(one["state"] == "on" and datetime.fromisoformat(one["last_changed"]) < before for one in first)

    until = time.monotonic() + 420
    while time.monotonic() < until:
        logs = [await frontend.words(card) for card in await frontend.page.locator("hui-logbook-card").all()]
        if min(log.count("Events") for log in logs) >= 3 and await ask(frontend.home, somebody_everywhere):
            break
        await asyncio.sleep(1)
    await shoot(frontend, "dashboard")


async def media_browser(frontend: Frontend) -> None:
    """Play a day, at a moment when somebody was seen."""
    nvr = frontend.home.nvrs["hikvision"]
    page = frontend.page
    await frontend.open("/media-browser/browser")
    for title in ("NVR", nvr.title, nvr.names[0], "Yesterday"):
        await frontend.tile(title)
    await page.wait_for_url("**/*day%2F*")
    found = re.search(r"day%2F(\d{4}-\d\d-\d\d)", page.url)
    if found is None:
        raise SystemExit("the media browser shows no day")
    day = datetime.fromisoformat(found[1]).replace(tzinfo=UTC) - timedelta(hours=hours_east())
    moment = await ask(frontend.home, lambda client: _seen(client, nvr.cameras[0], day))
    await frontend.tile("All day")
    video = await frontend.player()
    await video.evaluate("(video, position) => eyes.seek(video, position)", (moment - day).total_seconds())
    await video.evaluate("(video) => video.play()")
    handle = await video.element_handle()
    position = (moment - day).total_seconds()
    await page.wait_for_function(f"(video) => video.currentTime > {position + 2}", arg=handle)
    # The controls show while the mouse moves over them.
    box = await video.bounding_box()
    if box is not None:
        await page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] - 40)
        await page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] - 60)
    await shoot(frontend, "media_browser")


async def _seen(client: HaClient, camera: str, day: datetime) -> datetime:
    """Return when something moved before the camera by daylight."""
    span = {
        "start": (day + timedelta(hours=DAYLIGHT[0])).isoformat(),
        "end": (day + timedelta(hours=DAYLIGHT[1])).isoformat(),
    }
    answer = await client.call_action("nvr", "search_recordings", {"entity_id": camera, "kinds": ["motion"], **span})
    segments = next(iter(answer["cameras"].values()))["segments"]
    # A file begins some seconds before what it was recorded for; the middle of the afternoon looks best.
    chosen = segments[len(segments) * 2 // 3]
    return datetime.fromisoformat(chosen["start"]) + timedelta(seconds=11)


async def tiles_shown(frontend: Frontend, least: int) -> None:
    """Wait until so many tiles show a picture, and none is still being fetched."""
    script = """(least) => {
      const walk = (root) => [...root.querySelectorAll("*")].flatMap((each) =>
        [each, ...(each.shadowRoot ? walk(each.shadowRoot) : [])]);
      const tiles = walk(document).filter((each) => each.classList?.contains("image"));
      return tiles.filter((each) => each.style.backgroundImage.startsWith("url")).length >= least;
    }"""
    await frontend.page.wait_for_function(script, arg=least, polling=500)
    # The mouse still stands where a tile was clicked.
    await frontend.page.mouse.move(600, 790)
    # What was asked for first is made last.
    await frontend.page.wait_for_timeout(20_000)


async def recordings(frontend: Frontend) -> None:
    """Show the hours of a day, each with its picture."""
    nvr = frontend.home.nvrs["hikvision"]
    await frontend.open("/media-browser/browser")
    for title in ("NVR", nvr.title, nvr.names[0], "Yesterday", "12:00"):
        await frontend.tile(title)
    await tiles_shown(frontend, 15)
    await shoot(frontend, "recordings")


async def clips(frontend: Frontend) -> None:
    """Have clips made, and show where they are."""
    names = {"hikvision": ("The parcel", "The neighbour's cat"), "dahua": ("Who parked there",)}
    await ask(frontend.home, lambda client: _export(client, frontend.home, names))
    await frontend.open("/media-browser/browser")
    for title in ("NVR", "Clips"):
        await frontend.tile(title)
    await tiles_shown(frontend, 3)
    await shoot(frontend, "clips")


async def _export(client: HaClient, home: Home, names: dict[str, tuple[str, ...]]) -> None:
    """Have a clip made of each name, and wait for all."""
    noon = datetime.now(UTC).replace(minute=5, second=0, microsecond=0) - timedelta(hours=24)
    async with client.websocket() as socket:
        done = await socket.subscribe("nvr_export_finished")
        failed = await socket.subscribe("nvr_export_failed")
        for family, titles in names.items():
            for number, title in enumerate(titles):
                start = (noon + timedelta(minutes=7 * number)).isoformat()
                data = {"entity_id": home.nvrs[family].cameras[0], "start": start, "duration": 20}
                await client.call_action("nvr", "export_recording", {**data, "title": title})
        until = time.monotonic() + 200
        while done.qsize() < sum(map(len, names.values())):
            if not failed.empty() or time.monotonic() > until:
                raise SystemExit(
                    f"the clips are not made: {failed.get_nowait() if failed.qsize() else 'it takes too long'}"
                )
            await asyncio.sleep(0.5)


async def config_flow(frontend: Frontend) -> None:
    """Show the one form that is needed."""
    page = frontend.page
    await frontend.open("/config/integrations/dashboard/add?domain=nvr")
    await page.get_by_role("button", name="OK").click()
    await page.locator("input[name=host]").fill("192.168.1.10")
    await page.locator("input[name=username]").fill("homeassistant")
    await page.locator("input[name=password]").fill("nvr-test-pass")
    await page.get_by_text("Brand, channels and everything else").first.click()
    await shoot(frontend, "config_flow")


async def device(frontend: Frontend) -> None:
    """Show the page of an NVR itself, with its cameras."""
    nvr = frontend.home.nvrs["dahua"]
    await frontend.open(f"/config/devices/device/{nvr.device_id}")
    await frontend.page.get_by_text("Connectivity").first.wait_for()
    # Somebody tried a wrong password on it.
    async with aiohttp.ClientSession() as session:
        address = f"http://127.0.0.1:{nvr.control_port}/event"
        async with session.post(address, json={"code": "LoginFailure", "channel": 1, "action": "Pulse"}) as answer:
            answer.raise_for_status()
    await frontend.page.get_by_text("Refused logins").first.wait_for()
    await shoot(frontend, "device")


SHOTS = {shot.__name__: shot for shot in (dashboard, media_browser, recordings, clips, config_flow, device)}


async def take(home: Home, names: list[str], zone: str) -> None:
    """Take the pictures, each in a new browser."""
    for name in names:
        async with signed_in(home, time_zone=zone) as frontend:
            if name in TALL:
                await frontend.page.set_viewport_size(TALL[name])
            await SHOTS[name](frontend)


def main(names: list[str]) -> None:
    """Run the command line."""
    unknown = sorted(set(names) - set(SHOTS))
    if unknown:
        raise SystemExit(f"no such picture: {', '.join(unknown)}; there are: {', '.join(SHOTS)}")
    zone = zone_name(hours_east())
    zone_words = ("--utc-offset", str(hours_east() * 60), "--no-dst")
    simulator = ("--detect", "--incidents", "30", "--sub-size", "640x360", *zone_words)
    words = [f"--simulator={word}" for word in simulator]
    with running_home(OLDEST, "--channels", str(CAMERAS), "--time-zone", zone, *words) as home:
        asyncio.run(take(home, names or list(SHOTS), zone))


if __name__ == "__main__":
    main(sys.argv[1:])
