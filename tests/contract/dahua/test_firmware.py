"""What newer firmware there is: asked for, never installed."""

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.models import FirmwareOffer

from ..rigs.dahua import recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def test_the_recorder_asks_its_maker_when_it_is_told_to() -> None:
    async with recorder("nvr5232") as (nvr, driver):
        assert driver.firmware is not None
        assert await driver.firmware.offered()
        assert nvr.device.maker_asked == 0
        assert await driver.firmware.newest() == FirmwareOffer(None)
        nvr.device.new_version = "4.004.0000001.0,build:2026-10-01"
        offer = await driver.firmware.newest()
        assert offer == FirmwareOffer("4.004.0000001.0,build:2026-10-01", "Mends the event list.")
        assert (nvr.device.maker_asked, nvr.counters.writes) == (2, 0)
        nvr.faults.without = frozenset({"CloudUpgrader.getState", "CloudUpgrader.check"})
        assert not await driver.firmware.offered()
        with pytest.raises(errors.NvrUnsupportedError):
            await driver.firmware.newest()


async def test_a_missing_right_is_no_offer() -> None:
    async with recorder("nvr5232") as (nvr, driver):
        assert driver.firmware is not None
        nvr.apply_faults({"rights": frozenset({"live", "config"})})
        assert not await driver.firmware.offered()
        with pytest.raises(errors.NvrPermissionError):
            await driver.firmware.newest()
