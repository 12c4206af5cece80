"""Our blueprints: imported as a person does it, triggered by a simulated NVR, notifications and links followed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed, async_mock_service
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.nvr.const import CONF_GRACE_TIME, POLL_FAILING
from custom_components.nvr.hub import NvrHub

from .conftest import StartSimulator, events_up, every_family, make_entry, set_up, until
from .export_helpers import media_folder_in
from .happenings import cross_line, second_family_slow
from .picture_helpers import look
from .recorders import HIKVISION, Recorder, family_of

FOLDER = Path(__file__).parents[2] / "blueprints" / "automation" / "nvr"

type Import = Callable[..., Awaitable[list[ServiceCall]]]


@pytest.fixture
async def imported(
    hass: HomeAssistant, tmp_path: Path, hass_ws_client: WebSocketGenerator, hass_client: ClientSessionGenerator
) -> AsyncIterator[Import]:
    """Import a blueprint by its address, make an automation of it, and return what it notifies of."""
    (tmp_path / "configuration.yaml").write_text("automation: !include automations.yaml\n", encoding="utf-8")
    (tmp_path / "automations.yaml").write_text("[]\n", encoding="utf-8")
    notified = async_mock_service(hass, "notify", "notify")
    app = web.Application()
    app.router.add_static("/", FOLDER)
    async with TestServer(app) as server:

        async def use(name: str, **inputs: Any) -> list[ServiceCall]:
            for component in ("automation", "config"):
                assert await async_setup_component(hass, component, {})
            ws = await hass_ws_client(hass)
            await ws.send_json_auto_id({"type": "blueprint/import", "url": str(server.make_url(f"/{name}.yaml"))})
            found = (await ws.receive_json())["result"]
            assert found["validation_errors"] is None
            path = f"nvr/{name}.yaml"
            saved = {"domain": "automation", "path": path, "yaml": found["raw_data"]}
            await ws.send_json_auto_id({"type": "blueprint/save", **saved})
            assert (await ws.receive_json())["success"]
            config = {"alias": "ours", "use_blueprint": {"path": path, "input": inputs}}
            answer = await (await hass_client()).post("/api/config/automation/config/1", json=config)
            assert answer.status == HTTPStatus.OK, await answer.text()
            await hass.async_block_till_done()
            automation = hass.states.get("automation.ours")
            assert automation is not None
            assert automation.state == STATE_ON
            return notified

        yield use


async def ready(hass: HomeAssistant, nvr: Recorder, **options: Any) -> NvrHub:
    hub = await set_up(hass, make_entry(nvr, options=options))
    await events_up(hub)
    await until(lambda: family_of(nvr).open(nvr)["event streams"] == 1)
    return hub


def running(hass: HomeAssistant) -> int:
    """Return how many runs of the automation wait for something; a test that blocks until all is done would too."""
    automation = hass.states.get("automation.ours")
    return int(automation.attributes["current"]) if automation is not None else 0


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POLL_FAILING", "POLL_OFFLINE", "POLL_STEADY", "POLL_WITHOUT_EVENTS"):
        monkeypatch.setattr(f"custom_components.nvr.link.{name}", POLL_FAILING / 20)


@pytest.mark.slow
@every_family
async def test_a_detection_is_told_with_its_picture(
    hass: HomeAssistant, start_simulator: StartSimulator, imported: Import, hass_client: ClientSessionGenerator
) -> None:
    nvr = await start_simulator(channels=2, rtsp=True)
    nvr.rtsp.faults.delivery = 20.0
    await ready(hass, nvr)
    notified = await imported("detection", cameras=["camera.front_door"], targets=["person"])
    cross_line(nvr, 2)
    cross_line(nvr, 1)
    await until(lambda: notified, 30)
    told = notified[0].data
    assert (told["title"], told["message"]) == ("Front door", "Line crossing (person)")
    async with (await hass_client()).get(told["data"]["image"]) as answer:
        assert answer.status == HTTPStatus.OK
        seen = look(await answer.read())
    assert seen.code.channel == 1
    # The next one comes within the pause.
    cross_line(nvr, 1, on=False)
    cross_line(nvr, 1)
    await hass.async_block_till_done()
    assert len(notified) == 1


@pytest.mark.slow
async def test_a_clip_takes_the_place_of_the_picture(
    hass: HomeAssistant,
    start_simulator: StartSimulator,
    imported: Import,
    tmp_path: Path,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    media_folder_in(hass, tmp_path)
    hass.config.internal_url = "http://127.0.0.1:8123"
    nvr = await start_simulator(channels=1, rtsp=True)
    nvr.rtsp.faults.delivery = 20.0
    await ready(hass, nvr)
    notified = await imported("detection", clip=True, before=2, after=2)
    cross_line(nvr, 1)
    await until(lambda: len(notified) == 2, 60)
    first, second = (call.data["data"] for call in notified)
    assert first["tag"] == second["tag"]
    assert second["url"] == second["clickAction"]
    path = second["url"].removeprefix("http://127.0.0.1:8123")
    async with (await hass_client_no_auth()).get(path) as answer:
        assert answer.status == HTTPStatus.OK
        assert b"ftyp" in (await answer.read())[:16]


@second_family_slow
@pytest.mark.usefixtures("quick")
async def test_who_is_away_is_told_with_the_reason_and_again_when_back(
    hass: HomeAssistant, nvr: Recorder, imported: Import
) -> None:
    hub = await ready(hass, nvr, **{CONF_GRACE_TIME: 1})
    notified = await imported("offline", patience={"minutes": 2})
    await nvr.power_off()
    await until(lambda: running(hass) == 1, 20)
    assert not notified
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=3))
    await until(lambda: notified)
    assert notified[0].data["title"] == "Test NVR"
    assert notified[0].data["message"].endswith("it does not answer.")
    assert notified[0].data["data"]["url"] == f"/config/devices/device/{hub.device_id}"
    await nvr.power_on()
    await until(lambda: len(notified) == 2, 20)
    assert notified[1].data["message"].startswith("Online again after 0:0")
    assert notified[1].data["data"]["tag"] == notified[0].data["data"]["tag"]
    await until(lambda: running(hass) == 0)


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
async def test_who_comes_back_in_time_is_not_told(hass: HomeAssistant, nvr: Recorder, imported: Import) -> None:
    hub = await ready(hass, nvr, **{CONF_GRACE_TIME: 1})
    notified = await imported("offline", devices=[hub.channel_device_id(2)])
    for number in (2, 3):
        await nvr.set_channel_online(number, online=False)
    await until(lambda: hub.watch.absence(2) and hub.watch.absence(3) and running(hass) == 1, 15)
    await nvr.set_channel_online(2, online=True)
    await until(lambda: running(hass) == 0, 15)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=3))
    await hass.async_block_till_done()
    assert not notified


@every_family
async def test_what_is_not_recorded_is_told(hass: HomeAssistant, nvr: Recorder, imported: Import) -> None:
    hub = await ready(hass, nvr)
    sensor = "binary_sensor.front_door_connectivity"
    notified = await imported("no_recording", sensors=[sensor], patience={"minutes": 40})
    if family_of(nvr) is HIKVISION:
        assert nvr.emit("recordingfailure", 0)
        kind = "Recording failed."
    else:
        nvr.emit("StorageFailure", 0)
        kind = "Disk error."
    await until(lambda: notified)
    assert (notified[0].data["title"], notified[0].data["message"]) == ("Test NVR", kind)
    hass.states.async_set(sensor, "off")
    await hass.async_block_till_done()
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=41))
    await until(lambda: len(notified) == 2)
    assert notified[1].data["title"] == "Front door"
    assert notified[1].data["message"].startswith("Not recording since ")
    assert notified[1].data["data"]["url"] == f"/config/devices/device/{hub.channel_device_id(1)}"
