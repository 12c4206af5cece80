"""The system's Chromium without a screen: nothing of it leaves this machine, nothing of it stays."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
import shutil
import tempfile

from playwright.async_api import BrowserContext, ViewportSize, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
SIZE = ViewportSize(width=1280, height=800)


def program() -> str:
    """Return where Chromium is; fails with what to install."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    assert found is not None, "these tests need Chromium: apt-get install chromium fonts-dejavu-core"
    return found


@asynccontextmanager
async def chromium(*, time_zone: str = "Europe/Amsterdam") -> AsyncIterator[BrowserContext]:
    """Run it with a new, empty profile."""
    profile = Path(tempfile.mkdtemp(prefix="nvr-chromium-"))
    try:
        async with async_playwright() as playwright:
            context = await playwright.chromium.launch_persistent_context(
                profile,
                executable_path=program(),
                args=list(FLAGS),
                viewport=SIZE,
                device_scale_factor=1,
                locale="en-GB",
                timezone_id=time_zone,
                # Pages of Home Assistant's own that are older than its start must not be served from a cache.
                service_workers="block",
            )
            # A shared machine is slow at times; what never comes still fails.
            context.set_default_timeout(60_000)
            try:
                yield context
            finally:
                await context.close()
    finally:
        shutil.rmtree(profile, ignore_errors=True)
