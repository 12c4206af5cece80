"""Searches and calendars in the dialects of this family's firmware."""

import asyncio
from datetime import UTC, date, datetime, timedelta
import itertools
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.models import (
    RecordingSegment,
    TimeSpan,
)
from tests.simulators.dahua.simulator import DahuaSimulator

from ..helpers import last, search
from ..rigs.dahua import driving, recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


SETTLED = 1.5


def spans(segments: list[RecordingSegment]) -> list[tuple[datetime, datetime]]:
    """Return the borders of closed segments."""
    return [(segment.span.start, segment.span.end) for segment in segments if not segment.open]


def cover(segments: list[RecordingSegment], span: TimeSpan) -> timedelta:
    """Return how much of a span segments cover."""
    parts = [part for segment in segments if (part := segment.span.clip(span)) is not None]
    return sum((part.duration for part in parts), timedelta())


def truth(simulator: DahuaSimulator, channel: int, span: TimeSpan) -> timedelta:
    """Return how much of a span is listed as recorded."""
    footage = simulator.footage.recorded(channel, span.start, span.end, holes=False)
    return sum((end - start for start, end in footage), timedelta())


def nothing_is_left(simulator: DahuaSimulator) -> None:
    assert simulator.counters.finders_open == 0
    assert simulator.counters.max_finders_open <= 1
    assert simulator.counters.transfers_active == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"find__rpc_page_cap": 7},
        {"find__reverse": True},
        {"find__short_pages": True},
        {"rpc__null_handle": True},
        {"rpc__gone": True},
        {"rpc__gone": True, "find__end": "error"},
        {"rpc__gone": True, "find__end": "error", "find__short_pages": True, "find__page_cap": 9},
        {"rpc__gone": True, "find__reverse": True},
        {"auth__rotate": True, "rpc__gone": True},
        {"find__limit": 1},
    ],
    ids=lambda changes: ",".join(f"{name}={value}" for name, value in changes.items()),
)
async def test_every_dialect_finds_the_same(changes: dict[str, Any]) -> None:
    span = last(30, until=SETTLED)
    async with DahuaSimulator(profile="nvr5232") as simulator:
        async with driving(simulator) as driver:
            plain = await search(driver, 1, span)
        simulator.set_faults(**changes)
        async with driving(simulator) as driver:
            found = await search(driver, 1, span)
        nothing_is_left(simulator)
    assert len(plain) > 50
    assert spans(found) == spans(plain)


async def test_a_bound_that_cannot_be_passed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    span = last(72, until=SETTLED)
    async with recorder("nvr5232") as (simulator, driver):
        monkeypatch.setattr("custom_components.nvr.core.drivers.dahua.finder.BOUND", 1)
        with pytest.raises(errors.NvrResponseError):
            await search(driver, 1, span)
        assert driver.statistics["counters"]["searches_bounded"]  # type: ignore[index]
        nothing_is_left(simulator)


def night_of(change: str) -> date:
    """Return the newest night of the zone in which clocks changed so: the last Sunday of March or October."""
    today, month = datetime.now(UTC).date(), {"spring": 3, "autumn": 10}[change]
    sundays = [date(year, month, 31) for year in (today.year, today.year - 1)]
    sundays = [day - timedelta(days=day.isoweekday() % 7) for day in sundays]
    return next(day for day in sundays if day < today - timedelta(days=1))


@pytest.mark.parametrize("night", ["spring", "autumn"])
async def test_a_night_when_clocks_change_by_cgi(night: str) -> None:
    async with DahuaSimulator(profile="nvr5232", days=400.0) as simulator:
        simulator.set_faults(rpc__gone=True)
        async with driving(simulator) as driver:
            assert driver.clock is not None
            day = driver.clock.current.day(night_of(night))
            assert day.duration == timedelta(hours=23 if night == "spring" else 25)
            found = await search(driver, 1, day)
            assert len(found) > 20
            real = [
                (start.replace(microsecond=0), end.replace(microsecond=0))
                for start, end in simulator.footage.recorded(1, day.start, day.end, holes=False)
            ]
            assert abs(cover(found, day) - truth(simulator, 1, day)) <= timedelta(seconds=2 * len(found) + len(real))
            ordered = [segment.span for segment in found]
            assert ordered == sorted(ordered)
            assert all(later.start >= earlier.end for earlier, later in itertools.pairwise(ordered))
            hour = TimeSpan(day.start + timedelta(hours=1, minutes=30), day.start + timedelta(hours=2, minutes=30))
            part = await search(driver, 1, hour)
            assert abs(cover(part, hour) - truth(simulator, 1, hour)) <= timedelta(seconds=2 * len(part) + 2)
            nothing_is_left(simulator)


