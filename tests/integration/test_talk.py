"""Speaking through cameras with an action: what is heard, who may, and that nothing is left open."""

import asyncio
from pathlib import Path
from typing import Any

from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.auth.models import User
from homeassistant.components import camera as camera_component
from homeassistant.components.camera.helper import get_camera_from_entity_id
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.nvr.access_rules import AccessRules, Action, Rights
from custom_components.nvr.audit_rows import AuditFilter
from custom_components.nvr.const import CONF_ACCESS, CONF_TWO_WAY_AUDIO, DOMAIN
from custom_components.nvr.shared import shared
from tests.simulators.loudspeaker import Loudspeaker, tones
from tests.simulators.tone import beeps

from .conftest import StartSimulator, make_entry, set_up, until
from .happenings import second_family_slow
from .recorders import Recorder

FRONT, DUMB = "camera.front_door", "camera.driveway"
SHORT, LONG = "short.wav", "long.wav"
PITCHES = (600, 1300)


@pytest.fixture
async def nvr(hass: HomeAssistant, start_simulator: StartSimulator) -> Recorder:
    """A recorder with a camera that can be spoken through and one that cannot; sounds in the media folder."""
    folder = Path(hass.config.path("sounds"))

    def write() -> None:
        folder.mkdir()
        (folder / SHORT).write_bytes(beeps(PITCHES, seconds=0.3))
        (folder / LONG).write_bytes(beeps(PITCHES, seconds=15.0))
        (folder / "no_sound.mp3").write_bytes(b"nothing of the kind")

    await hass.async_add_executor_job(write)
    hass.config.media_dirs = {"local": str(folder)}
    assert await async_setup_component(hass, "media_source", {})
    simulator: Recorder = await start_simulator(channels=2, rtsp=True)
    return simulator


def speaker_of(nvr: Recorder) -> Loudspeaker:
    return nvr.device.speakers[1]


async def speak(hass: HomeAssistant, sound: str = SHORT, user: User | None = None, **data: Any) -> None:
    values = {"entity_id": FRONT, "media_content_id": f"media-source://media_source/local/{sound}", **data}
    context = Context(user_id=user.id if user else None)
    await hass.services.async_call(DOMAIN, "speak", values, blocking=True, context=context)


async def quiet(nvr: Recorder) -> None:
    await until(lambda: speaker_of(nvr).talker is None and not nvr.rtsp.sessions)


async def talking(hass: HomeAssistant, nvr: Recorder, user: User | None = None) -> asyncio.Task[None]:
    """Begin to say something long, and wait until it is heard."""
    task = asyncio.ensure_future(speak(hass, LONG, user))
    await until(lambda: speaker_of(nvr).heard or task.done())
    assert not task.done(), task.exception()
    return task


@second_family_slow
async def test_a_camera_says_what_it_is_given(hass: HomeAssistant, nvr: Recorder) -> None:
    entry = make_entry(nvr)
    await set_up(hass, entry)
    await speak(hass)
    assert tones(speaker_of(nvr).samples()) == list(PITCHES)
    assert speaker_of(nvr).lost == 0
    await quiet(nvr)
    page = await shared(hass).audit.async_query(AuditFilter(kinds=frozenset({"talked"})), limit=9)
    (row,) = page.rows
    assert (row["channel"], row["action"], row["entity_id"]) == (1, "talk", FRONT)


async def test_only_who_may_speaks_and_only_as_long(hass: HomeAssistant, nvr: Recorder) -> None:
    await hass.auth.async_create_user("owner")
    user = await hass.auth.async_create_user("guest", group_ids=[GROUP_ID_USER])
    entry = make_entry(nvr)
    await set_up(hass, entry)

    def give(*actions: Action) -> None:
        rules = AccessRules().with_user(user.id, Rights(dict.fromkeys(actions)))
        hass.config_entries.async_update_entry(entry, options={CONF_ACCESS: rules.to_json()})

    give(Action.LIVE, Action.PLAYBACK, Action.EXPORT, Action.PTZ, Action.SETTINGS)
    with pytest.raises(Unauthorized):
        await speak(hass, user=user)
    assert speaker_of(nvr).talks == 0
    give(Action.TALK)
    task = await talking(hass, nvr, user)
    give(Action.LIVE)
    with pytest.raises(HomeAssistantError, match="broken off"):
        await task
    await quiet(nvr)


@second_family_slow
async def test_one_talker_at_a_time_and_an_unload_ends_him(hass: HomeAssistant, nvr: Recorder) -> None:
    entry = make_entry(nvr)
    await set_up(hass, entry)
    first = await talking(hass, nvr)
    with pytest.raises(HomeAssistantError, match="Somebody else is speaking"):
        await speak(hass)
    second = asyncio.ensure_future(speak(hass, LONG, take_over=True))
    with pytest.raises(HomeAssistantError, match="broken off"):
        await first
    await until(lambda: speaker_of(nvr).talks == 2)
    assert await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(HomeAssistantError, match="broken off"):
        await second
    await quiet(nvr)


async def test_somebody_else_at_the_camera_is_told(hass: HomeAssistant, nvr: Recorder) -> None:
    await set_up(hass, make_entry(nvr))
    speaker_of(nvr).talker = "another app"
    with pytest.raises(HomeAssistantError, match="Somebody else is speaking through Front door"):
        await speak(hass)
    assert speaker_of(nvr).talker == "another app"


async def test_what_cannot_be_said_or_nowhere_is_told_in_words(hass: HomeAssistant, nvr: Recorder) -> None:
    await set_up(hass, make_entry(nvr))
    with pytest.raises(HomeAssistantError, match="Driveway has no loudspeaker"):
        await speak(hass, entity_id=DUMB)
    with pytest.raises(HomeAssistantError, match="no sound"):
        await speak(hass, "no_sound.mp3")
    for wrong in ("media-source://media_source/local/missing.wav", "http://127.0.0.1/x.mp3", "media-source://nvr/1"):
        with pytest.raises(ServiceValidationError, match="no sound"):
            await speak(hass, media_content_id=wrong)
    assert speaker_of(nvr).talks == 0
    # What failed keeps nobody from speaking.
    await speak(hass)
    assert speaker_of(nvr).talks == 1


async def test_the_live_view_offers_a_microphone_only_where_the_user_wants_it(
    hass: HomeAssistant, nvr: Recorder
) -> None:
    entry: MockConfigEntry = make_entry(nvr)
    await set_up(hass, entry)
    has_preview = hasattr(camera_component, "CameraEntityCapabilities")
    for wanted in (False, True):
        hass.config_entries.async_update_entry(entry, options={CONF_TWO_WAY_AUDIO: True} if wanted else {})
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done()
        found = getattr(get_camera_from_entity_id(hass, FRONT), "camera_entity_capabilities", None)
        assert (found is not None and found.two_way_audio) is (wanted and has_preview)
