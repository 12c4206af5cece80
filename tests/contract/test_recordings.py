"""Searches: all of it, once, in order, told what it is, whatever the firmware's pages and bounds."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
import itertools
from typing import Any

import pytest

from custom_components.nvr.core import errors, timeline
from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.models import RecordingKind, RecordingSegment, StreamRole, TimeSpan
from tests.simulators.footage import ChannelPlan, Kind

from .bench import SHORT, STEADY
from .helpers import last, search, until
from .judges import recorded
from .rig import Rig
from .rows import Case, each_family, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")

# Ends before any file that may still be running: what a search of it finds is the same at any time.
SETTLED = 1.5
BUSY = replace(STEADY, file_seconds=(170, 170))
KINDS = {
    Kind.CONTINUOUS: RecordingKind.CONTINUOUS,
    Kind.MOTION: RecordingKind.MOTION,
    Kind.SMART: RecordingKind.SMART,
    Kind.ALARM: RecordingKind.ALARM,
}
EVENTFUL = ChannelPlan("both", (600, 1800), 0.0, incidents_per_hour=2.0, kinds=(Kind.MOTION, Kind.SMART, Kind.ALARM))


def a_day_ago(rig: Rig[Any], days: int = 1) -> TimeSpan:
    """Return a whole day of the recorder's calendar, by its own clock and not by what the driver made of it."""
    day = rig.clock.date_of(rig.clock.now()) - timedelta(days=days)
    return TimeSpan(rig.clock.day_start(day), rig.clock.day_start(day + timedelta(days=1)))


def spans(segments: Iterable[RecordingSegment]) -> list[TimeSpan]:
    """Return the spans of closed segments."""
    return [segment.span for segment in segments if not segment.open]


@every_recorder
async def test_a_busy_day_is_found_whole_once_and_in_order(case: Case) -> None:
    async with case.stocked(BUSY) as (rig, _, driver):
        day = a_day_ago(rig)
        found = await search(driver, 1, day)
        assert len(found) > 500
        assert spans(found) == recorded(rig.footage, 1, day)
        assert all(segment.kind is RecordingKind.CONTINUOUS for segment in found)
        assert all((segment.channel, segment.role) == (1, StreamRole.MAIN) for segment in found)
        assert len({segment.locator for segment in found}) == len(found)
        assert rig.open_things().searches == 0


@pytest.mark.parametrize("most", [7, 100])
@every_recorder
async def test_pages_of_any_size_lead_to_the_same(case: Case, most: int) -> None:
    async with case.stocked(STEADY, page=most) as (rig, _, driver):
        span = last(30, until=SETTLED)
        assert spans(await search(driver, 1, span)) == recorded(rig.footage, 1, span)


@every_recorder
async def test_an_hour_of_many_short_files_is_read_right(case: Case) -> None:
    async with case.stocked(SHORT, days=1) as (rig, _, driver):
        span = last(1, until=0.1)
        found = await search(driver, 1, span)
        assert spans(found) == recorded(rig.footage, 1, span)
        assert len(found) > 150


