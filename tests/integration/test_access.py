"""The one gate: who may do what with which channel."""

from homeassistant.auth.const import GROUP_ID_ADMIN, GROUP_ID_READ_ONLY, GROUP_ID_USER
from homeassistant.auth.models import User
from homeassistant.auth.permissions.types import PolicyType
from homeassistant.components.http import KEY_HASS_USER
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.exceptions import Unauthorized, UnknownUser
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.http import current_request
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.nvr.access import Action, asking_user, authorize, is_content_user, require, user_of
from custom_components.nvr.const import EVENT_DETECTION

from .conftest import StartSimulator, events_up, make_entry, set_up, until
from .footage_helpers import READ, person

SEES = {Action.LIVE, Action.PLAYBACK}
ALL = set(Action)


@pytest.fixture(name="entry")
async def entry_fixture(hass: HomeAssistant, start_simulator: StartSimulator) -> MockConfigEntry:
    entry = make_entry(await start_simulator(channels=2))
    await set_up(hass, entry)
    return entry


def allowed(hass: HomeAssistant, user: User | None, entry: MockConfigEntry, channel: int | None = 1) -> set[Action]:
    return {action for action in Action if authorize(hass, user, action, entry, channel)}


@pytest.mark.parametrize(
    ("policy", "first", "second"),
    [
        ({"entities": True}, ALL, ALL),
        ({"entities": {"all": READ}}, SEES, SEES),
        ({"entities": {"domains": {"camera": READ}}}, SEES, SEES),
        ({"entities": {"entity_ids": {"camera.front_door": READ}}}, SEES, set()),
        ({"entities": {"entity_ids": {"camera.front_door": True}}}, ALL, set()),
        (
            {"entities": {"entity_ids": {"camera.front_door": {"read": True, "control": True}}}},
            {*SEES, Action.PTZ, Action.EXPORT, Action.TALK},
            set(),
        ),
        ({"entities": {"domains": {"light": True}}}, set(), set()),
        ({}, set(), set()),
    ],
)
async def test_right_to_a_channel_is_the_right_to_its_camera(
    hass: HomeAssistant, entry: MockConfigEntry, policy: PolicyType, first: set[Action], second: set[Action]
) -> None:
    user = await person(hass, policy)
    assert allowed(hass, user, entry, 1) == first
    assert allowed(hass, user, entry, 2) == second
    assert allowed(hass, user, entry, 3) == set()


async def test_right_to_the_recorder_as_a_whole_is_an_administrators(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    user = await person(hass, {"entities": True})
    assert allowed(hass, user, entry, None) == set()
    admin = await hass.auth.async_create_user("admin", group_ids=[GROUP_ID_ADMIN])
    assert allowed(hass, admin, entry, None) == ALL
    assert allowed(hass, admin, entry, 1) == ALL
    assert allowed(hass, None, entry, None) == ALL


@pytest.mark.parametrize(("group", "actions"), [(GROUP_ID_USER, ALL), (GROUP_ID_READ_ONLY, SEES)])
async def test_groups_of_home_assistant_count(
    hass: HomeAssistant, entry: MockConfigEntry, group: str, actions: set[Action]
) -> None:
    await hass.auth.async_create_user("owner")
    user = await hass.auth.async_create_user("somebody", group_ids=[group])
    assert allowed(hass, user, entry) == actions


async def test_deactivated_user_may_do_nothing(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    await hass.auth.async_create_user("owner")
    admin = await hass.auth.async_create_user("admin", group_ids=[GROUP_ID_ADMIN])
    await hass.auth.async_deactivate_user(admin)
    assert allowed(hass, admin, entry) == set()


async def test_user_of_anonymous_links_proves_nothing(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    content = next(user for user in await hass.auth.async_get_users() if is_content_user(user))
    assert content.permissions.check_entity("camera.front_door", "read")
    assert allowed(hass, content, entry) == set()


async def test_camera_that_is_disabled_is_an_administrators(
    hass: HomeAssistant, entry: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    user = await person(hass, {"entities": True})
    entity_registry.async_update_entity("camera.front_door", disabled_by=er.RegistryEntryDisabler.USER)
    await hass.async_block_till_done()
    await hass.config_entries.async_reload(entry.entry_id)
    assert allowed(hass, user, entry, 1) == set()
    assert allowed(hass, user, entry, 2) == ALL


async def test_recorder_that_is_not_set_up_is_an_administrators(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    user = await person(hass, {"entities": True})
    await hass.config_entries.async_unload(entry.entry_id)
    assert allowed(hass, user, entry) == set()
    with pytest.raises(Unauthorized):
        require(hass, user, Action.LIVE, entry, 1, via="test")


async def test_refusal_names_user_camera_and_right(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    user = await person(hass, {})
    with pytest.raises(Unauthorized) as refusal:
        require(hass, user, Action.PTZ, entry, 1, via="test", context=Context(user_id=user.id))
    assert refusal.value.user_id == user.id
    assert refusal.value.entity_id == "camera.front_door"
    assert refusal.value.permission == "control"
    require(hass, None, Action.PTZ, entry, 1, via="test")


async def test_user_that_is_gone_is_not_home_assistant_itself(hass: HomeAssistant) -> None:
    assert await user_of(hass, None) is None
    user = await person(hass, {})
    assert await user_of(hass, user.id) is user
    with pytest.raises(UnknownUser):
        await user_of(hass, "gone")


async def test_what_the_recorder_tells_is_nobodys_whoever_set_it_up(
    hass: HomeAssistant, start_simulator: StartSimulator
) -> None:
    nvr, asked_by = await start_simulator(channels=1), await person(hass, {})
    heard: list[object] = []

    @callback
    def hear(_event: Event) -> None:
        heard.append(current_request.get())

    hass.bus.async_listen(EVENT_DETECTION, hear)
    token = current_request.set({KEY_HASS_USER: asked_by})  # type: ignore[arg-type]
    try:
        hub = await set_up(hass, make_entry(nvr))
        assert await asking_user(hass) is asked_by
        await hub.link.async_verify(0)
    finally:
        current_request.reset(token)
    await events_up(hub)
    nvr.motion(1)
    await until(lambda: bool(heard))
    assert set(heard) == {None}


async def test_who_asks_is_known_from_a_request(hass: HomeAssistant) -> None:
    user = await person(hass, {})
    assert await asking_user(hass) is None
    token = current_request.set({KEY_HASS_USER: user})  # type: ignore[arg-type]
    try:
        assert await asking_user(hass) is user
    finally:
        current_request.reset(token)
