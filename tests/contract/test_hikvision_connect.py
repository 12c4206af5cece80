"""What a connect asks for and makes of the answers: simulated firmware, composed answers, and captures when given."""

import asyncio
from datetime import UTC, datetime, timedelta
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

from .hikvision_driver import config, documents, driving, last, recorder, search

pytestmark = pytest.mark.usefixtures("socket_enabled")

FIXTURES = Path(__file__).parents[1] / "fixtures" / "hikvision"
COMPOSED = sorted(FIXTURES.iterdir())
_CAPTURES = os.environ.get("NVR_CAPTURES")
# One family's folder, or one that holds a folder of each.
_WIRE = [Path(_CAPTURES) / "wire", Path(_CAPTURES) / "hikvision" / "wire"] if _CAPTURES else []
CAPTURED = sorted(device for folder in _WIRE if folder.is_dir() for device in folder.iterdir())


@pytest.mark.parametrize(
    ("profile", "kind", "channels"),
    [
        ("nvr8", RecorderKind.NVR, 8),
        ("nvr16", RecorderKind.NVR, 16),
        ("nvr-old", RecorderKind.NVR, 9),
        ("nvr32", RecorderKind.NVR, 32),
        ("dvr4", RecorderKind.HYBRID, None),
        ("dvr8", RecorderKind.HYBRID, None),
        ("ipc", RecorderKind.CAMERA, 1),
        ("ipc2", RecorderKind.CAMERA, 2),
        ("ipc-old", RecorderKind.CAMERA, 1),
    ],
)
async def test_every_firmware_is_learned_within_the_budget(
    profile: str, kind: RecorderKind, channels: int | None
) -> None:
    async with recorder(profile) as (simulator, driver):
        assert simulator.counters.requests <= 14
        assert simulator.counters.unauthorized <= 2
        assert simulator.counters.max_active <= 4
        assert driver.info.kind is kind
        assert driver.info.serial == simulator.serial
        assert channels is None or len(driver.channels) == channels
        assert [channel.number for channel in driver.channels] == sorted(simulator.device.channels)
        assert {channel.name for channel in driver.channels} == {
            channel.name for channel in simulator.device.channels.values()
        }
        assert all(channel.profile(StreamRole.MAIN) for channel in driver.channels)
        asked = simulator.counters.by_path
        assert not [path for path in asked if path.removeprefix("/ISAPI/Streaming/channels").strip("/").isdigit()]
        assert driver.clock is not None
        assert (await driver.clock.read()).zone == driver.clock.current.zone
        await driver.ping()


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


async def test_what_connect_has_read_is_not_read_again_at_once() -> None:
    async with recorder() as (simulator, driver):
        assert driver.storage is not None
        assert driver.maintenance is not None
        before = simulator.counters.requests
        assert await driver.storage.disks()
        assert (await driver.maintenance.status()).uptime is not None
        assert simulator.counters.requests == before
        await driver.storage.disks()
        await driver.maintenance.status()
        assert simulator.counters.requests == before + 2


@pytest.mark.parametrize("profile", ["nvr8", "ipc", "dvr4"])
async def test_channels_are_read_anew_in_two_requests(profile: str) -> None:
    async with recorder(profile) as (simulator, driver):
        before = simulator.counters.requests
        assert await driver.refresh_channels() == driver.channels
        assert simulator.counters.requests - before <= 2


@pytest.mark.parametrize("channels", [4, 32])
async def test_requests_do_not_grow_with_channels(channels: int) -> None:
    async with recorder("nvr32", channels=channels) as (simulator, _):
        assert simulator.counters.requests == 12


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


async def test_memory_saves_what_is_refused_and_profiles_of_cameras_away() -> None:
    async with HikvisionSimulator(profile="nvr-old") as simulator:
        async with driving(simulator) as driver:
            memory = dict(driver.memory)
        before = simulator.counters.requests
        async with driving(simulator, memory=memory) as driver:
            assert simulator.counters.requests - before < before
            assert driver.capabilities.notes
    async with HikvisionSimulator(profile="nvr8") as simulator:
        async with driving(simulator) as driver:
            memory, known = dict(driver.memory), driver.channels[1].profiles
        await simulator.set_channel_online(2, online=False)
        async with driving(simulator, memory=memory) as driver:
            assert driver.channels[1].online is False
            assert driver.channels[1].profiles == known
            await simulator.set_channel_online(2, online=True)
            simulator.rename_channel(3, "Renamed  here")
            before = simulator.counters.requests
            channels = await driver.refresh_channels()
            assert simulator.counters.requests - before == 2
            assert (channels[1].online, channels[2].name) == (True, "Renamed here")
            assert driver.channels == channels


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


