"""Time is true from one end to the other: segments, days, playback and downloads of recorders with odd clocks.

Judged by the simulated disk, which keeps true UTC, and by the time painted into every picture.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
import itertools
from typing import Any

import pytest

from custom_components.nvr.core.errors import NvrUnsupportedError
from custom_components.nvr.core.models import TimeSpan
from tests.simulators.footage import ChannelPlan

from .bench import BERLIN, KOLKATA, LORD_HOWE, NEW_YORK, SHORT, STEADY, SYDNEY, FootageBench, Place
from .helpers import last, search
from .judges import fetch, is_true, played, recorded
from .rig import Rig
from .rows import CASES, Case, each_family, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")

SETTLED = 1.5
# Files of a few minutes with few pictures: quick to find, to download and to decode.
MINUTES = replace(SHORT, file_seconds=(120, 120), bytes_per_second=16_000)
# Files that begin with the hour: in one that occurs twice two begin with the same digits.
HOURS = replace(STEADY, file_seconds=(3600, 3600))
SMALL: Any = {"main_size": (320, 180), "sub_size": (160, 90), "fps": 2, "h264_only": True}


def nights(rig: Rig[Any]) -> dict[int, date]:
    """Return by their minutes the newest days that are not 24 hours long, as the simulated clock counts."""
    found: dict[int, date] = {}
    day = rig.clock.date_of(rig.clock.now()) - timedelta(days=2)
    starts = {back: rig.clock.day_start(day - timedelta(days=back)) for back in range(-1, 372)}
    for back in range(371):
        minutes = int((starts[back - 1] - starts[back]) / timedelta(minutes=1))
        if minutes != 24 * 60:
            found.setdefault(minutes, day - timedelta(days=back))
    return found


def whole_day(rig: Rig[Any], day: date) -> TimeSpan:
    return TimeSpan(rig.clock.day_start(day), rig.clock.day_start(day + timedelta(days=1)))


def change(rig: Rig[Any], day: TimeSpan) -> datetime:
    """Return the true moment in a day at which the recorder's clock is put forward or back."""
    quarter, offset = timedelta(minutes=15), rig.clock.to_device(day.start).utcoffset()
    moment = day.start
    while rig.clock.to_device(moment).utcoffset() == offset:
        moment += quarter
    return moment


async def days_of(driver: Any, day: date) -> frozenset[int]:
    found = await driver.recordings.day_map(1, day.year, day.month)
    assert isinstance(found.days, frozenset)
    return found.days


async def shows_the_truth(driver: Any, moments: list[datetime], length: timedelta = timedelta(minutes=5)) -> None:
    """Play from each moment: the first picture must be of that moment."""
    for moment in moments:
        shown = await played(driver, 1, TimeSpan(moment, moment + length))
        assert is_true(shown, moment, 1, slack=timedelta(seconds=1.5)), f"{moment} asked, {shown}"


async def _change_of_clocks(
    rig: Rig[Any], disk: FootageBench[Any], lengths: set[int], plans: Iterable[ChannelPlan] = (STEADY, HOURS)
) -> None:
    disk.record(STEADY)
    found = nights(rig)
    assert set(found) == lengths
    async with rig.driving() as driver:
        assert driver.clock is not None
        for date_, plan in itertools.product(found.values(), plans):
            disk.record(plan)
            day = whole_day(rig, date_)
            assert driver.clock.current.day(date_) == day
            truth = recorded(rig.footage, 1, day)
            segments = await search(driver, 1, day)
            assert [segment.span for segment in segments] == truth
            assert all(a.end == b.start for a, b in itertools.pairwise(truth))
            at = change(rig, day)
            # Windows that begin, end and lie in what the clock shows twice or never, and just behind it.
            for begin, end in ((-50, 5), (-10, 10), (5, 55), (40, 80), (65, 100)):
                part = TimeSpan(at + timedelta(minutes=begin), at + timedelta(minutes=end))
                assert [one.span for one in await search(driver, 1, part)] == recorded(rig.footage, 1, part)
            assert date_.day in await days_of(driver, date_)


@pytest.mark.parametrize("place", [BERLIN, SYDNEY], ids=str)
@each_family
async def test_nights_of_23_and_25_hours_are_whole(case: Case, place: Place) -> None:
    async with case.recorder(days=390) as rig:
        disk = case.footage(rig)
        disk.stand(place)
        await _change_of_clocks(rig, disk, {23 * 60, 25 * 60})


@pytest.mark.slow
@every_recorder
async def test_nights_are_whole_on_every_recorder(case: Case) -> None:
    async with case.recorder(days=390) as rig:
        disk = case.footage(rig)
        disk.stand(NEW_YORK)
        await _change_of_clocks(rig, disk, {23 * 60, 25 * 60})


# Firmware that names its zone by a place in a list, and summer time by its days, has no words for half an hour.
@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case.is_first], ids=str)
async def test_half_an_hour_of_summer_time(case: Case) -> None:
    async with case.recorder(days=390) as rig:
        disk = case.footage(rig)
        disk.stand(LORD_HOWE)
        await _change_of_clocks(rig, disk, {24 * 60 - 30, 24 * 60 + 30}, [STEADY])


