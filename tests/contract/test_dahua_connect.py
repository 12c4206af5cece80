"""What a connect to a Dahua unit asks for, what it makes of the answers, and what it makes of refused logins."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.credentials import LOCK_MARGIN, LoginGuard
from custom_components.nvr.core.drivers.dahua import DahuaDriver, rpc
from custom_components.nvr.core.families import connect_any, detect
from custom_components.nvr.core.models import ChannelKind, DiskState, RecorderKind, StreamRole, VideoCodec
from tests.simulators.dahua.firmware import FIRMWARES, Slot
from tests.simulators.dahua.simulator import DahuaSimulator
from tests.simulators.hikvision.simulator import HikvisionSimulator
from tests.simulators.switches import PathFault

from .helpers import listening
from .rigs.dahua import config, driving, recorder
from .rigs.hikvision import config as hikvision_config

pytestmark = pytest.mark.usefixtures("socket_enabled")

WRONG = "wrong-pass-1"
KINDS = {
    "xvr": (RecorderKind.HYBRID, "Dahua"),
    "ipc_sd": (RecorderKind.CAMERA, "Dahua"),
    "nv4116": (RecorderKind.NVR, "Amcrest"),
    "lorex": (RecorderKind.NVR, "Lorex"),
    "quirk200": (RecorderKind.NVR, "Lorex"),
}
# Slots that hold a camera, and those that seem to: nothing tells a camera that was taken out from one that is away.
_HELD = {Slot.CAMERA, Slot.ANALOG, Slot.ONVIF, Slot.STALE}


@pytest.mark.parametrize("profile", FIRMWARES)
async def test_every_firmware_is_learned_within_the_budget(profile: str) -> None:
    kind, maker = KINDS.get(profile, (RecorderKind.NVR, "Dahua"))
    async with recorder(profile) as (simulator, driver):
        counters = simulator.counters
        assert counters.requests <= 15
        assert counters.unauthorized <= 2
        assert counters.auth_failures == 0
        assert counters.max_active <= 2
        info, device = driver.info, simulator.device
        assert (info.kind, info.manufacturer, info.serial) == (kind, maker, simulator.serial)
        assert info.firmware.startswith(device.version)
        assert info.model in {device.firmware.model, device.firmware.device_type}
        expected = {number: slot for number, slot in device.channels.items() if slot.slot in _HELD}
        assert [channel.number for channel in driver.channels] == sorted(expected)
        for channel in driver.channels:
            slot = expected[channel.number]
            assert channel.id == f"{info.serial}_{channel.number}"
            assert channel.name == slot.title
            if slot.slot is not Slot.STALE:
                assert channel.online is True
                main = channel.profile(StreamRole.MAIN)
                assert main is not None
                assert main.video is (VideoCodec.H265 if slot.streams[0].codec == "H.265" else VideoCodec.H264)
                assert (main.width, main.fps) == (slot.streams[0].width, slot.streams[0].fps)
                assert channel.profile(StreamRole.SUB) is not None
        assert driver.clock is not None
        clock = driver.clock.current
        now = datetime.now(UTC)
        for months in range(12):
            moment = now + timedelta(days=30 * months)
            assert moment.astimezone(clock.zone).utcoffset() == moment.astimezone(device.zone.tzinfo()).utcoffset()
        assert abs(clock.skew) <= timedelta(seconds=2)
        await driver.ping()
    assert simulator.counters.rpc_sessions == 0


@pytest.mark.parametrize("channels", [4, 32])
async def test_requests_do_not_grow_with_channels(channels: int) -> None:
    async with (
        DahuaSimulator(profile="nvr5232", channels=channels) as simulator,
        driving(simulator, settings={"rtsp_port": None}) as driver,
        listening(driver),
    ):
        assert sum(channel.online is True for channel in driver.channels) >= channels
        assert simulator.counters.requests <= 15
        assert simulator.counters.unauthorized <= 2
        assert driver.live is not None
        address = driver.live.address(2, StreamRole.SUB)
        assert address.url == f"rtsp://127.0.0.1:{simulator.rtsp_port}/cam/realmonitor?channel=2&subtype=1"
        before = simulator.counters.requests
        await driver.refresh_channels()
        assert simulator.counters.requests - before <= 2
        with pytest.raises(errors.NvrNotFoundError):
            driver.live.address(1, StreamRole.THIRD)


async def test_states_names_and_cameras_are_followed() -> None:
    async with recorder() as (simulator, driver):
        profiles = driver.channels[1].profiles
        await simulator.set_channel_online(2, online=False)
        simulator.rename_channel(3, "Renamed  here")
        channels = await driver.refresh_channels()
        assert (channels[1].online, channels[2].name) == (False, "Renamed here")
        assert channels[1].profiles == profiles
        assert driver.channels == channels
        simulator.add_channel(10, "Shed")
        await simulator.remove_channel(4)
        numbers = {channel.number for channel in await driver.refresh_channels()}
        assert 10 in numbers
        assert 4 not in numbers
        serials = {channel.number: channel.camera_serial for channel in driver.channels}
        assert all(serials[number] for number in (1, 2, 3))


async def test_without_states_a_lost_picture_tells() -> None:
    async with recorder("nv4116") as (simulator, driver):
        await simulator.set_channel_online(2, online=False)
        channels = await driver.refresh_channels()
        assert [channel.online for channel in channels[:3]] == [True, False, True]
        simulator.faults.events.no_indexes = True


@pytest.mark.parametrize("word", ["Connected", "Connect", "Connecting"])
@pytest.mark.parametrize("instance", [True, False])
async def test_states_are_read_as_they_are_meant(word: str, *, instance: bool) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.channels.connected_word = word
        simulator.faults.channels.needs_instance = instance
        async with driving(simulator) as driver:
            assert driver.channels[0].online is (word != "Connecting")
            assert simulator.counters.requests <= 16
            before = simulator.counters.requests
            await driver.refresh_channels()
            assert simulator.counters.requests - before <= 2
            simulator.end_sessions()
            assert (await driver.refresh_channels())[0].online is (word != "Connecting")


@pytest.mark.parametrize("mode", ["md5", "sha256", "authint", "commas", "noqop", "basic"])
async def test_without_rpc_all_goes_by_the_cgi(mode: str) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.gone = True
        simulator.faults.auth.mode = mode
        async with driving(simulator, settings={"plain_basic": mode == "basic"}) as driver:
            assert simulator.counters.requests <= 18
            assert simulator.counters.unauthorized <= 2
            assert driver.statistics["rpc"] == {"available": False, "logins": 0}
            assert len(driver.channels) == 10
            assert driver.channels[0].online is True
            assert driver.storage is not None
            assert driver.maintenance is None
            memory = dict(driver.memory)
            await driver.ping()
            await driver.refresh_channels()
        before = simulator.counters.requests
        async with driving(simulator, memory=memory, settings={"plain_basic": mode == "basic"}) as driver:
            assert simulator.counters.requests - before < before
            assert len(driver.channels) == 10


async def test_basic_needs_consent() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.auth.mode = "basic"
        simulator.faults.rpc.gone = True
        with pytest.raises(errors.NvrInsecureLoginError):
            async with driving(simulator):
                pass


@pytest.mark.parametrize("table", ["Encode", "ChannelTitle", "NTP", "Locales", "RTSP"])
async def test_optional_tables_may_be_absent(table: str) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.without = frozenset({f"config:{table}"})
        async with driving(simulator, settings={"rtsp_port": None}) as driver:
            assert len(driver.channels) == 10
            assert all(channel.profile(StreamRole.MAIN) and channel.name for channel in driver.channels)
            assert driver.clock is not None
            assert abs(driver.clock.current.skew) <= timedelta(seconds=2)


async def test_an_account_without_rights_is_told_so() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rights = frozenset({"live"})
        with pytest.raises(errors.NvrPermissionError):
            async with driving(simulator):
                pass
        simulator.faults.rights = None
        async with driving(simulator) as driver:
            assert len(driver.channels) == 10


async def test_a_dead_network_is_not_a_missing_feature() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.paths["/RPC2"] = PathFault(kind="drop")
        with pytest.raises(errors.NvrUnreachableError):
            async with driving(simulator):
                pass
        simulator.faults.paths.clear()
        async with driving(simulator) as driver:
            assert driver.channels[0].online is True


@pytest.mark.parametrize("gone", [True, False])
async def test_a_wrong_password_goes_out_twice_at_most(*, gone: bool) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.gone = gone
        driver = DahuaDriver(config(simulator, password=WRONG))
        with pytest.raises(errors.NvrAuthError):
            await driver.connect()
        assert simulator.counters.auth_failures == 1
        for _ in range(3):
            with pytest.raises(errors.NvrAuthError):
                await driver.connect()
        assert simulator.counters.auth_failures <= 2
        requests = simulator.counters.requests
        with pytest.raises(errors.NvrAuthError):
            await driver.connect()
        assert simulator.counters.requests == requests
        assert not driver.guard.usable
        await driver.close()


async def test_a_password_changed_meanwhile_goes_out_twice_at_most() -> None:
    async with recorder() as (simulator, driver):
        assert driver.snapshots is not None
        await driver.snapshots.snapshot(1)
        simulator.change_password("another-pass-1")
        for _ in range(4):
            with pytest.raises(errors.NvrAuthError):
                await driver.snapshots.snapshot(1)
        assert simulator.counters.auth_failures <= 2
        requests = simulator.counters.requests
        for work in (driver.ping, driver.refresh_channels):
            with pytest.raises(errors.NvrAuthError):
                await work()
        assert simulator.counters.requests == requests


@pytest.mark.parametrize("status", [401, 403])
async def test_a_lock_is_told_from_a_wrong_password(status: int) -> None:
    now = datetime.now(UTC)

    def clock() -> datetime:
        return now

    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.auth.locked_status = status
        async with driving(simulator, utcnow=clock) as driver:
            assert driver.snapshots is not None
            await driver.snapshots.snapshot(1)
            await _lock(simulator)
            simulator.end_sessions()
            failures = simulator.counters.auth_failures
            with pytest.raises(errors.NvrLockedError) as told:
                await driver.snapshots.snapshot(1)
            assert told.value.until is not None
            assert timedelta(seconds=250) < told.value.until - now < timedelta(seconds=330)
            requests = simulator.counters.requests
            for work in (driver.ping, driver.refresh_channels):
                with pytest.raises(errors.NvrLockedError):
                    await work()
            assert simulator.counters.requests == requests
            assert simulator.counters.auth_failures == failures
            simulator.login.unlock()
            now = told.value.until + timedelta(seconds=1)
            await driver.ping()
            await driver.snapshots.snapshot(1)
            assert driver.guard.refusals == 0


async def _lock(simulator: DahuaSimulator) -> None:
    """Let somebody else at our address send wrong passwords until the login is locked."""
    for _ in range(simulator.faults.auth.lock_times):
        stranger = DahuaDriver(config(simulator, password=WRONG), guard=LoginGuard())
        with pytest.raises((errors.NvrAuthError, errors.NvrLockedError)):
            await stranger.connect()
        await stranger.close()


async def test_a_full_table_of_connections_is_not_a_wrong_password() -> None:
    async with recorder() as (simulator, driver):
        assert driver.snapshots is not None
        simulator.faults.http.connection_limit = 0
        for _ in range(3):
            with pytest.raises(errors.NvrBusyError):
                await driver.snapshots.snapshot(1)
            with pytest.raises(errors.NvrBusyError):
                await driver.ping()
        fresh = DahuaDriver(config(simulator))
        with pytest.raises(errors.NvrBusyError):
            await fresh.connect()
        await fresh.close()
        simulator.faults.http.connection_limit = 20
        assert (await driver.snapshots.snapshot(1)).jpeg
        await driver.ping()
        assert driver.guard.usable
        assert driver.guard.refusals == 0
        assert simulator.counters.auth_failures == 0


@pytest.mark.parametrize("forbidden", [True, False])
@pytest.mark.parametrize("marked", [True, False])
async def test_nonces_that_serve_once_are_learned(*, forbidden: bool, marked: bool) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        policy = simulator.faults.auth
        policy.rotate, policy.stale_403, policy.stale_mark = True, forbidden, marked
        async with driving(simulator) as driver:
            assert driver.snapshots is not None
            for _ in range(3):
                assert (await driver.snapshots.snapshot(1)).jpeg
            before = simulator.counters.requests
            await asyncio.gather(*(driver.snapshots.snapshot(number) for number in range(1, 7)))
            assert simulator.counters.requests - before <= 12
            assert simulator.counters.auth_failures == 0
            assert driver.guard.usable


async def test_nonces_and_sessions_may_die_at_any_time() -> None:
    async with recorder() as (simulator, driver):
        assert driver.snapshots is not None
        for _ in range(3):
            simulator.rotate_nonces()
            simulator.end_sessions()
            await asyncio.gather(driver.ping(), driver.refresh_channels(), driver.ping(), driver.snapshots.snapshot(1))
        assert simulator.counters.auth_failures == 0
        assert simulator.counters.rpc_sessions == 1
        assert driver.guard.usable


async def test_the_session_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "_KEEP_ALIVE_LEAST", 0.2)
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.keep_alive = 2
        calls = simulator.counters.by_method
        async with driving(simulator) as driver:
            await _until(lambda: calls["global.keepAlive"] >= 2)
            assert calls["global.login"] == 2
            # While nothing may be sent the session is left to itself, and so it is when the recorder is away.
            driver.guard.locked(datetime.now(UTC) + timedelta(seconds=0.5) - LOCK_MARGIN)
            before = calls["global.keepAlive"]
            await asyncio.sleep(0.45)
            assert calls["global.keepAlive"] == before
            await _until(lambda: calls["global.keepAlive"] > before)
            simulator.faults.paths["/RPC2"] = PathFault(kind="drop", count=2)
            await _until(lambda: not simulator.faults.paths)
            before = calls["global.keepAlive"]
            await _until(lambda: calls["global.keepAlive"] > before)
            assert calls["global.login"] == 2
            simulator.end_sessions()
            before = calls["global.keepAlive"]
            await _until(lambda: calls["global.keepAlive"] > before)
            await asyncio.sleep(0.1)
            await driver.ping()
            assert calls["global.login"] == 4


async def _until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def test_logins_of_a_kind_nobody_knows_leave_the_cgi() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.encryption = "WatchNet"
        async with driving(simulator) as driver:
            assert driver.statistics["rpc"] == {"available": False, "logins": 0}
            assert len(driver.channels) == 10
            assert any("RPC2" in note for note in driver.capabilities.notes)
            assert simulator.counters.auth_failures == 0


async def test_a_recorder_with_too_many_users_is_busy() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.busy = True
        with pytest.raises(errors.NvrBusyError) as told:
            async with driving(simulator):
                pass
        assert told.value.retry_after
        simulator.faults.rpc.busy = False
        async with driving(simulator) as driver:
            assert driver.guard.usable


async def test_identity_in_two_parts() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.without = frozenset({"magicBox.getSystemInfo", "magicBox.cgi?getSystemInfo"})
        async with driving(simulator) as driver:
            assert driver.info.serial == simulator.serial
            assert len(driver.channels) == 10


async def test_analog_inputs_without_a_list() -> None:
    async with DahuaSimulator(profile="xvr") as simulator:
        simulator.faults.without = frozenset({"LogicDeviceManager"})
        async with driving(simulator) as driver:
            assert driver.info.kind is RecorderKind.HYBRID
            kinds = {channel.number: channel.kind for channel in driver.channels}
            assert [kinds[number] for number in (1, 4, 5)] == [ChannelKind.ANALOG, ChannelKind.ANALOG, ChannelKind.IP]
        simulator.faults.without = frozenset({"LogicDeviceManager", "config:RemoteDevice"})
        async with driving(simulator) as driver:
            assert driver.info.kind is RecorderKind.DVR
            assert {channel.kind for channel in driver.channels} == {ChannelKind.ANALOG}


async def test_states_by_the_json_page_of_the_cgi() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.gone = True
        await simulator.set_channel_online(2, online=False)
        async with driving(simulator) as driver:
            assert [channel.online for channel in driver.channels[:3]] == [True, False, True]
            await simulator.set_channel_online(2, online=True)
            assert (await driver.refresh_channels())[1].online is True


@pytest.mark.parametrize("kind", ["garbage", "error", "empty", "status"])
@pytest.mark.parametrize(
    "page", ["global.cgi?getCurrentTime", "storageDevice.cgi?getDeviceAllInfo", "configManager.cgi?getConfig:Encode"]
)
async def test_pages_may_fail_alone(page: str, kind: str) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.gone = True
        simulator.faults.paths[page] = PathFault(kind=kind)
        async with driving(simulator) as driver:
            assert len(driver.channels) == 10
            assert driver.clock is not None
            assert all(channel.profiles for channel in driver.channels)


async def test_what_is_read_anew_and_what_stays() -> None:
    now = datetime.now(UTC)

    def clock() -> datetime:
        return now

    async with DahuaSimulator(profile="nv4116") as simulator, driving(simulator, utcnow=clock) as driver:
        simulator.add_channel(12, "Shed")
        assert 12 not in {channel.number for channel in await driver.refresh_channels()}
        now += timedelta(minutes=16)
        assert 12 in {channel.number for channel in await driver.refresh_channels()}
        simulator.faults.without = frozenset({"config:ChannelTitle", "eventManager.cgi?getEventIndexes"})
        names = [channel.name for channel in driver.channels]
        assert [channel.name for channel in await driver.refresh_channels()] == names
    fresh = DahuaDriver(config(simulator))
    with pytest.raises(errors.NvrUnsupportedError):
        await fresh.refresh_channels()
    await fresh.close()


async def test_the_clock_of_another_zone_and_a_wrong_one() -> None:
    async with (
        DahuaSimulator(profile="nvr5232", skew=420.0, utc_offset=330, dst=False) as simulator,
        driving(simulator) as driver,
    ):
        assert driver.clock is not None
        clock = driver.clock.current
        assert datetime.now(UTC).astimezone(clock.zone).utcoffset() == timedelta(hours=5, minutes=30)
        assert abs(clock.skew - timedelta(seconds=420)) <= timedelta(seconds=2)
        simulator.set_zone(-300, dst=True)
        moved = await driver.clock.read()
        expected = datetime.now(UTC).astimezone(simulator.device.zone.tzinfo()).utcoffset()
        assert datetime.now(UTC).astimezone(moved.zone).utcoffset() == expected
        assert abs(moved.skew - timedelta(seconds=420)) <= timedelta(seconds=2)


async def test_storage_is_told() -> None:
    async with recorder() as (simulator, driver):
        assert driver.storage is not None
        before = simulator.counters.requests
        first = await driver.storage.disks()
        assert simulator.counters.requests == before
        assert [disk.state for disk in first] == [DiskState.OK]
        assert first[0].free == 0
        assert first[0].capacity
        for mode, state in (("error", DiskState.ERROR), ("partition", DiskState.ERROR)):
            simulator.set_disk(mode)
            assert (await driver.storage.disks())[0].state is state
    async with DahuaSimulator(profile="ipc_sd") as simulator:
        simulator.faults.storage.mode = "none"
        async with driving(simulator) as driver:
            assert driver.storage is None
            assert driver.channels[0].kind is ChannelKind.BUILT_IN


@pytest.mark.parametrize("mode", ["400", "empty", "garbage", "short"])
async def test_a_picture_that_is_none_is_an_error(mode: str) -> None:
    async with recorder() as (simulator, driver):
        assert driver.snapshots is not None
        still = await driver.snapshots.snapshot(1)
        assert still.jpeg.startswith(b"\xff\xd8\xff")
        simulator.faults.snapshot.mode = mode
        with pytest.raises((errors.NvrNotFoundError, errors.NvrResponseError)):
            await driver.snapshots.snapshot(1)
        with pytest.raises(errors.NvrNotFoundError):
            await driver.snapshots.snapshot(99)


async def test_pictures_come_one_at_a_time_and_are_shared() -> None:
    async with recorder() as (simulator, driver):
        assert driver.snapshots is not None
        asked = [driver.snapshots.snapshot(number) for number in (1, 2, 3, 1, 2, 3)]
        stills = await asyncio.gather(*asked)
        assert simulator.counters.snapshots == 3
        assert simulator.counters.max_snapshots_active == 1
        assert stills[0] is stills[3]
        task = asyncio.ensure_future(driver.snapshots.snapshot(4))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (await driver.snapshots.snapshot(4)).jpeg


async def test_how_the_box_feels_is_told_or_refused_in_words() -> None:
    async with recorder() as (_, driver):
        assert driver.maintenance is not None
        try:
            status = await driver.maintenance.status()
        except errors.NvrUnsupportedError:
            return
        assert status.uptime is not None or status.cpu is not None or status.memory is not None


async def test_a_reboot_is_survived() -> None:
    async with recorder() as (simulator, driver):
        await simulator.power_off()
        with pytest.raises(errors.NvrUnreachableError):
            await driver.ping()
        await simulator.power_on()
        await driver.ping()
        assert driver.statistics["rpc"] == {"available": True, "logins": 2}


@pytest.mark.parametrize("profile", FIRMWARES)
async def test_detection_needs_no_login(profile: str) -> None:
    async with DahuaSimulator(profile=profile) as simulator, aiohttp.ClientSession() as session:
        found = await detect(config(simulator), session)
        assert found.candidates == ("dahua",)
        assert simulator.counters.auth_failures == 0
        driver = await connect_any(config(simulator), None)
        assert (driver.info.family, driver.info.serial) == ("dahua", simulator.serial)
        await driver.close()


async def test_a_unit_that_speaks_rpc_alone_is_found() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator, aiohttp.ClientSession() as session:
        simulator.faults.http.cgi_gone = True
        await detect(config(simulator), session)
        async with driving(simulator) as driver:
            assert len(driver.channels) == 10
            assert simulator.counters.unauthorized == 0


@pytest.mark.parametrize("profile", ["nvr8", "nvr-old", "ipc"])
async def test_the_other_family_is_left_alone(profile: str) -> None:
    async with HikvisionSimulator(profile=profile) as simulator, aiohttp.ClientSession() as session:
        assert (await detect(hikvision_config(simulator), session)).candidates == ("hikvision",)
        driver = DahuaDriver(hikvision_config(simulator))
        with pytest.raises(errors.NvrUnsupportedError):
            await driver.connect()
        await driver.close()
        assert simulator.counters.auth_failures == 0


async def test_plain_http_that_points_to_https() -> None:
    async with DahuaSimulator(profile="nvr5232", https_port=0) as simulator, aiohttp.ClientSession() as session:
        simulator.faults.http.redirect_https = True
        found = await detect(config(simulator), session)
        assert found.candidates == ("dahua",)
        assert (found.https_port, found.fingerprint) == (simulator.https_port, simulator.fingerprint)


def _settled(statistics: Any) -> bool:
    return all(word not in repr(statistics) for word in ("nvr-test-pass", "admin", "BD04"))


async def test_diagnostics_hold_no_secret() -> None:
    async with recorder() as (_, driver):
        assert _settled(driver.statistics)
        assert _settled(driver.memory)
