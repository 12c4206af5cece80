"""A home with a guest whose rights are changed, for the walks along all ways to footage: see test_access_paths."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.auth.models import User
from homeassistant.components import media_source
from homeassistant.components.camera import Camera
from homeassistant.components.camera.helper import get_camera_from_entity_id
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.nvr.access_rules import AccessRules, Action, Rights
from custom_components.nvr.const import CONF_ACCESS, DOMAIN
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.media.exports.models import Clip
from custom_components.nvr.media_ids import ChannelId
from custom_components.nvr.playback_links import PlaybackLink

from .footage_helpers import MediaBrowser
from .recorders import Recorder

FRONT, DRIVE = "camera.front_door", "camera.driveway"
# The channel under test; the other stays free, so that lists are not empty for want of a recorder.
NUMBER = 1
# Home Assistant 2026.11 asks media sources for pictures.
HAS_IMAGES = hasattr(media_source, "MediaImage")
# How somebody can lose a right that was his.
LOSSES = ("rights", "entity permission", "deactivated", "removed")
# What Home Assistant refuses a person with, whichever way the question came.
NO = (Unauthorized, HomeAssistantError)


@dataclass
class Home:
    """A home with a recorder, a guest with Home Assistant's full permissions, and what others left behind."""

    hass: HomeAssistant
    nvr: Recorder
    entry: MockConfigEntry
    guest: User
    admin: User
    media: MediaBrowser
    client: TestClient[Any, Any]
    logged_in: dict[str, str]
    of_admin: PlaybackLink
    cursor: str = ""
    clips: dict[str, Clip] = field(default_factory=dict)

    @property
    def span(self) -> TimeSpan:
        """Ten minutes of two hours ago."""
        start = self.nvr.now().replace(microsecond=0, second=0) - timedelta(hours=2)
        return TimeSpan(start, start + timedelta(minutes=10))

    @property
    def camera(self) -> Camera:
        return get_camera_from_entity_id(self.hass, FRONT)

    @property
    def channel(self) -> ChannelId:
        return ChannelId(self.entry.entry_id, NUMBER)

    async def act(self, domain: str, action: str, user: User | None = None, **data: Any) -> Any:
        """Call an action as the guest, unless as somebody else."""
        context = Context(user_id=(user or self.guest).id)
        answers = domain == DOMAIN and action != "play_recording"
        return await self.hass.services.async_call(
            domain, action, data, blocking=True, return_response=answers, context=context
        )

    async def fetch(self, path: str, *, logged_in: bool = False) -> bool:
        headers = self.logged_in if logged_in else {}
        async with self.client.get(path, headers=headers) as response:
            assert response.status in {200, 403, 500}, (path, response.status)
            return response.status == 200 and len(await response.read()) > 0


type Walk = Callable[[Home], Awaitable[bool]]


async def done(waiting: Awaitable[Any]) -> Any:
    """Return what comes, None when it was refused."""
    try:
        return await waiting
    except NO:
        return None


def action(name: str, **data: Any) -> Callable[[Home], Awaitable[bool]]:
    async def walk(home: Home) -> bool:
        return bool(((await done(home.act(DOMAIN, name, entity_id=FRONT, **data))) or {}).get("cameras"))

    return walk


def give(home: Home, *actions: Action) -> None:
    """Let the guest do only this with the first channel, and everything with the second."""
    rights = Rights({action: None if action in actions else frozenset({2}) for action in Action})
    rules = AccessRules().with_user(home.guest.id, rights)
    home.hass.config_entries.async_update_entry(home.entry, options={CONF_ACCESS: rules.to_json()})


async def take_away(home: Home, loss: str) -> None:
    """Let the guest lose the first channel, in one of the LOSSES."""
    match loss:
        case "rights":
            give(home, Action.LIVE)
        case "entity permission":
            await home.hass.auth.async_update_user(home.guest, group_ids=[])
        case "deactivated":
            await home.hass.auth.async_update_user(home.guest, is_active=False)
        case "removed":
            await home.hass.auth.async_remove_user(home.guest)
