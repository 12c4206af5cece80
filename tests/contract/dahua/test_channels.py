"""Slots, states and inputs in all the ways these units tell of them; disks."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import numpy as np
from PIL import Image
import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.dahua import DahuaDriver
from custom_components.nvr.core.models import ChannelKind, DiskState, RecorderKind
from tests.simulators.dahua.simulator import DahuaSimulator
from tests.simulators.switches import PathFault
from tests.simulators.video.timecode import read_timecode

from ..rig import config_for
from ..rigs.dahua import driving, recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


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
    fresh = DahuaDriver(config_for(simulator))
    with pytest.raises(errors.NvrUnsupportedError):
        await fresh.refresh_channels()
    await fresh.close()


@pytest.mark.parametrize("way", ["rpc", "cgi"])
@pytest.mark.parametrize("status", [403, 500])
async def test_a_state_that_is_refused_is_not_the_last_one(way: str, status: int) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.gone = way == "cgi"
        async with driving(simulator) as driver:
            assert driver.channels[0].online is True
            await simulator.set_channel_online(1, online=False)
            if status == 403:
                simulator.faults.rights = frozenset({"live", "playback"})
                assert {channel.online for channel in await driver.refresh_channels()} == {None}
            else:
                simulator.faults.paths["*getCameraState*"] = PathFault(kind="html", status=status)
                with pytest.raises(errors.NvrError):
                    await driver.refresh_channels()
            simulator.faults.rights = None
            simulator.faults.paths.clear()
            assert [channel.online for channel in (await driver.refresh_channels())[:2]] == [False, True]


async def test_a_method_that_answered_before_is_asked_for_again_after_a_boot() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator, driving(simulator) as driver:
        simulator.faults.without = frozenset({"LogicDeviceManager"})
        assert {channel.online for channel in await driver.refresh_channels()} == {None}
        simulator.faults.without = frozenset()
        assert (await driver.refresh_channels())[0].online is True


@pytest.mark.parametrize("way", ["rpc", "cgi"])
async def test_disks_one_may_not_see_are_no_empty_list(way: str) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.gone = way == "cgi"
        simulator.faults.paths["storage*"] = PathFault(status=403)
        if way == "rpc":
            simulator.faults.rights = frozenset({"live", "playback"})
            simulator.faults.without = frozenset({"LogicDeviceManager"})
            with pytest.raises(errors.NvrPermissionError):
                async with driving(simulator):
                    pass
            simulator.faults.rights = None
        async with driving(simulator) as driver:
            storage = driver.storage
            assert storage is not None
            if way == "rpc":
                assert await storage.disks()
                simulator.faults.rights = frozenset({"live"})
            with pytest.raises(errors.NvrPermissionError):
                await storage.disks()
            simulator.faults.rights = None
            simulator.faults.paths.clear()
            assert await storage.disks()
            simulator.faults.storage.mode = "none"
            assert await storage.disks() == ()


async def test_health_is_told_in_parts() -> None:
    async with recorder("xvr") as (simulator, driver):
        assert driver.maintenance is not None
        whole = await driver.maintenance.status()
        assert (whole.uptime or timedelta(0)) > timedelta(0)
        assert whole.cpu is not None
        assert whole.memory is not None
        assert 50 <= whole.memory <= 60
        simulator.faults.without = frozenset({"magicBox.getUpTime", "magicBox.getCPUUsage"})
        part = await driver.maintenance.status()
        assert (part.uptime, part.cpu) == (None, None)
        assert part.memory is not None


@pytest.mark.parametrize("base", [0, 1])
async def test_an_old_camera_counts_its_stills_from_0(base: int) -> None:
    async with DahuaSimulator(profile="ipc_sd") as simulator:
        simulator.faults.snapshot.base = base
        async with driving(simulator) as driver:
            assert driver.snapshots is not None
            simulator.faults.snapshot.mode = "400"
            with pytest.raises(errors.NvrNotFoundError):
                await driver.snapshots.snapshot(1)
            simulator.faults.snapshot.mode = "ok"
            assert (await driver.snapshots.snapshot(1)).jpeg
            before = simulator.counters.snapshots
            assert (await driver.snapshots.snapshot(1)).jpeg
            assert simulator.counters.snapshots == before + 1
            memory = dict(driver.memory)
        async with driving(simulator, memory=memory) as driver:
            assert driver.snapshots is not None
            before = simulator.counters.snapshots
            assert (await driver.snapshots.snapshot(1)).jpeg
            assert simulator.counters.snapshots == before + 1


def _channel_of(jpeg: bytes) -> int | None:
    code = read_timecode(np.asarray(Image.open(BytesIO(jpeg)).convert("L")))
    return None if code is None else code.channel


@pytest.mark.parametrize("lenses", [1, 2])
@pytest.mark.parametrize("base", [0, 1])
async def test_a_still_of_one_lens_is_never_that_of_its_neighbour(base: int, lenses: int) -> None:
    async with DahuaSimulator(profile="ipc_sd") as simulator:
        for number in range(2, lenses + 1):
            simulator.add_channel(number, "Other lens")
        snapshots = simulator.faults.snapshot
        snapshots.base, snapshots.zero_too = base, True
        async with driving(simulator) as driver:
            assert driver.snapshots is not None
            assert len(driver.channels) == lenses
            # Refused for a moment: that teaches nothing.
            snapshots.mode, snapshots.count = "400", 1
            for _ in range(2):
                for number in range(1, lenses + 1):
                    asked = (await driver.snapshots.snapshot(number)).jpeg
                    assert _channel_of(asked) == number
            assert driver.memory["quirks"]["snapshot_base"] == base  # type: ignore[index]


async def test_a_still_of_a_recorder_is_never_that_of_the_channel_before() -> None:
    async with recorder("nvr5232") as (simulator, driver):
        assert driver.snapshots is not None
        await simulator.set_channel_online(2, online=False)
        before = simulator.counters.snapshots
        with pytest.raises(errors.NvrNotFoundError):
            await driver.snapshots.snapshot(2)
        assert simulator.counters.snapshots == before + 1


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
