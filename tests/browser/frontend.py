"""Home Assistant's page in Chromium, used and looked at as a person does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import json
from pathlib import Path
import time
from typing import Any

from playwright.async_api import Locator, Page, Response

from tests.simulators.video.timecode import TIMECODE_JS

from .chromium import chromium

EYES = f"{TIMECODE_JS}\nwindow.readTimecode = readTimecode;\n{Path(__file__).with_name('eyes.js').read_text()}"


@dataclass(frozen=True)
class HomeNvr:
    """One NVR of a demo instance: its cameras' entities and names by channel, and where it is steered."""

    title: str
    device_id: str
    cameras: list[str]
    names: list[str]
    control_port: int


@dataclass(frozen=True)
class Home:
    """A running demo instance: what tests.browser.home tells of it, and when that was (seconds since 1970)."""

    base: str
    tokens: dict[str, Any]
    nvrs: dict[str, HomeNvr]
    since: float = field(default_factory=time.time)

    @property
    def session(self) -> str:
        """What the page keeps of a signed-in user, as JSON."""
        expires = int((self.since + self.tokens["expires_in"]) * 1000)
        known = {"hassUrl": self.base, "clientId": f"{self.base}/", "expires": expires}
        return json.dumps({**self.tokens, **known})


class Frontend:
    """One signed-in page."""

    def __init__(self, page: Page, home: Home) -> None:
        self.page = page
        self.home = home
        self.failed: list[str] = []
        page.on("response", self._look)

    def _look(self, response: Response) -> None:
        # The frontend's player asks HA's live playlists for parts that are still to come and is told so by a 400.
        ahead = "_HLS_msn=" in response.url
        # Logos of HA's own integrations come from the internet.
        logo = "/api/brands/" in response.url and "/nvr/" not in response.url
        if response.status >= 400 and not ahead and not logo:
            self.failed.append(f"{response.status} {response.url}")

    async def open(self, path: str) -> None:
        """Open a path of the instance."""
        await self.page.goto(f"{self.home.base}{path}")

    async def words(self, locator: Locator) -> str:
        """Return all text of an element, shadow roots included, in lines."""
        return str(await locator.evaluate("(element) => eyes.words(element)"))

    async def picture(self, locator: Locator, *, after: float = 0, tag: str | None = None) -> dict[str, Any]:
        """Wait until an element shows a time code later than `after` (ms since 1970); return channel, time and tag."""
        handle = await locator.element_handle()
        found = await self.page.wait_for_function(
            """([element, after, tag]) => {
              const code = eyes.picture(element);
              return code && code.time > after && (!tag || code.tag === tag) ? code : null;
            }""",
            arg=[handle, after, tag],
            polling=100,
        )
        code: dict[str, Any] = await found.json_value()
        return code

    async def tile(self, title: str) -> None:
        """Click the first tile of the media browser whose title begins so."""
        tile = self.page.locator("ha-media-player-browse ha-card .title", has_text=title).first
        await tile.click()

    async def player(self) -> Locator:
        """Return the video of the media browser's player, once it shows something."""
        video = self.page.locator("ha-hls-player video")
        await video.wait_for()
        await self.page.wait_for_function(
            "(video) => video.readyState >= 2 && readTimecode(video)", arg=await video.element_handle(), polling=100
        )
        return video


@asynccontextmanager
async def signed_in(home: Home, *, time_zone: str = "Europe/Amsterdam") -> AsyncIterator[Frontend]:
    """Open a browser whose user is signed in."""
    async with chromium(time_zone=time_zone) as context:
        await context.add_init_script(EYES)
        # Once per browser: the page itself renews what it keeps.
        keep = f"if (!localStorage.hassTokens) localStorage.hassTokens = {json.dumps(home.session)};"
        await context.add_init_script(keep)
        yield Frontend(context.pages[0], home)
