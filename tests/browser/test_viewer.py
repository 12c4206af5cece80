"""The media socket as a page uses it: Chromium's own decoder shows what came, and the painted time judges."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest

from .frontend import Frontend
from .test_journeys import control

pytestmark = pytest.mark.timeout(400)

# One frame of the simulated cameras, and what a moment is rounded to.
FRAME = 0.1 + 0.02
FAMILIES = ("hikvision", "dahua")
OPEN = "async (values) => { window.stream = new viewer.Stream(); return stream.open(values); }"
SCRIPT = Path(__file__).with_name("viewer.js").read_text(encoding="utf-8")


async def sessions(frontend: Frontend, family: str) -> dict[str, int]:
    """Return what is open on the recorder."""
    found: dict[str, int] = (await control(frontend.home.nvrs[family], "/counters"))["rtsp"]["sessions_open"]
    return {kind: count for kind, count in found.items() if count}


async def page_of(frontend: Frontend) -> list[dict[str, Any]]:
    """Open a page of Home Assistant, make it a viewer, and return the cameras it is told of."""
    await frontend.open("/nvr-demo/cameras")
    await frontend.page.locator("hui-picture-glance-card").first.wait_for()
    await frontend.page.add_script_tag(content=SCRIPT)
    cameras: list[dict[str, Any]] = await frontend.page.evaluate("() => viewer.ask('cameras', {})")
    assert len({camera["nvr_id"] for camera in cameras}) == len(FAMILIES)
    return cameras


def first_of(frontend: Frontend, cameras: list[dict[str, Any]], family: str) -> str:
    """Return the id of the first camera of a family's NVR."""
    wanted = frontend.home.nvrs[family].cameras[0]
    return str(next(camera["id"] for camera in cameras if camera["entity_id"] == wanted))


async def hours_ago(frontend: Frontend, hours: float) -> float:
    """Return a moment by the page's own clock."""
    return float(await frontend.page.evaluate("() => Date.now() / 1000")) - hours * 3600


async def judge(frontend: Frontend, *moments: float) -> None:
    """Jump to moments, and compare the painted times with them."""
    for moment in moments:
        shown = await frontend.page.evaluate("(moment) => stream.seek(moment)", moment)
        assert shown["time"] is not None
        assert abs(moment - shown["time"] / 1000) <= FRAME, (moment, shown)


async def left(frontend: Frontend, family: str) -> None:
    """Close the page's stream, and wait until the recorder has its session back."""
    assert await frontend.page.evaluate("() => stream.errors") == []
    assert (await sessions(frontend, family)).get("playback", 0) <= 1
    await frontend.page.evaluate("() => stream.close()")
    async with asyncio.timeout(20):
        while (await sessions(frontend, family)).get("playback"):
            await asyncio.sleep(0.05)


async def test_recordings_of_both_families_are_shown_at_the_asked_moment(frontend: Frontend) -> None:
    cameras = await page_of(frontend)
    start = await hours_ago(frontend, 3)
    for family in FAMILIES:
        camera = first_of(frontend, cameras, family)
        await frontend.page.evaluate(OPEN, {"kind": "playback", "camera_id": camera, "start": start})
        await judge(frontend, start - 7200.7, start + 30.3)
        await left(frontend, family)
    assert frontend.failed == []


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
async def test_recording_is_shown_at_any_moment_near_and_far_and_backwards(frontend: Frontend, family: str) -> None:
    camera = first_of(frontend, await page_of(frontend), family)
    start = await hours_ago(frontend, 3)
    await frontend.page.evaluate(OPEN, {"kind": "playback", "camera_id": camera, "start": start})
    await judge(frontend, start + 2.5, start + 3600.4, start - 7200.7, start - 7195.1, start + 30.3)
    pictures = await frontend.page.evaluate("(moment) => stream.reverse(moment, 6)", start + 30.3)
    painted = [picture["painted"] for picture in pictures if picture["painted"] is not None]
    assert all(a > b for a, b in itertools.pairwise(painted)), painted
    assert len(painted) > 20
    await left(frontend, family)
    assert frontend.failed == []


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
async def test_live_is_shown_and_goes_on(frontend: Frontend, family: str) -> None:
    camera = first_of(frontend, await page_of(frontend), family)
    await frontend.page.evaluate(OPEN, {"kind": "live", "camera_id": camera})
    await frontend.page.evaluate("() => stream.video.play()")
    first = await frontend.page.evaluate("() => readTimecode(stream.video)")
    assert first["channel"] == 1
    await frontend.page.wait_for_function(
        "(time) => readTimecode(stream.video)?.time > time", arg=first["time"] + 2000, polling=100
    )
    assert await frontend.page.evaluate("() => stream.errors") == []
    # The page's own cards watch live, too: ask who is listed.
    listed = "async () => (await viewer.ask('sessions', {})).sessions.map((one) => one.session_id)"
    mine = await frontend.page.evaluate("() => stream.opened.session_id")
    assert mine in await frontend.page.evaluate(listed)
    await frontend.page.evaluate("() => stream.close()")
    async with asyncio.timeout(20):
        while mine in await frontend.page.evaluate(listed):
            await asyncio.sleep(0.05)