async def test_a_search_by_cgi_that_is_cancelled_anywhere_leaves_no_finder() -> None:
    span = last(72, until=SETTLED)
    async with DahuaSimulator(profile="nvr5232", latency_ms=15.0) as simulator:
        simulator.set_faults(rpc__gone=True, find__page_cap=20)
        async with driving(simulator) as driver:
            await search(driver, 1, last(3))
            made = simulator.counters.finders_made
            for step in range(14):
                task = asyncio.ensure_future(search(driver, 1, span))
                await asyncio.sleep(0.012 * step)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                nothing_is_left(simulator)
            assert simulator.counters.finders_made > made + 5
            assert len(await search(driver, 1, span)) > 50


async def test_a_session_that_dies_in_the_middle_is_made_anew() -> None:
    span = last(72, until=SETTLED)
    async with recorder("nvr5232", latency_ms=10.0) as (simulator, driver):
        plain = await search(driver, 1, span)
        simulator.set_faults(find__rpc_page_cap=10)
        task = asyncio.ensure_future(search(driver, 1, span))
        pages = simulator.counters.search_pages
        async with asyncio.timeout(5):
            while simulator.counters.search_pages < pages + 3:
                await asyncio.sleep(0.002)
        simulator.end_sessions()
        assert spans(await task) == spans(plain)


@pytest.mark.parametrize(
    ("profile", "changes", "learned"),
    [
        ("nvr5232", {}, "0"),
        ("nvr5232", {"find__calendar_base": 1}, "1"),
        ("nvr5232", {"find__calendar_wrong": True}, "none"),
        ("nvr5232", {"rpc__gone": True}, None),
        ("old400", {}, "none"),
        ("ipc_sd", {}, "0"),
    ],
)
async def test_days_with_footage(profile: str, changes: dict[str, Any], learned: str | None) -> None:
    async with DahuaSimulator(profile=profile, days=40.0) as simulator:
        now = datetime.now(UTC)
        simulator.footage.add_gap(1, now - timedelta(days=9), now - timedelta(days=6))
        simulator.set_faults(**changes)
        async with driving(simulator) as driver:
            assert driver.recordings is not None
            local = simulator.clock.device_now()
            for back in (0, 1, 5):
                first = (local.replace(day=1) - timedelta(days=30 * back)).date().replace(day=1)
                found = await driver.recordings.day_map(1, first.year, first.month)
                assert found.days == _days(simulator, 1, first), back
            # On a month's last day nothing can be proved, and so nothing is learned.
            provable = (local + timedelta(days=1)).month == local.month
            assert driver.memory["quirks"].get("bitmap") == (learned if provable else None)  # type: ignore[attr-defined]
        nothing_is_left(simulator)


@pytest.mark.parametrize(
    "last_day", [date(2026, 2, 28), date(2028, 2, 29), date(2026, 4, 30), date(2026, 3, 31)], ids=str
)
async def test_a_months_last_day_is_found_and_proves_no_calendar(last_day: date) -> None:
    async with DahuaSimulator(profile="nvr5232", days=3.0) as simulator:
        noon = simulator.clock.day_start(last_day) + timedelta(hours=12)
        simulator.clock.shift += noon - simulator.now()
        async with driving(simulator, utcnow=simulator.now) as driver:
            assert driver.recordings is not None
            found = await driver.recordings.day_map(1, last_day.year, last_day.month)
            assert found.dates() == tuple(last_day - timedelta(days=back) for back in (3, 2, 1, 0))
            assert "bitmap" not in driver.memory["quirks"]  # type: ignore[operator]
            simulator.clock.shift += timedelta(days=1)
            first = last_day + timedelta(days=1)
            assert (await driver.recordings.day_map(1, first.year, first.month)).dates() == (first,)
            assert driver.memory["quirks"]["bitmap"] == "0"  # type: ignore[index]
            searches = simulator.counters.finders_made
            found = await driver.recordings.day_map(1, last_day.year, last_day.month)
            assert found.dates() == tuple(last_day - timedelta(days=back) for back in (2, 1, 0))
            assert simulator.counters.finders_made == searches
        nothing_is_left(simulator)


def _days(simulator: DahuaSimulator, channel: int, first: date) -> set[int]:
    found, day = set(), first
    while day.month == first.month:
        start, end = simulator.clock.day_start(day), simulator.clock.day_start(day + timedelta(days=1))
        if simulator.footage.recorded(channel, start, min(end, simulator.now()), holes=False) if start < end else False:
            found.add(day.day)
        day += timedelta(days=1)
    return found
