"""How the box itself feels, where it says so."""

import contextlib
from datetime import timedelta

import pytest

from custom_components.nvr.core import errors

from .rows import Case, each_family, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


@every_recorder
async def test_load_and_uptime_are_told(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.maintenance is not None
        if not rig.traits.tells_load:
            with pytest.raises(errors.NvrUnsupportedError):
                await driver.maintenance.status()
            return
        status = await driver.maintenance.status()
        assert status.uptime is not None or status.cpu is not None or status.memory is not None
        assert status.uptime is None or status.uptime > timedelta(0)
        assert status.cpu is None or 0 <= status.cpu <= 100
        assert status.memory is None or 0 <= status.memory <= 100


@each_family
async def test_a_refusal_is_no_empty_status(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.maintenance is not None
        with contextlib.suppress(errors.NvrUnsupportedError):
            await driver.maintenance.status()
        rig.disturb("drop")
        with pytest.raises((errors.NvrUnreachableError, errors.NvrUnsupportedError)):
            await driver.maintenance.status()
