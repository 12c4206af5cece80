"""What happened when, asked by kind: oldest first, each once, and no list left open."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.models import Detection, EventKind, TimeSpan

from .bench import EVENTFUL, FootageBench
from .helpers import last
from .rows import Case, each_family_with, every_recorder_with

pytestmark = pytest.mark.usefixtures("socket_enabled")

LASTED = timedelta(seconds=30)
# Clocks are told in whole seconds, and so is what happened.
SLACK = timedelta(seconds=2)


async def found(driver: Driver, channel: int, span: TimeSpan, *kinds: EventKind) -> list[Detection]:
    assert driver.detections is not None
    return [each async for each in driver.detections.find(channel, span, frozenset(kinds) or None)]


def happened(bench: FootageBench[Any], channel: int, *hours: float) -> dict[EventKind, list[TimeSpan]]:
    """Let a channel have recorded something of each kind so many hours ago, and nothing else."""
    bench.record(EVENTFUL, channel)
    now = datetime.now(UTC).replace(microsecond=0)
    return {
        kind: [
            bench.happened(kind, channel, now - timedelta(hours=ago, minutes=5 * place), LASTED)
            for ago in sorted(hours, reverse=True)
        ]
        for place, kind in enumerate(bench.noted)
    }


@every_recorder_with("detections")
async def test_what_happened_is_found_oldest_first_each_once_by_kind(case: Case) -> None:
    async with case.connected(days=3.0, incidents=0.0, utc_offset=480, skew=420.0) as (rig, driver):
        assert driver.detections is not None
        assert driver.capabilities.event_history
        number = rig.pictured(rig.inputs())[0]
        truth = happened(case.footage(rig), number, 3, 9, 33)
        span = last(40)
        every = await found(driver, number, span)
        # What there is a list of is known now at the latest.
        listed = driver.detections.kinds & truth.keys()
        assert listed
        starts = [each.span.start for each in every]
        assert starts == sorted(starts)
        for kind in listed:
            mine = [each for each in every if each.kind is kind]
            for each, real in zip(mine, truth[kind], strict=True):
                assert each.channel == number
                assert each.raw_kind
                assert each.span.start <= real.start + SLACK
                assert each.span.end >= real.end - SLACK
                assert each.span.duration < timedelta(minutes=3)
            assert await found(driver, number, span, kind) == mine
            assert await found(driver, number, last(20), kind) == mine[1:]
            assert await found(driver, number, last(2), kind) == []


@every_recorder_with("detections")
async def test_what_is_not_listed_and_who_is_not_there_are_errors(case: Case) -> None:
    async with case.connected(incidents=0.0) as (rig, driver):
        assert driver.detections is not None
        with pytest.raises(errors.NvrNotFoundError):
            await found(driver, 999, last(8))
        number = rig.pictured(rig.inputs())[0]
        with pytest.raises(errors.NvrUnsupportedError):
            await found(driver, number, last(8), EventKind.DISK_FULL)


@each_family_with("detections")
async def test_a_list_that_is_refused_is_an_error_and_no_empty_one(case: Case) -> None:
    async with case.connected(incidents=0.0) as (rig, driver):
        number, bench = rig.pictured(rig.inputs())[0], case.footage(rig)
        happened(bench, number, 3)
        bench.refuse_detections()
        for kinds in ((), tuple(bench.noted)):
            with pytest.raises(errors.NvrError) as told:
                await found(driver, number, last(8), *kinds)
            assert not isinstance(told.value, errors.NvrAuthError | errors.NvrLockedError)
        await rig.simulator.power_off()
        with pytest.raises(errors.NvrError):
            await found(driver, number, last(8))


@each_family_with("detections")
async def test_who_leaves_a_list_at_any_moment_leaves_none_open(case: Case) -> None:
    async with case.connected(incidents=0.0) as (rig, driver):
        assert driver.detections is not None
        number = rig.pictured(rig.inputs())[0]
        happened(case.footage(rig), number, 1, 2, 3, 4)
        every = await found(driver, number, last(8))
        rest = rig.open_things()
        assert not rest.searches
        for delay in (0.0, 0.002, 0.004, 0.008, 0.015, 0.03):
            task = asyncio.ensure_future(found(driver, number, last(8)))
            await asyncio.sleep(delay)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await rig.settled(rest)
        reading = driver.detections.find(number, last(8))
        assert isinstance(reading, AsyncGenerator)
        assert await anext(reading) == every[0]
        await reading.aclose()
        await rig.settled(rest)
        assert await found(driver, number, last(8)) == every
    await rig.settled()
