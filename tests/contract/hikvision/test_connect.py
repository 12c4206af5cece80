"""Which documents a connect can do without, and what it makes of answers of real devices."""

import os
from pathlib import Path

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.driver import ConnectionConfig
from custom_components.nvr.core.drivers.hikvision import HikvisionDriver
from custom_components.nvr.core.families import build_driver, connect_any, detect
from custom_components.nvr.core.models import ChannelKind, RecorderKind, StreamRole, VideoCodec
from tests.simulators.hikvision.simulator import HikvisionSimulator
from tests.simulators.switches import PathFault

from ..rig import config_for
from ..rigs.hikvision import documents, driving, recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")

FIXTURES = Path(__file__).parents[2] / "fixtures" / "hikvision"
COMPOSED = sorted(FIXTURES.iterdir())
_CAPTURES = os.environ.get("NVR_CAPTURES")
# One family's folder, or one that holds a folder of each.
_WIRE = [Path(_CAPTURES) / "wire", Path(_CAPTURES) / "hikvision" / "wire"] if _CAPTURES else []
CAPTURED = sorted(device for folder in _WIRE if folder.is_dir() for device in folder.iterdir())
FAILURES = [
    pytest.param(PathFault(status=503, code=2, sub="deviceBusy"), id="busy"),
    pytest.param(PathFault(status=404, code=4, sub="notSupport"), id="404"),
    pytest.param(PathFault(status=403, code=4, sub="lowPrivilege"), id="403"),
    pytest.param(PathFault(kind="garbage"), id="garbage"),
]


async def test_what_was_known_before_a_reconnect_is_not_lost_and_not_shown_as_fresh() -> None:
    async with HikvisionSimulator(profile="nvr8") as simulator, driving(simulator) as driver:
        assert driver.live is not None
        before = driver.live.address(1, StreamRole.MAIN).url
        for path in ("/ISAPI/Security/adminAccesses*", "/ISAPI/ContentMgmt/Storage*", "/ISAPI/System/status*"):
            simulator.faults.paths[path] = PathFault(status=503)
        await driver.connect()
        assert driver.live.address(1, StreamRole.MAIN).url == before
        assert driver.storage is not None
        assert driver.maintenance is not None
        # What is not told now is not made up of what was told then.
        for ask in (driver.storage.disks, driver.maintenance.status):
            with pytest.raises(errors.NvrError):
                await ask()
        simulator.faults.paths.clear()
        assert await driver.storage.disks()


@pytest.mark.parametrize("folder", [*COMPOSED, *CAPTURED], ids=lambda folder: folder.name)
async def test_answers_of_devices_go_through_the_driver(folder: Path) -> None:
    async with documents(folder) as (port, asked):
        driver = HikvisionDriver(ConnectionConfig("127.0.0.1", "admin", "nvr-test-pass", port=port))
        try:
            await driver.connect()
            assert len(asked) <= 13
            assert driver.info.serial
            assert driver.info.firmware.startswith("V")
            numbers = [channel.number for channel in driver.channels]
            assert numbers == sorted(set(numbers))
            assert all(channel.id == f"{driver.info.serial}_{channel.number}" for channel in driver.channels)
            assert all(channel.profile(StreamRole.MAIN) for channel in driver.channels)
            assert any(channel.detections for channel in driver.channels)
            names = [channel.name for channel in driver.channels]
            assert all(name and name == name.strip() for name in names)
            if (folder / "Streaming__channels.xml").exists():
                videos = {item.video for channel in driver.channels for item in channel.profiles}
                assert videos - {VideoCodec.UNKNOWN}
            assert driver.live is not None
            first = driver.live.address(numbers[0], StreamRole.MAIN)
            assert first.url.startswith("rtsp://127.0.0.1:")
            is_camera = driver.info.kind is RecorderKind.CAMERA
            assert is_camera == all(channel.kind is ChannelKind.BUILT_IN for channel in driver.channels)
        finally:
            await driver.close()


async def test_an_odd_rtsp_port_is_found() -> None:
    async with documents(FIXTURES / "DS-7608NXI-K2_V4.62.210") as (port, _):
        driver = HikvisionDriver(ConnectionConfig("127.0.0.1", "admin", "nvr-test-pass", port=port))
        await driver.connect()
        assert driver.live is not None
        assert driver.live.address(2, StreamRole.SUB).url == "rtsp://127.0.0.1:10554/Streaming/Channels/202"
        with pytest.raises(errors.NvrNotFoundError):
            driver.live.address(9, StreamRole.MAIN)
        with pytest.raises(errors.NvrNotFoundError):
            driver.live.address(1, StreamRole.THIRD)
        await driver.close()


@pytest.mark.parametrize(
    "path", ["System/capabilities", "Event/triggers", "ContentMgmt/record/tracks", "System/status"]
)
@pytest.mark.parametrize("kind", ["garbage", "status", "ok-status", "html", "empty"])
async def test_optional_documents_may_fail_alone(path: str, kind: str) -> None:
    async with HikvisionSimulator(profile="nvr8") as simulator:
        simulator.faults.paths[f"/ISAPI/{path}"] = PathFault(kind=kind)
        async with driving(simulator) as driver:
            assert len(driver.channels) == 8
            assert any(path in note for note in driver.capabilities.notes)


