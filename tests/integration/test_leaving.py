"""A viewer who leaves frees his sessions, whatever way he leaves: counted by the recorder's TEARDOWNs.

What is to happen within a second is waited for in a hundred steps of a hundredth: on a machine that is busy with other
things a step takes longer, for recorder and Home Assistant are in this very process. What takes seconds by intent has
its clock shortened here, and is waited for in full in the slow tests.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
import json
from typing import Any
from unittest.mock import patch

from aiohttp import WSCloseCode, WSMessage, WSMsgType
from homeassistant.auth.models import User
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.nvr import stream_socket
from custom_components.nvr.access_rules import AccessRules, Action, Rights
from custom_components.nvr.const import CONF_ACCESS
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.media.streaming import desk
from custom_components.nvr.media.streaming.stream import Ending
from custom_components.nvr.media.variant import PlaybackLimits
from custom_components.nvr.playback import start_playback
from custom_components.nvr.playback_links import PlaybackLink
from custom_components.nvr.shared import shared

from .conftest import StartSimulator, every_family, make_entry, set_up, until
from .footage_helpers import CLIENT_ID, READ, Player, person
from .media_viewer import Viewer
from .recorders import FAMILIES, Recorder
from .test_streams import camera, sessions, two_hours_ago

# Each family in `--all`, the first one every day.
families_in_turn = pytest.mark.parametrize(
    "family",
    [
        pytest.param(family, id=family.key, marks=pytest.mark.slow if family is not FAMILIES[0] else ())
        for family in FAMILIES
    ],
    indirect=True,
)
ACCEPT = ["avc1", "hvc1"]
SOCKET = "custom_components.nvr.stream_socket._SILENCE"
TOKEN = "custom_components.nvr.media.streaming.desk.TOKEN_LIFETIME"


@dataclass
class Home:
    """A guest who comes and goes."""

    hass: HomeAssistant
    nvr: Recorder
    entry: MockConfigEntry
    guest: User
    connect: WebSocketGenerator
    client: ClientSessionGenerator

    async def viewer(self) -> Viewer:
        login = await self.hass.auth.async_create_refresh_token(self.guest, CLIENT_ID)
        commands = await self.connect(self.hass, self.hass.auth.async_create_access_token(login))
        return Viewer(commands, await self.client(), pings=False)

    async def watching(self) -> Viewer:
        """Return a viewer with a live and a recorded stream."""
        viewer = await self.viewer()
        for kind, start in (("live", {}), ("playback", {"start": two_hours_ago(self.nvr)})):
            await (await viewer.open(kind, camera(self.entry), accept=ACCEPT, **start)).media()
        assert sessions(self.nvr) == {"live": 1, "playback": 1}
        return viewer

    async def link(self) -> PlaybackLink:
        """Let the guest watch a recording in the media browser."""
        start = self.nvr.now().replace(microsecond=0, second=0) - timedelta(hours=2)
        span = TimeSpan(start, start + timedelta(minutes=10))
        link = await start_playback(self.hass, self.entry, 1, span, self.guest.id)
        assert await Player(await self.client(), link.path).fetch("s0.m4s")
        assert sessions(self.nvr) == {"playback": 1}
        return link

    def let(self, *actions: Action) -> None:
        rules = AccessRules().with_user(self.guest.id, Rights(dict.fromkeys(actions)))
        self.hass.config_entries.async_update_entry(self.entry, options={CONF_ACCESS: rules.to_json()})

    @property
    def held(self) -> int:
        """How many sessions anybody has, here or there."""
        common, entry_id = shared(self.hass), self.entry.entry_id
        here = common.engine.slots.used(entry_id) + common.desk.live.used(entry_id)
        return here + sum(sessions(self.nvr).values())

    async def gone(self, steps: int = 100) -> None:
        """Wait until nobody has a session, and see that each was ended by a TEARDOWN."""
        for _ in range(steps):
            if not self.held:
                break
            await asyncio.sleep(0.01)
        self.ended()

    def ended(self) -> None:
        """See that nobody has a session now."""
        assert not self.held
        counters = self.nvr.rtsp.counters
        assert counters.teardowns == counters.sessions_opened


@pytest.fixture(name="home")
async def home_fixture(
    hass: HomeAssistant,
    start_simulator: StartSimulator,
    hass_ws_client: WebSocketGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> Home:
    nvr = await start_simulator(channels=2, rtsp=True, days=1)
    nvr.rtsp.faults.delivery = 20.0
    entry = make_entry(nvr)
    await set_up(hass, entry)
    guest = await person(hass, {"entities": {"entity_ids": {"camera.front_door": READ}}})
    return Home(hass, nvr, entry, guest, hass_ws_client, hass_client_no_auth)


# -- the viewer with a websocket -------------------------------------------------------------------------------------


async def closes_the_socket(home: Home) -> None:
    viewer = await home.watching()
    assert viewer.socket is not None
    await viewer.socket.close()
    await home.gone()


async def is_cut_off(home: Home) -> None:
    viewer = await home.watching()
    assert viewer.socket is not None
    connection = viewer.socket._response.connection
    assert connection is not None
    assert connection.transport is not None
    connection.transport.abort()
    await home.gone()


async def closes_each_stream(home: Home) -> None:
    viewer = await home.watching()
    for watched in viewer.streams.values():
        await viewer.control(watched, "close")
    home.ended()
    # Who has nothing to watch for a moment is not sent away.
    await viewer.ping()
    await viewer.open("live", camera(home.entry), accept=ACCEPT)
    await viewer.close()
    await home.gone()


async def leaves_before_he_takes_it(home: Home) -> None:
    viewer = await home.viewer()
    for kind, start in (("live", {}), ("playback", {"start": two_hours_ago(home.nvr)})):
        answer = await viewer.ask("session/open", kind=kind, camera_id=camera(home.entry), accept=ACCEPT, **start)
        assert answer["success"]
    assert home.held
    await viewer.commands.close()
    await home.gone()


async def leaves_while_it_opens(home: Home) -> None:
    viewer = await home.viewer()
    asked = home.nvr.rtsp.counters.requests["DESCRIBE"]
    home.nvr.rtsp.faults.describe_delay = 1.0
    values = {"camera_id": camera(home.entry), "start": two_hours_ago(home.nvr)}
    await viewer.commands.send_json_auto_id({"type": "nvr/session/open", "kind": "playback", **values})
    await until(lambda: home.nvr.rtsp.counters.requests["DESCRIBE"] > asked)
    assert home.held
    await viewer.commands.close()
    await home.gone()
    home.nvr.rtsp.faults.describe_delay = 0.0


async def keeps_what_he_took(home: Home) -> None:
    """Home Assistant may be reconnected to; what comes over the other socket goes on meanwhile."""
    viewer = await home.watching()
    await viewer.commands.close()
    live = next(iter(viewer.streams.values()))
    count = len(live.messages)
    await live.until(lambda: len(live.messages) > count + 3)
    assert sessions(home.nvr) == {"live": 1, "playback": 1}
    await viewer.close()
    await home.gone()


async def falls_silent(home: Home) -> None:
    viewer = await home.watching()
    assert viewer.socket is not None
    with patch(SOCKET, 0.2):
        # From his last sign of life on.
        await viewer.ping()
        await until(lambda: not home.held)
    home.ended()
    assert all(watched.ending is None for watched in viewer.streams.values()), "he is gone: nothing is said to him"
    await until(lambda: viewer.socket is None or viewer.socket.closed)
    assert viewer.socket.close_code == 1008


class Stuck:
    """The socket of a viewer who says a few things, and takes nothing of what he is sent."""

    def __init__(self, *said: dict[str, str]) -> None:
        self._said = list(said)

    async def receive(self, _timeout: float) -> WSMessage:
        if not self._said:
            raise TimeoutError
        return WSMessage(WSMsgType.TEXT, json.dumps(self._said.pop(0)), None)

    async def send_str(self, _text: str) -> None:
        await asyncio.Event().wait()

    async def send_bytes(self, _data: bytes) -> None:
        await asyncio.Event().wait()


async def takes_nothing(home: Home) -> None:
    viewer = await home.viewer()
    answer = await viewer.ask("session/open", kind="live", camera_id=camera(home.entry), accept=ACCEPT)
    attach = {"type": "attach", "token": answer["result"]["token"]}
    socket: Any = Stuck(attach, {"type": "ping"}, {"type": "ping"})
    async with asyncio.timeout(30):
        assert await stream_socket.MediaSocket(home.hass, socket).serve() == "silence"
    await home.gone()
    await viewer.commands.close()


async def never_comes(home: Home) -> None:
    viewer = await home.viewer()
    with patch(TOKEN, 0.2):
        answer = await viewer.ask("session/open", kind="live", camera_id=camera(home.entry), accept=ACCEPT)
        assert answer["success"]
        await until(lambda: not home.held)
    home.ended()
    await viewer.commands.close()


async def is_unloaded(home: Home) -> None:
    viewer = await home.watching()
    assert await home.hass.config_entries.async_unload(home.entry.entry_id)
    home.ended()
    for watched in viewer.streams.values():
        ending = await watched.ended()
        assert (ending["reason"], ending["translation_key"]) == ("unavailable", "stream_unavailable")
        assert "Test NVR" in ending["message"]
    await viewer.close()
    assert await home.hass.config_entries.async_setup(home.entry.entry_id)


async def leaves_as_it_is_unloaded(home: Home) -> None:
    """Who unloads waits also for what somebody else has just begun to end."""
    viewer = await home.watching()
    common = shared(home.hass)
    for stream in common.desk.streams():
        common.desk.close_soon(stream, Ending("left"))
    assert sessions(home.nvr), "they are told goodbye at this moment"
    await common.async_close_playback(home.entry.entry_id)
    home.ended()
    await viewer.close()


LEAVING: list[Callable[[Home], Awaitable[None]]] = [
    closes_the_socket,
    is_cut_off,
    closes_each_stream,
    leaves_before_he_takes_it,
    leaves_while_it_opens,
    keeps_what_he_took,
    falls_silent,
    takes_nothing,
    never_comes,
    leaves_as_it_is_unloaded,
    is_unloaded,
]


@families_in_turn
async def test_viewer_who_leaves_frees_his_sessions(home: Home) -> None:
    for way in LEAVING:
        await way(home)
    # The recorder was slow once, and sees by and by that nobody waits.
    await until(lambda: not home.nvr.rtsp.counters.connections_open)


async def test_home_assistant_that_stops_says_goodbye_and_waits_for_no_viewer(home: Home) -> None:
    viewer = await home.watching()
    await viewer.commands.close()
    home.hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    for watched in viewer.streams.values():
        assert (await watched.ended())["translation_key"] == "stream_stopped"
    assert viewer.socket is not None
    await until(lambda: viewer.socket is None or viewer.socket.closed, 20)
    assert viewer.socket.close_code == WSCloseCode.GOING_AWAY
    home.ended()
    await viewer.close()


def test_clocks_end_before_the_fifteenth_second() -> None:
    assert stream_socket._SILENCE + stream_socket._GOODBYE <= 15
    assert desk.TOKEN_LIFETIME + 1 <= 15
    assert PlaybackLimits().idle <= PlaybackLimits().patience <= 14


@pytest.mark.slow
@every_family
async def test_signs_of_life_keep_streams_and_nothing_is_left_fifteen_seconds_after_the_last(home: Home) -> None:
    viewer = await home.watching()
    for _ in range(4):
        await asyncio.sleep(5)
        await viewer.ping()
        assert sessions(home.nvr) == {"live": 1, "playback": 1}
    await home.gone(1500)
    await viewer.close()


# -- the player of a playlist ----------------------------------------------------------------------------------------


async def does_not_ask_any_more(home: Home) -> None:
    common = shared(home.hass)
    with patch.object(common.engine, "_limits", PlaybackLimits(idle=0.2, patience=0.4)):
        link = await home.link()
    await until(lambda: not home.held)
    home.ended()
    await common.links.revoke(link)


async def hangs_up_while_he_waits(home: Home) -> None:
    """The server ends a request whose connection is gone."""
    start = home.nvr.now().replace(microsecond=0, second=0) - timedelta(hours=2)
    span = TimeSpan(start, start + timedelta(minutes=10))
    asked = home.nvr.rtsp.counters.requests["DESCRIBE"]
    home.nvr.rtsp.faults.describe_delay = 1.0
    with patch.object(shared(home.hass).engine, "_limits", PlaybackLimits(idle=0.2, patience=0.4)):
        link = await start_playback(home.hass, home.entry, 1, span, home.guest.id)
    waiting = asyncio.ensure_future((await home.client()).get(link.path))
    await until(lambda: home.nvr.rtsp.counters.requests["DESCRIBE"] > asked)
    waiting.cancel()
    await asyncio.wait({waiting})
    await until(lambda: not home.held)
    home.ended()
    home.nvr.rtsp.faults.describe_delay = 0.0
    await shared(home.hass).links.revoke(link)


async def loses_his_right(home: Home) -> None:
    await home.link()
    home.let(Action.LIVE)
    await home.gone()
    home.let(*Action)


async def loses_the_link(home: Home) -> None:
    link = await home.link()
    await shared(home.hass).links.revoke(link)
    home.ended()


async def has_the_recorder_unloaded(home: Home) -> None:
    await home.link()
    assert await home.hass.config_entries.async_unload(home.entry.entry_id)
    home.ended()


@families_in_turn
async def test_player_who_leaves_frees_his_session(home: Home) -> None:
    for way in (
        does_not_ask_any_more,
        hangs_up_while_he_waits,
        loses_his_right,
        loses_the_link,
        has_the_recorder_unloaded,
    ):
        await way(home)
    await until(lambda: not home.nvr.rtsp.counters.connections_open)


@pytest.mark.slow
@every_family
async def test_player_who_does_not_ask_any_more_has_no_session_after_fifteen_seconds(home: Home) -> None:
    await home.link()
    await home.gone(1500)
