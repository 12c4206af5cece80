"""A recorder that takes the password only readable."""

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.hikvision import HikvisionDriver
from tests.simulators.hikvision.simulator import HikvisionSimulator

from ..helpers import last
from ..rig import config_for

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def test_basic_needs_consent() -> None:
    async with HikvisionSimulator(profile="basic") as simulator:
        driver = HikvisionDriver(config_for(simulator))
        with pytest.raises(errors.NvrInsecureLoginError):
            await driver.connect()
        await driver.close()
        driver = HikvisionDriver(config_for(simulator, plain_basic=True))
        await driver.connect()
        assert driver.channels
        # Playback over RTSP asks for the same consent.
        assert driver.playback is not None
        assert (await driver.playback.request(driver.channels[0].number, last(1))).address.plain_basic
        await driver.close()
