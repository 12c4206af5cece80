"""A recorder and somebody at the media browser: what the tests of it share."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.auth.models import User
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from tests.simulators.hikvision import HikvisionSimulator

from .conftest import StartSimulator, make_entry, set_up
from .footage_helpers import MediaBrowser, token_of

type Client = TestClient[Any, Any]
type Browser = Callable[..., Awaitable[MediaBrowser]]


@pytest.fixture(name="browser")
async def browser_fixture(hass: HomeAssistant, hass_ws_client: WebSocketGenerator) -> Browser:
    """Open the media browser, as the administrator or as somebody else."""
    assert await async_setup_component(hass, "media_source", {})
    assert await async_setup_component(hass, "nvr", {})

    async def login(user: User | None = None) -> MediaBrowser:
        if user is None:
            return MediaBrowser(await hass_ws_client(hass))
        return MediaBrowser(await hass_ws_client(hass, await token_of(hass, user)))

    return login


@pytest.fixture(name="client")
async def client_fixture(hass: HomeAssistant, browser: Browser, hass_client_no_auth: ClientSessionGenerator) -> Client:
    """Somebody who sends no login, as players do."""
    return await hass_client_no_auth()


async def recorder(
    hass: HomeAssistant, start_simulator: StartSimulator, **options: object
) -> tuple[HikvisionSimulator, MockConfigEntry]:
    simulator = await start_simulator(**{"channels": 2, "rtsp": True, **options})
    simulator.rtsp.faults.delivery = 20.0
    entry = make_entry(simulator)
    await set_up(hass, entry)
    return simulator, entry
