"""A wrong password is sent twice at most, whatever the door; what is none is never taken for one."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.credentials import LoginGuard
from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.families import connect_any
from custom_components.nvr.core.models import PlaybackRequest, TimeSpan
from custom_components.nvr.media.rtsp.session import RtspSession

from .helpers import Listener, last
from .rig import WRONG, Rig
from .rows import Case, each_family, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def refused(driver: Driver, channel: int) -> None:
    """Ask for everything; each must say that the login is refused."""
    assert driver.snapshots is not None
    for ask in (driver.ping(), driver.refresh_channels(), driver.identify(), driver.snapshots.snapshot(channel)):
        with pytest.raises(errors.NvrAuthError):
            await ask


async def play(driver: Driver, span: TimeSpan) -> None:
    """Begin to watch by RTSP."""
    assert driver.playback is not None
    request = await driver.playback.request(driver.channels[0].number, span)
    session = await RtspSession.open(request, driver.guard)
    await session.close()


@every_recorder
async def test_a_wrong_password_goes_out_twice_at_most(case: Case) -> None:
    async with case.recorder() as rig:
        driver = rig.driver(rig.config(password=WRONG))
        for _ in range(4):
            with pytest.raises(errors.NvrAuthError):
                await driver.connect()
        assert 1 <= rig.counts().refused <= 2
        assert not driver.guard.usable
        before = rig.counts().requests
        for ask in (driver.connect(), driver.identify(), driver.ping()):
            with pytest.raises(errors.NvrAuthError):
                await ask
        assert rig.counts().requests == before
        await driver.close()
        await rig.settled()


@every_recorder
async def test_finding_the_family_costs_no_further_try(case: Case) -> None:
    async with case.recorder() as rig:
        with pytest.raises(errors.NvrAuthError):
            await connect_any(rig.config(password=WRONG), None)
        assert 1 <= rig.counts().refused <= 2


@every_recorder
async def test_a_password_changed_meanwhile_goes_out_twice_at_most(case: Case) -> None:
    async with case.connected() as (rig, driver):
        number = driver.channels[0].number
        assert driver.snapshots is not None
        await driver.snapshots.snapshot(number)
        rig.simulator.change_password("another-pass-1")
        rig.end_logins()
        for _ in range(3):
            with pytest.raises(errors.NvrAuthError):
                await driver.snapshots.snapshot(number)
        assert 1 <= rig.counts().refused <= 2
        before = rig.counts().requests
        await refused(driver, number)
        assert rig.counts().requests == before


@each_family
async def test_all_at_once_a_changed_password_costs_what_was_on_the_wire(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.snapshots is not None
        rig.simulator.change_password("another-pass-1")
        asked = [driver.snapshots.snapshot(channel.number) for channel in driver.channels]
        found = await asyncio.gather(*asked, *(driver.identify() for _ in range(10)), return_exceptions=True)
        assert all(isinstance(one, errors.NvrAuthError | errors.NvrLockedError | str) for one in found)
        assert not all(isinstance(one, str) for one in found)
        # One for each slot of the gate, which nobody can call back, and the two.
        assert rig.counts().refused <= 9
        before = rig.counts().requests
        for ask in (driver.ping(), driver.snapshots.snapshot(driver.channels[0].number)):
            with pytest.raises((errors.NvrAuthError, errors.NvrLockedError)):
                await ask
        assert rig.counts().requests == before


@every_recorder
async def test_refusals_over_rtsp_and_http_are_counted_together(case: Case) -> None:
    guard, span = LoginGuard(), last(1)
    async with case.recorder() as rig:
        async with rig.driving() as good:
            assert good.playback is not None
            request = await good.playback.request(good.channels[0].number, span)
            bad = RtspSession.open(_with(request, WRONG), guard)
            with pytest.raises(errors.NvrAuthError):
                await bad
        assert (rig.counts().refused, guard.refusals) == (1, 1)
        driver = rig.driver(rig.config(password=WRONG), guard=guard)
        with pytest.raises(errors.NvrAuthError):
            await driver.connect()
        assert rig.counts().refused == 2
        assert not guard.usable
        before = rig.counts().requests
        with pytest.raises(errors.NvrAuthError):
            await RtspSession.open(_with(request, WRONG), guard)
        with pytest.raises(errors.NvrAuthError):
            await driver.identify()
        await driver.close()
        assert (rig.counts().requests, rig.counts().refused) == (before, 2)


def _with(request: PlaybackRequest, password: str) -> PlaybackRequest:
    return replace(request, address=replace(request.address, password=password))


@every_recorder
async def test_a_locked_account_is_left_alone_until_its_end(case: Case) -> None:
    now = datetime.now(UTC)
    async with case.recorder() as rig, rig.driving(utcnow=lambda: now) as driver:
        assert driver.snapshots is not None
        number, span = driver.channels[0].number, last(1)
        rig.lock()
        rig.end_logins()
        with pytest.raises(errors.NvrLockedError) as told:
            await driver.snapshots.snapshot(number)
        until = told.value.until
        assert until is not None
        assert until == driver.guard.locked_until
        assert timedelta(minutes=4) < until - now < timedelta(minutes=32)
        before, refusals = rig.counts(), rig.counts().refused
        for ask in (driver.ping(), driver.refresh_channels(), driver.identify(), driver.connect(), play(driver, span)):
            with pytest.raises(errors.NvrLockedError):
                await ask
        now = until - timedelta(seconds=1)
        with pytest.raises(errors.NvrLockedError):
            await driver.ping()
        assert (rig.counts().requests, rig.counts().refused) == (before.requests, refusals)
        rig.unlock()
        now = until + timedelta(seconds=1)
        await driver.ping()
        assert (await driver.snapshots.snapshot(number)).jpeg
        assert driver.guard.refusals == 0


@every_recorder
async def test_a_lock_ends_the_event_stream_with_its_reason(case: Case) -> None:
    async with case.connected() as (rig, driver):
        rig.lock()
        rig.end_logins()
        assert driver.events is not None
        with pytest.raises(errors.NvrLockedError):
            await driver.events.run(Listener())


@every_recorder
async def test_a_lock_met_by_the_first_request_is_told(case: Case) -> None:
    async with case.recorder() as rig:
        rig.lock()
        driver = rig.driver()
        with pytest.raises(errors.NvrLockedError) as told:
            await driver.connect()
        assert told.value.until is not None
        before = rig.counts().requests
        with pytest.raises(errors.NvrLockedError):
            await driver.connect()
        assert rig.counts().requests == before
        await driver.close()


@every_recorder
async def test_a_lock_that_tells_no_end_still_ends_the_requests(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.snapshots is not None
        rig.lock(told=False)
        rig.end_logins()
        for _ in range(3):
            with pytest.raises((errors.NvrLockedError, errors.NvrAuthError)):
                await driver.snapshots.snapshot(driver.channels[0].number)
        before = rig.counts().requests
        for ask in (driver.ping(), driver.refresh_channels(), driver.identify()):
            with pytest.raises((errors.NvrLockedError, errors.NvrAuthError)):
                await ask
        assert rig.counts().requests == before


@every_recorder
async def test_a_recorder_that_is_full_says_nothing_of_the_password(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.snapshots is not None
        number = driver.channels[0].number
        rig.fill()
        for _ in range(3):
            for ask in (driver.snapshots.snapshot(number), driver.ping(), driver.identify()):
                with pytest.raises(errors.NvrBusyError):
                    await ask
        fresh = rig.driver()
        with pytest.raises(errors.NvrBusyError):
            await fresh.connect()
        await fresh.close()
        rig.fill(full=False)
        assert (await driver.snapshots.snapshot(number)).jpeg
        await driver.ping()
        assert driver.guard.usable
        assert (driver.guard.refusals, rig.counts().refused) == (0, 0)


@every_recorder
async def test_a_nonce_that_serves_once_loses_no_call(case: Case) -> None:
    async with case.recorder() as rig:
        rig.rotate_every_answer()
        async with rig.driving() as driver:
            await everything(rig, driver)
            numbers = [channel.number for channel in driver.channels if rig.inputs()[channel.number].online][:6]
            assert driver.snapshots is not None
            await asyncio.gather(*(driver.snapshots.snapshot(number) for number in rig.pictured(numbers)))
            assert rig.counts().refused == 0
            assert driver.guard.refusals == 0


@each_family
async def test_nonces_and_sessions_may_die_at_any_time(case: Case) -> None:
    async with case.connected() as (rig, driver):
        for _ in range(2):
            rig.end_logins()
            await asyncio.gather(driver.ping(), driver.refresh_channels(), driver.ping(), everything(rig, driver))
        assert rig.counts().refused == 0
        assert driver.guard.usable


async def everything(rig: Rig[Any], driver: Driver) -> None:
    """Ask once for what every role gives by HTTP."""
    number = rig.pictured([channel.number for channel in driver.channels])[0]
    assert driver.snapshots is not None
    assert driver.recordings is not None
    assert driver.clock is not None
    assert (await driver.snapshots.snapshot(number)).jpeg
    assert [segment async for segment in driver.recordings.search(number, last(2))]
    today = rig.clock.device_now()
    await driver.recordings.day_map(number, today.year, today.month)
    await driver.clock.read()
    if driver.storage is not None:
        await driver.storage.disks()
    await driver.refresh_channels()
    assert await driver.identify() == rig.serial
