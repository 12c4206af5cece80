"""Every way to change a camera or the NVR, and to the picture of an event, walked with one right and without it.

A new way is one row of WAYS: the right it needs, and how it is walked; None is what no right of a channel opens.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.auth.const import GROUP_ID_ADMIN
from homeassistant.auth.models import User
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.nvr import control_desk, issues
from custom_components.nvr.access import Action
from custom_components.nvr.access_rules import AccessRules, Rights
from custom_components.nvr.audit_rows import AuditFilter
from custom_components.nvr.const import CONF_ACCESS, DOMAIN
from custom_components.nvr.hub import NvrHub
from custom_components.nvr.shared import shared
from tests.simulators.heads import Head

from .access_home import FRONT, NO
from .conftest import StartSimulator, events_up, make_entry, set_up, until
from .footage_helpers import person, token_of
from .happenings import cross_line
from .recorders import DAHUA, HIKVISION, family_of

_PICTURE = "image.front_door_last_event"


@dataclass
class Home:
    """A home with a camera that moves and can be set, and a guest with Home Assistant's full permissions."""

    hass: HomeAssistant
    nvr: Any
    entry: MockConfigEntry
    hub: NvrHub
    guest: User
    admin: User
    client: TestClient[Any, Any]

    def entity(self, platform: str, key: str, channel: int | None = 1) -> str | None:
        owner = self.hub.info.serial if channel is None else f"{self.hub.info.serial}_{channel}"
        return er.async_get(self.hass).async_get_entity_id(platform, DOMAIN, f"{owner}_{key}")

    async def tries(self, user: User, domain: str, action: str, **data: Any) -> bool:
        """Call an action for somebody; tell whether he may."""
        try:
            await self.hass.services.async_call(domain, action, data, blocking=True, context=Context(user_id=user.id))
        except NO:
            return False
        return True

    @property
    def touched(self) -> tuple[int, ...]:
        """How often anything of the recorder was changed, or moved."""
        head: Head = self.nvr.device.heads[1]
        counters = self.nvr.counters
        coaxial = len(self.nvr.coaxial.on) if hasattr(self.nvr, "coaxial") else 0
        return (counters.writes, head.starts, head.stops, len(head.gone_to), counters.reboots, coaxial)


type Walk = Callable[[Home, User], Awaitable[bool]]


def sets(platform: str, key: str, action: str, channel: int | None = 1, **data: Any) -> Walk:
    """Do something with an entity."""

    async def walk(home: Home, user: User) -> bool:
        entity_id = home.entity(platform, key, channel)
        assert entity_id is not None, key
        return await home.tries(user, platform, action, entity_id=entity_id, **data)

    return walk


def moves(action: str, **data: Any) -> Walk:
    async def walk(home: Home, user: User) -> bool:
        return await home.tries(user, DOMAIN, action, entity_id=FRONT, **data)

    return walk


async def looks(home: Home, user: User) -> bool:
    """Fetch the picture of the last event."""
    headers = {"Authorization": f"Bearer {await token_of(home.hass, user)}"}
    async with home.client.get(f"/api/image_proxy/{_PICTURE}", headers=headers) as answer:
        return answer.status == HTTPStatus.OK and (await answer.read()).startswith(b"\xff\xd8")


async def mends(home: Home, user: User) -> bool:
    """Open the repair that writes to the recorder."""
    headers = {"Authorization": f"Bearer {await token_of(home.hass, user)}"}
    issue = {"handler": DOMAIN, "issue_id": issues.issue_id(home.entry, issues.CLOCK_WRONG)}
    async with home.client.post("/api/repairs/issues/fix", json=issue, headers=headers) as answer:
        return answer.status not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


