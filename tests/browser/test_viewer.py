"""The media socket as a page uses it: Chromium's own decoder shows what came, and the painted time judges."""

import asyncio
from datetime import timedelta
import itertools
from pathlib import Path
from typing import Any

import pytest

from .frontend import Frontend
from .test_journeys import control

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]

FRAME = 0.1
SCRIPT = Path(__file__).with_name("viewer.js").read_text(encoding="utf-8")


async def sessions(frontend: Frontend, family: str) -> dict[str, int]:
    """Return what is open on the recorder."""
    found: dict[str, int] = (await control(frontend.home.nvrs[family], "/counters"))["rtsp"]["sessions_open"]
    return {kind: count for kind, count in found.items() if count}


@pytest.mark.parametrize("family", ["hikvision", "dahua"])
async def test_recording_is_shown_at_the_asked_moment_near_and_far_and_backwards(
    frontend: Frontend, family: str
) -> None:
    page = frontend.page
    await frontend.open("/nvr-demo/cameras")
    await page.locator("hui-picture-glance-card").first.wait_for()
    await page.add_script_tag(content=SCRIPT)
    cameras = await page.evaluate("() => viewer.ask('cameras', {})")
    title = frontend.home.nvrs[family].title
    names = set(frontend.home.nvrs[family].names)
    entries = {camera["nvr_id"] for camera in cameras}
    assert len(entries) == 2
    mine = [camera for camera in cameras if camera["name"] in names and camera["channel"] == 1]
    camera = await _camera_of(frontend, mine, family)
    now = await page.evaluate("() => Date.now() / 1000")
    start = now - timedelta(hours=3).total_seconds()
    values: dict[str, Any] = {"kind": "playback", "camera_id": camera["id"], "start": start}
    script = "async (values) => { window.stream = new viewer.Stream(); return stream.open(values); }"
    took = await page.evaluate(script, values)
    assert took < 5000, f"{title}: the first picture was painted after {took:.0f} ms"
    for moment in (start + 2.5, start + 3600.4, start - 7200.7, start - 7195.1, start + 30.3):
        shown = await page.evaluate("(moment) => stream.seek(moment)", moment)
        assert shown["time"] is not None
        assert -0.02 <= moment - shown["time"] / 1000 <= FRAME + 0.02, (moment, shown)
    pictures = await page.evaluate("(moment) => stream.reverse(moment, 6)", start + 30.3)
    painted = [picture["painted"] for picture in pictures if picture["painted"] is not None]
    assert all(a > b for a, b in itertools.pairwise(painted)), painted
    assert len(painted) > 20
    assert await page.evaluate("() => stream.errors") == []
    assert (await sessions(frontend, family)).get("playback", 0) <= 1
    await page.evaluate("() => stream.close()")
    async with asyncio.timeout(5):
        while (await sessions(frontend, family)).get("playback"):
            await asyncio.sleep(0.05)
    assert frontend.failed == []


async def _camera_of(frontend: Frontend, cameras: list[dict[str, Any]], family: str) -> dict[str, Any]:
    """Return the first camera of a family's NVR, by its entity."""
    wanted = set(frontend.home.nvrs[family].cameras)
    return next(camera for camera in cameras if camera["entity_id"] in wanted)
