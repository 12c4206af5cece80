"""A page with the hls.js that Home Assistant bundles, in Chromium, fed by the engine from a simulated recorder."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
import shutil
import time
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright
import pytest

from custom_components.nvr.core.errors import NvrBusyError, NvrError, NvrNotFoundError, NvrUnsupportedError
from custom_components.nvr.media.engine import Playback
from custom_components.nvr.media.hls import parse_name
from tests.browser.launch import OLDEST, environment_of
from tests.contract.media.rig import START, Rig
from tests.simulators.video.timecode import TIMECODE_JS

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def sockets(socket_enabled: None) -> None:
    """Lift the ban on sockets."""


@pytest.fixture(scope="session")
def hls_chunk() -> Path:
    """Return the piece of Home Assistant's frontend that is hls.js: exactly what its users have."""
    bundle = next(environment_of(OLDEST).glob("lib/python3*/site-packages/hass_frontend/frontend_latest"))
    return next(path for path in sorted(bundle.glob("*.js")) if b"hlsFragLoading" in path.read_bytes())


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Run the system's Chromium, without a screen."""
    program = next((found for name in _CHROMIUM if (found := shutil.which(name))), None)
    assert program is not None, "these tests need Chromium: apt-get install chromium"
    flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-dev-shm-usage"]
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=program, args=flags)
        try:
            yield chromium
        finally:
            await chromium.close()


@dataclass
class Viewer:
    """One page that plays, and what it asked for."""

    page: Page
    playback: Playback
    requests: list[tuple[float, str, int]] = field(default_factory=list)

    async def start(self, position: float = 0.0) -> None:
        """Load the recording; do not wait for a picture."""
        await self.page.evaluate("(position) => player.start(position)", position)

    async def picture(self, seconds: float = 20.0) -> dict[str, Any]:
        """Wait for the first picture."""
        await self.page.wait_for_function(
            "() => document.getElementById('video').readyState >= 2 && player.shown().time", timeout=seconds * 1000
        )
        return await self.shown()

    async def shown(self) -> dict[str, Any]:
        """Return position and painted time of what is on the screen."""
        found: dict[str, Any] = await self.page.evaluate("() => player.shown()")
        return found

    async def seek(self, position: float) -> dict[str, Any]:
        """Seek, and return what is shown then: `took` (ms), `at` (s), `time` (ms) and the requests made by then."""
        before = len(self.requests)
        async with asyncio.timeout(30):
            found: dict[str, Any] = await self.page.evaluate("(position) => player.seek(position)", position)
        found["requests"] = [name for _, name, _ in self.requests[before:]]
        return found

    async def passed(self, position: float, seconds: float = 15.0) -> None:
        """Wait until it has played beyond a position."""
        script = "(position) => document.getElementById('video').currentTime > position"
        await self.page.wait_for_function(script, arg=position, timeout=seconds * 1000)

    async def run(self, script: str) -> Any:
        """Run a script in the page."""
        return await self.page.evaluate(script)

    def counts(self, since: int = 0) -> Counter[str]:
        """Return how often each name was asked for."""
        return Counter(name for _, name, _ in self.requests[since:])


def late(found: dict[str, Any], playback: Playback) -> float:
    """Return by how many seconds the shown frame is older than the position; at most one frame when all is well."""
    assert found["time"] is not None, "no time code on the screen"
    painted = float(found["time"]) / 1000
    return float(found["at"]) - (painted - playback.span.start.timestamp())


def _status(err: NvrError) -> int:
    if isinstance(err, NvrNotFoundError | NvrUnsupportedError):
        return 404
    return 503 if isinstance(err, NvrBusyError) else 502


def _server(viewer_of: Callable[[], Viewer], chunk: Path) -> web.Application:
    """Serve the page, and a playback as the integration's views do."""

    async def vod(request: web.Request) -> web.Response:
        viewer = viewer_of()
        name = request.match_info["name"]
        playback = viewer.playback
        kind = "application/vnd.apple.mpegurl" if name.endswith("m3u8") else "video/mp4"
        status, body = 200, b""
        try:
            file = parse_name(name)
            assert file is not None
            match file.kind:
                case "master":
                    body = (await playback.master_playlist()).encode()
                case "media":
                    body = (await playback.media_playlist(file.variant)).encode()
                case "init":
                    body = await playback.init_segment(file.variant)
                case "segment":
                    viewer.requests.append((time.monotonic(), name, 0))
                    body = await playback.segment(file.index, file.variant)
        except NvrError as err:
            status = _status(err)
        if not name.startswith("s"):
            viewer.requests.append((time.monotonic(), name, status))
        return web.Response(status=status, body=body, content_type=kind, headers={"Cache-Control": "no-store"})

    def static(body: bytes, kind: str) -> Callable[[web.Request], Any]:
        async def serve(_: web.Request) -> web.Response:
            return web.Response(body=body, content_type=kind)

        return serve

    app = web.Application()
    app.router.add_get("/", static(Path(__file__).with_name("player.html").read_bytes(), "text/html"))
    app.router.add_get("/hls.js", static(chunk.read_bytes(), "text/javascript"))
    app.router.add_get("/timecode.js", static(TIMECODE_JS.encode(), "text/javascript"))
    app.router.add_get("/vod/{name}", vod)
    return app


@asynccontextmanager
async def viewing(browser: Browser, chunk: Path, playback: Playback) -> AsyncIterator[Viewer]:
    """Open a page on a playback."""
    viewers: list[Viewer] = []
    runner = web.AppRunner(_server(lambda: viewers[0], chunk), handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    page = await browser.new_page()
    try:
        viewers.append(Viewer(page, playback))
        await page.goto(f"http://127.0.0.1:{runner.addresses[0][1]}/")
        await page.wait_for_function("() => window.player?.ready")
        yield viewers[0]
    finally:
        await page.close()
        await runner.cleanup()


type View = Callable[[Playback], AbstractAsyncContextManager[Viewer]]


@pytest.fixture
def view(browser: Browser, hls_chunk: Path) -> View:
    """Return what opens a page on a playback."""
    return lambda playback: viewing(browser, hls_chunk, playback)


__all__ = ["START", "Rig", "View", "Viewer", "late"]
