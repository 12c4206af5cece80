"""The hour that occurs twice when clocks go back: its digits are one hour's, its footage that of two.

Judged by the time painted into the pictures. Files last eight minutes; one begins in the first pass and
ends in the second.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.nvr.core.drivers.dahua import DahuaDriver
from custom_components.nvr.core.errors import NvrUnsupportedError
from custom_components.nvr.core.models import Detection, EventKind, RecordingSegment, TimeSpan
from tests.simulators.dahua.simulator import DahuaSimulator
from tests.simulators.footage import Incident, Kind

from ..bench import BERLIN, STEADY
from ..helpers import search
from ..judges import fetch, is_true, played
from ..rigs.dahua import driving
from ..rigs.dahua_bench import DahuaFootage

pytestmark = pytest.mark.usefixtures("socket_enabled")

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
FILES = replace(STEADY, file_seconds=(480, 480), bytes_per_second=8000)
# Two moments of each pass, in minutes from the change; those next to it are in one file.
MOMENTS = (-30, -2, 2, 30)


def change() -> datetime:
    """Return when clocks went back in Berlin last."""
    now = datetime.now(UTC)
    ends = [datetime(year, 10, 31, 1, tzinfo=UTC) for year in (now.year, now.year - 1)]
    sundays = (end - timedelta(days=(end.weekday() + 1) % 7) for end in ends)
    return next(each for each in sundays if each < now - timedelta(days=1))


@asynccontextmanager
async def berlin(**faults: object) -> AsyncIterator[tuple[DahuaSimulator, DahuaDriver]]:
    small: Any = {"main_size": (320, 180), "fps": 2, "h264_only": True, "days": 390, "incidents": 0.0}
    async with DahuaSimulator(profile="nvr5232", **small) as simulator:
        disk = DahuaFootage(simulator)
        disk.stand(BERLIN)
        disk.record(FILES)
        simulator.set_faults(**faults)
        async with driving(simulator) as driver:
            yield simulator, driver


async def test_a_part_of_a_file_is_of_the_hour_it_is_said_to_be() -> None:
    async with berlin() as (_, driver):
        for minutes in MOMENTS[1:]:
            part = TimeSpan(change() + minutes * MINUTE, change() + minutes * MINUTE + 20 * SECOND)
            segment, *others = await search(driver, 1, part)
            assert not others
            codes = (await fetch(driver, replace(segment, span=part))).pictures()
            assert -7 * SECOND <= codes[0].time - part.start <= SECOND, minutes
            assert -5 * SECOND <= codes[-1].time - part.end <= SECOND, minutes
        # Outside that hour a cut saves the recorder most of the file.
        counters = driver.statistics["counters"]
        assert "downloads_by_clip" not in counters  # type: ignore[operator]
        part = TimeSpan(part.start - timedelta(hours=4), part.end - timedelta(hours=4))
        assert (await fetch(driver, replace((await search(driver, 1, part))[0], span=part))).pictures()
        assert driver.statistics["counters"]["downloads_by_clip"] == 1  # type: ignore[index]


@pytest.mark.parametrize("form", ["playback", "none"])
async def test_files_play_from_the_moment_asked_for(form: str) -> None:
    async with berlin(playback__by_time=form) as (_, driver):
        for minutes in MOMENTS:
            moment = change() + minutes * MINUTE
            assert is_true(await played(driver, 1, TimeSpan(moment, moment + MINUTE)), moment, 1, slack=SECOND), minutes


async def test_where_no_file_is_to_be_had_nothing_of_the_other_hour_is_given_instead() -> None:
    async with berlin(playback__by_file=False, file__status=400) as (_, driver):
        moment = change() + 10 * MINUTE
        part = TimeSpan(moment, moment + 20 * SECOND)
        assert driver.playback is not None
        with pytest.raises(NvrUnsupportedError, match="twice"):
            await driver.playback.request(1, part)
        segment: RecordingSegment = (await search(driver, 1, part))[0]
        with pytest.raises(NvrUnsupportedError, match="twice"):
            await fetch(driver, replace(segment, span=part))
        earlier = moment - timedelta(hours=3)
        assert is_true(await played(driver, 1, TimeSpan(earlier, earlier + MINUTE)), earlier, 1, slack=SECOND)


async def found(driver: DahuaDriver, channel: int, kind: EventKind) -> list[Detection]:
    assert driver.detections is not None
    span = TimeSpan(change() - timedelta(hours=6), change() + timedelta(hours=6))
    return [each async for each in driver.detections.find(channel, span, frozenset({kind}))]


@pytest.mark.parametrize(
    ("kind", "happens"),
    [(EventKind.PERSON, Kind.MOTION), (EventKind.MOTION, Kind.MOTION), (EventKind.INTRUSION, Kind.SMART)],
)
async def test_what_happened_in_either_pass_is_told_of_that_pass(kind: EventKind, happens: Kind) -> None:
    # The first and the third have the same digits.
    starts = [change() + minutes * MINUTE for minutes in (-50, -20, 10, 40, 70)]
    async with berlin() as (simulator, driver):
        for start in starts:
            simulator.footage.add_incident(Incident(1, happens, start, start + 20 * SECOND, "person"))
        told = await found(driver, 1, kind)
    before = 15 * SECOND if kind is EventKind.MOTION else timedelta(0)
    assert [each.span.start + before for each in told] == starts
    assert all(each.span.duration < 2 * MINUTE for each in told)


async def test_the_log_tells_the_pass_of_something_that_stands_alone() -> None:
    start = change() + 10 * MINUTE
    async with berlin() as (simulator, driver):
        simulator.footage.add_incident(Incident(1, Kind.MOTION, start, start + 20 * SECOND, "person"))
        (told,) = await found(driver, 1, EventKind.MOTION)
    assert told.span.start == start - 15 * SECOND
