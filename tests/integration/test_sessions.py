"""Playback sessions as people meet them: who has them, why there is none, how one is ended, and who may know what."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.auth.const import GROUP_ID_ADMIN
from homeassistant.auth.models import User
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    MockHAClientWebSocket,
    WebSocketGenerator,
)

from custom_components.nvr.access_rules import AccessRules, Action, Rights
from custom_components.nvr.audit_rows import AuditFilter
from custom_components.nvr.const import CONF_ACCESS, CONF_PLAYBACK_SLOTS, DOMAIN
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.diagnostics import async_get_config_entry_diagnostics
from custom_components.nvr.exports import export_desk
from custom_components.nvr.media_ids import ChannelId
from custom_components.nvr.playback import start_playback
from custom_components.nvr.playback_links import PlaybackLink
from custom_components.nvr.shared import shared

from .conftest import StartSimulator, every_family, make_entry, set_up, state, until
from .export_helpers import export, media_folder_in
from .footage_helpers import Player, person, token_of
from .media_viewer import Viewer
from .recorders import Recorder

SENSOR = "sensor.test_nvr_playback_sessions_in_use"


@dataclass
class Home:
    """A recorder of two cameras, an administrator, and two guests."""

    hass: HomeAssistant
    nvr: Recorder
    entry: MockConfigEntry
    client: TestClient[Any, Any]
    users: dict[str, User]
    connect: WebSocketGenerator

    async def link(self, name: str, channel: int = 1, hours: int = 2) -> PlaybackLink:
        start = self.nvr.now().replace(microsecond=0, second=0) - timedelta(hours=hours)
        span = TimeSpan(start, start + timedelta(minutes=10))
        return await start_playback(self.hass, self.entry, channel, span, self.users[name].id)

    async def watch(self, name: str, channel: int = 1) -> PlaybackLink:
        """Let somebody watch something."""
        link = await self.link(name, channel)
        assert await Player(self.client, link.path).fetch("s0.m4s")
        return link

    async def refusal(self, link: PlaybackLink, status: HTTPStatus, name: str = "s0.m4s") -> str:
        """Return the words with which a file is refused."""
        async with self.client.get(link.path.replace("master.m3u8", name)) as response:
            assert response.status == status
            words: str = (await response.json())["message"]
            return words

    async def socket(self, name: str) -> MockHAClientWebSocket:
        return await self.connect(self.hass, await token_of(self.hass, self.users[name]))

    @property
    def open(self) -> int:
        return self.nvr.rtsp.counters.sessions_open["playback"]


type MakeHome = Callable[..., Awaitable[Home]]


@pytest.fixture(name="make_home")
async def make_home_fixture(
    hass: HomeAssistant,
    start_simulator: StartSimulator,
    hass_ws_client: WebSocketGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> MakeHome:
    async def make(**options: Any) -> Home:
        nvr = await start_simulator(channels=2, rtsp=True, days=1)
        nvr.rtsp.faults.delivery = 20.0
        entry = make_entry(nvr, options={CONF_PLAYBACK_SLOTS: 4, **options})
        registry = er.async_get(hass)
        entry.add_to_hass(hass)
        registry.async_get_or_create(
            "sensor", DOMAIN, f"{nvr.serial}_playback_sessions", config_entry=entry,
            suggested_object_id=SENSOR.partition(".")[2], disabled_by=None,
        )  # fmt: skip
        await hass.config_entries.async_setup(entry.entry_id)
        await set_up(hass, entry)
        users = {name: await person(hass, {"entities": True}, name) for name in ("anna", "ben")}
        users["admin"] = await hass.auth.async_create_user("admin", group_ids=[GROUP_ID_ADMIN])
        return Home(hass, nvr, entry, await hass_client_no_auth(), users, hass_ws_client)

    return make


async def ask(socket: MockHAClientWebSocket, command: str, **values: Any) -> dict[str, Any]:
    await socket.send_json_auto_id({"type": command, **values})
    answer: dict[str, Any] = await socket.receive_json()
    return answer


async def sessions(socket: MockHAClientWebSocket) -> dict[str, Any]:
    answer = await ask(socket, "nvr/sessions")
    assert answer["success"], answer
    found: dict[str, Any] = answer["result"]
    return found


def forbid(home: Home, name: str, channel: int) -> None:
    """Take the recordings of one camera away from somebody."""
    others = frozenset({1, 2} - {channel})
    rights = Rights({action: others if action is Action.PLAYBACK else None for action in Action})
    rules = AccessRules().with_user(home.users[name].id, rights)
    home.hass.config_entries.async_update_entry(
        home.entry, options={**home.entry.options, CONF_ACCESS: rules.to_json()}
    )


@every_family
async def test_who_gets_none_is_told_by_whom_they_are_used_as_far_as_he_may_know(make_home: MakeHome) -> None:
    home = await make_home(**{CONF_PLAYBACK_SLOTS: 1})
    await home.watch("anna", 2)
    others = await home.refusal(await home.link("ben"), HTTPStatus.SERVICE_UNAVAILABLE)
    assert others.startswith("1 of 1 playback sessions of Test NVR are in use: somebody else (Driveway, since ")
    own = await home.refusal(await home.link("anna"), HTTPStatus.SERVICE_UNAVAILABLE)
    assert "in use: you (Driveway, since " in own
    to_admin = await home.refusal(await home.link("admin"), HTTPStatus.SERVICE_UNAVAILABLE)
    assert "in use: anna (Driveway, since " in to_admin
    forbid(home, "ben", 2)
    hidden = await home.refusal(await home.link("ben"), HTTPStatus.SERVICE_UNAVAILABLE)
    assert "in use: somebody else (since " in hidden
    assert home.open == 1, "nothing is taken away from anybody"


@every_family
async def test_list_shows_others_names_to_administrators_alone(make_home: MakeHome) -> None:
    home = await make_home()
    await home.watch("anna", 1)
    await home.watch("ben", 2)
    shown = {name: await sessions(await home.socket(name)) for name in home.users}
    for found in shown.values():
        nvr = {"id": home.entry.entry_id, "name": "Test NVR", "used": 2, "max": 4}
        assert found["nvrs"] == [nvr]
        assert [row["camera_id"] for row in found["sessions"]] == [
            ChannelId(home.entry.entry_id, number).format() for number in (1, 2)
        ]
        assert [(row["entity_id"], row["channel"], row["kind"]) for row in found["sessions"]] == [
            ("camera.front_door", 1, "playback"),
            ("camera.driveway", 2, "playback"),
        ]
        assert all(abs(row["since"] - home.nvr.now().timestamp()) < 60 for row in found["sessions"])
    names = {name: [row["user"] for row in found["sessions"]] for name, found in shown.items()}
    assert names == {"anna": ["anna", None], "ben": [None, "ben"], "admin": ["anna", "ben"]}
    ids = {name: [row["user_id"] for row in found["sessions"]] for name, found in shown.items()}
    assert ids["anna"] == [home.users["anna"].id, None]
    assert [row["own"] for row in shown["ben"]["sessions"]] == [False, True]
    forbid(home, "anna", 2)
    seen = (await sessions(await home.socket("anna")))["sessions"][1]
    assert {seen[key] for key in ("camera_id", "entity_id", "channel", "channel_name", "user", "user_id")} == {None}
    # Who has nothing to see on a recorder does not learn of it.
    rules = AccessRules(Rights({}))
    home.hass.config_entries.async_update_entry(home.entry, options={CONF_ACCESS: rules.to_json()})
    assert await sessions(await home.socket("ben")) == {"sessions": [], "nvrs": []}


@every_family
async def test_administrator_takes_over_and_who_lost_it_reads_why(make_home: MakeHome) -> None:
    home = await make_home(**{CONF_PLAYBACK_SLOTS: 1})
    stopped = async_capture_events(home.hass, "nvr_stream_stopped")
    lost = await home.watch("anna")
    admin, ben = await home.socket("admin"), await home.socket("ben")
    session_id = (await sessions(admin))["sessions"][0]["session_id"]
    for command in ("nvr/session/end", "nvr/session/take_over"):
        assert (await ask(ben, command, session_id=session_id))["error"]["code"] == "unauthorized"
    assert home.open == 1
    teardowns = home.nvr.rtsp.counters.teardowns["playback"]
    assert (await ask(admin, "nvr/session/take_over", session_id=session_id))["success"]
    assert (home.open, home.nvr.rtsp.counters.teardowns["playback"]) == (0, teardowns + 1)
    for name in ("s1.m4s", "video.m3u8", "master.m3u8"):
        assert "An administrator needed" in await home.refusal(lost, HTTPStatus.GONE, name)
    # The slot is kept for who took it: neither the one who lost it nor anybody else has it first.
    for name in ("anna", "ben"):
        words = await home.refusal(await home.link(name), HTTPStatus.SERVICE_UNAVAILABLE)
        assert "has just taken over" in words
    await home.watch("admin")
    await until(lambda: stopped)
    assert (stopped[0].data["reason"], stopped[0].data["session_id"]) == ("taken_over", session_id)
    assert (await ask(admin, "nvr/session/end", session_id=session_id))["error"]["code"] == "not_found"
    page = await shared(home.hass).audit.async_query(AuditFilter(kinds=frozenset({"session_ended", "denied"})), limit=9)
    ended, denied = page.rows
    assert (ended["user"], ended["subject"], ended["session_id"]) == ("admin", "anna", session_id)
    assert (ended["via"], ended["action"], ended["channel"]) == ("nvr/session/take_over", "taken_over", 1)
    assert (denied["user"], denied["via"]) == ("ben", "nvr/session/end")


@every_family
async def test_own_session_is_ended_by_oneself_and_own_idle_one_gives_way(make_home: MakeHome) -> None:
    home = await make_home(**{CONF_PLAYBACK_SLOTS: 1})
    stopped = async_capture_events(home.hass, "nvr_stream_stopped")
    first, socket = await home.watch("anna"), await home.socket("anna")
    session_id = (await sessions(socket))["sessions"][0]["session_id"]
    assert (await ask(socket, "nvr/session/end", session_id=session_id))["success"]
    assert home.open == 0
    assert "from the list of sessions" in await home.refusal(first, HTTPStatus.GONE)
    second = await home.watch("anna", 2)
    second.playback.last_used -= 60
    third = await home.watch("anna")
    assert home.open == 1
    await until(lambda: len(stopped) == 2)
    assert [event.data.get("reason") for event in stopped] == ["ended", "replaced"]
    # Back at the one that gave way he reads that it is himself who has the session.
    assert "in use: you (Front door" in await home.refusal(second, HTTPStatus.SERVICE_UNAVAILABLE, "s5.m4s")
    await third.playback.close()
    assert await Player(home.client, second.path).fetch("s5.m4s")


@every_family
async def test_limit_that_the_recorder_taught_is_shown_and_outlives_a_restart(make_home: MakeHome) -> None:
    home = await make_home()
    home.nvr.rtsp.options.playback_limit = 1
    assert (state(home.hass, SENSOR), attributes(home)) == ("0", {"limit": 4})
    await home.watch("anna")
    await until(lambda: state(home.hass, SENSOR) == "1")
    words = await home.refusal(await home.link("ben"), HTTPStatus.SERVICE_UNAVAILABLE)
    assert words.startswith("1 of 1 playback sessions of Test NVR are in use: somebody else")
    await until(lambda: attributes(home) == {"limit": 1})
    known = (await async_get_config_entry_diagnostics(home.hass, home.entry))["sessions"]
    assert (known["used"], known["limit"], known["chosen"]) == (1, 1, 4)
    assert known["held"][0]["channel"] == 1
    assert "anna" not in str(known)
    assert await home.hass.config_entries.async_unload(home.entry.entry_id)
    assert home.open == 0
    common = shared(home.hass)
    common.stores.clear()
    common.engine.slots.recall(home.entry.entry_id, {})
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await home.hass.async_block_till_done()
    assert attributes(home) == {"limit": 1}
    assert await home.hass.config_entries.async_remove(home.entry.entry_id)
    assert common.engine.slots.learned(home.entry.entry_id) == {}


@every_family
async def test_recorder_whose_sessions_others_use_says_so(make_home: MakeHome) -> None:
    home = await make_home()
    home.nvr.rtsp.options.playback_limit = 0
    words = await home.refusal(await home.link("anna"), HTTPStatus.SERVICE_UNAVAILABLE)
    assert words.startswith("Test NVR gives no further playback session")


@every_family
async def test_unload_ends_every_session_before_it_returns(make_home: MakeHome) -> None:
    home = await make_home()
    for name in home.users:
        await home.watch(name)
    counters = home.nvr.rtsp.counters
    assert home.open == 3
    assert await home.hass.config_entries.async_unload(home.entry.entry_id)
    assert (home.open, counters.teardowns["playback"]) == (0, counters.sessions_opened["playback"])
    assert shared(home.hass).engine.slots.used(home.entry.entry_id) == 0


@every_family
async def test_stream_of_our_own_viewer_is_taken_over_and_its_viewer_told(make_home: MakeHome) -> None:
    home = await make_home(**{CONF_PLAYBACK_SLOTS: 1})
    camera_id = ChannelId(home.entry.entry_id, 1).format()
    start = (home.nvr.now() - timedelta(hours=2)).timestamp()
    viewer, admin = Viewer(await home.socket("anna"), home.client), await home.socket("admin")
    watched = await viewer.open("playback", camera_id, start=start)
    live = await viewer.open("live", camera_id)
    found = await sessions(admin)
    assert {row["session_id"]: (row["kind"], row["user"]) for row in found["sessions"]} == {
        watched.opened["session_id"]: ("playback", "anna"),
        live.opened["session_id"]: ("live", "anna"),
    }
    assert (found["nvrs"][0]["used"], found["nvrs"][0]["max"]) == (1, 1)
    assert (await ask(admin, "nvr/session/take_over", session_id=watched.opened["session_id"]))["success"]
    ending = await watched.ended()
    assert ending["reason"] == "taken_over"
    assert ending["message"].startswith("An administrator needed")
    answer = await viewer.ask("session/open", kind="playback", camera_id=camera_id, start=start)
    assert answer["error"]["code"] == "busy"
    assert "has just taken over" in answer["error"]["message"]
    assert (await ask(admin, "nvr/session/end", session_id=live.opened["session_id"]))["success"]
    assert (await live.ended())["reason"] == "ended"
    await until(lambda: sum(home.nvr.rtsp.counters.sessions_open.values()) == 0)
    assert (await sessions(admin))["sessions"] == []
    await viewer.close()


@every_family
async def test_limit_is_learned_by_whoever_opens(make_home: MakeHome) -> None:
    home = await make_home()
    home.nvr.rtsp.options.playback_limit = 1
    await home.watch("ben")
    viewer = Viewer(await home.socket("anna"), home.client)
    asked = {"camera_id": ChannelId(home.entry.entry_id, 1).format(), "start": home.nvr.now().timestamp() - 7200}
    codes = [(await viewer.ask("session/open", kind="playback", **asked))["error"]["message"] for _ in range(2)]
    assert "1 of 1 playback sessions" in codes[1]
    assert shared(home.hass).engine.slots.limit(home.entry.entry_id, 4) == 1


async def test_export_that_loses_its_session_is_put_off(make_home: MakeHome, tmp_path: Path) -> None:
    home = await make_home(**{CONF_PLAYBACK_SLOTS: 1})
    media_folder_in(home.hass, tmp_path)
    home.nvr.rtsp.faults.delivery = 1.0
    export_id = await export(home.hass, home.nvr.now() - timedelta(hours=2), 60, home.users["anna"].id)
    job, admin = export_desk(home.hass).queue.jobs[export_id], await home.socket("admin")
    await until(lambda: job.written > 0)
    row = (await sessions(admin))["sessions"][0]
    assert (row["kind"], row["user"]) == ("export", "anna")
    assert (await ask(admin, "nvr/session/take_over", session_id=row["session_id"]))["success"]
    assert (home.open, job.state) == (0, "waiting")
    await home.watch("admin", 2)
    await export_desk(home.hass).queue.cancel(export_id)


def attributes(home: Home) -> dict[str, Any]:
    found = home.hass.states.get(SENSOR)
    assert found is not None
    return {"limit": found.attributes["limit"]}