@pytest.mark.parametrize("profile", ["ipc", "ipc2", "nvr8", "dvr8"])
@pytest.mark.parametrize("named", [True, False])
async def test_kinds_are_learned_without_the_list_of_triggers(profile: str, named: bool) -> None:
    async with HikvisionSimulator(profile=profile) as simulator:
        async with driving(simulator) as driver:
            usual = {channel.number: channel.detections for channel in driver.channels}
        simulator.faults.paths["/ISAPI/Event/triggers"] = PathFault(status=500, code=3, sub="deviceError")
        simulator.set_faults(documents__channel_events=named)
        before = simulator.counters.requests
        async with driving(simulator) as driver:
            assert simulator.counters.requests - before <= 14
            found = {channel.number: channel.detections for channel in driver.channels}
            # The list itself leaves some kinds out: scene change on cameras (hikvision-isapi 11.5).
            assert all(found[number] >= usual[number] if named else not found[number] for number in usual)
            assert found.keys() == usual.keys()


async def test_a_channel_list_that_fails_fails_the_connect() -> None:
    async with HikvisionSimulator(profile="nvr8") as simulator:
        simulator.faults.paths["/ISAPI/ContentMgmt/InputProxy/channels"] = PathFault(kind="truncated")
        with pytest.raises(errors.NvrResponseError):
            async with driving(simulator):
                pass
        simulator.faults.paths["/ISAPI/ContentMgmt/InputProxy/channels"] = PathFault(sub="lowPrivilege")
        with pytest.raises(errors.NvrPermissionError):
            async with driving(simulator):
                pass
        simulator.faults.paths.clear()
        async with driving(simulator) as driver:
            assert len(driver.channels) == 8


async def test_hostile_documents_are_refused() -> None:
    async with HikvisionSimulator(profile="nvr8") as simulator:
        simulator.faults.paths["/ISAPI/System/deviceInfo"] = PathFault(kind="doctype")
        with pytest.raises(errors.NvrUnsupportedError):
            async with driving(simulator):
                pass


async def test_no_prefix_on_the_oldest_firmware() -> None:
    async with HikvisionSimulator(profile="nvr8") as simulator:
        simulator.faults.documents.prefix = "none"
        async with driving(simulator) as driver:
            assert len(driver.channels) == 8


async def test_families_tell_recorders_from_other_boxes() -> None:
    async with HikvisionSimulator(profile="nvr8") as simulator:
        driver = await connect_any(config_for(simulator), None)
        assert driver.info.serial == simulator.serial
        await driver.close()
        assert simulator.counters.auth_failures == 0
        with pytest.raises(errors.NvrUnsupportedError):
            build_driver("unheard-of", config_for(simulator), None)
    async with documents(Path("/nonexistent")) as (port, asked):
        nowhere = ConnectionConfig("127.0.0.1", "admin", "nvr-test-pass", port=port)
        with pytest.raises(errors.NvrUnsupportedError):
            await connect_any(nowhere, None)
        assert asked == ["System/deviceInfo", "/System/deviceInfo", "/cgi-bin/magicBox.cgi", "/RPC2_Login"]
    with pytest.raises(errors.NvrUnreachableError):
        await connect_any(nowhere, None)


async def test_plain_http_that_points_to_https() -> None:
    import aiohttp  # noqa: PLC0415 - only here

    async with HikvisionSimulator(profile="nvr8", https_port=0) as simulator, aiohttp.ClientSession() as session:
        simulator.faults.documents.redirect_https = True
        found = await detect(config_for(simulator), session)
        assert found.candidates == ("hikvision",)
        assert found.https_port == simulator.https_port
        assert found.fingerprint == simulator.fingerprint


@pytest.mark.parametrize("fault", FAILURES)
async def test_what_one_connect_is_refused_is_known_from_the_one_before(fault: PathFault) -> None:
    async with recorder("nvr8") as (simulator, driver):
        assert driver.live is not None
        before = (driver.channels, driver.capabilities.search_kinds, driver.live.address(1, StreamRole.MAIN).url)
        paths = ("ContentMgmt/Storage", "System/status", "Security/adminAccesses", "System/capabilities")
        for path in (*paths, "Event/triggers", "ContentMgmt/record/tracks"):
            simulator.faults.paths[f"/ISAPI/{path}"] = fault
        simulator.set_faults(documents__channel_events=False)
        await driver.connect()
        after = (driver.channels, driver.capabilities.search_kinds, driver.live.address(1, StreamRole.MAIN).url)
        assert after == before
        assert driver.storage is not None
        assert driver.maintenance is not None
        simulator.faults.paths.clear()
        assert await driver.storage.disks()
        assert (await driver.maintenance.status()).uptime is not None
