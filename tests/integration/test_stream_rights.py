"""Who gets a stream of our own viewer, and when it is taken away again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.auth.models import RefreshToken, User
from homeassistant.auth.permissions.models import PermissionLookup
from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.nvr.access import Action
from custom_components.nvr.access_rules import AccessRules, Rights
from custom_components.nvr.audit_rows import AuditFilter
from custom_components.nvr.const import CONF_ACCESS, EVENT_STREAM_STARTED, EVENT_STREAM_STOPPED
from custom_components.nvr.shared import shared

from .conftest import StartSimulator, make_entry, set_up, until
from .footage_helpers import CLIENT_ID, READ, person
from .media_viewer import Viewer, Watched
from .recorders import Recorder
from .test_streams import camera, sessions, two_hours_ago


@dataclass
class Home:
    """A guest with a viewer, and one who watches with him."""

    hass: HomeAssistant
    nvr: Recorder
    entry: MockConfigEntry
    guest: User
    login: RefreshToken
    viewer: Viewer
    other: Viewer

    async def watch(self, kind: str, viewer: Viewer | None = None) -> Watched:
        start = {"start": two_hours_ago(self.nvr)} if kind == "playback" else {}
        watched = await (viewer or self.viewer).open(kind, camera(self.entry), accept=["avc1", "hvc1"], **start)
        await watched.media()
        return watched

    def let(self, *actions: Action) -> None:
        rules = AccessRules().with_user(self.guest.id, Rights(dict.fromkeys(actions)))
        self.hass.config_entries.async_update_entry(self.entry, options={CONF_ACCESS: rules.to_json()})


@pytest.fixture(name="home")
async def home_fixture(
    hass: HomeAssistant,
    start_simulator: StartSimulator,
    hass_ws_client: WebSocketGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> AsyncIterator[Home]:
    nvr = await start_simulator(channels=2, rtsp=True)
    nvr.rtsp.faults.delivery = 20.0
    entry = make_entry(nvr)
    await set_up(hass, entry)
    guest = await person(hass, {"entities": {"entity_ids": {"camera.front_door": READ}}})
    login = await hass.auth.async_create_refresh_token(guest, CLIENT_ID)
    client = await hass_client_no_auth()
    viewer = Viewer(await hass_ws_client(hass, hass.auth.async_create_access_token(login)), client)
    other = Viewer(await hass_ws_client(hass), client)
    yield Home(hass, nvr, entry, guest, login, viewer, other)
    for each in (viewer, other):
        await each.close()
        await each.commands.close()


@pytest.mark.parametrize(
    "loss",
    [
        "rights",
        "login",
        "disabled",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("entity permission", "deactivated", "removed", "area")),
    ],
)
async def test_streams_end_with_a_reason_when_the_right_goes(home: Home, loss: str) -> None:
    device_id = er.async_get(home.hass).entities["camera.front_door"].device_id
    assert device_id is not None
    if loss == "area":
        yard = ar.async_get(home.hass).async_create("Yard")
        dr.async_get(home.hass).async_update_device(device_id, area_id=yard.id)
        # Home Assistant gives it to users that it loads; this one was made before the registries were there.
        home.guest.perm_lookup = PermissionLookup(er.async_get(home.hass), dr.async_get(home.hass))
        home.guest.groups[0].policy = {"entities": {"area_ids": {yard.id: READ}}}
        home.guest.invalidate_cache()
    live, played = await home.watch("live"), await home.watch("playback")
    foreign = await home.watch("live", home.other)
    await home.viewer.commands.close()  # Home Assistant would close it with the login
    match loss:
        case "rights":
            home.let(Action.LIVE)
        case "entity permission":
            await home.hass.auth.async_update_user(home.guest, group_ids=[])
        case "disabled":
            er.async_get(home.hass).async_update_entity("camera.front_door", disabled_by=er.RegistryEntryDisabler.USER)
        case "area":
            dr.async_get(home.hass).async_update_device(device_id, area_id=None)
        case "deactivated":
            await home.hass.auth.async_update_user(home.guest, is_active=False)
        case "removed":
            await home.hass.auth.async_remove_user(home.guest)
        case "login":
            home.hass.auth.async_remove_refresh_token(home.login)
    lost = [played] if loss == "rights" else [live, played]
    for watched in lost:
        ending = await watched.ended()
        assert ending["reason"] == "unauthorized"
        assert "Front door" in ending["message"]
    await until(lambda: sessions(home.nvr) == {"live": 3 - len(lost)})
    count = len(foreign.messages)
    await foreign.until(lambda: len(foreign.messages) > count + 1)
    page = await shared(home.hass).audit.async_query(AuditFilter(kinds=frozenset({"revoked"})), limit=9)
    assert {(row["user_id"], row["via"]) for row in page.rows} == {(home.guest.id, "stream")}
    assert len(page.rows) == len(lost)


async def test_a_token_is_good_once_for_what_it_was_made_for(home: Home) -> None:
    watched = await home.watch("playback")
    assert await home.viewer.attach(watched.opened["token"]) == {"type": "error", "code": "unauthorized"}
    assert watched.ending is None, "what plays goes on"
    assert await home.other.attach("guessed") == {"type": "error", "code": "unauthorized"}
    assert home.other.socket is not None
    await until(lambda: home.other.socket and home.other.socket.closed)
    assert home.other.socket.close_code == 1008


async def test_a_right_that_goes_before_the_stream_is_taken_counts(home: Home) -> None:
    home.let(Action.LIVE, Action.PLAYBACK)
    answer = await home.viewer.ask("session/open", kind="live", camera_id=camera(home.entry), accept=["avc1", "hvc1"])
    with patch("custom_components.nvr.stream_sessions.authorize", return_value=False):
        assert await home.viewer.attach(answer["result"]["token"]) == {"type": "error", "code": "unauthorized"}
    await until(lambda: not sessions(home.nvr))
    page = await shared(home.hass).audit.async_query(AuditFilter(kinds=frozenset({"revoked"})), limit=9)
    assert [(row["user_id"], row["via"], row["channel"]) for row in page.rows] == [(home.guest.id, "stream", 1)]


async def test_right_that_goes_unseen_counts_at_the_next_sign_of_life(home: Home) -> None:
    live = await home.watch("live")
    # A group's policy in its storage: Home Assistant tells nobody.
    home.guest.groups[0].policy = {}
    home.guest.invalidate_cache()
    await home.viewer.ping()
    assert (await live.ended())["reason"] == "unauthorized"
    await until(lambda: not sessions(home.nvr))


async def test_who_may_see_nothing_of_a_camera_does_not_learn_its_name(home: Home) -> None:
    for actions, told in (((), "You may not see this camera"), ((Action.LIVE,), "You may not see the recordings of ")):
        home.let(*actions)
        start = two_hours_ago(home.nvr)
        answer = await home.viewer.ask("session/open", kind="playback", camera_id=camera(home.entry), start=start)
        assert answer["error"]["code"] == "unauthorized"
        assert answer["error"]["message"].startswith(told)
        assert ("Front door" in str(answer)) == bool(actions)
    # Of an NVR that is away the same holds.
    home.let(Action.LIVE)
    assert await home.hass.config_entries.async_unload(home.entry.entry_id)
    for number, told in ((1, "Test NVR is not ready"), (2, "You may not see this camera")):
        answer = await home.viewer.ask("session/open", kind="live", camera_id=camera(home.entry, number))
        assert answer["error"]["message"].startswith(told)
    page = await shared(home.hass).audit.async_query(AuditFilter(kinds=frozenset({"denied"})), limit=9)
    assert [(row["channel"], row["action"]) for row in page.rows] == [(2, "live"), (1, "playback")]


async def test_camera_is_named_by_its_entity_too(home: Home) -> None:
    watched = await home.viewer.open("live", "camera.front_door", accept=["avc1", "hvc1"])
    await watched.media()
    answer = await home.viewer.ask("export/create", camera_ids=[camera(home.entry, 9)], start=1.0, end=9.0)
    assert answer["error"]["code"] == "unauthorized"
    answer = await home.other.ask("export/create", camera_ids=[camera(home.entry, 9)], start=1.0, end=9.0)
    assert answer["error"]["code"] == "not_found"
    # Who may see nothing of a camera reads only what he wrote.
    hidden = camera(home.entry, 2)
    answer = await home.viewer.ask("export/create", camera_ids=[hidden], start=1.0, end=9.0)
    assert answer["error"]["message"] == f"You may not export recordings of {hidden}"
    start = two_hours_ago(home.nvr)
    answer = await home.other.ask("export/create", camera_ids=[camera(home.entry)], start=start, end=start + 5)
    await home.other.ask("export/cancel", export_id=answer["result"]["exports"][camera(home.entry)])
    for camera_id, code in (("camera.unknown", "not_found"), ("1/clips", "invalid_format")):
        for command, values in (("snapshot", {}), ("session/open", {"kind": "live"})):
            answer = await home.other.ask(command, camera_id=camera_id, **values)
            assert answer["error"]["code"] == code


async def test_one_user_does_not_open_them_all(home: Home) -> None:
    with patch("custom_components.nvr.media.streaming.desk.MOST_OF_ONE", 1):
        await home.watch("live")
        answer = await home.viewer.ask("session/open", kind="live", camera_id=camera(home.entry))
        assert answer["error"]["code"] == "busy"
        assert answer["error"]["translation_key"] == "too_many_own_streams"
        assert "holders" not in answer["error"]
        with patch("custom_components.nvr.media.streaming.desk.MOST", 1):
            answer = await home.other.ask("session/open", kind="live", camera_id=camera(home.entry))
        assert answer["error"]["translation_key"] == "too_many_streams"
        await home.watch("live", home.other)


@pytest.mark.parametrize("said", ["nothing", '{"type": "ping"}', '{"type": "attach"}', "[]"])
async def test_a_socket_that_does_not_prove_itself_is_closed(home: Home, said: str) -> None:
    socket = await home.viewer._client.ws_connect("/api/nvr/media")
    await socket.send_str(said)
    assert (await socket.receive()).data == 1008
    await socket.close()


async def test_somebody_elses_stream_cannot_be_controlled(home: Home) -> None:
    watched = await home.watch("playback")
    answer = await home.other.ask("session/control", session_id=watched.opened["session_id"], action="close")
    assert answer["error"]["code"] == "not_found"
    assert watched.ending is None


async def test_streams_are_told_of_with_their_viewer(home: Home) -> None:
    started = async_capture_events(home.hass, EVENT_STREAM_STARTED)
    stopped = async_capture_events(home.hass, EVENT_STREAM_STOPPED)
    live, played = await home.watch("live"), await home.watch("playback")
    await home.viewer.seek(played, two_hours_ago(home.nvr) + 900)
    assert [(event.data["kind"], event.data["user_id"]) for event in started] == [
        ("live", home.guest.id),
        ("playback", home.guest.id),
    ]
    assert not stopped
    for watched in (live, played):
        await home.viewer.control(watched, "close")
    await until(lambda: len(stopped) == 2)
    assert {event.data["channel"] for event in stopped} == {1}


async def test_errors_say_what_they_are(home: Home) -> None:
    start = two_hours_ago(home.nvr)
    now = home.nvr.now() + timedelta(hours=1)
    asked: dict[str, list[dict[str, Any]]] = {
        "invalid_format": [
            {"kind": "playback", "camera_id": camera(home.entry)},
            {"kind": "playback", "camera_id": camera(home.entry), "start": start, "end": start},
            {"kind": "live", "camera_id": "1/clips"},
            {"kind": "live", "camera_id": "front door"},
        ],
        "not_found": [
            {"kind": "live", "camera_id": "camera.unknown"},
            {"kind": "live", "camera_id": camera(home.entry, 9)},
            {"kind": "live", "camera_id": "1/unknown/1"},
            {"kind": "playback", "camera_id": camera(home.entry), "start": now.timestamp()},
            {"kind": "playback", "camera_id": camera(home.entry), "start": 1.0, "end": 9.0},
        ],
        "unsupported": [{"kind": "live", "camera_id": camera(home.entry), "accept": ["av01"]}],
    }
    for code, requests in asked.items():
        for request in requests:
            answer = await home.other.ask("session/open", **request)
            assert not answer["success"]
            assert answer["error"]["code"] == code, (request, answer)
            assert answer["error"]["message"]
            assert answer["error"]["translation_key"]
    assert not sessions(home.nvr)


async def test_a_full_recorder_says_who_has_its_sessions(home: Home) -> None:
    home.hass.config_entries.async_update_entry(home.entry, options={"playback_slots": 1})
    await home.watch("playback", home.other)
    start = two_hours_ago(home.nvr)
    answer = await home.viewer.ask("session/open", kind="playback", camera_id=camera(home.entry), start=start)
    assert answer["error"]["code"] == "busy"
    assert answer["error"]["retry_after"] > 0
    assert [holder["own"] for holder in answer["error"]["holders"]] == [False]
    assert answer["error"]["holders"][0]["user_id"] is None
    assert "somebody else (Front door, since " in answer["error"]["message"]
    answer = await home.other.ask("session/open", kind="playback", camera_id=camera(home.entry), start=start)
    assert [holder["own"] for holder in answer["error"]["holders"]] == [True]


async def test_a_recorder_that_goes_away_ends_the_stream_with_a_reason(home: Home) -> None:
    watched = await home.watch("live")
    home.nvr.rtsp.faults.cut_after_packets = 0
    ending = await watched.ended()
    assert ending["reason"] == "unavailable"
    assert "Test NVR" in ending["message"]
    await until(lambda: not sessions(home.nvr))