WAYS: dict[str, tuple[frozenset[Action] | None, Walk]] = {
    "switch a detection": (
        frozenset({Action.SETTINGS}),
        sets("switch", "control_motion_detection", "turn_off"),
    ),
    "set the picture": (frozenset({Action.SETTINGS}), sets("number", "control_brightness", "set_value", value=33)),
    "go to a preset by its entity": (frozenset({Action.PTZ}), sets("select", "preset", "select_option", option="Gate")),
    "move by a button": (frozenset({Action.PTZ}), sets("button", "ptz_left", "press")),
    "action: move": (frozenset({Action.PTZ}), moves("ptz_move", pan=50, duration=0.1)),
    "action: stop": (frozenset({Action.PTZ}), moves("ptz_stop")),
    "action: go to a preset": (frozenset({Action.PTZ}), moves("ptz_go_to_preset", preset="2")),
    "action: patrol": (frozenset({Action.PTZ}), moves("ptz_patrol", number=1)),
    "action: save a preset": (
        frozenset({Action.PTZ, Action.SETTINGS}),
        moves("ptz_save_preset", number=7, name="Pond"),
    ),
    "picture of the last event": (frozenset({Action.LIVE}), looks),
    "repair": (None, mends),
    "relay": (None, sets("switch", "control_alarm_output_1", "turn_on", None)),
    "set the clock": (None, sets("button", "set_clock", "press", None)),
    "read the channels anew": (None, sets("button", "refresh", "press", None)),
    "restart": (None, sets("button", "reboot", "press", None)),
}
DAHUA_WAYS: dict[str, tuple[frozenset[Action] | None, Walk]] = {
    "light": (frozenset({Action.SETTINGS}), sets("light", "control_white_light", "turn_on")),
    "siren": (frozenset({Action.SETTINGS}), sets("siren", "control_siren", "turn_on")),
    "mode of recording": (
        frozenset({Action.SETTINGS}),
        sets("select", "control_record_mode", "select_option", option="off"),
    ),
}


HIKVISION_WAYS: dict[str, tuple[frozenset[Action] | None, Walk]] = {
    "record by hand": (frozenset({Action.SETTINGS}), sets("button", "control_manual_recording_start", "press")),
}


def ways(home: Home) -> dict[str, tuple[frozenset[Action] | None, Walk]]:
    """Return the ways there are with a family, what restarts the recorder last."""
    return {**(DAHUA_WAYS if family_of(home.nvr) is DAHUA else HIKVISION_WAYS), **WAYS}


@pytest.fixture(name="home")
async def home_fixture(
    hass: HomeAssistant,
    start_simulator: StartSimulator,
    family: Any,
    hass_client_no_auth: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> Home:
    monkeypatch.setattr(control_desk, "FIRST", 0.0)
    monkeypatch.setattr(control_desk, "BREATH", 0.0)
    monkeypatch.setattr(Entity, "entity_registry_enabled_default", True)
    nvr = await start_simulator(channels=2, **({"profile": "nvr5464"} if family is DAHUA else {}))
    nvr.device.heads[1] = Head()
    assert await async_setup_component(hass, REPAIRS, {})
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    guest = await person(hass, {"entities": True})
    admin = await hass.auth.async_create_user("admin", group_ids=[GROUP_ID_ADMIN])
    await events_up(hub)
    await until(lambda: hub.desk.surveyed and hub.desk.known.heads)
    await until(lambda: family_of(nvr).open(nvr)["event streams"] == 1)
    await hass.async_block_till_done()
    cross_line(nvr, 1)

    def shown() -> bool:
        picture = hass.states.get(_PICTURE)
        return picture is not None and picture.state != "unknown"

    await until(shown)
    return Home(hass, nvr, entry, hub, guest, admin, await hass_client_no_auth())


@pytest.mark.parametrize(
    "family",
    [pytest.param(DAHUA, id="dahua"), pytest.param(HIKVISION, id="hikvision", marks=pytest.mark.slow)],
    indirect=True,
)
async def test_who_may_change_one_thing_changes_nothing_else(home: Home) -> None:
    asked = ways(home)
    for rights in (frozenset[Action](), {Action.LIVE}, {Action.PTZ}, {Action.SETTINGS}, {Action.PTZ, Action.SETTINGS}):
        rules = AccessRules().with_user(home.guest.id, Rights(dict.fromkeys(rights, frozenset({1}))))
        home.hass.config_entries.async_update_entry(home.entry, options={CONF_ACCESS: rules.to_json()})
        await home.hass.async_block_till_done()
        for name, (needed, walk) in asked.items():
            before = home.touched
            may = needed is not None and needed <= rights
            assert await walk(home, home.guest) is may, (name, rights)
            if not may:
                assert home.touched == before, name
    page = await shared(home.hass).audit.async_query(AuditFilter(kinds=frozenset({"denied"})), limit=200)
    assert {row["user_id"] for row in page.rows} == {home.guest.id}
    assert {(row["action"], row["via"]) for row in page.rows} >= {
        *(("settings", via) for via in ("switch", "number", "button", "ptz_save_preset")),
        *(("ptz", via) for via in ("select", "button", "ptz_move", "ptz_stop", "ptz_go_to_preset", "ptz_patrol")),
        ("live", "image"),
    }
    assert all([await walk(home, home.admin) for walk in (walk for _, walk in asked.values())])
    assert home.nvr.counters.reboots == 1
