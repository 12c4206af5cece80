"""What `Z` means, which no answer states, and clocks that make it hard to find out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.models import TimeSpan
from tests.simulators.footage import Incident, Kind
from tests.simulators.hikvision.simulator import HikvisionSimulator
from tests.simulators.switches import PathFault

from ..helpers import last, search
from ..rigs.hikvision import driving, recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


def running(simulator: HikvisionSimulator, span: TimeSpan) -> set[datetime]:
    """Return when the files began that are being written now: one, or two at a border and while something moves."""
    return {file.start.replace(microsecond=0) for file in simulator.footage.files(1, span.start, span.end) if file.open}


@pytest.mark.parametrize("mode", ["local", "utc"])
@pytest.mark.parametrize(
    ("suffix", "offset", "dst"),
    [
        ("right", -180, False),
        ("standard", 60, True),
        ("none", 120, True),
        ("right", 480, False),
        ("none", 0, True),
    ],
)
async def test_segments_are_true_in_every_zone(mode: str, suffix: str, offset: int, dst: bool) -> None:
    async with HikvisionSimulator(profile="nvr8", utc_offset=offset, dst=dst, channels=2) as simulator:
        simulator.set_faults(search__mode=mode, clock__suffix=suffix)
        now = datetime.now(UTC)
        moving = Incident(1, Kind.MOTION, now - timedelta(seconds=9), now + timedelta(minutes=2), "person")
        simulator.footage.add_incident(moving)
        async with driving(simulator) as driver:
            span = last(2)
            before = running(simulator, span)
            found = await search(driver, 1, span)
            ended = datetime.now(UTC)
            assert len(before) >= 2
            # A file may end while the search is under way: then either answer is right.
            growing = {segment.span.start for segment in found if segment.open}
            assert running(simulator, span) <= growing <= before
            assert all(span.end <= segment.span.end <= ended for segment in found if segment.open)
            truth = {item.start.replace(microsecond=0) for item in simulator.footage.files(1, span.start, span.end)}
            assert {segment.span.start for segment in found} == truth


@pytest.mark.parametrize("mode", ["local", "utc"])
@pytest.mark.parametrize("offset", [60, -300])
async def test_summer_time_behind_a_suffix_that_stays_in_winter(mode: str, offset: int) -> None:
    today = datetime.now(UTC)
    shift = datetime(today.year, 7, 15, 12, tzinfo=UTC) - today
    async with HikvisionSimulator(profile="nvr8", utc_offset=offset, dst=True, channels=1) as simulator:
        simulator.device.clock.shift = shift
        simulator.set_faults(search__mode=mode, clock__suffix="standard")
        async with driving(simulator, utcnow=lambda: datetime.now(UTC) + shift) as driver:
            assert driver.clock is not None
            now = datetime.now(UTC) + shift
            zone = driver.clock.current.zone
            assert now.astimezone(zone).utcoffset() == timedelta(minutes=offset, hours=1)
            assert driver.clock.current.skew == timedelta(0)
            span = TimeSpan(now - timedelta(hours=2), now)
            truth = {item.start.replace(microsecond=0) for item in simulator.footage.files(1, span.start, span.end)}
            assert {segment.span.start for segment in await search(driver, 1, span)} == truth


@pytest.mark.parametrize("mode", ["local", "utc"])
@pytest.mark.parametrize("offset", [480, 0])
async def test_a_clock_that_stands_in_2004(mode: str, offset: int) -> None:
    skew = datetime(2004, 5, 5, 14, tzinfo=UTC) - datetime.now(UTC)
    options: dict[str, Any] = {"utc_offset": offset, "skew": skew.total_seconds(), "channels": 1}
    async with recorder(**options) as (simulator, driver):
        simulator.set_faults(search__mode=mode)
        span = last(2)
        truth = {item.start for item in simulator.footage.files(1, span.start, span.end)}
        found = sorted(segment.span.start for segment in await search(driver, 1, span))
        assert len(found) == len(truth) > 1
        assert all(abs(one - other) <= timedelta(seconds=2) for one, other in zip(found, sorted(truth), strict=True))
        assert driver.playback is not None
        assert "starttime=2004050" in (await driver.playback.request(1, span)).address.url


def remembered(mode: str) -> dict[str, object]:
    return {"firmware": "V4.62.210 build 230619", "quirks": {"z_mode": mode, "z_proven": True}}


@pytest.mark.parametrize("offset", [480, -180])
@pytest.mark.parametrize("mode", ["local", "utc"])
@pytest.mark.parametrize("hours", [2, 30])
async def test_a_meaning_of_z_that_no_longer_holds_is_found_out(offset: int, mode: str, hours: float) -> None:
    span = last(hours)
    async with HikvisionSimulator(profile="nvr8", channels=1, utc_offset=offset) as simulator:
        simulator.set_faults(search__mode=mode)
        wrong = remembered("utc" if mode == "local" else "local")
        async with driving(simulator, memory=wrong) as driver:
            found = await search(driver, 1, span)
            truth = {item.start.replace(microsecond=0) for item in simulator.footage.files(1, span.start, span.end)}
            assert {segment.span.start for segment in found} == truth
            assert driver.memory["quirks"]["z_mode"] == mode  # type: ignore[index]


async def test_a_meaning_of_z_that_still_holds_costs_one_search() -> None:
    async with HikvisionSimulator(profile="nvr8", channels=1, utc_offset=480) as simulator:
        async with driving(simulator, memory=remembered("local")) as driver:
            await search(driver, 1, last(1))
            assert simulator.counters.searches == 2
            await search(driver, 1, last(1))
            assert simulator.counters.searches == 3
        simulator.footage.stop_recording(1)
        simulator.footage.add_gap(1, *(datetime.now(UTC) + timedelta(hours=h) for h in (-3, 1)))
        async with driving(simulator, memory=remembered("local")) as driver:
            await search(driver, 1, last(1))
            before = simulator.counters.searches
            await search(driver, 1, last(1))
            assert simulator.counters.searches == before + 1
            assert driver.memory["quirks"]["z_mode"] == "local"  # type: ignore[index]


async def test_a_meaning_that_changes_in_the_middle_is_no_answer() -> None:
    async with HikvisionSimulator(profile="nvr8", channels=1, utc_offset=480) as simulator:
        simulator.set_faults(search__mode="utc")
        async with driving(simulator) as driver:
            assert driver.recordings is not None
            found = driver.recordings.search(1, last(30))
            await anext(found)
            simulator.set_faults(search__mode="local")
            with pytest.raises(errors.NvrResponseError):
                async for _ in found:
                    pass


def step_clock(simulator: HikvisionSimulator, by: timedelta) -> datetime:
    """Set the recorder's clock 20 minutes ago, between two files; return when the first file after that begins."""
    at = datetime.now(UTC) - timedelta(minutes=20)
    simulator.footage.add_gap(1, at - timedelta(seconds=20), at + timedelta(seconds=20))
    simulator.device.clock.step(by, at)
    return at


