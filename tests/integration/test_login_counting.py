"""A password that became wrong while everything runs: how often the recorder gets to see it, and what stops."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.components.camera import async_get_image, async_get_stream_source
from homeassistant.components.camera.helper import async_stream_endpoint_url, get_camera_from_entity_id
from homeassistant.components.stream import Stream
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.nvr.camera import NvrCamera
from custom_components.nvr.const import DOMAIN
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.hub import NvrHub
from custom_components.nvr.playback import start_playback
from custom_components.nvr.playback_links import PlaybackLink
from custom_components.nvr.shared import shared

from .conftest import StartSimulator, events_up, make_entry, set_up, until
from .footage_helpers import Player
from .recorders import DAHUA, Recorder, family_of

NEW_PASSWORD = "another-fake-pass"
LIVE = ("camera.front_door", "camera.driveway")


@pytest.fixture
def expected_lingering_timers() -> bool:
    """Bear Home Assistant's own: a stream that ends before its first segment may start an idle timer afterwards."""
    return True


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second stand for the ten that Home Assistant waits before it tries a broken stream again."""
    monkeypatch.setattr("homeassistant.components.stream.STREAM_RESTART_INCREMENT", 1)


class House:
    """A recorder in full use: event stream, polls, two live streams, one playback."""

    client: TestClient[Any, Any]

    def __init__(self, hass: HomeAssistant, nvr: Recorder, connect: ClientSessionGenerator) -> None:
        self.hass = hass
        self.nvr = nvr
        self.entry = make_entry(nvr)
        self.links: list[PlaybackLink] = []
        self._connect = connect

    @property
    def hub(self) -> NvrHub:
        hub: NvrHub = self.entry.runtime_data.hub
        return hub

    @property
    def event_streams(self) -> int:
        return family_of(self.nvr).open(self.nvr)["event streams"]

    @property
    def live_sessions(self) -> int:
        return self.nvr.rtsp.counters.sessions_open["live"]

    async def open(self, *, live: bool = True) -> None:
        await events_up(await set_up(self.hass, self.entry))
        await until(lambda: self.event_streams == 1)
        self.client = await self._connect()
        if live:
            await asyncio.gather(*(self.stream(entity_id) for entity_id in LIVE))
            await until(lambda: self.live_sessions == 2, 20)
        assert await self.watch() == 200
        assert self.nvr.counters.auth_failures == 0

    def camera(self, entity_id: str) -> NvrCamera:
        camera = get_camera_from_entity_id(self.hass, entity_id)
        assert isinstance(camera, NvrCamera)
        return camera

    async def stream(self, entity_id: str) -> Stream:
        camera = self.camera(entity_id)
        await async_stream_endpoint_url(self.hass, camera, "hls")
        assert camera.stream is not None
        return camera.stream

    async def link(self) -> PlaybackLink:
        start = self.nvr.now().replace(microsecond=0) - timedelta(hours=2)
        return await start_playback(self.hass, self.entry, 1, TimeSpan(start, start + timedelta(minutes=30)), None)

    async def watch(self, segment: int = 0) -> int:
        """Play a segment, far from the last one when asked; the status a player sees."""
        if not self.links:
            self.links.append(await self.link())
        player = Player(self.client, self.links[0].path)
        status = await player.status("master.m3u8")
        return status if status != 200 else await player.status(f"s{segment}.m4s")

    async def refresh(self) -> None:
        await self.entry.runtime_data.coordinator.async_refresh()

    async def still(self) -> None:
        await async_get_image(self.hass, LIVE[0])

    async def search(self) -> None:
        await self.hass.services.async_call(
            DOMAIN,
            "search_recordings",
            {"entity_id": LIVE[0], "start": self.nvr.now() - timedelta(hours=20), "end": self.nvr.now()},
            blocking=True,
            return_response=True,
        )

    async def seek(self) -> None:
        await self.watch(200)

    async def new_stream(self) -> None:
        """Open a live stream anew, as somebody does who comes home."""
        for entity_id in LIVE:
            await self.camera(entity_id).async_stop_stream()
        await asyncio.gather(*(self.stream(entity_id) for entity_id in LIVE))

    async def cut_streams(self) -> None:
        """The recorder ends what it shows, as some do when a password is changed."""
        for number in self.nvr.device.channels:
            await self.nvr.rtsp.drop_channel(number)

    async def cut_events(self) -> None:
        self.nvr.cut_events()

    async def try_everything(self) -> None:
        """Do all that sends a login, and let who retries by itself retry."""
        for attempt in (self.refresh, self.still, self.search, self.seek, self.new_stream):
            try:
                await attempt()
            except HomeAssistantError:
                continue

    async def assert_silent(self) -> None:
        """Everything has stopped, the user is asked, and nothing comes any more whatever is tried."""
        await until(lambda: self.hub.link.login_refused, 10)
        await until(lambda: all(self.camera(one).stream is None for one in LIVE), 10)
        await until(lambda: self.nvr.rtsp.counters.sessions_open.total() == 0, 5)
        await until(lambda: self.event_streams == 0)
        await self.hass.async_block_till_done()
        flows = [flow["context"]["source"] for flow in self.hass.config_entries.flow.async_progress()]
        assert flows == ["reauth"]
        assert [await async_get_stream_source(self.hass, one) for one in LIVE] == [None, None]
        # A worker of Home Assistant's that was on its way to connect, without a login, comes to its end.
        await asyncio.sleep(1.0)
        requests, failures = self.nvr.counters.requests, self.nvr.counters.auth_failures
        challenges = self.nvr.rtsp.counters.challenges
        await self.try_everything()
        assert await Player(self.client, self.links[0].path).status() == 403
        # Longer than it takes Home Assistant to try a broken stream again.
        await asyncio.sleep(1.5)
        assert (self.nvr.counters.requests, self.nvr.counters.auth_failures) == (requests, failures)
        assert self.nvr.rtsp.counters.challenges == challenges


@pytest.fixture(name="nvr")
async def nvr_fixture(start_simulator: StartSimulator) -> Recorder:
    simulator: Recorder = await start_simulator(channels=2, rtsp=True, h264_only=True)
    simulator.rtsp.faults.delivery = 20.0
    return simulator


@pytest.fixture(name="house")
async def house_fixture(hass: HomeAssistant, nvr: Recorder, hass_client_no_auth: ClientSessionGenerator) -> House:
    return House(hass, nvr, hass_client_no_auth)


NOTICED_BY: dict[str, Callable[[House], Awaitable[None]]] = {
    "poll": House.refresh,
    "still": House.still,
    "search": House.search,
    "seek": House.seek,
    "new stream": House.new_stream,
    "streams break": House.cut_streams,
    "events break": House.cut_events,
}


async def told(work: Awaitable[None]) -> str | None:
    """Return the key of the sentence with which something was refused."""
    try:
        await work
    except HomeAssistantError as err:
        return err.translation_key
    return None


EVERYDAY = {("poll", "live on"), ("new stream", "live on"), ("events break", "live on"), ("seek", "die")}
NOTICED = [*((name, "live on") for name in NOTICED_BY), ("poll", "die"), ("seek", "die"), ("streams break", "die")]


@pytest.mark.parametrize(
    ("noticed_by", "nonces"),
    [pytest.param(*each, marks=() if each in EVERYDAY else pytest.mark.slow) for each in NOTICED],
)
async def test_changed_password_is_seen_twice_whoever_notices(house: House, nonces: str, noticed_by: str) -> None:
    await house.open()
    house.nvr.change_password(NEW_PASSWORD)
    if nonces == "die":
        house.nvr.login.forget_nonces()
        house.nvr.rtsp.gatekeeper.forget_nonces()
    # Nobody's request is under way here, so a stream that cannot begin is just none: 2026.11 has a key for that.
    assert await told(NOTICED_BY[noticed_by](house)) in {None, "auth", "stream_not_supported"}
    # FFmpeg signs its TEARDOWN with the login it began with, and this recorder judges it: one goodbye for each
    # running live stream cannot be kept back. Ours, of the playback, goes out without the login.
    goodbyes = 0 if nonces == "die" or noticed_by == "streams break" else len(LIVE)
    await house.assert_silent()
    assert 1 <= house.nvr.counters.auth_failures <= 2 + goodbyes


@pytest.mark.parametrize("family", [DAHUA], ids=["dahua"], indirect=True)
@pytest.mark.parametrize(
    "noticed_by",
    [pytest.param(name, marks=pytest.mark.slow) for name in ("still", "seek")] + ["new stream", "events break"],
)
async def test_changed_password_is_counted_over_every_way_together(house: House, noticed_by: str) -> None:
    """HTTP, RPC and RTSP, where each of them judges a password by itself."""
    await house.open()
    house.nvr.change_password(NEW_PASSWORD)
    house.nvr.rotate_nonces()
    house.nvr.rtsp.gatekeeper.forget_nonces()
    house.nvr.rpc.forget()  # type: ignore[union-attr]
    assert await told(NOTICED_BY[noticed_by](house)) in {None, "auth", "stream_not_supported"}
    await house.assert_silent()
    assert 1 <= house.nvr.counters.auth_failures <= 2


async def test_all_that_is_on_its_way_at_once_is_bounded_by_the_gate(house: House) -> None:
    await house.open(live=False)
    house.nvr.faults.load.latency_ms = 150.0
    people = [house.refresh(), house.still(), house.search(), house.seek(), house.cut_events()]
    running = asyncio.gather(*people, *(house.hub.driver.ping() for _ in range(9)), return_exceptions=True)
    await asyncio.sleep(0.05)
    house.nvr.change_password(NEW_PASSWORD)
    await running
    await house.assert_silent()
    assert house.nvr.counters.auth_failures <= 2 + 7


async def test_recorder_that_comes_back_with_another_password_sees_it_twice(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The event stream and the polls come back late: both live streams are tried again first, in the same instant.
    monkeypatch.setattr("custom_components.nvr.core.drivers.hikvision.events.BACK_OFF", (60.0,))
    monkeypatch.setattr("custom_components.nvr.link.POLL_FAILING", timedelta(seconds=60))
    await house.open()
    await house.nvr.power_off()
    await until(lambda: not any(house.camera(one).available for one in LIVE), 10)
    house.nvr.change_password(NEW_PASSWORD)
    challenges = house.nvr.rtsp.counters.challenges
    await house.nvr.power_on()
    # Who asks first is chance: the two streams, or the question over HTTP why they broke, which ends them.
    asked = house.nvr.rtsp.counters
    await until(lambda: house.hub.link.login_refused or asked.challenges >= challenges + len(LIVE), 60)
    await house.assert_silent()
    assert house.nvr.rtsp.counters.auth_failures == 0
    assert 1 <= house.nvr.counters.auth_failures <= 2


async def test_recorder_that_comes_back_as_it_was_is_streamed_again(house: House) -> None:
    await house.open()
    await house.nvr.power_off()
    await until(lambda: not any(house.camera(one).available for one in LIVE), 10)
    await house.nvr.power_on()
    await until(lambda: house.live_sessions == 2, 20)
    await events_up(house.hub)
    assert await house.watch(200) == 200
    assert house.nvr.counters.auth_failures == 0


async def test_right_password_brings_everything_back(house: House) -> None:
    await house.open()
    house.nvr.change_password(NEW_PASSWORD)
    await house.refresh()
    await house.assert_silent()
    failures = house.nvr.counters.auth_failures
    flow = house.hass.config_entries.flow.async_progress()[0]
    done = await house.hass.config_entries.flow.async_configure(
        flow["flow_id"], {"username": "admin", "password": NEW_PASSWORD}
    )
    assert done["reason"] == "reauth_successful"
    await house.hass.async_block_till_done()
    await events_up(house.hub)
    await asyncio.gather(*(house.stream(entity_id) for entity_id in LIVE))
    await until(lambda: house.live_sessions == 2, 20)
    house.links.clear()
    assert await house.watch(200) == 200
    await house.still()
    await house.search()
    assert house.nvr.counters.auth_failures == failures


async def test_lock_silences_everything_and_ends_by_itself(
    house: House, issue_registry: ir.IssueRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.nvr.core.credentials.LOCK_MARGIN", timedelta(seconds=0.5))
    monkeypatch.setattr("custom_components.nvr.link.POLL_FAILING", timedelta(seconds=0.2))
    await house.open()
    login = house.nvr.login
    login.policy.lock_seconds = 600.0
    # Somebody else at our address tries passwords.
    while not login.locked_for("127.0.0.1", "admin"):
        login.judge("127.0.0.1", "admin", right=False)
    with pytest.raises(HomeAssistantError) as raised:
        await house.still()
    assert raised.value.translation_key == "locked"
    issue = issue_registry.async_get_issue(DOMAIN, f"{house.entry.entry_id}_locked")
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["until"].count(":") == 1
    await until(lambda: house.nvr.rtsp.counters.sessions_open.total() == 0, 3)
    house.nvr.cut_events()
    await house.hass.async_block_till_done()
    requests, asked = house.nvr.counters.requests, house.nvr.rtsp.counters.requests.total()
    await house.try_everything()
    assert await Player(house.client, house.links[0].path).status() == 403
    assert login.locked_for("127.0.0.1", "admin") > 0
    assert (house.nvr.counters.requests, house.nvr.rtsp.counters.requests.total()) == (requests, asked)
    assert house.hass.config_entries.flow.async_progress() == []
    # Its end is brought near only now: nothing before this depends on how fast the machine is.
    login.policy.lock_seconds -= login.locked_for("127.0.0.1", "admin") - 1.0
    end = dt_util.utcnow() + timedelta(seconds=1.5)
    for guard in shared(house.hass).guards.values():
        guard._locked_until = end
    shared(house.hass).lock_notice(house.entry).async_show(end)
    await until(lambda: house.hub.login_usable, 10)
    await until(lambda: issue_registry.async_get_issue(DOMAIN, f"{house.entry.entry_id}_locked") is None, 10)
    await events_up(house.hub)
    await house.still()
    await house.stream(LIVE[0])
    await until(lambda: house.live_sessions == 1, 20)
    house.links.clear()
    assert await house.watch() == 200
    assert house.nvr.counters.lockouts == 1
