"""Live addresses: stable, without the login, and true."""

import time

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.models import RtspTransport, StreamRole
from custom_components.nvr.media.rtsp.connection import RtspConnection, SessionLimits
from custom_components.nvr.media.rtsp.login import Login

from .rig import PASSWORD, USER, Address
from .rows import Case, each_family, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


@every_recorder
async def test_an_address_is_stable_and_holds_no_login(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.live is not None
        before = rig.counts().requests
        urls = set()
        for channel in driver.channels:
            for profile in channel.profiles:
                address = driver.live.address(channel.number, profile.role)
                assert address == driver.live.address(channel.number, profile.role)
                assert address.url.startswith(f"rtsp://127.0.0.1:{rig.simulator.rtsp_port}/")
                assert PASSWORD not in address.url + repr(address)
                assert f"{USER}:" not in address.url + repr(address)
                assert (address.username, address.password) == (USER, PASSWORD)
                assert address.with_credentials().startswith(f"rtsp://{USER}:{PASSWORD}@127.0.0.1:")
                urls.add(address.url)
        assert len(urls) == sum(len(channel.profiles) for channel in driver.channels)
        assert rig.counts().requests == before
        stable = driver.live.address(driver.channels[0].number, StreamRole.MAIN)
        rig.simulator.rename_channel(driver.channels[0].number, "Another name")
        await driver.refresh_channels()
        await driver.connect()
        assert driver.live.address(driver.channels[0].number, StreamRole.MAIN) == stable


@every_recorder
async def test_what_is_not_there_has_no_address(case: Case) -> None:
    async with case.connected() as (_, driver):
        assert driver.live is not None
        has = {profile.role for profile in driver.channels[0].profiles}
        for role in set(StreamRole) - has:
            with pytest.raises(errors.NvrNotFoundError):
                driver.live.address(driver.channels[0].number, role)
        for number in (0, -1, 999):
            with pytest.raises(errors.NvrNotFoundError):
                driver.live.address(number, StreamRole.MAIN)


@every_recorder
async def test_the_recorder_plays_what_the_address_says(case: Case) -> None:
    changes: Address = {"rtsp_port": None, "rtsp_transport": RtspTransport.UDP}
    async with case.recorder() as rig, rig.driving(rig.config(**changes)) as driver:
        assert driver.live is not None
        number = rig.pictured([channel.number for channel in driver.channels])[0]
        for role in (StreamRole.MAIN, StreamRole.SUB):
            address = driver.live.address(number, role)
            assert address.transport is RtspTransport.UDP
            login = Login(address.username, address.password, driver.guard, basic_allowed=False)
            connection = RtspConnection(login, SessionLimits(), time.monotonic)
            try:
                await connection.connect(address.url)
                answer = await connection.call("DESCRIBE", address.url, {"Accept": "application/sdp"})
                assert b"m=video" in answer.body
            finally:
                await connection.close()
        assert rig.counts().refused == 0


@each_family
async def test_the_user_may_know_better_where_rtsp_is(case: Case) -> None:
    async with case.recorder() as rig, rig.driving(rig.config(rtsp_port=9554)) as driver:
        assert driver.live is not None
        address = driver.live.address(driver.channels[0].number, StreamRole.MAIN)
        assert address.url.startswith("rtsp://127.0.0.1:9554/")
