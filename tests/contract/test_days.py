"""Which days hold footage: the recorder's own calendar, true in every zone, and never believed against its footage."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from custom_components.nvr.core import errors, timeline
from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.models import TimeSpan

from .bench import STEADY, SYDNEY, Place
from .helpers import search
from .rig import Rig
from .rows import Case, each_family, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")

HOURLY = replace(STEADY, file_seconds=(3600, 3600))
HONOLULU = Place("Pacific/Honolulu", -600)


def months(rig: Rig[Any], count: int = 2) -> list[date]:
    """Return the first days of this month and of the months before, by the recorder's clock."""
    first = rig.clock.date_of(rig.clock.now()).replace(day=1)
    found = [first]
    while len(found) < count:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return found


def truth(rig: Rig[Any], channel: int, first: date) -> set[int]:
    """Return the days of a month on which something was recorded, by the simulated disk."""
    found, day = set(), first
    while day.month == first.month:
        start, end = rig.clock.day_start(day), rig.clock.day_start(day + timedelta(days=1))
        if start < rig.clock.now() and rig.footage.files(channel, start, end):
            found.add(day.day)
        day += timedelta(days=1)
    return found


async def days(driver: Driver, channel: int, first: date) -> frozenset[int]:
    assert driver.recordings is not None
    found = await driver.recordings.day_map(channel, first.year, first.month)
    assert (found.channel, found.year, found.month) == (channel, first.year, first.month)
    return found.days


def lose_days(rig: Rig[Any], *ago: int) -> None:
    """Lose the footage of some days of the recorder's calendar, and of the day that is being overwritten now."""
    today, oldest = rig.clock.date_of(rig.clock.now()), rig.footage.retention.days
    for back in (*ago, oldest, oldest + 1):
        day = today - timedelta(days=back)
        rig.footage.add_gap(1, rig.clock.day_start(day), rig.clock.day_start(day + timedelta(days=1)))


@every_recorder
async def test_days_are_those_that_hold_footage(case: Case) -> None:
    async with case.recorder(days=12 if case.is_first else 5) as rig:
        case.footage(rig).record(HOURLY)
        lose_days(rig, 2, 7, 8)
        async with rig.driving() as driver:
            for first in months(rig):
                found = await days(driver, 1, first)
                assert found == truth(rig, 1, first)
                month = TimeSpan(rig.clock.day_start(first), rig.clock.day_start(_next(first)))
                segments = await search(driver, 1, month)
                assert driver.clock is not None
                by_search = timeline.day_map(segments, driver.clock.current.date_of, 1, first.year, first.month)
                assert found == by_search.days
            assert await days(driver, 1, _next(_next(months(rig)[0]))) == frozenset()
            assert await days(driver, 1, date(2019, 2, 1)) == frozenset()
            assert rig.open_things().searches == 0


def _next(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


@pytest.mark.parametrize("place", [SYDNEY, HONOLULU], ids=str)
@each_family
async def test_days_are_the_recorders_own(case: Case, place: Place) -> None:
    async with case.recorder(days=4) as rig:
        disk = case.footage(rig)
        disk.record(HOURLY)
        disk.stand(place)
        lose_days(rig, 1)
        async with rig.driving() as driver:
            for first in months(rig):
                assert await days(driver, 1, first) == truth(rig, 1, first)


@pytest.mark.parametrize("how", ["missing", "failing", "lying"])
@each_family
async def test_a_calendar_that_fails_or_lies_costs_nobody_his_days(case: Case, how: Any) -> None:
    async with case.recorder(days=4) as rig:
        disk = case.footage(rig)
        disk.record(HOURLY)
        lose_days(rig, 2)
        disk.calendar(how)
        async with rig.driving() as driver:
            for first in (*months(rig), months(rig)[0]):
                assert await days(driver, 1, first) == truth(rig, 1, first)


@each_family
async def test_a_recorder_that_answers_nothing_has_no_empty_month(case: Case) -> None:
    async with case.connected() as (rig, driver):
        now = datetime.now(UTC)
        assert driver.recordings is not None
        await rig.simulator.power_off()
        with pytest.raises(errors.NvrUnreachableError):
            await driver.recordings.day_map(1, now.year, now.month)
        await rig.simulator.power_on()
        assert (await driver.recordings.day_map(1, now.year, now.month)).days


@each_family
async def test_a_month_costs_one_request_once_the_calendar_is_known(case: Case) -> None:
    async with case.stocked(HOURLY, days=4) as (rig, _, driver):
        first, *_ = months(rig)
        await days(driver, 1, first)
        today = rig.clock.device_now().date()
        # On a month's last day there is no day to come that could prove a calendar wrong: it may not be believed.
        known = rig.traits.calendar and (today + timedelta(days=1)).month == today.month
        for _ in range(2):
            asked = rig.counts().requests
            await days(driver, 1, first)
            assert rig.counts().requests == asked + 1 or not known