@pytest.mark.parametrize("place", [BERLIN, SYDNEY], ids=str)
@each_family
async def test_the_night_of_a_change_plays_and_downloads_as_it_was(case: Case, place: Place) -> None:
    async with case.recorder(days=390, **SMALL) as rig:
        disk = case.footage(rig)
        disk.stand(place)
        disk.record(MINUTES)
        async with rig.driving() as driver:
            for minutes, date_ in nights(rig).items():
                at = change(rig, whole_day(rig, date_))
                twice = minutes > 24 * 60
                around = [-200, -70, 70, 200] if twice else [-200, -2, 2, 200]
                once = twice and not case.traits.plays_twice
                if twice and not once:
                    around += [-40, -2, 2, 40]
                for each in (-40, 40) if once else ():
                    # Rather no picture than that of the other hour; what the files are called tells them apart.
                    moment = at + timedelta(minutes=each)
                    assert driver.playback is not None
                    with pytest.raises(NvrUnsupportedError, match="twice"):
                        await driver.playback.request(1, TimeSpan(moment, moment + timedelta(minutes=1)))
                moments = [at + timedelta(minutes=each, seconds=13) for each in around]
                await shows_the_truth(driver, moments)
                # Half an hour after the clock was put back its digits are those of half an hour before.
                moment = at + timedelta(minutes=30)
                segment, *_ = await search(driver, 1, TimeSpan(moment, moment + timedelta(seconds=40)))
                assert moment in segment.span
                if twice and not case.traits.loads_twice:
                    with pytest.raises(NvrUnsupportedError, match="twice"):
                        await fetch(driver, segment)
                    continue
                codes = (await fetch(driver, segment)).pictures()
                assert abs(codes[0].time - segment.span.start) <= timedelta(seconds=3)
                assert abs(codes[-1].time - segment.span.end) <= timedelta(seconds=3)


def _between_files(rig: Rig[Any], span: TimeSpan) -> TimeSpan:
    """Move both ends into the middle of a file: a clock read a second wrong must not add or lose one."""
    files = recorded(rig.footage, 1, span)
    first, last_one = files[1], files[-2]
    return TimeSpan(first.start + first.duration / 2, last_one.start + last_one.duration / 2)


async def _one_clock(rig: Rig[Any], disk: FootageBench[Any], plan: ChannelPlan = MINUTES) -> None:
    """Put one recorder to the whole test: segments, days, playback, download."""
    disk.record(plan)
    async with rig.driving() as driver:
        span = _between_files(rig, last(2, until=SETTLED))
        segments = await search(driver, 1, span)
        truth = recorded(rig.footage, 1, span)
        assert len(segments) == len(truth) > 8
        for segment, real in zip(segments, truth, strict=True):
            assert abs(segment.span.start - real.start) <= timedelta(seconds=2)
            assert abs(segment.span.end - real.end) <= timedelta(seconds=2)
        now = datetime.now(UTC)
        running = (await search(driver, 1, TimeSpan(now - timedelta(minutes=10), now + timedelta(minutes=10))))[-1]
        assert now - timedelta(seconds=70) <= running.span.end <= datetime.now(UTC)
        today = rig.clock.date_of(rig.clock.now())
        assert today.day in await days_of(driver, today)
        assert driver.clock is not None
        assert abs(driver.clock.current.day(today).start - rig.clock.day_start(today)) <= timedelta(seconds=2)
        await shows_the_truth(driver, [span.start + timedelta(minutes=7, seconds=23)])
        found = await fetch(driver, segments[3])
        codes = found.pictures()
        assert abs(codes[0].time - truth[3].start) <= timedelta(seconds=3)
        assert abs(codes[-1].time - truth[3].end) <= timedelta(seconds=3)


@each_family
async def test_a_clock_seven_minutes_off_shifts_nothing(case: Case) -> None:
    async with case.recorder(days=2, skew=420.0, **SMALL) as rig:
        await _one_clock(rig, case.footage(rig))


@pytest.mark.parametrize("place", [NEW_YORK, SYDNEY, KOLKATA], ids=str)
@each_family
async def test_a_recorder_in_another_zone_shifts_nothing(case: Case, place: Place) -> None:
    async with case.recorder(days=2, skew=-420.0, **SMALL) as rig:
        disk = case.footage(rig)
        disk.stand(place)
        await _one_clock(rig, disk)


@each_family
async def test_a_clock_set_under_way_is_read_again(case: Case) -> None:
    async with case.stocked(MINUTES, days=2, **SMALL) as (rig, _, driver):
        assert driver.clock is not None
        rig.drift(timedelta(minutes=7))
        clock = await driver.clock.read()
        assert abs(clock.skew - rig.clock.skew) <= timedelta(seconds=2)
        span = _between_files(rig, last(2, until=SETTLED))
        real = recorded(rig.footage, 1, span)
        found = await search(driver, 1, span)
        assert len(found) == len(real)
        assert all(
            abs(one.span.start - two.start) <= timedelta(seconds=2) for one, two in zip(found, real, strict=True)
        )
        await shows_the_truth(driver, [span.start + timedelta(minutes=3)])
