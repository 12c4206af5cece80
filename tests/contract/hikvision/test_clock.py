"""A clock that the recorder does not tell, for once or ever."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nvr.core import errors
from tests.simulators.hikvision.simulator import HikvisionSimulator
from tests.simulators.switches import PathFault

from ..helpers import last, search
from ..rigs.hikvision import driving, recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")

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