def begun_since(simulator: HikvisionSimulator, at: datetime) -> set[datetime]:
    files = simulator.footage.files(1, at, datetime.now(UTC))
    return {file.start for file in files if file.start >= at}


def missing(expected: set[datetime], found: set[datetime]) -> set[datetime]:
    """Return what is not there: a clock whose offset is no full minute is measured to a second or two."""
    near = timedelta(seconds=3)
    return {moment for moment in expected if not any(abs(moment - other) <= near for other in found)}


STEPS = [
    *(("local", offset, minutes) for offset in (480, 60, -60, -180) for minutes in (60, 52.5)),
    *(("utc", offset, 52.5) for offset in (480, 60, 0, -60, -180)),
]


@pytest.mark.parametrize(("mode", "offset", "minutes"), STEPS)
async def test_footage_ahead_after_the_clock_was_put_back_hides_nothing_and_proves_nothing(
    mode: str, offset: int, minutes: float
) -> None:
    async with HikvisionSimulator(profile="nvr8", channels=1, utc_offset=offset) as simulator:
        simulator.set_faults(search__mode=mode)
        async with driving(simulator) as driver:
            assert driver.clock is not None
            await search(driver, 1, last(3))
            known = driver.memory["quirks"]
            assert not offset or known["z_mode"] == mode  # type: ignore[index]
            at = step_clock(simulator, timedelta(minutes=-minutes))
            # The rest of the day is asked for, too: that is where it shows.
            await driver.clock.read()
            for _ in range(2):
                found = {segment.span.start for segment in await search(driver, 1, last(3, until=-2))}
                assert not missing(begun_since(simulator, at), found)
                assert len(found) > len(begun_since(simulator, at))
            assert not offset or driver.memory["quirks"]["z_mode"] == mode  # type: ignore[index]
            before = simulator.counters.requests
            await search(driver, 1, last(3, until=-2))
            assert simulator.counters.requests == before + 1


@pytest.mark.parametrize(("mode", "offset", "minutes"), STEPS)
async def test_a_clock_put_forward_since_it_was_read_is_read_again(mode: str, offset: int, minutes: float) -> None:
    async with HikvisionSimulator(profile="nvr8", channels=1, utc_offset=offset) as simulator:
        simulator.set_faults(search__mode=mode)
        async with driving(simulator) as driver:
            assert driver.clock is not None
            assert driver.recordings is not None
            await search(driver, 1, last(3))
            reading = driver.recordings.reading
            before, at = driver.clock.current, step_clock(simulator, timedelta(minutes=minutes))
            found = {segment.span.start for segment in await search(driver, 1, last(3, until=-2))}
            now = datetime.now(UTC)
            moved = driver.clock.current.to_wall(now) - before.to_wall(now)
            assert abs(moved - timedelta(minutes=minutes)) <= timedelta(seconds=2)
            assert not missing(begun_since(simulator, at), found)
            assert driver.recordings.reading == reading


async def test_a_clock_that_cannot_be_read_again_leaves_the_search_its_answer() -> None:
    async with recorder(channels=1, utc_offset=-180) as (simulator, driver):
        assert driver.clock is not None
        await search(driver, 1, last(3))
        step_clock(simulator, timedelta(minutes=-52.5))
        known = await driver.clock.read()
        simulator.faults.paths["/ISAPI/System/time"] = PathFault(status=503, code=2, sub="deviceBusy")
        assert await search(driver, 1, last(3))
        assert driver.clock.current == known
