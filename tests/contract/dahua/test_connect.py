"""Which pages and calls a connect can do without, and who a re-branded unit says it is."""

from datetime import timedelta

import aiohttp
import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.dahua import DahuaDriver
from custom_components.nvr.core.families import detect
from custom_components.nvr.core.models import StreamRole
from tests.simulators.dahua.firmware import FIRMWARES
from tests.simulators.dahua.simulator import DahuaSimulator
from tests.simulators.hikvision.simulator import HikvisionSimulator
from tests.simulators.switches import PathFault

from ..rig import config_for
from ..rigs.dahua import driving, recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.mark.parametrize("mode", ["md5", "sha256", "authint", "commas", "noqop", "basic"])
async def test_without_rpc_all_goes_by_the_cgi(mode: str) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.gone = True
        simulator.faults.auth.mode = mode
        async with driving(simulator, settings={"plain_basic": mode == "basic"}) as driver:
            assert simulator.counters.requests <= 18
            assert simulator.counters.unauthorized <= 2
            assert driver.statistics["rpc"] == {"available": False, "logins": 0, "calls": {}}
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


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize(
    "page", ["magicBox.cgi?getSystemInfo", "magicBox.cgi?*", "configManager.cgi?getConfig:RemoteDevice"]
)
async def test_what_a_recorder_refuses_while_it_boots_is_there_a_moment_later(page: str, status: int) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.gone = True
        simulator.faults.paths[page] = PathFault(status=status)
        driver = DahuaDriver(config_for(simulator))
        if page.endswith("getSystemInfo") and status == 400:
            # Its parts are still told.
            await driver.connect()
        else:
            with pytest.raises(errors.NvrError):
                await driver.connect()
        simulator.faults.paths.clear()
        memory = dict(driver.memory)
        await driver.close()
        async with driving(simulator, memory=memory) as again:
            assert len(again.channels) == 10
            assert again.info.model == simulator.device.firmware.model


async def test_who_does_not_tell_who_he_is_teaches_nothing() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator, HikvisionSimulator(profile="nvr8") as other:
        async with driving(simulator) as driver:
            memory = driver.memory
            fresh = {**memory, "answered": []}
        # Another box took the address over, one without RPC2: it does not know what it is asked for.
        driver = DahuaDriver(config_for(other), memory=fresh)
        with pytest.raises(errors.NvrUnsupportedError):
            await driver.connect(simulator.serial)
        assert driver.memory == fresh
        await driver.close()


async def test_what_was_answered_once_is_asked_again_after_a_refusal() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.gone = True
        async with driving(simulator) as driver:
            memory = dict(driver.memory)
        simulator.faults.paths["*getConfig:ChannelTitle"] = PathFault(status=400)
        asked = simulator.counters.by_call
        async with driving(simulator, memory=memory) as driver:
            assert not [name for name in driver.memory["refused"] if "ChannelTitle" in name]  # type: ignore[attr-defined]
            before = asked["configManager.cgi?getConfig:ChannelTitle"]
            await driver.refresh_channels()
            assert asked["configManager.cgi?getConfig:ChannelTitle"] > before


async def test_a_dead_network_is_not_a_missing_feature() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.paths["/RPC2"] = PathFault(kind="drop")
        with pytest.raises(errors.NvrUnreachableError):
            async with driving(simulator):
                pass
        simulator.faults.paths.clear()
        async with driving(simulator) as driver:
            assert driver.channels[0].online is True


async def test_identity_in_two_parts() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.without = frozenset({"magicBox.getSystemInfo", "magicBox.cgi?getSystemInfo"})
        async with driving(simulator) as driver:
            assert driver.info.serial == simulator.serial
            assert len(driver.channels) == 10


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


async def test_a_unit_that_speaks_rpc_alone_is_found() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator, aiohttp.ClientSession() as session:
        simulator.faults.http.cgi_gone = True
        await detect(config_for(simulator), session)
        async with driving(simulator) as driver:
            assert len(driver.channels) == 10
            assert simulator.counters.unauthorized == 0


@pytest.mark.parametrize("profile", ["nvr8", "nvr-old", "ipc"])
async def test_the_other_family_is_left_alone(profile: str) -> None:
    async with HikvisionSimulator(profile=profile) as simulator, aiohttp.ClientSession() as session:
        assert (await detect(config_for(simulator), session)).candidates == ("hikvision",)
        driver = DahuaDriver(config_for(simulator))
        with pytest.raises(errors.NvrUnsupportedError):
            await driver.connect()
        await driver.close()
        assert simulator.counters.auth_failures == 0


async def test_plain_http_that_points_to_https() -> None:
    async with DahuaSimulator(profile="nvr5232", https_port=0) as simulator, aiohttp.ClientSession() as session:
        simulator.faults.http.redirect_https = True
        found = await detect(config_for(simulator), session)
        assert found.candidates == ("dahua",)
        assert (found.https_port, found.fingerprint) == (simulator.https_port, simulator.fingerprint)


async def test_logins_of_a_kind_nobody_knows_leave_the_cgi() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.encryption = "WatchNet"
        async with driving(simulator) as driver:
            assert driver.statistics["rpc"] == {"available": False, "logins": 0, "calls": {}}
            assert len(driver.channels) == 10
            assert any("RPC2" in note for note in driver.capabilities.notes)
            assert simulator.counters.auth_failures == 0


BRANDS = {"nv4116": "Amcrest", "lorex": "Lorex", "quirk200": "Lorex"}


@pytest.mark.parametrize("profile", FIRMWARES)
async def test_every_unit_is_told_by_its_brand_and_model(profile: str) -> None:
    async with recorder(profile) as (simulator, driver):
        device = simulator.device
        assert driver.info.manufacturer == BRANDS.get(profile, "Dahua")
        assert driver.info.firmware.startswith(device.version)
        assert driver.info.model in {device.firmware.model, device.firmware.device_type}
