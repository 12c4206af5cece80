"""The recorder reboots in the middle of what people do: a sentence in time, and the same thing whole afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.components.camera import async_get_image
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.nvr.const import CONF_TLS, DOMAIN, EVENT_DETECTION
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.playback import start_playback
from custom_components.nvr.playback_links import PlaybackLink
from tests.simulators.hikvision import PASSWORD, USER, HikvisionSimulator, PathFault

from .conftest import HOST, StartSimulator, events_up, make_entry, set_up, until
from .footage_helpers import MediaBrowser, Player

pytestmark = pytest.mark.usefixtures("nothing_unhandled")

FRONT = "camera.front_door"
# What a person would wait at most; nothing here may need a time limit of the network to end.
PATIENCE = 5.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let polls and the event stream come back in tenths of seconds."""
    for name in ("POLL_FAILING", "POLL_OFFLINE", "POLL_STEADY", "POLL_WITHOUT_EVENTS"):
        monkeypatch.setattr(f"custom_components.nvr.link.{name}", timedelta(seconds=0.3))
    monkeypatch.setattr("custom_components.nvr.core.drivers.hikvision.events.BACK_OFF", (0.1, 0.2))


@dataclass
class World:
    """One recorder in Home Assistant, and somebody who uses it."""

    hass: HomeAssistant
    nvr: HikvisionSimulator
    entry: MockConfigEntry
    browser: MediaBrowser
    client: TestClient[Any, Any]
    link: PlaybackLink

    async def action(self, name: str, **data: Any) -> str:
        answer = await self.hass.services.async_call(
            DOMAIN, name, {"entity_id": FRONT, **data}, blocking=True, return_response=True
        )
        assert answer is not None
        if answer["errors"]:
            raise Refused(str(answer["errors"]))
        return str(answer["cameras"])

    async def search(self) -> str:
        end = (self.nvr.now() - timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
        return await self.action(
            "search_recordings",
            start=(end - timedelta(hours=40)).isoformat(),
            end=end.isoformat(),
            limit=1000,
        )

    async def days(self) -> str:
        return await self.action("list_recording_days")

    async def find(self) -> str:
        return await self.action(
            "find_recording",
            at=(self.nvr.now() - timedelta(days=3)).replace(minute=0, second=0, microsecond=0).isoformat(),
        )

    async def browse(self) -> str:
        answer = await self.browser.ask("browse_media", f"media-source://nvr/1/{self.entry.entry_id}/1")
        if not answer["success"]:
            raise Refused(answer["error"]["message"])
        return str([child["title"] for child in answer["result"]["children"]])

    async def still(self) -> str:
        try:
            image = await async_get_image(self.hass, FRONT)
        except HomeAssistantError as err:
            raise Refused(str(err)) from err
        return image.content[:2].hex()

    async def refresh(self) -> str:
        coordinator = self.entry.runtime_data.coordinator
        await coordinator.async_refresh()
        if not coordinator.last_update_success:
            raise Refused(str(coordinator.last_exception))
        return str([channel.name for channel in coordinator.data])

    async def file(self, name: str) -> str:
        """Fetch a file of the playback; a piece of video is as good as another of the same moment."""
        player = Player(self.client, self.link.path)
        async with self.client.get(f"{player.base}/{name}") as response:
            if response.status != 200:
                assert response.status == 503, await response.text()
                assert "Retry-After" in response.headers
                raise Refused((await response.json())["message"])
            body = await response.read()
        if not name.endswith(".m4s"):
            return body.decode().partition("BANDWIDTH")[0]
        return "video" if len(body) > 1000 else "nothing"


class Refused(Exception):  # noqa: N818 - what a person is told
    """Something was not done; the text is what he reads."""


@pytest.fixture(name="world")
async def world_fixture(
    hass: HomeAssistant,
    start_simulator: StartSimulator,
    hass_ws_client: WebSocketGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> World:
    nvr = await start_simulator(channels=2, rtsp=True, h264_only=True)
    nvr.rtsp.faults.delivery = 20.0
    nvr.set_faults(search__page_cap=5, search__position="both")
    assert await async_setup_component(hass, "media_source", {})
    entry = make_entry(nvr)
    await events_up(await set_up(hass, entry))
    start = nvr.now().replace(microsecond=0) - timedelta(hours=2)
    link = await start_playback(hass, entry, 1, TimeSpan(start, start + timedelta(minutes=30)), None)
    return World(hass, nvr, entry, MediaBrowser(await hass_ws_client()), await hass_client_no_auth(), link)


async def rebooted(nvr: HikvisionSimulator, work: Callable[[], Awaitable[str]], reached: Callable[[], object]) -> str:
    """Begin, pull the plug once it is under way, and return what the person is told, in time; then power on again."""
    task = asyncio.ensure_future(work())
    await until(lambda: reached() or task.done())
    assert not task.done(), "it was over before the recorder went"
    await nvr.power_off()
    try:
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(Refused) as raised:
                await task
    finally:
        nvr.faults.paths.clear()
        nvr.rtsp.faults.describe_hangs = nvr.rtsp.faults.playback_hangs = False
        await nvr.power_on()
    return str(raised.value)


def hang(nvr: HikvisionSimulator, path: str) -> Callable[[], bool]:
    """Let the recorder take the next request for a path and never answer it; tells when it has it."""
    before = nvr.counters.by_path[path]
    nvr.faults.paths[path] = PathFault(kind="hang")
    return lambda: nvr.counters.by_path[path] > before


def hang_rtsp(nvr: HikvisionSimulator, method: str) -> Callable[[], bool]:
    before = nvr.rtsp.counters.requests[method]
    nvr.rtsp.faults.describe_hangs = method == "DESCRIBE"
    nvr.rtsp.faults.playback_hangs = method == "PLAY"
    return lambda: nvr.rtsp.counters.requests[method] > before


def second_page(nvr: HikvisionSimulator) -> Callable[[], bool]:
    before = nvr.counters.search_pages
    nvr.set_faults(load__latency_ms=30.0)
    return lambda: nvr.counters.search_pages >= before + 2


type Operation = tuple[Callable[[World], Awaitable[str]], Callable[[HikvisionSimulator], Callable[[], bool]]]

SEARCH = "/ISAPI/ContentMgmt/search"
OPERATIONS: dict[str, Operation] = {
    "refresh": (World.refresh, lambda nvr: hang(nvr, "/ISAPI/ContentMgmt/InputProxy/channels")),
    "search": (World.search, lambda nvr: hang(nvr, SEARCH)),
    "search between pages": (World.search, second_page),
    "find": (World.find, lambda nvr: hang(nvr, SEARCH)),
    "days": (World.days, lambda nvr: hang(nvr, "/ISAPI/ContentMgmt/record/tracks/101/dailyDistribution")),
    "browse": (World.browse, lambda nvr: hang(nvr, "/ISAPI/ContentMgmt/record/tracks/101/dailyDistribution")),
    "still": (World.still, lambda nvr: hang(nvr, "/ISAPI/Streaming/channels/101/picture")),
    "playlist": (lambda world: world.file("master.m3u8"), lambda nvr: hang_rtsp(nvr, "DESCRIBE")),
    "segment": (lambda world: world.file("s0.m4s"), lambda nvr: hang_rtsp(nvr, "PLAY")),
}


@pytest.mark.parametrize("name", OPERATIONS)
async def test_reboot_is_told_in_time_and_repeating_gives_the_whole(world: World, name: str) -> None:
    work, prepare = OPERATIONS[name]
    told = await rebooted(world.nvr, lambda: work(world), prepare(world.nvr))
    assert "Test NVR" in told
    assert HOST not in told
    assert "Error" not in told
    world.nvr.set_faults(load__latency_ms=0.0)
    again = await work(world)
    if name in {"playlist", "segment"}:
        assert again.startswith("#EXTM3U" if name == "playlist" else "video")
        return
    # The truth is what is told to one who asks for the first time: nothing half was remembered.
    await world.hass.config_entries.async_reload(world.entry.entry_id)
    await world.hass.async_block_till_done()
    assert again == await work(world)
    if "search" in name:
        assert again.count("media_content_id") > 20


async def test_far_seek_while_it_reboots_and_the_picture_comes_back(world: World) -> None:
    assert await world.file("s0.m4s") == "video"
    told = await rebooted(world.nvr, lambda: world.file("s150.m4s"), hang_rtsp(world.nvr, "PLAY"))
    assert "Test NVR" in told
    player = Player(world.client, world.link.path)
    lengths = [length for _, length in await player.segments()]
    begins, ends = sum(lengths[:150]), sum(lengths[:151])
    shown = [(at, code) for at, code in await player.frames("s150.m4s") if at >= begins - 0.001]
    assert len(shown) >= (ends - begins) * 10 - 1
    # A segment may begin inside a group of pictures: what leads up to it flies by at its very beginning.
    wrong = [abs((code.time - world.link.span.start).total_seconds() - at) for at, code in shown if at >= begins + 0.5]
    assert len(wrong) >= 50
    assert max(wrong) <= 0.1, wrong
    await until(lambda: world.nvr.rtsp.counters.sessions_open["playback"] == 1)


async def test_event_stream_resumes_and_tells_what_happens_then(world: World) -> None:
    bus = async_capture_events(world.hass, EVENT_DETECTION)
    hub = world.entry.runtime_data.hub
    world.nvr.motion(1)
    await until(lambda: bus)
    world.nvr.alerts.cut(inside_part=True)
    await world.nvr.power_off()
    await until(lambda: hub.link.stream_state != "alive")
    world.nvr.motion(1, on=False)
    await world.nvr.power_on()
    await events_up(hub)
    await until(lambda: world.nvr.counters.alert_streams_active == 1)
    # Motion that ended while nobody listened ends here too.
    await until(lambda: [event.data["phase"] for event in bus] == ["start", "stop"], 20)
    assert world.nvr.emit("linedetection", 2)
    await until(lambda: len(bus) == 3)
    assert (bus[2].data["channel"], bus[2].data["kind"]) == (2, "line_crossing")


@pytest.mark.parametrize("path", ["/ISAPI/System/deviceInfo", "/ISAPI/Event/triggers"])
async def test_setup_is_tried_again_with_the_reason(
    hass: HomeAssistant, start_simulator: StartSimulator, path: str
) -> None:
    nvr = await start_simulator(channels=2)
    entry = make_entry(nvr)
    entry.add_to_hass(hass)

    async def work() -> str:
        if not await hass.config_entries.async_setup(entry.entry_id):
            assert entry.state is ConfigEntryState.SETUP_RETRY
            raise Refused(f"{entry.error_reason_translation_key}: {entry.reason}")
        return ""

    told = await rebooted(nvr, work, hang(nvr, path))
    assert told.startswith("unreachable: ")
    assert "Test NVR" in told
    await hass.config_entries.async_reload(entry.entry_id)
    await events_up(await set_up(hass, entry))
    assert len(hass.states.async_entity_ids("camera")) == 2


@pytest.mark.parametrize("path", ["/ISAPI/System/deviceInfo", "/ISAPI/Streaming/channels"])
async def test_config_flow_asks_again_and_goes_on(
    hass: HomeAssistant, start_simulator: StartSimulator, path: str
) -> None:
    nvr = await start_simulator(channels=2)
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    login = {CONF_USERNAME: USER, CONF_PASSWORD: PASSWORD}

    async def work() -> str:
        typed = {CONF_HOST: f"{HOST}:{nvr.http_port}", **login}
        shown = await hass.config_entries.flow.async_configure(flow["flow_id"], typed)
        raise Refused(f"{shown['step_id']} {shown['errors']}")

    told = await rebooted(nvr, work, hang(nvr, path))
    assert told == "connection {'base': 'unreachable'}"
    again = {CONF_HOST: HOST, CONF_PORT: nvr.http_port, CONF_TLS: False}
    done = await hass.config_entries.flow.async_configure(flow["flow_id"], again)
    assert done["type"] == "create_entry"
    await hass.async_block_till_done()
    assert done["result"].state is ConfigEntryState.LOADED