@each_family
async def test_a_bound_is_passed_by_smaller_windows(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    async with case.recorder() as rig:
        disk = case.footage(rig)
        disk.record(STEADY)
        disk.bound(60, monkeypatch)
        async with rig.driving() as driver:
            span = last(72, until=SETTLED)
            truth = recorded(rig.footage, 1, span)
            assert len(truth) > 400
            assert spans(await search(driver, 1, span)) == truth
            assert rig.open_things().searches == 0


@every_recorder
async def test_what_only_touches_a_window_is_not_in_it(case: Case) -> None:
    async with case.stocked(STEADY) as (rig, _, driver):
        files = recorded(rig.footage, 1, last(6, until=SETTLED))
        window = TimeSpan(files[3].start, files[6].end)
        assert spans(await search(driver, 1, window)) == files[3:7]
        inside = TimeSpan(files[3].start + timedelta(minutes=1), files[6].start + timedelta(minutes=1))
        assert spans(await search(driver, 1, inside)) == files[3:7]
        within = TimeSpan(files[4].start + timedelta(minutes=2), files[4].start + timedelta(minutes=3))
        assert spans(await search(driver, 1, within)) == files[4:5]


@every_recorder
async def test_kinds_are_told_and_may_be_asked_for(case: Case) -> None:
    async with case.stocked(EVENTFUL) as (rig, _, driver):
        span = last(24, until=SETTLED)
        every = await search(driver, 1, span)
        happened = {
            TimeSpan(file.start, file.end): KINDS[file.kind]
            for file in rig.footage.files(1, span.start, span.end)
            if file.kind is not Kind.CONTINUOUS
        }
        assert {segment.span: segment.kind for segment in every if segment.kind is not KINDS[Kind.CONTINUOUS]} == {
            TimeSpan(*(moment.replace(microsecond=0) for moment in (one.start, one.end))): kind
            for one, kind in happened.items()
        }
        for kind in KINDS.values():
            asked = await search(driver, 1, span, kinds=frozenset({kind}))
            assert asked == [segment for segment in every if segment.kind is kind]
            assert asked
        two = frozenset({RecordingKind.MOTION, RecordingKind.SMART})
        assert await search(driver, 1, span, kinds=two) == [one for one in every if one.kind in two]
        assert await search(driver, 1, span, kinds=frozenset({RecordingKind.MANUAL})) == []


@every_recorder
async def test_main_and_sub_are_told_apart(case: Case) -> None:
    span = last(8, until=SETTLED)
    async with case.recorder() as rig:
        disk = case.footage(rig)
        disk.record(STEADY)
        async with rig.driving() as driver:
            main = await search(driver, 1, span)
            if not driver.capabilities.sub_track:
                with pytest.raises(errors.NvrUnsupportedError):
                    await search(driver, 1, span, role=StreamRole.SUB)
        disk.search_sub()
        async with rig.driving() as driver:
            assert driver.capabilities.sub_track
            sub = await search(driver, 1, span, role=StreamRole.SUB)
            assert spans(sub) == spans(main) == recorded(rig.footage, 1, span)
            assert {segment.role for segment in sub} == {StreamRole.SUB}
            assert {segment.role for segment in main} == {StreamRole.MAIN}
            assert not {segment.locator for segment in sub} & {segment.locator for segment in main}


@every_recorder
async def test_the_file_that_grows_ends_now(case: Case) -> None:
    async with case.stocked(STEADY) as (rig, _, driver):
        before = datetime.now(UTC)
        found = await search(driver, 1, TimeSpan(before - timedelta(hours=3), before + timedelta(hours=3)))
        after = datetime.now(UTC)
        running = [segment for segment in found if segment.open]
        assert len(running) <= 1
        if rig.footage.files(1, after - timedelta(seconds=1), after)[-1].start < before - timedelta(seconds=2):
            assert running == found[-1:]
            assert before - timedelta(seconds=2) <= running[0].span.end <= after
        assert all(segment.span.end <= after for segment in found)
        assert recorded(rig.footage, 1, TimeSpan(before - timedelta(hours=3), before))[-3:] == spans(found)[-3:]
        rig.footage.add_gap(1, after - timedelta(minutes=5), after + timedelta(hours=1))
        stopped = await search(driver, 1, last(3))
        assert not any(segment.open for segment in stopped)
        assert stopped[-1].span.end <= after - timedelta(minutes=4, seconds=59)


@every_recorder
async def test_gaps_stay_gaps(case: Case) -> None:
    async with case.recorder() as rig:
        case.footage(rig).record(STEADY)
        span = last(8, until=SETTLED)
        hole = TimeSpan(
            *(
                moment.replace(microsecond=0)
                for moment in (span.start + timedelta(hours=2), span.start + timedelta(hours=4))
            )
        )
        rig.footage.add_gap(1, hole.start, hole.end)
        async with rig.driving() as driver:
            found = await search(driver, 1, span)
            assert [gap.span for gap in timeline.gaps(found, span)] == [hole]
            assert await search(driver, 1, hole) == []


@each_family
async def test_a_search_that_is_cancelled_anywhere_leaves_nothing(case: Case) -> None:
    async with case.stocked(STEADY, page=20) as (rig, disk, driver):
        span = last(72, until=SETTLED)
        plain = await search(driver, 1, span)
        disk.slow_down(15)
        begun = rig.counts().searches
        for step in range(14):
            task = asyncio.ensure_future(search(driver, 1, span))
            await asyncio.sleep(0.012 * step)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await _until_none(rig)
        assert rig.counts().searches > begun + 3
        disk.slow_down(0)
        assert await search(driver, 1, span) == plain
        assert rig.counts().refused == 0


@pytest.mark.parametrize("bare", [False, True], ids=["present", "bare"])
@each_family
async def test_a_close_while_a_search_runs_ends_it_and_leaves_nothing(case: Case, *, bare: bool) -> None:
    async with case.recorder() as rig:
        disk = case.footage(rig)
        disk.record(STEADY)
        disk.page(20)
        if bare:
            disk.bare_searches()
        for pages in (1, 3, 6):
            driver = rig.driver()
            await driver.connect()
            disk.slow_down(15)
            asked = rig.counts().requests + pages
            task = asyncio.ensure_future(search(driver, 1, last(72)))
            await until(partial(_has_asked, rig, asked))
            await driver.close()
            with pytest.raises(errors.NvrUnreachableError):
                await task
            disk.slow_down(0)
            await rig.settled()


def _has_asked(rig: Rig[Any], requests: int) -> bool:
    return rig.counts().requests > requests


async def _until_none(rig: Rig[Any]) -> None:
    """Wait until the recorder holds no search; the server hears of a hang-up a moment later."""
    async with asyncio.timeout(10):
        while rig.open_things().searches:
            await asyncio.sleep(0.005)


@every_recorder
async def test_a_reader_who_stops_keeps_nobody_waiting(case: Case) -> None:
    async with case.stocked(STEADY, page=20) as (rig, _, driver):
        assert driver.recordings is not None
        held = [driver.recordings.search(1, last(72)) for _ in range(3)]
        for one in held:
            assert isinstance(await anext(one), RecordingSegment)
        assert rig.open_things().searches == 0
        async with asyncio.timeout(20):
            assert await search(driver, 1, last(3))
        rest = [segment async for segment in held[0]]
        assert len(rest) > 300
        for one in held:
            await one.aclose()  # type: ignore[attr-defined]


@each_family
async def test_searches_at_once_take_turns(case: Case) -> None:
    async with case.recorder() as rig:
        disk = case.footage(rig)
        numbers = [each.number for each in rig.inputs().values()][:6]
        disk.record(STEADY, *numbers)
        async with rig.driving() as driver:
            span = last(12, until=SETTLED)
            found = await asyncio.gather(*(search(driver, number, span) for number in numbers))
            for number, segments in zip(numbers, found, strict=True):
                assert spans(segments) == recorded(rig.footage, number, span)
                assert {segment.channel for segment in segments} == {number}
            assert disk.most_searches <= driver.capabilities.gates.search
            await _until_none(rig)


@every_recorder
async def test_a_channel_that_is_not_there_is_an_error(case: Case) -> None:
    async with case.connected() as (_, driver):
        for number in (0, 77):
            with pytest.raises(errors.NvrNotFoundError):
                await search(driver, number, last(1))
            assert driver.recordings is not None
            with pytest.raises(errors.NvrNotFoundError):
                await driver.recordings.day_map(number, 2026, 5)


@every_recorder
async def test_a_search_that_is_refused_or_fails_is_no_empty_list(case: Case) -> None:
    async with case.stocked(STEADY) as (rig, disk, driver):
        assert await search(driver, 1, last(1))
        for trouble in ("garbage", "truncated", "html", "drop"):
            rig.disturb(trouble, "recordings")
            with pytest.raises(errors.NvrError):
                await search(driver, 1, last(1))
            rig.calm()
        assert await search(driver, 1, last(1))
        disk.refuse_searches()
        with pytest.raises(errors.NvrError) as told:
            await search(driver, 1, last(1))
        assert not isinstance(told.value, errors.NvrAuthError)
        assert rig.counts().refused == 0


@every_recorder
async def test_a_window_without_footage_is_an_empty_list(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert await search(driver, 1, TimeSpan(*_moments(rig, 400, 399))) == []
        assert await search(driver, 1, TimeSpan(*_moments(rig, -2, -3))) == []
        moment = rig.clock.now()
        assert await search(driver, 1, TimeSpan(moment, moment)) == []


def _moments(rig: Rig[Any], *days: float) -> list[datetime]:
    return [rig.clock.now() - timedelta(days=each) for each in days]


@every_recorder
async def test_a_login_that_dies_under_way_is_renewed(case: Case) -> None:
    async with case.stocked(STEADY, page=20) as (rig, _, driver):
        span = last(24, until=SETTLED)
        assert driver.recordings is not None
        found = []
        async for segment in driver.recordings.search(1, span):
            found.append(segment)
            if len(found) % 40 == 1:
                rig.end_logins()
        assert spans(found) == recorded(rig.footage, 1, span)
        assert rig.counts().refused == 0


@each_family
async def test_a_recorder_that_dies_in_the_middle_gives_all_or_an_error(case: Case) -> None:
    async with case.stocked(STEADY, page=20) as (rig, disk, driver):
        span = last(72, until=SETTLED)
        plain = await search(driver, 1, span)
        disk.slow_down(20)
        for step in range(4):
            task = asyncio.ensure_future(search(driver, 1, span))
            await asyncio.sleep(0.05 + 0.06 * step)
            await rig.simulator.power_off()
            await asyncio.sleep(0.02)
            await rig.simulator.power_on()
            (outcome,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(outcome, BaseException):
                assert isinstance(outcome, errors.NvrUnreachableError | errors.NvrBusyError | errors.NvrResponseError)
            else:
                assert outcome == plain
        disk.slow_down(0)
        assert await _again(driver, span) == plain
        assert rig.counts().refused == 0
        await _until_none(rig)


async def _again(driver: Driver, span: TimeSpan) -> list[RecordingSegment]:
    """Search once the recorder is back."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await search(driver, 1, span)
            except errors.NvrUnreachableError, errors.NvrBusyError:
                await asyncio.sleep(0.1)


@every_recorder
async def test_overlapping_searches_agree(case: Case) -> None:
    async with case.stocked(EVENTFUL) as (_, _, driver):
        whole = last(20, until=SETTLED)
        middle = whole.start + whole.duration / 2
        parts = [
            await search(driver, 1, TimeSpan(whole.start, middle)),
            await search(driver, 1, TimeSpan(middle, whole.end)),
        ]
        every = await search(driver, 1, whole)
        assert sorted({(one.span, one.kind) for part in parts for one in part}) == sorted(
            (one.span, one.kind) for one in every
        )
        assert all(a.span.start <= b.span.start for a, b in itertools.pairwise(every))