async def test_a_wrong_password_is_sent_once_and_a_lock_is_told() -> None:
    async with HikvisionSimulator(profile="nvr8") as simulator:
        driver = HikvisionDriver(config(simulator, password="wrong-pass-1"))
        with pytest.raises(errors.NvrAuthError):
            await driver.connect()
        await driver.close()
        assert simulator.counters.auth_failures <= 1
        with pytest.raises(errors.NvrAuthError):
            await connect_any(config(simulator, password="wrong-pass-1"), None)
        assert simulator.counters.auth_failures <= 2


async def test_nonces_may_die_at_any_time() -> None:
    async with recorder() as (simulator, driver):
        for _ in range(3):
            simulator.rotate_nonces()
            await asyncio.gather(driver.ping(), driver.refresh_channels(), driver.ping())
        assert simulator.counters.auth_failures == 0


async def test_families_tell_recorders_from_other_boxes() -> None:
    async with HikvisionSimulator(profile="nvr8") as simulator:
        driver = await connect_any(config(simulator), None)
        assert driver.info.serial == simulator.serial
        await driver.close()
        assert simulator.counters.auth_failures == 0
        with pytest.raises(errors.NvrUnsupportedError):
            build_driver("unheard-of", config(simulator), None)
    async with documents(Path("/nonexistent")) as (port, asked):
        nowhere = ConnectionConfig("127.0.0.1", "admin", "nvr-test-pass", port=port)
        with pytest.raises(errors.NvrUnsupportedError):
            await connect_any(nowhere, None)
        assert asked == ["System/deviceInfo", "/System/deviceInfo", "/cgi-bin/magicBox.cgi", "/RPC2_Login"]
    with pytest.raises(errors.NvrUnreachableError):
        await connect_any(nowhere, None)


async def test_basic_needs_consent() -> None:
    async with HikvisionSimulator(profile="basic") as simulator:
        driver = HikvisionDriver(config(simulator))
        with pytest.raises(errors.NvrInsecureLoginError):
            await driver.connect()
        await driver.close()
        driver = HikvisionDriver(config(simulator, plain_basic=True))
        await driver.connect()
        assert driver.channels
        # Playback over RTSP asks for the same consent.
        assert driver.playback is not None
        assert (await driver.playback.request(driver.channels[0].number, last(1))).address.plain_basic
        await driver.close()


async def test_plain_http_that_points_to_https() -> None:
    import aiohttp  # noqa: PLC0415 - only here

    async with HikvisionSimulator(profile="nvr8", https_port=0) as simulator, aiohttp.ClientSession() as session:
        simulator.faults.documents.redirect_https = True
        found = await detect(config(simulator), session)
        assert found.candidates == ("hikvision",)
        assert found.https_port == simulator.https_port
        assert found.fingerprint == simulator.fingerprint


FAILURES = [
    pytest.param(PathFault(status=503, code=2, sub="deviceBusy"), id="busy"),
    pytest.param(PathFault(status=404, code=4, sub="notSupport"), id="404"),
    pytest.param(PathFault(status=403, code=4, sub="lowPrivilege"), id="403"),
    pytest.param(PathFault(kind="garbage"), id="garbage"),
]


@pytest.mark.parametrize("fault", FAILURES)
async def test_a_clock_that_is_not_told_once_is_the_one_told_before(fault: PathFault) -> None:
    async with recorder("nvr8", utc_offset=480, skew=95) as (simulator, driver):
        assert driver.clock is not None
        known = driver.clock.current
        assert known.measured
        simulator.faults.paths["/ISAPI/System/time"] = fault
        await driver.connect()
        kept = driver.clock.current
        assert (kept.zone, kept.skew, kept.read_at, kept.measured) == (known.zone, known.skew, known.read_at, False)
        with pytest.raises(errors.NvrError):
            await driver.clock.read()
        assert driver.clock.current == kept
        simulator.faults.paths.clear()
        await driver.connect()
        assert driver.clock.current.read_at > kept.read_at


async def test_a_clock_that_was_never_told_says_so_and_is_asked_for_by_the_next_search() -> None:
    async with HikvisionSimulator(profile="nvr8", channels=1, utc_offset=480) as simulator:
        simulator.faults.paths["/ISAPI/System/time"] = PathFault(status=404, code=4, sub="notSupport")
        moved = timedelta(0)
        async with driving(simulator, utcnow=lambda: datetime.now(UTC) + moved) as driver:
            assert driver.clock is not None
            assumed = driver.clock.current
            assert not assumed.measured
            assert not driver.memory["refused"]
            simulator.faults.paths.clear()
            moved = timedelta(seconds=61)
            assert await search(driver, 1, last(1))
            assert driver.clock.current != assumed
            assert driver.clock.current.zone.utcoffset(None) == timedelta(hours=8)


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
