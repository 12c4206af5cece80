"""What a connect costs, what it brings home, and what it gives its successor."""

import asyncio
import json
from typing import get_args

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.families import connect_any
from custom_components.nvr.core.models import ChannelKind, RecorderKind, StreamRole, VideoCodec

from .jumping import jumping
from .rig import PASSWORD, ROLES, USER, Trouble
from .rows import Case, each_family, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")

# A text of lines that says of itself to be whole cannot be seen to be half.
TROUBLE = [trouble for trouble in get_args(Trouble.__value__) if trouble != "truncated"]
CODECS = {"H.264": VideoCodec.H264, "H.265": VideoCodec.H265}


@every_recorder
async def test_a_recorder_is_learned_within_the_budget(case: Case) -> None:
    async with case.connected() as (rig, driver):
        seen = rig.counts()
        assert seen.requests <= rig.traits.requests
        assert seen.unauthorized <= 2
        assert (seen.refused, seen.writes) == (0, 0)
        assert seen.most_at_once <= 4
        assert (driver.info.serial, driver.info.kind) == (rig.serial, rig.traits.kind)
        assert driver.info.family == rig.family
        assert all((driver.info.name, driver.info.manufacturer, driver.info.model, driver.info.firmware))
        assert {role for role in ROLES if getattr(driver, role) is None} == rig.traits.lacks
        assert driver.guard.usable
    await rig.settled()


@every_recorder
async def test_channels_are_told_as_they_are(case: Case) -> None:
    async with case.connected() as (rig, driver):
        truth = rig.inputs()
        assert [channel.number for channel in driver.channels] == list(truth)
        for channel in driver.channels:
            real = truth[channel.number]
            main = channel.profile(StreamRole.MAIN)
            assert channel.name == real.name
            assert main is not None
            assert main.stream_id
            assert (channel.kind is ChannelKind.BUILT_IN) == (driver.info.kind is RecorderKind.CAMERA)
            if real.online:
                assert channel.online is not False
                assert main.video in {CODECS[real.codec], VideoCodec.UNKNOWN}
                assert main.width in {real.width, None}
                assert channel.profile(StreamRole.SUB) is not None
        assert any(channel.detections for channel in driver.channels)


@each_family
@pytest.mark.parametrize("other", [1, 4])
async def test_the_number_of_channels_costs_no_request(case: Case, other: int) -> None:
    cost = []
    for channels in (other, 32):
        async with case.connected(channels=channels) as (rig, driver):
            assert sum(channel.online is True for channel in driver.channels) >= channels
            cost.append(rig.counts().requests)
            before = rig.counts().requests
            await driver.refresh_channels()
            assert rig.counts().requests - before <= 2
    # A box with a single lens need not be asked which of its events is of which.
    assert cost[1] - cost[0] in ({0, 1} if other == 1 else {0})


@every_recorder
async def test_what_was_learned_is_plain_and_saves_the_next_driver_its_questions(case: Case) -> None:
    async with case.recorder() as rig:
        async with rig.driving() as driver:
            first, memory, channels = rig.counts().requests, dict(driver.memory), driver.channels
        assert json.loads(json.dumps(memory)) == memory
        async with rig.driving(memory=json.loads(json.dumps(memory))) as driver:
            again = rig.counts().requests - first
            assert again < first if rig.traits.refuses else again <= first
            assert driver.channels == channels


@every_recorder
async def test_nothing_secret_is_learned_or_counted(case: Case) -> None:
    async with case.connected() as (rig, driver):
        if driver.snapshots is not None:
            await driver.snapshots.snapshot(driver.channels[0].number)
        told = json.dumps([dict(driver.memory), driver.statistics], default=str)
        secrets = {PASSWORD, rig.serial, "127.0.0.1", "rtsp://"}
        assert not [secret for secret in secrets if secret in told]
        assert f'"{USER}"' not in told
        assert PASSWORD not in repr([driver.info, driver.channels, rig.config()])


@every_recorder
async def test_before_a_connect_nothing_is_promised_and_nothing_sent(case: Case) -> None:
    async with case.recorder() as rig:
        driver = rig.driver()
        assert all(getattr(driver, role) is None for role in ROLES)
        assert driver.channels == ()
        with pytest.raises(errors.NvrError):
            await driver.refresh_channels()
        await driver.close()
        assert rig.counts().connections == 0


@each_family
async def test_a_second_connect_learns_anew_and_keeps_who_is_listening(case: Case) -> None:
    async with case.connected() as (rig, driver):
        roles = [driver.events, driver.live, driver.recordings, driver.playback, driver.downloads]
        number = driver.channels[0].number
        rig.simulator.rename_channel(number, "Another name")
        await driver.connect(rig.serial)
        assert driver.channels[0].name == "Another name"
        assert [driver.events, driver.live, driver.recordings, driver.playback, driver.downloads] == roles


@every_recorder
async def test_a_family_is_found_without_a_login(case: Case) -> None:
    async with case.recorder() as rig:
        driver = await connect_any(rig.config(), None)
        assert (driver.info.family, driver.info.serial) == (rig.family, rig.serial)
        await driver.close()
        assert rig.counts().refused == 0


@each_family
@pytest.mark.parametrize("trouble", TROUBLE)
@jumping
async def test_a_connect_that_meets_trouble_says_so_and_the_next_one_works(case: Case, trouble: Trouble) -> None:
    async with case.recorder() as rig:
        driver = rig.driver()
        rig.disturb(trouble, delay=60.0 if trouble == "slow" else 0.0)
        with pytest.raises(errors.NvrError) as told:
            await driver.connect()
        assert not isinstance(told.value, errors.NvrAuthError | errors.NvrLockedError)
        assert str(told.value)
        learned = driver.channels
        assert learned == ()
        rig.calm()
        await driver.connect()
        assert [channel.number for channel in driver.channels] == list(rig.inputs())
        assert rig.counts().refused == 0
        await driver.close()
        await rig.settled()


@every_recorder
async def test_a_connect_may_be_cancelled_at_any_moment(case: Case) -> None:
    async with case.recorder() as rig:
        driver = rig.driver()
        for steps in range(1, 40, 3):
            task = asyncio.ensure_future(driver.connect())
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await driver.connect()
        assert [channel.number for channel in driver.channels] == list(rig.inputs())
        await driver.close()
        await rig.settled()
        assert rig.counts().refused == 0
