"""A recorder with two channels, and actions called by somebody: what the tests of actions share."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from homeassistant.auth.models import User
from homeassistant.components.media_player import MediaPlayerEntityFeature
from homeassistant.core import Context, HomeAssistant
import pytest

from custom_components.nvr.const import DOMAIN
from tests.simulators.footage import Kind, RecordedFile
from tests.simulators.hikvision import HikvisionSimulator

from .conftest import StartSimulator, make_entry, set_up

FRONT, DRIVE = "camera.front_door", "camera.driveway"
type Call = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(name="nvr")
async def nvr_fixture(hass: HomeAssistant, start_simulator: StartSimulator) -> HikvisionSimulator:
    """A recorder with two channels, set up."""
    simulator: HikvisionSimulator = await start_simulator(channels=2, rtsp=True)
    simulator.rtsp.faults.delivery = 20.0
    await set_up(hass, make_entry(simulator))
    return simulator


@pytest.fixture(name="call")
def call_fixture(hass: HomeAssistant) -> Call:
    for name in ("media_player.tv", "media_player.hall"):
        hass.states.async_set(name, "idle", {"supported_features": MediaPlayerEntityFeature.PLAY_MEDIA})

    async def call(action: str, user: User | None = None, **data: Any) -> dict[str, Any]:
        context = Context(user_id=user.id if user else None)
        answer = await hass.services.async_call(
            DOMAIN, action, data, blocking=True, return_response=True, context=context
        )
        assert isinstance(answer, dict)
        return answer

    return call


def yesterday(nvr: HikvisionSimulator, hour: int) -> datetime:
    """Return an hour of the recorder's yesterday."""
    start: datetime = nvr.clock.day_start(nvr.clock.date_of(nvr.now()) - timedelta(days=1))
    return start + timedelta(hours=hour)


def files(nvr: HikvisionSimulator, channel: int, start: datetime, end: datetime, *kinds: Kind) -> list[RecordedFile]:
    """Return what the recorder holds, by its own word."""
    return nvr.footage.files(channel, start, end, kinds or None)


def starts(answer: dict[str, Any], entity_id: str) -> list[datetime]:
    return [datetime.fromisoformat(item["start"]) for item in answer["cameras"][entity_id]["segments"]]


def whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
