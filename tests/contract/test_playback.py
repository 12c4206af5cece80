"""Playback: the address plays from the asked moment, over real RTSP, judged by the time painted into the picture."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.models import StreamRole, TimeSpan
from custom_components.nvr.media.rtsp.session import RtspSession

from .bench import STEADY
from .helpers import last, until
from .judges import first_picture, is_true, played
from .rig import PASSWORD, WRONG
from .rows import Case, each_family, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")

SMALL: Any = {"main_size": (320, 180), "sub_size": (160, 90), "h264_only": True}


@every_recorder
async def test_it_plays_from_the_asked_moment(case: Case) -> None:
    async with case.stocked(STEADY, **SMALL) as (rig, _, driver):
        begin = last(5).start
        # Anywhere in a file, at a fraction of a second, and where one file ends and the next begins.
        border = rig.footage.files(1, begin, begin + timedelta(hours=1))[2].start
        for moment in (begin, begin + timedelta(minutes=21, milliseconds=333), border):
            shown = await played(driver, 1, TimeSpan(moment, moment + timedelta(minutes=10)))
            assert is_true(shown, moment, 1), f"{moment} asked, {shown}"
        await until(lambda: not rig.open_things().rtsp_sessions)
        assert rig.counts().refused == 0


@every_recorder
async def test_every_channel_plays_its_own_footage(case: Case) -> None:
    async with case.recorder(**SMALL) as rig:
        numbers = [each.number for each in rig.inputs().values() if each.online][:3]
        case.footage(rig).record(STEADY, *numbers)
        async with rig.driving() as driver:
            moment = last(3).start
            for number in numbers:
                shown = await played(driver, number, TimeSpan(moment, moment + timedelta(minutes=10)))
                assert is_true(shown, moment, number)


@every_recorder
async def test_the_sub_stream_plays_where_it_is_recorded(case: Case) -> None:
    async with case.recorder(**SMALL) as rig:
        disk = case.footage(rig)
        disk.record(STEADY)
        disk.search_sub()
        async with rig.driving() as driver:
            assert driver.capabilities.sub_track
            moment = last(3).start
            shown = await played(driver, 1, TimeSpan(moment, moment + timedelta(minutes=5)), StreamRole.SUB)
            assert is_true(shown, moment, 1)


@every_recorder
async def test_an_unknown_channel_has_no_address(case: Case) -> None:
    async with case.connected() as (_, driver):
        assert driver.playback is not None
        for number in (0, 77):
            with pytest.raises(errors.NvrNotFoundError):
                await driver.playback.request(number, last(1))


@every_recorder
async def test_where_nothing_is_recorded_nothing_else_is_shown(case: Case) -> None:
    async with case.recorder(**SMALL) as rig:
        disk = case.footage(rig)
        disk.record(STEADY)
        disk.play_fast()
        hole = last(4, until=2)
        rig.footage.add_gap(1, hole.start, hole.end)
        inside = TimeSpan(hole.start + timedelta(minutes=20), hole.start + timedelta(minutes=40))
        async with rig.driving() as driver:
            with pytest.raises(errors.NvrNotFoundError):
                await played(driver, 1, inside)
            # That nothing was there taught it nothing wrong.
            shown = await played(driver, 1, last(5, until=4.5))
            assert abs(shown.painted - shown.dated) < timedelta(seconds=1)
            with pytest.raises(errors.NvrNotFoundError):
                await played(driver, 1, inside)
            await until(lambda: not rig.open_things().rtsp_sessions)


@every_recorder
async def test_an_address_says_nothing_secret(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.playback is not None
        request = await driver.playback.request(1, last(3, until=2.9))
        address = request.address
        assert PASSWORD not in address.url + repr(request) + repr(driver.statistics)
        assert f":{rig.simulator.rtsp_port}/" in address.url
        assert (address.username, address.password) == ("admin", PASSWORD)
        assert request.end > request.start


@each_family
async def test_a_full_recorder_says_so_and_is_free_again_at_once(case: Case) -> None:
    async with case.stocked(STEADY, playback_session_limit=1, **SMALL) as (rig, _, driver):
        assert driver.playback is not None
        span = last(3, until=2.5)
        request = await driver.playback.request(1, span)
        session = await RtspSession.open(request, driver.guard)
        try:
            assert await session.read()
            with pytest.raises(errors.NvrBusyError):
                await RtspSession.open(request, driver.guard)
        finally:
            await session.close()
        shown = await first_picture(await driver.playback.request(1, span), driver)
        assert is_true(shown, span.start, 1)
        assert rig.counts().refused == 0


@each_family
async def test_a_wrong_password_is_counted_with_all_others_and_sent_twice_at_most(case: Case) -> None:
    async with case.stocked(STEADY, **SMALL) as (rig, _, driver):
        assert driver.playback is not None
        request = await driver.playback.request(1, last(3, until=2.5))
        stale = replace(request, address=replace(request.address, password=WRONG))
        for _ in range(4):
            with pytest.raises((errors.NvrAuthError, errors.NvrLockedError)):
                await RtspSession.open(stale, driver.guard)
        assert 1 <= rig.simulator.rtsp.counters.auth_failures <= 2
        assert not driver.guard.usable


@each_family
async def test_a_playback_that_is_cancelled_anywhere_leaves_nothing(case: Case) -> None:
    async with case.stocked(STEADY, **SMALL) as (rig, _, driver):
        span = last(3, until=2.5)
        await played(driver, 1, span)
        for step in range(8):
            task = asyncio.ensure_future(played(driver, 1, span))
            await asyncio.sleep(0.004 * step)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await until(lambda: not rig.open_things().rtsp_sessions and not rig.open_things().rtsp_sockets)
        assert is_true(await played(driver, 1, span), span.start, 1)


async def _to_the_end(session: RtspSession) -> None:
    while await session.read():
        pass


@each_family
async def test_a_recorder_that_dies_while_it_plays_is_an_error_and_plays_again(case: Case) -> None:
    async with case.stocked(STEADY, **SMALL) as (rig, _, driver):
        assert driver.playback is not None
        span = last(3, until=2.5)
        session = await RtspSession.open(await driver.playback.request(1, span), driver.guard)
        try:
            assert await session.read()
            await rig.simulator.power_off()
            with pytest.raises(errors.NvrUnreachableError):
                await _to_the_end(session)
        finally:
            await session.close()
        await rig.simulator.power_on()
        assert is_true(await played(driver, 1, span), span.start, 1)
        assert rig.counts().refused == 0
